"""What time is it for what ends with time: upload sessions and tokens?"""

from __future__ import annotations

import threading

from .values import now_ms


class Clock:
    """The time of day, and what a test has put it forward by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Return the time in milliseconds, the precision of Drive."""
        return now_ms() + self._ahead_ms

    def advance(self, seconds: float) -> None:
        """Put the clock forward; what waits for its time then finds that it has come."""
        if seconds < 0:
            raise ValueError(f"a clock of Drive only goes forward, not by {seconds!r} seconds")
        with self._lock:
            self._ahead_ms += round(seconds * 1000)
