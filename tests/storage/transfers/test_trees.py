import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.waiting import wait_until

from colab_magics.emulator import Emulator
from colab_magics.errors import (
    DriveFull,
    DriveUnreachable,
    PlaceIsFile,
    PlaceNotFound,
)
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.mount import attach
from colab_magics.storage.place import Place, resolve
from colab_magics.storage.transfers.trees import fetch_tree, send_tree
from colab_magics.storage.tree import FOLDER

FILES = {
    "a.txt": b"a",
    "b/c.bin": bytes(range(256)) * 100,
    "b/d/e/f.txt": b"deep",
    "g/empty.txt": b"",
    "ä ö'\"\\.txt": b"name",
    **{f"many/{n:03}.txt": b"%d" % n * n for n in range(40)},
}
At = Callable[[str], Place]


@pytest.fixture
def on_drive(drive: Emulator, settings: Settings) -> Iterator[At]:
    one = attach("emulator", settings=settings, open_emulator=lambda: (drive.url, lambda: None))
    yield lambda name: resolve(name, one, settings=settings)
    one.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for name, body in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(body)
    (root / "nothing" / "in it").mkdir(parents=True)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def workers() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("colab_magics-tree", "colab_magics-fetch"))]


def test_a_folder_goes_and_comes_back(at: At, source: Path, tmp_path: Path) -> None:
    """All files, all folders, the empty ones too; receipts say the same of both."""
    sent = send_tree(source, at("new/there"))
    back = fetch_tree(at("new/there"), tmp_path / "back")

    assert contents(tmp_path / "back") == FILES
    assert (tmp_path / "back/nothing/in it").is_dir()
    size = sum(map(len, FILES.values()))
    assert (sent.files, sent.size, sent.skipped, sent.failed) == (len(FILES), size, 0, [])
    assert (back.files, back.size, back.skipped, back.failed) == (len(FILES), size, 0, [])
    assert back.seconds > 0
    assert workers() == []


def test_a_second_run_moves_only_what_changed(
    on_drive: At, drive: Emulator, source: Path, tmp_path: Path
) -> None:
    """Size and md5 decide; a file that is there is not touched."""
    send_tree(source, on_drive("there"))
    fetch_tree(on_drive("there"), tmp_path / "back")
    (source / "a.txt").write_bytes(b"b")
    drive.log.clear()
    sent = send_tree(source, on_drive("there"))
    (tmp_path / "back" / "b" / "c.bin").write_bytes(b"damaged")
    back = fetch_tree(on_drive("there"), tmp_path / "back")

    assert (sent.files, sent.skipped) == (1, len(FILES) - 1)
    assert (back.files, back.skipped) == (2, len(FILES) - 2)
    assert contents(tmp_path / "back") == {**FILES, "a.txt": b"b"}
    assert len([e for e in drive.log if "/upload/" in e.path]) == 1
    assert len([e for e in drive.log if "alt=media" in e.query]) == 2


def test_progress_is_told_in_bytes_and_files(at: At, source: Path, tmp_path: Path) -> None:
    """From the calling thread."""

    class Callback:
        def __init__(self) -> None:
            self.told = (0, 0)
            self.threads: set[int] = set()
            self.value = self.size = 0

        def set_size(self, size: int) -> None:
            self.size = size

        def absolute_update(self, value: int) -> None:
            self.threads.add(threading.get_ident())
            self.value = value

        def count(self, done: int, total: int) -> None:
            self.told = (done, total)

    for move in (
        lambda callback: send_tree(source, at("x"), callback=callback),
        lambda callback: fetch_tree(at("x"), tmp_path / "back", callback=callback),
    ):
        callback = Callback()
        move(callback)

        assert callback.told == (len(FILES), len(FILES))
        assert callback.size == callback.value == sum(map(len, FILES.values()))
        assert callback.threads == {threading.get_ident()}


def test_one_failure_stops_no_other(
    on_drive: At, api: DriveAPI, drive: Emulator, source: Path, tmp_path: Path
) -> None:
    """It is in the receipt, in a line."""
    send_tree(source, on_drive("there"))
    bad = on_drive("there/b/c.bin").fs.node("there/b/c.bin")
    drive.faults.add(path=bad.id, query="alt=media", reason="cannotDownloadAbusiveFile")
    back = fetch_tree(on_drive("there"), tmp_path / "back")

    assert back.files == len(FILES) - 1
    [(path, why)] = back.failed
    assert path == "b/c.bin"
    assert why.startswith("download 'c.bin': Drive")
    assert "malware" in why


def test_names_of_drive_that_are_no_names_here_come_and_go(
    on_drive: At, api: DriveAPI, tmp_path: Path
) -> None:
    """Nothing is written outside the folder, and all are read back as they were."""
    names = ["a/b", "..", ".", "id:x", "My Drive", "../../out", "it\u201bs", "\u2215"]
    folder = api.create("odd", api.root_id(), mime_type=FOLDER)
    for name in names:
        api.create(name, folder.id, name.encode())
    back = fetch_tree(on_drive("odd"), tmp_path / "deep" / "back")

    assert back.failed == []
    assert len(contents(tmp_path / "deep" / "back")) == len(names)
    assert [path.name for path in tmp_path.glob("*out*")] == []

    send_tree(tmp_path / "deep" / "back", on_drive("again"))
    again = on_drive("again").fs.node("again")

    assert sorted(node.name for node in api.children(again.id)) == sorted(names)


