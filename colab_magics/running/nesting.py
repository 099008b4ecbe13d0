"""How can a plain function wait for a coroutine while the kernel's loop is already running?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from colab_magics.errors import WatchFailed

T = TypeVar("T")


def nested(coroutine: Coroutine[Any, Any, T], *, needs_loop: bool) -> T:
    """Run a coroutine to its end from a plain function, inside a running loop too.

    Args:
        coroutine: what to run.
        needs_loop: whether it really waits for something; one that does not needs no loop.

    Raises:
        WatchFailed: the running loop can not be nested (uvloop).
    """
    if not needs_loop:
        try:
            coroutine.send(None)
        except StopIteration as end:
            value: T = end.value
            return value
        raise AssertionError("a cell without await has waited")
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    try:
        _patch(loop)
    except ValueError as exc:
        coroutine.close()
        raise WatchFailed(f"{exc}; use %drive_serve, which needs no nested loop") from exc
    task = loop.create_task(coroutine)
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        # The loop forgets an interrupted task, which would go on later, inside another cell.
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        if not task.cancelled() and task.exception() is None:
            return task.result()
        raise


def _patch(loop: asyncio.AbstractEventLoop) -> None:
    """Make `loop` re-entrant.

    ipykernel 7 needs, and brings, nest_asyncio2: with nest_asyncio 1.6 cells that the user runs
    meanwhile are lost ("cannot enter context: already entered").
    """
    try:
        new = int(version("ipykernel").split(".")[0]) >= 7
    except PackageNotFoundError:
        new = False
    import_module("nest_asyncio2" if new else "nest_asyncio").apply(loop)
