"""Does each option of `%%on_drive_change` do what its help says?"""

from __future__ import annotations

import time
from pathlib import Path

from harness.busy import Busy
from harness.kernel import Kernel
from harness.waiting import wait_until

SAY = "print('run', change.local.read_text())"


def test_now_runs_at_once_for_what_is_there(kernel: Kernel) -> None:
    """--now: a first run without a change."""
    cell = kernel.run(f"%%on_drive_change a.txt --now\n{SAY}")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "run 0\n"


def test_debounce_waits_until_the_file_is_still(kernel: Kernel, folder: Path) -> None:
    """A file that is written again and again runs its cell when it has been still."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 700ms\n{SAY}")
    for number in range(1, 6):
        (folder / "a.txt").write_text(str(number))
        kernel.settle(cell, quiet=0.2)
    last = time.time()
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=1.0)
    started = [m for m in kernel.of(cell) if m.type == "execute_input"][1]

    assert kernel.text(cell) == "run 5\n"
    assert started.time - last > 0.3


def test_put_sends_the_result_back(kernel: Kernel, folder: Path) -> None:
    """--put: the file that a good run wrote arrives on the drive, and the card says so."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0 --put results/out.txt\n"
        "open('out.txt', 'w').write(change.local.read_text().upper());"
    )
    (folder / "a.txt").write_text("seed")
    kernel.wait_for_runs(cell, 1)
    out = folder / "results" / "out.txt"

    wait_until(lambda: out.exists() and out.read_text() == "SEED", "the result on the drive")
    kernel.wait_for(
        lambda: any("out.txt" in m.text and "sent" in m.text for m in kernel.outputs(cell)),
        "a card that says what was sent",
    )


def test_a_failed_run_sends_nothing(kernel: Kernel, folder: Path) -> None:
    """Half a result of a failed run stays here."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0 --put out.txt\n"
        "open('out.txt', 'w').write('half'); 1 / 0"
    )
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.5)

    assert not (folder / "out.txt").exists()


def test_a_result_beside_the_watched_files_starts_no_run(kernel: Kernel, folder: Path) -> None:
    """The file that --put sends into the watched folder is not a change to run for."""
    (folder / "sub").mkdir()
    cell = kernel.run(
        "%%on_drive_change sub --debounce 0 --put sub/out.txt\n"
        "open('out.txt', 'w').write(change.name); print(change.name)"
    )
    (folder / "sub" / "in.txt").write_text("1")
    wait_until(lambda: (folder / "sub" / "out.txt").exists(), "the result")
    kernel.settle(cell, quiet=0.5)

    assert kernel.text(cell) == "in.txt\n"


def test_retries_run_a_failed_cell_again(kernel: Kernel, folder: Path) -> None:
    """--retries 2: three runs at most, until one is good, of the same change."""
    kernel.run("attempts = 0")
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0 --retries 2\n"
        "attempts += 1\n"
        "assert attempts == 3, f'attempt {attempts}'\n"
        "print(change.local.read_text())"
    )
    (folder / "a.txt").write_text("1")
    runs = kernel.wait_for_runs(cell, 3)

    assert [[m.content["ename"] for m in run if m.type == "error"] for run in runs] == [
        ["AssertionError"],
        ["AssertionError"],
        [],
    ]
    assert kernel.text(cell) == "1\n"


def test_without_retries_a_failed_cell_waits_for_the_next_change(
    kernel: Kernel, folder: Path
) -> None:
    """The default: one run for one change."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\n1 / 0")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=1.0)

    assert len(kernel.runs(cell)) == 2


def test_a_run_that_is_too_long_is_interrupted(kernel: Kernel, folder: Path) -> None:
    """--timeout 500ms: it ends as by the stop button, the card says why, the watch goes on."""
    kernel.run("slow = True; import time")
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0 --timeout 500ms\n"
        "print('in', flush=True)\nif slow: time.sleep(30)\nprint('out')"
    )
    (folder / "a.txt").write_text("1")
    kernel.said(cell, "in\n")
    began = time.monotonic()
    (run,) = kernel.wait_for_runs(cell, 1, seconds=5)

    assert time.monotonic() - began < 1.5
    assert [m.content["ename"] for m in run if m.type == "error"] == ["KeyboardInterrupt"]
    assert any("timeout" in line for line in kernel.shown(kernel.run("%watches")))

    kernel.run("slow = False")
    (folder / "a.txt").write_text("2")
    kernel.said(cell, "out\n")


