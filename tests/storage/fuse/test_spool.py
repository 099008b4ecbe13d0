"""Is what Drive did not take found again, whatever happens on this machine's disk?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from colab_magics.storage.fuse.spool import Spool, Unsent


def test_a_note_that_can_not_be_written_takes_nothing(tmp_path: Path) -> None:
    """As on a full disk: the copy stays where its owner looks for it, the older note is whole."""
    about = Unsent("drive", "/a.txt", "", True, "refused")
    spool = Spool(tmp_path / "unsent", "drive")
    copy = spool.new()
    copy.write_bytes(b"content")
    hindered = copy.with_suffix(".new")
    hindered.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        spool.keep(copy, about)

    assert copy.read_bytes() == b"content"

    hindered.rmdir()
    kept = spool.keep(copy, about)
    hindered.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        spool.keep(kept, replace(about, why="refused again"))
    spool.close()

    assert list(Spool(tmp_path / "unsent", "drive").kept()) == [(kept, about)]
