import gc
import io
import os
import signal
import sys
import threading
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from harness.waiting import wait_until

from colab_magics.emulator import Emulator
from colab_magics.errors import (
    BadPlace,
    DriveBusy,
    DriveConflict,
    DriveForbidden,
    PlaceIsFile,
    PlaceIsFolder,
    PlaceNotFound,
)
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.tree import FOLDER

from .conftest import JumpingClock


@pytest.fixture
def story(fs: DriveFileSystem) -> DriveFileSystem:
    """A Drive with a few files."""
    fs.pipe_file("story/a.txt", b"aaa")
    fs.pipe_file("story/b.txt", b"bbbb")
    fs.pipe_file("story/deep/c.csv", b"x,y\n1,2\n")
    return fs


def test_a_listing_says_what_is_there(story: DriveFileSystem) -> None:
    """Names with their path, folders without a size."""
    assert story.ls("story", detail=False) == ["story/a.txt", "story/b.txt", "story/deep"]
    assert [(one["type"], one["size"]) for one in story.ls("story")] == [
        ("file", 3),
        ("file", 4),
        ("directory", 0),
    ]
    assert story.ls("", detail=False) == ["story"]
    assert story.ls("story/a.txt", detail=False) == ["story/a.txt"]
    assert story.find("") == ["story/a.txt", "story/b.txt", "story/deep/c.csv"]
    assert story.glob("story/*.txt") == ["story/a.txt", "story/b.txt"]
    assert list(story.walk("story")) == [
        ("story", ["deep"], ["a.txt", "b.txt"]),
        ("story/deep", [], ["c.csv"]),
    ]


def test_info_holds_what_drive_knows(story: DriveFileSystem) -> None:
    """Id, size, type, hash, times, revision."""
    info = story.info("story/a.txt")
    node = story.node("story/a.txt")

    assert (info["name"], info["size"], info["type"]) == ("story/a.txt", 3, "file")
    assert (info["id"], info["revision"]) == (node.id, node.revision)
    assert info["md5"] == "47bce5c74f589f4867dbd57e9ca9f808"
    assert info["mimetype"] == "text/plain"
    assert abs((info["mtime"] - datetime.now(UTC)).total_seconds()) < 60
    assert story.created("story/a.txt") == info["created"]
    assert story.modified("story/a.txt") == info["mtime"]
    assert story.checksum("story/a.txt") == info["md5"]
    assert story.info("")["type"] == "directory"


@pytest.mark.parametrize(
    "path",
    [
        "story/a.txt",
        "/story/a.txt",
        "My Drive/story/a.txt",
        "gdrive://story//a.txt",
        "./story/a.txt",
    ],
)
def test_a_path_may_be_written_in_several_ways(story: DriveFileSystem, path: str) -> None:
    """All of them mean the same file."""
    assert story.cat_file(path) == b"aaa"


def test_an_id_is_a_path(story: DriveFileSystem) -> None:
    """Of a file, or of a folder with more behind it."""
    file, folder = story.node("story/a.txt"), story.node("story")

    assert story.cat_file(f"id:{file.id}") == b"aaa"
    assert story.ls(f"id:{folder.id}", detail=False)[0] == f"id:{folder.id}/a.txt"
    assert story.cat_file(f"id:{folder.id}/deep/c.csv") == b"x,y\n1,2\n"

    assert story.cat_file(f"https://drive.google.com/file/d/{file.id}/view") == b"aaa"
    story.pipe_file(f"id:{file.id}", b"new")
    story.pipe_file(f"id:{folder.id}/new/d.txt", b"d")

    assert story.node("story/a.txt").id == file.id
    assert story.cat_file("story/a.txt") == b"new"
    assert story.cat_file("story/new/d.txt") == b"d"
    with pytest.raises(PlaceNotFound):
        story.pipe_file("id:never-made/x.txt", b"x")


def test_nothing_climbs_out(fs: DriveFileSystem) -> None:
    """ ".." is no part of a path on Drive."""
    with pytest.raises(BadPlace):
        fs.info("story/../../x")


def test_what_is_missing_is_told_with_what_is_there(story: DriveFileSystem) -> None:
    """The likeliest first, and how many more."""
    for name in ("zz.txt", "input.txt", "inputs.txt"):
        story.pipe_file(f"story/{name}", b"")

    with pytest.raises(PlaceNotFound) as caught:
        story.node("story/input1.txt")

    assert str(caught.value) == (
        "no file 'input1.txt' in My Drive/story; there is: input.txt, inputs.txt, a.txt (3 more)"
    )
    with pytest.raises(PlaceNotFound, match=r"^no folder 'nope' in My Drive; there is: story$"):
        story.node("nope/a.txt")
    with pytest.raises(PlaceIsFile):
        story.node("story/a.txt/b")
    story.mkdir("empty")
    with pytest.raises(PlaceNotFound, match=r"in My Drive/empty, which is empty$"):
        story.node("empty/a")


