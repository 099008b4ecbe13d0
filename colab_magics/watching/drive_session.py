"""How are all watches of one Drive kept right, from the first one to the last one's end?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import ColabMagicsError, TokenRejected
from colab_magics.settings import Settings
from colab_magics.storage.tree import to_name

from .change import Change
from .drive_mirror import Mirror
from .drive_watch import DriveWatch, Watches
from .followers import Followers
from .pace import Pace, Spent
from .poller import Poller
from .relist import Relist
from .subscription import FeedStats, Sink, Subscription
from .target import Target
from .trouble import Trouble

if TYPE_CHECKING:
    from colab_magics.storage.api import ChangePage, DriveAPI
    from colab_magics.storage.changelog import ChangeLog

logger = logging.getLogger(__name__)

_ASKED = 20  # unknown folders asked for at once, of files that are most likely of no interest
_FRESH = 1.0  # seconds for which what is known is good enough to begin a watch with


class DriveSession:
    """The change log's position, what is known of the Drive, and the thread that reads on.

    Attributes:
        ended: the last watch is closed; nothing can be added.
    """

    def __init__(
        self,
        api: DriveAPI,
        reader: Any,
        settings: Settings,
        clock: Clock = CLOCK,
        logs: Sequence[ChangeLog] = (),
    ) -> None:
        """Nothing is asked and nothing runs before the first watch.

        Args:
            api: what registration asks, with the patience that a user has.
            reader: what the thread asks; it rather asks anew than waits.
            logs: filesystems' readings of the same log, to be spared by this one.
        """
        self._api = api
        self._reader = reader
        self._clock = clock
        self._followers = Followers(logs)
        self._lock = threading.RLock()  # guards mirror and watches, also during requests
        self._mirror = Mirror()
        self._watches = Watches()
        self._token = ""
        self._read_at = 0.0
        self._asked = 0
        self._gap = False  # the log has lost our place: all must be listed before going on
        self._relist = Relist(settings.relist_seconds)
        self._pace = Pace(settings)
        self._spent = Spent(reader)
        self._poller = Poller("watch-drive", self._look, clock)
        self._life = threading.Lock()  # guards the three below, and is never held for long
        self._open: set[Subscription] = set()
        self._entering = 0
        self.ended = False
        self._trouble = Trouble(self._open)
        self._last: datetime | None = None

    def enter(self) -> bool:
        """Keep the session alive until the `subscribe` that follows; False when it has ended."""
        with self._life:
            self._entering += not self.ended
            return not self.ended

    def subscribe(self, target: Target, sink: Sink, *, every: float | None = None) -> Subscription:
        """Tell the sink of every change of the target from now on; needs `enter` before."""
        try:
            watch = self._register(target, sink, every)
            watch.problem = self._trouble.problem
            with self._life:
                self._open.add(watch)
        finally:
            with self._life:
                self._entering -= 1
            self._end_if_unused()
        self._bound()
        self._poller.start()
        return watch

    def kind_of(self, path: str) -> Literal["file", "folder", ""] | None:
        """What is at a path, as far as that is known without asking; None: it is not."""
        if path.startswith("id:") or not self._lock.acquire(blocking=False):
            return None
        try:
            above, _, name = path.rpartition("/")
            root = self._api.root_id()
            node = self._mirror.at(root, path)
            if node is not None and node.folder and node.id in self._mirror.listed:
                return "folder"
            folder = self._mirror.at(root, above)
            if folder is None or folder.id not in self._mirror.listed:
                return None
            node = self._mirror.tree.find(folder.id, to_name(name))
            return "" if node is None else "folder" if node.folder else "file"
        finally:
            self._lock.release()

    def poke(self) -> None:
        """Look now."""
        self._poller.poke()

    def stats(self) -> FeedStats:
        """What it costs and how it is."""
        spent = self._spent.last_minute(self._clock.monotonic())
        watches, interval = len(self._open), self._pace.interval
        return FeedStats("Drive", watches, *spent, interval, self._last, self._trouble.problem)

    def close(self) -> None:
        """End all subscriptions and the thread."""
        for watch in list(self._open):
            watch.close()

    def _register(self, target: Target, sink: Sink, every: float | None) -> DriveWatch:
        first = target.path.split("/", 1)[0]
        prefix = first if first.startswith("id:") else ""
        base = prefix.removeprefix("id:") or self._api.root_id()
        watch = DriveWatch(target, sink, every=every, base=base, prefix=prefix, forget=self._remove)
        with self._lock:
            if not self._token and not self._gap:
                # Before the first listing: what happens between the two is then in the log.
                self._followers.ask()
                self._token = self._api.start_page_token()
                self._followers.tell((), self._token)
            elif self._clock.monotonic() - self._read_at > _FRESH:
                self._catch_up()
            root = self._mirror.resolve(self._api, base, watch.below(target.root)).id
            self._watches.add(watch)
            try:
                self._mirror.unlisted[root] = None
                if target.recursive:
                    below = self._mirror.folders_below(root)
                    self._mirror.unlisted.update(dict.fromkeys(below))
                self._list_new(self._api)
                watch.learn(self._mirror, root)
            except BaseException:
                self._watches.remove(watch)
                raise
            self._relist.soon(root, self._clock.monotonic())
            self._pace.changed(self._clock.monotonic())
        return watch

    def _catch_up(self) -> None:
        """Know what has happened since the poller's last look; it will read, and tell, it anew."""
        with suppress(TokenRejected):  # the poller will meet that, and deal with it
            self._learn(self._api.changes(self._token))

    def _remove(self, subscription: Subscription) -> None:
        # Not self._lock: the thread holds it during requests, and closing must not wait for one.
        with self._life:
            self._open.discard(subscription)
        self._bound()
        self._end_if_unused()

    def _bound(self) -> None:
        every = [watch.every for watch in list(self._open) if watch.every]
        self._pace.bound(min(every, default=None))

    def _end_if_unused(self) -> None:
        with self._life:
            if self.ended or self._open or self._entering:
                return
            self.ended = True
        self._poller.stop()
        if self._reader is not self._api:
            self._reader.close()

    # What follows runs in the poller's thread.

    def _look(self) -> float:
        """Read the log to its end, list what is due; return the seconds until the next time."""
        stop = self._poller.stopping
        try:
            if self._gap:
                self._close_gap()
            last = False
            while not last and not stop.is_set():
                last = self._read_page()
            if not stop.is_set():
                self._list_due()
        except ColabMagicsError as exc:
            if stop.is_set():
                return 0.0
            if isinstance(exc, TokenRejected) and not self._gap:
                logger.warning("%s; listing all folders anew", exc)
                self._gap = True
                return 0.0
            return self._trouble.met(exc, self._pace)
        finally:
            self._spent.count(self._clock.monotonic())
        self._gap = False
        self._pace.answered(self._clock.monotonic())
        self._last = datetime.now(UTC)
        self._trouble.over()
        return self._pace.pause()

    def _read_page(self) -> bool:
        self._followers.ask()
        page = self._reader.changes(self._token)
        with self._lock:
            self._learn(page)
        self._followers.tell(page.entries, page.next_token, whole=page.last)
        self._settle()
        self._token = page.next_token  # not before: what fails in between is read again
        return bool(page.last)

    def _learn(self, page: ChangePage) -> None:
        self._read_at = self._clock.monotonic()
        for entry in page.entries:
            if entry.node is not None and not entry.removed:
                self._mirror.learn(entry.node)
            else:
                self._mirror.bury(entry.file_id)

    def _settle(self) -> None:
        """Report what has changed, as far as it can be found out."""
        self._asked = 0
        found: dict[DriveWatch, list[Change]] = {}
        folders: set[str] = set()
        try:
            with self._lock:
                for watch in self._watches:
                    if watch.closed:
                        self._watches.remove(watch)
                self._list_new(self._reader)
                while self._mirror.dirty:
                    self._compare(next(iter(self._mirror.dirty)), found, folders)
        finally:
            # What was found is known as reported from now on, so it is, whatever failed after it.
            now = self._clock.monotonic()
            for folder in folders:
                self._relist.soon(folder, now)
            for watch, changes in found.items():
                self._pace.changed(now)
                watch.deliver(changes)

    def _compare(self, id: str, found: dict[DriveWatch, list[Change]], folders: set[str]) -> None:
        """Add to `found` what a file's change means to each watch, and its folder to `folders`."""
        mirror = self._mirror
        if mirror.lacks_line(id) and self._asked < _ASKED:
            # Most likely a file elsewhere on this Drive. If not, its folder will be listed.
            self._asked += 1
            mirror.fetch_line(self._reader, id)
            self._list_new(self._reader)
        for watch, path in self._watches.concerned(mirror, id):
            change = watch.look(path, mirror.at(watch.base, watch.below(path)))
            if change is not None:
                found.setdefault(watch, []).append(change)
                folders.update(mirror.line(change.id)[1:2])
        mirror.dirty.pop(id, None)
        mirror.forget(id)

    def _list_new(self, reader: Any) -> None:
        self._mirror.list_new(reader, self._watches, self._clock.monotonic())

    def _list_due(self) -> None:
        with self._lock:
            now = self._clock.monotonic()
            folder = self._relist.due(self._mirror.listed, now)
            if folder is None:
                return
            if self._watches.looks_into(self._mirror, folder):
                self._mirror.list_folder(self._reader, folder, now)
            else:
                self._mirror.listed.pop(folder, None)
        self._settle()

    def _close_gap(self) -> None:
        """Take a new place in the log, then list everything: nothing is lost in between."""
        self._followers.forget()
        token = self._reader.start_page_token()
        with self._lock:
            self._mirror.refresh_folders(self._reader)
            for folder in list(self._mirror.listed):
                now = self._clock.monotonic()
                self._mirror.list_folder(self._reader, folder, now, check_all=True)
        self._settle()
        self._token = token
