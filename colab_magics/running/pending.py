"""Which changes does a watch still have to run for, and when?"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from colab_magics.clock import CLOCK, Clock
from colab_magics.retry import backoff
from colab_magics.settings import Settings
from colab_magics.watching.change import Change, merge
from colab_magics.watching.debounce import Debouncer


def key_of(change: Change) -> str:
    """What makes two changes ones of the same file: where it is; two names are two files."""
    return change.place


class Pending:
    """The changes of one watch on their way to a run; one for each file, the newest state of it.

    New ones wait until their file has been still, failed ones until their pause is over; the
    others are ready, in order of arrival. Thread-safe.
    """

    def __init__(self, still: float, settings: Settings, clock: Clock = CLOCK) -> None:
        self._still, self._settings, self._clock = still, settings, clock
        self._new = Debouncer(clock)
        self._ready: dict[str, Change] = {}
        self._later: dict[str, tuple[float, Change, bool]] = {}
        self._tries: dict[tuple[str, bool], int] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._new) + len(self._ready) + len(self._later)

    def put(self, changes: Iterable[Change]) -> None:
        """Add what was noticed."""
        self._new.put(changes)

    def ask(self, changes: Iterable[Change]) -> None:
        """Add what is to run at once."""
        with self._lock:
            for change in changes:
                self._later.pop(key_of(change), None)
                self._forget(change)
                self._add(replace(change, local=None))

    def due_in(self) -> float | None:
        """Seconds until something is ready; None when nothing waits."""
        now = self._clock.monotonic()
        with self._lock:
            times = [at for at, _, _ in self._later.values()]
            if self._ready:
                times.append(now)
            still = self._new.next_at(self._still)
        if still is not None:
            times.append(still)
        return max(0.0, min(times) - now) if times else None

    def take(self, *, everything: bool) -> list[Change]:
        """Take out what is ready: the first, or all of it."""
        with self._lock:
            self._collect()
            keys = list(self._ready) if everything else list(self._ready)[:1]
            return [self._ready.pop(key) for key in keys]

    def take_newer(self, than: Iterable[Change], *, everything: bool) -> list[Change]:
        """Take out what has happened since to the files of a run that has not begun.

        Args:
            than: the changes that the run has already.
            everything: take what is ready of other files, too.
        """
        with self._lock:
            self._collect()
            keys = [key_of(change) for change in than]
            keys += list(self._ready) if everything else []
            return [self._ready.pop(key) for key in dict.fromkeys(keys) if key in self._ready]

    def put_back(self, changes: Sequence[Change]) -> None:
        """Return what was taken, before what came since; of the same file the newer wins."""
        with self._lock:
            newer, self._ready = self._ready, {}
            for change in (*changes, *newer.values()):
                self._add(replace(change, local=None))

    def put_off(self, changes: Sequence[Change], *, seen: bool) -> float:
        """Let changes come again, after a pause that grows with their tries; the pause.

        Args:
            seen: a run has seen them and failed; else they could not even be fetched.
        """
        with self._lock:
            pause = max(0.1, backoff(self.tries(changes, seen=seen), self._settings))
            at = self._clock.monotonic() + pause
            for change in changes:
                key = key_of(change)
                self._tries[key, seen] = self._tries.get((key, seen), 0) + 1
                if key not in self._ready and key not in self._later:  # else something newer waits
                    self._later[key] = (at, replace(change, local=None), seen)
        return pause

    def tries(self, changes: Iterable[Change], *, seen: bool) -> int:
        """How often these were put off."""
        with self._lock:
            return max(self._tries.get((key_of(change), seen), 0) for change in changes)

    def settle(self, changes: Iterable[Change]) -> None:
        """These are done with, well or for good."""
        with self._lock:
            for change in changes:
                self._forget(change)

    def fetched(self, change: Change) -> None:
        """The way to this file is free again."""
        with self._lock:
            self._tries.pop((key_of(change), False), None)

    def _forget(self, change: Change) -> None:
        for seen in (True, False):
            self._tries.pop((key_of(change), seen), None)

    def drain(self) -> list[Change]:
        """Take out everything, also what is not due."""
        with self._lock:
            found = [*self._ready.values(), *(change for _, change, _ in self._later.values())]
            self._ready, self._later = {}, {}
        return [*found, *self._new.take()]

    def _collect(self) -> None:
        now = self._clock.monotonic()
        for change in self._new.take(now, self._still):
            _, older, seen = self._later.pop(key_of(change), (0.0, None, True))
            if older is not None and not seen:
                self._add(older)  # no run has seen that one: both together are what happened
            # What happened since makes an earlier failure of the same file moot.
            self._forget(change)
            self._add(change)
        for key in [key for key, (at, _, _) in self._later.items() if at <= now]:
            self._add(self._later.pop(key)[1])

    def _add(self, change: Change) -> None:
        merged = merge(self._ready.get(key_of(change)), change)
        if merged is None:
            self._ready.pop(key_of(change), None)
        else:
            self._ready[key_of(change)] = merged
