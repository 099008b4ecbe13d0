"""How far is a transfer, how fast is it, and how long will it take?"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from colab_magics.clock import CLOCK, Clock, spell
from colab_magics.display import Card, size

_DRAW_SECONDS = 0.5  # least time between two drawings
_SPEED_DRAWINGS = 20  # speed is taken over as many of them


class Progress:
    """An fsspec callback that shows bytes, files, speed and time left, twice a second at most.

    Nothing is shown for what takes under half a second. Several threads may call it.
    """

    def __init__(self, title: str, show: Callable[[Card], None], clock: Clock = CLOCK) -> None:
        self.title, self.show, self.clock = title, show, clock
        self.size: int | None = None
        self.value = 0
        self.files: tuple[int, int] | None = None
        self.text = ""
        self.start = self.shown = clock.monotonic()
        self._lock = threading.Lock()
        # Speed is that of the last seconds: what was there already when a transfer goes on, or a
        # wait for quota, would spoil an average.
        self._seen: deque[tuple[float, int]] = deque([(self.start, 0)], maxlen=_SPEED_DRAWINGS)

    def set_size(self, size: int | None) -> None:
        """Say how many bytes there will be."""
        self.size = size

    def relative_update(self, inc: int = 1) -> None:
        """Count `inc` more bytes."""
        with self._lock:
            self.value += inc
        self._draw()

    def absolute_update(self, value: int) -> None:
        """Say how many bytes are done."""
        with self._lock:
            self.value = value
        self._draw()

    def count(self, done: int, total: int) -> None:
        """Say how many files are done, of how many."""
        self.files = (done, total)
        self._draw()

    def note(self, text: str) -> None:
        """Say what it waits for, such as Drive's quota; empty: it goes on."""
        changed, self.text = text != self.text, text
        self._draw(now=changed)

    def card(self) -> Card:
        """The state of things as a card."""
        speed = self._speed()
        done = self.value / self.size if self.size else None
        left = max(0, self.size - self.value) / speed if self.size and speed else None
        of = "" if self.size is None else f" of {size(self.size)}"
        line = f"{size(self.value)}{of} · {size(int(speed))}/s"
        if left is not None and self.value != self.size:
            line += f" · {spell(left)} left"
        lines: list[tuple[str, object]] = [("bytes", line)]
        if self.files is not None and self.files[1]:
            lines.append(("files", f"{self.files[0]:,} of {self.files[1]:,}"))
        if self.text:
            lines.append(("note", self.text))
        return Card(self.title, "running", "transfer", lines, done)

    def so_far(self) -> str:
        """How much is done, in words."""
        of = "" if self.size is None else f" of {size(self.size)}"
        files = "" if self.files is None else f", {self.files[0]:,} of {self.files[1]:,} files"
        return f"{size(self.value)}{of}{files}"

    def branch(self, *_: object, **__: object) -> None:
        """Parts are counted by whoever transfers them."""

    def call(self, *_: object, **__: object) -> None:
        """Take a hook call of fsspec; drawn from the numbers above instead."""

    def wrap(self, iterable: Iterable[Any]) -> Iterable[Any]:
        """Pass an iterable through, counting its items."""
        for item in iterable:
            self.relative_update()
            yield item

    def close(self) -> None:
        """End it; what is shown stays."""

    def no_op(self, *_: object, **__: object) -> None:
        """Nothing."""

    def _draw(self, *, now: bool = False) -> None:
        with self._lock:
            moment = self.clock.monotonic()
            if moment - self.shown < _DRAW_SECONDS and not (now and self.shown > self.start):
                return
            self.shown = moment
            card = self.card()
            self._seen.append((moment, self.value))
        self.show(card)

    def _speed(self) -> float:
        (then, before), now = self._seen[0], self.clock.monotonic()
        return max(0, self.value - before) / max(1e-6, now - then)
