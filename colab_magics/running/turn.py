"""What is one execution of a cell, from being asked for to its end?"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from .outputs import Parent, Record

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
    over: bool = False
    timed_out: bool = False
    interrupted: bool = False
    """The user's interrupt came a moment before the body."""

    def set_outcome(self, error: BaseException | None) -> None:
        """Say how it ended, from what the body raised."""
        if self.timed_out:
            self.status, self.error = "timeout", f"stopped after {self.timeout:g} s (--timeout)"
        elif isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            self.status, self.error = "interrupted", "interrupted"
        elif error is not None:
            lines = str(error).strip().splitlines()
            text = f"{type(error).__name__}: {lines[0] if lines else ''}"
            self.status, self.error = "error", text.rstrip(": ")
        else:
            self.status = "ok"
