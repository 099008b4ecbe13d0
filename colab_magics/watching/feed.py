"""Which source tells of changes at a place, and how does one listen to it?"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import WatchFailed
from colab_magics.settings import Settings

from .change import Change
from .debounce import Debouncer
from .local_files import is_remote_mount
from .subscription import Feed, FeedStats, Sink, Subscription
from .target import Target

if TYPE_CHECKING:
    from colab_magics.storage.place import Place

__all__ = ["Feed", "FeedStats", "Feeds", "Sink", "Subscription", "watch"]

_STOP_SECONDS = 0.1  # between looks at a stop event, of which only is_set() is known


class StopEvent(Protocol):
    """Anything that can say "stop", such as a threading.Event."""

    def is_set(self) -> bool:
        """Whether to stop."""


class Feeds:
    """The feeds of one notebook: of each Drive, of all local folders, and scans of the rest."""

    def __init__(self, settings: Settings, clock: Clock = CLOCK) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._feeds: dict[object, Feed] = {}
        self._closed = False

    def subscribe(self, place: Place, sink: Sink, *, every: float | None = None) -> Subscription:
        """Tell the sink of every change at a place from now on.

        The sink is called in a feed's thread, one call at a time, and should return at once.

        Args:
            every: the most seconds between looks, where looking is needed; default: adaptive.

        Raises:
            PlaceNotFound: neither the place nor the folder it would be in exists.
        """
        with self._lock:
            if self._closed:
                raise WatchFailed("the feeds of this notebook were closed")
            feed = self._feed(place)
        target = Target.of(place, getattr(feed, "kind_of", None))
        return feed.subscribe(target, sink, every=every)

    def poke(self) -> None:
        """Look everywhere now."""
        for feed in list(self._feeds.values()):
            feed.poke()

    def stats(self) -> list[FeedStats]:
        """What the feeds that are in use cost, and how they are."""
        found = [feed.stats() for feed in list(self._feeds.values())]
        return [stats for stats in found if stats.watches]

    def close(self) -> None:
        """End all subscriptions and threads."""
        with self._lock:
            self._closed = True
            feeds = list(self._feeds.values())
        for feed in feeds:
            feed.close()

    def _feed(self, place: Place) -> Feed:
        fs: Any = place.fs
        api = getattr(fs, "api", None)
        if api is not None:
            from .drive_feed import DriveFeed

            drive = self._feeds.setdefault(
                ("drive", id(api)), DriveFeed(api, self._settings, self._clock)
            )
            if isinstance(drive, DriveFeed):
                drive.follow(fs.lookup.log())
            return drive
        if place.local is not None and not is_remote_mount(place.path):
            from .folder_feed import FolderFeed

            return self._feeds.setdefault("folders", FolderFeed(self._settings, self._clock))
        from .scan_feed import ScanFeed

        return self._feeds.setdefault(("scan", id(fs)), ScanFeed(fs, self._settings, self._clock))


def watch(
    place: Place | str | os.PathLike[str],
    *,
    stop_event: StopEvent | None = None,
    debounce: float | None = None,
    every: float | None = None,
    settings: Settings | None = None,
    clock: Clock = CLOCK,
) -> Iterator[set[Change]]:
    """Yield sets of changes at a place, for as long as one asks for more.

    Watching begins with the first `next`. Needs no notebook:

        for changes in watch("gdrive://inbox"):
            for change in changes: ...

    Args:
        stop_event: ends the iteration when it is set.
        debounce: seconds that a file must have been still; default: the setting.
        every: the most seconds between looks, where looking is needed.

    Raises:
        PlaceNotFound: neither the place nor the folder it would be in exists.
    """
    settings = settings or Settings.load()
    still = settings.debounce_seconds if debounce is None else debounce
    waiting, arrived = Debouncer(clock), threading.Event()

    def sink(changes: Sequence[Change]) -> None:
        waiting.put(changes)
        arrived.set()

    feeds = Feeds(settings, clock)
    try:
        feeds.subscribe(_place(place, settings), sink, every=every)
        while stop_event is None or not stop_event.is_set():
            now, at = clock.monotonic(), waiting.next_at(still)
            if at is not None and at <= now:
                yield set(waiting.take(now, still))
                continue
            pause = _STOP_SECONDS if stop_event is not None else threading.TIMEOUT_MAX
            clock.wait(arrived, pause if at is None else min(pause, at - now))
            arrived.clear()
    finally:
        feeds.close()


def _place(place: Place | str | os.PathLike[str], settings: Settings) -> Place:
    from colab_magics.storage.place import resolve

    if isinstance(place, str):
        return resolve(place, None, settings=settings)
    if isinstance(place, os.PathLike):
        return resolve(os.path.abspath(place), None, settings=settings)
    return place
