"""Shortcuts, Google's own documents, shared drives: what is neither a plain file nor a folder?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from colab_magics.errors import (
    BadPlace,
    BadValue,
    DriveConflict,
    DriveForbidden,
    PlaceNotFound,
)
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.tree import FOLDER, SHORTCUT

from .conftest import JumpingClock

Link = Callable[[str, str, str], str]
DOCUMENT = "application/vnd.google-apps.document"
SHEET = "application/vnd.google-apps.spreadsheet"


@pytest.fixture
def link(outsider: DriveAPI) -> Link:
    """Make a shortcut in a folder; gives its id."""

    def make(name: str, folder: str, target: str) -> str:
        body = {"name": name, "parents": [folder], "mimeType": SHORTCUT}
        body["shortcutDetails"] = {"targetId": target}  # type: ignore[assignment]
        made = outsider.call(
            lambda service: service.files().create(body=body, fields="id", supportsAllDrives=True),
            units=50,
            doing="make a shortcut",
        )
        return str(made["id"])

    return make


@pytest.fixture
def linked(fs: DriveFileSystem, link: Link) -> DriveFileSystem:
    """A folder with shortcuts to a file and to a folder elsewhere."""
    fs.pipe_file("far/away/data.txt", b"data")
    fs.makedirs("here")
    here = fs.node("here").id
    link("file", here, fs.node("far/away/data.txt").id)
    link("folder", here, fs.node("far/away").id)
    return fs


@pytest.mark.parametrize("path", ["here", "here/*", "h*", "here/folder", ["here", "here/file"]])
@pytest.mark.parametrize("maxdepth", [None, 4])
def test_nothing_is_removed_through_a_shortcut(
    linked: DriveFileSystem, path: str | list[str], maxdepth: int | None
) -> None:
    """However what holds it is named."""
    linked.pipe_file("far/away/sub/deep.txt", b"deep")

    linked.rm(path, recursive=True, maxdepth=maxdepth)

    assert not linked.lexists("here/folder")
    assert linked.find("far") == ["far/away/data.txt", "far/away/sub/deep.txt"]


def test_shortcuts_are_followed(linked: DriveFileSystem) -> None:
    """To files and to folders, also on the way; `info` says which was passed."""
    fs = linked

    assert fs.cat_file("here/file") == b"data"
    assert fs.cat_file("here/folder/data.txt") == b"data"
    assert fs.ls("here/folder", detail=False) == ["here/folder/data.txt"]
    assert [(one["name"], one["type"], one["size"]) for one in fs.ls("here")] == [
        ("here/file", "file", 4),
        ("here/folder", "directory", 0),
    ]
    assert fs.find("here") == ["here/file", "here/folder/data.txt"]
    assert fs.glob("here/*/*.txt") == ["here/folder/data.txt"]
    info = fs.info("here/file")
    assert (info["id"], info["md5"]) == (fs.node("far/away/data.txt").id, fs.checksum("here/file"))
    assert fs.api.get(info["shortcut"]).target == info["id"]
    with fs.open("here/file", "ab") as file:
        file.write(b" more")
    assert fs.cat_file("far/away/data.txt") == b"data more"
    fs.pipe_file("here/folder/new.txt", b"new")
    assert fs.cat_file("far/away/new.txt") == b"new"


def test_a_shortcut_is_removed_and_moved_itself(linked: DriveFileSystem) -> None:
    """Never what it leads to."""
    fs = linked
    fs.mv("here/file", "here/renamed")
    assert fs.cat_file("here/renamed") == b"data"
    assert fs.exists("far/away/data.txt")
    fs.rm("here/renamed")
    fs.rm("here/folder", recursive=True)

    assert fs.ls("here") == []
    assert fs.cat_file("far/away/data.txt") == b"data"


def test_a_shortcut_to_nothing_says_so(linked: DriveFileSystem, outsider: DriveAPI) -> None:
    """It is there, and leads nowhere."""
    fs = linked
    fs.rm("far", recursive=True)
    fs.invalidate_cache()

    assert not fs.exists("here/file")
    assert fs.lexists("here/file")
    assert fs.info("here/file")["type"] == "link"
    assert [one["type"] for one in fs.ls("here")] == ["link", "link"]
    assert not fs.exists("here/folder/data.txt")
    with pytest.raises(PlaceNotFound, match=r"^'file' is a shortcut to nothing"):
        fs.cat_file("here/file")
    with pytest.raises(PlaceNotFound, match=r"^'folder' is a shortcut to nothing"):
        fs.ls("here/folder")
    with pytest.raises(PlaceNotFound, match="shortcut to nothing"):
        fs.pipe_file("here/file", b"x")
    fs.rm("here/file")
    assert [one["name"] for one in fs.ls("here")] == ["here/folder"]


def test_a_circle_of_shortcuts_ends(fs: DriveFileSystem, link: Link) -> None:
    """Listings show them, and do not enter."""
    fs.pipe_file("a/b/file", b"1")
    fs.makedirs("c")
    link("up", fs.node("a/b").id, fs.node("a").id)
    link("over", fs.node("a/b").id, fs.node("c").id)
    link("back", fs.node("c").id, fs.node("a/b").id)

    assert fs.find("a") == ["a/b/file", "a/b/over/back", "a/b/up"]
    assert [path for path, _, _ in fs.walk("a")] == ["a", "a/b", "a/b/over"]
    assert fs.find("c", withdirs=True) == [
        "c",
        "c/back",
        "c/back/file",
        "c/back/over",
        "c/back/up",
        "c/back/up/b",
        "c/back/up/b/file",
        "c/back/up/b/over",
        "c/back/up/b/up",
    ]
    with pytest.raises(PlaceNotFound, match="shortcut back to a folder that it lies in"):
        fs.ls("a/b/up")
    assert fs.du("a") == 1


@pytest.fixture
def papers(fs: DriveFileSystem, outsider: DriveAPI) -> DriveFileSystem:
    """Documents of Google's own kinds, made from texts, as Drive imports them."""
    for name, kind, text in (("letter", DOCUMENT, b"Dear Ada"), ("table", SHEET, b"a,b\n1,2\n")):
        outsider.create(name, outsider.root_id(), text, mime_type=kind)
    return fs


