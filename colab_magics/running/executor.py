"""How is a cell run again, on the main thread, between the user's cells?

In the background a thread sends the kernel an execute_request of its own (`selfclient`), one at a
time. In the foreground (`%drive_serve`) the serving cell runs the turns itself. Either way the
hooks around a cell prepare the turn (bind its variables, draw its card) and end it, on the main
thread, so nothing of the user's comes between.
"""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Callable
from typing import Any

from colab_magics.clock import CLOCK, Clock

from .interrupts import interrupt_main, shielded
from .outputs import Recorder, Streams
from .selfclient import MARK, SelfClient
from .turn import Turn

_NOTHING = ["pass\n"]


class Executor:
    """Runs turns for one shell; `close()` leaves nothing behind."""

    def __init__(self, shell: Any, clock: Clock = CLOCK) -> None:
        self.shell, self.clock = shell, clock
        self.streams = Streams()
        self.stopped = threading.Event()
        self._turns: dict[str, Turn] = {}
        self._current: Turn | None = None
        self._thread = 0
        self._recorder = Recorder(shell, self.streams)
        self.front: queue.Queue[Turn] | None = None
        """Turns for the cell of the user's that serves, while one does."""
        self._client: SelfClient | None = None
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

        Only one thread may ask: there is one request in flight, which leaves room for others.
        Gives the turn back with `status` "dropped" when it is not `wanted` any more, or when
        this executor is closed, before it began.
        """
        while not self.stopped.is_set() and wanted():
            front = self.front
            if front is not None:
                front.put(turn)
                self._await_front(front, turn, wanted)
            elif self.has_kernel:
                self._ask(turn, wanted)
            else:
                self.clock.wait(self.stopped, 0.05)  # no kernel: only %drive_serve can run it
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

    def _ask(self, turn: Turn, wanted: Callable[[], bool]) -> None:
        """Send one request and wait for its reply.

        Comes back with a turn that has not begun when the request was aborted, because a cell of
        the user's failed before it, or was taken back; it can be asked for again.
        """
        if self._client is None:
            self._client = SelfClient(self.shell.kernel)
        self._turns[turn.nonce] = turn
        reply = self._client.execute(
            turn.parent, turn.body, turn.nonce, lambda: self._keep_waiting(turn, wanted)
        )
        with turn.lock:
            self._turns.pop(turn.nonce, None)
            if not turn.claimed:
                turn.nonce = uuid.uuid4().hex
                return
        if turn.begun is None:
            turn.status, turn.error = "error", "the kernel did not start the cell"
        turn.over = reply is not None

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

    def watch_time(self, turn: Turn) -> None:
        """Interrupt a body that has run for too long."""
        if turn.timeout is None or turn.begun is None or turn.timed_out:
            return
        if self.clock.monotonic() - turn.begun < turn.timeout:
            return
        with turn.lock:
            if self._current is turn and not turn.over:
                turn.timed_out = True
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

        This is the last moment at which that is possible, and the point of no return: a turn
        that is claimed here runs.
        """
        nonce = self._asked_nonce()
        if nonce is None:
            return lines
        turn = self._turns.get(nonce)
        if turn is None or self.stopped.is_set():
            return _NOTHING
        with turn.lock:
            if turn.nonce != nonce:
                return _NOTHING
            turn.claimed = True
        return lines

    def _asked_nonce(self) -> str | None:
        parent = getattr(self.shell, "parent_header", None) or {}
        nonce = (parent.get("header") or {}).get(MARK)
        return nonce if isinstance(nonce, str) else None

    def _before(self, info: Any = None) -> None:
        turn = self._turns.get(self._asked_nonce() or "")
        if turn is not None and turn.claimed and self._current is None:
            self.start(turn)

    def start(self, turn: Turn) -> None:
        """Begin a claimed turn, on the main thread; the body comes next."""
        with shielded() as interrupted:
            self._set_up(turn)
        turn.interrupted = bool(interrupted)

    def _set_up(self, turn: Turn) -> None:
        turn.begun, turn.started_at = self.clock.monotonic(), self.clock.time()
        self._current, self._thread = turn, threading.get_ident()
        hook, body = self.shell.displayhook, turn.body.rstrip()
        # The user keeps _, __ and Out[n]; and the body's own ; decides, not that of the user's
        # last cell. Both are looked up on the instance.
        hook.update_user_ns = lambda result: None
        hook.quiet = lambda: body.endswith(";")
        try:
            turn.begin()
        finally:
            self._recorder.start()

    def _after(self, result: Any = None) -> None:
        # A cell on a subshell's thread may end while ours is running.
        if self._current is not None and threading.get_ident() == self._thread:
            self.finish(self._current, result)

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
        for name in ("update_user_ns", "quiet"):
            self.shell.displayhook.__dict__.pop(name, None)
        turn.took = self.clock.monotonic() - (turn.begun or 0.0)
        error = None if result is None else result.error_before_exec or result.error_in_exec
        turn.set_outcome(error)
        turn.end()

    # -- the end ----------------------------------------------------------------------------

    def release(self) -> None:
        """Close the socket; to be called by the thread that asked."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def close(self) -> None:
        """Stop waiting, and leave the shell as it was."""
        self.stopped.set()
        self._unhook()
        # The gate stays while one of our requests may still be queued: it must run as nothing.
        if not self._turns and self._gate in self.shell.input_transformers_cleanup:
            self.shell.input_transformers_cleanup.remove(self._gate)

    def forget(self) -> None:
        """In a forked child: no thread of ours lives, and our locks may be held for ever."""
        self.stopped = threading.Event()
        self.stopped.set()
        self._turns, self._client, self.streams = {}, None, Streams()
        self._unhook()

    def _unhook(self) -> None:
        for event, hook in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            try:
                self.shell.events.unregister(event, hook)
            except ValueError:
                continue  # unregistered already
