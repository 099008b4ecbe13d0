"""Do the magics that attach a Drive and move files say and do the right things?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from colab_magics.emulator import Emulator


@pytest.fixture
def ours(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    """A shell with the extension loaded, in a folder of its own, with nobody signed in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLAB_MAGICS_CREDENTIALS_DIR", str(tmp_path / "credentials"))
    monkeypatch.setenv("COLAB_MAGICS_EMULATOR_ROOT", str(tmp_path / "embedded"))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    shell.run_line_magic("load_ext", "colab_magics")
    yield shell
    shell.run_line_magic("unload_ext", "colab_magics")


@pytest.fixture
def attached(ours: InteractiveShell, drive: Emulator) -> InteractiveShell:
    """The same, with a Drive attached."""
    ours.run_line_magic("drive_mount", drive.url)
    return ours


def said(shell: InteractiveShell, code: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a cell that fails prints, stdout and stderr together."""
    capsys.readouterr()
    result = shell.run_cell(code)
    captured = capsys.readouterr()

    assert not result.success
    return (captured.out + captured.err).strip()


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
            "NoCredentials: nobody is signed in to Google Drive; set "
            "GOOGLE_APPLICATION_CREDENTIALS to a credentials file, or run %drive_mount emulator "
            "to try it here",
        ),
        (
            "%drive_mount /no/such/folder",
            "PlaceNotFound: no folder '/no/such/folder' on this machine; make it first, or run "
            "%drive_mount emulator",
        ),
        ("%drive_get", "UsageError: the following arguments are required: place"),
        ("%drive_ls --bogus", "UsageError: unrecognized arguments: --bogus"),
        ('%drive_ls "story', 'UsageError: no closing quotation in: "story'),
    ],
)
def test_a_mistake_is_one_line(
    ours: InteractiveShell, capsys: pytest.CaptureFixture[str], code: str, line: str
) -> None:
    """What is wrong and what to do, without a traceback."""
    assert said(ours, code, capsys) == line


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("%drive_get b.txt", "PlaceNotFound: no file 'b.txt' in My Drive; there is: story"),
        ("%drive_get story", "PlaceIsFolder: 'My Drive/story' is a folder; name a file in it"),
        ("%drive_put nofile", "PlaceNotFound: no file at 'nofile' on this machine"),
        ("%drive_put .", "PlaceIsFolder: '.' is a folder; name a file in it"),
    ],
)
def test_a_place_that_is_not_what_it_should_be_is_one_line(
    attached: InteractiveShell, capsys: pytest.CaptureFixture[str], code: str, line: str
) -> None:
    """The message says what there is."""
    Path("a.txt").write_text("x")
    attached.run_line_magic("drive_put", "a.txt story/a.txt")

    assert said(attached, code, capsys) == line


def test_a_file_goes_there_and_back(attached: InteractiveShell) -> None:
    """Sent, listed, fetched: the same bytes, and a receipt that says the hashes are equal."""
    Path("a b.txt").write_text("hello")
    sent = attached.run_line_magic("drive_put", '"a b.txt" "my folder/"')
    listed = attached.run_line_magic("drive_ls", '"my folder"')
    attached.run_line_magic("drive_get", '"my folder/a b.txt" copy.txt')

    assert "md5 5d41402abc4b2a76b9719d911017c592 on both sides" in repr(sent)
    assert [row[:2] for row in listed.rows] == [["a b.txt", "5 B"]]
    assert Path("copy.txt").read_text() == "hello"


def test_a_listing_shows_hostile_names_as_text(attached: InteractiveShell) -> None:
    """A name is never HTML and never a terminal code."""
    name = "<img src=x onerror=alert(1)>\x1b[31m"
    Path("x").write_text("x")
    attached.run_line_magic("drive_put", f"x '{name}'")
    listed = attached.run_line_magic("drive_ls", "")

    assert "<img" not in listed._repr_html_()
    assert "&lt;img" in listed._repr_html_()
    assert "\x1b" not in repr(listed)


def test_the_embedded_drive_comes_with_a_file_to_change(ours: InteractiveShell) -> None:
    """The first cells of the README work on a Drive that was just made."""
    card = ours.run_line_magic("drive_mount", "emulator")
    listed = ours.run_line_magic("drive_ls", "story")

    assert "embedded Drive" in repr(card)
    assert [row[0] for row in listed.rows] == ["input1.txt"]


def test_mounting_the_embedded_drive_again_keeps_it(ours: InteractiveShell) -> None:
    """Run all, twice: the same Drive at the same address."""
    first = ours.run_line_magic("drive_mount", "emulator")
    second = ours.run_line_magic("drive_mount", "emulator")

    assert first.lines == second.lines


def test_a_read_only_drive_refuses_to_be_written(
    ours: InteractiveShell, drive: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """--readonly: one line for whoever tries."""
    ours.run_line_magic("drive_mount", f"{drive.url} --readonly")
    Path("a.txt").write_text("x")

    assert said(ours, "%drive_put a.txt", capsys) == (
        "DriveForbidden: this Drive is attached read-only; run %drive_mount without --readonly to "
        "write"
    )


def test_help_is_shown_by_both_ways(ours: InteractiveShell) -> None:
    """`--help` gives what `?` gives."""
    text = repr(ours.run_line_magic("drive_get", "--help"))

    assert "%drive_get place [dest]" in text
    assert "Fetch a file from the Drive, verified." in text


def test_braces_and_dollars_in_names_are_left_alone(attached: InteractiveShell) -> None:
    """IPython would replace `{x}` by a variable, silently."""
    attached.user_ns["x"] = "wrong"
    Path("a{x}$x.txt").write_text("hello")
    attached.run_cell("%drive_put a{x}$x.txt")

    assert [row[0] for row in attached.run_line_magic("drive_ls", "").rows] == ["a{x}$x.txt"]


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
