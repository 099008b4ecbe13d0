"""Does every change get its run, whatever fails on the way, and is no copy left behind?"""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness.cells import cell, changes
from harness.clocks import StandingClock
from harness.waiting import wait_until
from IPython.core.interactiveshell import InteractiveShell

from colab_magics.errors import DriveBusy, PlaceNotFound
from colab_magics.running.turn import Turn
from colab_magics.running.watch import Watch
from colab_magics.watching.change import Change, Kind


class Drive:
    """Files to be fetched; refuses as it is told to."""

    def __init__(self) -> None:
        self.refusals: list[Exception] = []
        """Of the next fetches, the first one first."""
        self.asked = 0
        self.open = threading.Event()
        """While it is not set, fetches take for ever."""
        self.open.set()

    def fetch(self, change: Change, spool: Path) -> Change:
        self.asked += 1
        self.open.wait(20)
        if self.refusals:
            raise self.refusals.pop(0)
        spool.mkdir(exist_ok=True)
        copy = Path(tempfile.mkdtemp(dir=spool)) / change.name
        shutil.copy2(change.place, copy)
        return replace(change, local=copy)


@pytest.fixture
def drive() -> Iterator[Drive]:
    one = Drive()
    yield one
    one.open.set()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def ran(shell: InteractiveShell) -> list[str]:
    """What the cells have noted, such as `modified a1` for version 1 of file a."""
    noted: list[str] = []
    shell.user_ns["noted"] = noted
    return noted


NOTE = "noted.append(f'{change.kind} {change.name}{change.version}')\n"


@pytest.fixture
def new_watch(
    shell: InteractiveShell, ran: list[str], drive: Drive, clock: StandingClock, tmp_path: Path
) -> Callable[..., Watch]:
    """Make watches whose cells note their change, and then do what is given."""

    def make(then: str = "", **given: Any) -> Watch:
        return cell(shell, NOTE + then, tmp_path / "in", fetch=drive.fetch, clock=clock, **given)

    return make


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., Change]:
    """Make a change, and its file."""

    def make(name: str, version: int = 1, kind: Kind = "modified") -> Change:
        (one,) = changes(tmp_path / "in", name)
        return replace(one, kind=kind, version=str(version))

    return make


def copies(watch: Watch) -> int:
    """How many copies lie on this machine."""
    return len(list(watch.spool.iterdir())) if watch.spool.exists() else 0


# -- what can not be fetched ----------------------------------------------------------------


def test_what_can_not_be_fetched_comes_again(new_watch, change, drive, clock, ran) -> None:
    """And the card says why it waits."""
    watch = new_watch()
    drive.refusals = [DriveBusy("Drive is busy"), OSError("no way")]
    watch.sink([change("a")])
    watch.run_due()

    assert (ran, watch.waiting) == ([], 1)
    assert watch.trouble.startswith("Drive is busy; trying again in ")
    clock.move(60.0)
    watch.run_due()
    assert watch.trouble.startswith("OSError: no way; trying again in ")
    clock.move(60.0)
    watch.run_due()
    assert (ran, watch.waiting, watch.trouble) == (["modified a1"], 0, "")


@pytest.mark.parametrize(
    ("first", "then", "noted"),
    [
        ("created", "modified", ["created a2"]),
        ("created", "deleted", []),
        ("modified", "deleted", ["deleted a2"]),
        ("deleted", "created", ["deleted a1", "created a2"]),
    ],
)
def test_a_newer_change_is_told_with_what_could_not_be_fetched(
    new_watch, change, drive, clock, ran, first: Kind, then: Kind, noted: list[str]
) -> None:
    """A file that came while Drive was away has been created, for whoever has not seen it."""
    watch = new_watch()
    drive.refusals = [DriveBusy("Drive is busy")]
    watch.sink([change("a", 1, first)])
    watch.run_due()
    watch.sink([change("a", 2, then)])
    watch.run_due()
    clock.move(60.0)
    watch.run_due()

    assert ran == noted
    assert watch.waiting == 0


