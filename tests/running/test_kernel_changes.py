"""What does a cell see of the change that made it run?"""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.kernel import Kernel

SAY = "print(change.kind, change.name, change.local and change.local.read_text())"


def test_a_change_tells_what_where_and_when(kernel: Kernel, folder: Path) -> None:
    """`change` has kind, name, place, version, time and the local copy."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "import datetime\n"
        "now = datetime.datetime.now(datetime.timezone.utc)\n"
        "age = (now - change.time).total_seconds()\n"
        "print(change.kind, change.name, change.size, change.local.read_text(), -1 < age < 5)\n"
        "print(change.place)\n"
        "print(len(change.version) > 0)"
    )
    (folder / "a.txt").write_text("new")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell).splitlines() == [
        "modified a.txt 3 new True",
        str(folder / "a.txt"),
        "True",
    ]


def test_a_file_comes_changes_and_goes(kernel: Kernel, folder: Path) -> None:
    """A watch may wait for a file that is not there yet, and sees the end of it."""
    cell = kernel.run(f"%%on_drive_change new.txt --debounce 0\n{SAY}")
    (folder / "new.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    (folder / "new.txt").write_text("2")
    kernel.wait_for_runs(cell, 2)
    (folder / "new.txt").unlink()
    kernel.wait_for_runs(cell, 3)

    assert kernel.text(cell).splitlines() == [
        "created new.txt 1",
        "modified new.txt 2",
        "deleted new.txt None",
    ]


@pytest.mark.parametrize("place", ["sub", "sub/*.csv"])
def test_a_folder_or_pattern_runs_the_cell_once_for_each_file(
    kernel: Kernel, folder: Path, place: str
) -> None:
    """Each changed file has its own run, with its own `change`."""
    (folder / "sub").mkdir()
    cell = kernel.run(f"%%on_drive_change {place} --debounce 0\n{SAY}")
    for number in range(3):
        (folder / "sub" / f"{number}.csv").write_text(f"<{number}>")
    runs = kernel.wait_for_runs(cell, 3)

    assert sorted(kernel.text(cell).splitlines()) == [
        "created 0.csv <0>",
        "created 1.csv <1>",
        "created 2.csv <2>",
    ]
    assert len(runs) == 3


def test_a_pattern_leaves_other_files_alone(kernel: Kernel, folder: Path) -> None:
    """A file that does not match runs nothing."""
    cell = kernel.run(f"%%on_drive_change *.csv --debounce 0\n{SAY}")
    (folder / "other.txt").write_text("no")
    (folder / "yes.csv").write_text("1")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.5)

    assert kernel.text(cell) == "created yes.csv 1\n"


def test_a_batch_is_one_run_for_all(kernel: Kernel, folder: Path) -> None:
    """With --batch the cell gets `changes`, and every file is in one of them."""
    cell = kernel.run(
        "%%on_drive_change *.csv --batch --debounce 0.3\n"
        "print(sorted((c.name, c.local.read_text()) for c in changes))"
    )
    for number in range(3):
        (folder / f"{number}.csv").write_text(f"<{number}>")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.6)

    assert kernel.text(cell) == "[('0.csv', '<0>'), ('1.csv', '<1>'), ('2.csv', '<2>')]\n"


def test_a_place_with_spaces_is_quoted_as_in_a_shell(kernel: Kernel, folder: Path) -> None:
    """Both ways of a shell work."""
    (folder / "my files").mkdir()
    one = kernel.run(f'%%on_drive_change "my files/a b.csv" --debounce 0\n{SAY}')
    two = kernel.run(f"%%on_drive_change my\\ files/c.csv --debounce 0\n{SAY}")
    (folder / "my files" / "a b.csv").write_text("1")
    (folder / "my files" / "c.csv").write_text("2")
    kernel.wait_for_runs(one, 1)
    kernel.wait_for_runs(two, 1)

    assert kernel.text(one) == "created a b.csv 1\n"
    assert kernel.text(two) == "created c.csv 2\n"


def test_braces_in_a_place_are_left_alone(kernel: Kernel, folder: Path) -> None:
    """IPython would silently replace `{0}`; a file may be called so."""
    kernel.run("zero = 'gone'")
    cell = kernel.run(f"%%on_drive_change a{{zero}}$zero.csv --debounce 0\n{SAY}")
    (folder / "a{zero}$zero.csv").write_text("1")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "created a{zero}$zero.csv 1\n"


def test_a_file_that_is_being_written_runs_nothing(kernel: Kernel, folder: Path) -> None:
    """The cell sees the whole file, never its first half."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint(len(change.local.read_text()))")
    with (folder / "a.txt").open("w") as file:
        for _ in range(50):
            file.write("x" * 10_000)
            file.flush()
            kernel.run("pass")
    kernel.wait_for(lambda: kernel.text(cell) != "", "a run")
    kernel.settle(cell, quiet=0.3)

    assert kernel.text(cell) == "500000\n"


def test_a_file_that_is_replaced_by_renaming_is_one_change(kernel: Kernel, folder: Path) -> None:
    """The careful way of writing (a temporary file, then rename) is noticed, once."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    (folder / "a.txt.tmp").write_text("whole")
    (folder / "a.txt.tmp").rename(folder / "a.txt")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.3)

    assert kernel.text(cell) == "modified a.txt whole\n"
