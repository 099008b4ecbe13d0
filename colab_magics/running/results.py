"""How do the result files of good runs get back to Drive?

A thread of its own sends them, so that a slow upload delays no run. A newer result of the same
watch replaces one that still waits. What Drive refuses is kept on this machine, and said.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from colab_magics.clock import CLOCK, Clock, spell
from colab_magics.display import clock_time, size
from colab_magics.errors import ColabMagicsError, DriveBusy, DriveUnreachable
from colab_magics.retry import backoff
from colab_magics.settings import Settings

from .watch import Watch

logger = logging.getLogger(__name__)


class Results:
    """Result files on their way."""

    def __init__(
        self,
        settings: Settings,
        deliver: Callable[[Watch, Path], tuple[str, int]],
        changed: Callable[[Watch], None],
        clock: Clock = CLOCK,
    ) -> None:
        self.settings, self.clock = settings, clock
        self._deliver, self._changed = deliver, changed
        self._waiting: dict[str, tuple[Watch, Path]] = {}
        self.kept: dict[str, tuple[Watch, Path]] = {}
        self._lock = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self.busy = False

    def send(self, watch: Watch, path: Path) -> None:
        """Send `path` as the result of `watch`, in place of one that still waits."""
        with self._lock:
            self._waiting[watch.name] = (watch, path)
            self.kept.pop(watch.name, None)
            self.busy = True
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._loop, name="colab_magics-send", daemon=True
                )
                self._thread.start()
        watch.sent = f"{path.name} is on its way"
        self._wake.set()

    def again(self, name: str) -> bool:
        """Send a kept result once more; False when there is none."""
        held = self.kept.get(name)
        if held is not None:
            self.send(*held)
        return held is not None

    @property
    def unsent(self) -> list[Path]:
        """What has not arrived on Drive."""
        with self._lock:
            return [path for _, path in [*self._waiting.values(), *self.kept.values()]]

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stop.set()
        self._wake.set()

    def close(self, wait: float = 0.5) -> None:
        """End the thread; what is on its way is given `wait` seconds."""
        self.stop()
        if self._thread is not None:
            self._thread.join(wait)

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            with self._lock:
                name = next(iter(self._waiting), None)
                held = self._waiting.get(name) if name is not None else None
                self.busy = held is not None
            if name is None or held is None:
                self.clock.wait(self._wake, 60.0)
                continue
            self._send(name, *held)

    def _send(self, name: str, watch: Watch, path: Path) -> None:
        attempt = 0
        while not self._stop.is_set() and self._is_newest(name, path):
            start = self.clock.monotonic()
            try:
                place, count = self._deliver(watch, path)
            except (DriveBusy, DriveUnreachable) as exc:
                pause = max(1.0, backoff(attempt, self.settings))
                attempt += 1
                watch.sent = f"{path.name} waits: {exc}; trying again in {pause:.0f} s"
                self._changed(watch)
                self.clock.wait(self._wake if not self._stop.is_set() else self._stop, pause)
                self._wake.clear()
                continue
            except (ColabMagicsError, OSError) as exc:
                watch.sent = (
                    f"not sent: {exc}; kept at {path}; %watches retry {watch.name} sends it again"
                )
                self.kept[name] = (watch, path)
                logger.warning("a result of %s was not sent", watch.name, exc_info=True)
            else:
                took = spell(self.clock.monotonic() - start)
                at = clock_time(self.clock.time())
                watch.sent = f"{place} · {size(count)} · sent at {at} in {took}"
                path.unlink(missing_ok=True)
            break
        with self._lock:
            if self._waiting.get(name) == (watch, path):
                del self._waiting[name]
        self._changed(watch)

    def _is_newest(self, name: str, path: Path) -> bool:
        with self._lock:
            held = self._waiting.get(name)
        return held is not None and held[1] == path
