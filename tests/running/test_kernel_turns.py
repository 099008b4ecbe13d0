"""When does a triggered run get its turn among the user's cells?"""

from __future__ import annotations

import random
import threading
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from harness.busy import Busy
from harness.kernel import Kernel

SAY = "print('run', change.local.read_text())"


@pytest.mark.parametrize("pause", ["time.sleep(0.01)", "await __import__('asyncio').sleep(0.01)"])
def test_a_change_during_a_users_cell_runs_right_after_it(
    kernel: Kernel, folder: Path, busy: Busy, pause: str
) -> None:
    """Never inside it, be it synchronous or waiting in an await; and at once when it is over."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    users = kernel.send(busy.cell(pause=pause))
    kernel.said(users, "busy")
    before = kernel.mark()
    (folder / "a.txt").write_text("1")
    busy.free()
    kernel.wait_for_runs(cell, 1)
    streams = [(m.parent, m.text) for m in kernel.messages[before:] if m.type == "stream"]
    idle = next(m for m in reversed(kernel.of(users)) if m.content.get("execution_state") == "idle")
    started = next(m for m in kernel.of(cell, since=before) if m.type == "execute_input")

    assert streams == [(users, "free\n"), (cell, "run 1\n")]
    assert 0 <= started.time - idle.time < 0.2


def test_changes_during_a_users_cell_make_one_run_of_the_last_state(
    kernel: Kernel, folder: Path, busy: Busy
) -> None:
    """Five changes, one run, and it sees the fifth."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    users = kernel.send(busy.cell())
    kernel.said(users, "busy")
    for number in range(1, 6):
        (folder / "a.txt").write_text(f"state {number}")
        kernel.settle(users, quiet=0.1)
    busy.free()
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.5)

    assert kernel.text(cell) == "run state 5\n"


def test_a_users_cell_that_arrives_during_a_run_waits(kernel: Kernel, folder: Path) -> None:
    """The run ends first, then the user's cell runs."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "import time\nprint('begin', flush=True)\ntime.sleep(0.3)\nprint('end')"
    )
    (folder / "a.txt").write_text("1")
    kernel.said(cell, "begin")
    users = kernel.run("print('user')")
    streams = [(m.parent, m.text) for m in kernel.messages if m.type == "stream"]

    assert streams == [(cell, "begin\n"), (cell, "end\n"), (users, "user\n")]


def test_a_users_failing_cell_does_not_lose_the_run_behind_it(
    kernel: Kernel, folder: Path, busy: Busy
) -> None:
    """The kernel aborts what is queued behind a failed cell; a run is then asked for again."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    users = kernel.send(busy.cell(last_words="1 / 0"))
    kernel.said(users, "busy")
    (folder / "a.txt").write_text("1")
    kernel.settle(users, quiet=0.3)
    busy.free()
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.3)

    assert kernel.wait(users)["ename"] == "ZeroDivisionError"
    assert kernel.text(cell) == "run 1\n"


def test_a_failing_run_does_not_abort_the_users_queued_cells(kernel: Kernel, folder: Path) -> None:
    """The user's cells behind it run as if nothing had happened."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "import time\nprint('begin', flush=True)\ntime.sleep(0.3)\n1 / 0"
    )
    (folder / "a.txt").write_text("1")
    kernel.said(cell, "begin")
    users = [kernel.send(f"print('user', {n})") for n in range(3)]

    assert [kernel.wait(user)["status"] for user in users] == ["ok", "ok", "ok"]
    assert [m.content["ename"] for m in kernel.outputs(cell) if m.type == "error"] == [
        "ZeroDivisionError"
    ]


def test_equal_runs_are_all_run(kernel: Kernel, folder: Path) -> None:
    """A kernel drops a request that is byte-equal to an earlier one; each run is its own."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('same')")
    for number in range(1, 6):
        (folder / "a.txt").write_text(str(number))
        kernel.wait_for_runs(cell, number, seconds=5)

    assert kernel.text(cell) == "same\n" * 5
    assert "Duplicate Signature" not in kernel.stderr()


@pytest.mark.skipif(version("ipykernel").startswith("6."), reason="subshells came with ipykernel 7")
def test_a_watch_registered_on_a_subshell_runs_on_the_main_thread(
    kernel: Kernel, folder: Path, busy: Busy
) -> None:
    """Its runs queue with the user's cells, not beside them."""
    subshell = kernel.create_subshell()
    cell = kernel.send(
        "%%on_drive_change a.txt --debounce 0\n"
        "import threading\nprint(threading.current_thread().name)",
        subshell_id=subshell,
    )
    assert kernel.wait(cell)["status"] == "ok"
    users = kernel.send(busy.cell())
    kernel.said(users, "busy")
    (folder / "a.txt").write_text("1")
    kernel.settle(users, quiet=0.3)
    busy.free()
    kernel.wait_for_runs(cell, 1)
    streams = [m.text for m in kernel.messages if m.type == "stream"]

    assert streams == ["busy\n", "free\n", "MainThread\n"]


def test_the_kernel_shows_busy_and_idle_around_a_run(kernel: Kernel, folder: Path) -> None:
    """A run is announced like any execution: busy, input, outputs, idle."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    before = kernel.mark()
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    states = [
        m.content.get("execution_state", m.type)
        for m in kernel.of(cell, since=before)
        if m.type in ("status", "execute_input")
    ]

    assert states == ["busy", "execute_input", "idle"]


def test_runs_and_user_cells_exclude_each_other(kernel: Kernel, folder: Path) -> None:
    """Eight seconds of random cells of both kinds, two watches: none ever runs inside another."""
    kernel.run(
        "import asyncio, time\n"
        "inside, mixed, runs = [], [], []\n"
        "def enter(who):\n"
        "    if inside: mixed.append((who, *inside))\n"
        "    inside.append(who)\n"
        "def leave(): inside.pop()"
    )
    plain = kernel.run(
        "%%on_drive_change a.txt --name plain --debounce 0\n"
        "enter('plain'); time.sleep(0.01); leave(); runs.append(change.local.read_text());"
    )
    awaiting = kernel.run(
        "%%on_drive_change a.txt --name awaiting --debounce 0\n"
        "enter('awaiting'); await asyncio.sleep(0.01); leave(); runs.append(0);"
    )
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(0.03):
            number += 1
            (folder / "a.txt").write_text(f"state {number}")

    writer = threading.Thread(target=write)
    writer.start()
    seed = random.randrange(10**6)
    chance, cells, end = random.Random(seed), [], time.monotonic() + 8
    try:
        while time.monotonic() < end:
            code = chance.choice(
                [
                    "enter('user'); time.sleep(0.02); leave()",
                    "enter('waiting user'); await asyncio.sleep(0.02); leave()",
                    "1 + 1",
                    "1 / 0",
                ]
            )
            mid = kernel.send(code)
            status = kernel.wait(mid, seconds=10)["status"]
            cells.append((code, status))
    finally:
        over.set()
        writer.join()
    last = (folder / "a.txt").read_text()
    kernel.wait_for(lambda: kernel.eval(f"{last!r} in runs"), f"a run that saw {last!r}")

    assert kernel.eval("mixed") == [], f"seed {seed}"
    assert cells == [(code, "error" if code == "1 / 0" else "ok") for code, _ in cells]
    assert len(cells) > 50
    assert kernel.eval("len(runs)") > 20
    assert not [m for m in kernel.outputs(plain) + kernel.outputs(awaiting) if m.type == "error"]
