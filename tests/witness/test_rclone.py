"""Whether rclone, as Debian has it, finds in the emulator the Drive that it knows."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator.api import Api
from harness.waiting import wait_until

from witness.world import World

pytestmark = [
    pytest.mark.third_party,
    pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed"),
]
UNIT = 256 << 10


class Rclone:
    """The program, with a remote `d:` that is signed in with a token that has expired."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._config = world.home / "rclone.conf"
        token = {
            "access_token": "ya29.old",
            "token_type": "Bearer",
            "refresh_token": world.emulator.refresh_token,
            "expiry": "2020-01-01T00:00:00Z",
        }
        self._config.write_text(f"[d]\ntype = drive\nscope = drive\ntoken = {json.dumps(token)}\n")

    def command(self, *words: str | Path) -> list[str]:
        """Return a whole command line."""
        # It must not hide a defect behind a second try; and it would wait for Google's quota.
        steady = ("--retries=1", "--low-level-retries=1", "--drive-pacer-min-sleep=1ms")
        return ["rclone", f"--config={self._config}", *steady, *map(str, words)]

    def __call__(self, *words: str | Path) -> str:
        """Run a command; return what it printed."""
        return self.world.run(*self.command(*words)).stdout

    def tree(self, place: str = "d:", *words: str) -> dict[str, dict[str, Any]]:
        """Return everything below a folder, by its path."""
        listed = json.loads(self("lsjson", "-R", "--hash", *words, place))
        return {one["Path"]: one for one in listed}


