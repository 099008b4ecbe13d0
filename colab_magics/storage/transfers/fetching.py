"""How does a whole file of a Drive get here: pinned to a revision, verified, begun anew if need be?

What is larger than two chunks goes to a file over several connections, and is resumed by the next
process when this one is killed; everything else comes in one stream.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from colab_magics.display import size as spelled
from colab_magics.errors import (
    ColabMagicsError,
    DiskFull,
    DriveConflict,
    PlaceIsFolder,
    PlaceNotFound,
    TransferDamaged,
)
from colab_magics.settings import Settings
from colab_magics.storage.tree import Node
from colab_magics.storage.wire import Wire

from .download import Download, Source
from .part import Part, open_part
from .ranges import Ranges, RangesIgnored
from .whole import published, replaceable

_TRIES = 3


class Fetching:
    """Whole files of one Drive on their way here."""

    def __init__(
        self,
        wire: Wire,
        settings: Settings,
        get: Callable[[str], Node],
        keys: Mapping[str, str],
    ) -> None:
        """Fetch over `wire`; `get` finds a node, `keys` are resource keys by file id."""
        self._wire = wire
        self._settings = settings
        self._get = get
        self._keys = keys

    def to_stream(self, file: str | Node, target: BinaryIO, callback: Any) -> Node:
        """Write a file to `target`, which must be able to seek where it must begin anew."""
        start = target.tell() if target.seekable() else None
        for attempt in range(_TRIES):
            node = self._node(file, attempt)
            if attempt and start is None:
                break
            if attempt and start is not None:
                target.seek(start)
                target.truncate()
            if self._streamed(node, target, callback):
                return node
        raise self._damaged(node)

    def to_file(self, file: str | Node, target: Path, callback: Any) -> Node:
        """Make `target` the file: it is the old one until the whole new one is there."""
        real = replaceable(target)
        for attempt in range(_TRIES):
            node = self._node(file, attempt)
            large = node.size is not None and node.size > 2 * self._settings.chunk_bytes
            if large and self._settings.connections > 1:
                arrived = self._in_ranges(node, node.size or 0, real, callback)
            else:
                arrived = self._at_once(node, real, callback)
            if arrived:
                return node
        raise self._damaged(node)

    def _node(self, file: str | Node, attempt: int) -> Node:
        if isinstance(file, Node) and attempt == 0:
            node = file  # which saves a request if it is still right
        else:
            node = self._get(file.id if isinstance(file, Node) else file)
        if node.folder:
            raise PlaceIsFolder(f"{node.name!r} is a folder, not a file")
        return node

    def _damaged(self, node: Node) -> TransferDamaged:
        return TransferDamaged(f"{node.name!r} arrived damaged, or changes all the time; try again")

    def _source(self, node: Node) -> Source:
        doing = f"download {node.name!r}"
        return Source(self._wire, node.id, node.size, doing, self._keys.get(node.id, ""))

    def _streamed(self, node: Node, target: BinaryIO, callback: Any) -> bool:
        """Whether `target` has got the very bytes of the node."""
        digest = hashlib.md5(usedforsecurity=False)
        done = 0
        if callback is not None:
            callback.set_size(node.size)

        def write(block: bytes) -> None:
            nonlocal done
            target.write(block)
            digest.update(block)
            done += len(block)
            if callback is not None:
                callback.absolute_update(done)

        try:
            Download(self._source(node), write).run()
        except DriveConflict:
            return False
        return node.md5 in (None, digest.hexdigest())

    def _at_once(self, node: Node, target: Path, callback: Any) -> bool:
        _expect_room(node, node.size or 0, target)
        try:
            with published(target) as path:
                with path.open("wb") as stream:
                    arrived = self._streamed(node, stream, callback)
                if not arrived:
                    raise _Anew
        except _Anew:
            return False
        except OSError as exc:
            raise _full(exc, node) from exc
        return True

    def _in_ranges(self, node: Node, size: int, target: Path, callback: Any) -> bool:
        file = f"{self._wire.base}\0{node.id}"
        part = open_part(target, file, node.revision, size)
        try:
            _expect_room(node, sum(end - start for start, end in part.missing), target)
            if callback is not None:
                callback.set_size(size)
            if self._filled(part, node, callback):
                part.publish(target)
                return True
            part.discard()
            return False
        except (DiskFull, TransferDamaged, PlaceNotFound):
            part.discard()  # nobody will go on with it, or the room is needed
            raise
        finally:
            part.close()

    def _filled(self, part: Part, node: Node, callback: Any) -> bool:
        """Whether the part has got the very bytes of the node."""

        def tell(done: int) -> None:
            if callback is not None:
                callback.absolute_update(done)

        try:
            source = self._source(node)
            try:
                md5 = Ranges(source, part, self._settings).run(tell)
            except RangesIgnored:
                part.restart()
                md5 = _in_one_stream(source, part, tell)
        except DriveConflict:
            return False
        if node.md5 is None:  # without a hash, the revision must be the same after the last byte
            return bool(self._get(node.id).revision == node.revision)
        return md5 == node.md5


class _Anew(ColabMagicsError):
    """What arrived is not the file; it must not be published."""


def _in_one_stream(source: Source, part: Part, tell: Any) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    done = 0

    def write(block: bytes) -> None:
        nonlocal done
        part.write(done, block)
        digest.update(block)
        done += len(block)
        tell(done)

    Download(source, write).run()
    part.note(0, done)
    return digest.hexdigest()


def _expect_room(node: Node, needed: int, target: Path) -> None:
    """Raise before the first byte where the disk can not hold the last one."""
    free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise DiskFull(
            f"no room for {node.name!r} on this machine: it needs {spelled(needed)}, and "
            f"'{target.parent}' has {spelled(free)} free; remove something there, or fetch it "
            "to another disk"
        )


def _full(exc: OSError, node: Node) -> OSError:
    if isinstance(exc, ColabMagicsError) or exc.errno not in (errno.ENOSPC, errno.EDQUOT):
        return exc
    return DiskFull(
        f"download {node.name!r}: this machine's disk became full; remove something and try again"
    )
