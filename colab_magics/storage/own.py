"""Which revisions were written here, so that nobody takes them for somebody else's change?"""

from __future__ import annotations

import threading
from collections import OrderedDict


class OwnRevisions:
    """The revisions written here lately, so that a watch can tell its own writes from others'."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self.unlock()
        self._known: OrderedDict[tuple[str, str], int] = OrderedDict()  # to the writing thread

    def unlock(self) -> None:
        """Have a new lock: in a forked child, the old one may be held by a thread that is gone."""
        self._lock = threading.Lock()

    def add(self, revision: tuple[str, str]) -> None:
        """Remember a (file id, revision); the oldest one goes when there are too many."""
        with self._lock:
            self._known[revision] = threading.get_ident()
            self._known.move_to_end(revision)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def written_by(self, thread: int) -> set[tuple[str, str]]:
        """Those that the thread of this ident wrote: a cell's own writes are the main thread's."""
        with self._lock:
            return {revision for revision, ident in self._known.items() if ident == thread}
