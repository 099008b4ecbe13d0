"""Who may write a path now? Threads that write the same one take turns, others do not wait."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Turns:
    """A lock for each thing that somebody works on, and for nothing else."""

    def __init__(self) -> None:
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
                    del self._held[thing]
