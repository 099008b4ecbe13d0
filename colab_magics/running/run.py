"""What is one run of a watch's cell: how it is wanted, what it is for, what it leaves behind?"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from colab_magics.watching.change import Change, merge

from .outputs import Record
from .pending import key_of


@dataclass(frozen=True)
class Options:
    """How a watch runs its cell; durations in seconds."""

    debounce: float
    every: float | None = None
    batch: bool = False
    in_thread: bool = False
    retries: int = 0
    timeout: float | None = None
    result: Path | None = None
    """The local file that is sent back after a good run."""


@dataclass
class Run:
    """One run that is over."""

    number: int
    changes: list[Change]
    status: str
    error: str
    started_at: float
    took: float
    delay: float
    """Seconds from the change to the first line of the cell."""
    record: Record = field(repr=False)


@dataclass
class Held:
    """The changes of a turn that has not begun, which may still be replaced by newer ones."""

    changes: list[Change]
    before: tuple[int, int, int] | None = None
    """The result file's signature when the body began."""
    result: Path | None = None

    def take(self, newer: Change) -> list[Change]:
        """Take in what happened since; what is of no use any more."""
        for at, old in enumerate(self.changes):
            if key_of(old) == key_of(newer):
                merged = merge(old, newer)
                self.changes[at] = replace(merged or newer, local=newer.local)
                return [old]
        self.changes.append(newer)
        return []


class Copies:
    """The files that were fetched for a watch's runs: those of the last run, and no others."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self._last: list[Change] = []

    def keep(self, changes: Iterable[Change]) -> None:
        """Keep the copies of these for whoever looks at them, until the next run is over."""
        changes = list(changes)
        kept = {change.local for change in changes}
        self.remove(change for change in self._last if change.local not in kept)
        self._last = changes

    def remove(self, changes: Iterable[Change]) -> None:
        """These are of no use any more."""
        for change in changes:
            if change.local is not None and self.spool in change.local.parents:
                shutil.rmtree(change.local.parent, ignore_errors=True)

    def of_result(self, result: Path, number: int) -> Path:
        """A copy of a run's result, since the next cell may write it while it is on its way.

        Raises:
            OSError: it can not be copied.
        """
        folder = self.spool / "results" / f"{number}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return Path(shutil.copy2(result, folder / result.name))
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def signature(path: Path | None) -> tuple[int, int, int] | None:
    """What tells a file from what it was before; None where there is none."""
    if path is None:
        return None
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def safe_name(name: str) -> str:
    """A name from Drive as a file name of ours: what it says is kept only where it is harmless."""
    stem, dot, suffix = name.rpartition(".")
    keep = re.sub(r"[^A-Za-z0-9._-]+", "_", (stem or suffix))[:60].lstrip(".-") or "file"
    tail = re.sub(r"[^A-Za-z0-9]+", "", suffix)[:12] if stem and dot else ""
    return f"{keep}.{tail}" if tail else keep
