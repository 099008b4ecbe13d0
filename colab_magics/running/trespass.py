"""Did this cell itself write the file it watches?

On Drive, what this thread has sent tells. For local files the interpreter tells an
audit hook of every file that is opened for writing, renamed or replaced
(https://docs.python.org/3/library/audit_events.html). That is certain, where comparing times
would also accuse a cell whose file somebody else writes often. Writes of other processes and of C
libraries are not seen.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_APPEND
_listeners: dict[int, Callable[[str], None]] = {}
"""By thread: who wants to know what that thread writes, at this moment."""
_installed = False


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _listeners or event not in ("open", "os.rename"):
        return
    listener = _listeners.get(threading.get_ident())
    if listener is None:
        return
    if event == "os.rename":
        listener(_text(args[1]))
    elif isinstance(args[2], int) and args[2] & _WRITING:
        listener(_text(args[0]))


def _text(path: Any) -> str:
    try:
        return os.path.abspath(os.fsdecode(path))
    except TypeError:
        return ""  # an open file descriptor


class Trespass:
    """Watches one cell's writes between `begin` and `end`, both on the thread that runs it."""

    def __init__(self) -> None:
        self.matches: Callable[[str], bool] = lambda path: False
        self.written_by: Callable[[int], set[tuple[str, str]]] = lambda thread: set()
        self.watched_ids: Callable[[], set[str]] = set
        self.caught = False
        self._before: set[tuple[str, str]] = set()
        self._ident: int | None = None

    def begin(self) -> None:
        """The body begins."""
        global _installed
        if not _installed:
            sys.addaudithook(_hook)  # for good: the interpreter knows no way to take one back
            _installed = True
        self.caught = False
        self._ident = threading.get_ident()
        self._before = self.written_by(self._ident)
        _listeners[self._ident] = self._saw

    def end(self) -> None:
        """The body is over."""
        self.close()
        now = self.written_by(threading.get_ident())
        written = {file_id for file_id, _ in now - self._before}
        if written & self.watched_ids():
            self.caught = True

    def close(self) -> None:
        """Stop listening."""
        if self._ident is not None:
            _listeners.pop(self._ident, None)
            self._ident = None

    def _saw(self, path: str) -> None:
        if path and self.matches(path):
            self.caught = True
