"""The parts that only compute: changes, patterns, stillness, pauses."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from fsspec.implementations.local import LocalFileSystem

from colab_magics.errors import BadPlace, PlaceNotFound
from colab_magics.settings import Settings
from colab_magics.storage.place import Place
from colab_magics.watching.change import Change, merge
from colab_magics.watching.debounce import Debouncer
from colab_magics.watching.pace import Pace
from colab_magics.watching.relist import Relist
from colab_magics.watching.target import Target

Kind = Literal["created", "modified", "deleted"]


def change(kind: Kind, name: str = "a.txt", version: str = "1", id: str = "") -> Change:
    return Change(kind, f"in/{name}", name, id, version, datetime.now(UTC), 1)


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ("created", "created", "created"),
        ("created", "modified", "created"),
        ("created", "deleted", None),
        ("modified", "created", "modified"),
        ("modified", "modified", "modified"),
        ("modified", "deleted", "deleted"),
        ("deleted", "created", "modified"),
        ("deleted", "modified", "modified"),
        ("deleted", "deleted", "deleted"),
    ],
)
def test_two_changes_amount_to_one(old: Kind, new: Kind, both: Kind | None) -> None:
    """Whoever saw neither is told their sum, with the newer one's facts."""
    merged = merge(change(old, version="1"), change(new, version="2"))

    assert (merged and merged.kind) == both
    assert merged is None or merged.version == "2"


def test_a_first_change_stays_as_it_is() -> None:
    one = change("modified")

    assert merge(None, one) is one


def test_a_file_is_due_when_it_has_been_still() -> None:
    """Each file has a stillness of its own; the order is that of the first change."""
    waiting = Debouncer()
    waiting.put([change("created", "a.txt")], 10.0)
    waiting.put([change("created", "b.txt")], 10.4)
    waiting.put([change("modified", "a.txt", "2")], 10.8)

    assert not waiting.due(10.8, 0.5)
    assert waiting.next_at(0.5) == 10.9
    assert [one.name for one in waiting.take(10.9, 0.5)] == ["b.txt"]
    assert waiting.next_at(0.5) == 11.3
    assert [(one.kind, one.version) for one in waiting.take(11.3, 0.5)] == [("created", "2")]
    assert waiting.next_at(0.5) is None


def test_without_a_debounce_all_is_due_at_once() -> None:
    waiting = Debouncer()
    waiting.put([change("created", "b.txt"), change("created", "a.txt")], 10.0)

    assert waiting.due(10.0, 0.0)
    assert [one.name for one in waiting.take()] == ["b.txt", "a.txt"]
    assert len(waiting) == 0


def test_a_file_that_came_and_went_is_nothing() -> None:
    waiting = Debouncer()
    waiting.put([change("created"), change("deleted")], 10.0)

    assert not waiting.due(99.0, 0.0)
    assert waiting.take() == []


def test_two_files_of_one_name_are_not_mixed_up() -> None:
    """Drive allows them; their ids tell them apart."""
    waiting = Debouncer()
    waiting.put([change("created", id="1"), change("created", id="2")], 10.0)

    assert [one.id for one in waiting.take()] == ["1", "2"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("in/a.txt", "in/[x].txt", "in/sub/b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    return tmp_path


def target(here: Path, path: str) -> Target:
    return Target.of(Place(path, LocalFileSystem(), f"{here}/{path}", None))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("in/*.txt", "in/b.txt", "in/sub/b.txt"),
        ("in/**/*.txt", "in/sub/deep/b.txt", "in/sub/b.csv"),
        ("in/**/*.txt", "in/b.txt", "b.txt"),
        ("in/?.txt", "in/b.txt", "in/bb.txt"),
        ("in/[ab].txt", "in/b.txt", "in/c.txt"),
        ("in/[!ab].txt", "in/c.txt", "in/a.txt"),
        ("in/*/b.txt", "in/sub/b.txt", "in/b.txt"),
        ("in/**", "in/x/y/z", "out/x"),
        ("in/*.(1)", "in/a.(1)", "in/a.1"),
        ("in/.*", "in/.env", "in/env"),
        ("in/*", "in/env", "in/.env"),
        ("in/*.part", "in/a.part", "in/a"),
        ("in", "in/sub/b.txt", "inner/b.txt"),
        ("in", "in/b.txt", "in/.git/config"),
        ("in", "in/b.txt", "in/b.txt~"),
        ("in/[x].txt", "in/[x].txt", "in/x.txt"),
        ("in/late.txt", "in/late.txt", "in/late.txt.part"),
    ],
)
def test_a_target_knows_what_it_looks_at(here: Path, pattern: str, yes: str, no: str) -> None:
    one = target(here, pattern)

    assert one.matches(f"{here}/{yes}")
    assert not one.matches(f"{here}/{no}")


