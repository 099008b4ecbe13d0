"""What is one execution of a cell, from being asked for to its end?"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from colab_magics.errors import ColabMagicsError

from .outputs import Parent, Record, words

Status = Literal["ok", "error", "interrupted", "timeout", "dropped"]


@dataclass
class Turn:
    """One execution; made by whoever wants it, filled in by whoever runs it."""

    body: str
    parent: Parent
    begin: Callable[[], None]
    """Called on the main thread right before the body: the last moment to bind variables."""
    end: Callable[[], None] = lambda: None
    """Called on the main thread right after the body, before any other cell runs."""
    waiting: Callable[[], None] = lambda: None
    """Called now and then from the asking thread while the kernel is busy with other cells."""
    timeout: float | None = None
    bound: dict[str, Any] = field(default_factory=dict)
    """Names that the body sees."""
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    lock: threading.RLock = field(default_factory=threading.RLock)
    claimed: bool = False
    """The kernel has taken it up: from here on it runs, whatever happens."""
    begun: float | None = None
    """When the body began, seconds on the monotonic clock."""
    started_at: float | None = None
    """When the body began, seconds since the epoch."""
    took: float = 0.0
    status: Status = "dropped"
    error: str = ""
    record: Record = field(default_factory=Record)
    ended: bool = False
    """The body is over and `end` was called."""
    over: bool = False
    """Nothing more is to be waited for."""
    timed_out: float | None = None
    """When it was last interrupted for its length, seconds on the monotonic clock."""
    lost: bool = False
    """The kernel lost it in the middle, to an interrupt at a bad moment."""
    awaits: bool = False
    """The body has an `await` at its top level."""
    task: asyncio.Task[Any] | None = None
    """What runs a body that awaits."""
    interrupted: bool = False
    """The user's interrupt came a moment before the body."""

    def set_outcome(self, error: BaseException | None) -> None:
        """Say how it ended, from what the body raised."""
        if self.timed_out:
            text = f"ran for longer than {self.timeout:g} s (--timeout) and was interrupted"
            self.status, self.error = "timeout", text
        elif self.lost or isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            self.status, self.error = "interrupted", "interrupted"
        elif error is not None:
            self.status, self.error = "error", headline(error)
        else:
            self.status = "ok"


def headline(error: BaseException) -> str:
    """The last line of an exception's traceback, as far as it is one line."""
    lines = words(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")


def reason(error: BaseException) -> str:
    """Why something of ours did not work, for a sentence: our own errors need no name."""
    return str(error) if isinstance(error, ColabMagicsError) else headline(error)


def awaits(shell: Any, body: str) -> bool:
    """Whether a cell has an `await` at its top level."""
    try:
        text = shell.transform_cell(body)
    except Exception:
        return False  # running it says what is wrong
    return bool(shell.should_run_async(body, transformed_cell=text))
