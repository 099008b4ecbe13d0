"""What the operating system tells of local folders, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from colab_magics.watching.local_files import is_remote_mount
from watching.worlds import FAST, FolderWorld, Heard, listen

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a closed writer")


@linux
def test_a_half_written_file_is_not_told(folder_world: FolderWorld) -> None:
    """Not while its writer has it open, whatever the scans see; then it is, once."""
    heard = listen(folder_world, "in")
    with (folder_world.root / "in/a.txt").open("w") as writer:
        writer.write("half")
        writer.flush()
        folder_world.feeds.poke()
        folder_world.write("in/b.txt", "whole")
        heard.wait("created b.txt")
        for number in range(5):  # five scans, each with a settling look after it
            folder_world.feeds.poke()
            folder_world.write(f"in/c{number}.txt", "whole")
            heard.wait(f"created c{number}.txt")
            threading.Event().wait(0.1)
        assert "created a.txt" not in heard.said()
        writer.write(" and the rest")
    heard.wait("created a.txt")

    assert [change.size for change in heard.changes if change.name == "a.txt"] == [17]


@linux
def test_a_half_written_file_is_not_told_under_another_name(folder_world: FolderWorld) -> None:
    """A rename while it is written does not make it complete."""
    heard = listen(folder_world, "in")
    with (folder_world.root / "in/a.txt").open("w") as writer:
        writer.write("half")
        writer.flush()
        folder_world.move("in/a.txt", "in/b.txt")
        folder_world.write("in/c.txt", "whole")
        heard.wait("created c.txt")
        assert heard.said() == ["created c.txt"]
        writer.write(" and the rest")
    heard.wait("created b.txt")

    assert heard.changes[-1].size == 17


@linux
def test_a_slow_writer_in_another_process_is_waited_for(folder_world: FolderWorld) -> None:
    """In a folder that is new, too, where its opening may have been missed."""
    heard = listen(folder_world, "in")
    program = (
        "import os, sys\n"
        "os.makedirs('in/new/er'); f = open('in/new/er/a.txt', 'w')\n"
        "f.write('half'); f.flush(); print('half', flush=True)\n"
        "sys.stdin.readline(); f.write(' and the rest'); f.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder_world.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        writer.stdout.readline()
        folder_world.feeds.poke()
        threading.Event().wait(0.2)
        folder_world.write("in/b.txt", "whole")
        heard.wait("created b.txt")
        assert "created a.txt" not in heard.said()
        writer.stdin.write("\n")
        writer.stdin.flush()
        heard.wait("created a.txt")

    assert heard.changes[-1].size == 17


@pytest.mark.parametrize("make", [os.link, os.symlink])
def test_a_file_that_appears_as_a_link_is_told(
    folder_world: FolderWorld, make: Callable[[Path, Path], None]
) -> None:
    """Nobody closes it, since nobody opened it; some programs publish files that way."""
    folder_world.write("in/.beside", "whole")
    heard = listen(folder_world, "in")
    make(folder_world.root / "in/.beside", folder_world.root / "in/a.txt")
    heard.wait("created a.txt")

    assert heard.changes[0].size == 5


def test_links_that_leave_the_folder_are_not_followed(folder_world: FolderWorld) -> None:
    """Neither those to files nor those to folders."""
    folder_world.write("out/secret.txt", "no")
    heard = listen(folder_world, "in")
    os.symlink(folder_world.root / "out/secret.txt", folder_world.root / "in/a.txt")
    os.symlink(folder_world.root / "out", folder_world.root / "in/folder")
    folder_world.write("out/secret.txt", "still no")
    folder_world.write("in/b.txt", "yes")
    heard.wait("created b.txt")
    folder_world.feeds.poke()
    threading.Event().wait(0.2)

    assert heard.said() == ["created b.txt"]


def test_a_folder_reached_through_a_link_is_shown_as_it_was_named(
    folder_world: FolderWorld,
) -> None:
    """The user's own spelling of the path comes back."""
    os.symlink(folder_world.root / "in", folder_world.root / "alias")
    heard = listen(folder_world, "alias")
    folder_world.write("in/a.txt", "one")
    heard.wait("created a.txt")

    assert heard.changes[0].place == str(folder_world.root / "alias/a.txt")


def test_two_writes_within_one_tick_of_the_clock_are_both_told(folder_world: FolderWorld) -> None:
    """They have the same length and time stamp, as on a file system with a coarse clock."""
    heard = listen(folder_world, "in/a.txt")
    tick = time.time_ns() + 10**10  # ahead, so that a slow test machine does not matter
    for number in range(5):
        with (folder_world.root / "in/a.txt").open("w") as writer:
            writer.write(str(number))
            writer.flush()
            os.utime(writer.fileno(), ns=(tick, tick))
        heard.until(lambda number=number: len(heard.changes) > number)
    versions = [change.version for change in heard.changes]

    assert len(set(versions)) == len(versions) >= 5


