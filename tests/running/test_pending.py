"""Which changes does a watch still have to run for: is none lost, and none run twice?"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from harness.clocks import StandingClock
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from colab_magics.running.pending import Pending, key_of
from colab_magics.settings import Settings
from colab_magics.watching.change import Change, Kind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(retry_first_seconds=2.0, retry_wait_seconds=32.0)


def change(name: str, version: int = 1, kind: Kind = "modified", id: str = "") -> Change:
    return Change(kind, f"/in/{name}", name, id, str(version), NOW, 1)


def said(changes: list[Change]) -> list[str]:
    """Changes in short: `a1` is version 1 of file a."""
    return [f"{change.name}{change.version}" for change in changes]


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def pending(clock: StandingClock) -> Pending:
    """Changes are ready when their file has been still for a second."""
    return Pending(1.0, SETTINGS, clock)


def test_a_change_is_ready_when_its_file_is_still(pending: Pending, clock: StandingClock) -> None:
    pending.put([change("a", 1)])
    clock.move(0.75)
    pending.put([change("a", 2)])
    clock.move(0.75)

    assert pending.due_in() == 0.25
    assert pending.take(everything=True) == []
    clock.move(0.25)
    assert pending.due_in() == 0.0
    assert said(pending.take(everything=True)) == ["a2"]
    assert pending.due_in() is None


def test_files_are_ready_in_the_order_of_their_first_change(
    pending: Pending, clock: StandingClock
) -> None:
    pending.put([change("b"), change("a"), change("c")])
    pending.put([change("b", 2)])
    clock.move(1.0)

    assert said(pending.take(everything=False)) == ["b2"]
    assert said(pending.take(everything=False)) == ["a1"]
    assert said(pending.take(everything=False)) == ["c1"]
    assert pending.take(everything=False) == []


def test_a_batch_takes_all_that_is_ready_and_nothing_else(
    pending: Pending, clock: StandingClock
) -> None:
    pending.put([change("a"), change("b")])
    clock.move(1.0)
    pending.put([change("c")])

    assert said(pending.take(everything=True)) == ["a1", "b1"]
    assert len(pending) == 1


def test_what_counts_is_where_a_file_is(pending: Pending, clock: StandingClock) -> None:
    """Drive allows two files of one name, which are one to a path; a moved file is two."""
    pending.put([change("a", 1, id="x"), change("a", 2, id="y"), change("b", 3, id="x")])
    clock.move(1.0)

    assert said(pending.take(everything=True)) == ["a2", "b3"]


def test_a_file_that_came_and_went_runs_nothing(pending: Pending, clock: StandingClock) -> None:
    pending.put([change("a", kind="created")])
    clock.move(1.0)
    pending.put_back(pending.take(everything=True))
    pending.put([change("a", kind="deleted")])
    clock.move(1.0)

    assert pending.take(everything=True) == []
    assert len(pending) == 0


def test_what_is_asked_for_is_ready_at_once(pending: Pending) -> None:
    pending.ask([change("a")])

    assert pending.due_in() == 0.0
    assert said(pending.take(everything=False)) == ["a1"]


FAILURES = pytest.mark.parametrize("seen", [True, False], ids=["failed run", "failed fetch"])


@FAILURES
def test_a_failed_change_comes_again_after_its_pause(
    pending: Pending, clock: StandingClock, seen: bool
) -> None:
    pending.put([change("a")])
    clock.move(1.0)
    pause = pending.put_off(pending.take(everything=True), seen=seen)
    clock.move(pause - 0.01)

    assert 0.1 <= pause <= 2.0
    assert pending.due_in() == pytest.approx(0.01)
    assert pending.take(everything=True) == []
    clock.move(0.02)
    assert said(pending.take(everything=True)) == ["a1"]
    assert pending.take(everything=True) == []


@FAILURES
def test_pauses_grow_with_the_tries(seen: bool) -> None:
    """The fifth pause may be 32 s, where the first was 2 s at most."""
    for tries in range(5):
        pauses = [tried(tries, seen).put_off([change("a")], seen=seen) for _ in range(200)]

        assert 2.0**tries < max(pauses) <= 2.0 * 2.0**tries


def tried(times: int, seen: bool) -> Pending:
    one = Pending(1.0, SETTINGS, StandingClock())
    for _ in range(times):
        one.put_off([change("a")], seen=seen)
    return one


def test_tries_are_counted_until_a_change_is_settled(pending: Pending) -> None:
    """Of several changes, those of the one that was tried most."""
    pending.put_off([change("a")], seen=True)
    pending.put_off([change("a")], seen=True)

    assert pending.tries([change("a"), change("b")], seen=True) == 2
    pending.settle([change("a")])
    assert pending.tries([change("a")], seen=True) == 0


def test_failed_fetches_are_no_failed_runs(pending: Pending) -> None:
    """`--retries 1` is one more run, however often Drive was away before; and pauses start anew."""
    for _ in range(7):
        pending.put_off([change("a")], seen=False)
    pending.put_off([change("a")], seen=True)

    assert pending.tries([change("a")], seen=False) == 7
    assert pending.tries([change("a")], seen=True) == 1
    pending.fetched(change("a"))
    assert pending.tries([change("a")], seen=False) == 0
    assert pending.tries([change("a")], seen=True) == 1


@FAILURES
@pytest.mark.parametrize("asked", [False, True], ids=["changed", "asked for"])
def test_a_new_reason_to_run_starts_the_count_anew(
    pending: Pending, clock: StandingClock, asked: bool, seen: bool
) -> None:
    pending.put_off([change("a")], seen=seen)
    (pending.ask if asked else pending.put)([change("a", 2)])
    clock.move(1.0)
    pending.take(everything=True)

    assert pending.tries([change("a")], seen=seen) == 0


@FAILURES
def test_a_newer_change_makes_an_earlier_failure_moot(
    pending: Pending, clock: StandingClock, seen: bool
) -> None:
    """One run of the newest state; the failed one does not come again."""
    pending.put_off([change("a", 1), change("b", 1)], seen=seen)
    pending.put([change("a", 2)])
    clock.move(60.0)

    assert said(pending.take(everything=True)) == ["a2", "b1"]
    assert pending.due_in() is None


@pytest.mark.parametrize(
    ("first", "then", "seen", "together"),
    [
        ("created", "modified", False, ["created"]),
        ("created", "modified", True, ["modified"]),
        ("created", "deleted", False, []),
        ("created", "deleted", True, ["deleted"]),
        ("modified", "modified", False, ["modified"]),
        ("modified", "deleted", False, ["deleted"]),
        ("deleted", "created", False, ["modified"]),
        ("deleted", "created", True, ["created"]),
    ],
)
def test_what_no_run_has_seen_is_a_part_of_what_happened(
    pending: Pending, clock: StandingClock, first: Kind, then: Kind, seen: bool, together: list[str]
) -> None:
    """A file that is new is new, also if Drive was away when it came."""
    pending.put_off([change("a", 1, first)], seen=seen)
    pending.put([change("a", 2, then)])
    clock.move(1.0)

    assert [(one.kind, one.version) for one in pending.take(everything=True)] == [
        (kind, "2") for kind in together
    ]
    clock.move(60.0)
    assert pending.take(everything=True) == []


@FAILURES
def test_a_newer_change_does_not_run_before_it_is_still(
    pending: Pending, clock: StandingClock, seen: bool
) -> None:
    """A failure's pause may end while the file is being written again: the old state may run."""
    pending.put_off([change("a", 1)], seen=seen)
    clock.move(60.0)
    pending.put([change("a", 2)])

    assert said(pending.take(everything=True)) == ["a1"]
    clock.move(1.0)
    assert said(pending.take(everything=True)) == ["a2"]


