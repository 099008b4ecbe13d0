"""How does a short handler run beside a cell that is busy (`--in thread`)?"""

from __future__ import annotations

import ast
import asyncio
import inspect
import sys
from typing import Any

from .executor import Executor
from .outputs import Record
from .taps import in_cell
from .turn import Turn, headline


def run_in_thread(executor: Executor, turn: Turn) -> Turn:
    """Run a turn's body in this thread, in the user's namespace; its outputs go to its own cell."""
    shell = executor.shell
    turn.claimed = True
    turn.begun, turn.started_at = executor.clock.monotonic(), executor.clock.time()
    turn.record = Record()
    turn.begin()
    try:
        with in_cell(executor.taps, turn.parent, turn.record) as put:
            value = _execute(shell, turn.body, Names(shell.user_ns, turn.bound))
            if value is not None:
                data, metadata = shell.display_formatter.format(value)
                put("display_data", {"data": data, "metadata": metadata})
            _show_figures()
        turn.status = "ok"
    except BaseException as exc:  # whatever it is, it is the handler's, and the watch goes on
        turn.status, turn.error = "error", headline(exc)
    turn.took = executor.clock.monotonic() - turn.begun
    turn.end()
    turn.over = True
    return turn


def _show_figures() -> None:
    """Show what was plotted here: the kernel does so after cells of the main thread only."""
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is not None:
        inline.flush_figures()


class Names(dict[str, Any]):
    """The user's namespace, with names of our own that nobody else sees.

    What the body assigns goes to the user's namespace. Functions that the body defines look
    names up there, too, as functions of any cell do.
    """

    def __init__(self, user: dict[str, Any], own: dict[str, Any]) -> None:
        super().__init__(own)
        self._user = user

    def __missing__(self, name: str) -> Any:
        return self._user[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._user[name] = value
        super().pop(name, None)

    def __delitem__(self, name: str) -> None:
        if super().pop(name, self) is self:
            del self._user[name]


def _execute(shell: Any, body: str, names: Names) -> Any:
    """Run the statements; the value of a last line that is an expression, unless it ends in `;`."""
    tree = ast.parse(shell.transform_cell(body))
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not body.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)
    name = shell.compile.cache(body)  # so that a traceback shows the lines
    _run(compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), shell.user_ns, names)
    if last is None:
        return None
    return _run(compile(last, name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), shell.user_ns, names)


def _run(code: Any, namespace: dict[str, Any], names: Names) -> Any:
    value = eval(code, namespace, names)
    return asyncio.run(_wait(value)) if inspect.isawaitable(value) else value


async def _wait(value: Any) -> Any:
    return await value
