"""How are the bytes of an open file read? In blocks, ahead of a reader, of one revision only."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections import OrderedDict
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING

from colab_magics.errors import DriveConflict

if TYPE_CHECKING:
    from colab_magics.storage.filesystem import DriveFileSystem

    from .view import Entry

BLOCK = 4 * 1024 * 1024
_MOST = 64 * 1024 * 1024  # bytes kept in memory
_FILES = 1024  # blocks kept, however small
_AHEAD = 2  # blocks fetched before they are asked for, once a file is read in order

_Key = tuple[str, str, int]  # file id, revision, number of the block


class Blocks:
    """Blocks of files, the latest used ones kept in memory. Safe for threads."""

    def __init__(self, fs: DriveFileSystem, pool: Executor) -> None:
        self._fs, self._pool = fs, pool
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[int, Future[bytes]]] = OrderedDict()  # size, block
        self._size = 0  # of all that is kept

    def read(self, entry: Entry, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset`.

        Raises:
            OSError: ESTALE, when Drive has another revision by now.
        """
        if entry.link is not None:
            return entry.link[offset : offset + size]
        end = min(offset + size, entry.size)
        parts = []
        for number in range(offset // BLOCK, -(-end // BLOCK)):
            start = number * BLOCK
            block = self._block(entry, number).result()
            parts.append(block[max(0, offset - start) : end - start])
        return b"".join(parts)

    def seed(self, entry: Entry, content: bytes) -> None:
        """Keep the content of a small file that was just written here."""
        done: Future[bytes] = Future()
        done.set_result(content)
        with self._lock:
            self._keep((entry.id, entry.revision, 0), len(content), done)

    def _block(self, entry: Entry, number: int) -> Future[bytes]:
        with self._lock:
            block = self._wanted(entry, number)
            if number and (entry.id, entry.revision, number - 1) in self._kept:
                last = (entry.size - 1) // BLOCK
                for ahead in range(number + 1, min(number + _AHEAD, last) + 1):
                    self._wanted(entry, ahead)
            return block

    def _wanted(self, entry: Entry, number: int) -> Future[bytes]:
        key = entry.id, entry.revision, number
        _, block = self._kept.get(key, (0, None))
        if block is None or (block.done() and block.exception() is not None):
            block = self._pool.submit(self._fetch, entry, number)
        self._keep(key, min(BLOCK, entry.size - number * BLOCK), block)
        return block

    def _keep(self, key: _Key, size: int, block: Future[bytes]) -> None:
        before, _ = self._kept.pop(key, (0, None))
        self._kept[key] = size, block
        self._size += size - before
        while len(self._kept) > _FILES or self._size > _MOST:
            _, (least, _) = self._kept.popitem(last=False)
            self._size -= least

    def _fetch(self, entry: Entry, number: int) -> bytes:
        target = io.BytesIO()
        api = self._fs.api
        try:
            if entry.size <= BLOCK:  # one request, and only the whole has a hash
                node = api.fetch(entry.node(), target)
            else:
                start = number * BLOCK
                end = min(start + BLOCK, entry.size)
                api.download(entry.id, target, start=start, end=end, size=entry.size)
                node = api.get(entry.id)  # after: a revision that came between is seen
        except DriveConflict:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE)) from None
        if node.revision != entry.revision:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return target.getvalue()