def test_failed_fetches_do_not_use_up_the_retries(new_watch, change, drive, clock, ran) -> None:
    watch = new_watch("1 / 0", retries=1)
    drive.refusals = [DriveBusy("Drive is busy")] * 5
    watch.sink([change("a")])
    for _ in range(20):
        watch.run_due()
        clock.move(60.0)

    assert ran == ["modified a1"] * 2
    assert (watch.failures, watch.waiting) == (2, 0)


def test_of_a_batch_what_can_be_fetched_is_run_for(new_watch, change, drive, clock, ran) -> None:
    watch = new_watch(batch=True)
    drive.refusals = [DriveBusy("Drive is busy")]
    watch.sink([change("a"), change("b")])
    watch.run_due()

    assert (ran, watch.waiting) == (["modified b1"], 1)
    clock.move(60.0)
    watch.run_due()
    assert ran == ["modified b1", "modified a1"]


def test_a_file_that_is_gone_by_now_is_not_run_for(new_watch, change, drive, ran) -> None:
    """The feed will say so."""
    watch = new_watch()
    drive.refusals = [PlaceNotFound("no file at 'a'")]
    watch.sink([change("a")])
    watch.run_due()

    assert (ran, watch.waiting, watch.trouble) == ([], 0, "")


# -- a watch that replaces another one ------------------------------------------------------


def test_a_successor_gets_what_waits(new_watch, change, drive, clock, ran) -> None:
    """Ready, or in the pause after a failed fetch."""
    old, new = new_watch(), new_watch()
    drive.refusals = [DriveBusy("Drive is busy")]
    old.sink([change("a"), change("b")])
    old.run_due()
    old.stop()
    old.hand_over(new)

    assert (old.waiting, new.waiting) == (0, 2)
    for _ in range(2):
        new.run_due()
    assert sorted(ran) == ["modified a1", "modified b1"]


@pytest.mark.parametrize("again", [False, True], ids=["fetch", "second fetch"])
def test_a_successor_gets_what_is_just_failing_to_be_fetched(
    new_watch, change, drive, clock, ran, again: bool
) -> None:
    """It is in nobody's list at that moment."""
    old, new = new_watch(), new_watch()
    drive.refusals = [DriveBusy("Drive is busy")] * (2 if again else 1)
    old.sink([change("a", 1, "created")])
    if again:
        old.run_due()
        clock.move(60.0)
    drive.open.clear()
    asked = drive.asked
    worker = threading.Thread(target=old.run_due)
    worker.start()
    wait_until(lambda: drive.asked > asked, "it is being fetched")
    old.stop()
    old.hand_over(new)
    assert new.waiting == 0
    drive.open.set()
    worker.join(20)

    assert (old.waiting, new.waiting) == (0, 1)
    new.run_due()
    assert ran == ["created a1"]


def test_a_successor_gets_what_has_just_failed(new_watch, change, shell, clock, ran) -> None:
    """`--retries`: the cell was corrected while its run was busy failing."""
    shell.user_ns.update(begun=threading.Event(), go=threading.Event())
    old, new = new_watch("begun.set(); go.wait(20); 1 / 0", retries=1), new_watch()
    old.sink([change("a")])
    worker = threading.Thread(target=old.run_due)
    worker.start()
    shell.user_ns["begun"].wait(20)
    old.stop()
    old.hand_over(new)
    shell.user_ns["go"].set()
    worker.join(20)
    new.run_due()

    assert ran == ["modified a1"] * 2
    assert old.waiting == 0


# -- a turn that waits for the kernel -------------------------------------------------------


@contextmanager
def waiting(watch: Watch) -> Iterator[Turn]:
    """What is due is asked for, and waits for a kernel that serves and is busy."""
    front: queue.Queue[Turn] = queue.Queue()
    watch.executor.front = front
    worker = threading.Thread(target=watch.run_due)
    worker.start()
    try:
        turn = front.get(timeout=20)
        yield turn
    finally:
        if not turn.over:
            watch.executor.stopped.set()
        worker.join(20)


