"""A clock that a test moves by hand."""

from __future__ import annotations

import threading

from colab_magics.clock import Clock


class StandingClock(Clock):
    """Stands still until `move` is called; a wait moves it by what was waited."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if event.is_set():
            return True
        self.waits.append(seconds)
        self.now += seconds
        return False

    def move(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += seconds
