"""Is what one path of a mounted folder shows the same as what the listing shows there?"""

from __future__ import annotations

from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.fuse.view import View

DOCUMENT = "application/vnd.google-apps.document"


def test_a_path_shows_what_the_listing_shows(fs: DriveFileSystem) -> None:
    """Google documents, and those whose name looks like what stands for another one."""
    root = fs.api.root_id()
    for name in ("Plan", "Plan.gdoc", "Other", "..", "only.gdoc"):
        fs.api.create(name, root, mime_type=DOCUMENT)
    fs.api.create("Sheet", root, mime_type="application/vnd.google-apps.spreadsheet")
    plain = fs.api.create("Other.gdoc", root, b"a file of its own")
    view = View(fs)
    shown = view.names("/")

    assert sorted(shown) == [
        "Other.gdoc",
        "Plan.gdoc",
        "Plan.gdoc.gdoc",
        "Sheet.gsheet",
        "only.gdoc.gdoc",
        "\u201b...gdoc",
    ]
    assert {name: view.entry(f"/{name}") for name in shown} == shown
    assert shown["Other.gdoc"].id == plain.id
    for absent in ("Plan", "Sheet.gdoc", "only.gdoc", "Other", "no.gdoc"):
        assert view.entry(f"/{absent}") is None, absent


def test_looking_at_a_listed_document_asks_nothing(fs: DriveFileSystem) -> None:
    """So a long listing of a folder of documents stays as cheap as one of files."""
    for number in range(3):
        fs.api.create(f"Plan {number}", fs.api.root_id(), mime_type=DOCUMENT)
    view = View(fs)
    names = view.names("/")
    before = fs.api.requests

    assert all(view.entry(f"/{name}") == entry for name, entry in names.items())
    assert fs.api.requests == before
