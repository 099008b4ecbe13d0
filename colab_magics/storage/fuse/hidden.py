"""What happens to a file that is removed, or replaced, while programs have it open?

libfuse then gives it a name of its own, so that those programs can go on, and removes that one
later. Such a name exists in this process only; on Drive the file goes to the trash, or is replaced.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .files import OpenFiles
    from .view import Entry

logger = logging.getLogger(__name__)
_WAIT_SECONDS = 0.2  # to see whether a rename follows, which replaces the file


class Hidden:
    """Files under names that libfuse has made up. Safe for threads."""

    def __init__(self, files: OpenFiles, trash: Callable[[Entry], None]) -> None:
        self._files, self._trash = files, trash
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Entry, threading.Timer]] = {}

    @staticmethod
    def means(path: str) -> bool:
        """Whether a path is one of those names."""
        return path.rpartition("/")[2].startswith(".fuse_hidden")

    def hide(self, path: str, hidden: str, entry: Entry | None) -> None:
        """Let programs go on with a file that is about to be removed or replaced."""
        self._files.hide(path, hidden, entry)
        if entry is not None:
            timer = threading.Timer(_WAIT_SECONDS, self._remove, (path,))
            timer.daemon = True
            with self._lock:
                self._waiting[path] = entry, timer
            timer.start()

    def replaced(self, path: str) -> None:
        """Another file comes to that path at once: that is what removes the hidden one."""
        with self._lock:
            found = self._waiting.pop(path, None)
        if found is not None:
            found[1].cancel()

    def waits(self, path: str) -> bool:
        """Whether what Drive has at a path is about to be removed."""
        return path in self._waiting

    def finish(self) -> None:
        """Remove now what waits for it, before anything new gets such a name."""
        for path in list(self._waiting):
            self._remove(path)

    def _remove(self, path: str) -> None:
        with self._lock:
            found = self._waiting.pop(path, None)
        if found is None:
            return
        try:
            self._trash(found[0])
        except Exception as exc:
            logger.warning("%s could not be removed: %s", path, exc)
