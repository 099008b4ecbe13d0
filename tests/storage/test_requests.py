"""What does it cost to look at a Drive, and when are others' changes seen?"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from harness.waiting import wait_until

from colab_magics.emulator import Emulator
from colab_magics.errors import PlaceNotFound
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place
from colab_magics.storage.removal import restore
from colab_magics.storage.tree import FOLDER
from colab_magics.watching.feed import Feeds

from .conftest import JumpingClock

DEEP = "a/b/c/d/e/f.txt"


@pytest.fixture
def deep(outsider: DriveAPI) -> DriveAPI:
    """Somebody else's file in the fifth folder, with namesakes of its folders elsewhere."""
    above = outsider.root_id()
    for name in DEEP.split("/")[:-1]:
        above = outsider.create(name, above, mime_type=FOLDER).id
        outsider.create("decoy", above, b"")
    outsider.create("f.txt", above, b"deep")
    for name in ("A", "b", "d", "F.txt"):
        outsider.create(name, above, mime_type=FOLDER)
    return outsider


@contextmanager
def counted(drive: Emulator, **expected: int) -> Iterator[None]:
    """Assert which requests the block makes: list, changes, token, get, media, other."""
    before = len(drive.log)
    yield
    made = Counter(map(kind_of, drive.log[before:]))

    assert dict(made) == expected, [(one.method, one.path, one.query) for one in drive.log[before:]]


def kind_of(entry: object) -> str:
    path, query = str(getattr(entry, "path", "")), str(getattr(entry, "query", ""))
    last = path.rpartition("/")[2]
    names = {"files": "list", "changes": "changes", "startPageToken": "token"}
    if "alt=media" in query:
        return "media"
    if getattr(entry, "method", "") != "GET" or last == "generateIds":
        return "other"
    return names.get(last, "get")


def test_a_path_of_five_folders_costs_one_search(drive: Emulator, deep: DriveAPI) -> None:
    """By a client that knows nothing yet, not even My Drive's id; and then nothing."""
    api = DriveAPI(url=drive.url, settings=deep.settings)
    fs = DriveFileSystem(api=api, skip_instance_cache=True)
    with counted(drive, token=1, list=1):
        assert fs.info(DEEP)["size"] == 4
    with counted(drive):
        assert fs.info(DEEP)["size"] == 4
        assert fs.exists("a/b/c")
    with counted(drive, media=1), fs.open(DEEP) as file:
        assert file.read() == b"deep"
    with counted(drive, media=1):
        assert fs.cat_file(DEEP) == b"deep"
    api.close()


def test_a_path_whose_names_repeat_is_found(
    drive: Emulator, outsider: DriveAPI, fs: DriveFileSystem
) -> None:
    """Also where the first name is that of a folder further down, in other letters."""
    above = outsider.root_id()
    for name in ("x", "X", "x"):
        above = outsider.create(name, above, mime_type=FOLDER).id
    outsider.create("x", above, b"it")

    assert fs.cat_file("x/X/x/x") == b"it"
    assert not fs.exists("x/x")


def test_long_names_fit_into_the_address(
    drive: Emulator, outsider: DriveAPI, fs: DriveFileSystem
) -> None:
    """Drive refuses addresses of more than some 8,000 characters; one name may be longer."""
    above, path = outsider.root_id(), list[str]()
    names = ("\U0001f600" * 200, "'" * 300, "\\" * 300, "\u00e4" * 250, "\U0001f600" * 900)
    for name in names:
        above = outsider.create(name, above, mime_type=FOLDER).id
        path.append(name)
    outsider.create("f", above, b"f")
    before = len(drive.log)

    assert fs.cat_file("/".join([*path, "f"])) == b"f"
    assert not fs.exists("\U0001f600" * 900)
    assert max(len(entry.query) for entry in drive.log[before:]) < 8000


