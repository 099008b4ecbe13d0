"""What does a place that a person types mean: which filesystem, and which path on it?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from colab_magics.errors import (
    BadPlace,
    MissingExtra,
    NoDrive,
    PlaceIsFile,
    PlaceIsFolder,
    PlaceNotFound,
)
from colab_magics.settings import Settings

from .address import read_address
from .filesystem import DriveFileSystem
from .health import check_path
from .mount import Drive
from .tree import SHARED_DRIVES, to_name
from .wording import absent

_SHARED = f"{SHARED_DRIVES}/"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::|://)")
_NO_DRIVE = "no Drive is attached; run %drive_mount, or %drive_mount emulator to try it here"


@dataclass(frozen=True)
class Place:
    """A place where a file or folder is, or may be made; or a pattern of names.

    Attributes:
        typed: what the person wrote.
        drive: the attached Drive that it is on, if it is on one.
    """

    typed: str
    fs: AbstractFileSystem
    path: str
    drive: Drive | None

    def __str__(self) -> str:
        if isinstance(self.fs, DriveFileSystem):
            elsewhere = self.path.startswith("id:") or f"{self.path}/".startswith(_SHARED)
            shown = self.path if elsewhere else f"My Drive/{self.path}"
            return shown.rstrip("/")
        return self.path if self.local is not None else str(self.fs.unstrip_protocol(self.path))

    @property
    def local(self) -> Path | None:
        """The path on this machine's file system, None for a place elsewhere."""
        return Path(self.path) if isinstance(self.fs, LocalFileSystem) else None

    @property
    def name(self) -> str:
        """The file's or folder's own name."""
        if isinstance(self.fs, DriveFileSystem):
            last = self.path.rpartition("/")[2]
            if self.path.startswith("id:") and "/" not in self.path:
                return self.fs.node(self.path).name
            return to_name(last) if last else "My Drive"
        return self.path.rstrip("/").rpartition("/")[2]

    def exists(self) -> bool:
        """Whether something is there."""
        return bool(self.fs.exists(self.path))

    def is_folder(self) -> bool:
        """Whether a folder is there."""
        return bool(self.fs.isdir(self.path))

    def info(self) -> dict[str, Any]:
        """Facts about what is there.

        Raises:
            PlaceNotFound: nothing is; the message says what there is instead.
        """
        try:
            return dict(self.fs.info(self.path))
        except PlaceNotFound:
            raise
        except FileNotFoundError:
            raise PlaceNotFound(_absent(self, "file")) from None

    def join(self, name: str) -> Place:
        """The place of a name in this folder; `name` is part of a path already."""
        path = f"{self.path.rstrip('/')}/{name}" if self.path else name
        return Place(f"{self.typed.rstrip('/')}/{name}", self.fs, path, self.drive)


def resolve(typed: str, drive: Drive | None, *, settings: Settings) -> Place:
    """Say what `typed` means; nothing needs to be there yet.

    Raises:
        BadPlace: it can not be a place.
        NoDrive: it lies on the attached Drive, and none is attached.
    """
    text = typed.strip()
    if "\0" in text:
        raise BadPlace(f"no place: {typed!r}; a name can not hold a zero byte")
    if found := read_address(text, own=(drive.page or "") if drive is not None else ""):
        return _by_address(typed, *found, drive, settings)
    if text.startswith("id:"):
        return _on_drive(typed, text, drive, settings)
    if text.startswith("gdrive://"):
        return _on_drive(typed, text.removeprefix("gdrive://"), drive, settings)
    if _SCHEME.match(text):
        return _elsewhere(typed, text)
    if text in (".", "~") or text.startswith(("/", "./", "~/")):
        return _here(typed, text, drive)
    if drive is None:
        raise NoDrive(_NO_DRIVE)
    return _relative(typed, text, drive)


def expect_file(place: Place) -> dict[str, Any]:
    """Facts about the file at a place.

    Raises:
        PlaceNotFound: there is none; the message says what there is.
        PlaceIsFolder: there is a folder.
    """
    info = place.info()
    if info["type"] == "directory":
        raise PlaceIsFolder(f"'{place}' is a folder; name a file in it")
    return info


