"""Which node is at a path, and what is in a folder? Asks as little as possible; `known` has why.

A path whose folders are not known costs one search for all of its names, however deep it is; a
known one costs nothing, or one look at the change log when that is some seconds ago.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import ColabMagicsError, PlaceIsFile, PlaceNotFound

from .api import DriveAPI
from .asking import Asker
from .changelog import ChangeLog
from .known import Known
from .parallel import each
from .tree import FOLDER, SHARED_DRIVES, SHORTCUT, Node, Tree, to_name
from .wording import absent

logger = logging.getLogger(__name__)

LISTING_SECONDS = 1.0
"""How old what a listing shows may be."""
_ALL_DRIVES = Node(SHARED_DRIVES, SHARED_DRIVES, None, FOLDER, None, None, "", None)


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a path.

    Attributes:
        node: the file or folder; a shortcut only when it leads nowhere.
        above: the ids of the folders that the path passes.
        shortcut: the shortcut that led to it, if one did.
        trouble: why the shortcut leads nowhere.
    """

    node: Node
    above: tuple[str, ...] = ()
    shortcut: Node | None = None
    trouble: str = ""

    @property
    def own(self) -> Node:
        """What lies at the path itself."""
        return self.shortcut or self.node

    def target(self) -> Node:
        """What is meant by the path.

        Raises:
            PlaceNotFound: a shortcut that leads nowhere.
        """
        if self.trouble:
            raise PlaceNotFound(f"{self.own.name!r} is a shortcut {self.trouble}")
        return self.node


