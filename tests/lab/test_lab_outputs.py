"""Does a person see, in JupyterLab, what the kernel tests say is sent?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness.lab import NotebookPage

Open = Callable[..., NotebookPage]

LOAD = "%load_ext colab_magics\n%drive_mount {folder}"
RICH = """%%on_drive_change a.txt --debounce 0
import matplotlib.pyplot as plt
from IPython.display import HTML, display
text = change.local.read_text()
print("printed", text)
display(HTML(f"<b>rich {text}</b>"))
plt.figure(figsize=(1, 1)); plt.plot([1, 2]); plt.show()
1 / int(text)
"""
SAY = "%%on_drive_change a.txt --debounce 0\nprint('run', change.local.read_text())"
COUNT = "import time\nfor n in range(12):\n    print('user', n)\n    time.sleep(0.1)"


@pytest.mark.timeout(180)
def test_outputs_are_seen_under_the_registering_cell_only(
    open_notebook: Open, folder: Path
) -> None:
    """Print, HTML, figure and traceback, while the user runs another cell; and in the file."""
    notebook = open_notebook(LOAD.format(folder=folder), RICH, COUNT)
    notebook.run(0)
    notebook.run(1)
    assert "waiting" in notebook.outputs(1)[0]

    notebook.start(2)
    notebook.wait_for_output(2, "user 1")
    (folder / "a.txt").write_text("00")
    seen = notebook.wait_for_output(1, "ZeroDivisionError")
    notebook.wait_for_prompt(2)

    assert [line for line in notebook.outputs(2)[0].splitlines() if "user" not in line] == []
    assert len(notebook.outputs(2)) == 1
    assert "a.txt" in seen[0]
    assert seen[1:4] == ["printed 00", "rich 00", "<image>"]
    assert "1 / int(text)" in seen[4]
    assert notebook.prompt(1) == "[2]:"

    saved = notebook.save("printed 00")["cells"]
    assert "printed 00" in str(saved[1]["outputs"])
    assert "<b>rich 00</b>" in str(saved[1]["outputs"])
    assert "image/png" in str(saved[1]["outputs"])
    assert "ZeroDivisionError" in str(saved[1]["outputs"])
    assert "printed" not in str(saved[2]["outputs"])


def test_each_run_replaces_the_outputs_of_the_one_before(open_notebook: Open, folder: Path) -> None:
    """The cell shows the last run, not a growing pile."""
    notebook = open_notebook(LOAD.format(folder=folder), SAY)
    notebook.run(0)
    notebook.run(1)
    for number in range(1, 4):
        (folder / "a.txt").write_text(str(number))
        seen = notebook.wait_for_output(1, f"run {number}")

    assert seen[1:] == ["run 3"]


def test_the_card_is_seen_and_brought_up_to_date_in_place(
    open_notebook: Open, folder: Path
) -> None:
    """One card, which goes from waiting to the last run, also while another cell runs."""
    notebook = open_notebook(LOAD.format(folder=folder), SAY, COUNT)
    notebook.run(0)
    notebook.run(1)
    (before,) = notebook.outputs(1)
    (folder / "a.txt").write_text("1")
    notebook.wait_for_output(1, "modified a.txt")
    after = notebook.outputs(1)

    assert "waits for" in before
    assert [("a.txt" in text, "last run" in text) for text in after] == [
        (True, True),
        (False, False),
    ]
    assert after[1] == "run 1"


def test_a_cell_that_is_run_again_replaces_its_watch(open_notebook: Open, folder: Path) -> None:
    """JupyterLab names the cell in its requests, so the watch is known to be the same."""
    notebook = open_notebook(LOAD.format(folder=folder), SAY, "%watches")
    notebook.run(0)
    notebook.run(1)
    notebook.run(1)
    notebook.wait_for_output(1, "waiting")
    notebook.run(2)
    (folder / "a.txt").write_text("1")
    notebook.wait_for_output(1, "run 1")

    assert "2 watches" not in notebook.outputs(2)[0]
    assert notebook.outputs(2)[0].count("a.txt") == 2  # its name and its place


def test_after_a_reload_the_last_run_can_be_shown_again(open_notebook: Open, folder: Path) -> None:
    """JupyterLab drops late outputs of a page that is gone; `%watches show` has them."""
    notebook = open_notebook(LOAD.format(folder=folder), SAY, "%watches show a.txt", "%watches")
    notebook.run(0)
    notebook.run(1)
    notebook.save("waits for")
    notebook.reload()
    (folder / "a.txt").write_text("1")
    notebook.run(3)
    assert "another page" in " ".join(notebook.outputs(3)[0].split())

    notebook.run(2)
    assert notebook.outputs(2)[1:] == ["run 1"]


@pytest.mark.timeout(180)
def test_the_stop_button_ends_serving_and_the_next_cell_runs(
    open_notebook: Open, folder: Path
) -> None:
    """`%drive_serve` shows runs under itself, and ends well."""
    notebook = open_notebook(
        LOAD.format(folder=folder), SAY, "%drive_serve", "print('the next cell')"
    )
    notebook.run(0)
    notebook.run(1)
    notebook.start(2)
    notebook.wait_for_output(2, "serving")
    notebook.start(3)
    (folder / "a.txt").write_text("1")
    notebook.wait_for_output(2, "run 1")
    assert notebook.outputs(3) == []

    notebook.interrupt()
    notebook.wait_for_prompt(3)
    assert notebook.outputs(3) == ["the next cell"]
    assert "Traceback" not in " ".join(notebook.outputs(2))


def test_an_interrupt_of_a_run_is_seen_in_its_cell(open_notebook: Open, folder: Path) -> None:
    """The stop button ends the run; the watch goes on."""
    notebook = open_notebook(
        LOAD.format(folder=folder),
        "%%on_drive_change a.txt --debounce 0\n"
        "import time\ntext = change.local.read_text()\nprint('run', text)\n"
        "time.sleep(60 if text == 'slow' else 0)",
    )
    notebook.run(0)
    notebook.run(1)
    (folder / "a.txt").write_text("slow")
    notebook.wait_for_output(1, "run slow")
    notebook.interrupt()
    notebook.wait_for_output(1, "KeyboardInterrupt")
    (folder / "a.txt").write_text("fast")
    notebook.wait_for_output(1, "run fast")
