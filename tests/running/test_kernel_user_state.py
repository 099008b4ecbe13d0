"""Does a triggered run leave the user's state as it was?"""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.kernel import Kernel

STATE = "(get_ipython().execution_count, _, __, list(In), {n: repr(out) for n, out in Out.items()})"


def test_the_users_history_and_results_are_untouched(kernel: Kernel, folder: Path) -> None:
    """`_`, `__`, `Out`, `In` and the execution count are what they were, results and all."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\n333")
    kernel.run("111")
    kernel.run("222")
    before = kernel.eval(STATE)
    for number in range(1, 4):
        (folder / "a.txt").write_text(str(number))
        runs = kernel.wait_for_runs(cell, number)

    assert [m.text for m in runs[-1] if m.type == "execute_result"] == ["333"]
    assert kernel.eval(STATE) == before
    assert kernel.eval("(_, __)") == (222, 111)
    assert kernel.eval("[name for name, value in globals().items() if value == 333]") == []


def test_a_failed_run_leaves_them_too(kernel: Kernel, folder: Path) -> None:
    """The hooks that keep a user's results are taken away again after an error."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\n1 / 0")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    kernel.run("444")

    assert kernel.eval("_") == 444
    assert (
        kernel.eval("sorted(vars(get_ipython().displayhook).keys() & {'quiet', 'update_user_ns'})")
        == []
    )


@pytest.mark.parametrize(
    ("body", "users", "results"),
    [("'shown'", "x = 1;", ["'shown'"]), ("'hidden';", "x = 1", [])],
)
def test_the_runs_own_semicolon_decides(
    kernel: Kernel, folder: Path, body: str, users: str, results: list[str]
) -> None:
    """Whether a result is shown is not decided by the `;` of the user's last cell."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{body}")
    kernel.run(users)
    (folder / "a.txt").write_text("1")
    (run,) = kernel.wait_for_runs(cell, 1)

    assert [m.text for m in run if m.type == "execute_result"] == results


def test_a_users_semicolon_works_again_after_a_run(kernel: Kernel, folder: Path) -> None:
    """The user's own cells are judged by their own `;`."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\n'shown'")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    hidden = kernel.run("'hidden';")
    shown = kernel.run("'shown'")

    assert [m.text for m in kernel.outputs(hidden)] == []
    assert [m.text for m in kernel.outputs(shown)] == ["'shown'"]


def test_runs_work_in_the_users_namespace(kernel: Kernel, folder: Path) -> None:
    """A run sees the user's variables, and the user sees what it assigned."""
    cell = kernel.run(
        "%%on_drive_change a.txt --debounce 0\ntotal = start + int(change.local.read_text())"
    )
    kernel.run("start = 40")
    (folder / "a.txt").write_text("2")
    kernel.wait_for_runs(cell, 1)

    assert kernel.eval("total") == 42


def test_a_run_sees_context_as_cells_see_it(kernel: Kernel, folder: Path) -> None:
    """Context variables and the decimal context are those of the user's next cell."""
    look = "import decimal\nprint(variable.get('unset'), decimal.getcontext().prec)"
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{look}")
    kernel.run(
        "import contextvars, decimal\n"
        "variable = contextvars.ContextVar('variable')\n"
        "variable.set(7)\n"
        "decimal.getcontext().prec = 7;"
    )
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    users = kernel.run(look)

    assert kernel.text(cell) == kernel.text(users) != ""


def test_a_reset_does_not_kill_the_watch(kernel: Kernel, folder: Path) -> None:
    """`%reset -f` empties the namespace; the watch goes on in the empty one."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint(change.kind, 'x' in globals())")
    kernel.run("x = 1")
    kernel.run("%reset -f")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "modified False\n"
    assert "a.txt" in "\n".join(kernel.shown(kernel.run("%watches")))


def test_a_change_that_was_not_triggered_stays_unbound(kernel: Kernel) -> None:
    """Registering alone binds nothing in the user's namespace."""
    kernel.run("%%on_drive_change a.txt --debounce 0\nprint(change)")

    assert kernel.eval("[name for name in ('change', 'changes') if name in globals()]") == []