class Lookup:
    """Paths of one Drive. "" is My Drive; ``id:ID`` and ``Shared drives/NAME`` start elsewhere."""

    def __init__(self, api: DriveAPI, tree: Tree, clock: Clock = CLOCK) -> None:
        self._api = api
        self._clock = clock
        self.known = Known(tree, api.settings, clock)
        self._asker = Asker(api, self.known, clock)
        self._warned: set[tuple[str, str]] = set()
        self._dangling: dict[str, float] = {}  # ids that shortcuts lead to, and that are not there

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        self._asker.unlock()

    def log(self, drive: str = "") -> ChangeLog:
        """The change log of a shared drive, or of this user."""
        return self._asker.log(drive)

    def find(self, path: str, *, within: float | None = None) -> Found | None:
        """What is at a path, or None.

        Args:
            within: how many seconds old the answer may be; None: as many as usual.

        Raises:
            PlaceIsFile: what should be a folder on the way is a file.
            PlaceNotFound: a shortcut on the way leads nowhere.
        """
        return self._walk(path, within)[0]

    def found(self, path: str, *, within: float | None = None) -> Found:
        """What is at a path.

        Raises:
            PlaceNotFound: nothing; the message says what there is.
            PlaceIsFile: what should be a folder on the way is a file.
        """
        found, above, missing = self._walk(path, within)
        if found is not None:
            return found
        if not above:
            raise PlaceNotFound(f"no file {path!r} on this Drive, or it is in the trash")
        start, parts = _parts(path)
        at = len(above) - 1
        what = "file" if at == len(parts) - 1 else "folder"
        where = "/".join([start or "My Drive", *parts[:at]])
        raise PlaceNotFound(absent(to_name(missing), where, self._names(above[-1]), what=what))

    def node(self, path: str) -> Node:
        """The file or folder that a path means; as `found`."""
        return self.found(path).target()

    def children(self, folder: Found, *, within: float | None = None) -> list[Found]:
        """What is in a folder, one for each name, by name."""
        node = folder.target()
        self._asker.learn_folder(node, within)
        nodes, above = self.known.names(node.id), (*folder.above, node.id)
        links = [node.target for node in nodes if node.mime_type == SHORTCUT]
        each(self._target, [id for id in links if id and self.known.tree.get(id) is None])
        return [self._followed(node, above) for node in nodes]

    def twins(self, folder_id: str, name: str) -> list[Node]:
        """All that is known to have a name in a folder."""
        return self.known.tree.named(folder_id, name)

    def wrote(self, node: Node) -> Node:
        """Note a node as this process has just made it."""
        self.known.wrote(node)
        return node

    def removed(self, id: str, version: float = 0) -> None:
        """Note that this process has just removed a node; `Known.removed` says the rest."""
        self.known.removed(id, version)

    def refresh(self) -> None:
        """Ask Drive again from now on; what was written here lately stays known."""
        self.known.clear()
        self._dangling.clear()
        self._asker.expire()

    def _walk(self, path: str, within: float | None) -> tuple[Found | None, list[Node], str]:
        """What is there; else the folders on the way and the part that the last one lacks."""
        start, parts = _parts(path)
        node = self._start(start, bool(parts), within)
        if node is None:
            return None, [], ""
        found, above = Found(node), list[Node]()
        names = [to_name(part) for part in parts]
        together = True  # whether it is worth while to search for all names at once
        for at, name in enumerate(names):
            folder = found.target()
            if not folder.folder:
                raise PlaceIsFile(f"{folder.name!r} is a file, so there is no {path!r} below it")
            self.log(folder.drive).current(within)
            child, sure = self.known.child(folder.id, name)
            if not sure:
                folder, child = self._asker.ask(folder, names[at:] if together else [name])
                together = False
            above.append(folder)
            if child is None:
                return None, above, parts[at]
            self._warn_of_twins(child)
            found = self._followed(child, tuple(one.id for one in above))
        return found, above, ""

    def _warn_of_twins(self, node: Node) -> None:
        """Say once that a name is not unique: it may mean another file tomorrow."""
        twins = self.twins(node.parent or "", node.name)
        place = (node.parent or "", node.name)
        if len(twins) > 1 and place not in self._warned:
            self._warned.add(place)
            logger.warning(
                "%d files in one folder are called %r; the newest is meant, id:%s",
                len(twins),
                node.name,
                node.id,
            )

    def _start(self, start: str, more: bool, within: float | None) -> Node | None:
        """Where a path starts; a stand-in for My Drive as long as only its children matter."""
        if start == SHARED_DRIVES:
            return _ALL_DRIVES
        if start:
            return self._by_id(start.removeprefix("id:"), within)
        top = self._asker.top()
        return top if more else self._by_id(top.id, within)

    def _by_id(self, id: str, within: float | None = None) -> Node | None:
        known = self.known.tree.get(id)
        if known is not None:
            self.log(known.drive).current(within)
            if (node := self.known.tree.get(id)) is not None:
                return node
        self.log().start()
        try:
            node = self._api.get(id)  # unlike a listing never late, and 20 times cheaper
            if node.drive and self.log(node.drive).start():
                node = self._api.get(id)  # what happened before that log was read from
        except PlaceNotFound:
            node = None
        if node is None or node.trashed:
            self.known.forget(id)
            return None
        self._asker.learn(id, node)
        return node

    def _target(self, id: str) -> Node | None:
        """What a shortcut leads to; that there is nothing is believed for a while."""
        now, fresh = self._clock.monotonic(), self._api.settings.fresh_seconds
        if now - self._dangling.get(id, -fresh) < fresh:
            return None
        node = self._by_id(id)
        if node is None:
            self._dangling[id] = now
        return node

    def _followed(self, node: Node, above: tuple[str, ...]) -> Found:
        if node.mime_type != SHORTCUT:
            return Found(node, above)
        if node.target in above:
            return Found(node, above, node, "back to a folder that it lies in")
        if node.target and node.target_key:
            self._api.remember_key(node.target, node.target_key)
        target = self._target(node.target) if node.target else None
        if target is None:
            return Found(node, above, node, "to nothing: that is gone, or not shared with you")
        if target.mime_type == SHORTCUT:
            return Found(node, above, node, "to another shortcut")
        return Found(target, above, node)

    def _names(self, folder: Node) -> list[str]:
        try:
            self._asker.learn_folder(folder)
        except ColabMagicsError:
            return []  # the message about the missing file matters more
        return [node.name for node in self.known.names(folder.id)]


def _parts(path: str) -> tuple[str, list[str]]:
    """What a path starts from, ``id:ID``, SHARED_DRIVES or "", and the rest of its parts."""
    parts = [part for part in path.split("/") if part]
    if parts and (parts[0].startswith("id:") or parts[0] == SHARED_DRIVES):
        return parts[0], parts[1:]
    return "", parts
