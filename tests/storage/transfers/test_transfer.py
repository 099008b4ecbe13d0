import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from colab_magics.emulator import Emulator
from colab_magics.errors import BadPlace, PlaceIsFolder, PlaceNotFound, TransferDamaged
from colab_magics.settings import Settings
from colab_magics.storage.mount import Drive
from colab_magics.storage.place import Place, resolve
from colab_magics.storage.transfers.transfer import fetch, revision_of, send
from colab_magics.storage.transfers.whole import published

MD5 = "47812d6c63670fa70775e680675cfbae"


At = Callable[[str], Place]


def names(place: Place) -> list[str]:
    place.fs.invalidate_cache()
    root = place.path.rpartition("/")[0]
    return sorted(path.rpartition("/")[2] for path in place.fs.find(root))


def test_a_file_goes_and_comes_back(at: At, source: Path, tmp_path: Path) -> None:
    """Folders are made on both sides, receipts say the same of both."""
    sent = send(source, at("new/deep/a.txt"))
    back = fetch(at("new/deep/a.txt"), tmp_path / "here/b.txt")

    assert (tmp_path / "here/b.txt").read_bytes() == b"from this machine"
    assert (sent.size, sent.md5) == (17, MD5)
    assert (back.size, back.md5, back.id) == (sent.size, sent.md5, sent.id)
    assert back.revision == sent.revision
    assert back.seconds > 0


def test_an_overwritten_file_is_the_same_file(at: At, source: Path, tmp_path: Path) -> None:
    """Same id where there are ids; nothing is left beside it."""
    first = send(source, at("in/a.txt"))
    source.write_bytes(b"other")
    second = send(source, at("in/a.txt"))
    fetch(at("in/a.txt"), tmp_path / "b.txt")

    assert second.id == first.id
    assert second.revision != first.revision
    assert (tmp_path / "b.txt").read_bytes() == b"other"
    assert names(at("in/a.txt")) == ["a.txt"]


def test_a_fetch_that_fails_leaves_the_old_file(at: At, tmp_path: Path) -> None:
    """And nothing half done."""
    target = tmp_path / "target.txt"
    target.write_bytes(b"old")

    with pytest.raises(PlaceNotFound):
        fetch(at("nope.txt"), target)

    assert target.read_bytes() == b"old"
    assert list(tmp_path.glob(".*.part")) == []


def test_folders_are_no_files(at: At, source: Path, tmp_path: Path) -> None:
    """On either side, in either direction."""
    send(source, at("in/a.txt"))

    with pytest.raises(PlaceIsFolder):
        fetch(at("in"), tmp_path / "x")
    with pytest.raises(PlaceIsFolder):
        send(source, at("in"))
    with pytest.raises(PlaceIsFolder):
        fetch(at("in/a.txt"), tmp_path)
    with pytest.raises(PlaceIsFolder):
        send(tmp_path, at("in/b.txt"))
    with pytest.raises(PlaceNotFound):
        send(tmp_path / "nope", at("in/b.txt"))
    assert names(at("in/a.txt")) == ["a.txt"]


def test_a_pipe_is_not_replaced(attached: Drive, tmp_path: Path) -> None:
    """Nor a device: whoever wrote that path did not mean a file of the Drive to be there."""
    attached.fs.pipe_file("a.txt", b"a")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadPlace, match="neither a file nor a folder"):
        fetch((attached.fs, "a.txt"), tmp_path / "pipe")

    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_progress_is_told(at: At, source: Path, tmp_path: Path) -> None:
    """Through fsspec's callbacks, both ways."""
    up, down = fsspec.callbacks.Callback(), fsspec.callbacks.Callback()
    send(source, at("a.txt"), callback=up)
    fetch(at("a.txt"), tmp_path / "b", callback=down)

    assert (up.size, up.value) == (17, 17)
    assert (down.size, down.value) == (17, 17)


def test_a_damaged_download_is_never_published(
    attached: Drive, drive: Emulator, settings: Settings, source: Path, tmp_path: Path
) -> None:
    """The old file stays, and the error says so."""
    place = resolve("a.txt", attached, settings=settings)
    send(source, place)
    target = tmp_path / "target.txt"
    target.write_bytes(b"old")
    drive.faults.add(query="alt=media", flip=True)

    with pytest.raises(TransferDamaged):
        fetch(place, target)

    assert target.read_bytes() == b"old"
    assert list(tmp_path.glob(".*.part")) == []


def test_a_file_may_be_named_by_filesystem_and_path(attached: Drive, tmp_path: Path) -> None:
    """For callers that have no place, such as a change with an id."""
    attached.fs.pipe_file("a.txt", b"x")
    id = attached.fs.node("a.txt").id

    receipt = fetch((attached.fs, f"id:{id}"), tmp_path / "a")

    assert (receipt.id, receipt.size) == (id, 1)


def test_a_published_file_keeps_mode_and_link(tmp_path: Path) -> None:
    """It replaces the content, not the way to it."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)

    with published(link) as part:
        part.write_bytes(b"new")

        assert real.read_bytes() == b"old"

    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("info", "revision"),
    [
        ({"revision": "r", "size": 1}, "r"),
        ({"ETag": '"e"', "size": 1}, '"e"'),
        ({"ino": 7, "mtime": 1.5, "size": 3}, "7-1.5-3"),
        ({"size": 3}, "3"),
        ({}, ""),
    ],
)
def test_revision_is_the_best_sign_of_content(info: dict[str, Any], revision: str) -> None:
    """Whatever a filesystem has."""
    assert revision_of(info) == revision
