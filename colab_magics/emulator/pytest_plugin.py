"""How does a test get a Drive of its own? By asking for the fixture `drive_emulator`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Emulator


@pytest.fixture
def drive_emulator(tmp_path: Path) -> Iterator[Emulator]:
    """A running, empty Google Drive; `drive_emulator.url` is its address."""
    from .server import Emulator

    with Emulator(tmp_path / "drive_emulator") as emulator:
        yield emulator
