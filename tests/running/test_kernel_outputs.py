"""Where do the outputs of a triggered run go?"""

from __future__ import annotations

from pathlib import Path

from harness.kernel import Kernel, Message

RICH = """%%on_drive_change a.txt --debounce 0
import sys, threading
import matplotlib.pyplot as plt
from IPython.display import HTML, display
text = change.local.read_text()
print("read", text, "on", threading.current_thread().name)
print("to stderr", file=sys.stderr)
plt.figure(figsize=(1, 1)); plt.plot([1, 2]); plt.show()
shown = display(HTML("<b>first</b>"), display_id="mine")
shown.update(HTML("<i>second</i>"))
int(text) * 2
"""


def test_every_kind_of_output_lands_in_the_registering_cell(kernel: Kernel, folder: Path) -> None:
    """Prints, a figure, HTML, an updated display and the result, in their order, in one cell."""
    cell = kernel.run(RICH)
    kernel.run("x = 1")
    kernel.run("x + 1")
    before = kernel.mark()
    (folder / "a.txt").write_text("21")
    (run,) = kernel.wait_for_runs(cell, 1)
    body = [m for m in run if m.display_id != _card(run) and m.type != "clear_output"]

    assert [m.type for m in body] == [
        "execute_input",
        "stream",
        "stream",
        "display_data",
        "display_data",
        "update_display_data",
        "execute_result",
    ]
    assert body[1].text == "read 21 on MainThread\n"
    assert (body[2].content["name"], body[2].text) == ("stderr", "to stderr\n")
    assert set(body[3].content["data"]) == {"image/png", "text/plain"}
    assert body[4].content["data"]["text/html"] == "<b>first</b>"
    assert body[5].content["data"]["text/html"] == "<i>second</i>"
    assert body[6].text == "42"
    assert kernel.elsewhere(cell, since=before) == []


def _card(run: list[Message]) -> str | None:
    """Display id of a run's status card: its first display."""
    return next(m.display_id for m in run if m.type == "display_data")


def test_a_run_clears_its_cell_and_begins_with_the_card(kernel: Kernel, folder: Path) -> None:
    """The cell is cleared when the card arrives, so that it never flickers to nothing."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('ran')")
    (registered,) = [m for m in kernel.outputs(cell) if m.type == "display_data"]
    (folder / "a.txt").write_text("1")
    (run,) = kernel.wait_for_runs(cell, 1)
    outputs = [m for m in run if m.type != "execute_input"]

    assert outputs[0].type == "clear_output"
    assert outputs[0].content == {"wait": True}
    assert outputs[1].type == "display_data"
    assert outputs[1].display_id == registered.display_id is not None
    assert "a.txt" in outputs[1].text
    assert (outputs[2].type, outputs[2].text) == ("stream", "ran\n")


def test_the_card_is_brought_up_to_date_in_place(kernel: Kernel, folder: Path) -> None:
    """When a run is over its card is updated, as part of the registering cell."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('ran')")
    (registered,) = [m for m in kernel.outputs(cell) if m.type == "display_data"]
    kernel.run("print('another cell')")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)

    kernel.wait_for(
        lambda: any(
            m.type == "update_display_data"
            and m.display_id == registered.display_id
            and "modified a.txt" in m.text
            and "text/html" in m.content["data"]
            for m in kernel.outputs(cell)
        ),
        "an update of the card that names the change",
    )


