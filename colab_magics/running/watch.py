"""What is a watch, and what happens from a change of its file to the end of the run?"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import PlaceNotFound
from colab_magics.settings import Settings
from colab_magics.watching.change import Change

from .executor import Executor
from .outputs import Parent
from .pending import Pending
from .run import Copies, Held, Options, Run, signature
from .threaded import run_in_thread
from .trespass import Trespass
from .turn import Turn, awaits, reason

logger = logging.getLogger(__name__)

_KEPT_DELAYS = 40
_OWN_RUNS = 3
"""So many runs in a row that a cell caused itself end its watch."""

State = Literal["waiting", "running", "failed", "paused", "stopped"]


class Watch:
    """A registered cell, the changes it still has to see, and how its runs went.

    `sink` is called from feeds; `run_due` from one worker thread; both ends of a turn from the
    main thread.
    """

    def __init__(
        self,
        name: str,
        place: str,
        body: str,
        parent: Parent,
        options: Options,
        *,
        executor: Executor,
        settings: Settings,
        spool: Path,
        fetch: Callable[[Change, Path], Change],
        opened: Callable[[Watch], None],
        changed: Callable[[Watch], None],
        send: Callable[[Watch, Path], None] | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        self.name, self.place, self.body, self.parent = name, place, body, parent
        self.options, self.executor, self.settings, self.clock = options, executor, settings, clock
        self.spool, self._fetch, self._send, self._changed = spool, fetch, send, changed
        self._opened = opened
        self.wake: Callable[[], None] = lambda: None
        self.handle: Any = None
        self.subscription: Any = None
        self.put: Any = None
        """The place that results are sent to."""
        self.result_id = ""
        """Drive's id of the file that results are sent to, once there is one."""
        self.awaits = awaits(executor.shell, body)
        self._successor: Watch | None = None
        self.trespass = Trespass()
        self.mode: Literal["on", "paused", "stopped"] = "on"
        self.running = False
        self.problem = ""
        self.runs = self.failures = 0
        self.last: Run | None = None
        self.wiped = False
        """The run has cleared its cell's output, and the card with it."""
        self.sent = ""
        self.delays: deque[float] = deque(maxlen=_KEPT_DELAYS)
        self.ignored: Callable[[Change], bool] = lambda change: False
        self._pending = Pending(options.debounce, settings, clock)
        self._own = 0
        self._seen: dict[str, tuple[str, str]] = {}
        self._copies = Copies(spool)
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """How it is doing, in one word."""
        if self.mode != "on":
            return self.mode
        if self.running:
            return "running"
        return "failed" if self.last is not None and self.last.status != "ok" else "waiting"

    # -- what comes in ----------------------------------------------------------------------

    def sink(self, changes: Any) -> None:
        """Take note of changes; called by a feed."""
        wanted = [change for change in changes if not self._is_result(change)]
        if wanted and self.mode != "stopped":
            self._pending.put(wanted)
            self.wake()

    def _is_result(self, change: Change) -> bool:
        """Whether this is the file that the watch itself sends back."""
        return self.ignored(change) or bool(change.id and change.id == self.result_id)

    def ask(self, changes: list[Change]) -> None:
        """Have the cell run for these changes at once, without waiting for them to be still."""
        self._own = 0
        self._seen.clear()
        self._pending.ask(changes)
        self.wake()

    def due_in(self) -> float | None:
        """Seconds until there is something to run; None while there is nothing."""
        return self._pending.due_in() if self.mode == "on" else None

    @property
    def waiting(self) -> int:
        """How many changes wait for their run."""
        return len(self._pending)

    # -- one run ----------------------------------------------------------------------------

    def run_due(self) -> None:
        """Run what is due, one turn; called by a worker's thread."""
        try:
            self._run_due()
        finally:
            self._pass_on()  # what came back meanwhile is the successor's, if there is one

    def _run_due(self) -> None:
        problem = ""
        fetched = []
        for change in self._pending.take(everything=self.options.batch):
            try:
                ready = self._ready(change)
            except Exception as exc:  # any filesystem's own, too: the change must not be lost
                pause = self._pending.put_off([change], seen=False)
                problem = f"{reason(exc)}; trying again in {pause:.1f} s"
                logger.info("fetching for %s failed", self.name, exc_info=True)
                continue
            if ready is not None:
                fetched.append(ready)
        self.problem = problem
        if problem:
            self._changed(self)
        if fetched:
            self._run(fetched)

    def _ready(self, change: Change) -> Change | None:
        """The change with its copy on this machine; None when there is nothing left to run for."""
        if change.kind == "deleted":
            return change
        if change.kind == "modified" and self._seen.get(change.place) == (
            change.id,
            change.version,
        ):
            return None  # an earlier run has seen this very content: its fetch was that fresh
        try:
            ready = self._fetch(change, self.spool)
        except PlaceNotFound:
            return None  # gone meanwhile; the feed will say so
        self._pending.fetched(change)
        return ready if ready.local is not None and ready.local.exists() else None

    def _pass_on(self) -> None:
        """Leave what waits to the watch that has replaced this one, if one has."""
        with self._lock:
            if self._successor is not None:
                self._successor.sink(self._pending.drain())

    def _run(self, changes: list[Change]) -> None:
        held = Held(changes)
        turn = Turn(
            self.body,
            self.parent,
            begin=lambda: self._begin(held, turn),
            end=lambda: self._end(held, turn),
            waiting=lambda: self._refresh(held, turn),
            timeout=self.options.timeout,
            awaits=self.awaits,
        )
        try:
            if self.options.in_thread:
                run_in_thread(self.executor, turn)
            else:
                self.executor.run(turn, wanted=lambda: self.mode == "on")
        except Exception:
            self._pending.put_off(held.changes, seen=False)  # a defect of ours loses no change
            raise
        if not turn.over:
            self._pending.put_back(held.changes)
            self._copies.remove(held.changes)
            return
        self._account(held, turn)

    def _refresh(self, held: Held, turn: Turn) -> None:
        """While the kernel is busy: let the waiting turn see what happened since."""
        newer = self._pending.take_newer(held.changes, everything=self.options.batch)
        for change in newer:
            try:
                ready = self._ready(change)
            except Exception:
                self._pending.put_off([change], seen=False)
                continue
            with turn.lock:
                if turn.claimed:
                    self._pending.put_back([change])
                    useless = [] if ready is None else [ready]
                else:
                    useless = held.take(ready) if ready is not None else []
            self._copies.remove(useless)

    def _begin(self, held: Held, turn: Turn) -> None:
        """Main thread, right before the body."""
        names: dict[str, Any] = {"change": held.changes[-1]}
        if self.options.batch:
            names["changes"] = list(held.changes)
        turn.bound = names
        # A handler in a thread must not change the names under a run of the main thread's.
        if not (self.options.in_thread and self.executor.running):
            self.executor.shell.user_ns.update(names)
        self.running, self.runs = True, self.runs + 1
        held.before = signature(self.options.result)
        for change in held.changes:
            if change.kind == "deleted":
                self._seen.pop(change.place, None)
            elif change.id:
                self._seen[change.place] = (change.id, change.version)
        self._opened(self)
        self.trespass.begin()

    def _end(self, held: Held, turn: Turn) -> None:
        """Main thread, right after the body and before any other cell."""
        self.trespass.end()
        self._remember(held, turn)
        result = self.options.result
        if turn.status != "ok" or result is None or self._send is None:
            return
        if signature(result) in (None, held.before):
            self.sent = f"{result.name} was not written by the last run; nothing was sent"
            return
        try:
            held.result = self._copies.of_result(result, self.runs)
        except OSError as exc:
            self.sent = f"{result.name} was not sent: {(exc.strerror or str(exc)).lower()}"

    def _remember(self, held: Held, turn: Turn) -> None:
        started = turn.started_at or self.clock.time()
        delay = max(0.0, started - max(c.time.timestamp() for c in held.changes))
        outcome = (turn.status, turn.error, started, turn.took, delay, turn.record)
        self.last = Run(self.runs, held.changes, *outcome)
        self.delays.append(delay)
        self.running, self.wiped = False, turn.record.cleared

    def _account(self, held: Held, turn: Turn) -> None:
        """Worker thread, after the run: try it again, or send its result."""
        if turn.status != "ok":
            self.failures += 1
            self._again(held.changes, turn)
        else:
            self._pending.settle(held.changes)
            if held.result is not None and self._send is not None:
                self._send(self, held.result)
        self._count_own(held.changes)
        self._copies.keep(held.changes)
        self._changed(self)

    def _again(self, changes: list[Change], turn: Turn) -> None:
        tries = self._pending.tries(changes, seen=True)
        if turn.status in ("error", "timeout") and tries < self.options.retries:
            for change in changes:
                self._seen.pop(change.place, None)
            self._pending.put_off(changes, seen=True)
        else:
            self._pending.settle(changes)

    def _count_own(self, changes: list[Change]) -> None:
        """Notice a cell that writes the file it watches, and stop it."""
        self._own = self._own + 1 if self.trespass.caught else 0
        if self._own >= _OWN_RUNS and self.mode == "on":
            self.mode = "paused"
            self.problem = (
                f"this cell writes the file it watches ({changes[-1].place}), so each run asks "
                f"for the next; paused after {self._own} such runs: write elsewhere and run the "
                f"cell again, or %watches resume {self.name}"
            )

    @property
    def seen_ids(self) -> set[str]:
        """Drive's ids of the files that runs have seen."""
        return {file_id for file_id, _ in self._seen.values()}

    # -- control ----------------------------------------------------------------------------

    def pause(self) -> None:
        """Run nothing until `resume`; changes are still noted."""
        if self.mode == "on":
            self.mode = "paused"
            self._changed(self)

    def resume(self) -> None:
        """Go on, with what happened meanwhile first."""
        if self.mode == "paused":
            self.mode, self.problem, self._own = "on", "", 0
            self._changed(self)
            self.wake()

    def stop(self) -> None:
        """End the watch for good."""
        self.mode = "stopped"
        if self.subscription is not None:
            self.subscription.close()
        self.trespass.close()

    def hand_over(self, successor: Watch) -> None:
        """Leave what was not run for yet, now or later, to the watch that replaces this one."""
        with self._lock:
            self._successor = successor
        self._pass_on()

    @property
    def busy(self) -> bool:
        """Whether it runs, or will within a moment."""
        due = self.due_in()
        return self.running or (due is not None and due <= self.options.debounce + 0.1)

    @property
    def trouble(self) -> str:
        """One line about what is wrong now; empty when nothing is."""
        feed = getattr(self.subscription, "problem", "")
        return self.problem or feed