def test_a_search_that_is_not_whole_is_no_answer(
    drive: Emulator, deep: DriveAPI, fs: DriveFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too much has the names of a path, they are asked for one by one."""
    monkeypatch.setattr(DriveAPI, "find_line", lambda *args, **kwargs: [])
    with counted(drive, token=1, list=6):
        assert fs.info(DEEP)["size"] == 4
    with counted(drive):
        assert fs.info(DEEP)["size"] == 4


def test_a_listing_of_many_files_costs_one_request_for_a_thousand(
    drive: Emulator, fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock
) -> None:
    """And none a second time, only a look at the change log when it is a second old."""
    many(drive, outsider, 10_000)
    with counted(drive, token=1, list=1):
        assert fs.isdir("many")
    with counted(drive, list=10):
        assert len(fs.ls("many")) == 10_000
    before = len(drive.log)
    clock.advance(2)

    assert len(fs.ls("many", detail=False)) == 10_000
    assert len(fs.find("many")) == 10_000
    assert len(fs.glob("many/*1.txt")) == 1000
    assert fs.exists("many/7.txt")
    assert not fs.exists("many/no.txt")
    assert {kind_of(entry) for entry in drive.log[before:]} == {"changes"}


def many(drive: Emulator, outsider: DriveAPI, count: int) -> None:
    """Put so many files into a folder, in one step below the API: it would be a request each."""
    folder = outsider.create("many", outsider.root_id(), mime_type=FOLDER)
    first = outsider.create("0.txt", folder.id, b"")
    store = drive._running().store
    row = dict(store.row(first.id))
    with store.database.write() as db:
        for number in range(1, count):
            name = f"{number}.txt"
            row |= {"id": f"many-{number}", "name": name, "name_key": name}
            marks = ", ".join("?" for _ in row)
            db.execute(f"INSERT INTO files ({', '.join(row)}) VALUES ({marks})", [*row.values()])


def test_a_second_listing_costs_a_look_at_the_change_log(
    drive: Emulator, fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock
) -> None:
    """When the last one is a second ago; so another program's new file is seen by the next."""
    fs.pipe_file("d/a", b"")
    assert fs.ls("d", detail=False) == ["d/a"]
    with counted(drive):
        assert fs.ls("d", detail=False) == ["d/a"]
    outsider.create("b", fs.node("d").id, b"")
    clock.advance(1.1)
    with counted(drive, changes=1):
        assert fs.ls("d", detail=False) == ["d/a", "d/b"]
        assert fs.find("d") == ["d/a", "d/b"]


def test_paths_that_a_listing_showed_stay_known(
    drive: Emulator, fs: DriveFileSystem, clock: JumpingClock
) -> None:
    """However old the listing is: the change log tells what has become of them."""
    for number in range(5):
        fs.pipe_file(f"d/{number}", b"")
    fs.invalidate_cache()
    clock.advance(60)
    fs.ls("d")
    clock.advance(3000)
    with counted(drive, changes=1):
        assert all(fs.exists(f"d/{number}") for number in range(5))
    with counted(drive, list=1):
        assert len(fs.ls("d")) == 5, "a listing is made anew after some minutes"


def test_names_in_one_folder_are_asked_for_together(
    drive: Emulator, fs: DriveFileSystem, outsider: DriveAPI
) -> None:
    """From the second name on all of a small folder is known, also what is not in it."""
    folder = outsider.create("f", outsider.root_id(), mime_type=FOLDER)
    for number in range(20):
        outsider.create(f"{number}", folder.id, b"")
    assert fs.exists("f/0")
    with counted(drive, list=1):
        assert [fs.exists(f"f/{number}") for number in range(40)] == [True] * 20 + [False] * 20


def test_find_lists_each_folder_once(
    drive: Emulator, fs: DriveFileSystem, outsider: DriveAPI
) -> None:
    """However many files are in them; and what it has learnt is known."""
    root = outsider.create("top", outsider.root_id(), mime_type=FOLDER)
    for name in "abc":
        folder = outsider.create(name, root.id, mime_type=FOLDER)
        for number in range(5):
            outsider.create(f"{number}", folder.id, b"12")
    fs.exists("top")
    with counted(drive, list=4):
        assert len(fs.find("top")) == 15
    with counted(drive):
        assert fs.du("top") == 30
        assert len(list(fs.walk("top"))) == 4
        assert len(fs.glob("top/**")) == 19
        assert all(fs.isfile(path) for path in fs.find("top"))


def test_what_is_known_is_brought_up_to_date_by_one_request(
    drive: Emulator, deep: DriveAPI, fs: DriveFileSystem, clock: JumpingClock
) -> None:
    """Made, changed, renamed, moved, trashed, deleted by another client, all in one look."""
    home = deep.create("home", deep.root_id(), mime_type=FOLDER)
    ids = {name: deep.create(name, home.id, b"old").id for name in "123456"}
    assert len(fs.ls("home")) == 6
    assert fs.exists(DEEP)
    deep.update(ids["1"], b"changed")
    deep.update(ids["2"], name="renamed")
    deep.update(ids["3"], add_parent=deep.root_id(), remove_parent=home.id)
    deep.update(ids["4"], trashed=True)
    deep.delete(ids["5"])
    deep.create("made", home.id, b"made")
    with counted(drive):
        assert fs.exists("home/4"), "what is fresh is relied on"
    clock.advance(6)

    with counted(drive, changes=1):
        assert fs.ls("home", detail=False) == ["home/1", "home/6", "home/made", "home/renamed"]
        assert fs.info("home/1")["size"] == 7
        assert not fs.exists("home/4")
        assert not fs.exists("home/5")
        assert fs.exists("home/made")
        assert fs.exists(DEEP)
    assert fs.exists("3")


def test_a_moved_folder_takes_all_known_paths_along(
    drive: Emulator, deep: DriveAPI, fs: DriveFileSystem, clock: JumpingClock
) -> None:
    """They are known by the ids of their folders."""
    assert fs.exists(DEEP)
    deep.update(fs.node("a/b").id, name="B")
    clock.advance(6)
    with counted(drive, changes=1):
        assert fs.info("a/B/c/d/e/f.txt")["size"] == 4
    assert not fs.exists(DEEP)


def test_a_token_that_drive_rejects_is_replaced(
    drive: Emulator, deep: DriveAPI, fs: DriveFileSystem, clock: JumpingClock
) -> None:
    """All is asked anew."""
    assert fs.exists(DEEP)
    deep.update(fs.node(DEEP).id, name="g.txt")
    drive.faults.add(path="/changes$", status=400, times=1)
    clock.advance(6)

    assert not fs.exists(DEEP)
    assert fs.exists("a/b/c/d/e/g.txt")


def test_late_listings_and_late_logs_undo_nothing(
    drive: Emulator, fs: DriveFileSystem, clock: JumpingClock
) -> None:
    """What this process wrote is so, whatever Drive says of it meanwhile."""
    fs.pipe_file("d/old", b"1")
    fs.pipe_file("d/gone", b"1")
    fs.pipe_file("d/moved", b"1")
    fs.ls("d")
    drive.lag(listing=60, feed=60)
    fs.pipe_file("d/old", b"22")
    fs.rm("d/gone")
    fs.mv("d/moved", "d/there")
    fs.pipe_file("d/new", b"333")
    for _ in range(4):
        clock.advance(6)
        fs.invalidate_cache()

        assert [(one["name"], one["size"]) for one in fs.ls("d")] == [
            ("d/new", 3),
            ("d/old", 2),
            ("d/there", 1),
        ]


def test_a_file_that_a_late_listing_lacked_is_found_in_time(
    drive: Emulator, fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock
) -> None:
    """Written just before the log was read from: neither the log nor the first listing has it."""
    folder = outsider.create("d", outsider.root_id(), mime_type=FOLDER)
    drive.lag(listing=0.5)
    outsider.create("late", folder.id, b"")
    assert fs.ls(f"id:{folder.id}") == []
    drive.lag(listing=0)
    clock.advance(31)

    assert [one["name"] for one in fs.ls("d")] == ["d/late"]


def test_what_is_of_no_interest_is_not_kept(
    drive: Emulator, fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock
) -> None:
    """Of the change log, only what lies in a known folder or is known."""
    elsewhere = outsider.create("elsewhere", outsider.root_id(), mime_type=FOLDER)
    fs.pipe_file("d/a", b"")
    for number in range(30):
        outsider.create(f"{number}", elsewhere.id, b"")
    known = len(fs.nodes)
    clock.advance(6)
    fs.exists("d/a")

    assert len(fs.nodes) <= known + 1


def test_a_running_watch_keeps_known_paths_fresh_for_nothing(
    drive: Emulator, deep: DriveAPI
) -> None:
    """It reads the change log anyway; what it learns is known to the filesystem at once."""
    settings = Settings(poll_active_seconds=0.2, poll_idle_seconds=5.0, fresh_seconds=0.05)
    with (
        closing(DriveAPI(url=drive.url, settings=settings)) as api,
        closing(Feeds(settings)) as feeds,
    ):
        fs = DriveFileSystem(api=api, skip_instance_cache=True)
        feeds.subscribe(Place("a", fs, "a", None), lambda changes: None)
        assert fs.info(DEEP)["size"] == 4
        looked(drive)
        assert fs.exists(DEEP)  # where it had looked before the watch began, the two meet here
        looked(drive)
        own, end = api.requests, time.monotonic() + 1
        while time.monotonic() < end:
            assert fs.exists(DEEP)
            assert not fs.open(DEEP).closed
        assert api.requests == own

        deep.update(file := fs.node(DEEP).id, name="g.txt")
        wait_until(lambda: "g.txt" in str(fs.nodes.get(file)), what="the new name is known")
        assert fs.exists("a/b/c/d/e/g.txt")
        assert api.requests == own


def looked(drive: Emulator) -> None:
    """Wait for two looks at the change log, by any client."""
    before = looks_at_the_log(drive)
    wait_until(lambda: looks_at_the_log(drive) >= before + 2, what="the watch looks")


def looks_at_the_log(drive: Emulator) -> int:
    """How often any client looked at the change log."""
    return sum(entry.path.endswith("/changes") for entry in drive.log)


def test_a_slow_answer_delays_nobody_who_knows(
    drive: Emulator, deep: DriveAPI, fs: DriveFileSystem
) -> None:
    """While one thread waits for a listing, others go on with what is known."""
    assert fs.exists(DEEP)
    other = deep.create("other", deep.root_id(), mime_type=FOLDER)
    drive.faults.add(path="/files$", query=other.id, latency=2.0)
    slow = threading.Thread(target=fs.ls, args=(f"id:{other.id}",))
    slow.start()
    wait_until(lambda: "other" in str(fs.nodes.get(other.id)), what="it has begun")
    began = time.monotonic()
    for _ in range(20):
        assert fs.exists(DEEP)
        assert fs.cat_file(DEEP) == b"deep"

    assert time.monotonic() - began < 1.9
    assert slow.is_alive()
    slow.join()


def test_missing_files_tell_what_there_is(fs: DriveFileSystem) -> None:
    """As before, with one listing."""
    fs.pipe_file("d/abc.txt", b"")
    with pytest.raises(PlaceNotFound, match=r"there is: abc\.txt"):
        fs.info("d/abd.txt")


def test_the_trash_of_many_folders_costs_a_search_for_each_twenty(
    drive: Emulator, outsider: DriveAPI, fs: DriveFileSystem
) -> None:
    """What lies in the trash under a pattern, below folders that are known."""
    logs = outsider.create("logs", outsider.root_id(), mime_type=FOLDER).id
    for number in range(24):
        folder = outsider.create(f"day {number:02}", logs, mime_type=FOLDER).id
        outsider.update(outsider.create("a.log", folder, b"").id, trashed=True)
    assert len(fs.find("logs", withdirs=True)) == 25
    fs.api.root_id()
    with counted(drive, list=2, other=24):
        back = restore([Place("logs/**/*.log", fs, "logs/**/*.log", None)])

    assert [one.place for one in back] == [f"My Drive/logs/day {at:02}/a.log" for at in range(24)]
    with counted(drive, list=1), pytest.raises(PlaceNotFound):
        restore([Place("logs/a.log", fs, "logs/a.log", None)])
