"""Are durations read and said as people write and say them, and are waits as long as told?"""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colab_magics.clock import CLOCK, seconds, spell
from colab_magics.errors import BadValue


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("10", 10.0),
        ("0", 0.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        (".5", 0.5),
        ("2.", 2.0),
        ("2m", 120.0),
        ("2min", 120.0),
        ("1h30m", 5400.0),
        ("1h 30 min", 5400.0),
        ("1m30", 90.0),
        ("1d", 86400.0),
        ("  3 s ", 3.0),
    ],
)
def test_durations_are_read(text: str, duration: float) -> None:
    assert seconds(text) == duration


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "-1", "1e3", "nan", "inf", "5 weeks", "s", "1,5s"]
)
def test_what_is_no_duration_is_said_in_one_line(text: str) -> None:
    with pytest.raises(BadValue) as caught:
        seconds(text)

    assert str(caught.value) == f"no duration: {text!r}; write 30, 500ms, 2m or 1h30m"


@pytest.mark.parametrize("text", ["1 000", "10 20", "1.5.5"])
def test_two_numbers_without_a_unit_are_no_duration(text: str) -> None:
    """Only the last number may do without a unit."""
    with pytest.raises(BadValue):
        seconds(text)


@given(st.integers(0, 59), st.integers(0, 59), st.integers(0, 99))
def test_parts_of_a_duration_add_up(s: int, m: int, h: int) -> None:
    assert seconds(f"{h}h{m}m{s}s") == h * 3600 + m * 60 + s


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (0.0, "0 ms"),
        (0.0124, "12 ms"),
        (0.9994, "999 ms"),
        (0.9995, "1.0 s"),
        (1.44, "1.4 s"),
        (99.94, "99.9 s"),
        (99.96, "1 min 40 s"),
        (185.0, "3 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7800.0, "2 h 10 min"),
        (360000.0, "100 h 00 min"),
    ],
)
def test_durations_are_said(duration: float, said: str) -> None:
    """No rounding makes `1000 ms`, `60 s` or `60 min`."""
    assert spell(duration) == said


def test_a_wait_ends_when_its_event_is_set() -> None:
    event = threading.Event()
    threading.Timer(0.02, event.set).start()
    before = time.monotonic()

    assert CLOCK.wait(event, 20.0)
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("duration", [0.02, 0.0, -5.0])
def test_a_wait_in_vain_says_so(duration: float) -> None:
    """A duration that is over already waits for nothing."""
    before = CLOCK.monotonic()

    assert not CLOCK.wait(threading.Event(), duration)
    assert duration <= CLOCK.monotonic() - before < 10
