"""Which of the changes noticed so far have been still for long enough?"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from colab_magics.clock import CLOCK, Clock

from .change import Change, merge


@dataclass(slots=True)
class _Pending:
    change: Change
    last: float


class Debouncer:
    """The changes of one watch that wait for their run, one for each file.

    Times are the clock's monotonic seconds. It decides nothing by itself and starts no thread.
    """

    def __init__(self, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, str], _Pending] = {}

    def put(self, changes: Iterable[Change], at: float | None = None) -> None:
        """Add changes noticed at time `at` (default: now) to what waits already."""
        at = self._clock.monotonic() if at is None else at
        with self._lock:
            for change in changes:
                # Two files may share a place on Drive, so the id is a part of the key.
                key = (change.place, change.id)
                held = self._pending.get(key)
                merged = merge(held.change if held else None, change)
                if merged is None:
                    del self._pending[key]
                elif held is None:
                    self._pending[key] = _Pending(merged, at)
                else:
                    held.change, held.last = merged, at

    def due(self, now: float, still: float) -> bool:
        """Whether some file has changed, and then not for `still` seconds."""
        with self._lock:
            return any(now - held.last >= still for held in self._pending.values())

    def next_at(self, still: float = 0.0) -> float | None:
        """The time at which something becomes due, or None when nothing waits."""
        with self._lock:
            return min((held.last + still for held in self._pending.values()), default=None)

    def take(self, now: float | None = None, still: float = 0.0) -> list[Change]:
        """Take out what is due at `now`, in order of first arrival; without `now`: everything."""
        with self._lock:
            taken = [
                key
                for key, held in self._pending.items()
                if now is None or now - held.last >= still
            ]
            return [self._pending.pop(key).change for key in taken]

    def __len__(self) -> int:
        return len(self._pending)
