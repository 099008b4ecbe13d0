"""Is every mistake one line that says what to do, with nothing left behind?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.kernel import KERNELS, Kernel

MISTAKES = {
    "unknown option": ("%%on_drive_change a.txt --evry 1\npass", "--evry"),
    "no place": ("%%on_drive_change\npass", "place"),
    "missing folder": ("%%on_drive_change no/such/a.txt\npass", "no folder 'no'"),
    "empty cell": ("%%on_drive_change a.txt\n  \n", "empty"),
    "no pattern": ("%%on_drive_change a**\npass", "no pattern: "),
    "no cell": ("%%on_drive_change a.txt", ""),
    "every 0": ("%%on_drive_change a.txt --every 0\npass", "--every"),
    "every letter": ("%%on_drive_change a.txt --every z\npass", "--every"),
    "every negative": ("%%on_drive_change a.txt --every -1\npass", "--every"),
    "debounce letter": ("%%on_drive_change a.txt --debounce z\npass", "--debounce"),
    "retries negative": ("%%on_drive_change a.txt --retries -1\npass", "--retries"),
    "retries letter": ("%%on_drive_change a.txt --retries z\npass", "--retries"),
    "timeout 0": ("%%on_drive_change a.txt --timeout 0\npass", "--timeout"),
    "in cellar": ("%%on_drive_change a.txt --in cellar\npass", "cellar"),
    "unclosed quote": ('%%on_drive_change "a.txt\npass', "quot"),
    "put to a folder": ("%%on_drive_change a.txt --put sub\npass", "sub"),
    "syntax error": ("%%on_drive_change a.txt\nx = 1\nprint(\n", "line"),
    "syntax error later": ("%%on_drive_change a.txt\nx = 1\nfor y in\n    pass\n", "line 3"),
    "two places": ("%%on_drive_change a.txt b.txt\npass", "b.txt"),
    "watches verb": ("%watches frobnicate", "frobnicate"),
    "watches of nothing": ("%watches show", ""),
    "watches of no name": ("%watches pause nobody", "nobody"),
    "serve nothing": ("%drive_serve", "%%on_drive_change"),
    "serve for letters": ("%drive_serve --for z", "--for"),
    "get missing": ("%drive_get nothing.txt", "nothing.txt"),
    "rm folder": ("%drive_rm sub", "sub"),
    "get nothing": ("%drive_get", "place"),
    "put missing": ("%drive_put nothing.txt", "nothing.txt"),
    "ls missing": ("%drive_ls nothing", "nothing"),
    "mount nonsense": ("%drive_mount no/such/folder", "no/such/folder"),
    "mount option": ("%drive_mount . --frobnicate", "--frobnicate"),
}


@pytest.fixture(scope="module")
def clumsy(tmp_path_factory: pytest.TempPathFactory, kernel_class: str) -> Iterator[Kernel]:
    """One kernel for all mistakes: none of them may leave anything for the next."""
    top = tmp_path_factory.mktemp("clumsy")
    (top / "folder" / "sub").mkdir(parents=True)
    (top / "folder" / "a.txt").write_text("0")
    kernel = Kernel(top / "kernel", kernel_args=KERNELS[kernel_class]).start()
    kernel.run(f"%load_ext colab_magics\n%drive_mount {top / 'folder'}")
    yield kernel
    kernel.close()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(clumsy: Kernel, name: str) -> None:
    """One line that names what is wrong; no watch, no thread, no file is there afterwards."""
    threads = "sorted(t.name for t in __import__('threading').enumerate())"
    before = clumsy.eval(threads)
    code, named = MISTAKES[name]
    line = clumsy.refused(code)

    assert named in line
    assert "Traceback" not in line
    assert len(line) < 300
    assert "a.txt" not in "\n".join(clumsy.shown(clumsy.run("%watches")))
    assert clumsy.eval(threads) == before
    assert sorted(p.name for p in (clumsy.folder.parent / "folder").iterdir()) == ["a.txt", "sub"]


@pytest.mark.parametrize("code", ["%%on_drive_change a.txt\npass", "%drive_ls"])
def test_without_a_drive_the_line_says_how_to_attach_one(bare_kernel: Kernel, code: str) -> None:
    """A relative place needs a drive."""
    bare_kernel.run("%load_ext colab_magics")
    line = bare_kernel.refused(code)

    assert "%drive_mount" in line


def test_without_credentials_the_line_says_so(
    start_kernel: Callable[..., Kernel], tmp_path: Path
) -> None:
    """`%drive_mount` alone, where nobody has signed in."""
    kernel = start_kernel(
        COLAB_MAGICS_CREDENTIALS_DIR=str(tmp_path / "none"), HOME=str(tmp_path / "home")
    )
    kernel.run("%load_ext colab_magics")
    line = kernel.refused("%drive_mount")

    assert "NoCredentials" in line
    assert "%drive_mount emulator" in line


def test_a_refused_cell_leaves_the_watch_that_was_there(kernel: Kernel, folder: Path) -> None:
    """A mistake in the second version of a cell keeps its first version running."""
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint('first')", cell="same")
    kernel.refused("%%on_drive_change a.txt --every 0\nprint('second')", cell="same")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "first\n"
