"""Which watch is next? One thread runs what is due, one watch after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from colab_magics.clock import CLOCK, Clock

from .watch import Watch

logger = logging.getLogger(__name__)


class Worker:
    """A thread that runs the due turns of its watches, fairly.

    Args:
        release: called by the thread at its end.
    """

    def __init__(
        self,
        name: str,
        clock: Clock = CLOCK,
        *,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self.name, self.clock, self._release = name, clock, release
        self._watches: list[Watch] = []
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, watch: Watch) -> None:
        """Serve one more watch; the first one starts the thread."""
        with self._lock:
            self._watches.append(watch)
            watch.wake = self._wake.set
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=self.name, daemon=True)
                # A debugger that stops "all threads" must not stop this one: the kernel's own
                # requests would wait for it.
                self._thread.pydev_do_not_trace = True  # type: ignore[attr-defined]
                self._thread.start()
        self._wake.set()

    def remove(self, watch: Watch) -> None:
        """Serve a watch no more."""
        with self._lock:
            if watch in self._watches:
                self._watches.remove(watch)

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stop.set()
        self._wake.set()

    def close(self, wait: float = 0.5) -> None:
        """End the thread; what it is doing is given `wait` seconds."""
        self.stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(wait)

    def _loop(self) -> None:
        try:
            while True:
                self._wake.clear()
                if self._stop.is_set():
                    return
                watch, pause = self._next()
                if watch is None:
                    self.clock.wait(self._wake, pause)
                    continue
                try:
                    watch.run_due()
                except Exception:
                    # A defect of ours must not end the other watches.
                    logger.exception("the watch %s failed", watch.name)
        finally:
            self._release()

    def _next(self) -> tuple[Watch | None, float]:
        soonest = 60.0
        with self._lock:
            for at, watch in enumerate(self._watches):
                due = watch.due_in()
                if due is not None and due <= 0:
                    # To the end of the line, so that a busy watch does not starve the others.
                    self._watches.append(self._watches.pop(at))
                    return watch, 0.0
                if due is not None:
                    soonest = min(soonest, due)
        return None, soonest
