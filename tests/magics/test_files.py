"""Do the magics that list, fetch, send, remove and share files say and do the right things?"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from colab_magics.emulator import Emulator

Said = Callable[[str], str]
Run = Callable[[str], Any]


@pytest.fixture
def run(attached: InteractiveShell) -> Run:
    """Run a line such as ``drive_ls in``; its value."""

    def one(line: str) -> Any:
        name, _, rest = line.partition(" ")
        return attached.run_line_magic(name, rest)

    return one


@pytest.fixture
def api(drive: Emulator) -> Iterator[Any]:
    """Somebody else's way to the same Drive."""
    from colab_magics.settings import Settings
    from colab_magics.storage.api import DriveAPI

    one = DriveAPI(url=drive.url, settings=Settings())
    yield one
    one.close()


@pytest.fixture
def data() -> Path:
    """A folder here with files in it and below."""
    folder = Path("data")
    (folder / "deep" / "er").mkdir(parents=True)
    for number in (1, 2, 10):
        (folder / f"file{number}.txt").write_text("x" * number)
    (folder / "deep" / "b.bin").write_bytes(bytes(3000))
    (folder / "deep" / "er" / "🎉 party.txt").write_text("p")
    return folder


def names(listing: Any) -> list[str]:
    return [item.name + "/" * item.folder for item in listing]


def local(folder: str) -> list[str]:
    """The files below a folder here."""
    top = Path(folder)
    return sorted(str(one.relative_to(top)) for one in top.rglob("*") if one.is_file())


# Mistakes


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("%drive_get", "UsageError: the following arguments are required: place"),
        ("%drive_ls --bogus", "UsageError: unrecognized arguments: --bogus"),
        (
            "%drive_ls --rows 0",
            "UsageError: argument --rows: must be a whole number from 1 on, not '0'",
        ),
        ('%drive_ls "story', 'UsageError: no closing quotation in: "story'),
        ("%drive_get b.txt", "PlaceNotFound: no file 'b.txt' in My Drive; there is: story"),
        ("%drive_rm b.txt", "PlaceNotFound: no file 'b.txt' in My Drive; there is: story"),
        ("%drive_link b.txt", "PlaceNotFound: no file 'b.txt' in My Drive; there is: story"),
        (
            "%drive_get 'story/*.zip'",
            "PlaceNotFound: nothing matches 'My Drive/story/*.zip'; %drive_ls shows what is there",
        ),
        (
            "%drive_get story/a.txt story into",
            "PlaceNotFound: several files need a folder; write 'into/' to make one",
        ),
        (
            "%drive_get story/a.txt story a.txt",
            "PlaceIsFile: 'a.txt' is a file, not a folder to put several files into",
        ),
        ("%drive_put nofile", "PlaceNotFound: no file at 'nofile' on this machine"),
        ("%drive_put *.zip", "PlaceNotFound: nothing matches '*.zip' on this machine"),
        (
            "%drive_put a.txt a.txt new",
            "BadPlace: several files need a folder; write 'My Drive/new/' to make one",
        ),
        (
            "%drive_rm story",
            "PlaceIsFolder: 'My Drive/story' holds 1 entry; add --recursive to remove it whole",
        ),
        (
            '%drive_rm "My Drive" --recursive --forever',
            "BadPlace: 'My Drive' is the top folder, which can not be removed",
        ),
        (
            "%drive_rm --restore story",
            "PlaceNotFound: no 'My Drive/story' in the trash; %drive_ls --trashed shows what is "
            "there",
        ),
        (
            "%drive_link story --share bob",
            "BadValue: nobody is meant by 'bob'; write anyone, NAME@HOST, group:NAME@HOST or "
            "domain:HOST",
        ),
        (
            "%drive_ls story --trashed",
            "UsageError: --trashed lists all of the trash; leave out PLACE and --tree",
        ),
        (
            "%drive_ls --tree --trashed",
            "UsageError: --trashed lists all of the trash; leave out PLACE and --tree",
        ),
        (
            "%drive_rm story --restore --forever",
            "UsageError: give one of --restore and --forever",
        ),
        (
            "%drive_link story --role writer",
            "BadValue: nothing was shared: --role and --notify need --share WHO",
        ),
        (
            "%drive_link story --share ''",
            "BadValue: nobody is meant by ''; write anyone, NAME@HOST, group:NAME@HOST or "
            "domain:HOST",
        ),
        (
            "%drive_get story a.txt",
            "PlaceIsFile: 'a.txt' is a file here, so no folder can become it",
        ),
        ("%drive_put pipe", "BadPlace: 'pipe' is neither a file nor a folder"),
        ("%drive_get story/a.txt pipe", "BadPlace: 'pipe' is neither a file nor a folder"),
        ("%drive_get story a.txt/b", "BadPlace: not a directory: 'a.txt/b'"),
        ("%drive_put broken", "BadPlace: no such file or directory: 'broken'"),
        (
            "%drive_mount https://me:hush@localhost/?key=hush",
            "BadValue: an address of a Drive has no user, '?' or '#' in it; write https://HOST/",
        ),
        ("%drive_ls 'a**'", "BadPlace: no pattern: 'a**'; '**' stands alone between two '/'"),
        (
            "%drive_rm 'story/a**' --restore",
            "BadPlace: no pattern: 'a**'; '**' stands alone between two '/'",
        ),
        ("%drive_ls story --page 2", "BadPlace: no page 2 of 'My Drive/story'; the last one is 1"),
    ],
)
def test_a_mistake_is_one_line(run: Run, said: Said, code: str, line: str) -> None:
    """What is wrong, which one, and what to do."""
    Path("a.txt").write_text("x")
    os.mkfifo("pipe")
    Path("broken").symlink_to("nowhere")
    run("drive_put a.txt story/a.txt")

    assert said(code) == line


