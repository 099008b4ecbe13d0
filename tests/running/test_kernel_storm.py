"""Does a watch survive the stop button at any moment?"""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
from harness.kernel import Kernel
from harness.waiting import wait_until

INTERRUPTS = 30
CELL = """%%on_drive_change a.txt --debounce 0
import time
runs += 1
for step in range(10):
    time.sleep(0.001)
12345"""


@pytest.mark.timeout(180)
def test_interrupts_around_a_run_never_stop_its_watch(kernel: Kernel, folder: Path) -> None:
    """ipykernel drops a request that is interrupted at a bad moment, and sends no reply."""
    seed = random.SystemRandom().randrange(10**6)
    chance, pause = random.Random(seed), threading.Event()
    kernel.run("runs = 0")
    cell = kernel.run(CELL)
    for number in range(INTERRUPTS):
        (folder / "a.txt").write_text(f"first {number}")
        pause.wait(chance.uniform(0, 0.03))
        kernel.interrupt()
        kernel.settle(cell, quiet=0.1)  # or the interrupt would hit the next request of this test
        before = kernel.eval("runs")
        (folder / "a.txt").write_text(f"second {number}")
        wait_until(lambda seen=before: kernel.eval("runs") > seen, f"a run, seed {seed}")
    kernel.run("54321")

    assert kernel.eval("_") == 54321
    assert kernel.eval("'quiet' in vars(get_ipython().displayhook)") is False
