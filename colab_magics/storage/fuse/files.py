"""Which files are open in the mounted folder, and when does what was written reach Drive?

Content that is written lies in the spool until its writer closes the file; then it is published
whole, and close() returns what Drive said. What Drive refuses stays in the spool, is still what
programs see, and is sent again until Drive takes it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from colab_magics.errors import DriveConflict

from .blocks import BLOCK, Blocks
from .errnos import errno_of
from .opened import OpenFile
from .spool import Spool, Unsent, beside
from .view import Entry

if TYPE_CHECKING:
    from colab_magics.storage.filesystem import DriveFileSystem

logger = logging.getLogger(__name__)


class OpenFiles:
    """All files that are open or not sent yet. Safe for threads.

    Attributes:
        torn: those that are kept and not sent, since they are not whole; in words.
        on_trouble: called when there is more or less to tell.
    """

    def __init__(self, fs: DriveFileSystem, blocks: Blocks, spool: Spool) -> None:
        self._fs, self._blocks, self._spool = fs, blocks, spool
        self._lock = threading.RLock()
        self._by_path: dict[str, OpenFile] = {}
        self._times: dict[str, tuple[str, int]] = {}  # id -> revision, mtime that a program set
        self.torn: list[str] = []
        self.on_trouble: Callable[[], None] = lambda: None

    # Finding

    def at(self, path: str) -> OpenFile | None:
        """The open or unsent file at a path."""
        return self._by_path.get(path)

    def below(self, folder: str) -> Iterator[tuple[str, OpenFile]]:
        """(path, file) of those anywhere below a folder."""
        start = folder.rstrip("/") + "/"
        with self._lock:
            return iter([pair for pair in self._by_path.items() if pair[0].startswith(start)])

    @contextmanager
    def still(self, *paths: str) -> Iterator[None]:
        """Have nothing of what is open or unsent at these paths on its way to Drive meanwhile.

        What is removed or replaced before it has arrived would come back. Two callers never hold
        up each other: the kernel lets only one at a time change the names in a folder.
        """
        with ExitStack() as stack:
            for file in filter(None, map(self.at, paths)):
                stack.enter_context(file.lock)
            yield

    def unsent(self) -> list[tuple[str, str]]:
        """(path, why) of every file that Drive does not have, the removed ones left out."""
        with self._lock:
            files = list(self._by_path.items())
            return [(path, file.trouble) for path, file in files if file.changed and file.trouble]

    def busy(self) -> bool:
        """Whether some program has a file open that it writes, or one is being sent."""
        with self._lock:
            return any(file.pending for file in self._by_path.values())

    def mtime(self, entry: Entry) -> int:
        """When it was changed, or what a program set for this revision."""
        revision, when = self._times.get(entry.id, ("", 0))
        return when if revision == entry.revision else entry.mtime

    def set_mtime(self, entry: Entry, when: int) -> None:
        """Remember a time that a program set."""
        self._times[entry.id] = entry.revision, when

    # Opening and closing

    def open(self, path: str, entry: Entry | None, *, exclusive: bool = False) -> OpenFile:
        """The file to read or write at a path; `entry` None makes a new one."""
        with self._lock:
            file = self._by_path.get(path)
            known = file.entry if file is not None else None
            same = known is not None and entry is not None and known.revision == entry.revision
            if file is None or not (file.copy is not None or same or entry is None):
                older = file  # whoever has that revision open keeps it
                file = self._by_path[path] = OpenFile(path, entry, exclusive)
                file.aside = older is not None
            file.handles += 1
            return file

    def release(self, file: OpenFile) -> None:
        """One handle less; the last one sends what flush left, and forgets the file."""
        with file.lock:
            with self._lock:
                file.handles -= 1
                last = file.handles == 0
            if not last:
                return
            if file.pending and not file.torn:
                try:
                    self.publish(file)
                except OSError as exc:
                    logger.warning("%s was not sent: %s", file.path, exc)
            if file.pending and file.torn:
                self._tear(file, "the program that wrote it was killed")
            self.settle(file)

    # Reading and writing

    def read(self, file: OpenFile, size: int, offset: int) -> bytes:
        """Bytes of the copy, or of Drive's."""
        if file.copy is not None:  # without the lock: it may be on its way to Drive for minutes
            return os.pread(file.stream, size, offset)
        entry = file.entry
        return b"" if entry is None else self._blocks.read(entry, size, offset)

    def write(self, file: OpenFile, data: bytes, offset: int) -> int:
        """Put bytes into the copy."""
        with file.lock:
            self._begin(file, whole=True)
            done = os.pwrite(file.stream, data, offset)
            file.changed, file.written, file.mtime = True, time.time(), None
            return done

    def truncate(self, file: OpenFile, length: int) -> None:
        """Cut or lengthen the copy."""
        with file.lock:
            self._begin(file, whole=length > 0)
            os.ftruncate(file.stream, length)
            file.changed, file.written, file.mtime = True, time.time(), None
            if length == 0:
                file.torn = False

    def create(self, file: OpenFile) -> None:
        """Make it a file that Drive does not have yet."""
        with file.lock:
            self._begin(file, whole=False)
            file.changed, file.written = True, time.time()

    def publish(self, file: OpenFile) -> None:
        """Send the copy; Drive then has all of it, or what it had before.

        Raises:
            OSError: what a program's close() returns; the copy is kept.
        """
        with file.lock:
            if not file.changed or file.path is None or file.copy is None or file.hidden:
                return
            try:
                with open(file.copy, "rb") as stream:
                    node = self._fs.publish(
                        file.path.strip("/"), stream, exclusive=file.exclusive and not file.entry
                    )
            except Exception as exc:
                self._failed(file, exc)
                raise OSError(errno_of(exc), str(exc)) from exc
            entry = Entry.of(node, file.path.strip("/"))
            if file.mtime is not None:
                self.set_mtime(entry, file.mtime)
            troubled = bool(file.trouble)
            file.entry, file.changed, file.trouble, file.exclusive = entry, False, "", False
            if troubled:
                self.on_trouble()
            if entry.size <= BLOCK:
                self._blocks.seed(entry, file.copy.read_bytes())

    # Moving and removing

    def moved(self, old: str, new: str) -> None:
        """A file or a whole folder has another path now."""
        with self._lock:
            gone = self._by_path.pop(new, None)
            if gone is not None:
                gone.path = None
                if not gone.handles:
                    self._forget(gone)
            for path in [p for p in self._by_path if p == old or p.startswith(old + "/")]:
                file = self._by_path.pop(path)
                file.path = new + path[len(old) :]
                self._by_path[file.path] = file

    def hide(self, path: str, hidden: str, entry: Entry | None) -> None:
        """A file that is open goes on under a name that Drive never sees."""
        with self._lock:
            file = self._by_path.pop(path, None) or OpenFile(path, entry)
            file.path, file.hidden = hidden, True
            self._by_path[hidden] = file

    def removed(self, path: str) -> None:
        """Nobody wants its content any more; those who have it open may go on."""
        with self._lock:
            file = self._by_path.pop(path, None)
        if file is not None:
            file.path = None
            if not file.handles:
                self._forget(file)
            if file.trouble:
                self.on_trouble()

    # Sending what was refused

    def refused(self) -> list[OpenFile]:
        """Those that Drive did not take."""
        with self._lock:
            return [file for file in self._by_path.values() if file.refused]

    def adopt(self, file: OpenFile) -> None:
        """Take in a file that an earlier mount could not send."""
        with self._lock:
            self._by_path.setdefault(str(file.path), file)

    def settle(self, file: OpenFile) -> None:
        """Forget a file that nobody has open and that is on Drive."""
        with file.lock, self._lock:
            if file.handles == 0 and (not file.changed or file.path is None or file.hidden):
                self._forget(file)

    def abandon(self) -> None:
        """Keep what is not sent where the next mount finds it; this process ends."""
        with self._lock:
            files = list(self._by_path.values())
        for file in files:
            if file.pending:
                self._tear(file, "it was still open when the Drive was unmounted")
        self._spool.close()

    # Parts

    def _begin(self, file: OpenFile, *, whole: bool) -> None:
        """Have a copy to write into, with Drive's content if `whole`."""
        if file.copy is not None:
            return
        copy = self._spool.new()
        stream = os.open(copy, os.O_RDWR)
        try:
            if whole and file.entry is not None and file.entry.size:
                entry = file.entry
                for offset in range(0, entry.size, BLOCK):
                    os.pwrite(stream, self._blocks.read(entry, BLOCK, offset), offset)
        except BaseException:
            os.close(stream)
            self._spool.drop(copy)
            raise
        file.stream, file.copy = stream, copy  # in this order: readers take no lock

    def _failed(self, file: OpenFile, exc: Exception) -> None:
        assert file.copy is not None
        assert file.path is not None
        before, file.trouble = file.trouble, str(exc) or type(exc).__name__
        if file.exclusive and isinstance(exc, DriveConflict):
            file.exclusive = False
            self.moved(file.path, beside(file.path))  # somebody else was faster: both are kept
        base = file.entry.revision if file.entry is not None else ""
        about = Unsent(self._spool.drive, file.path, base, True, file.trouble)
        file.copy = self._spool.keep(file.copy, about)
        if file.trouble != before:
            logger.warning("%s was not sent, is kept in %s: %s", file.path, file.copy, file.trouble)
        self.on_trouble()

    def _tear(self, file: OpenFile, why: str) -> None:
        """Keep what there is of a file that is not whole, and do not send it."""
        assert file.copy is not None
        base = file.entry.revision if file.entry is not None else ""
        path = str(file.path)
        kept = self._spool.keep(
            file.copy, Unsent(self._spool.drive, path, base, whole=False, why=why)
        )
        self.torn.append(f"'{path.lstrip('/')}', {why} (what there is of it: {kept})")
        logger.warning("%s was not sent: %s; what there is of it is %s", path, why, kept)
        os.close(file.stream)
        file.copy, file.changed = None, False
        self.on_trouble()

    def _forget(self, file: OpenFile) -> None:
        with self._lock:
            if file.path is not None and self._by_path.get(file.path) is file:
                del self._by_path[file.path]
        copy, file.copy, file.changed = file.copy, None, False  # first: stat takes no lock
        if copy is not None:
            os.close(file.stream)
            self._spool.drop(copy)
