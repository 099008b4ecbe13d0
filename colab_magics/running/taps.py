"""How is heard what a body puts out, and how is a handler thread's output led to its own cell?

ipykernel and IPython are tapped in-process, while somebody listens and only then; a subscription
to the kernel's own iopub socket would queue every output of the user's cells, too. What stands
where a tap is put (rich's tracebacks, say) is called as before, and stands there again afterwards.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .outputs import Parent, Record, describe, publish, words

Listener = Callable[[str, dict[str, Any]], None]
"""Takes the kind and the content of an output, as the kernel's messages describe it."""

_FLUSH_SECONDS = 0.1  # as often as ipykernel sends what was printed


class Patch:
    """One attribute of one object, replaced; `undo` puts back what was there.

    Where somebody has put something else over ours meanwhile, that stays, and ours has to pass
    everything on.
    """

    def __init__(self, owner: Any, name: str, new: Any) -> None:
        self.owner, self.name, self.new = owner, name, new
        self.had = name in vars(owner)
        self.old = vars(owner).get(name)
        setattr(owner, name, new)

    def undo(self) -> None:
        """Put back what was there."""
        if vars(self.owner).get(self.name) is not self.new:
            return
        if self.had:
            setattr(self.owner, self.name, self.old)
        else:
            delattr(self.owner, self.name)


