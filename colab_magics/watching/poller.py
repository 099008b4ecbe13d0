"""How does a feed look again and again, be woken, and be gone at once when nobody watches?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from colab_magics.clock import CLOCK, Clock

logger = logging.getLogger(__name__)

_JOIN_SECONDS = 0.5  # a request in flight is left behind; its thread is a daemon and ends with it
_AFTER_A_BUG = 1.0
_LONGEST = 3600.0


class Poller:
    """A daemon thread that calls `look`, waits as long as it says, and calls it again."""

    def __init__(self, name: str, look: Callable[[], float], clock: Clock = CLOCK) -> None:
        """Nothing runs yet.

        Args:
            name: the last part of the thread's name.
            look: does the work and returns the seconds until the next time.
        """
        self._name = f"colab_magics-{name}"
        self._look = look
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look now, and from now on; a second start looks now, too."""
        with self._lock:
            if self._thread is not None:
                self._wake.set()
                return
            # Fresh events: a thread that is still stuck in a request keeps its own, and ends.
            self._wake, self._stop = threading.Event(), threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(self._wake, self._stop), name=self._name, daemon=True
            )
            self._thread.start()

    def poke(self) -> None:
        """Look now."""
        self._wake.set()

    @property
    def stopping(self) -> threading.Event:
        """Set when the present thread is to end."""
        return self._stop

    def stop(self) -> None:
        """End the thread, and wait half a second at most for it."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stop.set()
            self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)

    def _run(self, wake: threading.Event, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                pause = self._look()
            except Exception:
                # The one thread of all watches must outlive any mistake in it.
                logger.exception("a look of %s failed", self._name)
                pause = _AFTER_A_BUG
            if stop.is_set():
                return
            self._clock.wait(wake, min(pause, _LONGEST))
            wake.clear()