def test_a_target_says_whether_there_is_something(here: Path) -> None:
    assert not target(here, "in/a.txt").missing
    assert not target(here, "in").missing
    assert not target(here, "in/*.txt").missing
    assert target(here, "in/late.txt").missing
    assert target(here, "in/*.csv").missing


@pytest.mark.parametrize("path", ["nowhere/a.txt", "nowhere/*.txt", "in/no/a.txt"])
def test_a_missing_folder_is_told_in_one_line(here: Path, path: str) -> None:
    with pytest.raises(PlaceNotFound) as caught:
        target(here, path)

    assert path.split("/")[-2] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pattern_that_is_none_is_told_in_one_line(here: Path) -> None:
    with pytest.raises(BadPlace, match="no pattern"):
        target(here, "in/[z-a].txt")


def pace(**given: float) -> Pace:
    settings = replace(Settings(), **given)  # type: ignore[arg-type]
    return Pace(settings, draw=lambda low, high: 1.0)


def test_the_pause_grows_when_nothing_happens() -> None:
    """A second for a minute, then half as much again each time, up to fifteen."""
    one = pace()
    one.changed(0.0)
    for now in range(61):
        one.answered(float(now))
    active = one.pause()
    grown = []
    for now in range(61, 70):
        one.answered(float(now))
        grown.append(round(one.pause(), 1))

    assert active == 1.0
    assert grown == [1.5, 2.2, 3.4, 5.1, 7.6, 11.4, 15.0, 15.0, 15.0]


def test_a_change_makes_it_short_again() -> None:
    one = pace()
    for now in range(100, 120):
        one.answered(float(now))
    one.changed(120.0)

    assert one.pause() == 1.0


def test_a_refusal_doubles_the_pause_and_answers_halve_it() -> None:
    one = pace()
    one.changed(0.0)
    refused = []
    for _ in range(8):
        one.busy()
        refused.append(one.pause())
    back = []
    for now in range(8):
        one.answered(float(now))
        back.append(one.pause())

    assert refused == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert back == [30.0, 15.0, 7.5, 3.75, 1.875, 1.0, 1.0, 1.0]


def test_drive_may_name_the_pause() -> None:
    one = pace()
    one.busy(90.0)

    assert one.pause() == 90.0


def test_the_return_of_an_unreachable_drive_is_noticed_within_five_seconds() -> None:
    one = Pace(Settings(), draw=lambda low, high: high)
    for _ in range(20):
        one.unreachable()

    assert one.pause() < 5.0


def test_every_is_the_most_that_one_waits() -> None:
    one = pace()
    one.bound(5.0)
    for now in range(100, 120):
        one.answered(float(now))
    idle = one.pause()
    one.bound(0.2)
    one.changed(120.0)

    assert (idle, one.pause()) == (5.0, 0.2)


def test_folders_take_turns_at_being_listed() -> None:
    """However many there are: two in a minute, and each after five minutes at the earliest."""
    turns = Relist(300.0)
    listed = {f"f{number}": 0.0 for number in range(1000)}
    times = []
    for now in range(0, 1200):
        folder = turns.due(listed, float(now))
        if folder is not None:
            listed[folder] = float(now)
            times.append(now)

    assert times[0] == 300
    assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(times))


def test_a_folder_where_something_happened_is_listed_soon() -> None:
    turns = Relist(300.0)
    turns.soon("f1", 100.0)
    turns.soon("f1", 110.0)
    listed = {"f1": 100.0, "f2": 100.0}
    due = [now for now in range(100, 160) if turns.due(listed, float(now))]

    assert due == [115]


def test_importing_it_loads_neither_libraries_nor_ipython() -> None:
    """`%load_ext` pays for none of them."""
    program = (
        "import sys\n"
        "import colab_magics.watching.feed, colab_magics.watching.drive_feed\n"
        "import colab_magics.watching.folder_feed, colab_magics.watching.scan_feed\n"
        "heavy = {'googleapiclient', 'watchdog', 'watchfiles', 'IPython', 'requests', 'psutil'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout == "[]\n"
