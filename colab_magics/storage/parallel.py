"""How are several things asked for at once, on a bounded number of threads?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Several:
    """Threads that stay for the ``with`` block, as do their connections to Drive."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def each(self, do: Callable[[T], R], things: Iterable[T]) -> list[R]:
        """What `do` gives for each thing, in their order; raises the first error there was."""
        queue = list(things)
        if len(queue) < 2:
            return [do(thing) for thing in queue]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "colab_magics-ask")
        tasks = [self._pool.submit(do, thing) for thing in queue]
        return [task.result() for task in tasks]

    def __enter__(self) -> Several:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def each(do: Callable[[T], R], things: Iterable[T], threads: int = 8) -> list[R]:
    """What `do` gives for each thing, in their order; raises the first error there was."""
    with Several(threads) as several:
        return several.each(do, things)
