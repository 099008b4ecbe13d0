"""Is a sick mount told from a healthy one, without anybody hanging on it? Real mounts, killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.fuse import needs_fuse
from harness.weak_mount import WeakMount

from colab_magics.errors import DriveUnreachable
from colab_magics.settings import Settings
from colab_magics.storage.health import (
    Health,
    Watchman,
    check_path,
    fuse_mount_of,
    mount_at,
    mounts,
    probe,
)
from colab_magics.storage.mount import Drive
from colab_magics.storage.place import resolve

TABLE = """\
22 1 0:20 / / rw,relatime - ext4 /dev/vda rw
35 22 0:33 / /content/drive rw,nosuid,nodev,relatime - fuse.drive drive rw,user_id=0
36 22 0:34 / /mnt/a\\040b ro,relatime shared:1 - fuse.rclone remote: rw
37 22 0:35 / /data rw,relatime - nfs4 host:/data rw
"""


@pytest.fixture
def weak(tmp_path: Path) -> Iterator[WeakMount]:
    """A mount that goes wrong on request, with one file of 5 bytes."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_bytes(b"hello")
    one = WeakMount(tmp_path, tmp_path / "weak", source)
    yield one
    one.close()


def test_the_table_of_mounts_is_read(tmp_path: Path) -> None:
    """Folders with blanks, options of the mount and of its filesystem."""
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    found = mounts(str(table))

    assert [(one.folder, one.kind, one.fuse) for one in found] == [
        ("/", "ext4", False),
        ("/content/drive", "fuse.drive", True),
        ("/mnt/a b", "fuse.rclone", True),
        ("/data", "nfs4", False),
    ]
    assert ["ro" in one.options for one in found] == [False, False, True, False]
    assert mount_at("/data", str(table)) == found[3]
    assert mounts(str(tmp_path / "nothing")) == []


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/content/drive/MyDrive/x", "/content/drive"),
        ("/content/drive", "/content/drive"),
        ("/content/driver", None),
        ("/data/x", None),
        ("link/deep/x", "/content/drive"),
        ("relative/../link", "/content/drive"),
        ("round", None),
    ],
)
def test_a_path_is_found_below_a_mount(tmp_path: Path, path: str, folder: str | None) -> None:
    """Through links too, also where they go round in circles; the mount itself is not touched."""
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    (tmp_path / "link").symlink_to("/content/drive/MyDrive")
    (tmp_path / "round").symlink_to("round")
    found = fuse_mount_of(str(tmp_path / path), str(table))

    assert (found.folder if found else None) == folder


@needs_fuse
def test_a_healthy_mount_is_ok(weak: WeakMount) -> None:
    """Also where its files are compared with those that Drive has."""
    folder = str(weak.folder)

    assert probe(folder, expected={"a.txt": 5}, mountpoint=folder) == Health("ok", "ok")


@needs_fuse
@pytest.mark.parametrize(
    ("happens", "health"),
    [
        (WeakMount.kill, Health("dead", "the mount at {} has died (errno 107)")),
        (
            lambda weak: weak.be("eio"),
            Health("failing", "the mount at {} fails (input/output error, errno 5)"),
        ),
        (
            lambda weak: weak.be("hang"),
            Health("hanging", "the mount at {} did not answer within 0.5 s"),
        ),
        (WeakMount.close, Health("gone", "nothing is mounted at {} any more")),
    ],
)
def test_a_sick_mount_is_told_in_time(
    weak: WeakMount, happens: Callable[[WeakMount], None], health: Health
) -> None:
    """Each kind in its own words, within the deadline."""
    happens(weak)
    folder = str(weak.folder)
    started = time.monotonic()
    found = probe(folder, mountpoint=folder, deadline=0.5)

    assert found == Health(health.kind, health.text.format(folder))
    assert not found.usable
    assert time.monotonic() - started < 2.0


@needs_fuse
@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ({"a.txt": 5, "b.txt": 1}, "the mount does not show 'b.txt', which Drive has"),
        ({"a.txt": 6}, "the mount shows 'a.txt' as it was, not as Drive has it"),
    ],
)
def test_a_listing_that_is_behind_is_stale(
    weak: WeakMount, expected: dict[str, int], text: str
) -> None:
    """Compared with what Drive has had for a while."""
    found = probe(str(weak.folder), expected=expected)

    assert found == Health("stale", text)
    assert found.usable


@needs_fuse
def test_nobody_touches_a_dead_mount(weak: WeakMount) -> None:
    """A good answer is believed for a moment, a bad one is an error at once; others are let be."""
    watchman = Watchman(deadline=0.5)
    watchman.check(str(weak.folder / "a.txt"))
    weak.be("hang")
    watchman.check(str(weak.folder / "a.txt"))
    with pytest.raises(DriveUnreachable) as caught:
        Watchman(deadline=0.5).check(str(weak.folder / "a.txt"))
    check_path("/")
    check_path("nothing/here")

    assert str(caught.value) == (
        f"the mount at {weak.folder} did not answer within 0.5 s; run %drive_mount --force-remount"
    )


@needs_fuse
@pytest.mark.parametrize("sick", ["dead", "hang"])
def test_places_below_a_sick_mount_go_to_drive_or_fail_at_once(
    weak: WeakMount, attached: Drive, settings: Settings, sick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the API where there is one; nothing hangs, wherever the place points."""
    monkeypatch.setattr("colab_magics.storage.health.WATCHMAN", Watchman(deadline=0.5))
    attached.fs.pipe_file("a.txt", b"on Drive")
    if sick == "dead":
        weak.kill()
    else:
        weak.be("hang")
    attached.mountpoint = str(weak.folder / "MyDrive")
    started = time.monotonic()
    place = resolve(str(weak.folder / "MyDrive/a.txt"), attached, settings=settings)
    assert place.fs.cat_file(place.path) == b"on Drive"
    resolve(str(weak.folder / "MyDrive/new.txt"), attached, settings=settings).fs.pipe_file(
        "new.txt", b"written"
    )
    for path in ("Shareddrives/x", "MyDrive2", ""):
        with pytest.raises(DriveUnreachable, match="run %drive_mount --force-remount"):
            resolve(str(weak.folder / path), attached, settings=settings)

    assert attached.fs.cat_file("new.txt") == b"written"
    assert time.monotonic() - started < 5.0


@needs_fuse
def test_a_dead_mount_alone_is_an_error_in_one_line(weak: WeakMount, settings: Settings) -> None:
    """Without an API there is nothing else to read."""
    from fsspec.implementations.local import LocalFileSystem

    drive = Drive("colab", LocalFileSystem(), str(weak.folder), "My Drive")
    drive.mountpoint = str(weak.folder)
    assert resolve("a.txt", drive, settings=settings).exists()
    weak.kill()
    with pytest.raises(DriveUnreachable) as caught:
        Watchman().check(str(weak.folder))

    assert str(caught.value) == (
        f"the mount at {weak.folder} has died (errno 107); run %drive_mount --force-remount"
    )
