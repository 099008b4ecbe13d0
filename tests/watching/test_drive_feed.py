"""What a Drive does to those who watch it, and how little watching it costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote_plus

import pytest
import requests

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.watching.drive_feed import DriveFeed
from colab_magics.watching.target import Target
from watching.clocks import JumpingClock
from watching.worlds import FAST, DriveWorld, Heard, listen

CHANGES = r"/changes$"
LISTING = r"/files$"


@pytest.fixture
def build(drive: Emulator) -> Iterator[Callable[..., DriveWorld]]:
    """Worlds on one Drive, with settings of their own."""
    worlds: list[DriveWorld] = []

    def one(**given: float) -> DriveWorld:
        worlds.append(DriveWorld(drive.url, replace(FAST, **given)))  # type: ignore[arg-type]
        return worlds[-1]

    yield one
    for world in worlds:
        world.close()


def asked(drive: Emulator, path: str, method: str = "GET") -> int:
    """How many requests the emulator has logged for a path that ends so."""
    return sum(1 for row in list(drive.log) if row.path.endswith(path) and row.method == method)


def wait_for(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Look again and again until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_late_change_log_delays_and_loses_nothing(
    drive: Emulator, drive_world: DriveWorld
) -> None:
    """Each of the changes is told when the log shows it, if not before."""
    drive.lag(feed=0.5)
    heard = listen(drive_world, "in")
    for number in range(5):
        drive_world.write(f"in/{number}.txt", "one")
    heard.wait(*(f"created {number}.txt" for number in range(5)))

    assert len(heard.changes) == 5


def test_what_the_change_log_never_tells_is_found_by_listing(
    drive: Emulator, build: Callable[..., DriveWorld]
) -> None:
    """New, changed and trashed files alike."""
    world = build(relist_seconds=0.6)
    world.write("in/a.txt", "one")
    world.write("in/b.txt", "one")
    heard = listen(world, "in")
    drive.lag(feed=1000)
    world.write("in/a.txt", "two")
    world.delete("in/b.txt")
    world.write("in/c.txt", "one")
    heard.wait("modified a.txt", "deleted b.txt", "created c.txt")

    assert len(heard.changes) == 3


def test_a_file_that_a_late_listing_omits_is_not_deleted(
    drive: Emulator, build: Callable[..., DriveWorld]
) -> None:
    """It is asked for by its id, and that answer is believed."""
    world = build(relist_seconds=0.3)
    drive.lag(listing=1000)
    heard = listen(world, "in")
    world.write("in/a.txt", "one")
    heard.wait("created a.txt")
    listings = asked(drive, "/files")
    wait_for(lambda: asked(drive, "/files") >= listings + 3)
    world.delete("in/a.txt")
    heard.wait("deleted a.txt")

    assert heard.said() == ["created a.txt", "deleted a.txt"]


def test_an_older_revision_in_a_late_listing_is_not_believed(
    drive: Emulator, build: Callable[..., DriveWorld]
) -> None:
    """Neither is the old name, nor a file that was trashed since."""
    world = build(relist_seconds=0.3)
    for name in ("a", "b", "c"):
        world.write(f"in/{name}.txt", "one")
    heard = listen(world, "in")
    drive.lag(listing=1000)
    world.write("in/a.txt", "two")
    world.move("in/b.txt", "in/d.txt")
    world.delete("in/c.txt")
    heard.wait("modified a.txt", "deleted b.txt", "created d.txt", "deleted c.txt")
    listings = asked(drive, "/files")
    wait_for(lambda: asked(drive, "/files") >= listings + 3)
    world.write("in/a.txt", "three")
    heard.wait("modified a.txt", "modified a.txt")

    assert len(heard.changes) == 5


def test_a_file_that_the_first_listing_omitted_is_told_later(
    drive: Emulator, build: Callable[..., DriveWorld]
) -> None:
    """Even if the change log has nothing about it, since it began after it."""
    world = build(relist_seconds=0.6)
    drive.lag(listing=0.5)
    world.write("in/a.txt", "one")
    heard = listen(world, "in")
    heard.wait("created a.txt")

    assert heard.said() == ["created a.txt"]


def test_looking_at_a_file_is_no_change(drive: Emulator, drive_world: DriveWorld) -> None:
    """A star makes an entry in the change log, and no change of ours."""
    drive_world.write("in/a.txt", "one")
    heard = listen(drive_world, "in")
    url = f"{drive.url}drive/v3/files/{drive_world.ids['in/a.txt']}"
    assert requests.patch(url, json={"starred": True}, timeout=5).ok
    drive_world.write("in/b.txt", "one")
    heard.wait("created b.txt")

    assert heard.said() == ["created b.txt"]


def test_a_rejected_token_loses_nothing(drive: Emulator, build: Callable[..., DriveWorld]) -> None:
    """What happened before the new token was taken is found by listing."""
    world = build(poll_active_seconds=30.0, poll_idle_seconds=30.0, relist_seconds=1000.0)
    for name in ("a", "b"):
        world.write(f"in/sub/{name}.txt", "one")
    heard = listen(world, "in")
    wait_for(lambda: asked(drive, "/changes") == 1)
    tokens = asked(drive, "/startPageToken")
    world.write("in/sub/a.txt", "two")
    world.delete("in/sub/b.txt")
    world.write("in/new/c.txt", "one")
    world.move("in/sub", "in/other")
    drive.faults.add(path=CHANGES, status=400, reason="invalid", times=1)
    world.feeds.poke()
    heard.wait("deleted a.txt", "created a.txt", "deleted b.txt", "created c.txt")
    world.write("in/new/d.txt", "one")
    world.feeds.poke()
    heard.wait("created d.txt")

    assert asked(drive, "/startPageToken") == tokens + 1
    assert len(heard.changes) == 5


def test_a_token_that_is_always_rejected_is_not_asked_for_without_end(
    drive: Emulator, build: Callable[..., DriveWorld]
) -> None:
    """It is a problem like others: it is shown, and the pauses grow."""
    world = build(poll_max_seconds=60.0, poll_active_seconds=10.0, poll_idle_seconds=10.0)
    drive.faults.add(path=CHANGES, status=400, reason="invalid")
    heard = listen(world, "in")
    assert heard.subscription is not None
    subscription = heard.subscription
    wait_for(lambda: subscription.problem)

    assert asked(drive, "/changes") <= 3


def test_one_request_in_ten_may_fail(drive: Emulator, drive_world: DriveWorld) -> None:
    """With a refusal or a cut connection, before or after its effect."""
    heard = listen(drive_world, "in")
    drive.faults.add(path=CHANGES, status=503, reason="backendError", probability=0.1)
    drive.faults.add(path="/files", method="GET", cut="before", probability=0.1)
    drive.faults.add(path=CHANGES, status=403, reason="userRateLimitExceeded", probability=0.05)
    drive.faults.add(path=CHANGES, cut="after", probability=0.05)
    for number in range(30):
        drive_world.write(f"in/f{number % 5}/{number}.txt", "one")
    heard.wait(*(f"created {number}.txt" for number in range(30)), seconds=20)

    assert len(heard.changes) == 30


def test_an_outage_is_shown_and_outlived(drive: Emulator, drive_world: DriveWorld) -> None:
    """What happened meanwhile is told when Drive answers again."""
    heard = listen(drive_world, "in")
    assert heard.subscription is not None
    subscription = heard.subscription
    fault = drive.faults.add(method="GET", cut="before")
    wait_for(lambda: subscription.problem)
    problem = subscription.problem
    drive_world.write("in/a.txt", "one")
    drive.faults.clear(fault)
    heard.wait("created a.txt")
    wait_for(lambda: not subscription.problem)

    assert problem.startswith("Drive does not answer since ")
    assert "; trying again in " in problem
    assert "\n" not in problem


def test_drive_may_ask_to_slow_down(drive: Emulator, drive_world: DriveWorld) -> None:
    """The pauses grow to the longest, and shrink again afterwards."""
    heard = listen(drive_world, "in")
    assert heard.subscription is not None
    subscription = heard.subscription
    fault = drive.faults.add(path=CHANGES, status=403, reason="userRateLimitExceeded")
    wait_for(lambda: subscription.problem.startswith("Drive asks to slow down"))
    wait_for(lambda: drive_world.feeds.stats()[0].interval == FAST.poll_max_seconds)
    drive.faults.clear(fault)
    drive_world.write("in/a.txt", "one")
    heard.wait("created a.txt")
    wait_for(lambda: drive_world.feeds.stats()[0].interval == FAST.poll_active_seconds)

    assert subscription.problem == ""


def test_empty_pages_are_passed_over(drive: Emulator, drive_world: DriveWorld) -> None:
    """A page without changes is not the end of the log."""
    heard = listen(drive_world, "in")
    drive.faults.add(path=CHANGES, empty=True, probability=0.7)
    for number in range(5):
        drive_world.write(f"in/{number}.txt", "one")
    heard.wait(*(f"created {number}.txt" for number in range(5)))

    assert len(heard.changes) == 5


def test_a_page_that_could_not_be_handled_is_read_again(
    drive: Emulator, drive_world: DriveWorld
) -> None:
    """Here the listing of a folder that was moved in fails for a while."""
    drive_world.write("out/pack/a.txt", "one")
    heard = listen(drive_world, "in")
    fault = drive.faults.add(path=LISTING, method="GET", status=500)
    drive_world.move("out/pack", "in/pack")
    drive_world.write("in/b.txt", "one")
    assert heard.subscription is not None
    subscription = heard.subscription
    wait_for(lambda: subscription.problem)
    drive.faults.clear(fault)
    heard.wait("created a.txt", "created b.txt")

    assert len(heard.changes) == 2


def test_a_file_that_is_deleted_for_good_is_deleted(drive_world: DriveWorld) -> None:
    """The change log then has an id only."""
    drive_world.write("in/a.txt", "one")
    heard = listen(drive_world, "in")
    drive_world.erase("in/a.txt")
    heard.wait("deleted a.txt")

    assert heard.changes[0].place == "in/a.txt"


def test_the_watched_folder_itself_may_go_and_come_back(drive_world: DriveWorld) -> None:
    """Into the trash and out of it, with what changed meanwhile."""
    drive_world.write("in/sub/a.txt", "one")
    heard = listen(drive_world, "in")
    folder = drive_world.ids["in"]
    drive_world.outsider.update(folder, trashed=True)
    heard.wait("deleted a.txt")
    drive_world.outsider.update(folder, trashed=False)
    heard.wait("created a.txt")
    drive_world.write("in/sub/a.txt", "two")
    heard.wait("modified a.txt")

    assert len(heard.changes) == 3


def test_a_folder_of_the_same_name_takes_the_place_of_one_that_went(
    drive_world: DriveWorld,
) -> None:
    """A place is a path, unless it was given by id."""
    drive_world.write("in/a.txt", "one")
    heard = listen(drive_world, "in")
    drive_world.move("in", "old")
    heard.wait("deleted a.txt")
    drive_world.write("in/b.txt", "one")
    heard.wait("created b.txt")

    assert len(heard.changes) == 2


def test_a_folder_that_was_seen_elsewhere_is_listed_when_it_is_moved_in(
    drive_world: DriveWorld,
) -> None:
    """With the folders in it, of which the change log says nothing new."""
    heard = listen(drive_world, "in")
    drive_world.write("out/pack/sub/deep/b.txt", "one")
    drive_world.write("in/a.txt", "one")
    heard.wait("created a.txt")
    drive_world.move("out/pack", "in/pack")
    heard.wait("created b.txt")
    drive_world.move("in/pack", "out/pack")
    heard.wait("deleted b.txt")
    drive_world.write("out/pack/sub/deep/c.txt", "one")
    drive_world.move("out/pack", "in/pack")
    heard.wait("created b.txt", "created b.txt", "created c.txt")

    assert len(heard.changes) == 5


def test_a_second_watch_begins_with_what_is_there_now(
    drive: Emulator, build: Callable[..., DriveWorld]
) -> None:
    """Not with what the poller saw a while ago."""
    world = build(poll_active_seconds=30.0, poll_idle_seconds=30.0)
    first = listen(world, "in")
    wait_for(lambda: asked(drive, "/changes") == 1)
    threading.Event().wait(0.2)
    world.write("in/a.txt", "one")
    session = world.feeds._feeds["drive", id(world.api)]._session  # type: ignore[attr-defined]
    session._read_at -= 1.0
    second = listen(world, "in/a.txt")
    first.wait("created a.txt")
    world.write("in/b.txt", "one")
    world.feeds.poke()
    first.wait("created b.txt")

    assert second.said() == []


def test_of_two_files_of_one_name_the_newest_counts(drive_world: DriveWorld) -> None:
    """As everywhere in storage; when it goes, the older one is what is there."""
    drive_world.write("in/a.txt", "one")
    first = drive_world.ids.pop("in/a.txt")
    heard = listen(drive_world, "in/a.txt")
    drive_world.write("in/a.txt", "two, longer")
    heard.wait("modified a.txt")
    second = drive_world.ids["in/a.txt"]
    drive_world.delete("in/a.txt")
    heard.wait("modified a.txt", "modified a.txt")

    assert [change.id for change in heard.changes] == [second, first]


def test_places_given_by_id_are_watched(drive_world: DriveWorld) -> None:
    """A file stays itself when it is renamed and moved; a folder's files are shown below its id."""
    drive_world.write("in/a.txt", "one")
    file, folder = drive_world.ids["in/a.txt"], drive_world.ids["in"]
    by_file, by_folder = listen(drive_world, f"id:{file}"), listen(drive_world, f"id:{folder}")
    drive_world.write("in/a.txt", "two")
    by_file.until(lambda: by_file.changes)
    by_folder.wait("modified a.txt")
    drive_world.move("in/a.txt", "out/b.txt")
    by_folder.wait("deleted a.txt")
    drive_world.write("out/b.txt", "three")
    by_file.until(lambda: len(by_file.changes) == 2)

    assert {change.place for change in by_file.changes} == {f"id:{file}"}
    assert {change.kind for change in by_file.changes} == {"modified"}
    assert {change.place for change in by_folder.changes} == {f"id:{folder}/a.txt"}


