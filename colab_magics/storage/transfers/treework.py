"""How do several threads work through the files of a folder, so that one failure stops no other?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from fsspec.callbacks import Callback

from colab_magics.errors import (
    ColabMagicsError,
    DiskFull,
    DriveBusy,
    DriveFull,
    DriveUnreachable,
    NoCredentials,
    in_words,
)
from colab_magics.storage.wire import Wire

from .crew import Crew

LARGE = 16 << 20  # such files come over several connections: few of them at once are enough
_LARGE_AT_ONCE = 2
_LISTINGS_AT_ONCE = 4
_TELL_SECONDS = 0.1
FATAL = (NoCredentials, DiskFull, DriveFull)  # the next file would end no better


class Work:
    """Folders to look into and files to move, and what has become of them.

    Attributes:
        files: how many files were moved.
        size: how many bytes they have.
        skipped: how many were there already.
        failed: pairs of a path and, in a line, why it did not arrive.
        left_out: pairs of a path and, in a line, why it is no file to move.
    """

    def __init__(self, threads: int, wire: Wire | None) -> None:
        self.files = self.size = self.skipped = 0
        self.failed: list[tuple[str, str]] = []
        self.left_out: list[tuple[str, str]] = []
        self._threads = threads
        self._wire = wire
        self._crew = Crew("tree", wire)
        self._folders: deque[tuple[str, Callable[[], None]]] = deque()
        self._small: deque[tuple[str, Callable[[], None]]] = deque()
        self._large: deque[tuple[str, Callable[[], None]]] = deque()
        self._listing = self._moving_large = self._active = 0
        self._found = self._found_bytes = self._bytes = 0
        self._unlucky = 0  # files in a row that Drive did not answer for

    def folder(self, path: str, look: Callable[[], None]) -> None:
        """Let `look` say what is in a folder, by calls of this, `file`, `fail` and `leave_out`."""
        with self._crew.news:
            self._folders.append((path, look))
            self._crew.news.notify()

    def file(self, path: str, size: int, move: Callable[[Share], int | None]) -> None:
        """Let `move` move a file; it gives the size, or None where the file was there already."""
        with self._crew.news:
            self._found += 1
            self._found_bytes += size
            queue = self._large if size > LARGE else self._small
            queue.append((path, partial(self._move, size, move)))
            self._crew.news.notify()

    def fail(self, path: str, why: str) -> None:
        """Note what can not be moved."""
        with self._crew.news:
            self.failed.append((path, why))

    def leave_out(self, path: str, why: str) -> None:
        """Note what is not moved on purpose; nothing went wrong with it."""
        with self._crew.news:
            self.left_out.append((path, why))

    def run(self, callback: Any) -> None:
        """Do all of it; the callback is told from the calling thread.

        Raises:
            ColabMagicsError: what would be so for every other file, such as a full disk.
        """
        with self._crew as crew:
            for _ in range(self._threads):
                crew.start(self._work)
            while not crew.wait(_TELL_SECONDS):
                self._tell(callback)
        self._tell(callback)

    def _tell(self, callback: Any) -> None:
        if callback is None:
            return
        callback.set_size(self._found_bytes)
        callback.absolute_update(self._bytes)
        if (count := getattr(callback, "count", None)) is not None:
            count(self.files + self.skipped, self._found)
        if self._wire is not None and (note := getattr(callback, "note", None)) is not None:
            note(self._wire.waiting)

    def _work(self) -> None:
        """What each thread does."""
        while (taken := self._take()) is not None:
            path, job, done = taken
            try:
                job()
            except FATAL:
                raise
            except (ColabMagicsError, OSError) as exc:
                self._failed(path, exc)
            else:
                self._unlucky = 0
            finally:
                with self._crew.news:
                    self._active -= 1
                    done()
                    self._crew.news.notify_all()

    def _take(self) -> tuple[str, Callable[[], None], Callable[[], None]] | None:
        """The next job and what to do after it; None when all is done."""
        with self._crew.news:
            while not self._crew.stop.is_set():
                found = None
                if self._folders and self._listing < _LISTINGS_AT_ONCE:
                    self._listing += 1
                    found = (*self._folders.popleft(), self._listed)
                elif self._large and self._moving_large < _LARGE_AT_ONCE:
                    self._moving_large += 1
                    found = (*self._large.popleft(), self._moved_large)
                elif self._small:
                    found = (*self._small.popleft(), _nothing)
                if found is not None:
                    self._active += 1
                    return found
                if not self._active and not self._folders and not self._large:
                    return None
                self._crew.news.wait(0.5)
            return None

    def _listed(self) -> None:
        self._listing -= 1

    def _moved_large(self) -> None:
        self._moving_large -= 1

    def _move(self, size: int, move: Callable[[Share], int | None]) -> None:
        share = Share(self)
        try:
            moved = move(share)
        except BaseException:
            share.absolute_update(0)
            raise
        with self._crew.news:
            if moved is None:
                self.skipped += 1
            else:
                self.files += 1
                self.size += moved
        share.absolute_update(size)

    def add(self, count: int) -> None:
        """Count bytes on their way."""
        with self._crew.news:
            self._bytes += count

    def _failed(self, path: str, exc: Exception) -> None:
        if self._crew.stop.is_set():
            return
        if not path:
            raise exc  # the folder itself
        self.fail(path, in_words(exc).split("\n")[0] or type(exc).__name__)
        if isinstance(exc, DriveUnreachable | DriveBusy):
            self._unlucky += 1
            if self._unlucky >= self._threads:
                raise exc  # every thread has waited as long as may be: Drive is not there


class Share(Callback):
    """One file's share of the progress; its size is known from the listing."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self._told = 0

    def call(self, hook_name: str | None = None, **kwargs: Any) -> None:
        """Hand on how many more bytes are done."""
        more, self._told = self.value - self._told, self.value
        if more:
            self._work.add(more)


def _nothing() -> None:
    """Nothing is to be done after it."""
