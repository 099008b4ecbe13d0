"""How does a folder with all that is in it get here or there, file by file, and go on after a cut?

A file that is there already, with the size and md5 it should have, is not moved again: a second run
is cheap, and one that was interrupted goes on. Files that nobody names any more stay where they
are. Names of Drive that can not be names here are written as `tree` says, and read back so when
they are sent. A link to a file inside the folder is sent as that file; links to folders, and links
that lead out of the folder, are not followed.
"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from colab_magics.errors import PlaceIsFile, PlaceNotFound
from colab_magics.settings import Settings
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place, expect_folder
from colab_magics.storage.tree import Node, newest, to_name, to_path

from .transfer import fetch, has_content, md5_of, send
from .treework import Share, Work

_OWN_PART = re.compile(r"\.[0-9a-f]{12,16}(-[0-9a-f]{12})?\.part(\.done)?")


@dataclass(frozen=True)
class TreeReceipt:
    """What was moved.

    Attributes:
        files: how many files were moved.
        size: how many bytes they have.
        skipped: how many were there already.
        failed: pairs of a path below the folder and, in a line, why it did not arrive.
        left_out: pairs of the path of what is no file to fetch, such as a shortcut, and why.
    """

    files: int
    size: int
    skipped: int
    failed: list[tuple[str, str]]
    left_out: list[tuple[str, str]]
    seconds: float


def fetch_tree(place: Place, target: Path, *, callback: Any = None) -> TreeReceipt:
    """Bring a folder to this machine.

    Args:
        callback: an fsspec callback; its `count(done, total)`, if it has one, hears of files, and
            its `note(text)` of what is waited for.

    Raises:
        PlaceNotFound, PlaceIsFile: there is no folder at `place`.
    """
    started = time.monotonic()
    expect_folder(place)
    work = _work(place.fs)
    target.mkdir(parents=True, exist_ok=True)
    if isinstance(place.fs, DriveFileSystem):
        node = place.fs.node(place.path)
        work.folder("", partial(_look_on_drive, work, place.fs, node, target, ""))
    else:
        work.folder("", partial(_look, work, place.fs, place.path, target, ""))
    work.run(callback)
    return _receipt(work, started)


def send_tree(source: Path, place: Place, *, callback: Any = None) -> TreeReceipt:
    """Send a folder of this machine; files that are there keep their ids.

    Args:
        callback: as for `fetch_tree`.

    Raises:
        PlaceNotFound, PlaceIsFile: `source` is no folder, or `place` is a file.
    """
    started = time.monotonic()
    if not source.is_dir():
        kind = PlaceIsFile if source.exists() else PlaceNotFound
        raise kind(f"no folder '{source}' on this machine")
    if place.fs.isfile(place.path):
        raise PlaceIsFile(f"'{place}' is a file, not a folder")
    work = _work(place.fs)
    root = Path(os.path.realpath(source))
    work.folder("", partial(_look_here, work, place, root, root, place.path, ""))
    work.run(callback)
    return _receipt(work, started)


def _work(fs: AbstractFileSystem) -> Work:
    if isinstance(fs, DriveFileSystem):
        return Work(fs.api.settings.parallel_files, fs.api.wire)
    return Work(Settings.load().parallel_files, None)


def _receipt(work: Work, started: float) -> TreeReceipt:
    return TreeReceipt(
        work.files,
        work.size,
        work.skipped,
        sorted(work.failed),
        sorted(work.left_out),
        seconds=time.monotonic() - started,
    )


# To here


def _look_on_drive(work: Work, fs: DriveFileSystem, folder: Node, target: Path, above: str) -> None:
    """Say what is in a folder on Drive."""
    by_name: dict[str, list[Node]] = {}
    for node in fs.api.children(folder.id):
        by_name.setdefault(node.name, []).append(node)
    for name, nodes in by_name.items():
        chosen = newest(nodes) or nodes[0]
        local = to_path(name).replace("\0", "\u2400")
        path = f"{above}{local}"
        for other in nodes:
            if other is not chosen:
                work.leave_out(path, f"another file has this name; this one is id:{other.id}")
        if chosen.folder:
            (target / local).mkdir(exist_ok=True)
            look = partial(_look_on_drive, work, fs, chosen, target / local, f"{path}/")
            work.folder(path, look)
        elif chosen.target:
            why = f"a shortcut; fetch what it leads to by itself: id:{chosen.target}"
            work.leave_out(path, why)
        elif chosen.size is None or chosen.mime_type.startswith("application/vnd.google-apps."):
            work.leave_out(path, "a Google document, which has no bytes of its own; export it")
        else:
            work.file(path, chosen.size, partial(_fetch_node, fs, chosen, target / local))


def _fetch_node(fs: DriveFileSystem, node: Node, target: Path, share: Share) -> int | None:
    if has_content(target, node.size, node.md5):
        return None
    got: Node = fs.api.fetch_file(node, target, callback=share)
    return got.size


def _look(work: Work, fs: AbstractFileSystem, folder: str, target: Path, above: str) -> None:
    """Say what is in a folder of any other filesystem."""
    for info in fs.ls(folder, detail=True):
        name = info["name"].rstrip("/").rpartition("/")[2]
        if info["name"].strip("/") == folder.strip("/"):
            continue  # some list the folder itself
        local = to_path(name) if name in ("", ".", "..") else name  # object stores have no rules
        path = f"{above}{local}"
        if info["type"] == "directory":
            (target / local).mkdir(exist_ok=True)
            work.folder(path, partial(_look, work, fs, info["name"], target / local, f"{path}/"))
        else:
            move = partial(_fetch_other, fs, info, target / local)
            work.file(path, int(info.get("size") or 0), move)


def _fetch_other(
    fs: AbstractFileSystem, info: dict[str, Any], target: Path, share: Share
) -> int | None:
    if _equal(target, fs, info):
        return None
    return fetch((fs, info["name"]), target, callback=share).size


def _equal(path: Path, fs: AbstractFileSystem, info: dict[str, Any]) -> bool:
    """Whether a file here is known to be equal to one there; where sizes differ, none is hashed."""
    if not path.is_file() or path.stat().st_size != info.get("size"):
        return False
    return has_content(path, info["size"], _md5_there(fs, info))


# From here


def _look_here(work: Work, place: Place, root: Path, folder: Path, to: str, above: str) -> None:
    """Say what is in a folder of this machine, and make the folder it goes to."""
    there = _there(place.fs, to)
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{above}{entry.name}"
        if (why := _refused(entry, root)) is not None:
            if why:
                work.fail(path, why)
            continue
        name = _as_part(place.fs, entry.name)
        goal = f"{to}/{name}" if to else name
        if entry.is_dir():
            source = Path(entry.path)
            work.folder(path, partial(_look_here, work, place, root, source, goal, f"{path}/"))
        else:
            info = there.get(name, {})
            move = partial(_send_one, place, Path(entry.path), goal, info)
            work.file(path, entry.stat().st_size, move)


def _refused(entry: os.DirEntry[str], root: Path) -> str | None:
    """Why a thing in a folder is not sent; empty where nobody needs to know, None if it is."""
    if _OWN_PART.fullmatch(entry.name):
        return ""
    if entry.name != os.fsencode(entry.name).decode("utf-8", "replace"):
        return "its name is no UTF-8"
    if entry.is_symlink():
        real = Path(os.path.realpath(entry.path))
        if not real.is_relative_to(root):
            return "a link that leads out of the folder; it is not followed"
        if not real.is_file():
            return "a link to a folder, or to nothing; it is not followed"
    return None if entry.is_dir() or entry.is_file() else "neither a file nor a folder"


def _as_part(fs: AbstractFileSystem, name: str) -> str:
    """A name here as a part of a path there; one that was made here from a name of Drive is it."""
    if not isinstance(fs, DriveFileSystem) or to_path(to_name(name)) == name:
        return name
    return to_path(name)


def _there(fs: AbstractFileSystem, folder: str) -> dict[str, dict[str, Any]]:
    """What is in a folder there, by name; the folder is made if need be."""
    if not fs.isdir(folder):
        fs.makedirs(folder, exist_ok=True)
        return {}
    found = fs.ls(folder, detail=True)
    return {info["name"].rstrip("/").rpartition("/")[2]: info for info in found}


def _send_one(
    place: Place, source: Path, goal: str, info: dict[str, Any], share: Share
) -> int | None:
    if info.get("type") == "file" and _equal(source, place.fs, info):
        return None
    return send(source, Place(goal, place.fs, goal, place.drive), callback=share).size


def _md5_there(fs: AbstractFileSystem, info: dict[str, Any]) -> str | None:
    """The md5 of a file there, where it can be had without fetching the file."""
    if isinstance(fs, LocalFileSystem):
        return md5_of(Path(info["name"]))
    return info.get("md5")
