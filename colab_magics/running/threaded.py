"""How does a short handler run beside a cell that is busy (`--in thread`)?"""

from __future__ import annotations

import ast
import asyncio
import inspect
from typing import Any

from .executor import Executor
from .outputs import Record, describe, in_cell, publish
from .turn import Turn


def run_in_thread(executor: Executor, turn: Turn) -> Turn:
    """Run a turn's body in this thread, in the user's namespace; its outputs go to its own cell."""
    shell = executor.shell
    turn.claimed = True
    turn.begun, turn.started_at = executor.clock.monotonic(), executor.clock.time()
    turn.record = Record()
    turn.begin()
    try:
        with in_cell(shell, turn.parent, executor.streams, turn.record):
            value = _execute(shell, turn.body)
            if value is not None:
                data, metadata = shell.display_formatter.format(value)
                _show(shell, turn, {"data": data, "metadata": metadata})
        turn.status = "ok"
    except BaseException as exc:  # whatever it is, it is the handler's, and the watch goes on
        error = describe(exc)
        turn.status, turn.error = "error", f"{error['ename']}: {error['evalue']}"
    turn.took = executor.clock.monotonic() - turn.begun
    turn.end()
    turn.over = True
    return turn


def _show(shell: Any, turn: Turn, content: dict[str, Any]) -> None:
    turn.record.add("display_data", content)
    publish(shell, turn.parent, "display_data", content)


def _execute(shell: Any, body: str) -> Any:
    """Run the statements; the value of a last line that is an expression, unless it ends in `;`."""
    tree = ast.parse(shell.transform_cell(body))
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not body.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)
    name = shell.compile.cache(body)  # so that a traceback shows the lines
    _run(compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), shell.user_ns)
    if last is None:
        return None
    return _run(compile(last, name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), shell.user_ns)


def _run(code: Any, namespace: dict[str, Any]) -> Any:
    value = eval(code, namespace)
    return asyncio.run(_wait(value)) if inspect.isawaitable(value) else value


async def _wait(value: Any) -> Any:
    return await value
