"""What does one watch know of its files on Drive, and which watches does a change concern?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from colab_magics.storage.tree import Node

from .change import Change, Kind
from .drive_mirror import Mirror
from .subscription import Sink, Subscription
from .target import Target


class DriveWatch(Subscription):
    """A subscription to files on Drive, with what they were when last reported.

    Attributes:
        base: the id that paths start from: My Drive's, or that of an ``id:`` place.
        prefix: what paths are written with in front: nothing, or ``id:ID``.
    """

    def __init__(
        self,
        target: Target,
        sink: Sink,
        *,
        every: float | None,
        base: str,
        prefix: str,
        forget: Callable[[Subscription], None],
    ) -> None:
        super().__init__(target, sink, every=every, forget=forget)
        self.base = base
        self.prefix = prefix
        self.ids: dict[str, str] = {}  # id -> path of the files last reported
        self._seen: dict[str, Node] = {}  # path -> node

    def below(self, path: str) -> str:
        """A path as it is below `base`."""
        return path[len(self.prefix) :].strip("/")

    def learn(self, mirror: Mirror, root: str) -> None:
        """Take the files that are there, in the folder of id `root`, as known."""
        paths = {self.target.path}
        if self.target.kind != "file":
            rests = [mirror.tree.path_of(file.id, self.base) for file in mirror.walk(root)]
            paths = {f"{self.prefix}/{rest}".strip("/") for rest in rests if rest is not None}
        for path in filter(self.target.matches, paths):
            node = mirror.at(self.base, self.below(path))
            if node is not None and not node.folder:
                self._keep(path, node)

    def _keep(self, path: str, node: Node) -> None:
        self._seen[path] = node
        self.ids[node.id] = path

    def look(self, path: str, now: Node | None) -> Change | None:
        """Compare what is at a path with what was last reported of it."""
        before = self._seen.get(path)
        if now is None or now.folder:
            if before is None:
                return None
            del self._seen[path]
            self.ids.pop(before.id, None)
            return _change("deleted", path, before, None, datetime.now(UTC))
        if before is not None and before.id == now.id and _content(before) == _content(now):
            return None
        if before is not None:
            self.ids.pop(before.id, None)
        self._keep(path, now)
        kind: Kind = "modified" if before else "created"
        return _change(kind, path, now, now.size, now.modified or datetime.now(UTC))


def _change(kind: Kind, path: str, node: Node, size: int | None, time: datetime) -> Change:
    return Change(kind, path, path.rsplit("/", 1)[-1], node.id, node.revision, time, size)


def _content(node: Node) -> str:
    # Google's own documents have no hash, and their version moves when somebody looks at them.
    return node.revision if node.md5 else f"{node.modified}"


@dataclass
class _Group:
    exact: dict[str, list[DriveWatch]] = field(default_factory=dict)
    broad: list[DriveWatch] = field(default_factory=list)


class Watches:
    """The watches of one Drive, by what can happen to them. Needs the caller's lock."""

    def __init__(self) -> None:
        self._all: dict[DriveWatch, None] = {}
        self._groups: dict[tuple[str, str], _Group] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[DriveWatch]:
        return iter(list(self._all))

    def add(self, watch: DriveWatch) -> None:
        """Begin with a watch."""
        self._all[watch] = None
        group = self._groups.setdefault((watch.base, watch.prefix), _Group())
        if watch.target.kind == "file":
            group.exact.setdefault(watch.target.path, []).append(watch)
        else:
            group.broad.append(watch)

    def remove(self, watch: DriveWatch) -> None:
        """End with a watch."""
        if self._all.pop(watch, 0) == 0:
            return
        key = watch.base, watch.prefix
        group, path = self._groups[key], watch.target.path
        if watch.target.kind != "file":
            group.broad.remove(watch)
        else:
            group.exact[path].remove(watch)
            if not group.exact[path]:
                del group.exact[path]
        if not group.broad and not group.exact:
            del self._groups[key]

    def paths(self, mirror: Mirror, id: str) -> list[tuple[str, _Group]]:
        """All paths by which watches may know a node now."""
        found = []
        line = set(mirror.line(id))
        for (base, prefix), group in self._groups.items():
            if base in line:
                rest = mirror.tree.path_of(id, base)
                if rest is not None:
                    found.append((f"{prefix}/{rest}".strip("/"), group))
        return found

    def looks_into(self, mirror: Mirror, folder: str) -> bool:
        """Whether any watch looks at what is in a folder."""
        return any(
            watch.target.looks_into(path)
            for path, group in self.paths(mirror, folder)
            for watch in self._of(group)
        )

    def roots_below(self, mirror: Mirror, folder: str) -> list[tuple[str, str]]:
        """(base, path below it) of the watched folders that a folder is on the way to."""
        found = [
            (watch.base, watch.below(watch.target.root))
            for path, group in self.paths(mirror, folder)
            for watch in self._of(group)
            if watch.target.lies_below(path)
        ]
        return list(dict.fromkeys(found))

    def concerned(self, mirror: Mirror, id: str) -> list[tuple[DriveWatch, str]]:
        """The (watch, path) pairs that must be looked at when a file has changed."""
        found: dict[tuple[DriveWatch, str], None] = {}
        # Where it was comes first: a rename is a "deleted" and then a "created".
        for watch in self._all:
            if id in watch.ids:
                found[watch, watch.ids[id]] = None
        for path, group in self.paths(mirror, id):
            for watch in group.exact.get(path, ()):
                found[watch, path] = None
            for watch in group.broad:
                if watch.target.matches(path):
                    found[watch, path] = None
        return list(found)

    @staticmethod
    def _of(group: _Group) -> Iterable[DriveWatch]:
        yield from group.broad
        # Watches of files in one folder reach the same folders.
        roots: dict[str, DriveWatch] = {}
        for watches in group.exact.values():
            roots.setdefault(watches[0].target.root, watches[0])
        yield from roots.values()
