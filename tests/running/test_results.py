"""Do results reach Drive, the newest of each watch, and is none lost on the way?"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.cells import cell
from harness.waiting import wait_until
from IPython.core.interactiveshell import InteractiveShell
from watching.clocks import JumpingClock

from colab_magics.errors import DriveBusy, DriveForbidden, DriveUnreachable
from colab_magics.running.results import Results
from colab_magics.running.watch import Watch
from colab_magics.settings import Settings


class Drive:
    """The far end: answers as it is told to, and knows what arrived."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.asked = 0
        self.answers: list[Exception] = []
        """Refusals of the next deliveries, the first one first."""
        self.busy_for: set[str] = set()
        """Results that are never accepted, as Drive is always busy then."""
        self.open = threading.Event()
        """While it is not set, deliveries take for ever."""
        self.open.set()
        self.at_work = threading.Event()
        self.said: list[str] = []
        """What the card said after each step."""

    def deliver(self, watch: Watch, path: Path) -> tuple[str, int]:
        text = path.read_text()
        self.asked += 1
        self.at_work.set()
        self.open.wait(20)
        if text in self.busy_for:
            raise DriveBusy("Drive is busy")
        if self.answers:
            raise self.answers.pop(0)
        self.arrived.append(text)
        return f"out/{path.name}", len(text)

    def changed(self, watch: Watch) -> None:
        self.said.append(watch.sent)


@pytest.fixture
def drive() -> Drive:
    return Drive()


@pytest.fixture
def results(drive: Drive) -> Iterator[Results]:
    """On a clock that jumps over waits."""
    one = Results(Settings(), drive.deliver, drive.changed, JumpingClock())
    yield one
    drive.open.set()
    one.close(20.0)


@pytest.fixture
def patient(drive: Drive) -> Iterator[Results]:
    """On the real clock, with pauses of days."""
    settings = Settings(retry_first_seconds=1e6, retry_wait_seconds=1e6)
    one = Results(settings, drive.deliver, drive.changed)
    yield one
    one.close(20.0)


@pytest.fixture
def new_watch(shell: InteractiveShell, tmp_path: Path) -> Callable[[str], Watch]:
    return lambda name: cell(shell, "pass", tmp_path, name=name)


@pytest.fixture
def watch(new_watch: Callable[[str], Watch]) -> Watch:
    return new_watch("w")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Make a result file, each in a folder of its own, as runs do."""

    def make(text: str) -> Path:
        path = tmp_path / text / "r.txt"
        path.parent.mkdir()
        path.write_text(text)
        return path

    return make


def idle(results: Results, drive: Drive) -> None:
    """Wait until nothing is on its way or waits for its next try, and the cards know."""

    def over() -> bool:
        waiting = len(results.unsent) - len(results.kept)
        return not results.busy and not waiting and len(drive.said) == drive.asked

    wait_until(over, "everything is sent, kept or given up")


def test_a_result_arrives_and_its_copy_is_gone(results, drive, watch, file) -> None:
    path = file("one")
    results.send(watch, path)
    idle(results, drive)

    assert drive.arrived == ["one"]
    assert results.unsent == []
    assert not path.exists()
    assert re.fullmatch(r"out/r\.txt · 3 B · sent at \d\d:\d\d:\d\d in .+", watch.sent)
    assert drive.said == [watch.sent]


def test_a_result_says_that_it_is_on_its_way(results, drive, watch, file) -> None:
    drive.open.clear()
    results.send(watch, file("one"))
    drive.at_work.wait(20)

    assert watch.sent == "r.txt is on its way"
    assert results.busy


def test_sending_does_not_wait(results, drive, watch, file) -> None:
    """The next run need not wait for a slow upload, and its result is next."""
    drive.open.clear()
    results.send(watch, file("one"))
    drive.at_work.wait(20)
    results.send(watch, file("two"))
    drive.open.set()
    idle(results, drive)

    assert drive.arrived == ["one", "two"]


def test_a_newer_result_replaces_one_that_still_waits(results, drive, watch, file) -> None:
    drive.open.clear()
    for text in ("one", "two", "three", "four"):
        results.send(watch, file(text))
        drive.at_work.wait(20)
    drive.open.set()
    idle(results, drive)

    assert drive.arrived == ["one", "four"]
    assert results.unsent == []


def test_results_of_two_watches_both_arrive(results, drive, new_watch, file) -> None:
    drive.open.clear()
    results.send(new_watch("x"), file("one"))
    drive.at_work.wait(20)
    results.send(new_watch("y"), file("two"))
    results.send(new_watch("z"), file("three"))
    drive.open.set()
    idle(results, drive)

    assert sorted(drive.arrived) == ["one", "three", "two"]


def test_what_may_pass_is_tried_again(results, drive, watch, file) -> None:
    """For as long as it takes, with a pause of a second or more."""
    drive.answers = [DriveBusy("Drive is busy"), DriveUnreachable("no answer")] * 5
    results.send(watch, file("one"))
    idle(results, drive)

    assert drive.arrived == ["one"]
    assert drive.asked == 11
    assert re.fullmatch(r"r\.txt waits: Drive is busy; trying again in \d+ s", drive.said[0])
    assert re.fullmatch(r"r\.txt waits: no answer; trying again in \d+ s", drive.said[1])
    assert min(pause for pause in results.clock.waits if pause < 60.0) > 0.99


def test_a_newer_result_is_sent_instead_of_trying_the_old_one_again(
    drive, patient, watch, file
) -> None:
    """And it is sent at once, not after the pause."""
    drive.busy_for = {"one"}
    patient.send(watch, file("one"))
    wait_until(lambda: drive.said, "the first try has failed")
    patient.send(watch, file("two"))
    idle(patient, drive)

    assert drive.arrived == ["two"]


def test_what_drive_refuses_is_kept_and_said(results, drive, watch, file) -> None:
    drive.answers = [DriveForbidden("this account may not write to out/")]
    path = file("one")
    results.send(watch, path)
    idle(results, drive)

    assert watch.sent == (
        f"not sent: this account may not write to out/; kept at {path}; "
        "%watches retry w sends it again"
    )
    assert drive.said == [watch.sent]
    assert results.unsent == [path]
    assert path.read_text() == "one"
    assert drive.asked == 1


def test_a_missing_disk_does_not_end_the_thread(results, drive, watch, file) -> None:
    """An error of the machine is said and kept as Drive's own are."""
    drive.answers = [OSError(28, "No space left on device")]
    results.send(watch, file("one"))
    idle(results, drive)
    results.send(watch, file("two"))
    idle(results, drive)

    assert drive.arrived == ["two"]
    assert "No space left on device" in drive.said[0]