class Taps:
    """Where all outputs of one shell pass by.

    A thread that is led elsewhere has its outputs taken; all others' are copied to whoever
    listens, and go their way. Displays, results and tracebacks are tapped while somebody listens;
    the streams from `arm` on until `disarm`.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._led: dict[int, Listener] = {}
        self._users = 0
        self._patches: list[Patch] = []
        self._streams: list[Patch] = []
        self._tee: Patch | None = None
        self._teed = 0
        self._inside = threading.local()  # of ours: under foreign wrappers it may lie twice

    def arm(self) -> None:
        """Tap the streams; what is written goes its way unless somebody listens.

        IPython 9 replaces the streams' `write` around each cell and puts back what it found
        before, which would undo, or revive, a tap that is put there meanwhile. So ours is put
        there right before, and stays.
        """
        if self._tee is not None or self._streams:
            return
        original = getattr(self.shell, "_tee", None)
        if original is None:
            self._tap_streams()
            return

        @contextmanager
        def tee(*args: Any, **kwargs: Any) -> Iterator[None]:
            self._tap_streams()
            self._teed += 1
            try:
                with original(*args, **kwargs):
                    yield
            finally:
                self._teed -= 1

        self._tee = Patch(self.shell, "_tee", tee)

    def disarm(self) -> None:
        """Leave the streams alone; within a cell ours stay underneath and pass everything on."""
        if self._tee is not None:
            self._tee.undo()
            self._tee = None
        while self._streams:
            self._streams.pop().undo()

    def _tap_streams(self) -> None:
        if self._teed:
            return  # within a cell: ours are underneath
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if any(p.owner is stream and vars(stream).get("write") is p.new for p in self._streams):
                continue
            try:
                self._streams.append(Patch(stream, "write", self._write(name, stream.write)))
            except (AttributeError, TypeError):
                continue  # a terminal's file is of a built-in class: not heard

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Copy what is put out to `listener`."""
        with self._tapped():
            self._listeners.append(listener)
            hook = self._hook(listener, take=False)
            try:
                yield
            finally:
                hook()
                self._listeners.remove(listener)

    @contextmanager
    def led(self, listener: Listener) -> Iterator[None]:
        """Hand what this thread puts out to `listener`, and to nobody else."""
        ident = threading.get_ident()
        with self._tapped():
            self._led[ident] = listener
            hook = self._hook(listener, take=True)
            try:
                yield
            finally:
                hook()
                del self._led[ident]

    def _hook(self, listener: Listener, *, take: bool) -> Callable[[], None]:
        """Hear displays: ipykernel keeps hooks for them, per thread."""
        publisher = self.shell.display_pub
        if not hasattr(publisher, "register_hook"):
            return lambda: None

        def hook(message: dict[str, Any]) -> dict[str, Any] | None:
            kind = message["header"]["msg_type"]
            if kind != "clear_output":  # not all versions tell it here, so it has a tap of its own
                listener(kind, message["content"])
            return None if take else message

        publisher.register_hook(hook)

        def unhook() -> None:
            publisher.unregister_hook(hook)

        return unhook

    @contextmanager
    def _tapped(self) -> Iterator[None]:
        with self._lock:
            self._users += 1
            if self._users == 1:
                if self._tee is not None:
                    self._tap_streams()
                self._put()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                while not self._users and self._patches:
                    self._patches.pop().undo()

    def _put(self) -> None:
        publisher, hook = self.shell.display_pub, self.shell.displayhook
        self._wrap(publisher, "clear_output", lambda *a, **k: ("clear_output", {}))
        self._wrap(hook, "write_format_data", _result, led=False)
        self._wrap(self.shell, "_showtraceback", _error)

    def _write(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def write(text: str, *args: Any, **kwargs: Any) -> Any:
            if getattr(self._inside, "write", False):
                return original(text, *args, **kwargs)
            if self._passed("stream", {"name": name, "text": text}):
                return len(text)
            self._inside.write = True
            try:
                return original(text, *args, **kwargs)
            finally:
                self._inside.write = False

        return write

    def _wrap(
        self,
        owner: Any,
        name: str,
        content: Callable[..., tuple[str, dict[str, Any]]],
        *,
        led: bool = True,
    ) -> None:
        original = getattr(owner, name, None)
        if original is None:
            return

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if (led or threading.get_ident() not in self._led) and self._passed(
                *content(*args, **kwargs)
            ):
                return None
            return original(*args, **kwargs)

        self._patches.append(Patch(owner, name, wrapped))

    def _passed(self, kind: str, content: dict[str, Any]) -> bool:
        """Tell whoever is concerned; True when the output was taken."""
        listener = self._led.get(threading.get_ident())
        if listener is not None:
            listener(kind, content)
            return True
        for other in tuple(self._listeners):
            other(kind, content)
        return False


def _result(format_dict: dict[str, Any], md_dict: Any = None) -> tuple[str, dict[str, Any]]:
    return "display_data", {"data": format_dict, "metadata": md_dict or {}}


def _error(etype: Any, evalue: Any, stb: Any) -> tuple[str, dict[str, Any]]:
    lines = stb if isinstance(stb, list) else [str(stb)]
    content = {"ename": str(getattr(etype, "__name__", etype)), "evalue": words(evalue)}
    return "error", {**content, "traceback": lines}


class Recorder:
    """Notes what is put out between `start` and `stop`."""

    def __init__(self, taps: Taps) -> None:
        self._taps = taps
        self._record = Record()
        self._listening: Any = None

    def start(self) -> None:
        """Begin a new record."""
        self.stop()
        self._record = Record()
        self._listening = self._taps.listening(self._record.add)
        self._listening.__enter__()

    def stop(self) -> Record:
        """End the record and give it back."""
        if self._listening is not None:
            self._listening.__exit__(None, None, None)
            self._listening = None
        return self._record


class _Cell:
    """A cell that a thread puts out into; prints are gathered, as the kernel does it."""

    def __init__(self, shell: Any, parent: Parent, record: Record) -> None:
        self.shell, self.parent, self.record = shell, parent, record
        self._lock = threading.Lock()
        self._name, self._text = "stdout", ""
        self._timer: threading.Timer | None = None

    def put(self, kind: str, content: Mapping[str, Any]) -> None:
        """Put something out, after what was printed before."""
        self.record.add(kind, content)
        with self._lock:
            if kind != "stream":
                self._send_text()
                wait = {"wait": False} if kind == "clear_output" else {}
                publish(self.shell, self.parent, kind, {**content, **wait})
                return
            if content["name"] != self._name:
                self._send_text()
            self._name, self._text = content["name"], self._text + content["text"]
            if self._timer is None:
                self._timer = threading.Timer(_FLUSH_SECONDS, self.flush)
                self._timer.name, self._timer.daemon = "colab_magics-flush", True
                self._timer.start()

    def flush(self) -> None:
        """Send what was printed."""
        with self._lock:
            self._send_text()

    def _send_text(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._text:
            content = {"name": self._name, "text": self._text}
            self._text = ""
            publish(self.shell, self.parent, "stream", content)


@contextmanager
def in_cell(taps: Taps, parent: Parent, record: Record) -> Iterator[Listener]:
    """Send what this thread prints and displays to the cell of `parent`, and note it.

    Gives what puts something out there by hand.
    """
    cell = _Cell(taps.shell, parent, record)
    try:
        with taps.led(cell.put):
            try:
                yield cell.put
            except BaseException as exc:
                cell.put("error", describe(exc))
                raise
    finally:
        cell.flush()
