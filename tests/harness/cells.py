"""A registered cell in this process: a real watch on a real shell, without a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from colab_magics.clock import CLOCK, Clock
from colab_magics.running.executor import Executor
from colab_magics.running.run import Options
from colab_magics.running.watch import Watch
from colab_magics.settings import Settings
from colab_magics.watching.change import Change


def in_place(change: Change, spool: Path) -> Change:
    """A local file is its own copy."""
    return replace(change, local=Path(change.place))


def cell(
    shell: Any,
    body: str,
    folder: Path,
    *,
    name: str = "cell",
    debounce: float = 0.0,
    batch: bool = False,
    in_thread: bool = True,
    retries: int = 0,
    fetch: Callable[[Change, Path], Change] = in_place,
    opened: Callable[[Watch], None] = lambda watch: None,
    clock: Clock = CLOCK,
) -> Watch:
    """A watch whose cell runs in the thread of its worker (`--in thread`), unless told otherwise.

    Args:
        folder: where the files that its changes are of lie.
        fetch: brings a file to this machine, into the folder that is given.
        opened: called when a run begins.
    """
    return Watch(
        name,
        str(folder),
        body,
        {"header": {}, "metadata": {}},
        Options(debounce, batch=batch, in_thread=in_thread, retries=retries),
        executor=Executor(shell, clock),
        settings=Settings(),
        spool=folder / "spool",
        fetch=fetch,
        opened=opened,
        changed=lambda watch: None,
        clock=clock,
    )


def changes(folder: Path, *names: str) -> list[Change]:
    """Changes of files that are made in `folder`."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    now = datetime.now(UTC)
    return [Change("modified", str(folder / name), name, "", "1", now, 1) for name in names]
