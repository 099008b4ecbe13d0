"""Does the magic that attaches a Drive say and do the right things?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from colab_magics.emulator import Emulator


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (
            "%drive_ls story",
            "NoDrive: no Drive is attached; run %drive_mount, or %drive_mount emulator to try it "
            "here",
        ),
        (
            "%drive_ls",
            "NoDrive: no Drive is attached; run %drive_mount, or %drive_mount emulator to try it "
            "here",
        ),
        (
            "%drive_mount",
            "NoCredentials: nobody is signed in to Google Drive; run %drive_auth, or "
            "%drive_mount emulator to try it here",
        ),
        (
            "%drive_mount /no/such/folder",
            "PlaceNotFound: no folder '/no/such/folder' on this machine; make it first, or run "
            "%drive_mount emulator",
        ),
    ],
)
def test_a_mistake_is_one_line(
    ours: InteractiveShell, said: Callable[[str], str], code: str, line: str
) -> None:
    """What is wrong and what to do, without a traceback."""
    assert said(code) == line


def test_the_embedded_drive_comes_with_a_file_to_change(ours: InteractiveShell) -> None:
    """The first cells of the README work on a Drive that was just made."""
    card = ours.run_line_magic("drive_mount", "emulator")
    listed = ours.run_line_magic("drive_ls", "story")

    assert "embedded Drive" in repr(card)
    assert [item.name for item in listed] == ["input1.txt"]


def test_mounting_the_embedded_drive_again_keeps_it(ours: InteractiveShell) -> None:
    """Run all, twice: the same Drive at the same address."""
    first = ours.run_line_magic("drive_mount", "emulator")
    second = ours.run_line_magic("drive_mount", "emulator")

    assert first.lines == second.lines


def test_a_read_only_drive_refuses_to_be_written(
    ours: InteractiveShell, drive: Emulator, said: Callable[[str], str]
) -> None:
    """--readonly: one line for whoever tries."""
    ours.run_line_magic("drive_mount", f"{drive.url} --readonly")
    Path("a.txt").write_text("x")

    assert said("%drive_put a.txt") == (
        "DriveForbidden: this Drive is attached read-only; run its %drive_mount line without "
        "--readonly"
    )


def traces(shell: InteractiveShell) -> Any:
    """What an extension could leave behind in a shell."""
    return (
        list(shell.input_transformers_post),
        list(shell.input_transformers_cleanup),
        {event: list(hooks) for event, hooks in shell.events.callbacks.items()},
        [type(one).__name__ for one in shell.configurables],
        {kind: sorted(names) for kind, names in shell.magics_manager.magics.items()},
    )


def test_unloading_takes_everything_away(shell: InteractiveShell) -> None:
    """Magics, transformers, hooks and %config entries."""
    shell.run_line_magic("load_ext", "storemagic")  # IPython 9 makes %load_ext itself lazily
    before = traces(shell)
    shell.run_line_magic("load_ext", "colab_magics")
    loaded = traces(shell)
    shell.run_line_magic("unload_ext", "colab_magics")

    assert loaded != before
    assert traces(shell) == before
