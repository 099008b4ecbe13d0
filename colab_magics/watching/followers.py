"""Who else need not read Drive's change log, since a watch reads it anyway?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colab_magics.storage.answers import Entry
    from colab_magics.storage.changelog import ChangeLog


class Followers:
    """Filesystems that are told what was read, and since when it is without a gap."""

    def __init__(self, logs: Sequence[ChangeLog]) -> None:
        """Nobody is told yet.

        Args:
            logs: who follows; it may grow.
        """
        self._logs = logs
        self._asked: dict[ChangeLog, float] = {}  # by each one's own clock
        self._read: dict[ChangeLog, float] = {}

    def ask(self) -> None:
        """Note that the log is asked now; what happens from here on may lack in the answer."""
        self._asked = {log: log.now() for log in list(self._logs)}

    def tell(self, entries: Sequence[Entry], token: str, *, whole: bool = True) -> None:
        """Hand on an answer, and the token of the next one.

        Args:
            whole: whether the log was read to its end.
        """
        for log, asked in self._asked.items():
            # Before the end, nothing is as new as this answer; after a first one, all is.
            until = asked if whole else float("-inf")
            log.follow(entries, self._read.get(log, asked), until, token)
        if whole:
            self._read = self._asked

    def forget(self) -> None:
        """There is a gap: what is read from now on does not follow what was read before."""
        self._read = {}
