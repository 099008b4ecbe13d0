"""Does one thread serve all watches, fairly, whatever one of them does, and end when told?"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.cells import cell, changes
from harness.waiting import wait_until
from IPython.core.interactiveshell import InteractiveShell
from watching.clocks import JumpingClock

from colab_magics.clock import CLOCK, Clock
from colab_magics.running.watch import Watch
from colab_magics.running.worker import Worker

NAME = "colab_magics-test"


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


@pytest.fixture
def new_worker() -> Iterator[Callable[..., Worker]]:
    """Make workers; all end with the test."""
    made: list[Worker] = []

    def make(clock: Clock = CLOCK, **given: Any) -> Worker:
        made.append(Worker(NAME, clock, **given))
        return made[-1]

    yield make
    for one in made:
        one.close(20.0)
    assert threads() == []


@pytest.fixture
def worker(new_worker: Callable[..., Worker]) -> Worker:
    return new_worker()


@pytest.fixture
def ran(shell: InteractiveShell) -> list[str]:
    """What the cells have noted, in order: each notes its own name."""
    noted: list[str] = []
    shell.user_ns["noted"] = noted
    return noted


@pytest.fixture
def new_watch(shell: InteractiveShell, ran: list[str], tmp_path: Path) -> Callable[..., Watch]:
    """Make watches whose cells note their name, and then do what is given."""

    def make(name: str, then: str = "", **given: Any) -> Watch:
        body = f"noted.append({name!r})\n{then}"
        return cell(shell, body, tmp_path / name, name=name, **given)

    return make


def due(watch: Watch, *names: str) -> Watch:
    """Give a watch changes to run for at once."""
    watch.ask(changes(Path(watch.place), *(names or ("file",))))
    return watch


def test_a_change_is_run(worker: Worker, new_watch, ran: list[str]) -> None:
    """Whether it came before the worker or later."""
    watch = due(new_watch("a"))
    worker.add(watch)
    wait_until(lambda: ran == ["a"], "the first change is run")
    due(watch)

    assert wait_until(lambda: ran == ["a", "a"], "the second change is run")


def test_watches_take_turns(worker: Worker, new_watch, ran: list[str], shell) -> None:
    """One with many changes does not keep the others waiting."""
    shell.user_ns["go"] = go = threading.Event()
    first = due(new_watch("first", "go.wait(20)"))
    worker.add(first)
    wait_until(lambda: ran == ["first"], "the worker is at work")
    for name in "abc":
        worker.add(due(new_watch(name), "1", "2", "3"))
    go.set()
    wait_until(lambda: len(ran) == 10, "all changes are run")

    assert "".join(ran[1:]) == "abcabcabc"


def test_all_watches_share_one_thread(worker: Worker, new_watch, ran: list[str]) -> None:
    assert threads() == []
    for name in "abc":
        worker.add(due(new_watch(name)))
    wait_until(lambda: len(ran) == 3, "all are run")

    assert len(threads()) == 1
    assert threads()[0].daemon


def test_a_failing_cell_does_not_end_the_others(worker: Worker, new_watch, ran: list[str]) -> None:
    worker.add(due(new_watch("bad", "1 / 0"), "1", "2"))
    worker.add(due(new_watch("good"), "1", "2"))
    wait_until(lambda: len(ran) == 4, "both are run twice")

    assert sorted(ran) == ["bad", "bad", "good", "good"]


def test_a_defect_of_ours_does_not_end_the_others(
    worker: Worker, new_watch, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log with its traceback, and the next change is run."""
    calls: list[str] = []

    def opened(watch: Watch) -> None:
        calls.append(watch.name)
        if len(calls) == 1:
            raise KeyError("a defect")

    bad = due(new_watch("bad", opened=opened))
    with caplog.at_level(logging.ERROR):
        worker.add(bad)
        worker.add(due(new_watch("good")))
        wait_until(lambda: ran == ["good"], "the other one is run")
    due(bad)
    wait_until(lambda: ran == ["good", "bad"], "the next change is run")

    assert [record.getMessage() for record in caplog.records] == ["the watch bad failed"]
    assert caplog.records[0].exc_info is not None