def test_a_timeout_reaches_an_awaiting_cell(kernel: Kernel, folder: Path) -> None:
    """A body that waits in an await is stopped as promptly."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0 --timeout 500ms\n"
        "import asyncio\nprint('in', flush=True)\nawait asyncio.sleep(30)"
    )
    (folder / "a.txt").write_text("1")
    kernel.said(cell, "in\n")
    began = time.monotonic()
    kernel.wait_for_runs(cell, 1, seconds=5)

    assert time.monotonic() - began < 1.5


def test_a_timeout_does_not_touch_the_users_cells(kernel: Kernel, folder: Path, busy: Busy) -> None:
    """Time that a run waits behind the user's cell does not count."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0 --timeout 200ms\n{SAY}")
    users = kernel.send(busy.cell())
    kernel.said(users, "busy")
    (folder / "a.txt").write_text("1")
    kernel.settle(users, quiet=0.5)
    busy.free()

    assert kernel.wait(users)["status"] == "ok"
    kernel.said(cell, "run 1\n")


def test_in_thread_runs_beside_a_busy_cell(kernel: Kernel, folder: Path, busy: Busy) -> None:
    """--in thread: a training cell is steered while it runs; prints land in the handler's cell."""
    kernel.run("rate = 0.1")
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0 --in thread\n"
        "import threading\n"
        "rate = float(change.local.read_text())\n"
        "print('rate', rate, threading.current_thread() is threading.main_thread())"
    )
    users = kernel.send(busy.cell(pause="time.sleep(0.01); print(rate, flush=True)"))
    kernel.said(users, "0.1\n")
    (folder / "a.txt").write_text("0.5")
    kernel.said(users, "0.5\n")
    kernel.said(cell, "rate 0.5 False\n")
    still_busy = not any(m.content.get("execution_state") == "idle" for m in kernel.of(users))
    busy.free()
    kernel.wait(users)

    assert still_busy
    assert "rate 0.5" not in kernel.text(users)


def test_an_error_in_a_thread_is_shown_in_its_cell(
    kernel: Kernel, folder: Path, busy: Busy
) -> None:
    """The handler's traceback is under the handler's cell, and the busy cell goes on."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0 --in thread\nprint('so far')\n1 / 0")
    users = kernel.send(busy.cell())
    kernel.said(users, "busy")
    (folder / "a.txt").write_text("1")
    kernel.wait_for(
        lambda: [m for m in kernel.outputs(cell) if m.type == "error"], "a traceback in its cell"
    )
    busy.free()

    assert kernel.wait(users)["status"] == "ok"
    (error,) = [m for m in kernel.outputs(cell) if m.type == "error"]
    assert error.content["ename"] == "ZeroDivisionError"
    assert "1 / 0" in "\n".join(error.content["traceback"])
    assert kernel.text(cell) == "so far\n"


def test_rich_outputs_of_a_thread_are_in_its_cell(kernel: Kernel, folder: Path, busy: Busy) -> None:
    """`display` and the last line's value of an --in thread handler go where its prints go."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0 --in thread\n"
        "from IPython.display import HTML, display\n"
        "display(HTML('<b>rich</b>'))\n"
        "change.local.read_text()"
    )
    users = kernel.send(busy.cell())
    kernel.said(users, "busy")
    before = kernel.mark()
    (folder / "a.txt").write_text("value")
    kernel.wait_for(
        lambda: any("'value'" in m.text for m in kernel.outputs(cell, since=before)), "its value"
    )
    busy.free()
    kernel.wait(users)
    html = [m.content.get("data", {}).get("text/html") for m in kernel.outputs(cell, since=before)]

    assert "<b>rich</b>" in html
    assert {m.type for m in kernel.outputs(users)} == {"stream"}


def test_a_cell_that_writes_the_file_it_watches_is_stopped(kernel: Kernel, folder: Path) -> None:
    """A few runs, then the watch is paused and one line says why; resuming it works."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "text = change.local.read_text() + '+'\n"
        "change.local.write_text(text);"
    )
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=1.0)
    runs = len(kernel.runs(cell)) - 1
    table = "\n".join(kernel.shown(kernel.run("%watches")))

    assert 1 <= runs <= 5
    assert "paused" in table
    assert "writes the file it watches" in table


def test_somebody_else_who_writes_often_is_not_mistaken_for_the_cell(
    kernel: Kernel, folder: Path
) -> None:
    """Only a cell's own writes count, however often the file changes during its runs."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nimport time\ntime.sleep(0.05)\n" + SAY)
    for number in range(1, 40):
        (folder / "a.txt").write_text(str(number))
        kernel.settle(cell, quiet=0.03)
    kernel.said(cell, "run 39\n")

    assert "paused" not in "\n".join(kernel.shown(kernel.run("%watches")))
