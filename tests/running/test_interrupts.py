"""Does an interrupt arrive when it should, and wait when it should?"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from colab_magics.running.interrupts import interrupt_main, plain_interrupts, shielded


@pytest.fixture(autouse=True)
def python_handler() -> Iterator[None]:
    """Python's own handler, whatever a test leaves."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


def own_handler(number: int, frame: Any) -> None:
    """As a kernel installs one."""


def test_a_shield_holds_a_real_interrupt_back() -> None:
    """The block goes on to its end, and knows that it came."""
    with shielded() as came:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        passed = True

    assert passed
    assert came == [signal.SIGINT, signal.SIGINT]


def test_a_shield_that_was_not_needed_says_so() -> None:
    with shielded() as came:
        pass

    assert came == []


def test_after_the_shield_interrupts_arrive_again() -> None:
    with shielded():
        pass

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_shields_end_brings_the_kernels_handler_back() -> None:
    """Also after an error, and from inside another shield."""
    signal.signal(signal.SIGINT, own_handler)
    with pytest.raises(ZeroDivisionError), shielded(), shielded():
        1 / 0  # noqa: B018

    assert signal.getsignal(signal.SIGINT) is own_handler


def test_an_inner_shield_is_the_one_that_hears() -> None:
    with shielded() as outer:
        with shielded() as inner:
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    assert (len(inner), len(outer)) == (1, 1)


def test_a_shield_on_another_thread_does_nothing() -> None:
    """Only the main thread may change handlers; an interrupt there is the main thread's."""
    handlers: list[Any] = []

    def work() -> None:
        with shielded() as came, plain_interrupts():
            handlers.extend([signal.getsignal(signal.SIGINT), came])

    signal.signal(signal.SIGINT, own_handler)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)

    assert handlers == [own_handler, []]


def test_an_interrupt_wakes_a_sleeping_main_thread() -> None:
    """From another thread, as the time limit of a run sends it."""
    before = time.monotonic()
    timer = threading.Timer(0.05, interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        threading.Event().wait(20)
    timer.join(20)

    assert time.monotonic() - before < 10


def test_an_interrupt_from_another_thread_is_held_back_too() -> None:
    with shielded() as came:
        thread = threading.Thread(target=interrupt_main)
        thread.start()
        thread.join(20)
        end = time.monotonic() + 20
        while not came and time.monotonic() < end:
            time.sleep(0.001)

    assert came == [signal.SIGINT]


def test_an_interrupt_is_plain_where_the_kernel_has_a_handler() -> None:
    """ipykernel makes a cancellation of it in cells that await."""
    signal.signal(signal.SIGINT, own_handler)
    with pytest.raises(KeyboardInterrupt), plain_interrupts():
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is own_handler
