"""Are the bytes of open files right while many are read and little may be kept?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.fuse import blocks
from colab_magics.storage.fuse.view import Entry

KIB = 1024


@pytest.fixture
def few(fs: DriveFileSystem, monkeypatch: pytest.MonkeyPatch) -> Iterator[blocks.Blocks]:
    """Blocks of 1 KiB, of which sixteen are kept."""
    monkeypatch.setattr(blocks, "BLOCK", KIB)
    monkeypatch.setattr(blocks, "_MOST", 16 * KIB)
    with ThreadPoolExecutor(4) as pool:
        yield blocks.Blocks(fs, pool)


def test_a_block_that_was_fetched_ahead_long_ago_is_read_although_others_must_go(
    fs: DriveFileSystem, few: blocks.Blocks
) -> None:
    """Another reader has filled what is kept: the very block that is asked for goes last."""
    content = {name: b"".join(bytes([at]) * KIB for at in range(40)) for name in "ab"}
    for name, data in content.items():
        fs.pipe_file(name, data)
    slow, quick = (Entry.of(fs.node(name), name) for name in "ab")

    def read(entry: Entry, number: int) -> bool:
        start = number * KIB
        return few.read(entry, KIB, start) == content[entry.path][start : start + KIB]

    assert read(slow, 0)
    assert read(slow, 1)  # and two ahead
    assert all(read(quick, number) for number in range(0, 26, 2))
    assert read(slow, 2)
    assert read(slow, 39)
