"""Are cards drawn when something happens, and not more often than a page can take?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from harness.cells import cell
from harness.waiting import wait_until
from IPython.core.interactiveshell import InteractiveShell

from colab_magics.clock import Clock
from colab_magics.magics.cards import Drawer
from colab_magics.running.watch import Watch

NAME = "colab_magics-cards"


class StepClock(Clock):
    """Each wait ends when the test says so, or when its event is set; it is on its list then."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._passed = threading.Semaphore(0)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        while not event.is_set():
            if self._passed.acquire(timeout=0.005):
                return event.is_set()
        return True

    def step(self) -> None:
        """Let the wait pass that is on now, and come to the next one."""
        wait_until(lambda: self.waits, "it waits")
        before = len(self.waits)
        self._passed.release()
        wait_until(lambda: len(self.waits) > before, "it waits again")


@pytest.fixture
def clock() -> StepClock:
    return StepClock()


@pytest.fixture
def drawn() -> list[str]:
    """The names of the watches whose cards were drawn."""
    return []


@pytest.fixture
def watches() -> list[Watch]:
    return []


@pytest.fixture
def new_watch(
    shell: InteractiveShell, watches: list[Watch], tmp_path: Path
) -> Callable[[str], Watch]:
    def make(name: str) -> Watch:
        watches.append(cell(shell, "pass", tmp_path, name=name))
        return watches[-1]

    return make


@pytest.fixture
def drawer(watches: list[Watch], drawn: list[str], clock: StepClock) -> Iterator[Drawer]:
    one = Drawer(lambda: watches, lambda watch: drawn.append(watch.name), clock)
    yield one
    one.close(20.0)
    assert NAME not in [thread.name for thread in threading.enumerate()]


def test_a_marked_card_is_drawn_at_once(drawer, new_watch, drawn, clock) -> None:
    drawer.start()
    wait_until(lambda: clock.waits, "it waits")
    drawer.mark(new_watch("a"))

    assert wait_until(lambda: drawn == ["a"], "it is drawn")


def test_a_card_is_drawn_twice_a_second_at_most(drawer, new_watch, drawn, clock) -> None:
    """However often it changes; and once more after the last change."""
    watch = new_watch("a")
    drawer.start()
    drawer.mark(watch)
    wait_until(lambda: clock.waits[-1:] == [0.5], "it is drawn, and rests")
    for _ in range(100):
        drawer.mark(watch)

    assert drawn == ["a"]
    clock.step()
    wait_until(lambda: clock.waits.count(0.5) == 2, "it is drawn again, and rests again")
    assert drawn == ["a", "a"]
    clock.step()
    assert drawn == ["a", "a"]


def test_all_marked_cards_are_drawn_once(drawer, new_watch, drawn, clock) -> None:
    made = [new_watch(name) for name in "abc"]
    for watch in made * 3:
        drawer.mark(watch)
    drawer.start()
    wait_until(lambda: clock.waits[-1:] == [0.5], "they are drawn")

    assert drawn == ["a", "b", "c"]


def test_a_feeds_trouble_is_drawn_when_it_comes_and_goes(drawer, new_watch, drawn, clock) -> None:
    """Nobody marks it; it is looked at every second."""
    watch = new_watch("a")
    new_watch("b")
    watch.subscription = SimpleNamespace(problem="")
    drawer.start()
    clock.step()

    assert drawn == []
    watch.subscription.problem = "no answer from Drive"
    clock.step()
    assert drawn == ["a"]
    clock.step()
    clock.step()
    clock.step()
    assert drawn == ["a"]
    watch.subscription.problem = ""
    clock.step()
    assert drawn == ["a", "a"]
    assert set(clock.waits) == {0.5, 1.0}


def test_a_watch_that_was_stopped_is_drawn_once_more(
    drawer, new_watch, watches, drawn, clock
) -> None:
    """It is on no list then; its card says so."""
    watch = new_watch("a")
    watches.clear()
    drawer.start()
    drawer.mark(watch)

    assert wait_until(lambda: drawn == ["a"], "it is drawn")


def test_one_thread_draws(drawer) -> None:
    drawer.start()
    drawer.start()

    assert [thread.name for thread in threading.enumerate()].count(NAME) == 1


@pytest.mark.parametrize("rests", [False, True], ids=["idle", "between two drawings"])
def test_closing_ends_it_at_once(watches, new_watch, drawn, rests: bool) -> None:
    """On the real clock."""
    drawer = Drawer(lambda: watches, lambda watch: drawn.append(watch.name))
    drawer.start()
    if rests:
        drawer.mark(new_watch("a"))
        wait_until(lambda: drawn, "it is drawn")
    before = time.monotonic()
    drawer.close(20.0)

    assert time.monotonic() - before < 0.4
    assert NAME not in [thread.name for thread in threading.enumerate()]


def test_closing_what_never_began_is_nothing(watches) -> None:
    Drawer(lambda: watches, lambda watch: None).close()
