"""A clock that jumps over waits, so that minutes pass in a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from colab_magics.clock import Clock


class JumpingClock(Clock):
    """Waits pass at once, unless `hold` is set; `watched` is called after each."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.hold = False
        self.watched: Callable[[], object] = lambda: None
        self._jumped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._jumped

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if self.hold:
            return event.wait(min(seconds, 0.01))
        self.waits.append(seconds)
        if event.wait(0.0005):
            return True
        self._jumped += seconds
        self.watched()
        return False
