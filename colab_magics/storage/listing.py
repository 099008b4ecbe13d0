"""What is in a folder, what matches a pattern, and what lies in the trash?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from fsspec.utils import glob_translate

from colab_magics.errors import BadPlace, PlaceIsFolder

from .filesystem import DriveFileSystem
from .place import Place
from .tree import Node, to_path

Sort = Literal["name", "size", "time"]
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    """One file or folder of a listing; None where the place tells none.

    Attributes:
        path: what `%drive_get` and the others take; by id where the name means another file.
        size: bytes; None for folders, shortcuts and Google's own documents.
        note: what is special about it, in words.
    """

    name: str
    path: str
    folder: bool
    size: int | None
    modified: datetime | None
    id: str | None
    md5: str | None
    revision: str | None
    note: str = ""
    shortcut: bool = False


def listing(place: Place, *, sort: Sort = "name", reverse: bool = False) -> list[Item]:
    """What a folder holds, what a pattern matches, or the one file.

    Args:
        sort: by name, folders first; by size, the largest first; or by time, the newest first.

    Raises:
        PlaceNotFound: nothing is there; the message says what there is.
    """
    fs: Any = place.fs
    if is_pattern(place):
        base = pattern_base(place.path)
        items = [_item(info, base) for info in matches(place, base)]
    else:
        place.info()
        infos = [info for info in fs.ls(place.path, detail=True) if not _itself(info, place)]
        items = [_item(_led(fs, info)) for info in infos]
        if isinstance(fs, DriveFileSystem) and fs.isdir(place.path):
            items += _twins(fs, place.path)
    return sorted(items, key=_KEYS[sort], reverse=reverse)


def trashed(fs: DriveFileSystem) -> list[Item]:
    """What lies in the trash of a Drive, changed last first; not what lies in a folder there."""
    found = [*fs.api.list("trashed = true and 'me' in owners", order_by="modifiedTime desc")]
    ids = {node.id for node in found}
    nodes = [node for node in found if node.parent not in ids]
    return [_item(fs.describe(one, f"id:{one.id}"), name=to_path(one.name)) for one in nodes]


def is_pattern(place: Place) -> bool:
    """Whether a place names what matches, not one file; a file of that very name comes first."""
    return any(char in place.path for char in "*?[") and not place.exists()


def pattern_base(pattern: str) -> str:
    """The folder that a pattern starts from."""
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return fixed.rpartition("/")[0]


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as the regular expression that fsspec matches whole paths with.

    Raises:
        BadPlace: it is none.
    """
    try:
        return re.compile(glob_translate(pattern))
    except ValueError:
        raise BadPlace(f"no pattern: {pattern!r}; '**' stands alone between two '/'") from None


def matches(place: Place, base: str) -> list[dict[str, Any]]:
    """What `info` says of everything that a pattern matches; `base` is the folder it starts in.

    Raises:
        BadPlace: it is no pattern.
    """
    compiled(place.path)  # glob itself raises a ValueError in words of its own
    found: Any = place.fs.glob(place.path, detail=True)
    return [info for path, info in found.items() if path.rstrip("/") != base]  # "**" matches it


def _item(info: dict[str, Any], base: str = "", name: str = "") -> Item:
    path = str(info["name"]).rstrip("/")
    when = info.get("modified") or info.get("mtime")
    if isinstance(when, (int, float)):
        when = datetime.fromtimestamp(when).astimezone()
    folder = info["type"] == "directory"
    return Item(
        name=name or (path[len(base) :].lstrip("/") if base else path.rpartition("/")[2]),
        path=path,
        folder=folder,
        size=None if folder or info.get("shortcut") else info.get("size"),
        modified=when if isinstance(when, datetime) else None,
        id=info.get("id"),
        md5=info.get("md5"),
        revision=info.get("revision"),
        note=_note(info),
        shortcut=bool(info.get("shortcut")) or info["type"] == "link",
    )


def _itself(info: dict[str, Any], place: Place) -> bool:
    """Whether this is the listed folder; object stores list the empty file that stands for it."""
    name = str(info["name"])
    return info["type"] == "directory" and name.rstrip("/") == place.path.rstrip("/")


def _led(fs: Any, info: dict[str, Any]) -> dict[str, Any]:
    """The same, with the name of what a shortcut leads to, as far as that is known."""
    if not info.get("shortcut") or (node := fs.nodes.get(info["id"])) is None:
        return info
    return {**info, "target": fs.nodes.path_of(node.id, fs.api.root_id()) or node.name}


def _note(info: dict[str, Any]) -> str:
    notes = []
    if info["type"] == "link":
        notes.append("shortcut that can not be followed")
    elif info.get("shortcut"):
        notes.append(f"shortcut → {info.get('target') or 'id:' + info['id']}")
    if formats := info.get("exportable"):
        notes.append(f"{_document(info)}; --export {' '.join(formats)}")
    elif info["type"] == "file" and info.get("size", 0) is None:
        notes.append(_document(info))
    if info.get("shared"):
        notes.append("shared")
    return " · ".join(notes)


def _document(info: dict[str, Any]) -> str:
    kind = str(info.get("mimetype", "")).rpartition(".")[2]
    words = {"document": "Doc", "spreadsheet": "Sheet", "presentation": "Slides"}
    return f"Google {words.get(kind, kind)}".rstrip()


def _twins(fs: DriveFileSystem, path: str) -> list[Item]:
    """Those that share their name with another one of the folder, which is meant by it."""
    folder = fs.node(path)
    by_name: dict[str, list[Node]] = {}
    for node in fs.nodes.children(folder.id):
        by_name.setdefault(node.name, []).append(node)
    found = []
    for name, nodes in by_name.items():
        meant = fs.nodes.find(folder.id, name)
        for node in nodes:
            if meant is None or node.id == meant.id:
                continue
            info = fs.describe(node, f"id:{node.id}")
            note = f"an older one of {len(nodes)} of this name; its place is id:{node.id}"
            item = _item(info, name=to_path(name))
            found.append(replace(item, note=" · ".join(filter(None, [note, item.note]))))
    return found


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts file2 before file10, and capital letters beside small ones."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]


_KEYS: dict[str, Any] = {
    "name": lambda item: (not item.folder, _natural(item.name), item.name),
    "size": lambda item: (-(item.size or 0), _natural(item.name)),
    "time": lambda item: (-(item.modified or _LONG_AGO).timestamp(), _natural(item.name)),
}


def counted(number: int, what: str) -> str:
    """Say how many: ``1 entry``, ``2,000 files``."""
    if number != 1:
        what = what.removesuffix("y") + "ies" if what.endswith("ry") else f"{what}s"
    return f"{number:,} {what}"


def local_name(place: Place) -> str:
    """The name that a file of a place gets here; one on Drive may hold "/" or be ".."."""
    return to_path(place.name) if isinstance(place.fs, DriveFileSystem) else place.name


def result_place(place: Place) -> Place:
    """A place that results are sent to: a file, which need not be there yet.

    Raises:
        PlaceIsFolder: a folder is there.
    """
    if place.typed.endswith("/") or place.is_folder():
        raise PlaceIsFolder(f"'{place}' is a folder; name the file in it that --put shall write")
    return place
