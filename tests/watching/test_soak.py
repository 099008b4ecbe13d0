"""Hundreds of changes at random times, on a Drive that is late and fails: is the last one told?"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from colab_magics.emulator import Emulator
from watching.worlds import FAST, DriveWorld, FolderWorld, Heard, World, listen

CHANGES = 500


def last_sizes(heard: Heard) -> dict[str, int | None]:
    """What was told last of each file."""
    return {change.name: change.size for change in list(heard.changes)}


def run(world: World, names: list[str], chance: random.Random) -> tuple[Heard, dict[str, int]]:
    """Write the files at random times, and wait until the last state of each was told."""
    heard = listen(world, "in")
    wanted: dict[str, int] = {}
    pause = threading.Event()
    for number in range(CHANGES):
        name = chance.choice(names)
        wanted[name] = number + 1  # the size says which write it is
        world.write(f"in/{name}", "x" * (number + 1))
        if chance.random() < 0.3:
            pause.wait(chance.expovariate(1 / 0.01))
    heard.until(lambda: last_sizes(heard) == wanted, 25)
    return heard, wanted


@pytest.mark.parametrize("files", [1, 100])
def test_the_last_state_of_every_file_on_drive_is_told(
    drive: Emulator,
    files: int,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With 10 % of all requests failing, a change log that is late, and listings that are, too."""
    seed = 20261120 + files
    world = DriveWorld(drive.url, replace(FAST, relist_seconds=3.0))
    drive.faults.seed(seed)
    drive.lag(feed=0.3, listing=0.5)
    drive.faults.add(status=503, reason="backendError", method="GET", probability=0.04)
    drive.faults.add(status=403, reason="userRateLimitExceeded", method="GET", probability=0.03)
    drive.faults.add(cut="before", method="GET", probability=0.03)
    drive.faults.add(empty=True, path=r"/changes$", probability=0.05)
    began = time.monotonic()
    heard, wanted = run(world, [f"{number}.txt" for number in range(files)], random.Random(seed))
    world.close()
    figures = (
        f"Drive, seed {seed}: {CHANGES} changes of {files} files, told {len(heard.changes)}, "
        f"{len(drive.log)} requests, {time.monotonic() - began:.1f} s"
    )
    record_property("soak", figures)
    with capsys.disabled():
        print(f"\n{figures}")

    assert len(wanted) <= len(heard.changes) <= CHANGES
    assert {change.kind for change in heard.changes} <= {"created", "modified"}


@pytest.mark.parametrize("files", [1, 100])
def test_the_last_state_of_every_local_file_is_told(
    tmp_path: Path, files: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """As fast as they can be written."""
    seed = 7 + files
    world = FolderWorld(tmp_path / "world")
    heard, wanted = run(world, [f"{number}.txt" for number in range(files)], random.Random(seed))
    world.close()
    with capsys.disabled():
        print(
            f"\nfolder, seed {seed}: {CHANGES} changes of {files} files, told {len(heard.changes)}"
        )

    assert len(wanted) <= len(heard.changes)
    assert {change.kind for change in heard.changes} <= {"created", "modified"}
