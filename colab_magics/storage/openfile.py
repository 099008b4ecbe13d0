"""What does `open` give for a file on Drive? Read by ranges; written whole, or not at all."""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fsspec.core import OpenFile
from fsspec.spec import AbstractBufferedFile

from colab_magics.errors import DriveConflict

from .lookup import LISTING_SECONDS
from .room import scratch_folder, told_if_full
from .tree import Node

if TYPE_CHECKING:
    from collections.abc import Buffer

    from .contents import DriveReader
    from .filesystem import DriveFileSystem

_FRAMES = 8  # between OpenFile.__exit__ and the file's close: a text layer, a compressor


class _Outdated(Exception):
    """Nothing was delivered yet, and the file has another revision than was known."""


class ReadFile(AbstractBufferedFile):
    """A file open for reading: bytes of one revision, or an error.

    Which one is settled by the first bytes. What is known when it is opened may be some seconds
    old; a newer revision that is met then is taken instead, unless the program has gone by the
    size of the old one.
    """

    def __init__(self, fs: DriveReader, path: str, node: Node, **options: Any) -> None:
        self._node = node
        self._options = options
        self._whole: bytes | None = None
        self._delivered = self._measured = False
        super().__init__(fs, path, mode="rb", size=node.size, **options)
        self._details = fs.describe(node, path)

    def seek(self, loc: int, whence: int = 0) -> int:
        """Go to a place in the file."""
        if whence == 2 and not (self._delivered or self._measured):
            self._look()
        self._measured = self._measured or whence == 2
        place: int = super().seek(loc, whence)
        return place

    def read(self, length: int = -1) -> bytes:
        """The next bytes, so many or all."""
        with self.fs.reading(self._node):
            try:
                data: bytes = super().read(length)
            except _Outdated:
                self._adopt(self.fs.api.get(self._node.id))
                data = super().read(length)
        return data

    def _look(self) -> None:
        """Take a newer revision, before the program goes by the size of this one."""
        self.fs.lookup.log(self._node.drive).current(LISTING_SECONDS)
        node = self.fs.nodes.get(self._node.id)
        if node is not None and node.revision != self._node.revision:
            self._adopt(node)

    def _adopt(self, node: Node) -> None:
        self.fs.lookup.known.learn([node])
        self._node, self.size = node, node.size
        self._details = self.fs.describe(node, self.path)
        kept = self._options.get("cache_options") or {}
        self.cache = type(self.cache)(self.blocksize, self._fetch_range, self.size, **kept)

    def _fetch_range(self, start: int, end: int) -> bytes:
        if self.size > self.blocksize:
            return self._part(start, end)
        if self._whole is None:  # one request either way, and only the whole has a hash
            target = io.BytesIO()
            self._settle(self.fs.api.fetch(self._node, target))
            self._whole = target.getvalue()
        return self._whole[start:end]

    def _part(self, start: int, end: int) -> bytes:
        target = io.BytesIO()
        try:
            self.fs.api.download(self._node.id, target, start=start, end=end, size=self.size)
        except DriveConflict:
            self._outdated()
        if self._delivered:
            # Asked afterwards: a revision that came in between is seen, be it of the same size.
            self._settle(self.fs.api.get(self._node.id))
        self._delivered = True
        return target.getvalue()

    def _settle(self, node: Node) -> None:
        if node.revision != self._node.revision:
            self._outdated()

    def _outdated(self) -> None:
        if self._delivered or self._measured:
            self.fs.lookup.log(self._node.drive).expire()
            raise DriveConflict(f"{self._node.name!r} has changed since it was opened")
        raise _Outdated


class WriteFile(io.BufferedIOBase):
    """A file open for writing. `close` publishes it whole.

    Nothing is published when the ``with`` block raised (be it one of `fsspec.open`), after
    `discard`, or when it was never closed; in an fsspec transaction `close` waits for its end.
    Nor is what is cut: after a write that failed, all that follows fails with the same error.
    """

    def __init__(self, fs: DriveFileSystem, path: str, mode: str, autocommit: bool) -> None:
        self.fs, self.path, self.mode, self.autocommit = fs, path, mode, autocommit
        self._discarded = False
        self._failed: OSError | None = None
        self._copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (closed by discard)
        if mode == "ab" and (found := fs.lookup.find(path)) is not None:
            with self._writing():
                fs._fetch(found.target(), self._copy)

    def write(self, data: Buffer) -> int:
        """Take bytes; after `discard` they go nowhere."""
        if self.closed:
            raise ValueError("write to a closed file")
        if self._discarded:
            return len(memoryview(data).cast("B"))
        with self._writing():
            return self._copy.write(data)

    def tell(self) -> int:
        """Where the next bytes go."""
        return 0 if self._discarded else self._copy.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go somewhere else in what was written."""
        with self._writing():  # what is still in memory goes to the disk first
            return self._copy.seek(offset, whence)

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes: nothing has left this machine yet."""
        return True

    def close(self) -> None:
        """Publish the file, unless a transaction will or `discard` was called."""
        if self.closed:
            return
        if _left_by_error():
            self.discard()
        super().close()
        if self.autocommit and not self._discarded:
            self.commit()

    def commit(self) -> None:
        """Publish the file."""
        try:
            self.seek(0)
            self.fs.publish(self.path, self._copy, exclusive=self.mode == "xb")
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was written."""
        self._discarded = True
        with suppress(OSError):  # a full disk, for one: what is not wanted need not be written
            self._copy.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._failed is not None:
            raise self._failed
        try:
            with told_if_full(f"write {self.path!r}", scratch_folder()):
                yield
        except OSError as exc:
            self._failed = exc
            raise

    def __exit__(self, kind: Any, *rest: object) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_discarded", True):
            self.discard()


def _left_by_error() -> bool:
    """Whether an fsspec.OpenFile closes its files because its ``with`` block raised.

    It does not tell them, so its own frame is asked; nobody else's, since a file that is closed in
    an ``except`` block is meant to be kept.
    """
    frame = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame.f_back is None:
            return False
        frame = frame.f_back
        if frame.f_code is OpenFile.__exit__.__code__:
            return any(frame.f_locals.get("args", ()))
    return False


class WriteText(io.TextIOWrapper):
    """A WriteFile for text; it too publishes nothing when the ``with`` block raised."""

    def __exit__(self, kind: Any, *rest: object) -> None:
        if kind is not None:
            self._discard()
        self.close()

    def __del__(self) -> None:
        if not self.closed:
            self._discard()

    def _discard(self) -> None:
        cast(WriteFile, self.buffer).discard()
