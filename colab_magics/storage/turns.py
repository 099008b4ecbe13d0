"""Who may write a path now? Threads that write the same one take turns, others do not wait."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Turns:
    """A lock for each thing that somebody works on, and for nothing else."""

    def __init__(self) -> None:
        self.unlock()

    def unlock(self) -> None:
        """Forget who holds what: in a forked child, that may be threads that are gone."""
        self._lock = threading.Lock()
        self._held: dict[Hashable, tuple[threading.RLock, list[None]]] = {}

    @contextmanager
    def of(self, thing: Hashable) -> Iterator[None]:
        """Have the thing for oneself during the block."""
        with self._lock:
            turn, users = self._held.setdefault(thing, (threading.RLock(), []))
            users.append(None)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                users.pop()
                if not users:
                    self._held.pop(thing, None)
