"""How often is a failed call made again, and after which waits?"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import pytest
from harness.clocks import StandingClock
from hypothesis import given
from hypothesis import strategies as st

from colab_magics.errors import DriveBusy, DriveForbidden
from colab_magics.retry import backoff, retry
from colab_magics.settings import Settings


def failing(times: int, error: type[BaseException] = DriveBusy) -> Callable[[], int]:
    """A call that fails so many times; then it gives the number of the call."""
    count = itertools.count(1)

    def call() -> int:
        number = next(count)
        if number <= times:
            raise error(f"failure {number}")
        return number

    return call


def busy(error: Exception) -> bool:
    return isinstance(error, DriveBusy)


def test_a_call_that_succeeds_is_made_once() -> None:
    clock = StandingClock()

    assert retry(failing(0), on=busy, settings=Settings(), clock=clock) == 1
    assert clock.waits == []


def test_a_call_is_made_until_it_succeeds() -> None:
    """With a wait before each new try."""
    clock = StandingClock()

    assert retry(failing(3), on=busy, settings=Settings(), clock=clock) == 4
    assert len(clock.waits) == 3


def test_an_error_that_will_not_pass_is_raised_at_once() -> None:
    clock = StandingClock()
    with pytest.raises(DriveForbidden, match="failure 1"):
        retry(failing(9, DriveForbidden), on=busy, settings=Settings(), clock=clock)

    assert clock.waits == []


def test_an_interrupt_is_never_retried() -> None:
    """`on` is not even asked."""
    with pytest.raises(KeyboardInterrupt, match="failure 1"):
        retry(failing(9, KeyboardInterrupt), on=lambda exc: True, settings=Settings())


def test_after_the_last_try_its_error_is_raised() -> None:
    clock = StandingClock()
    with pytest.raises(DriveBusy, match="failure 4"):
        retry(failing(9), on=busy, settings=Settings(retry_attempts=4), clock=clock)

    assert len(clock.waits) == 3


def test_no_wait_goes_beyond_the_time_there_is() -> None:
    """Three waits of 30 s fit into 90 s, a fourth does not; it is not begun."""
    clock = StandingClock()
    settings = Settings(retry_attempts=99, retry_seconds=90.0)
    with pytest.raises(DriveBusy, match="failure 4"):
        retry(failing(99), on=lambda exc: 30.0, settings=settings, clock=clock)

    assert clock.waits == [30.0, 30.0, 30.0]


def test_time_that_the_calls_take_counts() -> None:
    clock = StandingClock()

    def slow() -> None:
        clock.move(50.0)
        raise DriveBusy("slow")

    with pytest.raises(DriveBusy):
        retry(slow, on=busy, settings=Settings(retry_seconds=90.0), clock=clock)

    assert clock.now == pytest.approx(1100.0, abs=0.5)
    assert len(clock.waits) == 1


def test_a_server_may_ask_for_a_longer_wait() -> None:
    """A number is the least wait, as from a Retry-After header."""
    clock = StandingClock()
    retry(failing(2), on=lambda exc: 7.5, settings=Settings(), clock=clock)

    assert clock.waits == [7.5, 7.5]


def test_a_least_wait_of_zero_is_no_refusal() -> None:
    """`Retry-After: 0` means: at once."""
    assert retry(failing(1), on=lambda exc: 0.0, settings=Settings(), clock=StandingClock()) == 2


def test_stopping_ends_a_wait_and_the_tries() -> None:
    """Within a moment, with the last error, on the real clock."""
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    before = time.monotonic()
    with pytest.raises(DriveBusy, match="failure 1"):
        retry(failing(9), on=lambda exc: 60.0, settings=Settings(), stop=stop)

    assert time.monotonic() - before < 10


@given(st.integers(0, 1000), st.floats(0.01, 10), st.floats(0.01, 100), st.floats(0, 200))
def test_a_wait_is_between_its_least_and_the_longest(
    attempt: int, first: float, longest: float, least: float
) -> None:
    """It may double each time, up to the longest; only the least may be longer."""
    settings = Settings(retry_first_seconds=first, retry_wait_seconds=longest)
    pause = backoff(attempt, settings, least=least)

    assert least <= pause <= max(least, min(first * 2.0**attempt, longest))


def test_waits_grow_and_differ() -> None:
    """Full jitter: many that fail together do not come again together."""
    first, fourth = ([backoff(n, Settings()) for _ in range(2000)] for n in (0, 3))

    assert 0.22 < sum(first) / 2000 < 0.28
    assert 1.8 < sum(fourth) / 2000 < 2.2
    assert min(fourth) < 0.2
    assert max(fourth) > 3.8


def test_waits_end_at_the_longest_however_many_there_were() -> None:
    """A Drive that is away for a night is still asked in the morning."""
    assert 0.0 <= backoff(5000, Settings()) <= 32.0