def expect_folder(place: Place) -> dict[str, Any]:
    """Facts about the folder at a place.

    Raises:
        PlaceNotFound: there is none; the message says what there is.
        PlaceIsFile: there is a file.
    """
    info = place.info()
    if info["type"] != "directory":
        raise PlaceIsFile(f"'{place}' is a file, not a folder")
    return info


def _relative(typed: str, text: str, drive: Drive) -> Place:
    path = _within(typed, text.removesuffix("/"))
    if path == "My Drive" or path.startswith("My Drive/"):
        path = path[len("My Drive/") :]
    full = f"{drive.root.rstrip('/')}/{path}".rstrip("/") if drive.root else path
    if drive.api is None:
        check_path(full)
    return Place(typed, drive.fs, full, drive)


def _on_drive(typed: str, path: str, drive: Drive | None, settings: Settings) -> Place:
    """A place that only the API knows: on the attached Drive if that has one."""
    if drive is not None and isinstance(drive.fs, DriveFileSystem):
        fs: DriveFileSystem = drive.fs
    else:
        fs, drive = DriveFileSystem(settings.drive_url or None), None
    return Place(typed, fs, fs._strip_protocol(_within(typed, path)), drive)


def _by_address(typed: str, path: str, key: str, drive: Drive | None, settings: Settings) -> Place:
    place = _on_drive(typed, path, drive, settings)
    if key and isinstance(place.fs, DriveFileSystem):
        place.fs.api.remember_key(path.removeprefix("id:"), key)
    return place


def _here(typed: str, text: str, drive: Drive | None) -> Place:
    path = os.path.normpath(Path(text).expanduser().absolute())
    if drive is not None and drive.mountpoint is not None:
        inside = os.path.relpath(path, drive.mountpoint)
        if inside != ".." and not inside.startswith("../"):
            if drive.fuse is not None and isinstance(drive.fs, DriveFileSystem):
                drive.fs.lookup.log().expire()  # another process has written there
            return _relative(typed, "" if inside == "." else inside, drive)
    check_path(path)  # before anything touches it: a dead mount answers nobody
    if drive is not None and drive.api is not None and (mapped := _mounted(path)) is not None:
        return Place(typed, drive.fs, mapped, drive)
    return Place(typed, LocalFileSystem(), path, None)


def _mounted(path: str) -> str | None:
    """The place on Drive of a path below a Drive mount, by the id that the mount tells."""
    ask = getattr(os, "getxattr", None)
    names: list[str] = []
    while ask is not None:
        try:
            id = ask(path, "user.drive.id").decode()
        except OSError:
            id = ""
        if id and not id.startswith("local"):  # "local-…": not on Drive yet
            return "/".join([f"id:{id}", *reversed(names)])
        if os.path.exists(path):
            return None  # a plain file; only what is still to be made is looked for above it
        path, name = os.path.split(path)
        names.append(name)
        if not name:
            return None
    return None


def _elsewhere(typed: str, text: str) -> Place:
    from fsspec.core import url_to_fs

    scheme = text.partition(":")[0]
    try:
        fs, path = url_to_fs(text)
    except ImportError as exc:
        raise MissingExtra(f"places of {scheme}:// need another package: {exc}") from None
    except ValueError as exc:
        raise BadPlace(f"no place: {text!r} ({exc})") from None
    return Place(typed, fs, path, None)


def _within(typed: str, path: str) -> str:
    """The path without "." and "..".

    Raises:
        BadPlace: it climbs out of the Drive.
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and not parts:
            raise BadPlace(
                f"{typed!r} climbs out of the Drive; a file of this machine starts with ./ or /"
            )
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _absent(place: Place, what: str) -> str:
    above, _, name = place.path.rstrip("/").rpartition("/")
    while above and not place.fs.isdir(above):
        above, _, name = above.rpartition("/")
        what = "folder"
    if not above:
        return f"no {what} '{place}'"
    names = [entry.rstrip("/").rpartition("/")[2] for entry in place.fs.ls(above, detail=False)]
    return absent(name, above, names, what=what)