def test_help_is_shown_by_both_ways(ours: InteractiveShell) -> None:
    """`--help` gives what `?` gives."""
    text = repr(ours.run_line_magic("drive_get", "--help"))

    assert "%drive_get [--export FORMAT] place [dest ...]" in text
    assert "Fetch files and folders from the Drive, verified" in text


def test_braces_and_dollars_in_names_are_left_alone(attached: InteractiveShell) -> None:
    """IPython would replace `{x}` by a variable, silently."""
    attached.user_ns["x"] = "wrong"
    Path("a{x}$x.txt").write_text("hello")
    attached.run_cell("%drive_put a{x}$x.txt")

    assert names(attached.run_line_magic("drive_ls", "")) == ["a{x}$x.txt"]


# Listing


def test_a_listing_is_a_value(run: Run, data: Path) -> None:
    """All of it: items with facts, a length, a sum."""
    run("drive_put data")
    found = run("drive_ls data")

    assert names(found) == ["deep/", "file1.txt", "file2.txt", "file10.txt"]
    assert len(found) == 4
    assert found.size == 13
    assert (found[1].path, found[1].size) == ("data/file1.txt", 1)
    assert found[1].md5 == "9dd4e461268c8034f5c8564e155c67a6"
    assert found[1].id
    assert found[1].modified is not None


def test_a_listing_is_a_data_frame(run: Run, data: Path) -> None:
    """For those who count and filter."""
    pytest.importorskip("pandas")
    run("drive_put data")
    frame = run("drive_ls data").to_pandas()

    assert list(frame["name"]) == ["deep", "file1.txt", "file2.txt", "file10.txt"]
    assert frame["size"].sum() == 13


