"""Is a disk of this machine that becomes full told in one line, with the place and the numbers?"""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from colab_magics.errors import DiskFull
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem

MORE = bytes(1 << 20)  # than any buffer on the way holds back


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Has temporary files on a disk without room; what is said of it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "w+b"))  # noqa: SIM115
    return (
        rf"this machine's disk became full: '{tmp_path}' has [\d.]+ .?B free of [\d.]+ .?B; "
        "remove something there and try again$"
    )


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[BinaryIO]:
    """One that can not seek."""
    (tmp_path / "many").write_bytes(MORE)
    with os.popen(f"cat '{tmp_path / 'many'}'") as pipe:
        yield pipe.buffer


def test_no_room_for_the_copy_of_a_stream(api: DriveAPI, stream: Any, full: str) -> None:
    """Nothing is sent."""
    with pytest.raises(DiskFull, match=f"^create 'a': {full}"):
        api.create("a", api.root_id(), stream)

    assert list(api.children(api.root_id())) == []


@pytest.mark.parametrize("much", [MORE, b"a little, which is written when the file is closed"])
def test_no_room_for_what_is_written(fs: DriveFileSystem, full: str, much: bytes) -> None:
    """The file on Drive stays what it was."""
    fs.pipe_file("a", b"old")
    with pytest.raises(DiskFull, match=f"^write 'a': {full}"), fs.open("a", "wb") as file:
        file.write(much)

    assert file.closed
    assert fs.cat_file("a") == b"old"


def test_a_file_that_was_cut_is_not_published(fs: DriveFileSystem) -> None:
    """Also where there is room again, and the program closes it all the same."""
    fs.pipe_file("a", b"old")
    file = fs.open("a", "wb")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(MORE), limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            file.write(2 * MORE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    with pytest.raises(OSError, match="too large"):
        file.write(b"the rest")
    with pytest.raises(OSError, match="too large"):
        file.close()

    assert file.closed
    assert fs.cat_file("a") == b"old"


def test_no_room_to_copy_over_a_file(fs: DriveFileSystem, full: str) -> None:
    """The file on Drive stays what it was."""
    fs.pipe_file("a", MORE)
    fs.pipe_file("b", b"old")
    with pytest.raises(DiskFull, match=f"^copy 'a': {full}"):
        fs.copy("a", "b")

    assert fs.cat_file("b") == b"old"
