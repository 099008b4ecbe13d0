"""What is known of a Drive: which files and folders, by id, and where they lie.

A name on Drive is never a path: it may hold "/", be "..", or be empty. In paths it is written so
that it can be read back: "/" becomes U+2215 (a slash to the eye); U+201B (a quotation mark) goes
before each U+2215 and U+201B that the name itself holds, before ".", "..", "My Drive",
"Shared drives" and a name that begins with "id:", and stands alone for the empty name.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_GOOGLE = "application/vnd.google-apps."
FOLDER = f"{_GOOGLE}folder"
SHORTCUT = f"{_GOOGLE}shortcut"
FIELDS = (
    "id,name,mimeType,parents,trashed,size,md5Checksum,headRevisionId,version,"
    "modifiedTime,createdTime,shared,driveId,shortcutDetails(targetId,targetMimeType,targetResourceKey)"
)
SHARED_DRIVES = "Shared drives"
_SLASH, _QUOTE = "\u2215", "\u201b"
_OLDEST = datetime.min.replace(tzinfo=UTC)
_FLOORS = 20_000


@dataclass(frozen=True, slots=True)
class Node:
    """One file or folder of a Drive.

    Attributes:
        revision: changes when, and only when, the content does: headRevisionId, or the md5, or
            for Google's own documents the version.
        version: Drive's count of all changes of this file, content or not; 0 when unknown.
        drive: the id of the shared drive that it lies on; empty on My Drive.
        target: the id of the file or folder that this is a shortcut to; empty when it is none.
        target_type: what kind of file that is.
        target_key: what a link to it needs besides the id, where it needs that.
        shared: whether anybody else may open it.
    """

    id: str
    name: str
    parent: str | None
    mime_type: str
    size: int | None
    md5: str | None
    revision: str
    modified: datetime | None
    trashed: bool = False
    version: int = 0
    created: datetime | None = None
    drive: str = ""
    target: str = ""
    target_type: str = ""
    target_key: str = ""
    shared: bool = False

    @property
    def folder(self) -> bool:
        """Whether this is a folder."""
        return self.mime_type == FOLDER

    @classmethod
    def read(cls, resource: Mapping[str, Any]) -> Node:
        """The node that a Drive v3 file resource describes; it needs the fields in FIELDS."""
        mime_type = str(resource.get("mimeType", ""))
        # Google's own documents tell a size that is not that of any bytes one can get.
        size = None if mime_type.startswith(_GOOGLE) else resource.get("size")
        md5 = resource.get("md5Checksum")
        version = str(resource.get("version", ""))
        shortcut = resource.get("shortcutDetails") or {}
        return cls(
            id=str(resource["id"]),
            name=str(resource.get("name", "")),
            parent=next(iter(resource.get("parents") or ()), None),
            mime_type=mime_type,
            size=None if size is None else int(size),
            md5=md5,
            revision=str(resource.get("headRevisionId") or md5 or version),
            modified=read_time(resource.get("modifiedTime")),
            trashed=bool(resource.get("trashed", False)),
            version=int(version) if version.isdigit() else 0,
            created=read_time(resource.get("createdTime")),
            drive=str(resource.get("driveId") or ""),
            target=str(shortcut.get("targetId") or ""),
            target_type=str(shortcut.get("targetMimeType") or ""),
            target_key=str(shortcut.get("targetResourceKey") or ""),
            shared=bool(resource.get("shared")),
        )


def shared_drive(id: str, name: str) -> Node:
    """A shared drive as the folder that it looks like; it lies in the folder SHARED_DRIVES."""
    return Node(id, name, SHARED_DRIVES, FOLDER, None, None, "", None, drive=id)


def read_time(text: str | None) -> datetime | None:
    """A moment as Drive writes it, such as ``2026-11-20T06:40:25.087Z``."""
    return datetime.fromisoformat(text) if text else None


def newest(nodes: Iterable[Node]) -> Node | None:
    """Which of several files of one name in one folder the name means.

    The one modified last; of those the one with the lowest id. The others can be reached by id.
    """
    ordered = sorted(nodes, key=lambda node: node.id)
    return max(ordered, key=lambda node: node.modified or _OLDEST, default=None)


def to_path(name: str) -> str:
    """A name as one part of a path; `to_name` reads it back."""
    quoted = name.replace(_QUOTE, _QUOTE + _QUOTE).replace(_SLASH, _QUOTE + _SLASH)
    quoted = quoted.replace("/", _SLASH)
    special = name in ("", ".", "..", "My Drive", SHARED_DRIVES) or name.startswith("id:")
    return _QUOTE + quoted if special else quoted


def to_name(part: str) -> str:
    """The name that one part of a path stands for."""
    name, at = [], 0
    while at < len(part):
        if part[at] == _QUOTE:
            at += 1
            name.append(part[at : at + 1])
        else:
            name.append("/" if part[at] == _SLASH else part[at])
        at += 1
    return "".join(name)


class Tree:
    """Files and folders by id, safe to use from several threads.

    There is no map from path to id: a folder that is renamed or moved is one entry, and every path
    below it is right at once. Where one folder holds several files of a name, `newest` decides.
    """

    def __init__(self) -> None:
        self.unlock()
        self._nodes: dict[str, Node] = {}
        self._inside: dict[str, dict[str, None]] = {}  # folder id -> ids; a dict keeps the order
        self._named: dict[tuple[str, str], set[str]] = {}  # (folder id, name) -> ids
        self._floors: OrderedDict[str, float] = OrderedDict()  # id -> least version believed

    def unlock(self) -> None:
        """Have a new lock: in a forked child, the old one may be held by a thread that is gone."""
        self._lock = threading.RLock()

    def put(self, node: Node) -> None:
        """Learn a node; one older than what is known is ignored, a trashed one is buried."""
        with self._lock:
            known = self._nodes.get(node.id)
            if known and known.version > node.version > 0:
                return  # a late listing
            if 0 < node.version < self._floors.get(node.id, 0):
                return
            if node.trashed:
                self.bury(node.id, node.version)
                return
            self.drop(node.id)
            self._nodes[node.id] = node
            if node.parent is not None:
                self._inside.setdefault(node.parent, {})[node.id] = None
                self._named.setdefault((node.parent, node.name), set()).add(node.id)

    def drop(self, id: str) -> None:
        """Forget a node; what lies below it stays known, but has no path."""
        with self._lock:
            node = self._nodes.pop(id, None)
            if node is None or node.parent is None:
                return
            self._inside[node.parent].pop(id, None)
            same = self._named[node.parent, node.name]
            same.discard(id)
            if not same:
                del self._named[node.parent, node.name]

    def expect(self, id: str, version: float) -> None:
        """Believe no version of a file below this one from now on."""
        with self._lock:
            self._floors[id] = max(version, self._floors.pop(id, 0))
            while len(self._floors) > _FLOORS:
                self._floors.popitem(last=False)

    def bury(self, id: str, version: float = 0) -> None:
        """Learn that a file is in the trash or gone, as of this version of it; 0: of the known one.

        What is older than that, such as a late listing, does not bring it back.
        """
        with self._lock:
            known = self._nodes.get(id)
            if known and known.version > version > 0:
                return
            if version := version or (known.version if known else 0):
                self.expect(id, version + 1)
            self.drop(id)

    def clear(self) -> None:
        """Forget everything but which versions are too old."""
        with self._lock:
            self._nodes.clear()
            self._inside.clear()
            self._named.clear()

    def get(self, id: str) -> Node | None:
        """The node of that id, if it is known."""
        return self._nodes.get(id)

    def children(self, folder_id: str) -> list[Node]:
        """The known nodes in a folder, all of those that share a name among them."""
        with self._lock:
            return [self._nodes[id] for id in self._inside.get(folder_id, ())]

    def find(self, parent_id: str, name: str) -> Node | None:
        """The known node that `name` means in a folder."""
        return newest(self.named(parent_id, name))

    def named(self, parent_id: str, name: str) -> list[Node]:
        """All known nodes of that name in a folder."""
        with self._lock:
            return [self._nodes[id] for id in self._named.get((parent_id, name), ())]

    def __len__(self) -> int:
        """How many nodes are known."""
        return len(self._nodes)

    def path_of(self, id: str, root_id: str) -> str | None:
        """The path from `root_id` down to a node; None while a folder between is not known."""
        parts: list[str] = []
        seen: set[str] = set()
        with self._lock:
            while id != root_id:
                node = self._nodes.get(id)
                if node is None or node.parent is None or id in seen:
                    return None
                seen.add(id)
                parts.append(to_path(node.name))
                id = node.parent
        return "/".join(reversed(parts))