def test_an_export_that_is_too_large_says_so(papers: DriveFileSystem, drive: Emulator) -> None:
    """In one line; Drive gives 10 MB."""
    drive.faults.add(path="/export$", reason="exportSizeLimitExceeded")
    with pytest.raises(DriveForbidden, match="export") as caught:
        papers.export("letter", "pdf")

    assert "\n" not in str(caught.value)


def test_documents_are_exported_on_request(papers: DriveFileSystem, tmp_path: Path) -> None:
    """`info` says as what; without it, so does the error."""
    fs = papers
    info = fs.info("letter")

    assert info["size"] is None
    assert info["exportable"][:3] == ["docx", "pdf", "txt"]
    assert b"Dear Ada" in fs.export("letter", "txt")
    assert fs.cat_file("table", export="csv").startswith(b"a,b")
    with fs.open("table", "r", export="csv") as file:
        assert file.readline().strip() == "a,b"
    assert fs.export("letter", ".docx")[:2] == b"PK"
    fs.get_file("letter", str(tmp_path / "letter.txt"), export="txt")
    assert b"Dear Ada" in (tmp_path / "letter.txt").read_bytes()
    with pytest.raises(DriveForbidden, match="no bytes; export it as one of docx, pdf, txt"):
        fs.cat_file("letter")
    with pytest.raises(BadValue, match="can not be exported as 'csv'; it can as docx, pdf"):
        fs.export("letter", "csv")
    fs.pipe_file("plain", b"1")
    with pytest.raises(BadValue, match="no Google document"):
        fs.export("plain", "pdf")
    with pytest.raises(DriveForbidden, match="write to a file of another name"):
        fs.pipe_file("letter", b"bytes")
    assert fs.du("") == 1


