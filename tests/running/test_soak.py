"""Does a cell in a real kernel see the last state of every file, whole, on a Drive's bad day?"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.kernel import Kernel
from harness.waiting import wait_until

from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.tree import FOLDER

if TYPE_CHECKING:
    from colab_magics.emulator import Emulator

WRITES = 500
QUICK = {
    "COLAB_MAGICS_POLL_ACTIVE_SECONDS": "0.2",
    "COLAB_MAGICS_RETRY_FIRST_SECONDS": "0.05",
    "COLAB_MAGICS_RETRY_WAIT_SECONDS": "0.5",
    "COLAB_MAGICS_RELIST_SECONDS": "5",
}
CELL = """%%on_drive_change {place} --debounce 50ms
import hashlib, json
blob = change.local.read_bytes()
number, digest, payload = blob.split(b":", 2)
whole = hashlib.md5(payload).hexdigest().encode() == digest
with open("seen.jsonl", "a") as log:
    print(json.dumps([change.name, int(number), whole]), file=log)
"""


def content(chance: random.Random, number: int) -> bytes:
    """A numbered text that says of itself whether it is whole."""
    payload = chance.randbytes(chance.choice([10, 1000, 60_000]))
    return f"{number}:{hashlib.md5(payload).hexdigest()}:".encode() + payload


@pytest.mark.timeout(300)
@pytest.mark.parametrize("files", [1, 100])
def test_the_last_state_of_every_file_is_run(
    files: int,
    drive: Emulator,
    start_kernel: Callable[..., Kernel],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """500 writes at random times, a lagging feed, lagging listings, one call of ten failing."""
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    settings = Settings(retry_first_seconds=0.05, retry_wait_seconds=0.5, retry_attempts=12)
    outsider = DriveAPI(url=drive.url, settings=settings)
    folder = outsider.create("in", outsider.root_id(), mime_type=FOLDER)
    ids = [outsider.create(f"f{n}.bin", folder.id, content(chance, 0)).id for n in range(files)]
    kernel = start_kernel(**QUICK)
    kernel.run(f"%load_ext colab_magics\n%drive_mount {drive.url}")
    kernel.run(CELL.format(place="in/f0.bin" if files == 1 else "in"))
    drive.lag(listing=0.3, feed=0.3)
    for fault in ({"status": 503}, {"status": 429}, {"cut": "before"}, {"cut": "after"}):
        drive.faults.add(path="drive/v3", probability=0.025, **fault)
    last = write_at_random(outsider, ids, chance)
    log = kernel.folder / "seen.jsonl"

    def caught_up() -> bool:
        newest = {name: number for name, number, _ in seen(log)}
        return all(newest.get(f"f{at}.bin") == number for at, number in last.items())

    wait_until(caught_up, f"the last state of every file, seed {seed}", seconds=60)
    runs = seen(log)
    with capsys.disabled():
        print(f"\n{WRITES} writes to {files} files: {len(runs)} runs, seed {seed}", end=" ")
    outsider.close()

    assert all(whole for _, _, whole in runs), f"half a file, seed {seed}"
    assert ascending(runs), f"an older state after a newer one, seed {seed}"


def write_at_random(api: DriveAPI, ids: list[str], chance: random.Random) -> dict[int, int]:
    """Write `WRITES` times, in bursts and with pauses; the last number in each file written."""
    last: dict[int, int] = {}
    pause = threading.Event()
    for number in range(1, WRITES + 1):
        at = chance.randrange(len(ids))
        api.update(ids[at], content(chance, number))
        last[at] = number
        pause.wait(chance.choice([0, 0, 0.005, 0.03]))
    return last


def seen(log: Path) -> list[tuple[str, int, bool]]:
    """What the cell noted, run by run."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def ascending(runs: list[tuple[str, int, bool]]) -> bool:
    """Whether no run saw an older state of a file than the run before."""
    newest: dict[str, int] = {}
    for name, number, _ in runs:
        if number < newest.get(name, -1):
            return False
        newest[name] = number
    return True
