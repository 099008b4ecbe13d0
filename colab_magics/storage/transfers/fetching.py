"""How does a whole file of a Drive get here: pinned to a revision, verified, begun anew if need be?

What is larger than two chunks goes to a file over several connections, and is resumed by the next
process when this one is killed; everything else comes in one stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from colab_magics.errors import DriveConflict, PlaceIsFolder, PlaceNotFound, TransferDamaged
from colab_magics.settings import Settings
from colab_magics.storage.room import expect_room, is_full, told_if_full
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
        for attempt in range(1 if start is None else _TRIES):
            node = self._node(file, attempt)
            if attempt and start is not None:
                target.seek(start)
                target.truncate()
            with suppress(DriveConflict):
                self._streamed(node, target, callback)
                return node
        raise self._damaged(node)

    def to_file(self, file: str | Node, target: Path, callback: Any) -> Node:
        """Make `target` the file: it is the old one until the whole new one is there."""
        real = replaceable(target)
        for attempt in range(_TRIES):
            node = self._node(file, attempt)
            large = node.size is not None and node.size > 2 * self._settings.chunk_bytes
            move = self._in_ranges if large and self._settings.connections > 1 else self._at_once
            with suppress(DriveConflict), told_if_full(f"download {node.name!r}", real.parent):
                move(node, real, callback)
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

    # What follows raises DriveConflict where the very bytes of the node did not arrive.

    def _streamed(self, node: Node, target: BinaryIO, callback: Any) -> None:
        tell = _teller(callback, node.size)
        md5 = _in_one_stream(self._source(node), lambda at, block: target.write(block), tell)
        self._expect(node, md5)

    def _at_once(self, node: Node, target: Path, callback: Any) -> None:
        expect_room(node.name, node.size or 0, target.parent)
        with published(target) as path, path.open("wb") as stream:
            self._streamed(node, stream, callback)

    def _in_ranges(self, node: Node, target: Path, callback: Any) -> None:
        part = open_part(target, f"{self._wire.base}\0{node.id}", node.revision, node.size or 0)
        try:
            missing = sum(end - start for start, end in part.missing)
            expect_room(node.name, missing, target.parent)
            self._fill(part, node, _teller(callback, part.size))
            part.publish(target)
        except OSError as exc:
            if is_full(exc) or isinstance(exc, DriveConflict | PlaceNotFound):
                part.discard()  # nobody will go on with it, or the room is needed
            raise
        finally:
            part.close()

    def _fill(self, part: Part, node: Node, tell: Callable[[int], object]) -> None:
        source = self._source(node)
        try:
            md5 = Ranges(source, part, self._settings).run(tell)
        except RangesIgnored:
            part.restart()
            md5 = _in_one_stream(source, part.write, tell)
        self._expect(node, md5)

    def _expect(self, node: Node, md5: str) -> None:
        if node.md5 is not None:
            same = md5 == node.md5
        else:  # without a hash, the revision must be the same after the last byte
            same = self._get(node.id).revision == node.revision
        if not same:
            raise DriveConflict(f"{node.name!r} is not what arrived")


def _teller(callback: Any, size: int | None) -> Callable[[int], object]:
    """What hears how many bytes are here; the callback hears now how many there will be."""
    if callback is None:
        return lambda done: None
    callback.set_size(size)
    return callback.absolute_update  # type: ignore[no-any-return]


def _in_one_stream(
    source: Source, write: Callable[[int, bytes], object], tell: Callable[[int], object]
) -> str:
    """Fetch all of a file over one connection, and give its md5.

    Args:
        write: takes where a block belongs, and the block.
    """
    digest = hashlib.md5(usedforsecurity=False)
    done = 0

    def take(block: bytes) -> None:
        nonlocal done
        write(done, block)
        digest.update(block)
        done += len(block)
        tell(done)

    Download(source, take).run()
    return digest.hexdigest()
