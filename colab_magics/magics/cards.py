"""What does a watch look like: its card under the cell, and its row in `%watches`?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from colab_magics.clock import CLOCK, Clock, spell
from colab_magics.display import Card, Table, clock_time, sparkline
from colab_magics.running.watch import Watch

_COLOUR = {
    "waiting": "waiting",
    "running": "running",
    "failed": "failed",
    "paused": "paused",
    "stopped": "paused",
}


_REDRAW_SECONDS = 0.5
_LOOK_SECONDS = 1.0


class Drawer:
    """Keeps cards up to date, from a thread of its own.

    Twice a second at most, since a page draws each update anew; and whenever a feed's trouble
    comes or goes, which nobody tells.
    """

    def __init__(
        self,
        watches: Callable[[], Iterable[Watch]],
        draw: Callable[[Watch], None],
        clock: Clock = CLOCK,
    ) -> None:
        self._watches, self._draw, self.clock = watches, draw, clock
        self._marked: dict[str, Watch] = {}
        self._trouble: dict[str, str] = {}
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to draw; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._loop, name="colab_magics-cards", daemon=True
            )
            self._thread.start()

    def mark(self, watch: Watch) -> None:
        """This one has changed."""
        self._marked[watch.name] = watch
        self._wake.set()

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stop.set()
        self._wake.set()

    def close(self, wait: float = 0.5) -> None:
        """End the thread."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(wait)

    def _loop(self) -> None:
        while not self._stop.is_set():
            self.clock.wait(self._wake, _LOOK_SECONDS)
            self._wake.clear()
            for watch in self._watches():
                if self._trouble.get(watch.name, "") != watch.trouble:
                    self._trouble[watch.name] = watch.trouble
                    self._marked[watch.name] = watch
            drawn = [self._marked.pop(name) for name in list(self._marked)]
            for watch in drawn:
                self._draw(watch)
            if drawn:
                self.clock.wait(self._stop, _REDRAW_SECONDS)


def watch_card(watch: Watch) -> Card:
    """The state of a watch."""
    last, lines = watch.last, []
    if last is None and not watch.running:
        missing = getattr(getattr(watch.subscription, "target", None), "missing", False)
        there = "; it does not exist yet" if missing and not watch.runs else ""
        lines.append(("waits for", f"a change of {watch.place}{there}"))
    if watch.running:
        lines.append(("running", f"run {watch.runs}"))
    if last is not None:
        lines += [("last run", _last(watch)), ("runs", _counts(watch))]
        if last.error:
            lines.append(("error", last.error))
    if watch.sent:
        lines.append(("result", watch.sent))
    if watch.trouble:
        lines.append(("trouble", watch.trouble))
    good = watch.state == "waiting" and last is not None
    title = watch.place if watch.name == watch.place else f"{watch.name} · {watch.place}"
    return Card(title, "ok" if good else _COLOUR[watch.state], watch.state, lines)


def _last(watch: Watch) -> str:
    last = watch.last
    assert last is not None
    first = last.changes[-1]
    what = f"{first.kind} {first.name}"
    if len(last.changes) > 1:
        what = f"{len(last.changes)} changes, the last: {what}"
    return (
        f"{clock_time(last.started_at)} · {what} · {spell(last.delay)} after the change · "
        f"took {spell(last.took)}"
    )


def _counts(watch: Watch) -> str:
    failed = f", {watch.failures} failed" if watch.failures else ""
    waiting = f", {watch.waiting} changes waiting" if watch.waiting else ""
    history = f" · delays {sparkline(watch.delays)}" if len(watch.delays) > 1 else ""
    return f"{watch.runs}{failed}{waiting}{history} · shown again by %watches show {watch.name}"


def watches_table(watches: Iterable[Watch], stats: Iterable[Any], session: str) -> Table:
    """All watches, with what looking for changes costs below."""
    watches = list(watches)
    rows = [_row(watch) for watch in watches]
    notes = [
        f"{s.name}: a look every {s.interval:.1f} s, {s.requests} requests in the last minute "
        f"({s.units / 3250:.1f} % of Drive's quota)"
        for s in stats
        if s.units or s.requests
    ]
    away = [
        w.name
        for w in watches
        if session and (w.parent.get("header") or {}).get("session") not in (None, session)
    ]
    if away:
        notes.append(
            f"registered from another page, so outputs do not show there: {', '.join(away)}; "
            "%watches show NAME shows them here"
        )
    if not rows:
        notes = ["nothing is watched; %%on_drive_change PLACE registers a cell"]
    headers = ["name", "watching", "state", "runs", "failed", "last run", "delay", "trouble"]
    return Table(headers, rows, "", " · ".join(notes), frozenset({3, 4}))


def _row(watch: Watch) -> list[object]:
    last = watch.last
    return [
        watch.name,
        watch.place,
        watch.state,
        watch.runs,
        watch.failures,
        clock_time(last.started_at) if last else "-",
        spell(last.delay) if last else "-",
        watch.trouble or (last.error if last else ""),
    ]