def test_a_long_folder_is_shown_page_by_page(run: Run, data: Path) -> None:
    """What is left out is said, with the line that shows it; the value has all."""
    for number in range(12):
        Path(f"many/{number}.txt").parent.mkdir(exist_ok=True)
        Path(f"many/{number}.txt").write_text("x" * 100)
    run("drive_put many 'my many'")
    first = run("drive_ls 'my many' --rows 5 --sort time --reverse")
    last = run("drive_ls 'my many' --rows 5 --page 3")

    assert len(first) == 12
    assert len(first.table().rows) == 5
    assert repr(first).splitlines()[-1] == (
        "5 of 12, 1.2 kB; page 1 of 3; "
        "more: %drive_ls 'my many' --sort time --reverse --rows 5 --page 2"
    )
    assert repr(last).splitlines()[-1] == "2 of 12, 1.2 kB; page 3, the last one"
    assert [row[0] for row in last.table().rows] == ["10.txt", "11.txt"]
    assert len(run("drive_ls 'my many' --rows 5 --all").table().rows) == 12


def test_ten_thousand_files_are_a_page_of_a_hundred(tmp_path: Path) -> None:
    """A browser that draws 10,000 rows stands still."""
    from colab_magics.storage.listed import Listing
    from colab_magics.storage.listing import Item

    items = [
        Item(f"{n}.bin", f"{n}.bin", False, 1000, None, None, None, None) for n in range(10000)
    ]
    shown = Listing("My Drive/big", items, typed="big")

    assert shown._repr_html_().count("<tr>") == 100
    assert shown.table().note == (
        "100 of 10,000, 10 MB; page 1 of 100; more: %drive_ls big --page 2"
    )


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ("", ["deep/", "file1.txt", "file2.txt", "file10.txt"]),
        ("--reverse", ["file10.txt", "file2.txt", "file1.txt", "deep/"]),
        ("--sort size", ["file10.txt", "file2.txt", "file1.txt", "deep/"]),
        ("--sort size --reverse", ["deep/", "file1.txt", "file2.txt", "file10.txt"]),
    ],
)
def test_listings_are_sorted(run: Run, data: Path, options: str, order: list[str]) -> None:
    """By name as people count; the largest and the newest first."""
    run("drive_put data")

    assert names(run(f"drive_ls data {options}")) == order


def test_the_newest_comes_first(run: Run) -> None:
    """As `ls -t` does it."""
    for name in ("b", "a", "c"):
        Path(name).write_text(name)
        run(f"drive_put {name} in/")

    assert names(run("drive_ls in --sort time")) == ["c", "a", "b"]


def test_a_pattern_lists_what_matches(run: Run, data: Path) -> None:
    """With the path below the folder that the pattern starts from."""
    run("drive_put data")

    assert names(run("drive_ls 'data/file1*'")) == ["file1.txt", "file10.txt"]
    assert names(run("drive_ls 'data/**/*.txt'")) == [
        "deep/er/🎉 party.txt",
        "file1.txt",
        "file2.txt",
        "file10.txt",
    ]
    assert run("drive_ls '*.zip'").table().note == "empty"


def test_a_tree_says_what_folders_hold(run: Run, data: Path) -> None:
    """Files and bytes of each folder with all below it."""
    run("drive_put data")

    assert repr(run("drive_ls data --tree")) == "\n".join(
        [
            "My Drive/data",
            "",
            "  name                       files   size",
            " ─────────────────────────────────────────",
            "  ├── deep/                      2   3 kB",
            "  │   ├── er/                    1    1 B",
            "  │   │   └── 🎉 party.txt            1 B",
            "  │   └── b.bin                      3 kB",
            "  ├── file1.txt                       1 B",
            "  ├── file2.txt                       2 B",
            "  └── file10.txt                     10 B",
            "",
            "5 files, 3.01 kB, in 2 folders below it",
        ]
    )
    tree = run("drive_ls data --tree --depth 1")
    assert [row[0] for row in tree.table().rows] == [
        "├── deep/",
        "├── file1.txt",
        "├── file2.txt",
        "└── file10.txt",
    ]
    assert tree.table().rows[0][1:] == ["2", "3 kB"]