def test_outputs_land_there_while_the_user_runs_other_cells(kernel: Kernel, folder: Path) -> None:
    """With a user who never stops, no output is under a wrong cell, on either side."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\nprint('run', change.local.read_text())"
    )
    before = kernel.mark()
    users: list[str] = []
    for number in range(1, 41):
        if number % 4 == 0:
            (folder / "a.txt").write_text(str(number))
        users.append(kernel.run(f"import time; time.sleep(0.02); print('user', {number})"))
    kernel.wait_for(lambda: "run 40" in kernel.text(cell), "a run that saw the last state")

    assert [kernel.text(user) for user in users] == [f"user {n}\n" for n in range(1, 41)]
    assert {m.parent for m in kernel.elsewhere(cell, since=before)} == set(users)
    printed = [line for line in kernel.text(cell).splitlines() if line]
    assert all(line.startswith("run ") for line in printed)


def test_an_exception_is_shown_in_its_cell_and_the_watch_goes_on(
    kernel: Kernel, folder: Path
) -> None:
    """The user's own traceback, under the registering cell; the next change runs it again."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "def inner(text):\n"
        "    return 1 / int(text)\n"
        "print(inner(change.local.read_text()))"
    )
    before = kernel.mark()
    (folder / "a.txt").write_text("00")
    (run,) = kernel.wait_for_runs(cell, 1)
    (error,) = [m for m in run if m.type == "error"]
    trace = "\n".join(error.content["traceback"])

    assert error.content["ename"] == "ZeroDivisionError"
    assert "return 1 / int(text)" in trace
    assert "print(inner(change.local.read_text()))" in trace
    assert "colab_magics" not in trace
    assert kernel.elsewhere(cell, since=before) == []

    (folder / "a.txt").write_text("4")
    runs = kernel.wait_for_runs(cell, 2)
    assert "0.25\n" in [m.text for m in runs[1]]


def test_input_is_refused(kernel: Kernel, folder: Path) -> None:
    """A run that asks a person would block the kernel for everybody; it gets an error instead."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\ninput('name? ')")
    (folder / "a.txt").write_text("1")
    (run,) = kernel.wait_for_runs(cell, 1, seconds=5)

    assert [m.content["ename"] for m in run if m.type == "error"] == ["StdinNotImplementedError"]


def test_the_cell_may_await(kernel: Kernel, folder: Path) -> None:
    """Top-level await works in a triggered run, and its outputs before and after it are kept."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "import asyncio\n"
        "print('before')\n"
        "await asyncio.sleep(0.05)\n"
        "print('after')\n"
        "change.local.read_text()"
    )
    (folder / "a.txt").write_text("1")
    (run,) = kernel.wait_for_runs(cell, 1)

    assert "".join(m.text for m in run if m.type == "stream") == "before\nafter\n"
    assert [m.text for m in run if m.type == "execute_result"] == ["'1'"]


def test_an_implicit_figure_of_an_awaiting_cell_is_kept(kernel: Kernel, folder: Path) -> None:
    """A figure that is not shown by hand comes at the end of the run, in its cell."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "import asyncio\n"
        "import matplotlib.pyplot as plt\n"
        "plt.figure(figsize=(1, 1)); plt.plot([1, 2])\n"
        "await asyncio.sleep(0.01);"
    )
    kernel.run("import matplotlib.pyplot")
    (folder / "a.txt").write_text("1")
    (run,) = kernel.wait_for_runs(cell, 1)

    assert [m.type for m in run if "image/png" in m.content.get("data", {})] == ["display_data"]


def test_the_last_run_is_shown_again_in_any_cell(kernel: Kernel, folder: Path) -> None:
    """A front end that dropped the outputs can have them again, complete."""
    cell = kernel.run(RICH)
    (folder / "a.txt").write_text("4")
    kernel.wait_for_runs(cell, 1)
    before = kernel.mark()
    again = kernel.run("%watches show a.txt")
    shown = kernel.outputs(again)

    assert kernel.text(cell, since=before) == ""
    assert "read 4 on MainThread\n" in [m.text for m in shown]
    assert "to stderr\n" in [m.text for m in shown if m.content.get("name") == "stderr"]
    assert [1 for m in shown if "image/png" in m.content.get("data", {})] == [1]
    assert any(m.content.get("data", {}).get("text/html") == "<i>second</i>" for m in shown)
    assert "8" in [m.text for m in shown]


def test_a_traceback_is_shown_again_too(kernel: Kernel, folder: Path) -> None:
    """`%watches show` of a failed run has the traceback, and does not fail itself."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('so far'); 1 / 0")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    again = kernel.run("%watches show a.txt")

    assert "so far" in kernel.shown(again)
    assert any("ZeroDivisionError" in line for line in kernel.shown(again))