@FAILURES
def test_a_run_that_is_asked_for_makes_an_earlier_failure_moot(
    pending: Pending, clock: StandingClock, seen: bool
) -> None:
    """`%watches retry` in the pause of --retries: one run, not two."""
    pending.put_off([change("a")], seen=seen)
    pending.ask([change("a")])
    pending.settle(pending.take(everything=False))
    clock.move(60.0)

    assert pending.take(everything=False) == []


def test_an_older_failure_does_not_replace_a_newer_one(
    pending: Pending, clock: StandingClock
) -> None:
    """A turn waits, its file's newer state can not be fetched, then the turn itself fails."""
    pending.put([change("a", 1)])
    clock.move(1.0)
    held = pending.take(everything=False)
    pending.put([change("a", 2)])
    clock.move(1.0)
    pending.put_off(pending.take_newer(held, everything=False), seen=False)
    pending.put_off(held, seen=True)
    clock.move(60.0)

    assert said(pending.take(everything=True)) == ["a2"]


def test_what_is_put_back_comes_before_what_came_since(
    pending: Pending, clock: StandingClock
) -> None:
    """And of the same file the newer state wins, in the older one's place."""
    pending.put([change("a", 1), change("b", 1)])
    clock.move(1.0)
    taken = pending.take(everything=True)
    pending.put([change("c", 1), change("b", 2)])
    clock.move(1.0)
    pending.take_newer([], everything=False)
    pending.put_back(taken)

    assert said(pending.take(everything=True)) == ["a1", "b2", "c1"]


