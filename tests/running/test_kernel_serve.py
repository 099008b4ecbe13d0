"""Does `%drive_serve` run everything in its own cell, until it is told to stop?"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from harness.busy import Busy
from harness.kernel import Kernel

SAY = "print('run', change.local.read_text())"
BODY = {
    "plain": f"import time\n{SAY}\nif slow: time.sleep(30)",
    "await": f"import asyncio\n{SAY}\nawait asyncio.sleep(30 if slow else 0.01)",
}
SERVE = {
    "magic": "%drive_serve --for 60",
    "function": (
        "import colab_magics\n"
        "def work():\n"
        "    colab_magics.serve(seconds=60)\n"
        "    return 'worked'\n"
        "work()"
    ),
}
STOPPED = {"KeyboardInterrupt", "CancelledError"}


def serving(kernel: Kernel, code: str) -> str:
    """Send a cell that serves, and wait until it does."""
    mid = kernel.send(code)
    kernel.wait_for(
        lambda: any("serving" in m.text for m in kernel.outputs(mid)), "a card that says serving"
    )
    return mid


@pytest.mark.parametrize("kind", ["plain", "await"])
def test_outputs_are_in_the_serving_cell(kernel: Kernel, folder: Path, kind: str) -> None:
    """Where a front end drops late output, this one is kept: the cell is still running."""
    kernel.run("slow = False")
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{BODY[kind]}")
    before = kernel.mark()
    mid = serving(kernel, "%drive_serve --for 60")
    for number in range(1, 4):
        (folder / "a.txt").write_text(str(number))
        kernel.said(mid, f"run {number}\n")
    kernel.interrupt(mid)

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert kernel.text(mid) == "run 1\nrun 2\nrun 3\n"
    assert kernel.text(cell, since=before) == ""


def test_it_ends_after_the_time_given(kernel: Kernel, folder: Path) -> None:
    """--for 1s: a second, and what happened in it was run."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    began = time.monotonic()
    mid = serving(kernel, "%drive_serve --for 1s")
    (folder / "a.txt").write_text("1")

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert 0.9 < time.monotonic() - began < 3
    assert kernel.text(mid) == "run 1\n"


def test_it_ends_when_nothing_happens_any_more(kernel: Kernel, folder: Path) -> None:
    """--until-idle 1s: each change keeps it a second longer."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    mid = serving(kernel, "%drive_serve --until-idle 1s")
    for number in range(1, 5):
        (folder / "a.txt").write_text(str(number))
        kernel.said(mid, f"run {number}\n")
        kernel.settle(mid, quiet=0.4)
    last = time.monotonic()

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert time.monotonic() - last < 2


@pytest.mark.parametrize("way", ["magic", "function"])
def test_an_interrupt_while_waiting_ends_it_well(kernel: Kernel, way: str) -> None:
    """Within a second, without a traceback, and the cells behind it run."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    mid = serving(kernel, SERVE[way])
    queued = kernel.send("print('next')")
    began = kernel.interrupt()

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert time.monotonic() - began < 1
    assert not [m for m in kernel.outputs(mid) if m.type == "error"]
    assert kernel.wait(queued)["status"] == "ok"


EARLY = """
import signal
from colab_magics.running.outputs import Handle
show = Handle.show
def show_and_interrupt(self, card):
    show(self, card)
    signal.raise_signal(signal.SIGINT)
Handle.show = show_and_interrupt
"""


@pytest.mark.parametrize("way", ["magic", "function"])
def test_an_interrupt_while_the_card_is_drawn_ends_it_well(kernel: Kernel, way: str) -> None:
    """The stop button may be quicker than the first look for something to run."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    kernel.run(EARLY)
    mid = kernel.send(SERVE[way])

    assert kernel.wait(mid, seconds=5)["status"] == "ok", kernel.shown(mid)
    assert any("interrupted" in m.text for m in kernel.outputs(mid))


@pytest.mark.parametrize("kind", ["plain", "await"])
@pytest.mark.parametrize("way", ["magic", "function"])
def test_an_interrupt_inside_a_body_ends_it_within_a_second(
    kernel: Kernel, folder: Path, kind: str, way: str
) -> None:
    """The body's own traceback is shown, the cells behind it run, and the watch goes on."""
    kernel.run("slow = True")
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{BODY[kind]}")
    mid = serving(kernel, SERVE[way])
    (folder / "a.txt").write_text("1")
    kernel.said(mid, "run 1\n")
    queued = kernel.send("slow = False")
    began = kernel.interrupt(mid)

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert time.monotonic() - began < 1
    assert {m.content["ename"] for m in kernel.outputs(mid) if m.type == "error"} <= STOPPED
    assert kernel.wait(queued)["status"] == "ok"

    (folder / "a.txt").write_text("2")
    kernel.said(cell, "run 2\n")


