"""Is a mounted Drive a folder that programs can work in? A real mount, the emulator behind it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness.fuse import needs_fuse
from harness.waiting import wait_until

from colab_magics.emulator import Emulator
from colab_magics.errors import BadPlace, DriveError, MissingExtra, PlaceIsFile
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.fuse.mounting import FuseMount, check_machine, mount
from colab_magics.storage.health import mount_at

pytestmark = needs_fuse
Start = Callable[..., FuseMount]


@pytest.fixture
def start(drive: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Mount the emulator; all that was mounted is unmounted with the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    mounted: list[FuseMount] = []

    def one(name: str = "mnt", *, readonly: bool = False, **given: Any) -> FuseMount:
        settings = Settings(timeout_seconds=10.0, retry_first_seconds=0.02, **given)
        mounted.append(
            mount(str(tmp_path / name), url=drive.url, settings=settings, readonly=readonly)
        )
        return mounted[-1]

    yield one
    for each in mounted:
        each.close(2.0)
        assert mount_at(each.folder) is None


@pytest.fixture
def folder(start: Start) -> Path:
    """A mounted Drive."""
    return Path(start().folder)


def on_drive(api: DriveAPI, folder_id: str | None = None) -> dict[str, bytes | None]:
    """All that is on the Drive, by path; None for a folder."""
    found: dict[str, bytes | None] = {}
    for node in api.children(folder_id or api.root_id()):
        assert node.name not in found, "two files of one name"
        if node.folder:
            found[node.name] = None
            below = on_drive(api, node.id)
            found.update({f"{node.name}/{name}": content for name, content in below.items()})
        else:
            found[node.name] = content_of(api, node.id)
    return found


def content_of(api: DriveAPI, id: str) -> bytes:
    from io import BytesIO

    target = BytesIO()
    api.fetch(id, target)
    return target.getvalue()


def first_byte(path: Path) -> bytes:
    with path.open("rb", buffering=0) as stream:
        return stream.read(1)


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(code: str, *args: object) -> str:
    """Run code in a process of its own: one that holds the GIL must not wait for the emulator."""
    return run(sys.executable, "-c", code, *map(str, args))


def test_files_and_folders_go_both_ways(folder: Path, outsider: DriveAPI) -> None:
    """Written, read, appended, cut, renamed, removed: and Drive has the same."""
    (folder / "a.txt").write_text("hello")
    (folder / "sub").mkdir()
    (folder / "sub/b.bin").write_bytes(b"\0" * 10)
    with (folder / "a.txt").open("a") as stream:
        stream.write(" world")
    with (folder / "sub/b.bin").open("r+b") as stream:
        stream.seek(5)
        stream.write(b"x")
    os.truncate(folder / "sub/b.bin", 7)
    (folder / "empty").touch()
    (folder / "gone").write_text("x")
    (folder / "gone").unlink()
    (folder / "folder").mkdir()
    (folder / "folder").rmdir()
    (folder / "sub").rename(folder / "moved")

    assert sorted(os.listdir(folder)) == ["a.txt", "empty", "moved"]
    assert (folder / "a.txt").read_text() == "hello world"
    assert (folder / "moved/b.bin").read_bytes() == b"\0\0\0\0\0x\0"
    wait_until(lambda: "empty" in on_drive(outsider), "the empty file is on Drive")
    assert on_drive(outsider) == {
        "a.txt": b"hello world",
        "empty": b"",
        "moved": None,
        "moved/b.bin": b"\0\0\0\0\0x\0",
    }


def test_errors_are_those_of_any_file_system(folder: Path) -> None:
    """What is not there, is there already, is a folder, or is not empty."""
    (folder / "sub").mkdir()
    (folder / "sub/a").write_text("x")
    expected: list[tuple[int, Callable[[], object]]] = [
        (errno.ENOENT, lambda: (folder / "nope").read_bytes()),
        (errno.ENOENT, lambda: (folder / "nope/a").write_bytes(b"")),
        (errno.ENOENT, lambda: (folder / "nope").unlink()),
        (errno.EEXIST, lambda: (folder / "sub").mkdir()),
        (errno.EEXIST, lambda: (folder / "sub/a").open("x")),
        (errno.EISDIR, lambda: (folder / "sub").write_bytes(b"")),
        (errno.ENOTEMPTY, lambda: (folder / "sub").rmdir()),
        (errno.ENOTDIR, lambda: os.listdir(folder / "sub/a")),
        (errno.EISDIR, lambda: os.rename(folder / "sub/a", folder / "sub")),
    ]
    got = []
    for _, act in expected:
        with pytest.raises(OSError) as caught:  # noqa: PT011 (the number is compared)
            act()
        got.append(caught.value.errno)

    assert got[:-1] == [number for number, _ in expected[:-1]]
    assert got[-1] in (errno.EISDIR, errno.ENOTEMPTY, errno.EINVAL)


def test_a_tree_copied_in_is_the_same_tree(
    folder: Path, tmp_path: Path, outsider: DriveAPI
) -> None:
    """cp -r and shutil, names with quotes, blanks, emoji; compared by diff and with Drive."""
    tree = tmp_path / "tree"
    for at in ("a b", "it's", "ünï", "🙂", "deep/er/and/deeper"):
        (tree / at).mkdir(parents=True)
        for number in range(5):
            (tree / at / f"{number} %s'\"\\.txt").write_bytes(os.urandom(number * 1000))
    run("cp", "-r", str(tree), str(folder / "copy"))
    shutil.copytree(tree, folder / "copy2")
    run("diff", "-r", str(tree), str(folder / "copy"))
    run("diff", "-r", str(folder / "copy2"), str(folder / "copy"))
    there = on_drive(outsider)

    for path in tree.rglob("*"):
        expected = path.read_bytes() if path.is_file() else None
        assert there[f"copy/{path.relative_to(tree)}"] == expected


def test_what_others_write_is_seen(folder: Path, outsider: DriveAPI) -> None:
    """New, changed, renamed and removed elsewhere: within seconds, whole, never a mixture."""
    node = outsider.create("a.txt", outsider.root_id(), b"one")
    wait_until(lambda: (folder / "a.txt").exists(), "the file is seen")
    assert (folder / "a.txt").read_bytes() == b"one"

    outsider.update(node.id, b"number two")
    wait_until(lambda: (folder / "a.txt").read_bytes() == b"number two", "the change is seen")
    outsider.update(node.id, name="b.txt")
    wait_until(lambda: os.listdir(folder) == ["b.txt"], "the new name is seen")
    outsider.update(node.id, trashed=True)
    wait_until(lambda: not os.listdir(folder), "it is gone")


def test_an_open_file_is_of_one_revision(folder: Path, outsider: DriveAPI) -> None:
    """A reader never gets bytes of another one, ESTALE at worst; who opens anew gets the new."""
    size = 12 * 1024 * 1024
    (folder / "a.bin").write_bytes(b"1" * size)
    node = outsider.find(outsider.root_id(), "a.bin")[0]
    with (folder / "a.bin").open("rb", buffering=0) as stream:
        first = stream.read(4096)
        outsider.update(node.id, b"2" * size)
        wait_until(lambda: first_byte(folder / "a.bin") == b"2", "the new one is seen")
        stream.seek(size - 4096)
        with pytest.raises(OSError, match="Stale file handle"):
            stream.read(4096)

    assert first == b"1" * 4096


def test_overwriting_publishes_once(folder: Path, drive: Emulator, outsider: DriveAPI) -> None:
    """Opening a file to write it anew does not empty it on Drive first."""
    (folder / "a.txt").write_text("old")
    drive.faults.add(path="/upload")
    (folder / "a.txt").write_text("new")
    run("sh", "-c", f"echo newer > {folder}/a.txt")
    wait_until(lambda: on_drive(outsider) == {"a.txt": b"newer\n"}, "it is there")

    assert drive.faults.rules()[0]["matched"] == 2


def test_saving_by_renaming_keeps_one_file(folder: Path, outsider: DriveAPI) -> None:
    """As editors do, and os.replace; while it is read by somebody else too."""
    (folder / "a.txt").write_text("old")
    for number in range(5):
        (folder / ".a.txt.swp").write_text(f"new {number}")
        os.replace(folder / ".a.txt.swp", folder / "a.txt")
        assert (folder / "a.txt").read_text() == f"new {number}"

    assert on_drive(outsider) == {"a.txt": b"new 4"}


@pytest.mark.skipif(shutil.which("vim") is None, reason="no vim here")
def test_vim_saves(folder: Path, outsider: DriveAPI) -> None:
    """With its swap file and its backup."""
    (folder / "a.txt").write_text("old\n")
    run("vim", "-es", "-u", "NONE", "-c", "%s/old/new/", "-c", "wq", "a.txt", cwd=folder)

    assert on_drive(outsider) == {"a.txt": b"new\n"}


def test_a_shell_that_redirects_publishes_once(
    folder: Path, drive: Emulator, outsider: DriveAPI
) -> None:
    """Children that inherit the file and end do not publish what there is until then."""
    run("sh", "-c", f"(echo a; sleep 0.1; /bin/echo b; /bin/echo c) > {folder}/out.txt")
    wait_until(lambda: on_drive(outsider) == {"out.txt": b"a\nb\nc\n"}, "all of it is there")
    node = outsider.find(outsider.root_id(), "out.txt")[0]
    changes = [e for e in outsider.changes("1").entries if e.file_id == node.id]

    assert len(changes) == 1
    assert node.version <= 3


def test_git_sqlite_and_mmap_work(folder: Path) -> None:
    """They lock, map, sync, and rename; each transaction sends the file whole."""
    run("git", "init", "-q", "-b", "main", "repo", cwd=folder)
    (folder / "repo/a.txt").write_text("x" * 10000)
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    run("git", "add", ".", cwd=folder / "repo")
    run("git", *who, "commit", "-qm", "one", cwd=folder / "repo")
    run("git", "clone", "-q", "repo", "clone", cwd=folder)
    assert (folder / "clone/a.txt").read_text() == "x" * 10000
    assert run("git", "fsck", "--full", cwd=folder / "clone") == ""

    base = sqlite3.connect(folder / "base.db")
    with base:
        base.execute("create table t (x)")
        base.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    base.close()
    base = sqlite3.connect(folder / "base.db")
    assert base.execute(
        "select sum(x), (select * from pragma_integrity_check) from t"
    ).fetchone() == (
        499500,
        "ok",
    )
    base.close()
    said = python(
        "import mmap,sys\nf=open(sys.argv[1],'r+b')\nm=mmap.mmap(f.fileno(),0)\n"
        "print(m[:4]); m[:4]=b'mapp'; m.flush(); m.close(); f.close()\n"
        "print(open(sys.argv[1],'rb').read(4))",
        folder / "repo/a.txt",
    )
    assert said.split() == ["b'xxxx'", "b'mapp'"]


def test_a_removed_file_that_is_open_can_be_used(folder: Path, outsider: DriveAPI) -> None:
    """As temporary files are; nothing of it reaches Drive afterwards."""
    with (folder / "a.txt").open("w+b") as stream:
        stream.write(b"hello")
        (folder / "a.txt").unlink()
        stream.write(b" world")
        stream.seek(0)

        assert stream.read() == b"hello world"
        assert os.fstat(stream.fileno()).st_size == 11
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(b"temporary")
    assert not os.listdir(folder)
    wait_until(lambda: on_drive(outsider) == {}, "it is gone on Drive too")


def test_a_file_that_is_replaced_while_it_is_read_goes_on(folder: Path, outsider: DriveAPI) -> None:
    """The reader keeps the old one, Drive has one file at any moment, and then the new one."""
    (folder / "a.txt").write_bytes(b"old" * 1000)
    (folder / "b.txt").write_bytes(b"new")
    with (folder / "a.txt").open("rb", buffering=0) as stream:
        assert stream.read(3) == b"old"
        os.replace(folder / "b.txt", folder / "a.txt")

        assert stream.read() == b"old" * 999
    assert (folder / "a.txt").read_bytes() == b"new"
    assert on_drive(outsider) == {"a.txt": b"new"}


def test_one_reads_what_the_other_has_not_closed_yet(folder: Path) -> None:
    """As on a local disk."""
    with (folder / "log").open("wb", buffering=0) as stream:
        stream.write(b"line 1\n")

        assert (folder / "log").read_bytes() == b"line 1\n"
        assert os.listdir(folder) == ["log"]
        assert (folder / "log").stat().st_size == 7


def test_modes_and_times_are_accepted(folder: Path) -> None:
    """cp -p and chmod do not fail; the time that is set shows."""
    path = folder / "a.txt"
    path.write_text("x")
    os.utime(path, (1_000_000_000, 1_000_000_001))
    path.chmod(0o755)
    shutil.copy2(path, folder / "b.txt")

    assert path.stat().st_mtime == 1_000_000_001
    assert (folder / "b.txt").stat().st_mtime == 1_000_000_001
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_ids_quota_and_documents_show(folder: Path, drive: Emulator, outsider: DriveAPI) -> None:
    """user.drive.id, df, and a Google document as a small file that links to it."""
    (folder / "a.txt").write_text("hello")
    node = outsider.find(outsider.root_id(), "a.txt")[0]
    doc = outsider.create(
        "Plan", outsider.root_id(), mime_type="application/vnd.google-apps.document"
    )
    wait_until(lambda: (folder / "Plan.gdoc").exists(), "the document shows")
    about = outsider.about()
    found = os.statvfs(folder)

    assert os.getxattr(folder / "a.txt", "user.drive.id") == node.id.encode()
    assert os.getxattr(folder / "a.txt", "user.drive.md5") == (node.md5 or "").encode()
    assert about.limit is not None
    assert found.f_blocks * found.f_frsize == pytest.approx(about.limit, abs=4096)
    assert json.loads((folder / "Plan.gdoc").read_text())["doc_id"] == doc.id
    assert sorted(os.listdir(folder)) == ["Plan.gdoc", "a.txt"]
    with pytest.raises(PermissionError):
        (folder / "Plan.gdoc").write_text("x")


def test_names_that_are_no_paths_and_names_that_are_equal(folder: Path, outsider: DriveAPI) -> None:
    """A slash looks like one, the newest of several is meant, a name too long is left out."""
    root = outsider.root_id()
    for name, content in (("a/b", b"slash"), ("two", b"old"), ("two", b"new"), ("x" * 300, b"")):
        outsider.create(name, root, content)
    wait_until(lambda: len(os.listdir(folder)) == 2, "they show")

    assert sorted(os.listdir(folder)) == ["a\u2215b", "two"]
    assert (folder / "a\u2215b").read_bytes() == b"slash"
    assert (folder / "two").read_bytes() == b"new"


def test_a_readonly_mount_refuses_writes(start: Start, outsider: DriveAPI) -> None:
    """With EROFS, as programs know it."""
    outsider.create("a.txt", outsider.root_id(), b"x")
    folder = Path(start(readonly=True).folder)
    for write in (
        lambda: (folder / "a.txt").write_text("y"),
        lambda: (folder / "b.txt").write_text("y"),
        lambda: (folder / "a.txt").unlink(),
        lambda: (folder / "sub").mkdir(),
        lambda: os.utime(folder / "a.txt"),
    ):
        with pytest.raises(OSError, match="Read-only file system"):
            write()

    assert (folder / "a.txt").read_bytes() == b"x"


def test_a_listing_costs_no_request_for_each_name(
    folder: Path, drive: Emulator, outsider: DriveAPI
) -> None:
    """ls -l of 200 files: a handful of requests."""
    root = outsider.root_id()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: outsider.create(f"{n:03}", root, b"x"), range(200)))
    wait_until(lambda: len(os.listdir(folder)) == 200, "they show")
    before = drive.quota.total
    assert len(run("ls", "-l", str(folder)).splitlines()) == 201

    assert drive.quota.total - before <= 300


def test_a_large_file_needs_little_memory(start: Start, tmp_path: Path, outsider: DriveAPI) -> None:
    """200 MB there and back: the same bytes, and the server stays small."""
    mounted = start()
    folder = Path(mounted.folder)
    local = tmp_path / "big"
    with local.open("wb") as stream:
        for _ in range(200):
            stream.write(os.urandom(1 << 20))
    run("cp", str(local), str(folder / "big"))
    run("cmp", str(local), str(folder / "big"))
    status = Path(f"/proc/{mounted.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
    print(f"peak of the server: {peak} MB")

    assert outsider.find(outsider.root_id(), "big")[0].size == 200 << 20
    assert peak < 220


def test_eight_processes_at_once(folder: Path, outsider: DriveAPI) -> None:
    """Each writes, reads, renames and removes files of its own, and reads a common one."""
    (folder / "common").write_bytes(b"c" * 100_000)
    code = (
        "import os,sys\nd,n=sys.argv[1:]\nos.mkdir(f'{d}/{n}')\n"
        "for i in range(8):\n"
        "    p=f'{d}/{n}/{i}'; b=os.urandom(5000*i)\n"
        "    open(p+'.tmp','wb').write(b); os.replace(p+'.tmp',p)\n"
        "    assert open(p,'rb').read()==b\n"
        "    assert open(f'{d}/common','rb').read()==b'c'*100000\n"
        "    if i%2: os.remove(p)\n"
        "assert sorted(os.listdir(f'{d}/{n}'))==['0','2','4','6']\n"
    )
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: python(code, folder, n), range(8)))
    there = on_drive(outsider)

    assert sorted(path for path, content in there.items() if content is not None) == sorted(
        ["common", *(f"{n}/{i}" for n in range(8) for i in (0, 2, 4, 6))]
    )


@pytest.mark.parametrize(
    ("make", "kind", "line"),
    [
        (lambda p: p.write_text("x"), PlaceIsFile, "'{}' is a file; give a folder to mount at"),
        (
            lambda p: (p.mkdir(), (p / "a").touch()),
            BadPlace,
            "'{}' is not empty; give an empty folder, or a new one",
        ),
    ],
)
def test_where_it_can_not_be_mounted_is_told(
    start: Start, tmp_path: Path, make: Callable[[Path], object], kind: type[Exception], line: str
) -> None:
    """One line each."""
    make(tmp_path / "mnt")
    with pytest.raises(kind) as caught:
        start()

    assert str(caught.value) == line.format(tmp_path / "mnt")


def test_a_mount_on_or_in_another_mount_is_refused(start: Start, tmp_path: Path) -> None:
    """Somebody's mount is not covered by another one."""
    first = start()
    with pytest.raises(BadPlace, match="another notebook has its Drive mounted at"):
        start()
    with pytest.raises(BadPlace, match=r"lies on another mount \(.*\); choose another folder"):
        start("mnt/sub")
    assert first.alive


def test_a_machine_without_fuse_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that mends it."""
    with pytest.raises(DriveError, match="this machine has no /dev/nothing"):
        check_machine("/dev/nothing")
    with pytest.raises(DriveError, match="run: apt-get install fuse3"):
        check_machine(commands=("no-such-command",))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"run: pip install 'colab_magics\[fuse\]'"):
        check_machine()


def test_threads_end_with_the_mount(start: Start) -> None:
    """Nothing of it stays behind."""
    before = set(threading.enumerate())
    mounted = start()
    own = set(threading.enumerate()) - before
    assert {thread.name for thread in own} >= {"colab_magics-mount"}
    mounted.close()

    for thread in own:
        if thread.name == "colab_magics-mount":
            thread.join(5)
            assert not thread.is_alive()