def test_a_kept_result_is_sent_again_on_request(results, drive, watch, file) -> None:
    drive.answers = [DriveForbidden("no")]
    results.send(watch, file("one"))
    idle(results, drive)

    assert results.again("w")
    idle(results, drive)
    assert drive.arrived == ["one"]
    assert results.unsent == []
    assert not results.again("w")
    assert not results.again("nobody")


def test_a_newer_result_replaces_a_kept_one(results, drive, watch, file) -> None:
    drive.answers = [DriveForbidden("no")]
    results.send(watch, file("one"))
    idle(results, drive)
    results.send(watch, file("two"))
    idle(results, drive)

    assert drive.arrived == ["two"]
    assert not results.again("w")
    assert results.unsent == []


def test_closing_gives_up_what_hangs_and_keeps_it(results, drive, watch, file) -> None:
    """Within the time given; whoever closes learns what did not arrive."""
    drive.open.clear()
    path = file("one")
    results.send(watch, path)
    drive.at_work.wait(20)
    results.close(0.05)

    assert results.unsent == [path]
    assert path.read_text() == "one"


@pytest.mark.parametrize("busy_for", [set(), {"one"}], ids=["idle", "between two tries"])
def test_closing_ends_the_thread(drive, patient, watch, file, busy_for: set[str]) -> None:
    """Within half a second, and it was not the end of the wait that ended it."""
    drive.busy_for = busy_for
    patient.send(watch, file("one"))
    wait_until(lambda: drive.said, "the first try is over")
    before = time.monotonic()
    patient.close(20.0)

    assert time.monotonic() - before < 0.5
    assert "colab_magics-send" not in [thread.name for thread in threading.enumerate()]


def test_nothing_sent_needs_no_thread(results) -> None:
    results.close()

    assert "colab_magics-send" not in [thread.name for thread in threading.enumerate()]


def test_closing_between_two_tries_keeps_what_was_not_sent(drive, patient, watch, file) -> None:
    """Else its copy is removed with the rest, and the result is lost."""
    drive.busy_for = {"one"}
    path = file("one")
    patient.send(watch, path)
    wait_until(lambda: drive.said, "the first try has failed")
    patient.close(20.0)

    assert patient.unsent == [path]


def test_an_old_result_that_is_refused_is_not_kept_beside_a_newer_one(
    results, drive, watch, file
) -> None:
    """`%watches retry` would put the old one in place of the newer one."""
    drive.answers = [DriveForbidden("no")]
    drive.open.clear()
    results.send(watch, file("old"))
    drive.at_work.wait(20)
    results.send(watch, file("new"))
    drive.open.set()
    idle(results, drive)

    assert drive.arrived == ["new"]
    assert results.unsent == []
    assert not results.again("w")


def test_a_defect_of_ours_does_not_end_the_thread(results, drive, watch, file) -> None:
    """The next result of any watch is still sent."""
    drive.answers = [KeyError("a defect")]
    results.send(watch, file("one"))
    wait_until(lambda: drive.asked == 1 and not drive.answers, "the first was asked for")
    results.send(watch, file("two"))
    wait_until(lambda: drive.arrived == ["two"], "the second arrives", seconds=1.0)


def test_the_copy_of_a_result_that_was_replaced_is_removed(results, drive, watch, file) -> None:
    """A long night of quick runs over a slow line would fill the disk."""
    drive.open.clear()
    results.send(watch, file("one"))
    drive.at_work.wait(20)
    replaced = file("two")
    results.send(watch, replaced)
    results.send(watch, file("three"))
    drive.open.set()
    idle(results, drive)

    assert drive.arrived == ["one", "three"]
    assert not replaced.exists()
