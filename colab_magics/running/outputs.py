"""Where does an output go, and what did the last run put out?

The kernel sends what a triggered run prints and displays to the registering cell by itself (see
`executor`). This module does the rest: it writes into that cell from a thread, keeps a record of
each run's outputs so that they can be shown again anywhere, and catches what a handler thread
prints. It hooks into ipykernel in-process; a subscription to the kernel's own iopub socket would
queue every output of the user's cells too.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Parent = Mapping[str, Any]
"""The message that ran a cell: at least `header` and `metadata`."""

_MOST_OUTPUTS = 1000
_MOST_BYTES = 16 * 1024 * 1024


def publish(shell: Any, parent: Parent, kind: str, content: Mapping[str, Any]) -> None:
    """Send one output to the cell that `parent` ran in, from any thread.

    ipykernel's iopub socket hands messages to its own thread, so this needs no lock.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return
    topic = f"kernel.{kernel.ident}.{kind}".encode()
    kernel.session.send(kernel.iopub_socket, kind, dict(content), parent=parent, ident=topic)


def bundle(thing: object) -> dict[str, str]:
    """The MIME bundle of one of our cards and tables."""
    data = {"text/plain": repr(thing)}
    if hasattr(thing, "_repr_html_"):
        data["text/html"] = thing._repr_html_()
    return data


class Handle:
    """One display that is updated in place, in the cell that showed it first."""

    def __init__(self, shell: Any, parent: Parent, display_id: str) -> None:
        self.shell, self.parent, self.display_id = shell, parent, display_id

    def show(self, thing: object) -> None:
        """Display it (again), below what the cell shows now."""
        self._send("display_data", thing)

    def update(self, thing: object) -> None:
        """Change it where it stands."""
        self._send("update_display_data", thing)

    def _send(self, kind: str, thing: object) -> None:
        content = {
            "data": bundle(thing),
            "metadata": {},
            "transient": {"display_id": self.display_id},
        }
        publish(self.shell, self.parent, kind, content)