@pytest.fixture
def rclone(world: World) -> Rclone:
    """rclone, signed in."""
    return Rclone(world)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """The same Drive without rclone, to see what it has done."""
    base = f"{world.emulator.url}emulator/"
    with Api(base_url=base, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A folder with files, empty ones, folders in folders and names that need care."""
    root = tmp_path / "local"
    files = {
        "a.txt": b"hello",
        "empty": b"",
        'b/it\'s a "name" \\ with all.txt': b"quotes",
        "b/c/größe 🎈.bin": bytes(range(256)) * 100,
        "b/c/[brackets] & 100%.txt": b"brackets",
    }
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_folder_goes_there_and_back(rclone: Rclone, local: Path, tmp_path: Path) -> None:
    """Every name, every byte, every time of change; a second sync has nothing to do."""
    rclone("sync", "--create-empty-src-dirs", local, "d:there")
    rclone("check", local, "d:there")
    rclone("check", "--download", local, "d:there")
    rclone("sync", "d:there", tmp_path / "back")

    assert contents(tmp_path / "back") == contents(local)
    assert set(rclone.tree("d:there", "--files-only")) == set(contents(local))
    for name in contents(local):
        back, here = (tmp_path / "back" / name).stat(), (local / name).stat()
        assert abs(back.st_mtime_ns - here.st_mtime_ns) <= 1_000_000
    known = len(rclone.world.emulator.log)
    rclone("sync", local, "d:there")
    assert {one.method for one in rclone.world.emulator.log[known:]} == {"GET"}
    assert set(rclone.world.statuses()) <= {200, 204, 308}


def test_a_sync_makes_it_the_same(rclone: Rclone, local: Path) -> None:
    """Changed files keep their ids, removed ones are in the trash, new ones are there."""
    rclone("sync", local, "d:there")
    before = rclone.tree("d:there")
    (local / "a.txt").write_bytes(b"changed")
    (local / "empty").unlink()
    (local / "new.txt").write_bytes(b"new")
    rclone("sync", "--fast-list", local, "d:there")
    rclone("check", local, "d:there")
    after = rclone.tree("d:there", "--fast-list")

    assert after["a.txt"]["ID"] == before["a.txt"]["ID"]
    assert after["a.txt"]["Hashes"]["md5"] == hashlib.md5(b"changed").hexdigest()
    assert set(after) == (set(before) - {"empty"}) | {"new.txt"}
    assert list(rclone.tree("d:there", "--drive-trashed-only", "--files-only")) == ["empty"]


def test_a_part_of_a_file_is_read(rclone: Rclone, local: Path) -> None:
    """From the beginning, from the middle, and from the end."""
    rclone("copy", local / "a.txt", "d:")

    assert rclone("cat", "d:a.txt") == "hello"
    assert rclone("cat", "--offset=1", "--count=3", "d:a.txt") == "ell"
    assert rclone("cat", "--tail=2", "d:a.txt") == "lo"


def test_files_and_folders_are_moved_and_copied(rclone: Rclone, local: Path) -> None:
    """On the Drive, without their bytes coming here; a move keeps the id."""
    rclone("copy", local, "d:there")
    before = rclone.tree("d:")
    known = len(rclone.world.emulator.log)
    rclone("moveto", "d:there/a.txt", "d:there/b/renamed.txt")
    rclone("moveto", "d:there/b", "d:moved")
    rclone("copyto", "d:moved/renamed.txt", "d:copy.txt")
    after = rclone.tree("d:")

    assert after["moved/renamed.txt"]["ID"] == before["there/a.txt"]["ID"]
    assert after["moved"]["ID"] == before["there/b"]["ID"]
    assert after["copy.txt"]["ID"] not in {one["ID"] for one in before.values()}
    assert after["copy.txt"]["Hashes"] == after["moved/renamed.txt"]["Hashes"]
    assert "there/a.txt" not in after
    asked = [one.query for one in rclone.world.emulator.log[known:]]
    assert not [query for query in asked if "alt=media" in query]


def test_what_is_deleted_goes_to_the_trash_unless_told(rclone: Rclone, local: Path) -> None:
    """And from there for good."""
    rclone("copy", local, "d:there")
    rclone("delete", "d:there/b", "--include=*.bin")
    rclone("deletefile", "d:there/a.txt", "--drive-use-trash=false")
    trashed = rclone.tree("d:there", "--drive-trashed-only", "--files-only")
    assert list(trashed) == ["b/c/größe 🎈.bin"]
    rclone("purge", "d:there/b", "--drive-use-trash=false")

    assert set(rclone.tree("d:there")) == {"empty"}
    rclone("purge", "d:there")
    assert rclone.tree("d:") == {}
    assert json.loads(rclone("about", "--json", "d:"))["total"] == 15 << 30
    rclone("cleanup", "d:")
    assert rclone.tree("d:", "--drive-trashed-only") == {}


def test_files_of_one_name_are_made_one(rclone: Rclone, local: Path, api: Api) -> None:
    """By keeping the newest, or by giving each a name; folders are merged."""
    for name in ("twice", "again"):
        folder = api.folder(name)["id"]
        for data in (b"one", b"two"):
            api.make("a.txt", data, parents=[folder])
            api.make("b.txt", data, parents=[api.folder("sub", parents=[folder])["id"]])
    rclone("dedupe", "newest", "d:twice")
    rclone("dedupe", "rename", "d:again")

    assert sorted(rclone.tree("d:twice")) == ["a.txt", "sub", "sub/b.txt"]
    assert rclone("cat", "d:twice/a.txt") == "two"
    again = ["a-1.txt", "a-2.txt", "sub", "sub/b-1.txt", "sub/b-2.txt"]
    assert sorted(rclone.tree("d:again")) == again


def test_a_large_file_goes_in_chunks(rclone: Rclone, tmp_path: Path) -> None:
    """Posted, 256 KiB each; also over a file that is there, whose id stays."""
    data = bytes(range(256)) * (3 << 10) + b"tail"
    (tmp_path / "big.bin").write_bytes(data)
    in_chunks = ("--drive-upload-cutoff=0", "--drive-chunk-size=256k")
    rclone("copy", tmp_path / "big.bin", "d:", *in_chunks)
    first = rclone.tree("d:")["big.bin"]
    posted = [one for one in rclone.world.emulator.log if "upload_id" in one.query]
    assert [(one.method, one.status) for one in posted] == [("POST", 308)] * 3 + [("POST", 200)]

    (tmp_path / "big.bin").write_bytes(data[::-1])
    rclone("copy", tmp_path / "big.bin", "d:", *in_chunks)
    second = rclone.tree("d:")["big.bin"]

    assert first["Hashes"]["md5"] == hashlib.md5(data).hexdigest()
    assert second["Hashes"]["md5"] == hashlib.md5(data[::-1]).hexdigest()
    assert first["ID"] == second["ID"]


def test_a_stream_of_unknown_length_goes_up(rclone: Rclone, tmp_path: Path) -> None:
    """As `rclone rcat` does it: chunks without a total, until the last."""
    data = bytes(range(256)) * (2 << 10) + b"tail"
    (tmp_path / "big.bin").write_bytes(data)
    small = ("--drive-upload-cutoff=0", "--drive-chunk-size=256k", "--streaming-upload-cutoff=0")
    command = shlex.join(rclone.command("rcat", "d:streamed", *small))
    rclone.world.run("sh", "-c", f"{command} < {tmp_path}/big.bin")

    assert rclone.tree("d:")["streamed"]["Hashes"]["md5"] == hashlib.md5(data).hexdigest()


def test_a_shortcut_is_followed(rclone: Rclone, local: Path) -> None:
    """To a file and to a folder; one whose target is gone is passed over when told."""
    rclone("copy", local, "d:there")
    rclone("backend", "shortcut", "d:", "there/a.txt", "to-file.txt")
    rclone("backend", "shortcut", "d:", "there/b", "to-folder")
    assert rclone("cat", "d:to-file.txt") == "hello"
    tree = rclone.tree("d:")
    assert tree["to-folder/c/[brackets] & 100%.txt"]["Size"] == 8
    assert tree["to-file.txt"]["Size"] == 5
    assert "to-file.txt" not in rclone.tree("d:", "--drive-skip-shortcuts")
    rclone("purge", "d:there", "--drive-use-trash=false")

    assert rclone.tree("d:", "--drive-skip-dangling-shortcuts") == {}


def test_a_link_is_given(rclone: Rclone, local: Path, api: Api) -> None:
    """After the file was shared with anyone who has it."""
    rclone("copy", local / "a.txt", "d:")
    file = rclone.tree("d:")["a.txt"]["ID"]

    assert file in rclone("link", "d:a.txt")
    shared = api.ok("GET", f"drive/v3/files/{file}/permissions")["permissions"]
    assert ("anyone", "reader") in [(one["type"], one["role"]) for one in shared]


def test_a_document_is_exported(rclone: Rclone, tmp_path: Path) -> None:
    """It is listed and fetched in the format that was asked for, and imported from it."""
    (tmp_path / "notes.txt").write_bytes(b"hello")
    as_text = ("--drive-import-formats=txt", "--drive-export-formats=txt")
    rclone("copy", tmp_path / "notes.txt", "d:", *as_text)
    (entry,) = rclone.tree("d:", *as_text).values()

    assert (entry["Path"], entry["Size"]) == ("notes.txt", -1)
    assert "hello" in rclone("cat", "d:notes.txt", *as_text)


def test_a_shared_drive_is_a_drive_of_its_own(rclone: Rclone, local: Path, api: Api) -> None:
    """It is listed, filled and read; My Drive stays empty."""
    made = api.ok("POST", "drive/v3/drives?requestId=1", json={"name": "team"})
    (listed,) = json.loads(rclone("backend", "drives", "d:"))
    assert (listed["id"], listed["name"]) == (made["id"], "team")
    there = f"--drive-team-drive={made['id']}"
    rclone("sync", local, "d:there", there)
    rclone("check", local, "d:there", there)
    rclone("moveto", "d:there/a.txt", "d:a.txt", there)

    assert rclone("cat", "d:a.txt", there) == "hello"
    assert rclone.tree("d:") == {}


def test_changes_are_noticed(rclone: Rclone, api: Api) -> None:
    """Through the change log, by the poller that its mounts rely on."""
    command = rclone.command("test", "changenotify", "d:", "--poll-interval=100ms")
    log = rclone.world.emulator.log
    environ = rclone.world.environ()
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr
        try:
            wait_until(lambda: "/drive/v3/changes" in [one.path for one in log], "a look")
            api.make("noticed.txt")
            seen = next(line for line in watching.stderr if "noticed.txt" in line)
        finally:
            watching.terminate()

    assert seen.rstrip().endswith('NOTICE: "noticed.txt": 1')
