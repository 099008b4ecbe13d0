"""What is known of the folders of a Drive, and for how long may one rely on that?

The change log keeps nodes right for as long as somebody reads it. It can not mend what was wrong
from the start: a listing may be late by seconds, at times by minutes. So a listing from the first
moments is made again, and each one in the end; and what was written or heard of lately stays, even
where a listing does not show it yet.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable

from colab_magics.clock import Clock
from colab_magics.settings import Settings

from .answers import Entry
from .tree import Node, Tree, newest

LAG_SECONDS = 30.0  # how long a listing may not know of a write
_PROBES = 2  # names asked for in one folder before all of it is worth a request


class Known:
    """Nodes, which folders are known whole, and which names were asked for. Asks nobody.

    Attributes:
        tree: the nodes.
        roots: ids that count as known folders although they may have no node here.
    """

    def __init__(self, tree: Tree, settings: Settings, clock: Clock) -> None:
        self.tree = tree
        self.roots: set[str] = set()
        self._settings = settings
        self._clock = clock
        self.unlock()
        self._since = clock.monotonic()  # when what is known began to be gathered
        self._listed: dict[str, float] = {}  # folder id -> when
        self._searched: dict[tuple[str, str], float] = {}  # (folder id, name) -> when
        self._asked: dict[str, int] = {}  # folder id -> how many names were asked for; -1: too big
        self._recent: dict[str, float] = {}  # id -> until when a listing may lack it

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        self._lock = threading.RLock()
        self.tree.unlock()

    def is_listed(self, folder_id: str) -> bool:
        """Whether all that is in a folder is known."""
        at = self._listed.get(folder_id)
        if at is None:
            return False
        now = self._clock.monotonic()
        if at - self._since < LAG_SECONDS <= now - self._since:
            return False  # what happened just before the log was read from may lack in it
        return now - at < self._settings.relist_seconds

    def child(self, folder_id: str, name: str) -> tuple[Node | None, bool]:
        """What a name means in a folder, and whether that can be relied on."""
        with self._lock:
            node = self.tree.find(folder_id, name)
            # What is there stays right by the log; that all of it is known, only for a while.
            if self.is_listed(folder_id) or (node is not None and folder_id in self._listed):
                return node, True
            at = self._searched.get((folder_id, name))
            if at is None:
                return node, False
            # That a name is not there is the less certain half of an answer.
            fresh = self._clock.monotonic() - at < self._settings.fresh_seconds
            return node, node is not None or fresh

    def names(self, folder_id: str) -> list[Node]:
        """What is in a folder, one node for each name, by name."""
        with self._lock:
            by_name: dict[str, list[Node]] = {}
            for node in self.tree.children(folder_id):
                by_name.setdefault(node.name, []).append(node)
            return [found for name in sorted(by_name) if (found := newest(by_name[name]))]

    def worth_listing(self, folder_id: str) -> bool:
        """Count one more name asked for in a folder; whether to rather ask for all of it."""
        with self._lock:
            asked = self._asked.get(folder_id, 0)
            if asked < 0:
                return False
            self._asked[folder_id] = asked + 1
            return asked + 1 >= _PROBES

    def too_big(self, folder_id: str) -> None:
        """Note that a folder does not fit into one request."""
        self._asked[folder_id] = -1

    def learn(self, nodes: Iterable[Node]) -> None:
        """Take in what was found."""
        for node in nodes:
            self.tree.put(node)

    def searched(self, folder_id: str, name: str, found: Iterable[Node], at: float) -> None:
        """Take in all that has a name in a folder, as it was asked for at a time."""
        with self._lock:
            self._replace(self.tree.named(folder_id, name), found)
            if at >= self._since:
                self._searched[folder_id, name] = at

    def listed(self, folder_id: str, found: Iterable[Node], at: float) -> None:
        """Take in all that is in a folder, as it was asked for at a time."""
        with self._lock:
            self._replace(self.tree.children(folder_id), found)
            if at >= self._since:
                self._listed[folder_id] = at
            self._asked.pop(folder_id, None)

    def wrote(self, node: Node) -> None:
        """Take in a node that this process has just made or changed."""
        with self._lock:
            self._keep(node)
            self.tree.put(node)
            if node.parent is not None:
                self._searched[node.parent, node.name] = self._clock.monotonic()

    def removed(self, id: str, version: float = 0) -> None:
        """Take in that this process has just put something into the trash, or deleted it.

        Args:
            version: the last one of it, infinite when it was deleted; 0: the known one.
        """
        with self._lock:
            self._recent.pop(id, None)
            self._listed.pop(id, None)
            self.tree.bury(id, version)

    def forget(self, id: str) -> None:
        """Take in that something is not there, for whatever reason."""
        with self._lock:
            self._recent.pop(id, None)
            self._listed.pop(id, None)
            self.tree.drop(id)

    def heard(self, entries: Iterable[Entry]) -> None:
        """Take in what the change log says."""
        with self._lock:
            for entry in entries:
                node = entry.node
                if node is None or entry.removed or node.trashed:
                    self._listed.pop(entry.file_id, None)
                    self.tree.bury(entry.file_id, node.version if node else 0)
                    continue
                self.tree.expect(node.id, node.version)
                known = self.tree.get(node.id)
                if known is None and not self._is_folder(node.parent):
                    continue  # of no interest: nobody has asked for anything there
                self._keep(node)
                self.tree.put(node)
                if known is None or (known.parent, known.name) != (node.parent, node.name):
                    self._searched[node.parent or "", node.name] = self._clock.monotonic()

    def leave(self) -> None:
        """Forget everything: it was of another account."""
        with self._lock:
            self._recent.clear()
            self.roots.clear()
            self.clear()

    def clear(self) -> None:
        """Forget all but what is so new that listings may lack it."""
        with self._lock:
            now = self._clock.monotonic()
            recent = [self.tree.get(id) for id, until in self._recent.items() if until > now]
            self.tree.clear()
            self._listed.clear()
            self._searched.clear()
            self._asked.clear()
            self._since = now
            self.learn(node for node in recent if node is not None)

    def _replace(self, known: Iterable[Node], found: Iterable[Node]) -> None:
        now = self._clock.monotonic()
        shown = {node.id: node for node in found}
        self.learn(shown.values())
        for node in known:
            if node.id not in shown and self._recent.get(node.id, -math.inf) < now:
                self.tree.drop(node.id)
        if len(self._recent) > 4096:
            self._recent = {id: until for id, until in self._recent.items() if until > now}

    def _keep(self, node: Node) -> None:
        self._recent[node.id] = self._clock.monotonic() + LAG_SECONDS

    def _is_folder(self, id: str | None) -> bool:
        return id is not None and (id in self.roots or self.tree.get(id) is not None)
