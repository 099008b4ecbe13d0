"""How is a cell run again, on the main thread, between the user's cells?

In the background a thread sends the kernel an execute_request of its own (`selfclient`), one at a
time. In the foreground (`%drive_serve`) the serving cell runs the turns itself. Either way the
hooks around a cell prepare the turn (bind its variables, draw its card) and end it, on the main
thread, so nothing of the user's comes between.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import uuid
from collections.abc import Callable
from typing import Any

from colab_magics.clock import CLOCK, Clock

from .interrupts import ignore_interrupts, interrupt_main, shielded
from .selfclient import MARK, SelfClient
from .taps import Patch, Recorder, Taps
from .turn import Turn

_NOTHING = ["pass\n"]
_AGAIN_SECONDS = 1.0  # between two interrupts of a body that does not end
_ATTEMPTS = 5  # of a request that the kernel takes up and does not begin


class Executor:
    """Runs turns for one shell; `close()` leaves nothing behind."""

    def __init__(self, shell: Any, clock: Clock = CLOCK) -> None:
        self.shell, self.clock = shell, clock
        self.taps = Taps(shell)
        self.stopped = threading.Event()
        self.front: queue.Queue[Turn] | None = None
        """Turns for the cell of the user's that serves, while one does."""
        self._id = uuid.uuid4().hex[:8]  # another load of this extension has another one
        self._turns: dict[str, Turn] = {}
        self._current: Turn | None = None
        self._depth = 0
        self._thread = 0
        self._patches: list[Patch] = []
        self._trim: Callable[[], None] = lambda: None
        self._recorder = Recorder(self.taps)
        self._clients = threading.local()  # a socket belongs to the thread that asks
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)
        shell.input_transformers_cleanup.append(self._gate)

    @property
    def has_kernel(self) -> bool:
        """Whether this shell can be sent requests: an ipykernel with sockets."""
        app = getattr(getattr(self.shell, "kernel", None), "parent", None)
        return hasattr(app, "get_connection_info")

    @property
    def running(self) -> bool:
        """Whether a turn's body runs on the main thread."""
        return self._current is not None

    # -- asking, from a background thread ---------------------------------------------------

    def run(self, turn: Turn, wanted: Callable[[], bool] = lambda: True) -> Turn:
        """Run a turn and wait for its end, in the background or, while serving, in front.

        Each asking thread has one request in flight, which leaves room for the user's cells.
        Gives the turn back with `status` "dropped" when it is not `wanted` any more, or when
        this executor is closed, before it began.
        """
        attempts = 0
        while not self.stopped.is_set() and wanted():
            front = self.front
            if front is not None:
                front.put(turn)
                self._await_front(front, turn, wanted)
            elif self.has_kernel:
                attempts += self._ask(turn, wanted)
            else:
                self.clock.wait(self.stopped, 0.05)  # no kernel: only %drive_serve can run it
            if attempts >= _ATTEMPTS and not turn.over:
                turn.status, turn.error = "error", "the kernel does not begin this cell"
                turn.over = True
            if turn.over:
                return turn
        return turn

    def _await_front(
        self, front: queue.Queue[Turn], turn: Turn, wanted: Callable[[], bool]
    ) -> None:
        while not turn.over and not self.stopped.is_set():
            self.clock.wait(self.stopped, 0.02)
            if not turn.claimed:
                with turn.lock:
                    off = self.front is not front or not wanted()
                    if off and not turn.claimed:
                        return
                turn.waiting()

    def _ask(self, turn: Turn, wanted: Callable[[], bool]) -> bool:
        """Send one request and wait for its reply; True when the kernel began and lost it.

        Comes back with a turn that is not over when the request was aborted, because a cell of
        the user's failed before it, or was taken back, or was lost before the body began; it can
        be asked for again.
        """
        client: SelfClient | None = getattr(self._clients, "own", None)
        if client is None:
            client = self._clients.own = SelfClient(self.shell.kernel)
        turn.nonce = nonce = f"{self._id}:{uuid.uuid4().hex}"
        self._turns[nonce] = turn
        answered = client.execute(
            turn.parent,
            turn.body,
            nonce,
            wanted=lambda: self._keep_waiting(turn, wanted),
            lost=lambda: self._is_lost(turn),
        )
        with turn.lock:
            self._turns.pop(nonce, None)
            if turn.begun is None:
                retry, turn.claimed = turn.claimed, False
                return retry
        if answered and not turn.ended:
            self._on_main(lambda: self._give_up(turn))
        turn.over = turn.ended
        return False

    def _keep_waiting(self, turn: Turn, wanted: Callable[[], bool]) -> bool:
        if self.stopped.is_set():
            return False
        if turn.begun is not None:
            self.watch_time(turn)
            self._repeat_interrupt(turn)
            return True
        if self.front is not None or not wanted():
            with turn.lock:
                if not turn.claimed:
                    return False  # taken back: what is queued finds no turn under its nonce
        turn.waiting()
        return True

    def _is_lost(self, turn: Turn) -> bool:
        """Whether a request will have no reply, now that the kernel answers later ones.

        An interrupt at a bad moment makes ipykernel drop a request on its way. While a body
        awaits, ipykernel 7 answers others, and that means nothing.
        """
        with turn.lock:
            if turn.begun is None or turn.ended:
                return True
            return turn.task is None or turn.task.done()

    def _on_main(self, call: Callable[[], None]) -> None:
        """Have the main thread do something between cells, and wait for that."""
        done = threading.Event()

        def run() -> None:
            call()
            done.set()

        self.shell.kernel.io_loop.add_callback(run)
        while not done.is_set() and not self.stopped.is_set():
            self.clock.wait(done, 0.1)

    def watch_time(self, turn: Turn) -> None:
        """Interrupt a body that has run for too long; again if it does not mind."""
        if turn.timeout is None or turn.begun is None:
            return
        now = self.clock.monotonic()
        due = turn.begun + turn.timeout
        if turn.timed_out is not None:
            due = turn.timed_out + _AGAIN_SECONDS
        if now < due:
            return
        with turn.lock:
            if self._current is turn and not turn.ended:
                turn.timed_out = now
                interrupt_main()

    def _repeat_interrupt(self, turn: Turn) -> None:
        """Pass on an interrupt that came while the turn was set up; the body has begun by now."""
        with turn.lock:
            if turn.interrupted and self._current is turn:
                turn.interrupted = False
                interrupt_main()

    # -- around the body, on the main thread ------------------------------------------------

    def _gate(self, lines: list[str]) -> list[str]:
        """Let the body of a wanted turn pass, and turn a request that was taken back into nothing.

        This is the last moment at which that is possible.
        """
        nonce = self._asked_nonce()
        if nonce is None:
            return lines
        turn = self._turns.get(nonce)
        if turn is not None and not self.stopped.is_set():
            with turn.lock:
                if turn.nonce == nonce:
                    turn.claimed = True
                    return lines
        if self.stopped.is_set():
            self._turns.pop(nonce, None)  # what was still queued at the end has come by
            self._open_gate()
        return _NOTHING

    def _open_gate(self) -> None:
        if not self._turns and self._gate in self.shell.input_transformers_cleanup:
            self.shell.input_transformers_cleanup.remove(self._gate)

    def _asked_nonce(self) -> str | None:
        """Our nonce in the request that the main thread is at; None in any other case."""
        if threading.current_thread() is not threading.main_thread():
            return None
        parent = getattr(self.shell, "parent_header", None) or {}
        nonce = (parent.get("header") or {}).get(MARK)
        ours = isinstance(nonce, str) and nonce.startswith(f"{self._id}:")
        return nonce if ours else None

    def _before(self, info: Any = None) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # a subshell's cell
        asked = self._asked_nonce()
        current = self._current
        if current is not None and self.front is None and asked != current.nonce:
            self._give_up(current)  # an interrupt kept the hook behind its body from being called
        if self._current is None:
            turn = self._turns.get(asked or "")
            if turn is None or not turn.claimed or turn.ended:
                return
            self.start(turn)
            turn.task = _task_of(turn)
        self._depth += 1  # a body may run cells of its own

    def start(self, turn: Turn) -> None:
        """Begin a claimed turn, on the main thread; the body comes next."""
        with shielded() as interrupted:
            self._set_up(turn)
        turn.interrupted = bool(interrupted)

    def _set_up(self, turn: Turn) -> None:
        turn.begun, turn.started_at = self.clock.monotonic(), self.clock.time()
        self._current, self._thread, self._depth = turn, threading.get_ident(), 0
        hook, body = self.shell.displayhook, turn.body.rstrip()
        # The user keeps _, __ and Out[n]; and the body's own ; decides, not that of the user's
        # last cell. Both are looked up on the instance.
        self._patches = [
            Patch(hook, "update_user_ns", lambda result: None),
            Patch(hook, "quiet", lambda: body.endswith(";")),
        ]
        self._trim = _history_trimmer(self.shell)
        try:
            turn.begin()
        finally:
            self._recorder.start()

    def _after(self, result: Any = None) -> None:
        # A cell on a subshell's thread may end while ours is running.
        if self._current is None or threading.get_ident() != self._thread:
            return
        self._depth -= 1
        if self._depth <= 0:
            if self._asked_nonce() == self._current.nonce:  # else a serving cell goes on behind it
                ignore_interrupts()
            self.finish(self._current, result)

    def _give_up(self, turn: Turn) -> None:
        turn.lost = True
        self.finish(turn, None)

    def finish(self, turn: Turn, result: Any) -> None:
        """End a turn, on the main thread, if the hook after the body has not done so already.

        An interrupt now is too late for this body, and not meant for what comes next.
        """
        with shielded():
            if self._current is turn:
                with turn.lock:
                    self._current = None
                self._take_down(turn, result)

    def _take_down(self, turn: Turn, result: Any) -> None:
        turn.record = self._recorder.stop()
        while self._patches:
            self._patches.pop().undo()
        self._trim()
        turn.took = self.clock.monotonic() - (turn.begun or 0.0)
        error = None if result is None else result.error_before_exec or result.error_in_exec
        turn.set_outcome(error)
        try:
            turn.end()
        finally:
            turn.ended = True

    # -- the end ----------------------------------------------------------------------------

    def release(self) -> None:
        """Close the calling thread's socket, at its end."""
        client: SelfClient | None = getattr(self._clients, "own", None)
        if client is not None:
            client.close()
            self._clients.own = None

    def close(self) -> None:
        """Stop waiting, and leave the shell as it was."""
        self.stopped.set()
        if self._current is not None and threading.get_ident() == self._thread:
            self.finish(self._current, None)  # unloaded by a body of ours
        self._unhook()
        self.taps.disarm()
        # The gate stays while one of our requests may still be queued: it must run as nothing.
        self._open_gate()

    def forget(self) -> None:
        """In a forked child: no thread of ours lives, and our locks may be held for ever."""
        self.stopped = threading.Event()
        self.stopped.set()
        self._turns = {}
        self._unhook()
        self.taps.disarm()

    def _unhook(self) -> None:
        for event, hook in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            try:
                self.shell.events.unregister(event, hook)
            except ValueError:
                continue  # unregistered already


def _task_of(turn: Turn) -> asyncio.Task[Any] | None:
    if not turn.awaits:
        return None
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _history_trimmer(shell: Any) -> Callable[[], None]:
    """What takes a run's outputs out of the history again.

    IPython 9 books what is printed under the number of the user's next cell; run after run it
    would grow.
    """
    outputs = getattr(getattr(shell, "history_manager", None), "outputs", None)
    number = shell.execution_count
    if not isinstance(outputs, dict) or number in outputs:
        return lambda: None
    return lambda: outputs.pop(number, None) and None
