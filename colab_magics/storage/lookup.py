"""Which node is at a path, and what is in a folder? Own writes are seen at once.

Drive's listings are late by seconds, at times by minutes; `files.get` never is.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterable

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import ColabMagicsError, PlaceIsFile, PlaceNotFound

from .api import DriveAPI
from .tree import Node, Tree, to_name

_LAG_SECONDS = 30.0  # how long a listing may not know of a write
_TRUST_SECONDS = 10.0  # how long a folder, or the choice among files of one name, stays as seen


class Lookup:
    """Paths of one Drive; "" is My Drive, ``id:ID`` and ``id:ID/rest`` start elsewhere."""

    def __init__(self, api: DriveAPI, tree: Tree, clock: Clock = CLOCK) -> None:
        self._api = api
        self._tree = tree
        self._clock = clock
        self._lock = threading.RLock()
        self._seen: dict[str, float] = {}  # folder id -> when its own name and place were seen
        self._searched: dict[tuple[str, str], float] = {}  # (folder id, name) -> when
        self._own: dict[str, float] = {}  # id -> until when listings are not believed about it
        self._gone: dict[str, float] = {}

    def find(self, path: str) -> Node | None:
        """The node at a path, or None.

        Raises:
            PlaceIsFile: what should be a folder on the way is a file.
        """
        return self._walk(path)[0]

    def node(self, path: str) -> Node:
        """The node at a path.

        Raises:
            PlaceNotFound: there is none; the message says what there is.
            PlaceIsFile: what should be a folder on the way is a file.
        """
        node, folder, missing = self._walk(path)
        if node is not None:
            return node
        if folder is None:
            raise PlaceNotFound(f"no file {path!r} on this Drive, or it is in the trash")
        start, parts = _parts(path)
        at = parts.index(missing)
        what = "file" if at == len(parts) - 1 else "folder"
        where = "/".join(["My Drive" if start is None else f"id:{start}", *parts[:at]])
        raise PlaceNotFound(absent(to_name(missing), where, self._names(folder), what=what))

    def children(self, folder: Node) -> list[Node]:
        """What is in a folder, one node for each name."""
        listed = {node.id: node for node in self._api.children(folder.id)}
        with self._lock:
            now = self._clock.monotonic()
            self._learn(listed.values(), now)
            for known in self._tree.children(folder.id):
                if known.id not in listed and not self._late(self._own, known.id, now):
                    self._tree.drop(known.id)
            names = {node.name for node in self._tree.children(folder.id)}
            for name in names:
                self._searched[folder.id, name] = now
            found = [self._tree.find(folder.id, name) for name in sorted(names)]
            return [node for node in found if node is not None]

    def wrote(self, node: Node) -> Node:
        """Note a node as this process has just made it."""
        with self._lock:
            now = self._clock.monotonic()
            self._gone.pop(node.id, None)
            self._own = _unexpired(self._own, now)
            self._own[node.id] = now + _LAG_SECONDS
            self._seen[node.id] = now
            self._tree.put(node)
            if node.parent is not None:
                self._searched[node.parent, node.name] = now
        return node

    def removed(self, id: str) -> None:
        """Note that this process has just removed a node."""
        with self._lock:
            now = self._clock.monotonic()
            self._own.pop(id, None)
            self._gone = _unexpired(self._gone, now)
            self._gone[id] = now + _LAG_SECONDS
            self._tree.drop(id)

    def refresh(self) -> None:
        """Ask Drive again from now on; what was written here lately stays known."""
        with self._lock:
            self._seen.clear()
            self._searched.clear()

    def _walk(self, path: str) -> tuple[Node | None, Node | None, str]:
        """The node, or else the deepest folder on the way and the part it lacks."""
        start, parts = _parts(path)
        node = self._by_id(start or self._api.root_id())
        folder: Node | None = None
        for part in parts:
            if node is None:
                break
            if not node.folder:
                raise PlaceIsFile(f"{node.name!r} is a file, so there is no {path!r} below it")
            folder, node = node, self._child(node.id, to_name(part))
            if node is None:
                return None, folder, part
        return node, folder, ""

    def _child(self, folder_id: str, name: str) -> Node | None:
        now = self._clock.monotonic()
        known = self._tree.find(folder_id, name)
        searched = self._searched.get((folder_id, name), -_TRUST_SECONDS)
        if known is not None and now - searched < _TRUST_SECONDS:
            node = self._by_id(known.id)
            if node is not None and (node.parent, node.name) == (folder_id, name):
                return node
        found = self._api.find(folder_id, name)
        with self._lock:
            self._learn(found, now)
            ids = {node.id for node in found}
            for other in self._tree.named(folder_id, name):
                if other.id not in ids and not self._late(self._own, other.id, now):
                    self._tree.drop(other.id)
            self._searched[folder_id, name] = now
            return self._tree.find(folder_id, name)

    def _by_id(self, id: str) -> Node | None:
        now = self._clock.monotonic()
        known = self._tree.get(id)
        if known and known.folder and now - self._seen.get(id, -_TRUST_SECONDS) < _TRUST_SECONDS:
            return known
        try:
            node = self._api.get(id)  # unlike a listing never late, and 20 times cheaper
        except PlaceNotFound:
            node = None
        with self._lock:
            if node is None or node.trashed:
                self._tree.drop(id)
                self._own.pop(id, None)
                return None
            self._learn([node], now)
            return node

    def _learn(self, nodes: Iterable[Node], now: float) -> None:
        for node in nodes:
            if not self._late(self._gone, node.id, now):
                self._tree.put(node)
                self._seen[node.id] = now

    def _late(self, until: dict[str, float], id: str, now: float) -> bool:
        return until.get(id, now) > now

    def _names(self, folder: Node) -> list[str]:
        try:
            return [node.name for node in self.children(folder)]
        except ColabMagicsError:
            return []  # the message about the missing file matters more


def absent(name: str, folder: str, names: list[str], *, what: str = "file") -> str:
    """Say that a name is not in a folder, and what is; the likeliest first."""
    if not names:
        return f"no {what} {name!r} in {shown(folder)}, which is empty"
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    ordered = close + [other for other in sorted(names) if other not in close]
    some = ", ".join(shown(other) for other in ordered[:3])
    more = f" ({len(ordered) - 3} more)" if len(ordered) > 3 else ""
    return f"no {what} {name!r} in {shown(folder)}; there is: {some}{more}"


def shown(text: str, most: int = 80) -> str:
    """A name as one can show it: no control or direction characters, not too long."""
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return safe if len(safe) <= most else safe[: most - 1] + "…"


def _parts(path: str) -> tuple[str | None, list[str]]:
    """The id a path starts from (None: My Drive), and the rest of its parts."""
    parts = [part for part in path.split("/") if part]
    if parts and parts[0].startswith("id:"):
        return parts[0][3:], parts[1:]
    return None, parts


def _unexpired(until: dict[str, float], now: float) -> dict[str, float]:
    return {id: end for id, end in until.items() if end > now}
