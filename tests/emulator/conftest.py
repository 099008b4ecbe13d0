"""A running emulator, spoken to over HTTP as any client would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_magics.emulator import Emulator
from emulator.api import ANN, BOB, Api, as_user, client_of


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """A running emulator on an empty folder."""
    with Emulator(tmp_path / "drive") as running:
        yield running


@pytest.fixture
def api(emulator: Emulator) -> Iterator[Api]:
    """An HTTP client for the running emulator."""
    with client_of(emulator) as client:
        yield client


@pytest.fixture
def ann(emulator: Emulator) -> Iterator[Api]:
    """A client of a user who has shared nothing yet."""
    with as_user(emulator, ANN) as client:
        yield client


@pytest.fixture
def bob(emulator: Emulator) -> Iterator[Api]:
    """A client of another user."""
    with as_user(emulator, BOB) as client:
        yield client
