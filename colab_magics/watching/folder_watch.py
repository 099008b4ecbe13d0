"""What does one watch know of its local files, and what does a new look at one of them mean?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .change import Change, Kind
from .local_files import files_below, leaves, signature
from .subscription import Sink, Subscription
from .target import Target, unfinished

# A file system's time stamps move in steps of some milliseconds: two writes within one step leave
# the same signature, so a signature taken this soon after the write is not trusted to be unique.
_STEP_NS = 20_000_000


@dataclass(slots=True)
class _Seen:
    signature: str
    size: int
    fresh: bool
    at: float
    again: int = 0

    @property
    def version(self) -> str:
        return f"{self.signature}-{self.again}" if self.again else self.signature


class FolderWatch(Subscription):
    """A subscription to local files, with what they were when last reported.

    Attributes:
        root: the real path of the folder below which things happen, all links resolved.
        exact: the real path of the one file, when one file is watched.
    """

    def __init__(
        self,
        target: Target,
        sink: Sink,
        *,
        every: float | None,
        forget: Callable[[Subscription], None],
    ) -> None:
        super().__init__(target, sink, every=every, forget=forget)
        self.root = os.path.realpath(target.root)
        self.exact = self.real(target.path) if target.kind == "file" else None
        self._seen: dict[str, _Seen] = {}

    def real(self, path: str) -> str:
        """A path below the target's root as the OS reports it."""
        return self.root.rstrip("/") + "/" + path[len(self.target.root) :].strip("/")

    def shown(self, path: str) -> str:
        """A path that the OS reports as the user would write it."""
        return self.target.root.rstrip("/") + "/" + path[len(self.root) :].strip("/")

    def learn(self) -> None:
        """Take what is there now as known."""
        for path in self.present():
            if found := signature(path):
                self._seen[path] = _remember(found)

    def wants(self, path: str) -> bool:
        """Whether a file at this real path is looked at."""
        if self.exact is not None:
            return path == self.exact
        below = path.startswith(self.root.rstrip("/") + "/")
        return below and self.target.matches(self.shown(path)) and not leaves(path, self.root)

    def present(self) -> Iterator[str]:
        """Real paths of the files looked at that exist."""
        if self.exact is not None:
            return iter((self.exact,) if os.path.lexists(self.exact) else ())
        found = files_below(
            self.root, recursive=self.target.recursive, hidden=unfinished(self.target.path)
        )
        return filter(self.wants, found)

    def gone(self, below: str = "") -> list[str]:
        """Known files, all or those below a folder, that exist no more."""
        return [
            path for path in list(self._seen) if path.startswith(below) and not os.path.exists(path)
        ]

    def differs(self, path: str, found: str) -> bool:
        """Whether a signature is not the one last reported."""
        seen = self._seen.get(path)
        return seen is None or seen.signature != found

    def look(
        self, path: str, found: tuple[str, int, int] | None, *, closed_at: float = 0.0
    ) -> Change | None:
        """Compare a file with what was last reported of it.

        Args:
            found: its signature now, or None when it is gone.
            closed_at: when the OS said that a writer had closed it, by `time.monotonic`.
        """
        seen = self._seen.get(path)
        if found is None:
            if seen is None:
                return None
            del self._seen[path]
            return self._change("deleted", path, seen.version, None)
        again = 0
        if seen is not None and seen.signature == found[0]:
            if not (seen.fresh and closed_at > seen.at):
                return None
            again = seen.again + 1
        now = self._seen[path] = _remember(found, again)
        return self._change("modified" if seen else "created", path, now.version, now.size)

    def _change(self, kind: Kind, path: str, version: str, size: int | None) -> Change:
        shown = self.shown(path)
        name = shown.rsplit("/", 1)[-1]
        return Change(kind, shown, name, "", version, datetime.now(UTC), size)


def _remember(found: tuple[str, int, int], again: int = 0) -> _Seen:
    text, size, modified = found
    # Compared with a time stamp of the file system, and with when an event was heard: the
    # machine's own clocks, not the one that tests move.
    return _Seen(text, size, time.time_ns() - modified < _STEP_NS, time.monotonic(), again)
