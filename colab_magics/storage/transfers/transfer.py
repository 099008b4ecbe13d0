"""How does one file get here or there whole, verified, and with a receipt? On any filesystem."""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from colab_magics.errors import PlaceIsFolder, PlaceNotFound, TransferDamaged
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place, expect_file

from .whole import published


@dataclass(frozen=True)
class Receipt:
    """What was transferred.

    Attributes:
        id: of the file on Drive; None elsewhere.
        revision: of the content; changes when the content does.
    """

    id: str | None
    size: int
    md5: str
    revision: str
    seconds: float


def fetch(
    place: Place | tuple[AbstractFileSystem, str], target: Path, *, callback: Any = None
) -> Receipt:
    """Bring a file to this machine: `target` is the whole new file, or what it was before.

    A file that changes on the way is fetched anew.

    Raises:
        TransferDamaged: three times the bytes were not those of the file.
        PlaceNotFound, PlaceIsFolder: there is no file at `place`.
    """
    started = time.monotonic()
    fs, path = (place.fs, place.path) if isinstance(place, Place) else place
    if isinstance(fs, DriveFileSystem):
        node = fs.get_node(fs.node(path), target, callback=callback)
        md5 = node.md5 or md5_of(target)
        return Receipt(
            node.id, node.size or 0, md5, node.revision, seconds=time.monotonic() - started
        )
    if isinstance(place, Place):
        expect_file(place)
    for attempt in range(3):
        try:
            size, md5, revision = _fetch_once(fs, path, target, callback)
            break
        except TransferDamaged:
            if attempt == 2:
                raise
    return Receipt(None, size, md5, revision, seconds=time.monotonic() - started)


def send(source: Path, place: Place, *, callback: Any = None) -> Receipt:
    """Send a file of this machine to a place; a file there keeps its id.

    Raises:
        TransferDamaged: what arrived is not what was sent.
        PlaceNotFound, PlaceIsFolder: `source` is no file, or `place` is a folder.
    """
    started = time.monotonic()
    if source.is_dir():
        raise PlaceIsFolder(f"'{source}' is a folder, not a file")
    if not source.exists():
        raise PlaceNotFound(f"no file '{source}' on this machine")
    fs, path = place.fs, place.path
    if isinstance(fs, DriveFileSystem):
        node = fs.publish(path, source, callback=callback)
        md5 = node.md5 or ""
        return Receipt(
            node.id, node.size or 0, md5, node.revision, seconds=time.monotonic() - started
        )
    if fs.isdir(path):
        raise PlaceIsFolder(f"'{place}' is a folder, not a file")
    size, md5 = _put(source, fs, path, callback or DEFAULT_CALLBACK)
    tell_done(callback, size)
    return Receipt(None, size, md5, revision_of(fs.info(path)), seconds=time.monotonic() - started)


def revision_of(info: Mapping[str, Any]) -> str:
    """A text that changes when a file's content does, from whatever its filesystem says of it."""
    for name in ("revision", "ETag", "etag", "md5", "checksum"):
        if info.get(name):
            return str(info[name])
    facts = [info.get(name) for name in ("ino", "mtime", "LastModified", "modified", "size")]
    return "-".join(str(fact) for fact in facts if fact is not None)


def _fetch_once(
    fs: AbstractFileSystem, path: str, target: Path, callback: Any
) -> tuple[int, str, str]:
    before = fs.info(path)
    with published(target) as part:
        fs.get_file(path, str(part), callback=callback or DEFAULT_CALLBACK)
        size, md5 = part.stat().st_size, md5_of(part)
        fs.invalidate_cache()
        whole = before.get("size") in (None, size)
        if not whole or revision_of(fs.info(path)) != revision_of(before):
            raise TransferDamaged(f"'{path}' arrived damaged, or changes all the time; try again")
    tell_done(callback, size)
    return size, md5, revision_of(before)


def _put(source: Path, fs: AbstractFileSystem, path: str, callback: Any) -> tuple[int, str]:
    above, slash, _ = path.rpartition("/")
    temporary = f"{above}{slash}.{os.urandom(6).hex()}.part"
    fs.makedirs(above or fs.root_marker, exist_ok=True)
    size, md5 = source.stat().st_size, md5_of(source)
    try:
        fs.put_file(str(source), temporary, callback=callback)
        fs.invalidate_cache()
        if fs.info(temporary)["size"] != size:
            raise TransferDamaged(f"'{path}' did not arrive whole; try again")
        if isinstance(fs, LocalFileSystem):
            os.replace(temporary, path)
        else:
            fs.mv(temporary, path)
    except BaseException:
        if fs.exists(temporary):
            fs.rm_file(temporary)
        raise
    return size, md5


def tell_done(callback: Any, size: int) -> None:
    """Say that it is done; not every filesystem says how far it is."""
    if callback is not None:
        callback.set_size(size)
        callback.absolute_update(size)


def has_content(path: Path, size: int | None, md5: str | None) -> bool:
    """Whether a file of this machine is there, and has that content; hashed if the size agrees."""
    return bool(md5) and path.is_file() and path.stat().st_size == size and md5_of(path) == md5


def md5_of(path: Path) -> str:
    """The hash of a file of this machine."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
