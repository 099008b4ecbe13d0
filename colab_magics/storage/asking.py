"""What is asked of a Drive about names and folders, in how few requests?"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from urllib.parse import quote

from colab_magics.clock import Clock

from .api import DriveAPI
from .changelog import ChangeLog
from .known import Known
from .tree import FOLDER, SHARED_DRIVES, Node

_LONGEST = 6000  # characters of names in one search; Drive takes URLs of some 8,000
_ROOT = "root"  # the alias of My Drive's id


class Asker:
    """Asks, and has `known` take in the answers."""

    def __init__(self, api: DriveAPI, known: Known, clock: Clock) -> None:
        self._api = api
        self._known = known
        self._clock = clock
        self._logs: dict[str, ChangeLog] = {}
        self._doubts, self._sign_ins = api.doubts, api.sign_ins
        self.unlock()

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        self._lock = threading.Lock()  # guards the logs
        self._listing = [threading.Lock() for _ in range(32)]  # held during requests
        self._known.unlock()
        for log in self._logs.values():
            log.unlock()

    def log(self, drive: str = "") -> ChangeLog:
        """The change log of a shared drive, or of this user."""
        self._check_account()
        if self._doubts != self._api.doubts:  # something may be otherwise than was noted here
            self._doubts = self._api.doubts
            self._known.clear()
            self.expire()
        with self._lock:
            if drive not in self._logs:
                self._logs[drive] = ChangeLog(self._api, self._known, self._clock, drive)
            return self._logs[drive]

    def _check_account(self) -> None:
        """Forget everything if somebody else may be signed in by now."""
        if self._sign_ins != (sign_ins := self._api.sign_ins):
            self._sign_ins = sign_ins
            self._known.leave()
            with self._lock:
                self._logs.clear()

    def expire(self) -> None:
        """Look at all change logs before the next answer."""
        with self._lock:
            for log in self._logs.values():
                log.expire()

    def top(self) -> Node:
        """My Drive, as far as that is needed to find what is in it."""
        self._check_account()
        if self._api.known_root:
            self._known.roots.add(self._api.known_root)
        return _stand_in(self._api.known_root or _ROOT)

    def ask(self, folder: Node, names: Sequence[str]) -> tuple[Node, Node | None]:
        """The folder and what the first name means in it; on the way, those below are learnt."""
        folder = self._ask(folder, names)
        return folder, self._known.tree.find(folder.id, names[0])

    def _ask(self, folder: Node, names: Sequence[str]) -> Node:
        name, line = names[0], _together(names)
        if folder.id == SHARED_DRIVES or not line:  # not line: too long a name for a search
            folder = self._rooted(folder, ())
            self.learn_folder(folder)
            return folder
        if len(line) > 1:
            folder = self._ask_line(folder, line)
            if self._known.child(folder.id, name)[1]:
                return folder
        at = self._clock.monotonic()
        if self._known.worth_listing(folder.id):
            nodes = self._api.few_children(folder.id, drive=folder.drive)
            if nodes is not None:
                folder = self._rooted(folder, nodes)
                self._known.listed(folder.id, nodes, at)
                return folder
            self._known.too_big(folder.id)
        nodes = self._api.find(folder.id, name, drive=folder.drive)
        folder = self._rooted(folder, nodes)
        self._known.searched(folder.id, name, nodes, at)
        return folder

    def _ask_line(self, folder: Node, names: Sequence[str]) -> Node:
        """Learn which folders and files the names of a path are, as far as one search shows it.

        What it lacks is asked for one by one: it may be on a later page, or too new for a search.
        """
        at = self._clock.monotonic()
        nodes = self._api.find_line(folder.id, names, drive=folder.drive)
        inside = [node for node in nodes if node.name == names[0]]
        if folder.id == _ROOT and names[0].casefold() in {name.casefold() for name in names[1:]}:
            inside = []  # not all of them are in My Drive
        if inside or folder.id != _ROOT:
            folder = self._rooted(folder, inside)
        above: Node | None = folder
        for at_name, name in enumerate(names, 1):
            same = [node for node in nodes if above and node.parent == above.id]
            same = [node for node in same if node.name == name]
            if above is None or not same:
                break
            self._known.searched(above.id, name, same, at)
            if at_name == len(names):
                self._known.worth_listing(above.id)  # counts it
            above = self._known.tree.find(above.id, name)
        return folder

    def _rooted(self, folder: Node, inside: Sequence[Node]) -> Node:
        """The folder by its own id, if it went by an alias; what lies in it tells the id."""
        if folder.id != _ROOT:
            return folder
        if not self._api.known_root:
            self._learn_root(next((node.parent for node in inside if node.parent), None))
        return _stand_in(self._api.root_id())

    def learn(self, id: str, node: Node) -> None:
        """Take in what an id, or an alias of it, was found to mean."""
        if id == _ROOT:
            self._learn_root(node.id)
        self._known.learn([node])

    def _learn_root(self, id: str | None) -> None:
        self._api.known_root = id or self._api.root_id()
        self._known.roots.add(self._api.known_root)

    def learn_folder(self, folder: Node, within: float | None = None) -> None:
        """Know all that is in a folder."""
        self.log(folder.drive).current(within)
        if self._known.is_listed(folder.id):
            return
        with self._listing[hash(folder.id) % len(self._listing)]:
            if self._known.is_listed(folder.id):
                return  # another thread has asked meanwhile
            at = self._clock.monotonic()
            if folder.id == SHARED_DRIVES:
                nodes = self._api.drives()
                self._known.roots.update(node.id for node in nodes)
            else:
                nodes = self._api.children(folder.id, drive=folder.drive)
            self._known.listed(folder.id, nodes, at)


def _stand_in(id: str) -> Node:
    return Node(id, "My Drive", None, FOLDER, None, None, "", None)


def _together(names: Sequence[str]) -> list[str]:
    """As many of the first names as one search can hold."""
    length, taken = 0, list[str]()
    for name in names:
        length += len(quote(name)) + 40
        if length > _LONGEST:
            break
        taken.append(name)
    return taken
