"""How does a test wait? For a condition, with a deadline, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = 20.0) -> T:
    """Look again and again until `condition()` is true, and return what it returned.

    Args:
        what: what is waited for, in words; the failure says so.
        seconds: longest wait.
    """
    end = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.02)
    return answer
