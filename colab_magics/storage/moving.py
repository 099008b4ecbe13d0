"""Did all of several files arrive, that were fetched or sent by one line?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fsspec.callbacks import Callback

from colab_magics.clock import spell
from colab_magics.display import Card, size
from colab_magics.errors import ColabMagicsError, in_words

from .listing import counted
from .steps import Step
from .transfers.transfer import Receipt
from .transfers.treework import FATAL

_LISTED = 10


@dataclass
class Moved:
    """All that one `%drive_get` or `%drive_put` moved.

    Attributes:
        files: how many arrived, those that were there already among them.
        bytes: of what was moved now.
        exported: how many of the files are exports of Google documents.
        paths: where each thing that was named is now.
        seconds: how long it took.
    """

    title: str
    word: str
    files: int = 0
    bytes: int = 0
    same: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    seconds: float = 0.0
    exported: int = 0

    @property
    def md5(self) -> str:
        """Of a single file, the same on both sides; empty where there is none."""
        return self.receipts[0].md5 if self.files == 1 and self.receipts else ""

    @property
    def shortfall(self) -> str:
        """How many files did not arrive, in a line, and what to do."""
        parts = f"{len(self.failed):,} of {len(self.failed) + self.files:,}"
        return f"{parts} files did not arrive; run it again, what is there stays"

    def card(self) -> Card:
        """What arrived, how that is known, and what did not."""
        speed = f" · {size(int(self.bytes / self.seconds))}/s" if self.seconds > 0.05 else ""
        new = self.files - self.same
        lines: list[tuple[str, object]] = []
        if self.files != 1 or self.failed:
            lines.append(("files", counted(self.files, "file")))
        if new:
            lines.append(("size", f"{size(self.bytes)} in {spell(self.seconds)}{speed}"))
        if self.same and self.files > 1:
            lines.append(("skipped", f"{self.same:,} that were there already, and are equal"))
        if self.files:
            lines.append(("verified", self._verified()))
        lines += [*_some("left out", self.left_out), *_some("failed", self.failed)]
        if self.failed:
            lines.append(("go on", "run it again; what arrived is not moved twice"))
            return Card(self.title, "failed", f"{counted(len(self.failed), 'file')} failed", lines)
        word = self.word if new or not self.files else "there already, and equal"
        return Card(self.title, "ok", word, lines)

    def _verified(self) -> str:
        if self.md5:
            return f"md5 {self.md5} on both sides"
        if self.files == 1 and self.receipts:
            return "size compared"
        if self.files == self.exported:
            return "no; of what it exports, Drive tells neither md5 nor size"
        but = f", but for {counted(self.exported, 'export')}" if self.exported else ""
        return f"every file, by its md5 or its size{but}"

    def __repr__(self) -> str:
        return repr(self.card())

    def _repr_html_(self) -> str:
        return self.card()._repr_html_()


def _some(caption: str, files: Sequence[tuple[str, str]]) -> list[tuple[str, object]]:
    """A few of many files, each with what is to be said of it."""
    lines: list[tuple[str, object]] = [(caption, f"{name}: {why}") for name, why in files[:_LISTED]]
    if len(files) > _LISTED:
        lines.append(("", f"and {len(files) - _LISTED:,} more"))
    return lines


def move(steps: Sequence[Step], word: str, *, callback: Any = None) -> Moved:
    """Take all steps; what fails does not keep the others from arriving.

    A single step raises what went wrong with it; of several, the failures are in what is returned.
    """
    started = time.monotonic()
    done = Moved(title_of(steps), word)
    whole = Shares(callback, [step.size for step in steps])
    for number, step in enumerate(steps):
        try:
            arrival = step.run(whole.part(number) if len(steps) > 1 else callback)
        except (ColabMagicsError, OSError) as exc:
            if len(steps) == 1:
                raise
            whole.ended(number)
            done.failed.append((step.source, in_words(exc)))
            if isinstance(exc, FATAL):
                done.failed += [(later.source, "not tried") for later in steps[number + 1 :]]
                break
            continue
        if len(steps) > 1:  # one alone has told the callback itself
            whole.ended(number)
        done.files += arrival.files
        done.bytes += arrival.size
        done.same += arrival.same
        done.failed += arrival.failed
        done.left_out += arrival.left_out
        done.exported += arrival.exported
        done.paths.append(step.target)
        done.receipts += [arrival.receipt] if arrival.receipt else []
    done.seconds = time.monotonic() - started
    return done


def title_of(steps: Sequence[Step]) -> str:
    """What goes where, for a person."""
    first = steps[0]
    if len(steps) == 1:
        return f"{first.source} → {first.target}"
    folder = first.target.rstrip("/").rpartition("/")[0]
    return f"{counted(len(steps), 'entry')} → {folder or '.'}/"


class Shares:
    """Adds up what the steps tell their callbacks, for the one callback that is shown."""

    def __init__(self, callback: Any, sizes: Sequence[int]) -> None:
        self._callback, self._lock = callback, threading.Lock()
        self._sizes, self._values = list(sizes), [0] * len(sizes)
        self._files = [(0, 1)] * len(sizes)

    def part(self, number: int) -> Any:
        """The callback of one step; None where nobody listens."""
        return None if self._callback is None else _Share(self, number)

    def ended(self, number: int) -> None:
        """One step has ended."""
        if self._callback is not None:
            total = max(1, self._files[number][1])
            self.count(number, total, total)

    def count(self, number: int, done: int, total: int) -> None:
        """So many files of one step are done, of so many."""
        with self._lock:
            self._files[number] = (done, total)
            so_far, all_of_them = map(sum, zip(*self._files, strict=True))
        if hasattr(self._callback, "count"):
            self._callback.count(so_far, all_of_them)

    def bytes(self, number: int, value: int, size: int | None) -> None:
        """So many bytes of one step are done, of so many."""
        with self._lock:
            self._values[number] = value
            self._sizes[number] = size or self._sizes[number]
            so_far, all_of_them = sum(self._values), sum(self._sizes)
        self._callback.set_size(all_of_them)
        self._callback.absolute_update(so_far)

    def note(self, text: str) -> None:
        """What a step waits for."""
        if hasattr(self._callback, "note"):
            self._callback.note(text)


class _Share(Callback):
    """What one step calls; several threads may."""

    def __init__(self, shares: Shares, number: int) -> None:
        super().__init__()
        self._shares, self._number, self._lock = shares, number, threading.Lock()

    def call(self, hook_name: str | None = None, **kwargs: Any) -> None:
        self._shares.bytes(self._number, self.value, self.size)

    def relative_update(self, inc: int = 1) -> None:
        with self._lock:
            self.value += inc
        self.call()

    def count(self, done: int, total: int) -> None:
        self._shares.count(self._number, done, total)

    def note(self, text: str) -> None:
        self._shares.note(text)