def test_names_that_are_no_part_of_a_path_can_be_watched(drive_world: DriveWorld) -> None:
    """A name may hold a slash; the place is written as storage writes it."""
    heard = listen(drive_world, "in")
    drive_world.outsider.create("1/2.txt", drive_world.ids["in"], b"one")
    heard.until(lambda: heard.changes)

    assert drive_world.fs.cat_file(heard.changes[0].place) == b"one"


def test_closing_does_not_wait_for_a_request_in_flight(
    drive: Emulator, drive_world: DriveWorld
) -> None:
    """The thread is left to its request, and ends with it."""
    heard = listen(drive_world, "in")
    assert heard.subscription is not None
    drive.faults.add(path=CHANGES, latency=1.0)
    before = asked(drive, "/changes")
    wait_for(lambda: asked(drive, "/changes") <= before + 2)
    began = time.monotonic()
    heard.subscription.close()

    assert time.monotonic() - began < 0.7


def test_a_filesystem_is_told_what_the_log_says(drive_world: DriveWorld) -> None:
    """Its knowledge of a file is renewed without a request."""
    drive_world.write("in/a.txt", "one")
    heard = listen(drive_world, "in")
    drive_world.fs.node("in/a.txt")
    drive_world.write("in/a.txt", "two, longer")
    heard.wait("modified a.txt")
    known = drive_world.fs.nodes.get(drive_world.ids["in/a.txt"])

    assert known is not None
    assert known.size == 11


