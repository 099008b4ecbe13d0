"""How do several threads work on one thing, so that all of them end with it?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from colab_magics.errors import DriveUnreachable
from colab_magics.storage.line import Line
from colab_magics.storage.wire import Wire

_JOIN_SECONDS = 1.0  # a thread that waits in the kernel for a disk is not waited for longer


class Crew:
    """Threads that share a lock, and that end when the ``with`` block does, however it ends.

    Attributes:
        news: the lock of what the threads share; told whenever it has changed.
        stop: set when they are to end.
    """

    def __init__(self, name: str, wire: Wire | None = None) -> None:
        self.news = threading.Condition()
        self.stop = threading.Event()
        self._name = name
        self._wire = wire
        self._threads: list[threading.Thread] = []
        self._lines: list[Line] = []
        self._running = 0
        self._error: BaseException | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Let one more thread do `work`."""
        with self.news:
            self._running += 1
            name = f"colab_magics-{self._name}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until all work is done, `seconds` at most; whether it is.

        Raises:
            Exception: the first that one of the threads raised.
        """
        with self.news:
            self.news.wait_for(lambda: self._error or not self._running, seconds)
            if self._error is not None:
                raise self._error
            if self._running and self._wire is not None and self._wire.line().stop.is_set():
                raise DriveUnreachable("the way to Drive was closed", reason="stopped")
            return not self._running

    def _run(self, work: Callable[[], None]) -> None:
        try:
            if self._wire is not None:
                line = self._wire.line()
                with self.news:
                    self._lines.append(line)
                if self.stop.is_set():
                    line.abort()
            work()
        except BaseException as exc:
            with self.news:
                if self._error is None and not self.stop.is_set():
                    self._error = exc
        finally:
            with self.news:
                self._running -= 1
                self.news.notify_all()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        with self.news:
            lines = list(self._lines)
            self.news.notify_all()
        for line in lines:
            line.abort()
        end = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        for line in lines:
            with suppress(OSError):
                line.close()
        self._error = None  # its frames hold what the threads held
