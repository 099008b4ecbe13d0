"""How is something removed from a Drive, and how does it come back?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from colab_magics.display import Card, Link, size
from colab_magics.errors import BadPlace, DriveForbidden, PlaceIsFolder, PlaceNotFound

from .filesystem import DriveFileSystem
from .listing import counted, is_pattern, listing
from .outline import outline
from .place import Place
from .tree import Node, to_name

_UNDONE = 20  # files that one line brings back; more ids than these nobody can read
_TRASH = "https://drive.google.com/drive/trash"


@dataclass(frozen=True)
class Removed:
    """One file or folder that was removed, or came back.

    Attributes:
        id: of what was removed; `%drive_rm --restore id:ID` brings it back. None off Drive.
        held: what was in it, in words; of a folder only.
        size: bytes of a file; None for a folder.
    """

    place: str
    id: str | None
    held: str
    size: int | None
    forever: bool = False
    restored: bool = False


class Removal(Sequence[Removed]):
    """All that one `%drive_rm` removed or restored."""

    def __init__(self, removed: Sequence[Removed], *, google: bool) -> None:
        self._removed, self._google = tuple(removed), google

    def __getitem__(self, at: Any) -> Any:
        return self._removed[at]

    def __len__(self) -> int:
        return len(self._removed)

    def card(self) -> Card:
        """What happened, and how it can be undone."""
        first, many = self[0], len(self) > 1
        title = counted(len(self), "entry") if many else first.place
        word = "in the trash"
        if first.forever or first.restored:
            word = "deleted for good" if first.forever else "restored"
        lines: list[tuple[str, object]] = []
        for one in self[:10]:
            what = one.held or ("a folder" if one.size is None else size(one.size))
            lines.append((one.place if many else _caption(one), what))
        if len(self) > 10:
            lines.append((f"… {len(self) - 10} more", ""))
        if not first.forever and not first.restored:
            ids = " ".join(f"id:{one.id}" for one in self[:_UNDONE])
            lines.append(("undo", f"%drive_rm --restore {ids}"))
            if len(self) > _UNDONE:
                lines.append(("", f"and {len(self) - _UNDONE:,} more: %drive_ls --trashed"))
            if self._google:
                lines.append(("trash", Link(_TRASH)))
        return Card(title, "ok", word, lines)

    def __repr__(self) -> str:
        return repr(self.card())

    def _repr_html_(self) -> str:
        return self.card()._repr_html_()


def _caption(one: Removed) -> str:
    return "it held" if one.held else "kind" if one.size is None else "size"


def remove(places: Sequence[Place], *, recursive: bool = False, forever: bool = False) -> Removal:
    """Remove files and folders: into the trash, or for good.

    All are looked at before the first one is removed.

    Args:
        recursive: folders with all that is in them, too.
        forever: past the trash; also the only way where there is none.

    Raises:
        PlaceNotFound: nothing is there.
        PlaceIsFolder: a folder holds something, and `recursive` was not said.
        BadPlace: it is the top folder.
        DriveForbidden: there is no trash there, and `forever` was not said.
    """
    found = [one for place in places for one in _expanded(place)]
    plan = [(place, _looked_at(place, recursive, forever)) for place in found]
    for place, removed in plan:
        _remove(place, removed)
    return Removal([removed for _, removed in plan], google=_google(places[0]))


def restore(places: Sequence[Place]) -> Removal:
    """Take files and folders out of the trash of a Drive again.

    Raises:
        PlaceNotFound: nothing of that name or id is in the trash.
        DriveForbidden: the place has no trash.
    """
    done = []
    for place in places:
        fs = place.fs
        if not isinstance(fs, DriveFileSystem):
            raise DriveForbidden(f"'{place}' is not on a Drive, so nothing of it is in a trash")
        node = fs.api.update(_in_trash(fs, place).id, trashed=False)
        fs.lookup.wrote(node)
        done.append(Removed(str(place), node.id, "", node.size, restored=True))
    return Removal(done, google=_google(places[0]))


def _in_trash(fs: DriveFileSystem, place: Place) -> Node:
    if place.path.startswith("id:") and "/" not in place.path:
        node = fs.api.get(place.path.removeprefix("id:"))
        if not node.trashed:
            raise PlaceNotFound(f"'{place}' ({node.name}) is not in the trash")
        return node
    above, _, last = place.path.rpartition("/")
    name = to_name(last)
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    query = f"trashed = true and '{fs.node(above).id}' in parents and name = '{quoted}'"
    for node in fs.api.list(query, order_by="modifiedTime desc"):
        if node.name == name:
            return node
    raise PlaceNotFound(f"no '{place}' in the trash; %drive_ls --trashed shows what is there")


def _expanded(place: Place) -> list[Place]:
    if not is_pattern(place):
        return [place]
    found = [replace(place, typed=item.path, path=item.path) for item in listing(place)]
    if not found:
        raise PlaceNotFound(f"nothing matches '{place}'")
    paths = {one.path for one in found}
    # What lies in a folder that is removed goes with it.
    return [one for one in found if paths.isdisjoint(map(str, PurePosixPath(one.path).parents))]


def _looked_at(place: Place, recursive: bool, forever: bool) -> Removed:
    """What is there, if it may be removed."""
    _refuse_top(place)
    info = place.info()
    if not isinstance(place.fs, DriveFileSystem) and not forever:
        raise DriveForbidden(f"there is no trash for '{place}'; add --forever to delete it")
    held, shortcut = "", info.get("shortcut")  # a shortcut goes alone, what it leads to stays
    if info["type"] == "directory" and not shortcut:
        inside = outline(place, most=200 if recursive else 1)
        if not recursive and (inside.count or inside.folders):
            number = len(inside.files) + len(inside.branches)
            raise PlaceIsFolder(
                f"'{place}' holds {counted(number, 'entry')}; add --recursive to remove it whole"
            )
        held = inside.says() if inside.count or inside.folders else "nothing"
    bytes_ = None if held else 0 if shortcut else info.get("size")
    return Removed(str(place), shortcut or info.get("id"), held, bytes_, forever)


def _refuse_top(place: Place) -> None:
    drive, path = place.drive, place.path.rstrip("/")
    tops = {"", "/"} | ({drive.root.rstrip("/")} if drive is not None else set())
    if place.local is not None:
        tops.add(str(Path.home()))
    if isinstance(place.fs, DriveFileSystem):
        tops.add(f"id:{place.fs.api.root_id()}")
    if path in tops:
        raise BadPlace(f"'{place}' is the top folder, which can not be removed")


def _remove(place: Place, removed: Removed) -> None:
    fs: Any = place.fs
    trash = {"trash": not removed.forever} if isinstance(fs, DriveFileSystem) else {}
    fs.rm(place.path, recursive=removed.held != "", **trash)


def _google(place: Place) -> bool:
    return isinstance(place.fs, DriveFileSystem) and not place.fs.api.url