def test_files_of_one_name_are_told(on_drive: At, api: DriveAPI, tmp_path: Path) -> None:
    """The one that the name means comes, the others are named by their ids."""
    folder = api.create("f", api.root_id(), mime_type=FOLDER)
    first = api.create("a", folder.id, b"1")
    second = api.create("a", folder.id, b"2")
    api.update(second.id, b"newest")
    back = fetch_tree(on_drive("f"), tmp_path / "back")

    assert contents(tmp_path / "back") == {"a": b"newest"}
    assert back.left_out == [("a", f"another file has this name; this one is id:{first.id}")]
    assert back.failed == []


def test_google_documents_are_told(on_drive: At, api: DriveAPI, tmp_path: Path) -> None:
    """They have no bytes; the rest comes."""
    folder = api.create("f", api.root_id(), mime_type=FOLDER)
    api.create("doc", folder.id, mime_type="application/vnd.google-apps.document")
    back = fetch_tree(on_drive("f"), tmp_path / "back")

    assert back.left_out == [("doc", "a Google document, which has no bytes of its own; export it")]
    assert back.failed == []


def test_links_do_not_lead_out(at: At, source: Path, tmp_path: Path) -> None:
    """One to a file inside is that file; pipes and the like are told."""
    (tmp_path / "secret").write_text("secret")
    (source / "in").symlink_to(source / "a.txt")
    (source / "out").symlink_to(tmp_path / "secret")
    (source / "loop").symlink_to(source)
    (source / "dead").symlink_to(source / "nowhere")
    os.mkfifo(source / "pipe")
    Path(os.fsdecode(bytes(source) + b"/\xff.txt")).write_text("no UTF-8")
    sent = send_tree(source, at("there"))
    fetch_tree(at("there"), tmp_path / "back")

    assert contents(tmp_path / "back") == {**FILES, "in": b"a"}
    assert sent.failed == [
        ("dead", "a link to a folder, or to nothing; it is not followed"),
        ("loop", "a link to a folder, or to nothing; it is not followed"),
        ("out", "a link that leads out of the folder; it is not followed"),
        ("pipe", "neither a file nor a folder"),
        ("\udcff.txt", "its name is no UTF-8"),
    ]


def test_what_is_no_folder_is_refused(at: At, source: Path, tmp_path: Path) -> None:
    """On either side."""
    send_tree(source, at("there"))

    with pytest.raises(PlaceNotFound):
        fetch_tree(at("nowhere"), tmp_path / "x")
    with pytest.raises(PlaceIsFile):
        fetch_tree(at("there/a.txt"), tmp_path / "x")
    with pytest.raises(PlaceIsFile):
        send_tree(source, at("there/a.txt"))
    with pytest.raises(PlaceIsFile):
        send_tree(source / "a.txt", at("x"))
    with pytest.raises(PlaceNotFound):
        send_tree(source / "nope", at("x"))


def test_a_full_drive_ends_it(on_drive: At, drive: Emulator, source: Path) -> None:
    """Two thousand files that can not arrive are not tried one by one."""
    drive.faults.add(path="/upload/", reason="storageQuotaExceeded")

    with pytest.raises(DriveFull):
        send_tree(source, on_drive("there"))
    assert workers() == []


def test_a_dead_way_ends_it(on_drive: At, drive: Emulator, source: Path, tmp_path: Path) -> None:
    """After as many failures in a row as there are threads."""
    send_tree(source, on_drive("there"))
    drive.faults.add(query="alt=media", cut="before")
    fs: Any = on_drive("there").fs
    object.__setattr__(fs.api.settings, "retry_first_seconds", 0.001)

    with pytest.raises(DriveUnreachable):
        fetch_tree(on_drive("there"), tmp_path / "back")
    assert workers() == []
    assert len([e for e in drive.log if "alt=media" in e.query]) <= 16 * 6


def test_a_large_file_in_a_folder_comes_in_ranges(
    on_drive: At, api: DriveAPI, tmp_path: Path, drive: Emulator
) -> None:
    """And the small ones do not wait for it."""
    folder = api.create("f", api.root_id(), mime_type=FOLDER)
    body = os.urandom(20 << 20)
    api.create("large", folder.id, body)
    for n in range(10):
        api.create(f"{n}", folder.id, b"small")
    back = fetch_tree(on_drive("f"), tmp_path / "back")

    assert (back.files, back.failed) == (11, [])
    assert (tmp_path / "back/large").read_bytes() == body
    assert workers() == []


def test_an_interrupt_ends_it_within_a_second(
    drive: Emulator, api: DriveAPI, tmp_path: Path
) -> None:
    """Threads that wait for an answer, too; the next run goes on."""
    folder = api.create("f", api.root_id(), mime_type=FOLDER)
    for n in range(20):
        api.create(f"{n}", folder.id, b"%d" % n)
    drive.faults.add(query="alt=media", latency=60.0, nth=6, times=1000)
    program = f"""
import threading
from pathlib import Path
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place
from colab_magics.storage.transfers.trees import fetch_tree
api = DriveAPI(url={drive.url!r}, settings=Settings.load())
fs = DriveFileSystem(api=api, skip_instance_cache=True)
try:
    fetch_tree(Place("f", fs, "f", None), Path({str(tmp_path / "back")!r}))
except KeyboardInterrupt:
    print([t.name for t in threading.enumerate()], flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: drive.faults.rules()[0]["matched"] >= 13, "all threads wait")
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=10)

    assert time.monotonic() - started < 2, "the end of the process included"
    assert out.splitlines() == ["['MainThread']"], err
    assert len(contents(tmp_path / "back")) == 5
    assert list((tmp_path / "back").glob(".*")) == []