def test_a_tree_stops_somewhere_and_says_so(attached: InteractiveShell, run: Run) -> None:
    """A Drive with a million folders does not cost a million requests."""
    from colab_magics.storage.outline import Outline, outline

    for number in range(4):
        Path(f"t/{number}/x").mkdir(parents=True)
        Path(f"t/{number}/x/a").write_text("a")
    run("drive_put t")
    notebook = attached.magics_manager.registry["FileMagics"].notebook
    tree = Outline(outline(notebook.resolve("t"), most=3), 3)

    assert tree.table().note == (
        "at least 0 files, 0 B, in 6 folders below it; 3 folders were looked into, so sums are "
        "too low"
    )


def test_a_tree_lists_each_folder_once(run: Run, drive: Emulator, data: Path) -> None:
    """One request for each folder, besides finding the first."""
    run("drive_put data")
    before = lists(drive)
    run("drive_ls data --tree")

    assert lists(drive) - before <= 3 + 1


def lists(drive: Emulator) -> int:
    return sum(one.method == "GET" and one.path.endswith("/files") for one in drive.log)


def test_files_of_one_name_are_told_apart(run: Run, api: Any) -> None:
    """Each with its id, and which one the name means."""
    first = api.create("a.txt", api.root_id(), b"one")
    second = api.create("a.txt", api.root_id(), b"two!")
    found = run("drive_ls")

    assert [(item.size, item.path) for item in found] == [(4, "a.txt"), (3, f"id:{first.id}")]
    assert found[0].id == second.id
    assert found[1].note == f"an older one of 2 of this name; its place is id:{first.id}"


def make_special(api: Any) -> None:
    """A folder with a Google document, a shortcut to a file, and one to the folder itself."""
    folder = api.create("in", api.root_id(), mime_type="application/vnd.google-apps.folder")
    file = api.create("a.txt", folder.id, b"hello")
    api.create("report", folder.id, mime_type="application/vnd.google-apps.document")
    for name, target in (("short", file.id), ("round", folder.id)):
        body = {
            "name": name,
            "parents": [folder.id],
            "mimeType": "application/vnd.google-apps.shortcut",
            "shortcutDetails": {"targetId": target},
        }
        api.call(
            lambda service, body=body: service.files().create(body=body, fields="id"),
            units=50,
            doing="make a shortcut",
        )


def test_what_is_special_about_a_file_is_said(run: Run, api: Any) -> None:
    """Google documents, shortcuts, what others can open; a shortcut's bytes are not counted."""
    make_special(api)
    run("drive_link in/a.txt --share anyone")
    found = run("drive_ls in")
    notes = {item.name: item.note for item in found}

    assert notes["a.txt"] == "shared"
    assert notes["report"] == "Google Doc; --export docx pdf txt md html odt rtf epub"
    assert notes["short"].startswith("shortcut → in/a.txt")
    assert notes["round"] == "shortcut that can not be followed"
    assert found.size == 5


def test_a_tree_does_not_follow_shortcuts(run: Run, api: Any) -> None:
    """One that leads back up would have no end."""
    make_special(api)
    tree = run("drive_ls in --tree --depth 9")

    assert tree.top.folders == 0
    assert tree.top.size == 5


def test_removing_a_shortcut_leaves_what_it_leads_to(run: Run, api: Any) -> None:
    """Also one to a folder, without --recursive."""
    make_special(api)
    run("drive_rm in/short in/round")

    assert names(run("drive_ls in")) == ["a.txt", "report"]


def test_a_google_document_becomes_what_is_asked_for(run: Run, api: Any, said: Said) -> None:
    """By DEST's ending or --export; without them the formats are named."""
    make_special(api)
    run("drive_get in/report out.pdf")
    run("drive_get in/report --export txt")
    run("drive_get in/report --export odt named")  # an option may stand anywhere

    assert Path("out.pdf").read_bytes()
    assert Path("report.txt").exists()
    assert Path("named.odt").exists()
    assert said("%drive_get in/report") == (
        "DriveForbidden: 'My Drive/in/report' is a Google document, which has no bytes of its own; "
        "add --export FORMAT, one of: docx pdf txt md html odt rtf epub"
    )


