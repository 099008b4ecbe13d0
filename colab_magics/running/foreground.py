"""How are turns run in front, inside a cell of the user's that stays and serves?"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .executor import Executor
from .interrupts import plain_interrupts
from .nesting import nested
from .turn import Turn

_LOOK_SECONDS = 0.02


class Foreground:
    """Takes an executor's turns for as long as a cell serves."""

    def __init__(self, executor: Executor) -> None:
        self.executor, self.shell = executor, executor.shell

    async def serve(self, going: Callable[[], bool]) -> bool:
        """Run turns here for as long as `going()`; False when an interrupt ended it."""
        with self._in_front() as turns:
            try:
                while going() and not self.executor.stopped.is_set():
                    try:
                        turn = turns.get_nowait()
                    except queue.Empty:
                        await asyncio.sleep(_LOOK_SECONDS)
                        continue
                    if await self._run(turn):
                        return False
            except (KeyboardInterrupt, asyncio.CancelledError):
                return False
        return True

    def serve_blocking(self, going: Callable[[], bool]) -> bool:
        """The same for plain functions: nests the running loop for bodies that await."""
        with self._in_front() as turns:
            try:
                while going() and not self.executor.stopped.is_set():
                    try:
                        turn = turns.get(timeout=_LOOK_SECONDS)
                    except queue.Empty:
                        continue
                    if nested(self._run(turn), needs_loop=turn.awaits):
                        return False
            except KeyboardInterrupt:
                return False
        return True

    @contextmanager
    def _in_front(self) -> Iterator[queue.Queue[Turn]]:
        turns = self.executor.front = queue.Queue()
        try:
            yield turns
        finally:
            self.executor.front = None

    async def _run(self, turn: Turn) -> bool:
        """Run one turn inside the serving cell; True when it was interrupted by the user."""
        with turn.lock:
            if turn.over or turn.claimed or self.executor.front is None:
                return False
            turn.claimed = True
        self.executor.start(turn)
        result = None
        try:
            if turn.interrupted:
                raise KeyboardInterrupt
            result = await self._run_body(turn)
        finally:
            self.executor.finish(turn, result)
            turn.over = True
            sys.stdout.flush()
            # ipykernel 7 would take a failed display in the body for one of the serving cell.
            if hasattr(self.shell, "_last_traceback_during_displayhook"):
                self.shell._last_traceback_during_displayhook = False
        return turn.status == "interrupted"

    async def _run_body(self, turn: Turn) -> Any:
        if turn.awaits:
            text = self.shell.transform_cell(turn.body)
            ticking = asyncio.ensure_future(_tick(lambda: self.executor.watch_time(turn)))
            try:
                return await self.shell.run_cell_async(
                    turn.body, store_history=False, transformed_cell=text
                )
            finally:
                ticking.cancel()
                self.shell.events.trigger("post_execute")  # shows figures
        # In an async cell ipykernel turns SIGINT into a cancellation at the next await; a
        # synchronous body has none.
        with plain_interrupts(), self._timer(turn):
            return self.shell.run_cell(turn.body, store_history=False)

    @contextmanager
    def _timer(self, turn: Turn) -> Iterator[None]:
        if turn.timeout is None:
            yield
            return
        over = threading.Event()

        def watch() -> None:
            while not self.executor.clock.wait(over, 0.05) and not turn.ended:
                self.executor.watch_time(turn)

        thread = threading.Thread(target=watch, name="colab_magics-timeout", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(1.0)


async def _tick(look: Callable[[], None]) -> None:
    """Keep the loop waking, so that an interrupt is seen at once."""
    while True:
        await asyncio.sleep(0.1)
        look()
