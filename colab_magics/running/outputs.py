"""How is something put out in a given cell, and what did the last run put out?

The kernel sends what a triggered run prints and displays to the registering cell by itself (see
`executor`). This module writes into that cell from a thread, and keeps a record of each run's
outputs so that they can be shown again anywhere; `taps` hears them.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
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
            self._bytes, self.cut, self.cleared = 0, False, True
            return
        weight = _weight(content)
        if self._bytes + weight > _MOST_BYTES:
            self.cut = True
        elif self._merged(kind, content):
            self._bytes += weight
        elif len(self.outputs) >= _MOST_OUTPUTS:
            self.cut = True
        else:
            self._bytes += weight
            self.outputs.append((kind, dict(content)))

    def _merged(self, kind: str, content: Mapping[str, Any]) -> bool:
        """Make it a part of what is there already, if it is one."""
        if kind == "stream":
            return self._joined(content)
        return kind == "update_display_data" and self._updated(content)

    def _joined(self, content: Mapping[str, Any]) -> bool:
        if self.outputs and self.outputs[-1][0] == "stream":
            last = self.outputs[-1][1]
            if last["name"] == content["name"]:
                last["text"] += content["text"]
                return True
        return False

    def _updated(self, content: Mapping[str, Any]) -> bool:
        wanted = content.get("transient", {}).get("display_id")
        found = False
        for _, old in self.outputs:
            if wanted and old.get("transient", {}).get("display_id") == wanted:
                self._bytes -= _weight(old)
                old.update(content)
                found = True
        return found

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
    """About how many bytes an output takes."""
    if "text" in content:
        return len(content["text"])
    traceback = sum(len(line) for line in content.get("traceback", ()))
    return traceback + sum(
        len(value if isinstance(value, (str, bytes)) else repr(value))
        for value in content.get("data", {"": ""}).values()
    )


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
    return {"ename": type(exc).__name__, "evalue": words(exc), "traceback": lines}


def words(exc: BaseException) -> str:
    """What an exception says; some can not even do that."""
    try:
        return str(exc)
    except Exception:
        return "(its text could not be made)"
