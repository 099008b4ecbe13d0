"""How does a transfer look in a terminal?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fsspec.callbacks import Callback

from colab_magics.display import clean


@contextmanager
def bar(title: str) -> Iterator[Any]:
    """A callback that draws a bar on stderr while the block runs; None where nobody sees it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[files]}"),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(clean(title, 60)), total=None, files="")
        yield _Bar(progress, task)


class _Bar(Callback):
    """What a transfer calls, from several threads; rich locks."""

    def __init__(self, progress: Any, task: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # fsspec is not annotated
        self._progress, self._task = progress, task

    def call(self, hook_name: str | None = None, **kwargs: Any) -> None:
        self._progress.update(self._task, total=self.size, completed=self.value)

    def relative_update(self, inc: int = 1) -> None:
        self._progress.advance(self._task, inc)

    def count(self, done: int, total: int) -> None:
        """Say how many files are done, of how many."""
        self._progress.update(self._task, files=f"{done:,} of {total:,} files" * (total > 1))

    def note(self, text: str) -> None:
        """Say what it waits for."""
        if text:
            self._progress.update(self._task, files=clean(text, 60))