@pytest.fixture
def team(drive: Emulator, outsider: DriveAPI) -> str:
    """A shared drive with a folder in it; gives its id."""
    made: dict[str, Any] = outsider.call(
        lambda service: service.drives().create(requestId="1", body={"name": "Team"}),
        units=50,
        doing="make a shared drive",
    )
    outsider.create("plans", made["id"], mime_type=FOLDER)
    return str(made["id"])


def test_shared_drives_are_beside_my_drive(fs: DriveFileSystem, team: str) -> None:
    """Listed, written, read, moved within, removed, by name and by id."""
    assert fs.ls("Shared drives", detail=False) == ["Shared drives/Team"]
    fs.pipe_file("Shared drives/Team/plans/a.txt", b"a")

    assert fs.cat_file("Shared drives/Team/plans/a.txt") == b"a"
    assert fs.cat_file(f"id:{team}/plans/a.txt") == b"a"
    assert fs.find("Shared drives") == ["Shared drives/Team/plans/a.txt"]
    assert fs.info("Shared drives/Team")["type"] == "directory"
    fs.mv("Shared drives/Team/plans/a.txt", "Shared drives/Team/new/b.txt")
    fs.cp_file("Shared drives/Team/new/b.txt", "copy.txt")
    assert fs.cat_file("copy.txt") == b"a"
    fs.rm("Shared drives/Team/new", recursive=True)
    assert fs.ls("Shared drives/Team", detail=False) == ["Shared drives/Team/plans"]
    with pytest.raises(BadPlace):
        fs.mkdir("Shared drives/Other")
    with pytest.raises(BadPlace):
        fs.pipe_file("Shared drives/file", b"")
    with pytest.raises(BadPlace):
        fs.rm("Shared drives/Team", recursive=True)
    with pytest.raises(PlaceNotFound, match="no folder 'Nope' in Shared drives; there is: Team"):
        fs.cat_file("Shared drives/Nope/a")


def test_a_shared_drive_has_a_change_log_of_its_own(
    fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock, drive: Emulator, team: str
) -> None:
    """It is asked for what is known there, and My Drive's for the rest."""
    fs.pipe_file("Shared drives/Team/plans/a.txt", b"a")
    fs.pipe_file("mine.txt", b"a")
    outsider.create("b.txt", fs.node("Shared drives/Team/plans").id, b"b")
    outsider.update(fs.node("Shared drives/Team/plans/a.txt").id, name="c.txt")
    clock.advance(6)
    before = len(drive.log)

    assert fs.exists("Shared drives/Team/plans/c.txt")
    assert fs.exists("mine.txt")
    asked = [entry.query for entry in drive.log[before:] if entry.path.endswith("/changes")]
    assert sum(f"driveId={team}" in query for query in asked) == 1
    assert fs.ls("Shared drives/Team/plans", detail=False) == [
        "Shared drives/Team/plans/b.txt",
        "Shared drives/Team/plans/c.txt",
    ]


def test_a_folder_called_shared_drives_can_be_reached(
    fs: DriveFileSystem, outsider: DriveAPI
) -> None:
    """Written as other names that mean something."""
    folder = outsider.create("Shared drives", outsider.root_id(), mime_type=FOLDER)
    outsider.create("a", folder.id, b"a")

    assert fs.find("") == ["\u201bShared drives/a"]
    assert fs.cat_file("\u201bShared drives/a") == b"a"


def test_what_exists_is_not_written_exclusively_through_a_shortcut(linked: DriveFileSystem) -> None:
    """The name is taken."""
    with pytest.raises(DriveConflict):
        linked.open("here/file", "xb")
