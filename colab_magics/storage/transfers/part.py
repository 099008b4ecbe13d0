"""What is already here of a large file, so that a restarted kernel fetches only the rest?

Beside the target lies ``.<target>-<revision>.part``, a hidden file of the full size, and next to it
``.part.done``: one record of 16 bytes for each stretch that is complete, written after the bytes
are. A process that is killed leaves both as they are, and the next one reads the records. Both
names are digests: the first of the Drive, the file and the target, the second of the revision.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .lock import locked

_RECORD = struct.Struct("<QQ")
_NAME = re.compile(r"\.([0-9a-f]{16})-[0-9a-f]{12}\.part(?:\.done)?")
_STALE_SECONDS = 7 * 24 * 3600.0


class Part:
    """A file on its way here. It is locked: a second process takes a name of its own.

    Attributes:
        path: where the bytes are.
        missing: the stretches that are not here yet, in order; from byte, to before byte.
    """

    def __init__(self, path: Path, file: int, size: int, *, kept: bool) -> None:
        self.path = path
        self.size = size
        self._file = file
        self._done_path = path.with_name(f"{path.name}.done")
        self._kept = kept
        self._done: int | None = None
        self.missing = [(0, size)] if size else []
        if kept:
            self._resume()

    def write(self, offset: int, data: memoryview | bytes) -> None:
        """Put bytes where they belong."""
        view = memoryview(data)
        while view:
            count = os.pwrite(self._file, view, offset)
            view, offset = view[count:], offset + count

    def read(self, offset: int, count: int) -> bytes:
        """Bytes that were written, `count` at most."""
        return os.pread(self._file, count, offset)

    def note(self, start: int, end: int) -> None:
        """Put on record that a stretch is complete."""
        if self._done is not None and end > start:
            os.write(self._done, _RECORD.pack(start, end))

    def restart(self) -> None:
        """Forget all that is here."""
        self.missing = [(0, self.size)] if self.size else []
        if self._done is not None:
            os.ftruncate(self._done, 0)

    def publish(self, target: Path) -> None:
        """Become `target`; what was there is replaced in one step, and its permissions stay."""
        with suppress(FileNotFoundError):
            os.fchmod(self._file, target.stat().st_mode & 0o7777)
        self.path.replace(target)
        if self._kept:
            self._done_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        if self._kept:
            self._done_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close it; one that nobody could find again is removed."""
        if not self._kept:
            self.path.unlink(missing_ok=True)
        # A thread that the disk still holds up must not find another file under the same number.
        file, self._file, done, self._done = self._file, -1, self._done, None
        os.close(file)
        if done is not None:
            os.close(done)

    def _resume(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._done = os.open(self._done_path, flags, 0o600)
        if os.fstat(self._file).st_size != self.size:
            os.ftruncate(self._done, 0)
            os.ftruncate(self._file, 0)
        # A hole: what the disk has room for was asked before, and not every one can preallocate.
        os.ftruncate(self._file, self.size)
        length = os.fstat(self._done).st_size // _RECORD.size * _RECORD.size
        os.ftruncate(self._done, length)  # the last record may have been cut by a full disk
        records = _RECORD.iter_unpack(os.pread(self._done, length, 0))
        self.missing = list(_gaps(sorted(records), self.size))


def open_part(target: Path, file: str, revision: str, size: int) -> Part:
    """The part of that revision of a file that is to become `target`, as far as it is here.

    Parts of other revisions are removed, and so are those that were left for a week.

    Args:
        file: which file of which Drive.
    """
    key = hashlib.sha256(f"{file}\0{target}".encode()).hexdigest()[:16]
    path = target.with_name(f".{key}-{hashlib.sha256(revision.encode()).hexdigest()[:12]}.part")
    _sweep(path, key)
    if (own := locked(path, mode=0o666)) is not None:
        try:
            return Part(path, own, size, kept=True)
        except OSError:
            os.close(own)  # else nobody could go on with it while this process lives
            raise
    path = target.with_name(f".{os.urandom(8).hex()}-{os.urandom(6).hex()}.part")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fresh = os.open(path, flags, 0o666)
    with suppress(OSError):
        fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Part(path, fresh, size, kept=False)


def _sweep(own: Path, key: str) -> None:
    """Remove parts of other revisions for the same target, and old ones of any."""
    edge = time.time() - _STALE_SECONDS
    with os.scandir(own.parent) as entries:
        found = [(Path(e.path), match[1]) for e in entries if (match := _NAME.fullmatch(e.name))]
    for path, other in found:
        with suppress(OSError):
            if path.name.startswith(own.name):
                continue
            if other != key and path.stat().st_mtime > edge:
                continue
            if path.suffix == ".done":
                if not path.with_suffix("").exists():
                    path.unlink()
            elif (file := locked(path, mode=0, make=False)) is not None:
                path.unlink(missing_ok=True)
                path.with_name(f"{path.name}.done").unlink(missing_ok=True)
                os.close(file)


def _gaps(records: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    at = 0
    for start, end in records:
        if start > at:
            yield at, min(start, size)
        at = max(at, min(end, size))
    if at < size:
        yield at, size
