"""What changes in folders of this machine? Told by the operating system, checked by a rare scan."""

from __future__ import annotations

import logging
import math
import os
import stat
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

from colab_magics.clock import CLOCK, Clock
from colab_magics.settings import Settings

from .change import Change
from .folder_watch import FolderWatch
from .local_files import files_below, open_for_writing, signature
from .os_events import OSEvents, Said
from .poller import Poller
from .subscription import FeedStats, Sink, Subscription
from .target import Target

logger = logging.getLogger(__name__)

_SETTLE_SECONDS = 0.05  # between two looks at a file that appeared without a "closed"
_GONE_SECONDS = 0.5  # between looks for a watched folder that is gone
_SHARE = 50  # work that takes 1 s comes every 50 s at most: 2 % of one core

Found = list[tuple[FolderWatch, Change]]


class FolderFeed:
    """All watches of local folders of one notebook.

    The library's threads only put what they hear into a queue: they hold a lock of the library
    while they call, and whoever closes a watch needs that lock. One thread of ours does the rest.
    """

    def __init__(self, settings: Settings, clock: Clock = CLOCK) -> None:
        self._scan_seconds = settings.scan_seconds
        self._clock = clock
        self._lock = threading.RLock()  # guards the watches and what is known of them
        self._watches: list[FolderWatch] = []
        self._exact: dict[str, list[FolderWatch]] = {}
        self._deaf: set[FolderWatch] = set()  # the system has no OS events left for these
        self._inodes: dict[str, int | None] = {}  # of the watched folders
        self._events = OSEvents(self._hear)
        self._heard: deque[tuple[float, Said, str, str]] = deque()
        self._writing: set[str] = set()  # created, and not closed yet
        self._unsure: dict[str, str] = {}  # path -> signature at the look before
        self._untold: set[str] = set()  # what a scan found, and no event had told
        self._settle_at = 0.0
        self._scan_at = math.inf
        self._last: datetime | None = None
        self._poller = Poller("watch-folder", self._look, clock)

    def subscribe(self, target: Target, sink: Sink, *, every: float | None = None) -> Subscription:
        """Tell the sink of every change of the target from now on."""
        watch = FolderWatch(target, sink, every=every, forget=self._remove)
        self._listen(watch)
        with self._lock:  # what is heard meanwhile waits, so nothing falls between the two
            watch.learn()
            self._watches.append(watch)
            if watch.exact is not None:
                self._exact.setdefault(watch.exact, []).append(watch)
            self._scan_at = min(self._scan_at, self._clock.monotonic() + self.interval)
        self._poller.start()
        return watch

    def poke(self) -> None:
        """Look now."""
        self._scan_at = 0.0
        self._poller.poke()

    @property
    def interval(self) -> float:
        """Seconds between scans; events come at once."""
        return self._scan_seconds * (1 if self._deaf else 5)

    def stats(self) -> FeedStats:
        """What it costs and how it is."""
        with self._lock:
            problem = next((watch.problem for watch in self._watches if watch.problem), "")
            count = len(self._watches)
        return FeedStats("local folders", count, 0, 0, self.interval, self._last, problem)

    def close(self) -> None:
        """End all subscriptions and the threads."""
        for watch in list(self._watches):
            watch.close()

    def _listen(self, watch: FolderWatch) -> None:
        try:
            self._inodes.setdefault(watch.root, os.stat(watch.root).st_ino)
            self._events.add(watch.root, watch.target.recursive)
        except OSError as exc:
            logger.warning("no OS events for %s: %s", watch.root, exc)
            self._deaf.add(watch)
            watch.problem = (
                f"the system has no file watches left; looking every {self._scan_seconds:g} s"
            )

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            watch = next((watch for watch in self._watches if watch is subscription), None)
            if watch is None:
                return
            self._watches.remove(watch)
            if watch.exact is not None:
                self._exact[watch.exact].remove(watch)
                if not self._exact[watch.exact]:
                    del self._exact[watch.exact]
            self._deaf.discard(watch)
            last = not self._watches
            if last:
                self._writing.clear()
                self._unsure.clear()
                self._inodes.clear()
                self._scan_at = math.inf
        if last:
            self._poller.stop()
            self._events.stop()
        else:
            self._events.remove(watch.root, watch.target.recursive)

    def _hear(self, said: Said, path: str, came_from: str = "") -> None:
        self._heard.append((time.monotonic(), said, path, came_from))
        self._poller.poke()

    # What follows runs in the poller's thread.

    def _look(self) -> float:
        """Work off what was heard and what is due; return the seconds until the next time."""
        found: Found = []
        with self._lock:
            while self._heard:
                found += self._learn(*self._heard.popleft())
        self._deliver(found)
        now = self._clock.monotonic()
        if self._unsure and now >= self._settle_at:
            self._deliver(self._settle())
        if now >= self._scan_at:
            self._deliver(self._scan())
        now = self._clock.monotonic()
        due = [self._scan_at, self._settle_at] if self._unsure else [self._scan_at]
        return max(0.0, min(due) - now)

    def _deliver(self, found: Found) -> None:
        batches: dict[FolderWatch, list[Change]] = {}
        for watch, change in found:
            batches.setdefault(watch, []).append(change)
        for watch, changes in batches.items():
            watch.deliver(changes)

    def _learn(self, at: float, said: Said, path: str, came_from: str) -> Found:
        """What one event means; the lock must be held."""
        if said == "opened":
            if _linked(path):
                self._doubt([path])
            else:
                self._writing.add(path)
            return []
        if said == "changed":
            self._doubt([path])
            return []
        if said == "folder":
            self._doubt(file for watch in self._watches for file in _below(watch, path))
            return []
        if said == "folder gone":
            self._scan_at = 0.0  # it may have been a watched folder itself
            gone = {p for watch in self._watches for p in watch.gone(path.rstrip("/") + "/")}
            return [found for p in gone for found in self._compare(p)]
        found = self._compare(came_from) if came_from else []
        if came_from in self._writing:  # renamed while it is written: not complete yet
            self._writing.discard(came_from)
            self._writing.add(path)
            return found
        self._writing.discard(path)
        self._unsure.pop(path, None)
        return found + self._compare(path, closed_at=at if said == "written" else 0.0)

    def _compare(self, path: str, closed_at: float = 0.0) -> Found:
        watches = list(self._exact.get(path, ()))
        watches += [w for w in self._watches if w.exact is None and w.wants(path)]
        if not watches:
            return []
        now = signature(path)
        looks = ((watch, watch.look(path, now, closed_at=closed_at)) for watch in watches)
        return [(watch, change) for watch, change in looks if change is not None]

    def _doubt(self, paths: Iterable[str]) -> None:
        """Look twice at files of which nobody said that they are complete."""
        fresh = [path for path in paths if path not in self._unsure]
        if fresh and not self._unsure:
            self._settle_at = self._clock.monotonic() + _SETTLE_SECONDS
        for path in fresh:
            self._unsure[path] = (signature(path) or ("",))[0]

    def _settle(self) -> Found:
        began = time.monotonic()
        with self._lock:
            now = {path: (signature(path) or ("",))[0] for path in self._unsure}
            still = {path for path, found in now.items() if found == self._unsure[path]}
            self._unsure = {path: now[path] for path in now if path not in still}
        # A file that is still open is left to its "closed" event, or to the next scan.
        done = still - open_for_writing({path for path in still if now[path]})
        with self._lock:
            self._writing -= done
            untold, self._untold = self._untold & done, self._untold & set(self._unsure)
            found = [found for path in sorted(done) for found in self._compare(path)]
            pause = max(_SETTLE_SECONDS, (time.monotonic() - began) * _SHARE / 5)
            self._settle_at = self._clock.monotonic() + pause
        if untold and not self._deaf:
            logger.warning("no event told of %s; listening anew", min(untold))
            self._listen_anew()
        return found

    def _scan(self) -> Found:
        """Compare everything with the disk, in case an event was lost."""
        began = time.monotonic()
        self._refresh_roots()
        with self._lock:
            watches = list(self._watches)
        differing: set[str] = set()
        gone: set[str] = set()
        for watch in watches:
            for path in watch.present():
                now = signature(path)
                if now is not None and watch.differs(path, now[0]):
                    differing.add(path)
            gone.update(watch.gone())
        self._last = datetime.now(UTC)
        with self._lock:
            self._doubt(differing)
            self._untold |= differing
            found = [found for path in sorted(gone) for found in self._compare(path)]
            pause = max(self.interval, (time.monotonic() - began) * _SHARE)
            lost = None in self._inodes.values()
            self._scan_at = self._clock.monotonic() + (min(pause, _GONE_SECONDS) if lost else pause)
        return found

    def _refresh_roots(self) -> None:
        """Notice watched folders that went, and listen again to those that are there anew."""
        with self._lock:
            known = {watch.root: self._inodes.get(watch.root) for watch in self._watches}
        for root, inode in known.items():
            now = _inode(root)
            if now == inode:
                continue
            with self._lock:
                self._inodes[root] = now
                for watch in self._watches:
                    if watch.root == root:
                        watch.problem = "" if now else f"the folder {root} is gone"
            if now is not None:
                self._listen_anew()

    def _listen_anew(self) -> None:
        try:
            self._events.restart()
        except OSError as exc:
            logger.warning("no OS events: %s; a scan will find what changes", exc)


def _inode(folder: str) -> int | None:
    try:
        return os.stat(folder).st_ino
    except OSError:
        return None


def _linked(path: str) -> bool:
    """Whether a file that has just appeared is a link: nobody opened it, so nobody closes it."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return found.st_nlink > 1 or stat.S_ISLNK(found.st_mode)


def _below(watch: FolderWatch, folder: str) -> list[str]:
    recursive = watch.target.recursive
    return [path for path in files_below(folder, recursive=recursive) if watch.wants(path)]