def take(watch: Watch, turn: Turn) -> None:
    """The kernel comes to it."""
    executor = watch.executor
    with turn.lock:
        turn.claimed = True
    executor.start(turn)
    executor.finish(turn, executor.shell.run_cell(turn.body))
    turn.over = True


@pytest.fixture
def refreshed(new_watch, change, drive) -> Callable[[], Watch]:
    """A watch, with a change to run for on the main thread."""

    def make() -> Watch:
        watch: Watch = new_watch(in_thread=False)
        watch.sink([change("a", 1)])
        return watch

    return make


def test_a_waiting_turn_is_given_the_newest_state(refreshed, change, drive, ran) -> None:
    """And the copy of the state before is removed at once."""
    watch = refreshed()
    with waiting(watch) as turn:
        for version in (2, 3, 4):
            watch.sink([change("a", version)])
            wait_until(lambda: drive.asked == version, "it is fetched")  # noqa: B023
            wait_until(lambda: copies(watch) == 1, "the older copy is removed")
        take(watch, turn)

    assert ran == ["modified a4"]
    assert copies(watch) == 1


def test_a_newer_state_that_can_not_be_fetched_is_run_for_later(
    refreshed, change, drive, clock, ran
) -> None:
    watch = refreshed()
    with waiting(watch) as turn:
        drive.refusals = [DriveBusy("Drive is busy")] * 100_000
        watch.sink([change("a", 2)])
        wait_until(lambda: drive.asked > 2, "it could not be fetched, and not again")
        take(watch, turn)
    drive.refusals = []

    assert (ran, watch.waiting) == (["modified a1"], 1)
    clock.move(60.0)
    with waiting(watch) as turn:
        take(watch, turn)
    assert ran == ["modified a1", "modified a2"]


def test_a_turn_that_is_dropped_leaves_no_copy(refreshed, clock) -> None:
    """Its change waits for whoever comes next."""
    watch = refreshed()
    with waiting(watch):
        assert copies(watch) == 1

    assert (copies(watch), watch.waiting) == (0, 1)


def test_a_successor_gets_what_came_too_late_for_a_run(
    refreshed, new_watch, change, drive, ran
) -> None:
    """It was fetched for a waiting turn, which began meanwhile: `%%on_drive_change` again."""
    old, new = refreshed(), new_watch()
    with waiting(old) as turn:
        drive.open.clear()
        old.sink([change("a", 2)])
        wait_until(lambda: drive.asked == 2, "it is being fetched")
        with turn.lock:
            turn.claimed = True
        old.stop()
        old.hand_over(new)
        drive.open.set()
        wait_until(lambda: old.waiting or new.waiting, "it is fetched, too late")
        take(old, turn)

    assert (old.waiting, new.waiting) == (0, 1)


# -- copies ---------------------------------------------------------------------------------


def test_only_the_last_runs_copy_is_kept(new_watch, change, ran) -> None:
    """A night of changes does not fill the disk; who looks at the last one finds it."""
    watch = new_watch()
    for version in range(1, 6):
        watch.sink([change("a", version)])
        watch.run_due()

        assert copies(watch) == 1
        assert watch.last is not None
        assert watch.last.changes[0].local.exists()
    assert len(ran) == 5


def test_a_batchs_copies_are_kept_until_the_next_run(new_watch, change) -> None:
    watch = new_watch(batch=True)
    counts = []
    for names in ("abc", "ab", "d"):
        watch.sink([change(name, version) for version, name in enumerate(names, len(names))])
        watch.run_due()
        counts.append(copies(watch))

    assert counts == [3, 2, 1]


def test_a_failing_cells_copies_are_no_exception(new_watch, change, clock) -> None:
    watch = new_watch("1 / 0", retries=3)
    watch.sink([change("a")])
    for _ in range(6):
        watch.run_due()
        clock.move(60.0)

        assert copies(watch) == 1
    assert watch.runs == 4