@dataclass
class Record:
    """What one run put out, bounded in number and size."""

    outputs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cut: bool = False
    cleared: bool = False
    _bytes: int = 0

    def add(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take note of an output as the kernel's messages describe it."""
        if kind == "clear_output":
            self.outputs.clear()
            self._bytes, self.cleared = 0, True
            return
        if kind == "update_display_data" and self._updated(content):
            return
        self._bytes += _weight(content)
        if self._bytes > _MOST_BYTES or len(self.outputs) >= _MOST_OUTPUTS:
            self.cut = True
        elif kind == "stream" and self._joined(content):
            return
        else:
            self.outputs.append((kind, dict(content)))

    def _joined(self, content: Mapping[str, Any]) -> bool:
        if self.outputs and self.outputs[-1][0] == "stream":
            last = self.outputs[-1][1]
            if last["name"] == content["name"]:
                last["text"] += content["text"]
                return True
        return False

    def _updated(self, content: Mapping[str, Any]) -> bool:
        wanted = content.get("transient", {}).get("display_id")
        for _, old in self.outputs:
            if wanted and old.get("transient", {}).get("display_id") == wanted:
                old.update(content)
                return True
        return False

    def replay(self) -> None:
        """Put it all out again, in the cell that runs now."""
        from IPython.display import publish_display_data

        show: Any = publish_display_data
        for kind, content in list(self.outputs):
            if kind == "stream":
                stream = sys.stderr if content["name"] == "stderr" else sys.stdout
                stream.write(content["text"])
            elif kind == "error":
                sys.stderr.write("\n".join(content["traceback"]) + "\n")
            else:
                show(content["data"], content.get("metadata") or {})
        if self.cut:
            sys.stderr.write("(more was put out than is kept here)\n")


def _weight(content: Mapping[str, Any]) -> int:
    if "text" in content:
        return len(content["text"])
    return (
        sum(len(v) if isinstance(v, (str, bytes)) else 64 for v in content["data"].values())
        if "data" in content
        else 64
    )


class Streams:
    """Taps stdout and stderr while somebody listens, and only then.

    One patch for all listeners, since two that overlap could not be undone in order. The write
    method of the stream object itself is covered, so that a logging handler which holds the
    stream is heard too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tees: list[Callable[[str, str], None]] = []
        self._routes: dict[int, Callable[[str, str], None]] = {}
        self._taken: list[Any] = []

    @contextmanager
    def tee(self, listener: Callable[[str, str], None]) -> Iterator[None]:
        """Hand a copy of what is written (stream name, text) to `listener`."""
        with self._lock:
            self._tees.append(listener)
            self._install()
        try:
            yield
        finally:
            with self._lock:
                self._tees.remove(listener)
                self._restore()

    @contextmanager
    def route(self, listener: Callable[[str, str], None]) -> Iterator[None]:
        """Hand what this thread writes to `listener`, and to nobody else."""
        ident = threading.get_ident()
        with self._lock:
            self._routes[ident] = listener
            self._install()
        try:
            yield
        finally:
            with self._lock:
                del self._routes[ident]
                self._restore()

    def _install(self) -> None:
        if self._taken:
            return
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            try:
                stream.write = self._writer(name, stream.write)
            except (AttributeError, TypeError):
                continue  # a plain file of a terminal has no room for attributes: not recorded
            self._taken.append(stream)

    def _restore(self) -> None:
        if not self._tees and not self._routes:
            for stream in self._taken:
                stream.__dict__.pop("write", None)
            self._taken.clear()

    def _writer(self, name: str, original: Callable[[str], Any]) -> Callable[[str], Any]:
        def write(text: str) -> Any:
            listener = self._routes.get(threading.get_ident())
            if listener is not None:
                listener(name, text)
                return len(text)
            for tee in tuple(self._tees):
                tee(name, text)
            return original(text)

        return write


class Recorder:
    """Notes what the main thread puts out between `start` and `stop`."""

    def __init__(self, shell: Any, streams: Streams) -> None:
        self.shell, self.streams = shell, streams
        self.record = Record()
        self._undo: list[Callable[[], object]] = []

    def start(self) -> None:
        """Begin a new record."""
        self.stop()
        record = self.record = Record()

        def hook(message: dict[str, Any]) -> dict[str, Any]:
            record.add(message["header"]["msg_type"], message["content"])
            return message

        publisher = self.shell.display_pub
        if hasattr(publisher, "register_hook"):
            publisher.register_hook(hook)
            self._undo.append(lambda: publisher.unregister_hook(hook))
        self._wrap(self.shell.displayhook, "write_format_data", self._result)
        self._wrap(self.shell, "_showtraceback", self._error)
        tee = self.streams.tee(
            lambda name, text: record.add("stream", {"name": name, "text": text})
        )
        tee.__enter__()
        self._undo.append(lambda: tee.__exit__(None, None, None))

    def _wrap(self, owner: Any, name: str, note: Callable[..., None]) -> None:
        original = getattr(owner, name, None)
        if original is None:
            return

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            note(*args, **kwargs)
            return original(*args, **kwargs)

        object.__setattr__(owner, name, wrapped)
        self._undo.append(lambda: owner.__dict__.pop(name, None))

    def _result(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        self.record.add("display_data", {"data": format_dict, "metadata": md_dict or {}})

    def _error(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = stb if isinstance(stb, list) else [str(stb)]
        content = {"ename": str(getattr(etype, "__name__", etype)), "evalue": str(evalue)}
        self.record.add("error", {**content, "traceback": lines})

    def stop(self) -> Record:
        """End the record and give it back."""
        while self._undo:
            self._undo.pop()()
        return self.record


@contextmanager
def in_cell(shell: Any, parent: Parent, streams: Streams, record: Record) -> Iterator[None]:
    """Send what this thread prints and displays to the cell of `parent`, and note it."""

    def write(name: str, text: str) -> None:
        content = {"name": name, "text": text}
        record.add("stream", content)
        publish(shell, parent, "stream", content)

    def hook(message: dict[str, Any]) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        record.add(kind, content)
        publish(shell, parent, kind, content)

    publisher = shell.display_pub
    hooked = hasattr(publisher, "register_hook")
    with streams.route(write):
        if hooked:
            publisher.register_hook(hook)  # ipykernel keeps these per thread
        try:
            yield
        except BaseException as exc:
            error = describe(exc)
            record.add("error", error)
            publish(shell, parent, "error", error)
            raise
        finally:
            if hooked:
                publisher.unregister_hook(hook)


def describe(exc: BaseException) -> dict[str, Any]:
    """An exception as an `error` message's content, without the frames of this package."""
    if hasattr(exc, "_render_traceback_"):
        lines = list(exc._render_traceback_())
    else:
        frame = exc.__traceback__
        while frame is not None and frame.tb_frame.f_globals.get("__name__", "").startswith(
            "colab_magics."
        ):
            frame = frame.tb_next
        lines = "".join(traceback.format_exception(type(exc), exc, frame)).splitlines()
    return {"ename": type(exc).__name__, "evalue": str(exc), "traceback": lines}
