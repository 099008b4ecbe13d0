"""How is a cell run again, on the main thread, between the user's cells?

In the background a thread sends the kernel an execute_request of its own (`selfclient`), one at a
time. In the foreground (`%drive_serve`) the serving cell runs the turns itself. Either way the
hooks around a cell prepare the turn (bind its variables, draw its card) and end it, on the main
thread, so nothing of the user's comes between.
"""

from __future__ import annotations

import asyncio
import queue
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from colab_magics.clock import CLOCK, Clock

from .nesting import nested
from .outputs import Parent, Record, Recorder, Streams
from .selfclient import MARK, SelfClient

_NOTHING = ["pass\n"]
Status = Literal["ok", "error", "interrupted", "timeout", "dropped"]


@dataclass
class Turn:
    """One execution of a cell, from being asked for to its end."""

    body: str
    parent: Parent
    begin: Callable[[], None]
    """Called on the main thread right before the body: the last moment to bind variables."""
    end: Callable[[], None] = lambda: None
    """Called on the main thread right after the body, before any other cell runs."""
    waiting: Callable[[], None] = lambda: None
    """Called now and then from the asking thread while the kernel is busy with other cells."""
    timeout: float | None = None
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    lock: threading.RLock = field(default_factory=threading.RLock)
    claimed: bool = False
    """The kernel has taken it up: from here on it runs, whatever happens."""
    begun: float | None = None
    """When the body began, seconds on the monotonic clock."""
    started_at: float | None = None
    """When the body began, seconds since the epoch."""
    took: float = 0.0
    status: Status = "dropped"
    error: str = ""
    record: Record = field(default_factory=Record)
    over: bool = False
    timed_out: bool = False


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
        self._foreground: queue.Queue[Turn] | None = None
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
    def in_front(self) -> bool:
        """Whether a cell of the user's is serving."""
        return self._foreground is not None

    # -- asking, from a background thread ---------------------------------------------------

    def run(self, turn: Turn, wanted: Callable[[], bool] = lambda: True) -> Turn:
        """Run a turn and wait for its end, in the background or, while serving, in front.

        Only one thread may ask: there is one request in flight, which leaves room for others.
        Gives the turn back with `status` "dropped" when it is not `wanted` any more, or when
        this executor is closed, before it began.
        """
        while not self.stopped.is_set() and wanted():
            front = self._foreground
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
                    off = self._foreground is not front or not wanted()
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
            self._watch_time(turn)
            return True
        if self._foreground is not None or not wanted():
            with turn.lock:
                if not turn.claimed:
                    return False  # taken back: what is queued finds no turn under its nonce
        turn.waiting()
        return True

    def _watch_time(self, turn: Turn) -> None:
        if turn.timeout is None or turn.begun is None or turn.timed_out:
            return
        if self.clock.monotonic() - turn.begun < turn.timeout:
            return
        with turn.lock:
            if self._current is turn and not turn.over:
                turn.timed_out = True
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
            self._start(turn)

    def _start(self, turn: Turn) -> None:
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
        turn = self._current
        # A cell on a subshell's thread may end while ours is running.
        if turn is not None and threading.get_ident() == self._thread:
            self._finish(turn, result)

    def _finish(self, turn: Turn, result: Any) -> None:
        try:
            with turn.lock:
                self._current = None
        except KeyboardInterrupt:  # our own timeout, a moment too late for the body
            self._current = None
        turn.record = self._recorder.stop()
        for name in ("update_user_ns", "quiet"):
            self.shell.displayhook.__dict__.pop(name, None)
        turn.took = self.clock.monotonic() - (turn.begun or 0.0)
        error = None if result is None else result.error_before_exec or result.error_in_exec
        turn.status, turn.error = _status(turn, error)
        turn.end()

    # -- in front, in a cell of the user's ---------------------------------------------------

    @contextmanager
    def _serving(self) -> Iterator[queue.Queue[Turn]]:
        self._foreground = queue.Queue()
        try:
            yield self._foreground
        finally:
            self._foreground = None

    async def serve(self, going: Callable[[], bool]) -> bool:
        """Run turns here for as long as `going()`; False when an interrupt ended it."""
        with self._serving() as turns:
            try:
                while going() and not self.stopped.is_set():
                    try:
                        turn = turns.get_nowait()
                    except queue.Empty:
                        await asyncio.sleep(0.02)
                        continue
                    if await self._run_here(turn):
                        return False
            except (KeyboardInterrupt, asyncio.CancelledError):
                return False
        return True

    def serve_blocking(self, going: Callable[[], bool]) -> bool:
        """The same for plain functions: nests the running loop for bodies that await."""
        with self._serving() as turns:
            try:
                while going() and not self.stopped.is_set():
                    try:
                        turn = turns.get(timeout=0.05)
                    except queue.Empty:
                        continue
                    if nested(self._run_here(turn), needs_loop=self._is_async(turn.body)):
                        return False
            except KeyboardInterrupt:
                return False
        return True

    async def _run_here(self, turn: Turn) -> bool:
        """Run one turn inside the serving cell; True when it was interrupted by the user."""
        with turn.lock:
            if turn.over or turn.claimed or self._foreground is None:
                return False
            turn.claimed = True
        self._start(turn)
        result = None
        try:
            result = await self._run_body(turn)
        finally:
            if self._current is turn:
                self._finish(turn, result)
            turn.over = True
        return turn.status == "interrupted"

    async def _run_body(self, turn: Turn) -> Any:
        if self._is_async(turn.body):
            text = self.shell.transform_cell(turn.body)
            ticking = asyncio.ensure_future(_tick(lambda: self._watch_time(turn)))
            try:
                return await self.shell.run_cell_async(
                    turn.body, store_history=False, transformed_cell=text
                )
            finally:
                ticking.cancel()
        # In an async cell ipykernel turns SIGINT into a cancellation at the next await; a
        # synchronous body has none.
        with _plain_interrupts(), self._timer(turn):
            return self.shell.run_cell(turn.body, store_history=False)

    def _is_async(self, body: str) -> bool:
        try:
            text = self.shell.transform_cell(body)
        except Exception:
            return False
        return bool(self.shell.should_run_async(body, transformed_cell=text))

    @contextmanager
    def _timer(self, turn: Turn) -> Iterator[None]:
        if turn.timeout is None:
            yield
            return
        over = threading.Event()

        def watch() -> None:
            while not self.clock.wait(over, 0.05) and not turn.timed_out:
                self._watch_time(turn)

        thread = threading.Thread(target=watch, name="colab_magics-timeout", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(1.0)

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


def _status(turn: Turn, error: BaseException | None) -> tuple[Status, str]:
    if turn.timed_out:
        return "timeout", f"stopped after {turn.timeout:g} s (--timeout)"
    if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
        return "interrupted", "interrupted"
    if error is not None:
        text = str(error).strip().splitlines()
        return "error", f"{type(error).__name__}: {text[0] if text else ''}".rstrip(": ")
    return "ok", ""


def interrupt_main() -> None:
    """Send the main thread what the stop button sends it."""
    if hasattr(signal, "pthread_kill"):
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGINT)  # wakes a sleeping system call too
    else:
        import _thread

        _thread.interrupt_main()


@contextmanager
def _plain_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


async def _tick(look: Callable[[], None]) -> None:
    """Keep the loop waking, so that an interrupt is seen at once."""
    while True:
        await asyncio.sleep(0.1)
        look()
