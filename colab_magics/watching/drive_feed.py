"""What changes on a Drive? One thread reads Drive's change log for all watches."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from colab_magics.clock import CLOCK, Clock
from colab_magics.settings import Settings

from .drive_session import DriveSession
from .subscription import FeedStats, Sink, Subscription
from .target import Target

if TYPE_CHECKING:
    from colab_magics.storage.api import DriveAPI
    from colab_magics.storage.changelog import ChangeLog

_ANSWER_SECONDS = 10.0  # the poller asks again anyway, so it need not wait long for one answer


class DriveFeed:
    """All watches of one Drive.

    From the first watch to the last one closed there is one session, with one thread.
    """

    def __init__(self, api: DriveAPI, settings: Settings, clock: Clock = CLOCK) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._session: DriveSession | None = None
        self._logs: list[ChangeLog] = []

    def follow(self, log: ChangeLog) -> None:
        """Tell a filesystem what is read here, so that it need not read the same itself."""
        if not any(known is log for known in self._logs):
            self._logs.append(log)

    def subscribe(self, target: Target, sink: Sink, *, every: float | None = None) -> Subscription:
        """Tell the sink of every change of the target from now on."""
        with self._lock:
            session = self._session
            if session is None or not session.enter():
                session = self._session = DriveSession(
                    self._api, self._reader(), self._settings, self._clock, self._logs
                )
                session.enter()
        return session.subscribe(target, sink, every=every)

    def kind_of(self, path: str) -> Literal["file", "folder", ""] | None:
        """What is at a path, as far as that is known without asking; None: it is not."""
        session = self._session
        return None if session is None or session.ended else session.kind_of(path)

    def poke(self) -> None:
        """Look now."""
        if self._session is not None:
            self._session.poke()

    def stats(self) -> FeedStats:
        """What it costs and how it is."""
        if self._session is None or self._session.ended:
            return FeedStats("Drive", 0, 0, 0, 0.0, None, "")
        return self._session.stats()

    def close(self) -> None:
        """End all subscriptions and the thread."""
        if self._session is not None:
            self._session.close()

    def _reader(self) -> Any:
        """The same Drive for a caller who rather asks anew than waits."""
        wait = min(self._settings.timeout_seconds, _ANSWER_SECONDS)
        hasty = replace(self._settings, retry_attempts=2, timeout_seconds=wait)
        return self._api.with_settings(hasty)