def test_what_comes_again_is_fetched_again(pending: Pending, clock: StandingClock) -> None:
    """The copy of an earlier try may be old, or gone."""
    fetched = replace(change("a"), local=Path("/copy"))
    pending.put_back([fetched])
    again = pending.take(everything=True)
    pending.put_off([fetched], seen=True)
    clock.move(60.0)
    later = pending.take(everything=True)
    pending.ask([fetched])
    asked = pending.take(everything=True)

    assert [one.local for one in (*again, *later, *asked)] == [None, None, None]


def test_a_waiting_turn_is_told_of_its_own_files_only(
    pending: Pending, clock: StandingClock
) -> None:
    pending.put([change("a", 2), change("b", 1)])
    clock.move(1.0)

    assert said(pending.take_newer([change("a", 1)], everything=False)) == ["a2"]
    assert said(pending.take_newer([change("a", 2)], everything=False)) == []
    assert said(pending.take(everything=True)) == ["b1"]


def test_a_waiting_batch_takes_in_other_files_too(pending: Pending, clock: StandingClock) -> None:
    pending.put([change("b", 1), change("a", 2)])
    clock.move(1.0)
    pending.put([change("c", 1)])

    assert said(pending.take_newer([change("a", 1)], everything=True)) == ["a2", "b1"]


def test_draining_takes_everything_once(pending: Pending, clock: StandingClock) -> None:
    """Ready, put off, or not still yet: a successor gets it all."""
    pending.put_off([change("b")], seen=True)
    pending.put_off([change("d")], seen=False)
    pending.put([change("a")])
    clock.move(1.0)
    pending.put_back(pending.take(everything=True))
    pending.put([change("c")])

    assert len(pending) == 4
    assert sorted(said(pending.drain())) == ["a1", "b1", "c1", "d1"]
    assert pending.drain() == []
    assert len(pending) == 0


def test_threads_lose_and_double_nothing() -> None:
    """Four feeds put 500 changes each while a worker takes: each file's last state is taken."""
    quick = Pending(0.0, SETTINGS)
    taken: dict[str, list[int]] = {}
    over = threading.Event()

    def feed(name: str) -> None:
        for version in range(1, 501):
            quick.put([change(f"{name}{version % 7}-", version)])

    def work() -> None:
        while not over.is_set() or len(quick):
            for one in quick.take(everything=False):
                taken.setdefault(one.name, []).append(int(one.version))
                quick.settle([one])

    worker = threading.Thread(target=work)
    feeds = [threading.Thread(target=feed, args=(name,)) for name in "abcd"]
    for thread in (worker, *feeds):
        thread.start()
    for thread in feeds:
        thread.join(20)
    over.set()
    worker.join(20)

    assert not worker.is_alive()
    assert len(taken) == 28
    for name, versions in taken.items():
        assert versions == sorted(set(versions))
        assert versions[-1] == max(v for v in range(1, 501) if name[1:] == f"{v % 7}-")


