"""Does the card of a transfer tell how far it is, how fast, and how long it will take?"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from harness.clocks import StandingClock

from colab_magics.display import Card
from colab_magics.progress import Progress


@pytest.fixture
def shown() -> list[Card]:
    return []


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def progress(shown: list[Card], clock: StandingClock) -> Progress:
    """Of a transfer of 1000 bytes."""
    one = Progress("a.txt", shown.append, clock)
    one.set_size(1000)
    return one


def line(card: Card) -> object:
    return card.lines[0][1]


def test_what_is_quick_shows_no_progress(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    for _ in range(49):
        clock.move(0.01)
        progress.relative_update(20)

    assert shown == []


def test_progress_is_drawn_twice_a_second_at_most(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    for _ in range(100):
        clock.move(0.125)
        progress.relative_update(10)

    assert len(shown) == 25
    assert line(shown[0]) == "40 B of 1 kB · 80 B/s · 12.0 s left"
    assert shown[0].done == 0.04
    assert line(shown[-1]) == "1 kB of 1 kB · 80 B/s"
    assert shown[-1].done == 1.0


def test_progress_towards_an_unknown_end_has_no_bar(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    """A Google Doc's export has no size beforehand."""
    progress.set_size(None)
    clock.move(2.0)
    progress.absolute_update(5000)

    assert [line(card) for card in shown] == ["5 kB · 2.5 kB/s"]
    assert shown[0].done is None


def test_progress_that_has_not_moved_says_no_time(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    clock.move(1.0)
    progress.absolute_update(0)

    assert line(shown[0]) == "0 B of 1 kB · 0 B/s"


def test_progress_listens_to_a_real_transfer(progress: Progress, tmp_path: Path) -> None:
    """fsspec calls it as its own callbacks."""
    fs = MemoryFileSystem()
    fs.pipe("/progress/a.txt", bytes(70_000))
    try:
        fs.get_file("/progress/a.txt", tmp_path / "b.txt", callback=progress)
    finally:
        fs.rm("/progress", recursive=True)

    assert (tmp_path / "b.txt").stat().st_size == 70_000
    assert (progress.value, progress.size) == (70_000, 70_000)
    assert progress.card().done == 1.0


def test_progress_counts_what_passes_through(progress: Progress) -> None:
    assert list(progress.wrap("abc")) == ["a", "b", "c"]
    assert progress.value == 3


def test_files_and_waiting_are_shown_where_they_are_told(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    """Of a folder, and while Drive asks to slow down."""
    clock.move(1.0)
    progress.count(3, 2000)
    progress.note("waiting for Drive's quota")
    progress.note("")

    assert [card.lines[1:] for card in shown] == [
        [("files", "3 of 2,000")],
        [("files", "3 of 2,000"), ("note", "waiting for Drive's quota")],
        [("files", "3 of 2,000")],
    ]
    assert progress.so_far() == "0 B of 1 kB, 3 of 2,000 files"


def test_a_note_alone_shows_no_card(progress: Progress, shown: list[Card]) -> None:
    """What is quick shows nothing, whatever it is told."""
    progress.note("waiting for Drive's quota")
    progress.count(1, 1)

    assert shown == []


def test_speed_is_that_of_the_last_seconds(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    """A stop long ago is forgotten, so the time left is right again."""
    progress.set_size(100_000)
    clock.move(600.0)
    for _ in range(40):
        clock.move(0.5)
        progress.relative_update(500)

    assert line(shown[-1]) == "20 kB of 100 kB · 1 kB/s · 80.0 s left"


def test_progress_counts_what_several_threads_tell(progress: Progress) -> None:
    """Nothing is lost between them."""
    progress.set_size(40_000)

    def work() -> None:
        for _ in range(10_000):
            progress.relative_update(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert progress.value == 40_000