def test_names_in_a_message_are_harmless(fs: DriveFileSystem) -> None:
    """Neither control characters nor text that runs backwards is shown as such."""
    fs.api.create("\x1b[31mred\n\u202egnp.exe", fs.api.root_id(), b"")

    with pytest.raises(PlaceNotFound) as caught:
        fs.node("x")

    assert str(caught.value).endswith(r"there is: \x1b[31mred\n\u202egnp.exe")


@pytest.mark.parametrize("name", ["a/b", "..", "", " x ", "it's", "*", "\U0001f600", "My Drive"])
def test_any_name_can_be_listed_and_read(fs: DriveFileSystem, name: str) -> None:
    """A name is one part of a path, whatever it holds."""
    folder = fs.api.create("f", fs.api.root_id(), mime_type=FOLDER)
    fs.api.create(name, folder.id, b"it")
    fs.api.create("other", folder.id, b"other")

    path = next(path for path in fs.find("f") if not path.endswith("other"))

    assert fs.cat_file(path) == b"it"
    assert fs.node(path).name == name


def test_of_two_files_of_one_name_the_newer_is_meant(
    fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock
) -> None:
    """Listed once; the other can be reached by its id."""
    fs.pipe_file("a.txt", b"old")
    old = fs.node("a.txt")
    new = outsider.create("a.txt", outsider.root_id(), b"new")
    clock.advance(60)

    assert fs.cat_file("a.txt") == b"new"
    assert [(one["name"], one["id"]) for one in fs.ls("")] == [("a.txt", new.id)]
    assert fs.cat_file(f"id:{old.id}") == b"old"


def test_an_overwritten_file_keeps_its_id(story: DriveFileSystem) -> None:
    """And its type; so links to it stay right."""
    before = story.node("story/a.txt")
    with story.open("story/a.txt", "wb") as file:
        file.write(b"other")
    after = story.node("story/a.txt")

    assert (after.id, after.mime_type) == (before.id, "text/plain")
    assert after.revision != before.revision
    assert story.ukey("story/a.txt") == f"{after.id}:{after.revision}"


def test_a_file_is_read_by_ranges(fs: DriveFileSystem, drive: Emulator) -> None:
    """Only what is asked for, and a bit ahead, is fetched of a large file."""
    body = bytes(range(256)) * 8192
    fs.pipe_file("big.bin", body)
    units = drive.quota.used
    with fs.open("big.bin", "rb", block_size=64 * 1024) as file:
        file.seek(1_000_000)

        assert file.read(100) == body[1_000_000:1_000_100]
        assert file.read(100) == body[1_000_100:1_000_200]
        file.seek(-10, 2)
        assert file.read() == body[-10:]
    media = [entry for entry in drive.log if "alt=media" in entry.query]
    assert len(media) == 2
    assert drive.quota.used - units < 600
    assert fs.cat_file("big.bin", start=-5) == body[-5:]
    assert fs.cat_file("big.bin", start=3, end=-3) == body[3:-3]


def test_a_file_that_changed_before_its_first_byte_is_read_anew(
    fs: DriveFileSystem, outsider: DriveAPI
) -> None:
    """Nothing was delivered, so nobody need know."""
    fs.pipe_file("small", b"123")
    fs.pipe_file("large", b"1" * 600_000)
    with fs.open("small") as small, fs.open("large") as large, fs.open("large") as whole:
        outsider.update(fs.node("small").id, b"4567")
        outsider.update(fs.node("large").id, b"2" * 600_001)

        assert small.read() == b"4567"
        assert large.read(10) == b"2" * 10
        assert whole.read() == b"2" * 600_001


