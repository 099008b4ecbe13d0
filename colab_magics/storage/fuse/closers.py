"""Which program closes a file, and does it end because it was killed?"""

from __future__ import annotations

import signal
from pathlib import Path

_EXITING = 0x4  # PF_EXITING of linux/sched.h
# A program that ends by another signal was asked to end: what it wrote counts.
_CUT_SHORT = frozenset(
    {signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE}
)


def group_of(thread: int) -> int:
    """The process that a thread belongs to; 0 when nobody can say."""
    try:
        for line in Path(f"/proc/{thread}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("Tgid:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def was_killed(thread: int) -> bool:
    """Whether a thread is on its way out by a signal that leaves no time to finish a file."""
    try:
        text = Path(f"/proc/{thread}/stat").read_text("utf-8", "replace")
    except OSError:
        return False
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    if len(fields) < 50 or not int(fields[6]) & _EXITING:
        return False
    return int(fields[49]) & 0x7F in _CUT_SHORT
