"""What is found by looking again and again, where nothing tells of changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from colab_magics.storage.place import Place
from colab_magics.watching.scan_feed import ScanFeed, ScanWatch
from colab_magics.watching.target import Target
from watching.worlds import FAST, Heard, MemoryWorld, listen


@pytest.fixture
def feed() -> Iterator[ScanFeed]:
    """A scan of this machine's files, as for a mount of another machine's."""
    one = ScanFeed(LocalFileSystem(), FAST)
    yield one
    one.close()


def begin(feed: ScanFeed, path: Path) -> Heard:
    heard = Heard()
    target = Target.of(Place(str(path), LocalFileSystem(), str(path), None))
    heard.subscription = feed.subscribe(target, heard)
    return heard


def until(true: object, subscription: object) -> None:
    end = time.monotonic() + 5
    while not true(subscription):  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_mounted_file_counts_when_two_scans_agree(feed: ScanFeed, tmp_path: Path) -> None:
    """A file that grows is waited for."""
    heard = begin(feed, tmp_path)
    with (tmp_path / "a.txt").open("w") as writer:
        for _ in range(20):
            writer.write("x" * 100)
            writer.flush()
            time.sleep(0.01)
    heard.until(lambda: heard.changes and heard.changes[-1].size == 2000)

    assert heard.changes[0].kind == "created"


def test_two_scans_must_agree(tmp_path: Path) -> None:
    """On what is new, on what is changed and on what is gone."""
    target = Target.of(Place(str(tmp_path), LocalFileSystem(), str(tmp_path), None))
    watch = ScanWatch(target, lambda changes: None, every=None, forget=lambda one: None)
    small, big = {"a.txt": ("1", 1)}, {"a.txt": ("2", 2)}
    scans = [small, big, big, big, small, big, {}, big, {}, {}, {}]
    told = [[change.kind for change in watch.compare(dict(scan))] for scan in scans]

    assert told == [[], [], ["created"], [], [], [], [], [], [], ["deleted"], []]


def test_a_mount_that_is_gone_has_not_lost_its_files(feed: ScanFeed, tmp_path: Path) -> None:
    """It is a problem, not a deletion; afterwards only what is really gone is told."""
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "a.txt").write_text("one")
    (mount / "b.txt").write_text("one")
    heard = begin(feed, mount)
    subscription = heard.subscription
    assert subscription is not None
    mount.rename(tmp_path / "unmounted")
    until(lambda one: one.problem, subscription)
    problem = subscription.problem
    (tmp_path / "unmounted/b.txt").unlink()
    (tmp_path / "unmounted").rename(mount)
    heard.wait("deleted b.txt")
    until(lambda one: not one.problem, subscription)

    assert heard.said() == ["deleted b.txt"]
    assert str(mount) in problem
    assert "trying again" in problem


def test_every_sets_the_pause_between_scans(memory_world: MemoryWorld) -> None:
    """Each watch has its own."""
    listen(memory_world, "in", every=5.0)
    slow = memory_world.feeds.stats()[0].interval
    listen(memory_world, "in", every=0.02)

    assert slow == 5.0
    assert memory_world.feeds.stats()[0].interval == 0.02