class Model(RuleBasedStateMachine):
    """Whatever happens in whatever order: the last state of every file is run for, and once.

    The model knows of each file the newest version there was, the newest that was run for, and
    what a worker holds at this moment.
    """

    files = st.sampled_from("abc")

    def __init__(self) -> None:
        super().__init__()
        self.clock = StandingClock()
        self.pending = Pending(1.0, SETTINGS, self.clock)
        self.versions = 0
        self.newest: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.seen: dict[str, int] = {}
        self.held: list[Change] = []

    def owed(self) -> set[str]:
        return {name for name, version in self.newest.items() if self.done.get(name) != version}

    def check(self, taken: list[Change]) -> None:
        names = [change.name for change in taken]
        assert len(names) == len(set(names))
        for one in taken:
            version = int(one.version)
            assert self.done.get(one.name, 0) < version <= self.newest[one.name]
            assert self.seen.get(one.name, 0) <= version
            self.seen[one.name] = version

    @rule(names=st.sets(files, min_size=1))
    def changes_come(self, names: set[str]) -> None:
        found = []
        for name in sorted(names):
            self.versions += 1
            self.newest[name] = self.versions
            found.append(change(name, self.versions))
        self.pending.put(found)

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.move(seconds)

    @precondition(lambda self: not self.held)
    @rule(everything=st.booleans())
    def a_worker_takes(self, everything: bool) -> None:
        self.held = self.pending.take(everything=everything)
        self.check(self.held)
        assert everything or len(self.held) <= 1

    @precondition(lambda self: self.held)
    @rule(everything=st.booleans())
    def the_waiting_turn_is_refreshed(self, everything: bool) -> None:
        newer = self.pending.take_newer(self.held, everything=everything)
        self.check(newer)
        mine = {key_of(change) for change in self.held}
        assert everything or {key_of(change) for change in newer} <= mine
        fresh = {key_of(change) for change in newer}
        self.held = [old for old in self.held if key_of(old) not in fresh] + newer

    @precondition(lambda self: self.held)
    @rule()
    def the_run_is_good(self) -> None:
        self.pending.settle(self.held)
        self.done |= {change.name: int(change.version) for change in self.held}
        self.held = []

    @precondition(lambda self: self.held)
    @rule()
    def the_run_fails(self) -> None:
        self.pending.put_off(self.held, seen=True)
        self.held = []

    @precondition(lambda self: self.held)
    @rule()
    def its_files_can_not_be_fetched(self) -> None:
        self.pending.put_off(self.held, seen=False)
        self.held = []

    @precondition(lambda self: self.held)
    @rule(everything=st.booleans())
    def what_the_waiting_turn_is_told_can_not_be_fetched(self, everything: bool) -> None:
        """The turn goes on to wait, with what it has."""
        before = dict(self.seen)
        newer = self.pending.take_newer(self.held, everything=everything)
        self.check(newer)
        self.seen = before
        if newer:
            self.pending.put_off(newer, seen=False)

    @precondition(lambda self: self.held)
    @rule()
    def the_turn_is_dropped(self) -> None:
        self.pending.put_back(self.held)
        self.held = []

    @precondition(lambda self: not self.held)
    @rule()
    def a_successor_takes_over(self) -> None:
        left = self.pending.drain()
        assert {change.name for change in left} == self.owed()
        self.pending = Pending(1.0, SETTINGS, self.clock)
        self.pending.put(left)

    @invariant()
    def what_is_owed_is_held_or_waits(self) -> None:
        held = {change.name for change in self.held}
        if self.owed() - held:
            assert self.pending.due_in() is not None
            assert len(self.pending) >= len(self.owed() - held)

    def teardown(self) -> None:
        self.pending.put_back(self.held)
        for _ in range(2):
            self.clock.move(100.0)
            for one in self.pending.take(everything=True):
                self.done[one.name] = int(one.version)

        assert self.owed() == set()
        assert self.pending.due_in() is None
        assert len(self.pending) == 0


TestModel = Model.TestCase
TestModel.settings = hypothesis_settings(max_examples=150, stateful_step_count=30, deadline=None)
