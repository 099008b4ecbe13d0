"""How do the result files of good runs get back to Drive?

A thread of its own sends them, so that a slow upload delays no run. A newer result of the same
watch replaces one that still waits. What Drive refuses is kept on this machine, and said.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from colab_magics.clock import CLOCK, Clock, spell
from colab_magics.display import clock_time, size
from colab_magics.errors import DriveBusy, DriveUnreachable
from colab_magics.retry import backoff
from colab_magics.settings import Settings

from .turn import reason
from .watch import Watch

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0


@dataclass
class _Item:
    """One result on its way."""

    watch: Watch
    path: Path
    at: float = 0.0
    """When to try (again), seconds on the monotonic clock."""
    tries: int = 0


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
        self._waiting: dict[str, _Item] = {}
        self.kept: dict[str, tuple[Watch, Path]] = {}
        self._lock = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._sending: _Item | None = None

    def send(self, watch: Watch, path: Path) -> None:
        """Send `path` as the result of `watch`, in place of one that still waits."""
        watch.sent = f"{path.name} is on its way"
        with self._lock:
            old = self._waiting.get(watch.name)
            kept = self.kept.pop(watch.name, None)
            self._waiting[watch.name] = _Item(watch, path)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._loop, name="colab_magics-send", daemon=True
                )
                self._thread.start()
            if old is not None and old is not self._sending:
                _remove(old.path)
            if kept is not None and kept[1] != path:
                _remove(kept[1])
        self._wake.set()

    def again(self, name: str) -> bool:
        """Send a kept result once more; False when there is none."""
        held = self.kept.get(name)
        if held is not None:
            self.send(*held)
        return held is not None

    @property
    def busy(self) -> bool:
        """Whether something is being sent, or will be at once."""
        now = self.clock.monotonic()
        with self._lock:
            return self._sending is not None or any(i.at <= now for i in self._waiting.values())

    @property
    def unsent(self) -> list[Path]:
        """What has not arrived on Drive."""
        with self._lock:
            waiting = [item.path for item in self._waiting.values()]
            return [*waiting, *(path for _, path in self.kept.values())]

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
        while True:
            self._wake.clear()
            if self._stop.is_set():
                return
            pause = self._next()
            if pause > 0:
                self.clock.wait(self._wake, pause)

    def _next(self) -> float:
        """Send what is due first; the seconds until there is something more to do."""
        now = self.clock.monotonic()
        with self._lock:
            item = min(self._waiting.values(), key=lambda one: one.at, default=None)
            if item is None:
                return _IDLE_SECONDS
            if item.at > now:
                return item.at - now
            self._sending = item
        try:
            self._send(item)
        finally:
            self._sending = None
        self._changed(item.watch)
        return 0.0

    def _send(self, item: _Item) -> None:
        watch, start = item.watch, self.clock.monotonic()
        try:
            place, count = self._deliver(watch, item.path)
        except (DriveBusy, DriveUnreachable) as exc:
            pause = max(1.0, backoff(item.tries, self.settings))
            item.tries += 1
            item.at = self.clock.monotonic() + pause
            if not self._is_newest(item):
                _remove(item.path)
                return
            watch.sent = f"{item.path.name} waits: {exc}; trying again in {pause:.0f} s"
        except Exception as exc:
            logger.warning("a result of %s was not sent", watch.name, exc_info=True)
            if self._done(item, keep=True):
                watch.sent = (
                    f"not sent: {reason(exc)}; kept at {item.path}; "
                    f"%watches retry {watch.name} sends it again"
                )
        else:
            took = spell(self.clock.monotonic() - start)
            at = clock_time(self.clock.time())
            if self._done(item, keep=False):
                watch.sent = f"{place} · {size(count)} · sent at {at} in {took}"

    def _is_newest(self, item: _Item) -> bool:
        with self._lock:
            return self._waiting.get(item.watch.name) is item

    def _done(self, item: _Item, *, keep: bool) -> bool:
        """Take it off the list; False when a newer one has taken its place."""
        with self._lock:
            newest = self._waiting.get(item.watch.name) is item
            if newest:
                del self._waiting[item.watch.name]
            if newest and keep:
                self.kept[item.watch.name] = (item.watch, item.path)
        if not (newest and keep):
            _remove(item.path)
        return newest


def _remove(path: Path) -> None:
    """Remove a copy, with the folder that was made for it."""
    with suppress(OSError):
        path.unlink()
        path.parent.rmdir()
