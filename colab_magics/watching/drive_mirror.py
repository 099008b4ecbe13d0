"""What is known of the watched part of a Drive, by change log, listing or a look at one id?"""

from __future__ import annotations

import logging
import random
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from colab_magics.errors import DriveForbidden, PlaceNotFound
from colab_magics.storage.tree import Node, Tree, to_name

if TYPE_CHECKING:
    from colab_magics.storage.reading import Reader

logger = logging.getLogger(__name__)

_TOMBS = 20_000
_CHECKED = 50  # gets for one listing that omits files; 250 units, and the next listing goes on


class Interest(Protocol):
    """Says which folders somebody watches."""

    def looks_into(self, mirror: Mirror, folder: str) -> bool:
        """Whether what is in a folder is watched."""

    def roots_below(self, mirror: Mirror, folder: str) -> list[tuple[str, str]]:
        """(base, path below it) of the watched folders that a folder is on the way to."""


class Mirror:
    """Nodes by id, and which of them somebody should look at again.

    All methods need the caller's lock. Those that take a `reader` call Drive, and may be called
    again after an error: what is left to do is remembered until it is done.

    Attributes:
        dirty: ids of files of which something may have changed.
        unlisted: ids of folders that have come into view and must be listed.
        listed: folders whose children are all known, with the time of their last listing.
    """

    def __init__(self) -> None:
        self.tree = Tree()
        self.dirty: dict[str, None] = {}  # a dict keeps the order in which things happened
        self.unlisted: dict[str, None] = {}
        self.listed: dict[str, float] = {}
        self._gone: OrderedDict[str, int] = OrderedDict()  # id -> version when trashed or removed
        self._placed: dict[str, tuple[str, str | None]] = {}  # folder -> name and parent
        self._unseen: set[str] = set()  # folders that this account may not see

    def learn(self, node: Node) -> None:
        """Take in the state of a file or folder, unless a later one is known."""
        known = self.tree.get(node.id)
        if known and known.version > node.version > 0:
            return
        buried = self._gone.get(node.id)
        if buried is not None and 0 < node.version <= buried:
            return  # a late listing shows what has been trashed since
        if node.trashed:
            self.bury(node.id, node.version)
            return
        self._gone.pop(node.id, None)
        self._unseen.discard(node.id)
        self.tree.put(node)
        if not node.folder:
            if known != node:
                self.dirty[node.id] = None
        elif self._placed.get(node.id) != (node.name, node.parent):
            self._shake(node.id)
            self._placed[node.id] = (node.name, node.parent)
            self.unlisted[node.id] = None

    def bury(self, id: str, version: int = 0) -> None:
        """Take in that a file or folder is in the trash, or gone for good."""
        known = self.tree.get(id)
        if known and known.version > version > 0:
            return
        self._gone[id] = max(version, known.version if known else 0)
        while len(self._gone) > _TOMBS:
            self._gone.popitem(last=False)
        self._shake(id)
        self.dirty[id] = None
        for folder in [id, *self.folders_below(id)]:
            # What happens in there from now on is of no interest, so it is listed anew on return.
            self.listed.pop(folder, None)
            self._placed.pop(folder, None)
        self.tree.drop(id)

    def at(self, base: str, path: str) -> Node | None:
        """The known node that a path below `base` means, by storage's rule for equal names."""
        node = self.tree.get(base)
        for part in filter(None, path.split("/")):
            if node is not None:
                node = self.tree.find(node.id, to_name(part))
        return node

    def line(self, id: str) -> list[str]:
        """The id and those of all known folders above it, lowest first."""
        found: list[str] = []
        node = self.tree.get(id)
        while node is not None and node.id not in found:
            found.append(node.id)
            if node.parent is None:
                break
            node = self.tree.get(node.parent)
        return found

    def walk(self, folder: str) -> Iterator[Node]:
        """All known files below a folder."""
        for child in self.tree.children(folder):
            if child.folder:
                yield from self.walk(child.id)
            else:
                yield child

    def folders_below(self, folder: str) -> Iterator[str]:
        """All known folders below a folder."""
        for child in self.tree.children(folder):
            if child.folder:
                yield child.id
                yield from self.folders_below(child.id)

    def resolve(self, reader: Reader, base: str, path: str) -> Node:
        """The node that a path below `base` means; asks for what is not known yet.

        Raises:
            PlaceNotFound: there is none.
        """
        node = self.tree.get(base)
        if node is None:
            node = reader.get(base)
            self.learn(node)
            self.fetch_line(reader, base)
        for part in filter(None, path.split("/")):
            name = to_name(part)
            child = self.tree.find(node.id, name)
            if child is None:
                for found in reader.find(node.id, name):
                    self.learn(found)
                child = self.tree.find(node.id, name)
            if child is None:
                raise PlaceNotFound(f"no {name!r} in {node.name!r} on this Drive", place=path)
            node = child
        return node

    def lacks_line(self, id: str) -> bool:
        """Whether the folder of a node is not known, and can be asked for."""
        node = self.tree.get(id)
        if node is None or node.parent is None or self.tree.get(node.parent) is not None:
            return False
        return node.parent not in self._unseen and node.parent not in self._gone

    def fetch_line(self, reader: Reader, id: str) -> None:
        """Ask for the folders above a node that are not known yet."""
        node = self.tree.get(id)
        while node is not None and node.parent is not None:
            if self.lacks_line(node.id) and self._ask(reader, node.parent) is None:
                self._unseen.add(node.parent)
            node = self.tree.get(node.parent)

    def list_folder(self, reader: Reader, id: str, now: float, *, check_all: bool = False) -> None:
        """List a folder, and check by id what the listing contradicts.

        A listing may be late: a file that it omits is asked for by id before it counts as gone,
        and so is one that it shows although it was trashed.
        """
        known = self.tree.get(id)
        shown: dict[str, Node] = {}
        if known is None or not known.folder:
            doubtful = [id]  # a file that is watched by its id
        else:
            try:
                shown = {node.id: node for node in reader.children(id)}
            except (PlaceNotFound, DriveForbidden):
                doubtful = [id]
            else:
                doubtful = [child.id for child in self.tree.children(id) if child.id not in shown]
        for node in shown.values():
            if node.id in self._gone:
                doubtful.append(node.id)
            else:
                self.learn(node)
                if node.folder and node.id not in self.listed:
                    self.unlisted[node.id] = None
        if len(doubtful) > _CHECKED and not check_all:
            doubtful = random.sample(doubtful, _CHECKED)
        self.listed[id] = now
        for child in doubtful:
            if self._ask(reader, child) is None:
                self.bury(child)

    def list_new(self, reader: Reader, interest: Interest, now: float) -> None:
        """Deal with all folders that have come into view, and the folders in them.

        One that is looked into is listed. In one that is on the way to such a folder, only that
        folder is searched for.
        """
        while self.unlisted:
            id = next(iter(self.unlisted))
            self.fetch_line(reader, id)
            if id not in self.listed and interest.looks_into(self, id):
                self.list_folder(reader, id, now)
            for base, path in interest.roots_below(self, id):
                with suppress(PlaceNotFound):
                    root = self.resolve(reader, base, path)
                    if root.id not in self.listed:
                        self.unlisted[root.id] = None
            self.unlisted.pop(id, None)

    def refresh_folders(self, reader: Reader) -> None:
        """Ask for all known folders again, since the change log has a gap."""
        for folder in list(self._placed):
            if self._ask(reader, folder) is None:
                self.bury(folder)
        self._unseen.clear()

    def forget(self, id: str) -> None:
        """Drop a file that nobody watches; folders are kept, paths need them."""
        node = self.tree.get(id)
        if node is None or node.folder or id in self.listed:
            return
        if node.parent not in self.listed:
            self.tree.drop(id)

    def _ask(self, reader: Reader, id: str) -> Node | None:
        try:
            node = reader.get(id)
        except (PlaceNotFound, DriveForbidden):
            return None
        buried = self._gone.get(id)
        if buried is not None and not node.trashed:
            del self._gone[id]  # what an id answers now is true, whatever was heard before
        self.learn(node)
        return node

    def _shake(self, folder: str) -> None:
        """Look again at all below a folder, and below those that share its name and place."""
        node = self.tree.get(folder)
        twins = {folder}
        if node is not None and node.folder and node.parent is not None:
            twins |= {
                twin.id
                for twin in self.tree.children(node.parent)
                if twin.folder and twin.name == node.name
            }
        for twin in twins:
            self.dirty.update(dict.fromkeys(file.id for file in self.walk(twin)))
