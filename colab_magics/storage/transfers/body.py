"""What is to be uploaded: bytes, a stream or a file here, in pieces and with its hash?"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from colab_magics.errors import TransferDamaged
from colab_magics.storage.room import scratch

BLOCK = 256 * 1024


class _SourceFailed(Exception):
    """The source can not be read. No OSError: the transport would take that for one of its own."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error  # None: it became shorter


@dataclass(frozen=True)
class Origin:
    """A file of this machine as it was when its upload began."""

    path: str
    size: int
    mtime_ns: int
    inode: int


class Body:
    """The bytes to upload; any of them can be had again.

    Attributes:
        origin: the file they come from, where they do.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self.size = size
        self.origin: Origin | None = None
        self._read = read
        self._digest = hashlib.md5(usedforsecurity=False)
        self._hashed = 0

    def blocks(self, start: int, end: int, tell: Callable[[int], None]) -> Blocks:
        """The bytes from `start` to before `end` in blocks; `tell` hears of each that is sent."""
        return Blocks(self, start, end, tell)

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset` on."""
        block = b""
        while len(block) < count:  # some streams give what they have, and more when asked again
            try:
                more = self._read(offset + len(block), count - len(block))
            except (OSError, ValueError) as exc:
                raise _SourceFailed(exc) from None
            if not more:
                raise _SourceFailed(None)
            block += more
        # Bytes are hashed as they pass, so that a second reading of the source is not needed.
        if offset <= self._hashed < offset + count:
            self._digest.update(memoryview(block)[self._hashed - offset :])
            self._hashed = offset + count
        return block

    def hash_to(self, offset: int) -> None:
        """Read up to `offset` what was not read yet; what is read from there on is hashed then."""
        while self._hashed < offset:
            self.read(self._hashed, min(BLOCK, offset - self._hashed))

    def md5(self) -> str:
        """The hash of all of it."""
        self.hash_to(self.size)
        return self._digest.hexdigest()


class Blocks:
    """A part of a body as requests can send it, also a second time: it begins anew."""

    def __init__(self, body: Body, start: int, end: int, tell: Callable[[int], None]) -> None:
        self._body = body
        self._start = start
        self._end = end
        self._tell = tell

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[bytes]:
        for at in range(self._start, self._end, BLOCK):
            count = min(BLOCK, self._end - at)
            yield self._body.read(at, count)
            self._tell(at + count)


@contextmanager
def body_of(source: BinaryIO | bytes | Path, doing: str) -> Iterator[Body]:
    """Bytes, a stream or a file as a Body; a stream that can not seek is copied first.

    Args:
        doing: what it is read for, in words; opens the message of an error.

    Raises:
        TransferDamaged: it became shorter while it was read.
        DiskFull: there is no room for the copy.
        OSError, ValueError: it can not be read.
    """
    try:
        with _opened(source, doing) as body:
            yield body
    except _SourceFailed as exc:
        cut = TransferDamaged(f"{doing}: the file became shorter while it was sent; try again")
        raise exc.error or cut from None


@contextmanager
def _opened(source: BinaryIO | bytes | Path, doing: str) -> Iterator[Body]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                with _opened(file, doing) as body:  # a pipe, for one
                    yield body
                return
            body = Body(lambda at, count: os.pread(file.fileno(), count, at), facts.st_size)
            path = os.path.realpath(source)
            body.origin = Origin(path, facts.st_size, facts.st_mtime_ns, facts.st_ino)
            yield body
    elif isinstance(source, bytes | bytearray | memoryview):
        yield _of_stream(io.BytesIO(source))
    elif source.seekable():
        yield _of_stream(source)
    else:
        with scratch(doing) as copy:
            while block := source.read(1 << 20):
                copy.write(block)
            copy.seek(0)
            yield _of_stream(copy)


def _of_stream(stream: BinaryIO) -> Body:
    start = stream.tell()
    size = stream.seek(0, os.SEEK_END) - start

    def read(offset: int, count: int) -> bytes:
        stream.seek(start + offset)
        return stream.read(count)

    return Body(read, size)
