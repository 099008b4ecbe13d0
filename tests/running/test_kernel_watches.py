"""Can a user see and control what is registered?"""

from __future__ import annotations

from pathlib import Path

from harness.kernel import Kernel

SAY = "print('run', change.local.read_text())"


def table(kernel: Kernel) -> str:
    """What `%watches` shows."""
    return "\n".join(kernel.shown(kernel.run("%watches")))


def test_running_the_registering_cell_again_replaces_its_watch(
    kernel: Kernel, folder: Path
) -> None:
    """One watch, with the new body; the old one is quiet."""
    old = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('old')", cell="same")
    new = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('new')", cell="same")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(new, 1)
    kernel.settle(new, quiet=0.3)

    assert kernel.text(new) == "new\n"
    assert kernel.text(old) == ""
    assert table(kernel).count("a.txt") == 2  # its name and its place


def test_a_name_that_another_cell_has_is_refused(kernel: Kernel, folder: Path) -> None:
    """One line that says what to do; the first watch goes on."""
    first = kernel.run(f"%%on_drive_change a.txt --debounce 0 --name mine\n{SAY}", cell="one")
    line = kernel.refused("%%on_drive_change b.txt --name mine\nprint('second')", cell="two")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(first, 1)

    assert "'mine'" in line
    assert "--name" in line
    assert kernel.text(first) == "run 1\n"
    assert "b.txt" not in table(kernel)


def test_two_watches_of_one_place_with_two_names_both_run(kernel: Kernel, folder: Path) -> None:
    """A place may be watched twice."""
    one = kernel.run(f"%%on_drive_change a.txt --debounce 0 --name one\n{SAY}")
    two = kernel.run(f"%%on_drive_change a.txt --debounce 0 --name two\n{SAY}")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(one, 1)
    kernel.wait_for_runs(two, 1)

    assert kernel.text(one) == kernel.text(two) == "run 1\n"


def test_the_list_says_how_each_watch_runs(kernel: Kernel, folder: Path) -> None:
    """Name, place, state, runs, failures and the last error are in the table."""
    good = kernel.run(f"%%on_drive_change a.txt --debounce 0 --name good\n{SAY}")
    bad = kernel.run("%%on_drive_change b.txt --debounce 0 --name bad\n1 / 0")
    (folder / "a.txt").write_text("1")
    (folder / "b.txt").write_text("1")
    kernel.wait_for_runs(good, 1)
    kernel.wait_for_runs(bad, 1)
    kernel.settle(bad, quiet=0.2)
    rows = {line.split()[0]: line for line in table(kernel).splitlines() if line.split()}

    assert rows["good"].split()[1:5] == ["a.txt", "waiting", "1", "0"]
    assert rows["bad"].split()[1:5] == ["b.txt", "failed", "1", "1"]
    assert "ZeroDivisionError: division by zero" in rows["bad"]


def test_the_list_is_a_value(kernel: Kernel) -> None:
    """`x = %watches` shows nothing; `x` does, as a table where tables can be shown."""
    kernel.run(f"%%on_drive_change a.txt\n{SAY}")
    silent = kernel.run("x = %watches")
    shown = kernel.run("x")
    (result,) = [m for m in kernel.outputs(shown) if m.type == "execute_result"]

    assert kernel.outputs(silent) == []
    assert "<table" in result.content["data"]["text/html"]
    assert "a.txt" in result.text


def test_a_paused_watch_runs_nothing_until_it_is_resumed(kernel: Kernel, folder: Path) -> None:
    """What happened meanwhile is run then, once, in its last state."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    kernel.run("%watches pause a.txt")
    assert "paused" in table(kernel)
    for number in range(1, 4):
        (folder / "a.txt").write_text(str(number))
        kernel.settle(cell, quiet=0.2)
    assert kernel.text(cell) == ""

    kernel.run("%watches resume a.txt")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.3)
    assert kernel.text(cell) == "run 3\n"


def test_a_stopped_watch_is_gone(kernel: Kernel, folder: Path) -> None:
    """It runs nothing, is not listed, and its name is free."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}", cell="one")
    kernel.run("%watches stop a.txt")
    (folder / "a.txt").write_text("1")
    kernel.settle(cell, quiet=0.5)

    assert kernel.text(cell) == ""
    assert "a.txt" not in table(kernel)
    kernel.run(f"%%on_drive_change a.txt\n{SAY}", cell="two")


def test_a_watch_is_run_on_request(kernel: Kernel) -> None:
    """`%watches run`: a run for what is there, in the registering cell."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    asked = kernel.run("%watches run a.txt")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "run 0\n"
    assert kernel.text(asked) == ""


def test_a_failed_run_is_retried_on_request(kernel: Kernel, folder: Path) -> None:
    """`%watches retry`: the same change again."""
    kernel.run("broken = True")
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}\nassert not broken")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    kernel.run("broken = False")
    kernel.run("%watches retry a.txt")
    runs = kernel.wait_for_runs(cell, 2)

    assert [m.text for m in runs[1] if m.type == "stream"] == ["run 1\n"]
    assert not [m for m in runs[1] if m.type == "error"]


def test_a_name_may_be_left_out_while_there_is_one(kernel: Kernel, folder: Path) -> None:
    """`%watches show` of the only watch needs no name."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)

    assert "run 1" in kernel.shown(kernel.run("%watches show"))


def test_a_watch_registered_from_another_page_is_marked(kernel: Kernel) -> None:
    """A reloaded page has a new session, and does not show old cells' outputs: the list says so."""
    kernel.run(f"%%on_drive_change a.txt\n{SAY}")
    mid = kernel.send("%watches", session="another-page")
    kernel.wait(mid)
    here, there = table(kernel), " ".join(kernel.shown(mid))

    assert "another page" not in here
    assert "another page" in there
    assert "%watches show" in there


HELP = {
    "%%on_drive_change --help\npass": [
        *("--name", "--every", "--debounce", "--batch", "--now", "--in", "--put", "--retries"),
        "--timeout",
    ],
    "%watches --help": ["list", "show", "pause", "resume", "stop", "run", "retry"],
    "%drive_serve --help": ["--for", "--until-idle"],
    "%drive_mount --help": ["emulator"],
    "%drive_ls --help": ["place"],
    "%drive_get --help": ["place"],
    "%drive_put --help": ["file"],
}


def test_every_magic_has_help(kernel: Kernel) -> None:
    """`--help` prints the usage and every option."""
    for code, options in HELP.items():
        text = "\n".join(kernel.shown(kernel.run(code)))
        assert [option for option in options if option not in text] == [], text


def test_options_are_completed(kernel: Kernel) -> None:
    """The tab key offers the options of `%%on_drive_change`."""
    kernel.run("pass")

    assert "--debounce" in kernel.complete("%%on_drive_change a.txt --deb")
