"""How is something removed from a Drive, and how does it come back?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from colab_magics.display import Card, Link, size
from colab_magics.errors import BadPlace, DriveForbidden, PlaceIsFolder, PlaceNotFound

from .filesystem import DriveFileSystem
from .finding import named
from .listing import compiled, counted, is_pattern, listing, matches, pattern_base
from .outline import outline
from .parallel import each
from .place import Place
from .tree import Node, to_name, to_path

_UNDONE = 7  # ids that one line names: a card shows 400 characters of it
_FOLDERS_AT_ONCE = 20  # asked for in one search, whose length Drive limits
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

    def __init__(
        self, removed: Sequence[Removed], *, google: bool, undo: Sequence[str] = ()
    ) -> None:
        """Wrap what was removed.

        Args:
            undo: what stands behind `%drive_rm --restore` to bring it back.
        """
        self._removed, self._google, self._undo = tuple(removed), google, undo

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
        if self._undo:
            shown = " ".join(self._undo[:_UNDONE])
            lines.append(("undo", f"%drive_rm --restore {shown}"))
            if len(self._undo) > _UNDONE:
                more = len(self._undo) - _UNDONE
                lines.append(("", f"and {more:,} more: %drive_ls --trashed"))
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
    found = _outermost([one for place in places for one in _expanded(place)])
    removed = [_looked_at(place, recursive, forever) for place in found]
    undo = [] if forever else _undo(places, removed)
    each(lambda pair: _remove(*pair), zip(found, removed, strict=True))
    return Removal(removed, google=_google(places[0]), undo=undo)


def restore(places: Sequence[Place]) -> Removal:
    """Take files and folders out of the trash of a Drive again.

    A pattern means what was removed by it: what lies in the trash under such names. Of several
    that have one name in one folder, the one changed last comes back.

    Raises:
        PlaceNotFound: nothing of that name or id is in the trash.
        DriveForbidden: the place has no trash.
    """
    found: list[tuple[Place, Node]] = []
    for place in places:
        if not (nodes := _in_trash(place)):
            raise PlaceNotFound(
                f"no '{place}' in the trash; %drive_ls --trashed shows what is there"
            )
        found += nodes
    return Removal(each(_bring_back, found), google=_google(places[0]))


def _bring_back(found: tuple[Place, Node]) -> Removed:
    place, node = found
    fs: Any = place.fs
    node = fs.lookup.wrote(fs.api.update(node.id, trashed=False))
    return Removed(str(place), node.id, "", node.size, restored=True)


def _in_trash(place: Place) -> list[tuple[Place, Node]]:
    """What a place or pattern means in the trash, each with its own place."""
    fs = place.fs
    if not isinstance(fs, DriveFileSystem):
        raise DriveForbidden(f"'{place}' is not on a Drive, so nothing of it is in a trash")
    if place.path.startswith("id:") and "/" not in place.path:
        node = fs.api.get(place.path.removeprefix("id:"))
        if not node.trashed:
            raise PlaceNotFound(f"'{place}' ({node.name}) is not in the trash")
        return [(place, node)]
    above, _, last = place.path.rpartition("/")
    found = _thrown_away(fs, _folders(place, above), last)
    return [(replace(place, typed=path, path=path), node) for path, node in found]


def _folders(place: Place, above: str) -> list[str]:
    """The folders that the part of a pattern before its last "/" means."""
    upper = replace(place, typed=above, path=above)
    if not is_pattern(upper):
        return [above]
    base = pattern_base(above)
    found = matches(upper, base)
    folders = [str(info["name"]) for info in found if info["type"] == "directory"]
    return [base, *folders] if above.endswith("**") else folders


def _thrown_away(fs: DriveFileSystem, folders: list[str], last: str) -> list[tuple[str, Node]]:
    """What of some folders lies in the trash under a name, or under what a pattern means."""
    exact, same = to_path(to_name(last)), compiled(last)
    named_so = "" if any(char in last for char in "*?[") else f" and {named(to_name(last))}"
    nodes = [fs.node(folder) for folder in folders]
    thrown: dict[str | None, dict[str, Node]] = {node.id: {} for node in nodes}
    for drive in dict.fromkeys(node.drive for node in nodes):
        ids = [node.id for node in nodes if node.drive == drive]
        for at in range(0, len(ids), _FOLDERS_AT_ONCE):
            parents = " or ".join(f"'{id}' in parents" for id in ids[at : at + _FOLDERS_AT_ONCE])
            query = f"trashed = true and ({parents}){named_so}"
            for one in fs.api.list(query, order_by="modifiedTime desc", drive=drive):
                thrown[one.parent].setdefault(to_path(one.name), one)
    found = []
    for folder, node in zip(folders, nodes, strict=True):
        by_name = thrown[node.id]
        names = [exact] if exact in by_name else filter(same.match, sorted(by_name))
        found += [(f"{folder}/{name}".lstrip("/"), by_name[name]) for name in names]
    return found


def _expanded(place: Place) -> list[Place]:
    if not is_pattern(place):
        return [place]
    found = [replace(place, typed=item.path, path=item.path) for item in listing(place)]
    if not found:
        raise PlaceNotFound(f"nothing matches '{place}'")
    return found


def _outermost(places: Sequence[Place]) -> list[Place]:
    """Each of them once; what lies in a folder that is removed goes with it."""
    named = {(one.fs, one.path): one for one in places}
    return [
        one
        for (fs, path), one in named.items()
        if not any((fs, str(above)) in named for above in PurePosixPath(path).parents)
    ]


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


def _undo(places: Sequence[Place], removed: Sequence[Removed]) -> list[str]:
    """What brings just these back: their ids; or the patterns, if those would be too many.

    Asked before they are removed: a pattern that means something of the trash already would bring
    that back, too.
    """
    ids = [f"id:{one.id}" for one in removed]
    if len(ids) <= _UNDONE or not all(map(is_pattern, places)) or any(map(_in_trash, places)):
        return ids
    return [shlex.quote(place.typed) for place in places]


def _google(place: Place) -> bool:
    return isinstance(place.fs, DriveFileSystem) and not place.fs.api.url
