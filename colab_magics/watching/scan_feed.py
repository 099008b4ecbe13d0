"""What changes in a place that says nothing itself? Found by looking, and looking again."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from colab_magics.clock import CLOCK, Clock
from colab_magics.settings import Settings

from .change import Change, Kind
from .poller import Poller
from .subscription import FeedStats, Sink, Subscription
from .target import Target

logger = logging.getLogger(__name__)

# What filesystems call the things that differ when a file does; s3, gcs, http, local, sftp, ...
_NEWER = ("LastModified", "last_modified", "updated", "mtime")
_MARKS = ("ETag", "etag", "generation", "md5Hash", "checksum", "ino", *_NEWER)


class ScanWatch(Subscription):
    """A subscription with what the scan before saw, and what was last reported."""

    def __init__(
        self,
        target: Target,
        sink: Sink,
        *,
        every: float | None,
        forget: Callable[[Subscription], None],
    ) -> None:
        super().__init__(target, sink, every=every, forget=forget)
        self.reported: dict[str, tuple[str, int | None]] = {}
        self.before: dict[str, tuple[str, int | None]] = {}
        self.due = 0.0
        self.failures = 0

    def compare(self, now: dict[str, tuple[str, int | None]]) -> list[Change]:
        """What has changed since the last report, and was so in the scan before, too."""
        changes = []
        for path in {**self.reported, **now}:
            found, known = now.get(path), self.reported.get(path)
            if found == known or found != self.before.get(path):
                continue
            if found is None:
                del self.reported[path]
                kind: Kind = "deleted"
            else:
                self.reported[path] = found
                kind = "modified" if known else "created"
            version, size = found or (known[0] if known else "", None)
            name = path.rsplit("/", 1)[-1]
            changes.append(Change(kind, path, name, "", version, datetime.now(UTC), size))
        self.before = now
        return changes


class ScanFeed:
    """All watches of one filesystem that reports no changes, in one thread."""

    def __init__(self, fs: Any, settings: Settings, clock: Clock = CLOCK) -> None:
        self._fs = fs
        self._every = settings.scan_seconds
        self._longest = settings.poll_max_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._watches: list[ScanWatch] = []
        self._scans: deque[float] = deque(maxlen=10_000)
        self._last: datetime | None = None
        self._poller = Poller("watch-scan", self._look, clock)

    def subscribe(self, target: Target, sink: Sink, *, every: float | None = None) -> Subscription:
        """Tell the sink of every change of the target from now on."""
        watch = ScanWatch(target, sink, every=every, forget=self._remove)
        watch.reported = watch.before = dict(self._present(target))
        watch.reported = dict(watch.before)
        watch.due = self._clock.monotonic() + self._pause(watch)
        with self._lock:
            self._watches.append(watch)
        self._poller.start()
        return watch

    def poke(self) -> None:
        """Look now."""
        for watch in list(self._watches):
            watch.due = 0.0
        self._poller.poke()

    def stats(self) -> FeedStats:
        """What it costs and how it is."""
        since = self._clock.monotonic() - 60.0
        with self._lock:
            problem = next((watch.problem for watch in self._watches if watch.problem), "")
            interval = min(map(self._pause, self._watches), default=self._every)
            count = len(self._watches)
        scans = sum(1 for at in list(self._scans) if at > since)
        return FeedStats(self._name, count, scans, 0, interval, self._last, problem)

    def close(self) -> None:
        """End all subscriptions and the thread."""
        for watch in list(self._watches):
            watch.close()

    @property
    def _name(self) -> str:
        protocol = getattr(self._fs, "protocol", "files")
        return f"scan of {protocol if isinstance(protocol, str) else protocol[0]}"

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            self._watches = [watch for watch in self._watches if watch is not subscription]
            last = not self._watches
        if last:
            self._poller.stop()

    def _pause(self, watch: ScanWatch) -> float:
        pause = watch.every or self._every
        return min(pause * 2.0**watch.failures, max(pause, self._longest))

    def _look(self) -> float:
        for watch in list(self._watches):
            if not watch.closed and watch.due <= self._clock.monotonic():
                self._scan(watch)
                watch.due = self._clock.monotonic() + self._pause(watch)
        due = min((watch.due for watch in list(self._watches)), default=0.0)
        return max(0.0, due - self._clock.monotonic())

    def _scan(self, watch: ScanWatch) -> None:
        self._scans.append(self._clock.monotonic())
        try:
            now = dict(self._present(watch.target))
        except Exception as exc:
            # Any library may be behind a filesystem, with errors of its own.
            logger.info("a scan of %s failed", watch.target.root, exc_info=True)
            watch.failures = min(watch.failures + 1, 16)
            watch.problem = f"{watch.target.root} can not be read ({exc}); trying again"
            return
        watch.failures, watch.problem = 0, ""
        self._last = datetime.now(UTC)
        watch.deliver(watch.compare(now))

    def _present(self, target: Target) -> Iterator[tuple[str, tuple[str, int | None]]]:
        """(path, (version, size)) of each file looked at.

        A folder that can not be read raises: a mount that is gone has not lost its files.
        """
        self._fs.invalidate_cache()
        if target.kind == "file":
            if target.place.local is not None:
                self._fs.ls(target.root)
            try:
                info = self._fs.info(target.path)
            except FileNotFoundError:
                return
            if info["type"] == "file":
                yield target.path, self._version(info)
            return
        folders = [target.root]
        while folders:
            folder = folders.pop()
            try:
                entries = self._fs.ls(folder, detail=True)
            except FileNotFoundError:
                # A prefix of an object store without objects is no folder any more.
                if folder == target.root and target.place.local is not None:
                    raise
                continue
            for info in entries:
                path = str(info["name"]).rstrip("/")
                if info["type"] == "directory":
                    if path != folder and target.looks_into(path):
                        folders.append(path)
                elif target.matches(path):
                    yield path, self._version(info)

    def _version(self, info: dict[str, Any]) -> tuple[str, int | None]:
        marks = [str(info[mark]) for mark in _MARKS if info.get(mark) is not None]
        if not marks:
            try:
                marks = [str(self._fs.modified(info["name"]))]
            except (NotImplementedError, OSError):
                marks = []
        size = info.get("size")
        return "-".join([*marks, str(size)]), size