def test_a_folder_with_a_google_document_arrives(run: Run, api: Any) -> None:
    """What has no bytes is left out and said, which is no failure; with --export it comes, too."""
    make_special(api)
    got = run("drive_get in one")
    exported = run("drive_get in two --export pdf")

    assert local("one") == ["a.txt"]
    assert sorted(name for name, _ in got.left_out) == ["report", "round", "short"]
    assert "left out  report: a Google document" in repr(got)
    assert local("two") == ["a.txt", "report.pdf"]
    assert sorted(name for name, _ in exported.left_out) == ["round", "short"]


def test_an_export_is_not_said_to_be_verified(run: Run, api: Any) -> None:
    """Drive tells neither its size nor its md5."""
    make_special(api)
    alone = dict(run("drive_get in/report out.pdf").card().lines)
    whole = dict(run("drive_get in all --export pdf").card().lines)

    assert alone["verified"] == "no; of what it exports, Drive tells neither md5 nor size"
    assert whole["verified"] == "every file, by its md5 or its size, but for 1 export"


def test_a_document_that_can_not_be_exported_stops_nothing(
    attached: InteractiveShell, run: Run, api: Any, drive: Emulator, said: Said
) -> None:
    """The card says which one and why; the other files are here, and counted."""
    make_special(api)
    reason = "exportSizeLimitExceeded"
    drive.faults.add(path="/export", status=403, reason=reason)
    line = said("%drive_get in all --export pdf")

    assert line.splitlines()[-1] == (
        "DriveError: 1 of 2 files did not arrive; run it again, what is there stays"
    )
    assert "failed    report: " in line + str(attached.display_pub.outputs)
    assert local("all") == ["a.txt"]


def test_documents_of_one_name_are_exported_once(run: Run, api: Any) -> None:
    """The newest; the other one is left out, with its id."""
    kind = "application/vnd.google-apps.document"
    folder = api.create("in", api.root_id(), mime_type="application/vnd.google-apps.folder")
    older = api.create("plan", folder.id, mime_type=kind)
    api.create("plan", folder.id, mime_type=kind)
    got = run("drive_get in --export txt")

    assert got.files == 1
    assert got.left_out == [("plan", f"another file has this name; this one is id:{older.id}")]


def test_an_export_does_not_replace_a_file_of_the_folder(run: Run, api: Any) -> None:
    """It is left out, be that a file or a document that is called so."""
    kind = "application/vnd.google-apps.document"
    folder = api.create("in", api.root_id(), mime_type="application/vnd.google-apps.folder")
    for name in ("plan", "other", "other.docx"):
        api.create(name, folder.id, mime_type=kind)
    api.create("plan.docx", folder.id, b"a file")
    got = run("drive_get in --export docx")
    again = run("drive_get in --export docx")

    assert (got.files, again.same) == (2, 1)
    assert [name for name, _ in got.left_out] == ["other", "plan"]
    assert local("in") == ["other.docx", "plan.docx"]
    assert Path("in/plan.docx").read_bytes() == b"a file"


def test_a_listing_shows_hostile_names_as_text(run: Run) -> None:
    """A name is never HTML and never a terminal code."""
    name = "<img src=x onerror=alert(1)>\x1b[31m"
    Path("x").write_text("x")
    run(f"drive_put x '{name}'")
    for shown in (run("drive_ls"), run("drive_ls --tree"), run(f"drive_link '{name}'")):
        assert "<img" not in shown._repr_html_()
        assert "&lt;img" in shown._repr_html_()
        assert "\x1b" not in repr(shown)


# There and back


def test_a_file_goes_there_and_back(run: Run) -> None:
    """Sent, listed, fetched: the same bytes, and a receipt that says the hashes are equal."""
    Path("a b.txt").write_text("hello")
    sent = run('drive_put "a b.txt" "my folder/"')
    listed = run('drive_ls "my folder"')
    run('drive_get "my folder/a b.txt" copy.txt')

    assert "md5 5d41402abc4b2a76b9719d911017c592 on both sides" in repr(sent)
    assert [(item.name, item.size) for item in listed] == [("a b.txt", 5)]
    assert Path("copy.txt").read_text() == "hello"


