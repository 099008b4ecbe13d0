"""How long until the next look at a Drive, and what did the looks of the last minute cost?"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from colab_magics.settings import Settings

_ACTIVE_FOR = 60.0  # seconds that a Drive counts as active after its last change
_SLOWER = 1.5  # each look that finds nothing makes the next pause this much longer
# So that many notebooks do not ask in step; rather earlier than later, since people wait. At one
# look a second this is 1.9 % of a user's quota.
_EARLIEST, _LATEST = 0.85, 1.05
_REACH_SECONDS = 4.0  # an unreachable Drive charges nothing; its return is to be noticed soon


class Spent:
    """Requests and quota units of the last minute."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self._before: tuple[int, int] = (api.requests, api.units)
        self._rows: deque[tuple[float, int, int]] = deque(maxlen=4096)

    def count(self, now: float) -> None:
        """Note what was spent since the last call."""
        requests, units = self._api.requests, self._api.units
        row = (now, requests - self._before[0], units - self._before[1])
        self._before = requests, units
        if row[1]:
            self._rows.append(row)

    def last_minute(self, now: float) -> tuple[int, int]:
        """(requests, units)."""
        rows = [row for row in list(self._rows) if now - row[0] < 60.0]
        return sum(row[1] for row in rows), sum(row[2] for row in rows)


class Pace:
    """The pause between looks. It holds numbers only; who waits, waits elsewhere.

    Attributes:
        interval: seconds between looks at present, before jitter.
    """

    def __init__(
        self, settings: Settings, *, draw: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._active = settings.poll_active_seconds
        self._idle = max(settings.poll_idle_seconds, settings.poll_active_seconds)
        self._longest = settings.poll_max_seconds
        self._draw = draw
        self._quiet = self._active
        self._last_change = 0.0
        self._refused = 0.0  # the pause while Drive asks to slow down; 0 when it does not
        self._unreached = 0.0
        self._bound: float | None = None

    @property
    def interval(self) -> float:
        """Seconds between looks at present, before jitter."""
        wanted = self._quiet if self._bound is None else min(self._quiet, self._bound)
        return max(wanted, self._refused, self._unreached)

    def bound(self, every: float | None) -> None:
        """Never pause for longer than `every` seconds, unless Drive refuses."""
        self._bound = every

    def changed(self, now: float) -> None:
        """Something happened on the Drive, or somebody began to watch."""
        self._last_change = now
        self._quiet = self._active

    def answered(self, now: float) -> None:
        """A look succeeded."""
        self._unreached = 0.0
        self._refused = self._refused / 2 if self._refused > self._active else 0.0
        if now - self._last_change > _ACTIVE_FOR:
            self._quiet = min(self._quiet * _SLOWER, self._idle)

    def busy(self, least: float = 0.0) -> None:
        """Drive asks to slow down, by `least` seconds if it named a number."""
        self._refused = min(max(self.interval * 2, least), max(self._longest, least))

    def unreachable(self) -> None:
        """No answer came."""
        most = min(_REACH_SECONDS, self._longest)
        self._unreached = min(max(self._unreached * 2, self._active), most)

    def pause(self) -> float:
        """Seconds to wait now; drawn anew at each call."""
        drawn = self.interval * self._draw(_EARLIEST, _LATEST)
        if self._bound is None or self._refused or self._unreached:
            return drawn
        return min(drawn, self._bound)
