"""A Drive to fail, and the counts of all that was failed on it, at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from storage.faults.stage import Stage, Truth
from storage.faults.sweep import Sweep, table

from colab_magics.emulator import Emulator, listing
from colab_magics.storage.transfers import upload

SWEEPS = pytest.StashKey[list[Sweep]]()


@pytest.fixture
def stage(drive: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A Drive of short pages, and a client that holds 300 KB to be much."""
    # A page may be shorter than was asked for, says Drive; so scenarios can be small.
    monkeypatch.setattr(listing, "page_size", lambda text: 2 if text == "1000" else 999)
    monkeypatch.setattr(upload, "SMALL_BYTES", 300_000)
    truth = Truth(drive.url)
    yield Stage(drive, truth, tmp_path / "local")
    truth.close()


@pytest.fixture
def sweeps(pytestconfig: pytest.Config) -> list[Sweep]:
    """All sweeps of this run, for the counts."""
    return pytestconfig.stash.setdefault(SWEEPS, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if done := config.stash.get(SWEEPS, []):
        terminalreporter.section("requests that were failed")
        for line in table(done):
            terminalreporter.write_line(line)
