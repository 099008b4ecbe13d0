"""What does the mounted folder answer to the kernel? One method for each call of a program."""

# mypy: disallow-untyped-calls=False
# mfusepy's callbacks are annotated for its own types.

from __future__ import annotations

import errno
import os
import time
from typing import Any

import mfusepy

from .closers import group_of, was_killed
from .errnos import answered
from .looking import Looking

_WRITES = os.O_WRONLY | os.O_RDWR


class Operations(Looking):
    """A Drive as a folder to read and write."""

    # Open files

    @answered
    def open(self, path: str, fi: Any) -> int:
        """Open a file that is there."""
        writes = bool(fi.flags & _WRITES)
        if writes:
            self._may_write()
        file = self.files.at(path)
        entry = file.entry if file is not None else None
        if file is None or not file.changed:
            entry = self._asked(self.view.entry, path)
            if entry is None:
                raise OSError(errno.ENOENT, "")
            if entry.folder:
                raise OSError(errno.EISDIR, "")
            if entry.link is not None and writes:
                raise OSError(errno.EACCES, "")
        file = self.files.open(path, entry)
        if file.aside:
            fi.direct_io = 1
        self._handle(fi, file)
        if fi.flags & os.O_TRUNC:
            self.files.truncate(file, 0)
        return 0

    @answered
    def create(self, path: str, mode: int, fi: Any) -> int:
        """Open a new file; Drive has it once it is closed."""
        self._may_write()
        path.encode()  # raises: no text, so no name on Drive
        self.hidden.finish()
        file = self.files.open(path, None, exclusive=bool(fi.flags & os.O_EXCL))
        self._handle(fi, file)
        self.files.create(file)
        return 0

    @answered
    def read(self, path: str | None, size: int, offset: int, fi: Any) -> bytes:
        """Bytes of an open file."""
        return self.files.read(self._handles[fi.fh].file, size, offset)

    @answered
    def write(self, path: str | None, data: bytes, offset: int, fi: Any) -> int:
        """Bytes into an open file's copy."""
        handle = self._handles[fi.fh]
        handle.wrote = True
        return self.files.write(handle.file, data, offset)

    @answered
    def truncate(self, path: str | None, length: int, fh: Any = None) -> int:
        """Cut or lengthen a file."""
        self._may_write()
        if fh is not None:
            self._handles[fh.fh].wrote = True
            self.files.truncate(self._handles[fh.fh].file, length)
            return 0
        entry = self._entry(path or "")
        if entry is not None and (entry.folder or entry.link is not None):
            raise OSError(errno.EISDIR if entry.folder else errno.EACCES, "")
        file = self.files.open(path or "", entry)
        try:
            self.files.truncate(file, length)
            if file.handles == 1:  # else it is published by who has it open: O_TRUNC may come so
                self._moved(self.files.publish, file)
        finally:
            self.files.release(file)
        return 0

    @answered
    def flush(self, path: str | None, fi: Any) -> int:
        """A program closes the file: what it wrote is published, and it gets the result.

        Not so when a child process closes what it has inherited, or nothing was written yet (a
        shell opens, copies and closes): then the last close publishes.
        """
        handle = self._handles[fi.fh]
        closer = mfusepy.fuse_get_context()[2]
        if not handle.file.changed:
            return 0
        if not handle.wrote or group_of(closer) != handle.opener:
            return 0
        if was_killed(closer):
            handle.file.torn = True
        else:
            self._moved(self.files.publish, handle.file)
        return 0

    @answered
    def fsync(self, path: str | None, datasync: int, fi: Any) -> int:
        """A program wants what it wrote to be safe: on Drive."""
        self._moved(self.files.publish, self._handles[fi.fh].file)
        return 0

    @answered
    def release(self, path: str | None, fi: Any) -> int:
        """The last copy of a handle is closed; nobody hears of errors any more."""
        handle = self._handles.pop(fi.fh)
        self._moved(self.files.release, handle.file)
        return 0

    # Changing what is there

    @answered
    def mkdir(self, path: str, mode: int) -> int:
        """Make a folder."""
        self._may_write()
        path.encode()
        self.hidden.finish()
        self._asked(self._fs.mkdir, path.strip("/"), create_parents=False)
        return 0

    @answered
    def unlink(self, path: str) -> int:
        """Put a file into the trash."""
        self._may_write()
        with self.files.still(path):
            if not self.hidden.means(path):
                self._unlink(path)
            self.files.removed(path)
        return 0

    def _unlink(self, path: str) -> None:
        file = self.files.at(path)
        entry = file.entry if file is not None else self._entry(path)
        if entry is not None:
            self._asked(self._fs.rm_file, entry.path if entry.link else path.strip("/"))
        elif file is None:
            raise OSError(errno.ENOENT, "")

    @answered
    def rmdir(self, path: str) -> int:
        """Put an empty folder into the trash."""
        self._may_write()
        self.hidden.finish()
        unsent = any(file.changed for _, file in self.files.below(path))
        if unsent or self._asked(self.view.names, path):
            raise OSError(errno.ENOTEMPTY, "")
        self._asked(self._fs.rmdir, path.strip("/"))
        return 0

    @answered
    def rename(self, old: str, new: str) -> int:
        """Move a file or folder; a file at `new` is replaced, and there is one at any moment."""
        self._may_write()
        new.encode()
        with self.files.still(old, new):
            if self.hidden.means(new):
                self.hidden.hide(old, new, self._entry(old))
            else:
                self._rename(old, new)
        return 0

    def _rename(self, old: str, new: str) -> None:
        self.hidden.replaced(new)
        file, target = self.files.at(old), self._entry(new)
        entry = file.entry if file is not None else self._entry(old)
        if entry is not None and entry.link is not None:
            raise OSError(errno.EACCES, "")
        if target is not None and target.folder:
            if entry is None or not entry.folder:
                raise OSError(errno.EISDIR, "")
            if self._asked(self.view.names, new):
                raise OSError(errno.ENOTEMPTY, "")
            self._asked(self._fs.rmdir, new.strip("/"))
        elif target is not None and entry is not None and entry.folder:
            raise OSError(errno.ENOTDIR, "")
        if entry is not None:
            self._asked(self._fs.mv, old.strip("/"), new.strip("/"))
        elif file is None:
            raise OSError(errno.ENOENT, "")
        self.files.moved(old, new)

    @answered
    def utimens(self, path: str | None, times: tuple[int, int] | None = None) -> int:
        """Set the time of change, for as long as this is mounted; Drive keeps its own."""
        self._may_write()
        when = times[1] if times is not None else time.time_ns()
        file = self.files.at(path or "")
        if file is not None and file.changed:
            file.mtime = when
        elif (entry := self._entry(path or "")) is not None and not entry.folder:
            self.files.set_mtime(entry, when)
        return 0

    @answered
    def chmod(self, path: str | None, mode: int) -> int:
        """Drive knows no modes: accepted, and without effect, as programs that copy expect."""
        self._may_write()
        return 0

    @answered
    def chown(self, path: str | None, uid: int, gid: int) -> int:
        """Drive knows no owners of this machine: the same."""
        self._may_write()
        return 0
