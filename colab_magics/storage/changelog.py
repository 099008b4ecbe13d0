"""Is what is known of a Drive still so? One look at its change log tells, however much is known."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from colab_magics.clock import Clock
from colab_magics.errors import TokenRejected

from .known import Known

if TYPE_CHECKING:
    from .answers import Entry
    from .api import DriveAPI

logger = logging.getLogger(__name__)

_MOST_PAGES = 10  # more than these are dearer than to ask anew for the little that is used


class ChangeLog:
    """How far one Drive's change log was read into what is known; safe to use from threads.

    The place in the log is taken before anything else is asked, so nothing falls between the two.
    """

    def __init__(self, api: DriveAPI, known: Known, clock: Clock, drive: str = "") -> None:
        """Nothing is asked yet.

        Args:
            drive: the id of the shared drive whose log it is; empty: this user's.
        """
        self._api = api
        self._known = known
        self._clock = clock
        self._drive = drive
        self._token = ""
        self._read_at = -math.inf
        self._trust = api.settings.fresh_seconds
        self.unlock()

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        self._reading = threading.Lock()  # held during requests
        self._state = threading.Lock()

    def now(self) -> float:
        """The time by the clock that `follow` is told of."""
        return self._clock.monotonic()

    def start(self) -> bool:
        """Take a place in the log, if there is none yet; whether that was so."""
        if self._token:
            return False
        with self._reading:
            first = not self._token  # another thread may have been quicker
            if first:
                self._begin()
            return first

    def current(self, within: float | None = None) -> None:
        """Make what is known at most so many seconds old; None: as many as usual."""
        if self._is_current(within):
            return
        with self._reading:  # who waits here finds it done
            if not self._is_current(within):
                if self._token:
                    self._read()
                else:
                    self._begin()

    def follow(self, entries: Iterable[Entry], since: float, at: float, token: str) -> None:
        """Take in what somebody else read of this log, which saves the requests.

        Args:
            since: the time of the reading before it, by this log's clock: with that one it is
                without a gap.
            at: the time of this reading.
            token: where the next one starts.
        """
        self._known.heard(entries)
        with self._state:
            if self._read_at >= since and at > self._read_at:
                self._read_at, self._token = at, token
                self._trust = max(
                    self._api.settings.fresh_seconds, 2 * self._api.settings.poll_idle_seconds
                )

    def expire(self) -> None:
        """Look at the log before the next answer."""
        with self._state:
            self._read_at = -math.inf

    def _is_current(self, within: float | None) -> bool:
        return self._clock.monotonic() - self._read_at <= (
            self._trust if within is None else within
        )

    def _read(self) -> None:
        token = self._token
        for _ in range(_MOST_PAGES):
            at = self._clock.monotonic()
            try:
                page = self._api.changes(token, drive=self._drive)
            except TokenRejected as exc:
                logger.warning("%s; asking anew for what is used", exc)
                break
            self._known.heard(page.entries)
            token = page.next_token
            if page.last:
                self._arrive(token, at)
                return
        self._begin()
        self._known.clear()  # only then: what is asked for from now on is in the log

    def _begin(self) -> None:
        at = self._clock.monotonic()
        self._arrive(self._api.start_page_token(drive=self._drive), at)

    def _arrive(self, token: str, at: float) -> None:
        with self._state:
            self._token, self._trust = token, self._api.settings.fresh_seconds
            self._read_at = max(at, self._read_at)