@pytest.mark.parametrize("size", [1000, 900_000])
def test_parts_are_of_the_file_as_it_is(
    fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock, size: int
) -> None:
    """Though what is known of it is some seconds old; readers of Parquet begin at the end."""
    fs.pipe_file("a", b"1" * size)
    outsider.update(fs.node("a").id, b"2" * (size // 2))
    clock.advance(2)

    with fs.open("a") as file:
        file.seek(-5, 2)
        assert (file.tell(), file.read()) == (size // 2 - 5, b"2" * 5)
    outsider.update(fs.node("a").id, b"3" * size)
    assert fs.cat_file("a", start=-5) == b"3" * 5
    outsider.update(fs.node("a").id, b"4" * 20)
    assert fs.cat_ranges(["a", "a"], [0, 15], [10, 30]) == [b"4" * 10, b"4" * 5]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # fsspec's own file
@pytest.mark.parametrize("cache", ["blockcache", "filecache", "simplecache"])
def test_a_file_is_read_through_a_cache_on_disk(
    fs: DriveFileSystem, tmp_path: Path, cache: str
) -> None:
    """Whichever of fsspec's is asked for."""
    fs.pipe_file("a", b"1" * 900_000)
    through = fsspec.filesystem(cache, fs=fs, cache_storage=str(tmp_path / "cache"))
    with through.open("a") as file:
        assert file.read() == b"1" * 900_000


@pytest.mark.parametrize("more", [b"", b"x"])
def test_an_open_file_does_not_mix_revisions(
    fs: DriveFileSystem, outsider: DriveAPI, more: bytes
) -> None:
    """Changed after its first bytes, or where its size was gone by: an error, not a mixture."""
    fs.pipe_file("a", b"1" * 900_000)
    fs.pipe_file("b", b"1" * 900_000)
    with fs.open("a", cache_type="bytes") as begun, fs.open("b") as measured:
        assert begun.read(10) == b"1" * 10
        measured.seek(-5, 2)
        outsider.update(fs.node("a").id, b"2" * 900_000 + more)
        outsider.update(fs.node("b").id, b"2" * 900_001)

        begun.seek(700_000)
        with pytest.raises(DriveConflict):
            begun.read(10)
        with pytest.raises(DriveConflict):
            measured.read()
    with fs.open("b") as again:
        assert again.read() == b"2" * 900_001


@pytest.mark.parametrize(
    "cache", ["none", "readahead", "blockcache", "bytes", "all", "first", "background"]
)
def test_every_block_cache_gives_the_same_bytes(fs: DriveFileSystem, cache: str) -> None:
    """Whichever of fsspec's is asked for."""
    body = bytes(range(251)) * 2000
    fs.pipe_file("a", body)
    with fs.open("a", block_size=50_000, cache_type=cache) as file:
        for start, length in ((0, 10), (123_456, 70_000), (len(body) - 7, 100), (5, 200_000)):
            file.seek(start)

            assert file.read(length) == body[start : start + length]


def test_text_is_written_and_read(fs: DriveFileSystem) -> None:
    """With the encoding that is asked for."""
    with fs.open("a.txt", "w", encoding="latin-1", newline="\r\n") as file:
        file.write("ä\n")
    with fs.open("a.txt", "a", encoding="latin-1") as file:
        file.write("b")

    assert fs.cat_file("a.txt") == b"\xe4\r\nb"
    assert fs.open("a.txt", "r", encoding="latin-1").read() == "ä\nb"
    with pytest.raises(DriveConflict):
        fs.open("a.txt", "x")
    with fs.open("new.txt", "x") as file:
        file.write("1")
    assert fs.cat_file("new.txt") == b"1"


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_write_that_fails_publishes_nothing(fs: DriveFileSystem, mode: str) -> None:
    """Not by an exception, not when discarded or forgotten."""
    word = b"half" if "b" in mode else "half"

    def fail() -> None:
        with fs.open("a.txt", mode) as file:
            file.write(word)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    forgotten = fs.open("a.txt", mode)
    forgotten.write(word)
    del forgotten
    gc.collect()

    assert fs.find("") == []


def test_a_file_is_seen_when_it_is_whole(fs: DriveFileSystem, outsider: DriveAPI) -> None:
    """Until close, others see nothing."""
    with fs.open("a.bin", "wb") as file:
        file.write(b"x" * 7_000_000)

        assert outsider.children(outsider.root_id()) == []

    assert [node.size for node in outsider.children(outsider.root_id())] == [7_000_000]


def test_a_transaction_publishes_at_its_end(fs: DriveFileSystem) -> None:
    """All files of it, or none."""
    with fs.transaction:
        with fs.open("a", "wb") as file:
            file.write(b"1")
        assert not fs.exists("a")
    assert fs.cat_file("a") == b"1"

    def fail() -> None:
        with fs.transaction:
            with fs.open("b", "wb") as file:
                file.write(b"1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not fs.exists("b")


def test_a_transaction_holds_all_that_is_written(fs: DriveFileSystem, tmp_path: Path) -> None:
    """Also what was piped, put and touched; nothing is left when it raises."""
    fs.pipe_file("old", b"old")
    local = tmp_path / "local"
    local.write_bytes(b"local")

    def fail() -> None:
        with fs.transaction:
            fs.pipe_file("old", b"new")
            fs.pipe({"a/1": b"1", "a/2": b"2"})
            fs.put_file(str(local), "put")
            fs.touch("touched")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert {path: fs.cat_file(path) for path in fs.find("")} == {"old": b"old"}

    with fs.transaction:
        fs.pipe_file("old", b"new")
        fs.put_file(str(local), "put")
        assert fs.cat_file("old") == b"old"
    assert {path: fs.cat_file(path) for path in fs.find("")} == {"old": b"new", "put": b"local"}


def test_several_files_and_parts_are_read_at_once(story: DriveFileSystem) -> None:
    """By pattern, by folder, by list, by range; errors as asked for."""
    assert story.cat("story/*.txt") == {"story/a.txt": b"aaa", "story/b.txt": b"bbbb"}
    assert story.cat("story", recursive=True)["story/deep/c.csv"] == b"x,y\n1,2\n"
    assert story.cat("story/a.txt") == b"aaa"
    paths = ["story/a.txt", "story/none", "story/b.txt"]
    assert story.cat(paths, on_error="omit") == {"story/a.txt": b"aaa", "story/b.txt": b"bbbb"}
    assert isinstance(story.cat(paths, on_error="return")["story/none"], PlaceNotFound)
    with pytest.raises(PlaceNotFound):
        story.cat(paths)
    parts = story.cat_ranges(paths, [0, 0, -2], [2, 1, None])
    assert [parts[0], parts[2]] == [b"aa", b"bb"]
    assert isinstance(parts[1], PlaceNotFound)


def test_the_time_of_a_file_can_be_set_to_now(story: DriveFileSystem) -> None:
    """Its content stays, or goes, as asked for."""
    before = story.modified("story/a.txt")
    story.touch("story/a.txt", truncate=False)
    assert before is not None
    assert (story.modified("story/a.txt") or before) > before
    assert story.cat_file("story/a.txt") == b"aaa"
    story.touch("story/a.txt")
    story.touch("story/new", truncate=False)

    assert story.cat_file("story/a.txt") == story.cat_file("story/new") == b""


def test_a_write_to_what_another_program_took_away_is_not_lost(
    fs: DriveFileSystem, outsider: DriveAPI
) -> None:
    """In the trash, deleted, or renamed in the last few seconds: the path has the new content."""
    for change in ("trash", "delete", "rename"):
        fs.pipe_file("a", b"first")
        id = fs.node("a").id
        if change == "trash":
            outsider.update(id, trashed=True)
        elif change == "delete":
            outsider.delete(id)
        else:
            outsider.update(id, name="b")
        fs.pipe_file("a", b"second")
        fs.invalidate_cache()

        assert fs.cat_file("a") == b"second", change
        assert len(fs.duplicates("a")) == 1, change


def test_a_file_that_is_found_gone_while_it_is_read_is_known_to_be_gone(
    fs: DriveFileSystem, outsider: DriveAPI, tmp_path: Path
) -> None:
    """However it is read: the next question does not get the old answer."""
    reads = {
        "all": fs.cat_file,
        "part": lambda path: fs.cat_file(path, 1, 3),
        "file": lambda path: fs.get_file(path, tmp_path / "a"),
        "open": lambda path: fs.open(path).read(),
        "append": lambda path: fs.open(path, "ab"),
    }
    for way, read in reads.items():
        fs.pipe_file("a", b"content")
        outsider.delete(fs.node("a").id)
        with pytest.raises(PlaceNotFound):
            read("a")

        assert not fs.exists("a"), way


def test_what_can_be_read_only_once_is_not_lost_where_the_file_was_renamed_meanwhile(
    fs: DriveFileSystem, outsider: DriveAPI
) -> None:
    """It is in the file, under the name that this has by now; there is no empty one beside it."""
    fs.pipe_file("a", b"first")
    outsider.update(fs.node("a").id, name="b")
    reader, writer = os.pipe()
    with open(writer, "wb") as stream:
        stream.write(b"second")
    with open(reader, "rb") as stream:
        fs.publish("a", stream)
    fs.invalidate_cache()

    assert fs.ls("", detail=False) == ["b"]
    assert fs.cat_file("b") == b"second"


def test_a_refused_change_of_a_readonly_drive_costs_no_knowledge(story: DriveFileSystem) -> None:
    """Drive was not even asked, so what is known of it is still so."""
    story.isfile("story/a.txt")
    story.api.readonly = True
    before = story.api.requests
    with pytest.raises(DriveForbidden, match="attached read-only"):
        story.rm_file("story/a.txt", trash=False)

    assert story.isfile("story/a.txt")
    assert story.api.requests - before <= 1  # for the id of My Drive, which is never removed


def in_a_fork(story: DriveFileSystem, generations: int = 1) -> int:
    """What a forked child ends with that uses the Drive and closes it; 0 when all went well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork with threads: the very point
        child = os.fork()
    if child == 0:
        code = 1
        try:
            story.pipe_file("child/made", b"by the child")
            code = 0 if story.cat_file("story/a.txt") == b"aaa" else 2
            if generations > 1:
                code = code or in_a_fork(story, generations - 1)
            story.api.close()
        finally:
            os._exit(code)
    late = threading.Timer(10, os.kill, (child, signal.SIGKILL))
    late.start()
    _, status = os.waitpid(child, 0)
    late.cancel()
    return os.waitstatus_to_exitcode(status)


def test_a_forked_child_has_locks_of_its_own(story: DriveFileSystem) -> None:
    """Those of the parent may be held by threads that the child does not have."""
    held, release = threading.Event(), threading.Event()
    wire = story.api._wire
    locks = [story.lookup.known._lock, story.nodes._lock, story.turns._lock, story.api._lock]

    def hold() -> None:
        with ExitStack() as stack:
            for lock in (*locks, wire._lock, wire._budget._lock):
                stack.enter_context(lock)
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    code = in_a_fork(story)
    release.set()
    thread.join()

    assert code == 0
    assert story.exists("child/made")


def test_a_fork_while_others_ask_does_not_hang(drive: Emulator, story: DriveFileSystem) -> None:
    """Python would free, in the child, the connections that they were reading from."""
    story.info("story/a.txt")
    slow = drive.faults.add(method="GET", path="/drive/v3/files/root", rate=100)
    asking = threading.Thread(target=lambda: story.api.get("root"))
    asking.start()

    def reads() -> bool:
        stack = traceback.extract_stack(sys._current_frames().get(asking.ident or 0))
        return [frame.name for frame in stack][-1] == "readinto" and "begin" not in str(stack)

    wait_until(reads, "the answer is being read")
    code = in_a_fork(story, generations=2)
    drive.faults.clear(slow)
    asking.join()

    assert code == 0
    assert story.exists("child/made")


def test_own_writes_are_seen_at_once_though_listings_are_late(
    drive: Emulator, fs: DriveFileSystem
) -> None:
    """Made, changed, moved, removed: the next call knows."""
    fs.pipe_file("story/old.txt", b"old")
    fs.pipe_file("story/gone.txt", b"gone")
    drive.lag(listing=20)
    fs.pipe_file("story/new.txt", b"new")
    fs.pipe_file("story/old.txt", b"newer")
    fs.rm("story/gone.txt")
    fs.mkdir("story/folder")
    fs.mv("story/new.txt", "story/folder/moved.txt")

    assert fs.find("story") == ["story/folder/moved.txt", "story/old.txt"]
    assert fs.cat_file("story/old.txt") == b"newer"
    assert fs.info("story/old.txt")["size"] == 5
    assert not fs.exists("story/gone.txt")
    assert not fs.exists("story/new.txt")
    assert fs.cat_file("story/folder/moved.txt") == b"new"

    fs.pipe_file("story/folder/moved.txt", b"again")

    assert [node.name for node in fs.api.children(fs.node("story/folder").id)] == []
    assert fs.ls("story/folder", detail=False) == ["story/folder/moved.txt"]


def test_others_writes_are_seen(
    fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock
) -> None:
    """New content at once; a new name, or the trash, once what is known is not fresh any more."""
    fs.pipe_file("a.txt", b"mine")
    id = fs.node("a.txt").id

    outsider.update(id, b"theirs")

    assert fs.cat_file("a.txt") == b"theirs"

    outsider.update(id, name="b.txt")
    clock.advance(6)

    assert not fs.exists("a.txt")
    assert fs.cat_file("b.txt") == b"theirs"

    outsider.update(id, trashed=True)
    clock.advance(6)

    assert not fs.exists("b.txt")
    assert fs.ls("") == []


def test_a_file_another_removed_goes_from_listings_in_time(
    fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock
) -> None:
    """Own writes are believed in against a listing for half a minute only."""
    fs.pipe_file("a.txt", b"mine")
    outsider.delete(fs.node("a.txt").id)
    clock.advance(31)

    assert fs.ls("") == []


def test_missing_is_not_unreachable(fs: DriveFileSystem, drive: Emulator) -> None:
    """A Drive that does not answer is no empty Drive."""
    drive.faults.add(path="/files", status=503)

    for ask in (fs.exists, fs.isfile, fs.isdir):
        with pytest.raises(DriveBusy):
            ask("a.txt")


def test_folders_are_made_and_removed(story: DriveFileSystem) -> None:
    """With the errors that Python's own calls have."""
    story.makedirs("x/y/z")
    story.makedirs("x/y/z", exist_ok=True)

    assert story.isdir("x/y/z")
    with pytest.raises(FileExistsError):
        story.mkdir("x/y")
    with pytest.raises(FileExistsError):
        story.makedirs("story/a.txt")
    with pytest.raises(NotADirectoryError):
        story.makedirs("story/a.txt/b")
    with pytest.raises(NotADirectoryError):
        story.makedirs("story/a.txt", exist_ok=True)
    with pytest.raises(FileNotFoundError):
        story.mkdir("not/there", create_parents=False)
    with pytest.raises(IsADirectoryError):
        story.rmdir("x/y")
    with pytest.raises(IsADirectoryError):
        story.rm("story")
    with pytest.raises(IsADirectoryError):
        story.rm_file("story")
    with pytest.raises(IsADirectoryError):
        story.open("story", "wb")
    with pytest.raises(IsADirectoryError):
        story.cat_file("story")
    with pytest.raises(BadPlace):
        story.rm("", recursive=True)
    with pytest.raises(FileNotFoundError):
        story.rm("nothing")
    story.rmdir("x/y/z")
    story.rm("story", recursive=True)

    assert story.find("", withdirs=True) == ["x", "x/y"]


def test_removed_files_lie_in_the_trash(story: DriveFileSystem) -> None:
    """Nothing is deleted for good."""
    id = story.node("story/a.txt").id
    story.rm(["story/a.txt", "story/b.txt"])

    assert story.find("story") == ["story/deep/c.csv"]
    assert story.api.get(id).trashed
    with pytest.raises(PlaceNotFound, match="in the trash"):
        story.node(f"id:{id}")


def test_removed_files_are_deleted_when_asked_for(story: DriveFileSystem, api: DriveAPI) -> None:
    """By the call, or for the whole filesystem."""
    gone = [story.node(f"story/{name}").id for name in ("a.txt", "deep")]
    story.rm("story/a.txt", trash=False)
    hard = DriveFileSystem(api=api, trash=False, skip_instance_cache=True)
    hard.rm("story/deep", recursive=True)

    for id in gone:
        with pytest.raises(PlaceNotFound):
            api.get(id)
    assert story.ls("story", detail=False) == ["story/b.txt"] or not story.exists("story/a.txt")
    assert hard.ls("story", detail=False) == ["story/b.txt"]


def test_all_files_of_one_name_can_be_listed(
    fs: DriveFileSystem, outsider: DriveAPI, clock: JumpingClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The one that is meant comes first; it is said once that there are more."""
    fs.pipe_file("a.txt", b"old")
    old = fs.node("a.txt").id
    new = outsider.create("a.txt", outsider.root_id(), b"new").id
    clock.advance(6)
    fs.cat_file("a.txt")
    fs.cat_file("a.txt")

    assert [info["id"] for info in fs.duplicates("a.txt")] == [new, old]
    assert [info["name"] for info in fs.duplicates("a.txt")] == [f"id:{new}", f"id:{old}"]
    assert caplog.messages == [
        f"2 files in one folder are called 'a.txt'; the newest is meant, id:{new}"
    ]


def test_files_are_moved_and_copied(story: DriveFileSystem) -> None:
    """A move keeps the id, a copy over a file keeps that one's."""
    a, b = story.node("story/a.txt"), story.node("story/b.txt")

    story.mv("story/a.txt", "story/moved.txt")

    assert story.node("story/moved.txt").id == a.id

    story.mv("story/moved.txt", "story/deep")

    assert story.node("story/deep/moved.txt").id == a.id

    story.mv("story/deep", "further/down")

    assert story.cat_file("further/down/moved.txt") == b"aaa"

    story.cp_file("further/down/moved.txt", "story/b.txt")
    story.cp_file("story/b.txt", "story/copy.txt")
    story.cp_file("story/b.txt", "new/folder/copy.txt")

    assert story.node("story/b.txt").id == b.id
    assert story.cat("story/*.txt") == {"story/b.txt": b"aaa", "story/copy.txt": b"aaa"}
    assert story.cat_file("new/folder/copy.txt") == b"aaa"

    story.mv("story/copy.txt", "story/b.txt")

    assert story.find("story") == ["story/b.txt"]


def test_files_go_to_this_machine_and_back(story: DriveFileSystem, tmp_path: Path) -> None:
    """Folders too; a failed fetch leaves the old file and nothing else."""
    story.get("story", str(tmp_path / "here"), recursive=True)

    assert (tmp_path / "here/deep/c.csv").read_bytes() == b"x,y\n1,2\n"

    (tmp_path / "here/new").mkdir()
    (tmp_path / "here/new/d.txt").write_bytes(b"d")
    story.put(str(tmp_path / "here"), "there", recursive=True)

    assert story.cat_file("there/new/d.txt") == b"d"
    with pytest.raises(FileNotFoundError):
        story.get_file("story/nope", str(tmp_path / "here/a.txt"))
    with pytest.raises(FileExistsError):
        story.put_file(str(tmp_path / "here/a.txt"), "story/a.txt", mode="create")
    with pytest.raises(FileExistsError):
        story.pipe_file("story/a.txt", b"", mode="create")
    assert (tmp_path / "here/a.txt").read_bytes() == b"aaa"
    assert [path.name for path in (tmp_path / "here").rglob("*.part")] == []


def test_threads_that_write_one_path_make_one_file(fs: DriveFileSystem) -> None:
    """And threads that write many make each once, in folders that are made once."""
    errors: list[BaseException] = []

    def write(number: int) -> None:
        try:
            fs.pipe_file("deep/er/same.txt", b"%d" % number)
            fs.pipe_file(f"deep/er/{number}.txt", b"%d" % number)
            assert fs.cat_file(f"deep/er/{number}.txt") == b"%d" % number
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert errors == []
    everything = fs.api.list("trashed = false")
    assert sorted(node.name for node in everything if node.name != "My Drive") == sorted(
        ["deep", "er", "same.txt", *(f"{number}.txt" for number in range(8))]
    )


@pytest.mark.parametrize("deep", ["", "top/"])
def test_several_are_moved_by_a_pattern_or_a_list(fs: DriveFileSystem, deep: str) -> None:
    """Into a folder, which is made."""
    fs.pipe({f"{deep}{name}": name.encode() for name in ("a.txt", "b.txt", "c.log", "[d].txt")})

    fs.mv(f"{deep}[d].txt", f"{deep}d.txt")  # a name that is there is no pattern
    fs.mv(f"{deep}*.txt", f"{deep}texts")
    fs.mv([f"{deep}c.log"], f"{deep}texts/")

    assert fs.find("") == [f"{deep}texts/{name}" for name in ("a.txt", "b.txt", "c.log", "d.txt")]
    assert fs.cat_file(f"{deep}texts/d.txt") == b"[d].txt"


def test_a_move_hides_nothing(fs: DriveFileSystem) -> None:
    """Neither a folder below another of its name, nor a file below a folder."""
    fs.pipe({"a/x": b"", "a/sub/y": b"", "b/a/old": b"", "f": b"f"})
    before = fs.find("", withdirs=True)
    for source in ("a", f"id:{fs.node('a').id}"):
        with pytest.raises(DriveConflict, match="'b/a' is a folder already"):
            fs.mv(source, "b")
    with pytest.raises(PlaceIsFile, match="'f' is a file; a folder does not take its place"):
        fs.mv("a", "f")
    for inside in ("a/sub", "a/new", "a/new/er"):
        with pytest.raises(BadPlace, match="'a' can not be moved into itself"):
            fs.mv("a", inside)
    fs.mv("a", "a")

    assert fs.find("", withdirs=True) == before
    assert fs.cat_file("f") == b"f"


def test_what_lies_in_my_drive_goes_into_folders(fs: DriveFileSystem, tmp_path: Path) -> None:
    """As fsspec says, though its name has no slash."""
    fs.pipe({"a/x": b"ax", "b/x": b"bx", "f.txt": b"f"})
    here = tmp_path / "here"
    here.mkdir()

    fs.cp("a", "b", recursive=True)
    fs.cp("f.txt", "b")
    fs.cp("*.txt", "new")
    fs.get("a", str(here), recursive=True)
    fs.get("f.txt", str(here))
    fs.get("*.txt", f"{tmp_path}/texts")

    assert fs.find("b") == ["b/a/x", "b/f.txt", "b/x"]
    assert fs.cat_file("b/x") == b"bx"
    assert fs.find("new") == ["new/f.txt"]
    assert (here / "a/x").read_bytes() == b"ax"
    assert (here / "f.txt").read_bytes() == (tmp_path / "texts/f.txt").read_bytes() == b"f"


@pytest.mark.parametrize("write", ["pipe", "overwrite", "mkdir", "cp", "mv"])
def test_what_is_written_does_not_end_in_the_trash(
    fs: DriveFileSystem, outsider: DriveAPI, write: str
) -> None:
    """Where another program has put the folder there a moment ago, it is made again."""
    fs.pipe({"top/folder/old": b"old", "source": b"source"})
    outsider.update(fs.node("top").id, trashed=True)
    path = "top/folder/old" if write == "overwrite" else "top/folder/new"
    if write in ("pipe", "overwrite"):
        fs.pipe_file(path, b"source")
    elif write == "mkdir":
        fs.mkdir(path)
    else:
        getattr(fs, write)("source", path)
    fs.invalidate_cache()

    assert fs.exists(path)
    assert write == "mkdir" or fs.cat_file(path) == b"source"
    assert fs.exists("source") == (write != "mv")
    assert [len(fs.duplicates(one)) for one in ("top", "top/folder", path)] == [1, 1, 1]


@pytest.mark.parametrize("attached", [True, False])
def test_threads_that_open_by_address_make_a_folder_once(
    drive: Emulator, fs: DriveFileSystem, monkeypatch: pytest.MonkeyPatch, attached: bool
) -> None:
    """Though fsspec has another filesystem for each thread."""
    monkeypatch.setenv("COLAB_MAGICS_DRIVE_URL", drive.url)
    if attached:
        fs.attach()
    together = threading.Barrier(8)

    def write(number: int) -> DriveFileSystem:
        together.wait(10)
        with fsspec.open(f"gdrive://deep/er/{number}.txt", "wb") as file:
            file.write(b"%d" % number)
        with fsspec.open("gdrive://deep/er/same.txt", "wb") as file:
            file.write(b"%d" % number)
        assert fsspec.filesystem("gdrive").exists(f"deep/er/{number}.txt")
        return fsspec.filesystem("gdrive")

    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(write, range(8)))
    fs.detach()

    assert len({id(one) for one in used}) == 8
    everything = [node.name for node in fs.api.list("trashed = false")]
    assert sorted(everything) == sorted(
        ["deep", "er", "same.txt", *(f"{number}.txt" for number in range(8))]
    )


def test_a_readonly_drive_refuses_every_write(story: DriveFileSystem) -> None:
    """With one line that says why."""
    story.api.readonly = True
    writes = [
        lambda: story.pipe_file("x", b""),
        lambda: story.open("story/a.txt", "wb"),
        lambda: story.mkdir("x"),
        lambda: story.rm("story/a.txt"),
        lambda: story.rm("story", recursive=True),
        lambda: story.mv("story/a.txt", "x"),
        lambda: story.cp_file("story/a.txt", "x"),
    ]
    for write in writes:
        with pytest.raises(DriveForbidden, match="attached read-only"):
            write()

    assert story.cat_file("story/a.txt") == b"aaa"


def test_pandas_reads_and_writes_by_address(
    drive: Emulator, story: DriveFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the entry point, at the Drive that the environment names."""
    monkeypatch.setenv("COLAB_MAGICS_DRIVE_URL", drive.url)
    frame = pd.read_csv("gdrive://story/deep/c.csv")
    frame.to_csv("gdrive://out/d.csv", index=False)

    assert frame.to_dict("list") == {"x": [1], "y": [2]}
    assert story.cat_file("out/d.csv") == b"x,y\n1,2\n"
    with fsspec.open("gdrive://story/a.txt", "rt") as file:
        assert file.read() == "aaa"
    close_all()


def test_another_endpoint_is_another_filesystem(
    drive: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fsspec keeps does not outlive a change of the settings."""
    monkeypatch.setenv("COLAB_MAGICS_DRIVE_URL", drive.url)
    first = fsspec.filesystem("gdrive")
    again = fsspec.filesystem("gdrive")
    monkeypatch.setenv("COLAB_MAGICS_DRIVE_URL", drive.url.replace("127.0.0.1", "localhost"))
    other = fsspec.filesystem("gdrive")

    assert first is again
    assert other is not first
    assert other.api.url != first.api.url
    close_all()


def test_a_filesystem_can_be_pickled(drive: Emulator, story: DriveFileSystem) -> None:
    """As dask and torch do to send it to other processes."""
    import pickle

    one = DriveFileSystem(url=drive.url)
    other = pickle.loads(pickle.dumps(one))

    assert other.cat_file("story/a.txt") == b"aaa"
    close_all()


def close_all() -> None:
    """Close the connections of the filesystems that fsspec keeps."""
    for fs in DriveFileSystem._cache.values():
        fs.api.close()
    DriveFileSystem.clear_instance_cache()


def test_get_file_writes_into_an_open_file(story: DriveFileSystem) -> None:
    """As fsspec's `outfile`."""
    target = io.BytesIO()
    story.get_file("story/a.txt", None, outfile=target)

    assert target.getvalue() == b"aaa"


def test_a_folder_in_place_of_a_file_is_told(story: DriveFileSystem, tmp_path: Path) -> None:
    """On both sides."""
    with pytest.raises(PlaceIsFolder):
        story.pipe_file("story", b"x")
    with pytest.raises(PlaceIsFolder):
        story.get_file("story/a.txt", str(tmp_path))


def test_a_bad_way_loses_nothing(fs: DriveFileSystem, drive: Emulator) -> None:
    """A tenth of all requests fails in one of six ways, in four threads: every byte is right."""
    drive.faults.seed(3)
    drive.faults.add(status=503, probability=0.02)
    drive.faults.add(status=503, effect=True, probability=0.02)
    drive.faults.add(reason="userRateLimitExceeded", effect=True, probability=0.02)
    drive.faults.add(cut="before", probability=0.02)
    drive.faults.add(cut="after", probability=0.02)
    drive.faults.add(query="alt=media", truncate=1, probability=0.02)
    drive.faults.add(query="alt=media", flip=True, probability=0.02)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for round in range(12):
                path, body = f"d{round}/{number}", b"%d of %d" % (round, number)
                fs.pipe_file(path, b"first")
                fs.pipe_file(path, body)
                assert fs.cat_file(path) == body
                if round % 3 == 0:
                    fs.mv(path, path + ".moved")
                elif round % 3 == 1:
                    fs.rm(path)
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    drive.faults.clear()

    assert errors == []
    expected = {
        f"d{round}/{number}" + (".moved" if round % 3 == 0 else ""): b"%d of %d" % (round, number)
        for round in range(12)
        for number in range(4)
        if round % 3 != 1
    }
    assert {path: fs.cat_file(path) for path in fs.find("")} == expected
    files = [node for node in fs.api.list("trashed = false") if not node.folder]
    assert len(files) == len(expected)
