"""What is at a path of the mounted folder, as Drive has it?

Paths are those of `DriveFileSystem` with "/" in front; its knowledge is used, so that what is known
costs no request. A Google document, which has no bytes, shows as a small file that links to it:
"Plan" as "Plan.gdoc".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colab_magics.errors import PlaceIsFile, PlaceNotFound
from colab_magics.storage.tree import Node, to_path

if TYPE_CHECKING:
    from colab_magics.storage.filesystem import DriveFileSystem
    from colab_magics.storage.lookup import Found

FRESH_SECONDS = 2.0  # how old what programs see may be
_NAME_MAX = 255  # bytes; longer names can be reached by id only
_GOOGLE = "application/vnd.google-apps."
_LINKS = {
    "document": ("gdoc", "document"),
    "spreadsheet": ("gsheet", "spreadsheets"),
    "presentation": ("gslides", "presentation"),
    "drawing": ("gdraw", "drawings"),
    "form": ("gform", "forms"),
}
_SUFFIXES = (".glink", *(f".{suffix}" for suffix, _ in _LINKS.values()))


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder.

    Attributes:
        path: in `DriveFileSystem`.
        mtime: nanoseconds since 1970; 0 where Drive tells none.
        link: the content of a file that stands for a Google document.
    """

    path: str
    id: str
    folder: bool
    size: int
    mtime: int
    md5: str | None
    revision: str
    link: bytes | None = None

    @classmethod
    def of(cls, node: Node, path: str) -> Entry:
        """The entry of a node at a path."""
        when = int(node.modified.timestamp() * 1e9) if node.modified is not None else 0
        linked = not node.folder and node.mime_type.startswith(_GOOGLE)
        link = _link(node) if linked else None
        size = len(link) if link is not None else node.size or 0
        return cls(path, node.id, node.folder, size, when, node.md5, node.revision, link)

    def node(self) -> Node:
        """The same for the API."""
        name = self.path.rpartition("/")[2]
        return Node(self.id, name, None, "", self.size, self.md5, self.revision, None)


class View:
    """Entries by path. Safe for threads."""

    def __init__(self, fs: DriveFileSystem) -> None:
        self._fs = fs

    def entry(self, path: str) -> Entry | None:
        """What is at a path, None for nothing."""
        path = path.strip("/")
        found = self._found(path)
        if found is not None and (entry := Entry.of(found.node, path)).link is None:
            return entry
        above, _, name = path.rpartition("/")
        document = self._found(path.rpartition(".")[0]) if name.endswith(_SUFFIXES) else None
        if document is None:
            return None
        shown, entry = _named(document, above)
        return entry if shown == name else None

    def names(self, folder: str) -> dict[str, Entry]:
        """What is in a folder, by name.

        Raises:
            PlaceNotFound, PlaceIsFile: there is no folder.
        """
        above = folder.strip("/")
        place = self._fs.lookup.found(above, within=FRESH_SECONDS)
        if not place.node.folder:
            raise PlaceIsFile(f"{folder!r} is a file, not a folder")
        found: dict[str, Entry] = {}
        for child in self._fs.lookup.children(place, within=FRESH_SECONDS):
            name, entry = _named(child, above)
            if _can_be_shown(name) and (name not in found or entry.link is None):
                found[name] = entry
        return found

    def _found(self, path: str) -> Found | None:
        try:
            return self._fs.lookup.find(path, within=FRESH_SECONDS)
        except (PlaceNotFound, PlaceIsFile):
            return None


def _named(child: Found, above: str) -> tuple[str, Entry]:
    name = to_path(child.own.name)
    entry = Entry.of(child.node, f"{above}/{name}".lstrip("/"))
    if entry.link is not None:
        name += f".{_LINKS.get(child.node.mime_type.removeprefix(_GOOGLE), ('glink', ''))[0]}"
    return name, entry


def _can_be_shown(name: str) -> bool:
    try:
        return 0 < len(name.encode()) <= _NAME_MAX and "\0" not in name
    except UnicodeError:
        return False


def _link(node: Node) -> bytes:
    kind = _LINKS.get(node.mime_type.removeprefix(_GOOGLE), ("", ""))[1]
    page = f"https://docs.google.com/{kind}/d/{node.id}/edit"
    url = page if kind else f"https://drive.google.com/open?id={node.id}"
    return (
        json.dumps({"url": url, "doc_id": node.id, "mime_type": node.mime_type}) + "\n"
    ).encode()
