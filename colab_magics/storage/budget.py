"""How much of Drive's quota was spent in the last minute, and when is there room for more?"""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from collections import deque
from typing import Any

from colab_magics.clock import Clock

_WINDOW = 60.0
_KNOWN: weakref.WeakValueDictionary[tuple[str, str, int], Budget] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()


class Budget:
    """Units spent in a sliding minute by all that share one account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def spend(self, units: int) -> None:
        """Count units whether or not there is room."""
        with self._lock:
            self._expire()
            self._book(units)

    def take(self, units: int, most: float) -> float:
        """Count units if no more than `most` are spent then; else the seconds until they fit."""
        with self._lock:
            now = self._expire()
            over = self._sum + units - most
            if over <= 0 or not self._spent:
                self._book(units)
                return 0.0
            edge = now
            for edge, count in self._spent:  # noqa: B007 (where the loop stopped is the answer)
                over -= count
                if over <= 0:
                    break
            return max(0.001, edge + _WINDOW - now)

    def _expire(self) -> float:
        now = self._clock.monotonic()
        while self._spent and self._spent[0][0] <= now - _WINDOW:
            self._sum -= self._spent.popleft()[1]
        return now

    def _book(self, units: int) -> None:
        self._spent.append((self._clock.monotonic(), units))
        self._sum += units


def budget_of(base: str, account: str, clock: Clock) -> Budget:
    """The one budget of an endpoint and account in this process."""
    with _LOCK:
        key = (base, account, id(clock))
        found = _KNOWN.get(key)
        if found is None:
            found = _KNOWN[key] = Budget(clock)
        return found


def account_of(credentials: Any) -> str:
    """A text that tells accounts apart and shows nothing of them."""
    for name in ("service_account_email", "refresh_token", "token"):
        value = getattr(credentials, name, None)
        if isinstance(value, str) and value:
            return hashlib.sha256(f"{name}:{value}".encode()).hexdigest()[:32]
    return ""


def _unlock_all() -> None:
    # In a forked child, the old ones may be held by threads that are gone.
    global _LOCK
    _LOCK = threading.Lock()
    for known in _KNOWN.valuerefs():
        if (budget := known()) is not None:
            budget._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