def test_what_is_there_already_is_not_moved_again(run: Run, drive: Emulator) -> None:
    """Neither up nor down, and it says so."""
    Path("a.txt").write_text("hello")
    first = run("drive_put a.txt")
    again = run("drive_put a.txt")
    back = run("drive_get a.txt")

    assert (first.same, again.same, back.same) == (0, 1, 1)
    assert repr(again).splitlines()[0] == "● a.txt → My Drive/a.txt  [there already, and equal]"
    assert again.receipts[0].revision == first.receipts[0].revision
    assert not [one for one in drive.log if "alt=media" in one.query]


def test_there_already_is_said_of_what_is_there_now(run: Run, api: Any) -> None:
    """Somebody else has removed it a moment ago, which nothing here knows of yet."""
    Path("a.txt").write_text("hello")
    first = run("drive_put a.txt")
    api.update(first.receipts[0].id, trashed=True)
    again = run("drive_put a.txt")

    assert again.same == 0
    assert [node.name for node in api.children(api.root_id())] == ["a.txt"]


def test_a_folder_goes_there_and_back(run: Run, data: Path) -> None:
    """With all below it; and the same line again goes on with the same folder."""
    sent = run("drive_put data")
    run("drive_get data copy")
    again = run("drive_get data copy")
    run("drive_get data into/")

    assert sent.files == 5
    assert local("copy") == local("data") == local("into/data")
    assert again.files == 5
    assert (Path("copy") / "deep" / "er" / "🎉 party.txt").read_text() == "p"


def test_patterns_and_several_files_go_into_a_folder(run: Run, data: Path) -> None:
    """On both sides; `**` keeps the folders."""
    sent = run("drive_put data/file*.txt data/deep in/")
    run("drive_get 'in/*.txt' got/")
    run("drive_get 'in/**/*.txt' deep/")
    run("drive_get in/file1.txt in/file2.txt two/")

    assert names(run("drive_ls in")) == ["deep/", "file1.txt", "file2.txt", "file10.txt"]
    assert sent.files == 5
    assert local("got") == ["file1.txt", "file10.txt", "file2.txt"]
    assert local("deep") == ["deep/er/🎉 party.txt", "file1.txt", "file10.txt", "file2.txt"]
    assert local("two") == ["file1.txt", "file2.txt"]


@pytest.mark.parametrize("name", ["../up.txt", "a/b.txt", "..", "/etc/x"])
def test_a_name_on_drive_is_never_a_path_here(run: Run, api: Any, name: str) -> None:
    """Nothing is written outside DEST, whatever a file is called."""
    node = api.create(name, api.root_id(), b"evil")
    run(f"drive_get id:{node.id} in/")
    run("drive_get '*' all/")

    assert [one.read_bytes() for one in Path("in").iterdir()] == [b"evil"]
    assert [one.read_bytes() for one in Path("all").iterdir()] == [b"evil"]
    assert sorted(one.name for one in Path().iterdir()) == ["all", "in"]
    assert not list(Path("..").glob("*up.txt"))


def test_what_fails_is_listed_and_stops_run_all(
    attached: InteractiveShell, run: Run, drive: Emulator, said: Said, data: Path
) -> None:
    """The others arrive; the card says which did not, and why; the cell fails."""
    run("drive_put data/file1.txt data/file2.txt in/")
    bad = run("drive_ls in")[1].id
    reason = "downloadQuotaExceeded"
    drive.faults.add(path=f"/files/{bad}$", query="alt=media", status=403, reason=reason)
    line = said("%drive_get 'in/*' out/")
    drive.faults.clear()
    shown = str(attached.display_pub.outputs)

    assert line.splitlines()[-1] == (
        "DriveError: 1 of 2 files did not arrive; run it again, what is there stays"
    )
    assert "this file was downloaded too often" in line + shown
    assert local("out") == ["file1.txt"]


