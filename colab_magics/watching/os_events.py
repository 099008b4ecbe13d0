"""What does the operating system say of local folders? The only file that knows the library."""

from __future__ import annotations

import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver, ObservedWatch

LINUX: bool = sys.platform == "linux"

Said = Literal["opened", "written", "moved", "gone", "changed", "folder", "folder gone"]


class Hear(Protocol):
    """What is called with each event, in the library's thread, which holds a lock meanwhile."""

    def __call__(self, said: Said, path: str, came_from: str = "") -> None:
        """`path` is real, as the folder was given; `came_from` is where a moved file was."""


class OSEvents:
    """Events of a changing set of folders; a folder within a recursive one costs nothing."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._lock = threading.RLock()
        self._observer: BaseObserver | None = None
        self._wanted: Counter[tuple[str, bool]] = Counter()
        self._listening: dict[tuple[str, bool], ObservedWatch] = {}

    def add(self, folder: str, recursive: bool) -> None:
        """Listen to a folder.

        Raises:
            OSError: the system has no watches left, or the folder is gone.
        """
        with self._lock:
            self._wanted[folder, recursive] += 1
            self._arrange()

    def remove(self, folder: str, recursive: bool) -> None:
        """Take back one `add`."""
        with self._lock:
            self._wanted[folder, recursive] -= 1
            self._wanted += Counter()  # drops what is zero
            with suppress(OSError):  # a folder that was covered by the one that goes is gone
                self._arrange()

    def restart(self) -> None:
        """Begin anew: the present threads miss events, or a folder was made anew.

        Raises:
            OSError: as for `add`.
        """
        with self._lock:
            wanted = self._wanted.copy()
            self.stop()
            self._wanted = wanted
            self._arrange()

    def stop(self) -> None:
        """End the library's threads."""
        with self._lock:
            observer, self._observer = self._observer, None
            self._wanted.clear()
            self._listening.clear()
        if observer is not None:
            observer.stop()
            observer.join(0.5)

    def _arrange(self) -> None:
        if self._observer is None:
            if not self._wanted:
                return
            self._observer = _observer()
            self._observer.start()
        needed = {key for key in self._wanted if not _covered(key, self._wanted)}
        for key in needed - set(self._listening):
            self._listening[key] = self._observer.schedule(
                _handler(self._hear), key[0], recursive=key[1], event_filter=_interesting()
            )
        for key in set(self._listening) - needed:
            self._unschedule(key)

    def _unschedule(self, key: tuple[str, bool]) -> None:
        watch = self._listening.pop(key)
        if self._observer is not None:
            with suppress(KeyError, OSError):  # the folder is gone, and its emitter with it
                self._observer.unschedule(watch)


def _covered(key: tuple[str, bool], by: Counter[tuple[str, bool]]) -> bool:
    folder, recursive = key
    if not recursive and (folder, True) in by:
        return True
    while folder not in ("/", ""):
        folder = folder.rpartition("/")[0] or "/"
        if (folder, True) in by:
            return True
    return False


def _observer() -> BaseObserver:
    # watchdog, not watchfiles: a tenth of the delay (0.1 to 0.3 ms against 1.2 to 1.7 ms from close
    # to callback, benchmarks/watchers.py), and only it says when a writer has closed a file.
    if LINUX:
        from watchdog.observers.inotify import InotifyObserver

        # watchdog 7 warns of its own bookkeeping when a folder appears within a new folder; where
        # warnings are errors, that ends its thread.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning, "watchdog")

        # Full events tell a file that was moved in whole from one that somebody has just opened.
        return InotifyObserver(generate_full_events=True)
    from watchdog.observers import Observer

    return Observer()


def _interesting() -> list[type[Any]] | None:
    """Events to ask the kernel for: each write() of a writer is not among them on Linux."""
    if not LINUX:
        return None
    from watchdog import events

    return [
        events.FileCreatedEvent,
        events.FileClosedEvent,
        events.FileMovedEvent,
        events.FileDeletedEvent,
        events.DirCreatedEvent,
        events.DirMovedEvent,
        events.DirDeletedEvent,
    ]


def _handler(hear: Hear) -> Any:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def dispatch(self, event: FileSystemEvent) -> None:
            _translate(event, hear)

    return Handler()


def _translate(event: Any, hear: Callable[..., None]) -> None:
    kind, path, to = event.event_type, str(event.src_path), str(event.dest_path or "")
    if event.is_directory:
        if kind == "created":
            hear("folder", path)
        elif kind in ("moved", "deleted"):
            if path:
                hear("folder gone", path)
            if to:
                hear("folder", to)
    elif kind == "moved":
        hear("moved", to, path) if to else hear("gone", path)
    elif kind == "created":
        hear("opened" if LINUX else "changed", path)
    elif kind == "closed":
        hear("written", path)
    elif kind == "deleted":
        hear("gone", path)
    elif kind == "modified" and not LINUX:
        hear("changed", path)
