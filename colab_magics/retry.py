"""How often, and after which wait, is a failed call made again? The one backoff of this package."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from colab_magics.clock import CLOCK, Clock
from colab_magics.settings import Settings

T = TypeVar("T")


def retry(
    call: Callable[[], T],
    *,
    on: Callable[[Exception], bool | float],
    settings: Settings,
    clock: Clock = CLOCK,
    stop: threading.Event | None = None,
) -> T:
    """Call until it succeeds, and raise the last error when it does not.

    Full jitter: the n-th wait is drawn evenly between 0 and the smaller of
    2**n * retry_first_seconds and retry_wait_seconds, as
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    found best.

    Args:
        on: says of an error whether to try again; a number is the least wait in seconds,
            such as a Retry-After header.
        stop: ends the waiting, and so the tries, when it is set.
    """
    stop = stop or threading.Event()
    end = clock.monotonic() + settings.retry_seconds
    attempt = 0
    while True:
        try:
            return call()
        except Exception as exc:
            again = on(exc)
            attempt += 1
            if again is False or attempt >= settings.retry_attempts:
                raise
            pause = backoff(attempt - 1, settings, least=float(again) if again is not True else 0.0)
            if clock.monotonic() + pause > end or clock.wait(stop, pause):
                raise


def backoff(attempt: int, settings: Settings, *, least: float = 0.0) -> float:
    """Seconds to wait after failure number `attempt` (0 is the first), never under `least`."""
    most = min(2.0 ** min(attempt, 60) * settings.retry_first_seconds, settings.retry_wait_seconds)
    return max(least, random.uniform(0.0, most))
