"""Do the documents say what the software does?"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colab_magics.settings import Settings

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def loaded(shell: InteractiveShell) -> InteractiveShell:
    """A shell with the extension loaded."""
    shell.run_line_magic("load_ext", "colab_magics")
    return shell


def magics(shell: InteractiveShell) -> dict[str, object]:
    """Our magics by the name that a user types."""
    found = {}
    for sort, sign in (("line", "%"), ("cell", "%%")):
        for name, function in shell.magics_manager.magics[sort].items():
            if getattr(function, "__module__", "").startswith("colab_magics."):
                found[sign + name] = function
    return found


def test_every_magic_is_in_the_readme_and_has_help(loaded: InteractiveShell) -> None:
    """With a heading of its own, or named in one."""
    headings = "\n".join(line for line in README.splitlines() if line.startswith("###"))
    ours = magics(loaded)

    assert sorted(ours) == [
        "%%on_drive_change",
        "%drive_auth",
        "%drive_get",
        "%drive_link",
        "%drive_ls",
        "%drive_mount",
        "%drive_put",
        "%drive_rm",
        "%drive_serve",
        "%watches",
    ]
    for name, function in ours.items():
        assert f"`{name}" in headings, name
        assert (function.__doc__ or "").strip(), name


def test_every_option_of_the_watch_is_in_the_readme(loaded: InteractiveShell) -> None:
    """Each has a row that says what it means."""
    parser = loaded.magics_manager.registry["WatchMagics"].on_drive_change.parser
    options = [o for o in parser._option_string_actions if o.startswith("--")]

    for option in options:
        assert re.search(rf"^\| `{option}[ `]", README, re.MULTILINE), option


def test_every_option_of_the_file_magics_is_in_the_readme(loaded: InteractiveShell) -> None:
    """Below the heading of its magic."""
    kind = loaded.magics_manager.registry["FileMagics"]
    for name in kind.magics["line"]:
        section = README.split(f"\n### `%{name} ")[1].split("\n## ")[0].split("\n### ")[0]
        options = [o for o in getattr(kind, name).parser._option_string_actions if o[:2] == "--"]

        assert [o for o in options if o not in section and o not in name] == [], name


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    """The table and the dataclass are equal."""
    rows = re.findall(r"^\| `COLAB_MAGICS_(\w+)` \| (.*?) \|", README, re.MULTILINE)

    assert [(name.lower(), value.strip()) for name, value in rows] == [
        (field.name, str(field.default)) for field in fields(Settings)
    ]


def test_every_setting_has_a_sentence() -> None:
    """The line below each field says what it is."""
    source = (TOP / "colab_magics" / "settings.py").read_text(encoding="utf-8")

    for field in fields(Settings):
        assert re.search(rf'    {field.name}: .*\n    """.+\.', source), field.name


def test_the_changelog_begins_with_what_is_not_released() -> None:
    """Keep a Changelog 1.1: sections in its order, empty ones left out."""
    text = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.*)$", text, re.MULTILINE)
    sections = re.findall(r"^### (\w+)$", text, re.MULTILINE)

    assert versions[0].startswith("[Unreleased]")
    assert set(sections) <= {"Removed", "Deprecated", "Added", "Changed", "Fixed", "Security"}


def test_links_in_the_documents_lead_somewhere() -> None:
    """Files that the README shows or names are there."""
    for target in re.findall(r"\]\(([^)#:]+)\)|(?:src|srcset)=\"([^\"]+)\"", README):
        assert (TOP / "".join(target)).exists(), target


def test_notebooks_are_kept_without_outputs() -> None:
    """What is in the repository is what a person starts with."""
    nbformat = pytest.importorskip("nbformat")
    books = sorted((TOP / "example_notebooks").glob("*.ipynb"))

    assert books
    for path in books:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        cells = [cell for cell in book.cells if cell.cell_type == "code"]
        assert all(not cell.outputs and cell.execution_count is None for cell in cells), path
