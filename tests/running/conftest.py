"""What the kernel tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.busy import Busy


@pytest.fixture
def busy(tmp_path: Path) -> Busy:
    """A cell that is as long as the test wants it to be."""
    return Busy(tmp_path / "free")
