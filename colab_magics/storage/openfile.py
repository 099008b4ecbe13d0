"""What does `open` give for a file on Drive? Read by ranges; written whole, or not at all."""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fsspec.spec import AbstractBufferedFile

from colab_magics.errors import DriveConflict

from .tree import Node

if TYPE_CHECKING:
    from collections.abc import Buffer

    from .browsing import DriveReader
    from .filesystem import DriveFileSystem


class ReadFile(AbstractBufferedFile):
    """A file open for reading: the revision it had when opened, or an error."""

    def __init__(self, fs: DriveReader, path: str, node: Node, **options: Any) -> None:
        self._node = node
        self._whole: bytes | None = None
        super().__init__(fs, path, mode="rb", size=node.size, **options)
        self._details = fs.describe(node, path)

    def _fetch_range(self, start: int, end: int) -> bytes:
        target = io.BytesIO()
        if self.size > self.blocksize:
            self.fs.api.download(self._node.id, target, start=start, end=end, size=self.size)
            return target.getvalue()
        if self._whole is None:  # one request either way, and only the whole has a hash
            if self.fs.api.fetch(self._node, target).revision != self._node.revision:
                raise DriveConflict(f"{self._node.name!r} has changed since it was opened")
            self._whole = target.getvalue()
        return self._whole[start:end]


class WriteFile(io.BufferedIOBase):
    """A file open for writing. `close` publishes it whole.

    Nothing is published when the ``with`` block raised, after `discard`, or when it was never
    closed; in an fsspec transaction `close` waits for the transaction's end.
    """

    def __init__(self, fs: DriveFileSystem, path: str, mode: str, autocommit: bool) -> None:
        self.fs, self.path, self.mode, self.autocommit = fs, path, mode, autocommit
        self._discarded = False
        self._copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (closed by discard)
        if mode == "ab" and (node := fs.lookup.find(path)) is not None:
            fs.api.fetch(node, self._copy)

    def write(self, data: Buffer) -> int:
        """Take bytes; after `discard` they go nowhere."""
        if self.closed:
            raise ValueError("write to a closed file")
        return len(memoryview(data).cast("B")) if self._discarded else self._copy.write(data)

    def tell(self) -> int:
        """Where the next bytes go."""
        return 0 if self._discarded else self._copy.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go somewhere else in what was written."""
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
        super().close()
        if self.autocommit and not self._discarded:
            self.commit()

    def commit(self) -> None:
        """Publish the file."""
        try:
            self._copy.seek(0)
            self.fs.publish(self.path, self._copy, exclusive=self.mode == "xb")
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was written."""
        self._discarded = True
        self._copy.close()

    def __exit__(self, kind: Any, *rest: object) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_discarded", True):
            self.discard()


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
