"""What does somebody who watches hold in hand, and what must every feed be able to do?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .change import Change
from .target import Target

logger = logging.getLogger(__name__)

Sink = Callable[[Sequence[Change]], None]


class Subscription:
    """One watch of one target; changes go to its sink until it is closed.

    Attributes:
        target: what is looked at.
        every: the most seconds between looks that the watcher asked for, or None.
        problem: empty when all is well, else one line for people.
    """

    def __init__(
        self,
        target: Target,
        sink: Sink,
        *,
        every: float | None = None,
        forget: Callable[[Subscription], None],
    ) -> None:
        self.target = target
        self.every = every
        self.problem = ""
        self.closed = False
        self._sink = sink
        self._forget = forget

    def deliver(self, changes: Sequence[Change]) -> None:
        """Hand changes to the sink; its errors are logged, since other watches go on."""
        if self.closed or not changes:
            return
        try:
            self._sink(changes)
        except Exception:
            logger.exception("the sink of a watch on %s failed", self.target.path)

    def close(self) -> None:
        """End this watch; its sink is not called again. A second call does nothing."""
        if not self.closed:
            self.closed = True
            self._forget(self)


@dataclass(frozen=True, slots=True)
class FeedStats:
    """What a feed costs and how it is.

    Attributes:
        name: what it looks at, for people.
        watches: how many subscriptions it serves.
        requests: calls made within the last minute.
        units: what they cost in Drive's quota units.
        interval: seconds between looks at present.
        last_look: when it last looked and got an answer.
        problem: empty when all is well.
    """

    name: str
    watches: int
    requests: int
    units: int
    interval: float
    last_look: datetime | None
    problem: str


class Feed(Protocol):
    """A source of changes."""

    def subscribe(self, target: Target, sink: Sink, *, every: float | None = None) -> Subscription:
        """Tell the sink of every change of the target from now on."""

    def poke(self) -> None:
        """Look now."""

    def stats(self) -> FeedStats:
        """What it costs and how it is."""

    def close(self) -> None:
        """End all subscriptions and the thread."""
