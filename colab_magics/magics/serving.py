"""How does a notebook stay in the foreground and serve (`%drive_serve`)?"""

from __future__ import annotations

import ast
import asyncio
import os
import shlex
from contextlib import suppress
from typing import Any

from colab_magics.clock import spell
from colab_magics.display import Card, clock_time
from colab_magics.errors import WatchFailed
from colab_magics.running.foreground import Foreground
from colab_magics.running.interrupts import shielded
from colab_magics.running.outputs import Handle

from .arguments import read
from .notebook import Notebook
from .registry import parent_of

_CALL = "run_line_magic('drive_serve',"


class Serving:
    """One stay in the foreground: when it ends, and the card that shows how it goes."""

    def __init__(self, notebook: Notebook, seconds: float | None, idle: float | None) -> None:
        notebook.check()
        if notebook.executor.running or notebook.executor.front is not None:
            raise WatchFailed("%drive_serve can not stand in a cell that it would run itself")
        if not notebook.watches:
            raise WatchFailed("nothing is watched; register a cell with %%on_drive_change first")
        self.notebook, self.idle = notebook, idle
        self.clock = notebook.clock
        now = self.clock.monotonic()
        self.end = None if seconds is None else now + seconds
        self.began = self.clock.time()
        self.before = self._runs()
        self.active = self.drawn_at = now
        identity = f"colab_magics-{os.urandom(6).hex()}"
        self.handle = Handle(notebook.shell, parent_of(notebook.shell), identity)
        self.done = False
        self._last: tuple[int, bool] = (-1, False)

    def going(self) -> bool:
        """Whether to stay; called many times a second."""
        now = self.clock.monotonic()
        state = (self._runs(), self._busy())
        if state != self._last or state[1]:
            self._last, self.active = state, now
        if now - self.drawn_at >= 1.0:
            self.drawn_at = now
            self.handle.update(self.card("running", "serving"))
        if self.idle is not None and now - self.active >= self.idle:
            return False
        return self.end is None or now < self.end

    def _runs(self) -> int:
        return sum(watch.runs for watch in self.notebook.watches)

    def _busy(self) -> bool:
        results = self.notebook.watches.results
        return results.busy or any(watch.busy for watch in self.notebook.watches)

    def show(self) -> None:
        """Show how it goes; updated while it does."""
        self.handle.show(self.card("running", "serving"))

    def over(self) -> None:
        """Show how it ended."""
        with shielded():
            self.handle.update(self.card("ok", "done" if self.done else "interrupted"))

    def card(self, state: str, label: str) -> Card:
        """How it goes."""
        runs = self._runs() - self.before
        lines: list[tuple[str, object]] = [
            ("watches", ", ".join(w.name for w in self.notebook.watches)),
            ("runs", f"{runs} since {clock_time(self.began)}"),
        ]
        lines += [(w.name, w.sent) for w in self.notebook.watches if w.sent]
        lines += [(w.name, w.trouble) for w in self.notebook.watches if w.trouble]
        if label == "serving":
            left = None if self.end is None else self.end - self.clock.monotonic()
            until = "the stop button ends it"
            lines.append(("ends", f"in {spell(max(0, left))}; {until}" if left else until))
        return Card("%drive_serve", state, label, lines)


async def serve(notebook: Notebook, seconds: float | None, idle: float | None) -> None:
    """Serve in the running cell, as a coroutine; an interrupt is one way to end."""
    serving = Serving(notebook, seconds, idle)
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        serving.show()
        serving.done = await Foreground(notebook.executor).serve(serving.going)
    serving.over()


def serve_blocking(notebook: Notebook, seconds: float | None, idle: float | None) -> None:
    """Serve in the running cell, as a plain call; an interrupt is one way to end."""
    serving = Serving(notebook, seconds, idle)
    with suppress(KeyboardInterrupt):
        serving.show()
        serving.done = Foreground(notebook.executor).serve_blocking(serving.going)
    serving.over()


async def line(shell: Any, text: str) -> None:
    """What a line `%drive_serve ...` becomes."""
    magics = shell.magics_manager.registry["WatchMagics"]
    magics.notebook.check()
    args = read(magics.drive_serve, text)
    await serve(magics.notebook, args.seconds, args.until_idle)


def transformer(lines: list[str]) -> list[str]:
    """Make `%drive_serve ...` an await, so that no loop has to be nested.

    Left as it is where an await can not stand (in a function), and where only help is asked for.
    """
    if not any(_CALL in line for line in lines):
        return lines
    changed = [_awaited(line) for line in lines]
    try:
        compile("".join(changed), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
    except SyntaxError:
        return lines
    return changed


def _awaited(line: str) -> str:
    head, call, tail = line.partition(f"get_ipython().{_CALL}")
    if not call or head.strip():
        return line
    try:
        text = ast.literal_eval(tail.strip().removesuffix(")").strip())
        if {"--help", "-h"} & set(shlex.split(text)):
            return line
    except (ValueError, SyntaxError):
        return line
    module = f"__import__({__name__!r}, fromlist=['line'])"
    return f"{head}await {module}.line(get_ipython(), {text!r})\n"