def test_progress_becomes_the_result_in_place(attached: InteractiveShell, tmp_path: Path) -> None:
    """One display: bar, then receipt; what is interrupted says how to go on."""
    from colab_magics.magics.transferring import Interrupted, moved
    from colab_magics.storage.steps import Step

    def stopped(callback: Any) -> Any:
        raise KeyboardInterrupt

    notebook = attached.magics_manager.registry["FileMagics"].notebook
    with pytest.raises(Interrupted) as caught:
        moved(notebook, [Step("a", "b", 0, stopped)], "fetched")

    assert caught.value._render_traceback_() == [
        "interrupted; run it again to go on: what is there stays"
    ]
    assert isinstance(caught.value, KeyboardInterrupt)


# Removing


def test_what_is_removed_lies_in_the_trash_and_comes_back(run: Run, data: Path) -> None:
    """It says how much it was, and the line that undoes it works."""
    run("drive_put data")
    gone = run("drive_rm data --recursive")
    after = names(run("drive_ls"))
    trashed = run("drive_ls --trashed")
    run(f"drive_rm --restore id:{gone[0].id}")

    assert repr(gone) == "\n".join(
        [
            "● My Drive/data  [in the trash]",
            "  it held  5 files, 3.01 kB, in 2 folders below it",
            f"  undo     %drive_rm --restore id:{gone[0].id}",
        ]
    )
    assert after == []
    assert names(trashed) == ["data/"]
    assert names(run("drive_ls")) == ["data/"]
    assert len(run("drive_ls data")) == 4


def test_what_was_removed_comes_back_by_its_name(run: Run) -> None:
    """The one that was thrown away last."""
    Path("a.txt").write_text("a")
    run("drive_put a.txt")
    run("drive_rm a.txt")
    run("drive_rm --restore a.txt")

    assert names(run("drive_ls")) == ["a.txt"]


def test_a_file_in_a_folder_that_is_removed_goes_with_it(run: Run, data: Path) -> None:
    """Also when both are named, and one of them twice."""
    run("drive_put data")
    gone = run("drive_rm data data/file1.txt data --recursive")
    run(f"drive_rm --restore id:{gone[0].id}")

    assert [one.place for one in gone] == ["My Drive/data"]
    assert len(run("drive_ls data")) == 4


def test_a_pattern_brings_back_what_it_removed(run: Run, data: Path, said: Said) -> None:
    """From the folders that it means, and nothing else; of one name, the one changed last."""
    run("drive_put data")
    run("drive_rm data/file1.txt")
    Path("file1.txt").write_text("new")
    run("drive_put file1.txt data/")
    run("drive_rm 'data/**/*.txt'")
    run("drive_rm data/deep/b.bin")
    back = run("drive_rm --restore 'data/file?.txt'")
    deep = run("drive_rm --restore 'data/**/*.txt'")
    run("drive_get data/file1.txt got.txt")

    assert [one.place for one in back] == ["My Drive/data/file1.txt", "My Drive/data/file2.txt"]
    assert [one.place for one in deep][1:] == [
        "My Drive/data/file10.txt",
        "My Drive/data/deep/er/🎉 party.txt",
    ]
    assert Path("got.txt").read_text() == "new"
    assert said("%drive_rm --restore 'data/*.txt'") == (
        "PlaceNotFound: no 'My Drive/data/*.txt' in the trash; %drive_ls --trashed shows what is "
        "there"
    )


@pytest.mark.parametrize("folder", ["a[1]", "plain"])
def test_a_name_that_looks_like_a_pattern_comes_back(run: Run, folder: str) -> None:
    """What is called just so comes first."""
    for name in ("b[1].txt", "b1.txt"):
        Path(name).write_text(name)
        run(f"drive_put {name} '{folder}/'")
        run(f"drive_rm '{folder}/{name}'")
    run(f"drive_rm --restore '{folder}/b[1].txt'")

    assert names(run(f"drive_ls '{folder}'")) == ["b[1].txt"]