def test_a_body_that_was_interrupted_does_not_go_on_later(kernel: Kernel, folder: Path) -> None:
    """A nested loop that is interrupted would leave its coroutine behind, to go on some day."""
    kernel.run("import asyncio, pathlib; later = []")
    kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "pathlib.Path('in').touch()\nawait asyncio.sleep(1)\nlater.append('went on')"
    )
    mid = serving(kernel, SERVE["function"])
    (folder / "a.txt").write_text("1")
    kernel.wait_for((kernel.folder / "in").exists, "the body")
    kernel.interrupt()
    kernel.wait(mid, seconds=5)
    kernel.run("await asyncio.sleep(1.5)")

    assert kernel.eval("later") == []


@pytest.mark.parametrize("kind", ["plain", "await"])
def test_serving_in_a_function_loses_none_of_the_users_cells(
    kernel: Kernel, folder: Path, kind: str
) -> None:
    """Cells that arrive while a plain function serves wait, and all run when it is over."""
    kernel.run("slow = False")
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{BODY[kind]}")
    mid = serving(kernel, SERVE["function"])
    users = []
    for number in range(1, 6):
        (folder / "a.txt").write_text(str(number))
        kernel.said(mid, f"run {number}\n")
        users.append(kernel.send(f"print('user', {number})"))
    kernel.interrupt(mid)

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert [kernel.wait(user, seconds=5)["status"] for user in users] == ["ok"] * 5
    assert [kernel.text(user) for user in users] == [f"user {n}\n" for n in range(1, 6)]
    assert kernel.text(kernel.run("await __import__('asyncio').sleep(0.01); print('well')")) == (
        "well\n"
    )


def test_a_function_gets_its_value_after_serving(kernel: Kernel, folder: Path) -> None:
    """`colab_magics.serve(seconds=...)` comes back to its caller."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    mid = serving(kernel, SERVE["function"].replace("60", "0.5"))

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert [m.text for m in kernel.outputs(mid) if m.type == "execute_result"] == ["'worked'"]


def test_the_magic_works_inside_a_function_too(kernel: Kernel, folder: Path) -> None:
    """There it can not be an await, and blocks instead."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    mid = serving(kernel, "def work():\n    %drive_serve --for 1s\n    return 'worked'\nwork()")
    (folder / "a.txt").write_text("1")

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert kernel.text(mid) == "run 1\n"


def test_code_around_the_magic_runs(kernel: Kernel, folder: Path) -> None:
    """The lines before and after it belong to the same cell."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    mid = serving(
        kernel,
        "print('before', flush=True)\n"
        "for _ in range(1):\n"
        "    %drive_serve --for 0.5s\n"
        "print('after')",
    )

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert kernel.text(mid) == "before\nafter\n"


def test_an_error_in_a_body_does_not_end_it(kernel: Kernel, folder: Path) -> None:
    """The traceback is shown and serving goes on."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}\n1 / int(change.local.read_text())")
    mid = serving(kernel, "%drive_serve --for 60")
    (folder / "a.txt").write_text("00")
    kernel.said(mid, "run 00\n")
    (folder / "a.txt").write_text("1")
    kernel.said(mid, "run 1\n")
    kernel.interrupt(mid)

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
    assert [m.content["ename"] for m in kernel.outputs(mid) if m.type == "error"] == [
        "ZeroDivisionError"
    ]


def test_the_user_keeps_results_and_count(kernel: Kernel, folder: Path) -> None:
    """Runs in front leave `_`, `Out` and the count alone as runs behind do."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}\n333")
    kernel.run("111")
    state = "(_, sorted(Out), get_ipython().execution_count)"
    before = kernel.eval(state)
    mid = serving(kernel, "%drive_serve --for 60")
    (folder / "a.txt").write_text("1")
    kernel.said(mid, "run 1\n")
    kernel.interrupt(mid)
    kernel.wait(mid, seconds=5)
    value, out, count = kernel.eval(state)

    assert (value, out, count - 1) == before


def test_a_change_from_before_it_runs_first_in_it(kernel: Kernel, folder: Path, busy: Busy) -> None:
    """What waited behind a busy cell is taken over by the serving cell; it is not lost."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    users = kernel.send(busy.cell())
    kernel.said(users, "busy")
    mid = kernel.send("%drive_serve --for 60")
    (folder / "a.txt").write_text("1")
    kernel.settle(users, quiet=0.3)
    busy.free()
    kernel.said(mid, "run 1\n", seconds=5)
    kernel.interrupt(mid)

    assert kernel.wait(mid, seconds=5)["status"] == "ok"