def test_an_open_and_close_without_a_write_is_no_change(folder_world: FolderWorld) -> None:
    """Reading a file, or opening it to append and adding nothing."""
    folder_world.write("in/a.txt", "one")
    old = time.time() - 60
    os.utime(folder_world.root / "in/a.txt", (old, old))
    heard = listen(folder_world, "in")
    (folder_world.root / "in/a.txt").read_text()
    with (folder_world.root / "in/a.txt").open("a"):
        pass
    folder_world.write("in/b.txt", "one")
    heard.wait("created b.txt")

    assert heard.said() == ["created b.txt"]


def test_the_watched_folder_may_go_and_come_back(folder_world: FolderWorld) -> None:
    """Meanwhile it is shown as a problem."""
    folder_world.write("in/sub/a.txt", "one")
    heard = listen(folder_world, "in/sub")
    subscription = heard.subscription
    assert subscription is not None
    folder_world.delete("in/sub/a.txt")
    (folder_world.root / "in/sub").rmdir()
    heard.wait("deleted a.txt")
    end = time.monotonic() + 5
    while not subscription.problem and time.monotonic() < end:
        threading.Event().wait(0.02)
    problem = subscription.problem
    folder_world.write("in/sub/b.txt", "one")
    heard.wait("created b.txt")
    while subscription.problem and time.monotonic() < end:
        threading.Event().wait(0.02)
    folder_world.write("in/sub/b.txt", "two, longer")
    heard.wait("modified b.txt")

    assert problem == f"the folder {folder_world.root}/in/sub is gone"
    assert subscription.problem == ""


def test_what_no_event_tells_is_found_by_a_scan(tmp_path: Path) -> None:
    """Even when the library has died; then it is started anew."""
    world = FolderWorld(tmp_path / "world", replace(FAST, scan_seconds=5.0))
    heard = listen(world, "in")
    feed = world.feeds._feeds["folders"]
    feed._events._observer.stop()  # type: ignore[attr-defined]
    feed._events._observer.join()  # type: ignore[attr-defined]
    world.write("in/a.txt", "one")
    world.feeds.poke()
    heard.wait("created a.txt")
    threading.Event().wait(0.1)
    world.write("in/b.txt", "one")
    heard.wait("created b.txt", seconds=3)
    world.close()

    assert heard.said() == ["created a.txt", "created b.txt"]


def test_many_folders_need_few_of_the_systems_resources(folder_world: FolderWorld) -> None:
    """Folders within a watched one are not listened to again."""
    listen(folder_world, "in")
    before = threading.active_count()
    for number in range(50):
        folder_world.write(f"in/f{number}/a.txt", "one")
        listen(folder_world, f"in/f{number}/a.txt")

    assert threading.active_count() == before


def test_when_the_system_has_no_watches_left_a_scan_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and nothing is lost."""
    world = FolderWorld(tmp_path / "world", replace(FAST, scan_seconds=0.05))
    feed = world.feeds._feed(world.place("in"))

    def none_left(folder: str, recursive: bool) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(feed._events, "add", none_left)  # type: ignore[attr-defined]
    heard = listen(world, "in")
    world.write("in/a.txt", "one")
    heard.wait("created a.txt")

    assert heard.subscription is not None
    assert heard.subscription.problem.startswith("the system has no file watches left")
    world.close()


@linux
def test_a_change_is_told_within_a_millisecond(folder_world: FolderWorld) -> None:
    """From the writer's close to the sink; benchmarks/watchers.py has the real figures."""
    at = [0.0]
    told = threading.Event()

    def sink(changes: object) -> None:
        at[0] = time.perf_counter()
        told.set()

    folder_world.feeds.subscribe(folder_world.place("in/a.txt"), sink)
    delays = []
    for number in range(50):
        told.clear()
        folder_world.write("in/a.txt", str(number))
        closed = time.perf_counter()
        assert told.wait(5)
        delays.append(at[0] - closed)

    # 0.3 ms on an idle machine; 3 ms where many tests share two cores.
    assert sorted(delays)[25] < 0.003


def test_a_mount_of_another_machine_is_known_as_such(tmp_path: Path) -> None:
    """There the system tells nothing of what others change."""
    mounts = tmp_path / "mounts"
    inside = tmp_path / "drive mount"
    mounts.write_text(
        "overlay / overlay rw 0 0\n"
        f"drive {str(inside).replace(' ', chr(92) + '040')} fuse.drive rw 0 0\n"
    )

    assert is_remote_mount(str(inside / "MyDrive/a.txt"), str(mounts))
    assert not is_remote_mount(str(tmp_path / "a.txt"), str(mounts))


def test_none_of_many_files_is_missed(folder_world: FolderWorld) -> None:
    """However fast they are made."""
    heard: Heard = listen(folder_world, "in")
    names = [f"{number:03}.txt" for number in range(300)]
    for name in names:
        folder_world.write(f"in/{name}", "one")
    heard.wait(*(f"created {name}" for name in names))

    assert len({change.place for change in heard.changes}) == 300
