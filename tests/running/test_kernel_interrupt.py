"""What does the stop button do to a run, and what does it leave alone?"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from harness.busy import Busy
from harness.kernel import Kernel

SLEEP = {
    "plain": "import time\nprint('in', flush=True)\ntime.sleep(0.0 if done else 30)\nprint('out')",
    "await": (
        "import asyncio\nprint('in', flush=True)\n"
        "await asyncio.sleep(0.0 if done else 30)\nprint('out')"
    ),
}
STOPPED = {"KeyboardInterrupt", "CancelledError"}


@pytest.mark.parametrize("kind", ["plain", "await"])
def test_an_interrupt_stops_the_run_within_a_second_and_only_the_run(
    kernel: Kernel, folder: Path, kind: str
) -> None:
    """The run ends with the interrupt's own traceback; the watch goes on with the next change."""
    kernel.run("done = False")
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SLEEP[kind]}")
    (folder / "a.txt").write_text("1")
    kernel.said(cell, "in\n")
    began = kernel.interrupt(cell)
    (run,) = kernel.wait_for_runs(cell, 1, seconds=5)
    took = time.monotonic() - began

    assert took < 1
    (error,) = [m.content["ename"] for m in run if m.type == "error"]
    assert error in STOPPED

    kernel.run("done = True")
    (folder / "a.txt").write_text("2")
    runs = kernel.wait_for_runs(cell, 2)
    assert "".join(m.text for m in runs[1] if m.type == "stream") == "in\nout\n"


def test_an_interrupt_of_a_run_leaves_the_users_queued_cells(kernel: Kernel, folder: Path) -> None:
    """Cells that the user has queued behind the run are not aborted."""
    kernel.run("done = False")
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SLEEP['plain']}")
    (folder / "a.txt").write_text("1")
    kernel.said(cell, "in\n")
    users = [kernel.send("print('one')"), kernel.send("print('two')")]
    kernel.interrupt(cell)

    assert [kernel.wait(user, seconds=5)["status"] for user in users] == ["ok", "ok"]


def test_an_interrupt_while_idle_changes_nothing(kernel: Kernel, folder: Path) -> None:
    """The stop button on an idle kernel does not end a watch."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('ran')")
    for _ in range(3):
        kernel.interrupt()
    kernel.run("pass")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "ran\n"


def test_an_interrupt_of_a_users_cell_does_not_touch_the_run_behind_it(
    kernel: Kernel, folder: Path, busy: Busy
) -> None:
    """The user's cell ends, and the run that waited for it runs to its end."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('ran')")
    users = kernel.send(busy.cell())
    kernel.said(users, "busy")
    (folder / "a.txt").write_text("1")
    kernel.settle(users, quiet=0.3)
    kernel.interrupt()

    assert kernel.wait(users, seconds=5)["ename"] == "KeyboardInterrupt"
    kernel.wait_for_runs(cell, 1)
    assert kernel.text(cell) == "ran\n"


LATE = """
import os, signal
session, ended = get_ipython().kernel.session, False
send = session.send
def send_and_interrupt(stream, kind, *args, **kwargs):
    global ended
    if kind == "execute_reply" and ended is True:
        ended = "interrupted"
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):
            pass  # time to be interrupted in
    return send(stream, kind, *args, **kwargs)
session.send = send_and_interrupt
"""


def test_an_interrupt_behind_the_body_does_not_cut_the_reply(kernel: Kernel, folder: Path) -> None:
    """Nothing is lost to it: not the run's reply, nor that of the user's next cell."""
    kernel.run(LATE)
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nended = True\n12345")
    (folder / "a.txt").write_text("1")
    kernel.wait_for(lambda: kernel.eval("ended") == "interrupted", "the interrupt")
    kernel.run("54321")

    assert "KeyboardInterrupt" not in kernel.stderr()
    kernel.run("ended = False")
    mid = kernel.send("import time\nprint('in', flush=True)\ntime.sleep(30)")
    kernel.said(mid, "in\n")
    kernel.interrupt(mid)  # those of the user's cells are heard again
    assert kernel.wait(mid, seconds=5)["status"] == "error"
    assert len(kernel.wait_for_runs(cell, 1)) == 1