def test_a_watch_that_was_removed_is_not_served(worker: Worker, new_watch, ran: list[str]) -> None:
    """Removing one that is gone already is no error."""
    gone, other = new_watch("gone"), new_watch("other")
    worker.add(gone)
    worker.add(other)
    worker.remove(gone)
    worker.remove(gone)
    due(gone)
    due(other)
    wait_until(lambda: ran == ["other"], "the other one is run")
    due(other)
    wait_until(lambda: ran == ["other", "other"], "the worker has looked again")

    assert ran == ["other", "other"]


def test_a_paused_watch_keeps_its_changes(worker: Worker, new_watch, ran: list[str]) -> None:
    paused, other = due(new_watch("paused")), due(new_watch("other"))
    paused.pause()
    worker.add(paused)
    worker.add(other)
    wait_until(lambda: ran == ["other"], "the other one is run")
    paused.resume()

    assert wait_until(lambda: ran == ["other", "paused"], "it goes on")


def test_it_waits_exactly_until_a_file_is_still(new_worker, new_watch, ran: list[str]) -> None:
    """Not in small steps: an idle notebook costs nothing."""
    clock = JumpingClock()
    worker = new_worker(clock)
    watch = new_watch("a", debounce=30.0, clock=clock)
    watch.sink(changes(Path(watch.place), "file"))
    clock.hold = True
    worker.add(watch)
    clock.hold = False
    wait_until(lambda: ran == ["a"], "it is run")

    assert 29.0 < clock.waits[0] <= 30.0
    assert len([pause for pause in clock.waits if pause < 30.0]) <= 2


def test_an_idle_worker_wakes_once_a_minute(new_worker, new_watch) -> None:
    clock = JumpingClock()
    worker = new_worker(clock)
    worker.add(new_watch("a"))
    wait_until(lambda: len(clock.waits) > 3, "it waits")

    assert set(clock.waits) == {60.0}


def test_an_idle_worker_ends_at_once(new_worker, new_watch, ran: list[str]) -> None:
    """Within half a second, and its own thread gives back what it holds."""
    released: list[str] = []
    worker = new_worker(release=lambda: released.append(threading.current_thread().name))
    worker.add(due(new_watch("a")))
    wait_until(lambda: ran == ["a"], "it is run")
    before = time.monotonic()
    worker.close(20.0)

    assert time.monotonic() - before < 0.5
    assert threads() == []
    assert released == [NAME]


def test_a_busy_worker_is_not_waited_for(new_worker, new_watch, ran: list[str], shell) -> None:
    """What it does is given its time; then it ends by itself, and runs nothing more."""
    shell.user_ns["go"] = go = threading.Event()
    worker = new_worker()
    worker.add(due(new_watch("a", "go.wait(20)"), "1", "2"))
    wait_until(lambda: ran == ["a"], "it is at work")
    before = time.monotonic()
    worker.close(0.05)

    assert time.monotonic() - before < 0.5
    assert len(threads()) == 1
    go.set()
    wait_until(lambda: threads() == [], "it ends")
    assert ran == ["a"]


def test_it_may_be_closed_by_a_cell_of_its_own(new_worker, new_watch, shell) -> None:
    """As by a handler that unloads the extension: it does not wait for itself."""
    worker = new_worker()
    shell.user_ns["close"] = worker.close
    watch = due(new_watch("a", "close()"))
    worker.add(watch)
    wait_until(lambda: threads() == [], "it has ended")

    assert watch.last is not None
    assert watch.last.status == "ok"


def test_a_worker_that_never_worked_is_closed_too(worker: Worker) -> None:
    worker.close()

    assert threads() == []
