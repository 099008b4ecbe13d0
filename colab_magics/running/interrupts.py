"""How is the main thread interrupted, and how is it kept from being interrupted?"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


def interrupt_main() -> None:
    """Send the main thread what the stop button sends it."""
    if hasattr(signal, "pthread_kill"):
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGINT)  # wakes a sleeping system call too
    else:
        import _thread

        _thread.interrupt_main()


def plain_interrupts() -> AbstractContextManager[Any]:
    """Make an interrupt a KeyboardInterrupt, whatever the kernel makes of it."""
    return _sigint(signal.default_int_handler)


def ignore_interrupts() -> None:
    """Have interrupts do nothing until ipykernel sets its handler, at the end of this request.

    One that comes while a reply is sent cuts it in two, and the next reply, to whatever the user
    has asked, is taken for its second half.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def shielded() -> Iterator[list[int]]:
    """Hold interrupts back; the list that it gives is not empty when one came meanwhile."""
    came: list[int] = []
    with _sigint(lambda number, frame: came.append(number)):
        yield came


@contextmanager
def _sigint(handler: Callable[[int, Any], Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)