def test_a_pattern_says_what_it_removed(run: Run, data: Path) -> None:
    """Each of them, and the others stay."""
    run("drive_put data")
    gone = run("drive_rm 'data/file1*'")

    assert [one.place for one in gone] == ["My Drive/data/file1.txt", "My Drive/data/file10.txt"]
    assert names(run("drive_ls data")) == ["deep/", "file2.txt"]


def test_forever_is_past_the_trash(run: Run) -> None:
    """And says so."""
    Path("a.txt").write_text("a")
    run("drive_put a.txt")
    gone = run("drive_rm a.txt --forever")

    assert repr(gone).splitlines()[0] == "● My Drive/a.txt  [deleted for good]"
    assert len(run("drive_ls --trashed")) == 0


def test_nothing_is_removed_when_one_of_several_can_not_be(
    run: Run, said: Said, data: Path
) -> None:
    """All are looked at first."""
    run("drive_put data/file1.txt data in/")
    said("%drive_rm in/file1.txt in/data")

    assert names(run("drive_ls in")) == ["data/", "file1.txt"]


def test_a_folder_without_a_trash_needs_forever(
    ours: InteractiveShell, tmp_path: Path, said: Said
) -> None:
    """A local folder as the drive."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    ours.run_line_magic("drive_mount", str(tmp_path / "folder"))
    path = tmp_path / "folder" / "a.txt"

    assert said("%drive_rm a.txt") == (
        f"DriveForbidden: there is no trash for '{path}'; add --forever to delete it"
    )
    assert path.exists()
    ours.run_line_magic("drive_rm", "a.txt --forever")
    assert not path.exists()


# Many threads


def test_progress_counts_what_threads_tell_it() -> None:
    """Shares of several files add up, also when told at once."""
    from colab_magics.progress import Progress
    from colab_magics.storage.moving import Shares

    whole = Progress("x", lambda card: None)
    shares = Shares(whole, [1000] * 4)

    def work(number: int) -> None:
        part = shares.part(number)
        part.set_size(1000)
        for _ in range(1000):
            part.relative_update(1)
        shares.ended(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert (whole.value, whole.size, whole.files) == (4000, 4000, (4, 4))


def test_a_folder_of_one_file_says_what_was_compared(run: Run) -> None:
    """Its md5 was, as that of any file in a folder."""
    Path("one").mkdir()
    Path("one/a.txt").write_text("x")
    run("drive_put one")

    assert dict(run("drive_get one back").card().lines)["verified"] == (
        "every file, by its md5 or its size"
    )


def test_the_line_that_brings_many_back_can_be_run(run: Run) -> None:
    """As it stands there."""
    Path("few").mkdir()
    for number in range(5):
        Path(f"few/{number}.txt").touch()
    run("drive_put few")
    undo = dict(run("drive_rm few/*").card().lines)["undo"]
    run(str(undo).removeprefix("%"))

    assert len(run("drive_ls few")) == 5


def test_the_line_that_brings_very_many_back_is_short_and_exact(run: Run) -> None:
    """The pattern, unless it means what lay in the trash before; then ids, as many as fit."""
    Path("many").mkdir()
    for number in range(30):
        Path(f"many/{number}.txt").touch()
    run("drive_put many")
    undo = dict(run("drive_rm many/*").card().lines)["undo"]
    run(str(undo).removeprefix("%"))
    back = len(run("drive_ls many"))
    run("drive_rm many/7.txt")
    gone = run("drive_rm many/*")
    run(repr(gone).splitlines()[-2].partition("%")[2])

    assert undo == "%drive_rm --restore 'many/*'"
    assert back == 30
    assert repr(gone).splitlines()[-1].strip() == "and 22 more: %drive_ls --trashed"
    assert len(run("drive_ls many")) == 7
