"""What is wrong on the way to Drive, since when, and how is it told to those who watch?"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime

from colab_magics.clock import spell
from colab_magics.errors import ColabMagicsError, DriveBusy, DriveUnreachable

from .pace import Pace
from .subscription import Subscription

logger = logging.getLogger(__name__)


class Trouble:
    """One line for people, kept on every open watch.

    Attributes:
        problem: empty when all is well.
    """

    def __init__(self, watches: Collection[Subscription]) -> None:
        self.problem = ""
        self._watches = watches
        self._since: datetime | None = None

    def met(self, exc: ColabMagicsError, pace: Pace) -> float:
        """Tell of a look that failed, and return the seconds until the next one."""
        if isinstance(exc, DriveUnreachable):
            pace.unreachable()
            what = "Drive does not answer"
        else:
            pace.busy(getattr(exc, "retry_after", None) or 0.0)
            what = "Drive asks to slow down" if isinstance(exc, DriveBusy) else str(exc)
        logger.info("%s", exc)
        self._since = self._since or datetime.now(UTC)
        pause = pace.pause()
        since = self._since.astimezone().strftime("%H:%M")
        self._say(f"{what} since {since}; trying again in {spell(pause)}")
        return pause

    def over(self) -> None:
        """Tell that a look succeeded."""
        self._since = None
        if self.problem:
            self._say("")

    def _say(self, problem: str) -> None:
        self.problem = problem
        for watch in list(self._watches):
            watch.problem = problem