def test_every_bounds_the_pause(drive: Emulator, build: Callable[..., DriveWorld]) -> None:
    """The smallest of all watches wins, and goes with its watch."""
    world = build(poll_active_seconds=30.0, poll_idle_seconds=60.0)
    slow, fast = listen(world, "in", every=20.0), listen(world, "in", every=0.05)
    interval = world.feeds.stats()[0].interval
    world.write("in/a.txt", "one")
    fast.wait("created a.txt", seconds=3)
    assert fast.subscription is not None
    fast.subscription.close()

    assert interval == 0.05
    assert world.feeds.stats()[0].interval == 20.0
    assert slow.said() == ["created a.txt"]


def test_a_thousand_watched_files_cost_what_one_costs(
    drive: Emulator,
    build: Callable[..., DriveWorld],
    record_property: Callable[[str, object], None],
) -> None:
    """One listing for all of them, and then the same looks at the change log."""
    fast = {"poll_active_seconds": 0.05, "poll_idle_seconds": 0.05}
    one = build(**fast, relist_seconds=1000.0)  # so that no folder's turn to be listed comes
    names = [f"in/{number:04}.txt" for number in range(1000)]
    for name in names[:3]:
        one.write(name, "one")

    def cost(world: DriveWorld, paths: list[str]) -> tuple[list[Heard], int, list[str], float]:
        before = len(drive.log)
        heards = [listen(world, path) for path in paths]
        rows = [row for row in list(drive.log)[before:] if row.path.endswith("/files")]
        registration = sum("name = " not in unquote_plus(row.query) for row in rows)
        start = len(drive.log)
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 2.0)
        asked = [row.path for row in list(drive.log)[start:]]
        return heards, registration, asked, time.monotonic() - began

    (single,), listed_one, asked_one, _ = cost(one, names[:1])
    assert single.subscription is not None
    single.subscription.close()
    heards, listed_many, asked_many, seconds = cost(one, names)
    one.write(names[999], "x")
    heards[999].wait("created 0999.txt")
    record_property("requests in 2 s", (len(asked_one), len(asked_many)))

    assert listed_one == 1
    assert listed_many <= 2, "the filesystem's, that is asked what the places are, and the watch's"
    assert set(asked_many) == {"/drive/v3/changes"}
    assert len(asked_many) <= seconds / (0.05 * 0.85) + 2, "one look for all, once an interval"
    assert one.feeds.stats()[0].watches == 1000


def test_idle_watching_stays_under_two_percent_of_the_quota(
    drive: Emulator, record_property: Callable[[str, object], None]
) -> None:
    """With default settings, in the emulator's own meter, over 20 minutes of a moved clock."""
    world = DriveWorld(drive.url, Settings())
    for number in range(20):
        world.write(f"in/f{number}/a.txt", "one")
    clock = JumpingClock()
    feed = DriveFeed(world.api, Settings(), clock)
    spent: list[tuple[float, int]] = []
    clock.watched = lambda: spent.append((clock.monotonic(), drive.quota.total))
    heard = Heard()
    clock.hold = True
    heard.subscription = feed.subscribe(Target.of(world.place("in")), heard)
    began = clock.monotonic()
    clock.hold = False
    wait_for(lambda: clock.monotonic() - began > 1200, seconds=60)
    feed.close()
    world.close()
    minutes = [
        [units for at, units in spent if 60 * minute <= at - began < 60 * (minute + 1)]
        for minute in range(20)
    ]
    costs = [units[-1] - units[0] for units in minutes if units]
    record_property("units in each minute", costs)

    assert max(costs[2:]) < 6500 * 0.25
    assert max(costs) < 8125  # the first minute is an active one
