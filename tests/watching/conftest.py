"""Places to watch, and a check that nothing runs on afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_magics.emulator import Emulator
from watching.worlds import DriveWorld, FolderWorld, MemoryWorld, World


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Every test ends with the threads that it began with."""
    yield
    left = [one for one in threading.enumerate() if one.name.startswith("colab_magics-watch")]
    for thread in left:
        thread.join(1.0)

    assert not [thread.name for thread in left if thread.is_alive()]


@pytest.fixture
def drive_world(drive: Emulator) -> Iterator[DriveWorld]:
    """The emulator, watched."""
    one = DriveWorld(drive.url)
    yield one
    one.close()


@pytest.fixture
def folder_world(tmp_path: Path) -> Iterator[FolderWorld]:
    """A folder, watched."""
    one = FolderWorld(tmp_path / "world")
    yield one
    one.close()


@pytest.fixture
def memory_world(tmp_path: Path) -> Iterator[MemoryWorld]:
    """A filesystem that tells nothing."""
    one = MemoryWorld(f"/{tmp_path.name}")
    yield one
    one.close()


@pytest.fixture(params=["drive", "folder", "memory"])
def world(request: pytest.FixtureRequest) -> World:
    """Each of the places to watch in turn."""
    one: World = request.getfixturevalue(f"{request.param}_world")
    return one
