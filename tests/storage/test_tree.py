from datetime import UTC, datetime

import pytest

from colab_magics.storage.tree import FOLDER, Node, Tree, newest, to_name, to_path

EARLY = datetime(2026, 1, 1, tzinfo=UTC)
LATE = datetime(2026, 1, 2, tzinfo=UTC)


def node(id: str, name: str, parent: str | None = "root", **facts: object) -> Node:
    given = {
        "mime_type": "text/plain",
        "size": 1,
        "md5": "m",
        "revision": "r",
        "modified": EARLY,
        **facts,
    }
    return Node(id=id, name=name, parent=parent, **given)  # type: ignore[arg-type]


def test_a_resource_is_read_whole() -> None:
    """Numbers come as text, times with a Z."""
    found = Node.read(
        {
            "id": "1",
            "name": "a.txt",
            "mimeType": "text/plain",
            "parents": ["p"],
            "size": "12",
            "md5Checksum": "abc",
            "headRevisionId": "rev",
            "version": "7",
            "modifiedTime": "2026-11-20T06:40:25.087Z",
            "createdTime": "2026-11-19T06:40:25.087Z",
        }
    )

    assert found == Node(
        id="1",
        name="a.txt",
        parent="p",
        mime_type="text/plain",
        size=12,
        md5="abc",
        revision="rev",
        modified=datetime(2026, 11, 20, 6, 40, 25, 87000, tzinfo=UTC),
        trashed=False,
        version=7,
        created=datetime(2026, 11, 19, 6, 40, 25, 87000, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("resource", "revision"),
    [
        ({"headRevisionId": "h", "md5Checksum": "m", "version": "3"}, "h"),
        ({"md5Checksum": "m", "version": "3"}, "m"),
        ({"version": "3"}, "3"),
        ({}, ""),
    ],
)
def test_revision_is_the_best_sign_of_content(resource: dict[str, str], revision: str) -> None:
    """The head revision, else the md5, else the version."""
    assert Node.read({"id": "1", **resource}).revision == revision


def test_a_folder_is_known_by_its_type() -> None:
    """Only Drive's folder type is a folder."""
    assert node("1", "x", mime_type=FOLDER).folder
    assert not node("1", "x").folder


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.txt", "a.txt"),
        ("a/b", "a\u2215b"),
        ("a\u2215b", "a\u201b\u2215b"),
        ("\u201bx", "\u201b\u201bx"),
        (".", "\u201b."),
        ("..", "\u201b.."),
        ("", "\u201b"),
        ("My Drive", "\u201bMy Drive"),
        ("id:x/\u201b", "\u201bid:x\u2215\u201b\u201b"),
        ("...", "..."),
        ("\U0001f600 'q' \\ \"", "\U0001f600 'q' \\ \""),
    ],
)
def test_a_name_becomes_one_part_of_a_path_and_comes_back(name: str, path: str) -> None:
    """Whatever a file is called, its path has one part for it, and names it."""
    assert to_path(name) == path
    assert to_name(path) == name
    assert "/" not in path


def test_the_newest_of_one_name_is_meant() -> None:
    """Last modified wins; then the lowest id; a file without a time loses."""
    old, new, twin = node("3", "x"), node("2", "x", modified=LATE), node("1", "x", modified=LATE)

    assert newest([old, new, twin]) == twin
    assert newest([node("0", "x", modified=None), old]) == old
    assert newest([]) is None


def test_a_moved_folder_takes_its_files_along() -> None:
    """Paths follow ids: one entry changes, all below it is right."""
    tree = Tree()
    tree.put(node("f", "old", mime_type=FOLDER))
    tree.put(node("a", "a.txt", "f"))

    assert tree.path_of("a", "root") == "old/a.txt"

    tree.put(node("f", "new", mime_type=FOLDER))

    assert tree.path_of("a", "root") == "new/a.txt"
    assert [child.id for child in tree.children("root")] == ["f"]
    assert tree.find("root", "old") is None


def test_an_older_version_is_ignored() -> None:
    """A late listing does not undo what is known."""
    tree = Tree()
    tree.put(node("a", "new", version=5))
    tree.put(node("a", "old", version=4))

    assert tree.find("root", "new") == node("a", "new", version=5)
    assert tree.find("root", "old") is None


def test_what_was_buried_stays_so_until_a_later_version() -> None:
    """A late listing does not bring it back; who restores it does."""
    tree = Tree()
    tree.put(node("a", "a", version=5))
    tree.bury("a")
    tree.put(node("a", "a", version=5))
    assert tree.get("a") is None
    tree.put(node("a", "a", version=6))
    assert tree.get("a") is not None
    tree.bury("a", 3)
    assert tree.get("a") is not None, "an older burial than what is known"
    tree.bury("a", float("inf"))
    tree.put(node("a", "a", version=10**9))
    assert tree.get("a") is None


def test_a_version_below_what_was_heard_of_is_not_believed() -> None:
    """Of a file that is not even known."""
    tree = Tree()
    tree.expect("a", 4)
    tree.put(node("a", "late", version=3))
    assert tree.get("a") is None
    tree.put(node("a", "right", version=4))
    assert tree.find("root", "right") is not None


def test_what_is_trashed_or_dropped_is_gone() -> None:
    """Neither has a path any more."""
    tree = Tree()
    tree.put(node("a", "a", version=1))
    tree.put(node("a", "a", version=2, trashed=True))
    tree.put(node("b", "b"))
    tree.drop("b")
    tree.drop("never known")

    assert tree.get("a") is None
    assert tree.children("root") == []
    assert tree.path_of("b", "root") is None


def test_a_path_needs_every_folder_on_the_way() -> None:
    """Unknown folders and circles give None, not a wrong path."""
    tree = Tree()
    tree.put(node("a", "a", "unknown"))
    tree.put(node("x", "x", "y"))
    tree.put(node("y", "y", "x"))

    assert tree.path_of("a", "root") is None
    assert tree.path_of("x", "root") is None
    assert tree.path_of("root", "root") == ""
