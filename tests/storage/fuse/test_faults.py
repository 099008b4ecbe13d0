"""What becomes of a mounted Drive, and of what was written there, when things go wrong?"""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.fuse import needs_fuse
from harness.waiting import wait_until
from harness.weak_mount import WeakMount

from colab_magics.emulator import Emulator
from colab_magics.errors import BadPlace
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.fuse.mounting import FuseMount, mount
from colab_magics.storage.health import mount_at

pytestmark = needs_fuse
Start = Callable[..., FuseMount]

OWNER = """
import sys, time
from colab_magics.settings import Settings
from colab_magics.storage.fuse.mounting import mount
mounted = mount(sys.argv[2], url=sys.argv[1], settings=Settings(), readonly=False)
print(mounted.pid, flush=True)
exec(sys.stdin.readline())
sys.stdin.read()
"""
WRITER = """
import sys, time
stream = open(sys.argv[1], "wb")
stream.write(b"half of it" * 1000)
stream.flush()
print("written", flush=True)
time.sleep(60)
"""


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is being written."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data/colab_magics/unsent"


@pytest.fixture
def start(drive: Emulator, tmp_path: Path, spool: Path) -> Iterator[Start]:
    """Mount the emulator, with little patience; unmounted with the test."""
    mounted: list[FuseMount] = []
    settings = Settings(timeout_seconds=5.0, retry_attempts=1, retry_first_seconds=0.02)

    def one(name: str = "mnt") -> FuseMount:
        mounted.append(
            mount(str(tmp_path / name), url=drive.url, settings=settings, readonly=False)
        )
        return mounted[-1]

    yield one
    for each in mounted:
        each.close(2.0)


@pytest.fixture
def owner(drive: Emulator, tmp_path: Path, spool: Path) -> Iterator[Any]:
    """Another process that has mounted the Drive, and the process that serves it."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, drive.url, str(tmp_path / "mnt")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    server = int(process.stdout.readline())
    yield process, server
    process.kill()
    process.communicate()


def sizes(api: DriveAPI) -> dict[str, int | None]:
    return {node.name: node.size for node in api.children(api.root_id())}


@contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that has written to a file and keeps it open; the block must end it."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield program


def contents(spool: Path) -> list[str]:
    return [path.name for path in spool.iterdir() if path.suffix != ".lock"]


def gone(pid: int) -> bool:
    """Whether a process has ended, though perhaps nobody has asked for its code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ({"status": 503}, errno.EIO),
        ({"cut": "before"}, errno.EIO),
        ({"reason": "storageQuotaExceeded"}, errno.ENOSPC),
        ({"reason": "dailyLimitExceeded"}, errno.EDQUOT),
        ({"reason": "insufficientFilePermissions"}, errno.EACCES),
    ],
)
def test_a_file_that_drive_refuses_fails_at_close_and_is_sent_later(
    start: Start, drive: Emulator, outsider: DriveAPI, spool: Path, fault: Any, number: int
) -> None:
    """The program hears of it, what it wrote is kept and seen, and Drive gets it in the end."""
    mounted = start()
    path = Path(mounted.folder, "a.txt")
    rule = drive.faults.add(path="/upload", **fault)
    with pytest.raises(OSError) as caught:  # noqa: PT011 (the number is compared)
        path.write_bytes(b"hello")
    wait_until(lambda: mounted.trouble, "it is told")
    kept = [one for one in spool.iterdir() if one.suffix == ".kept"]

    assert caught.value.errno == number
    assert "a.txt" not in sizes(outsider)
    assert path.read_bytes() == b"hello"
    assert os.listdir(mounted.folder) == ["a.txt"]
    assert mounted.trouble.startswith("not on Drive yet: 'a.txt' (create 'a.txt': ")
    assert mounted.trouble.endswith("; tried again")
    assert [one.read_bytes() for one in kept] == [b"hello"]
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700

    drive.faults.clear(rule)
    wait_until(lambda: sizes(outsider) == {"a.txt": 5}, "Drive has it")
    wait_until(lambda: not mounted.trouble, "nothing is left to tell")
    wait_until(lambda: not contents(spool), "nothing is left in the spool")


def test_fsync_fails_as_close_does(start: Start, drive: Emulator, outsider: DriveAPI) -> None:
    """And what was there before is there still."""
    path = Path(start().folder, "a.txt")
    path.write_bytes(b"before")
    rule = drive.faults.add(path="/upload", status=500)
    with path.open("r+b", buffering=0) as stream:
        stream.write(b"after it")
        with pytest.raises(OSError, match="Input/output error"):
            os.fsync(stream.fileno())
        assert sizes(outsider) == {"a.txt": 6}
        drive.faults.clear(rule)
        os.fsync(stream.fileno())

        assert sizes(outsider) == {"a.txt": 8}


def test_a_full_drive_is_a_full_disk(start: Start, drive: Emulator, outsider: DriveAPI) -> None:
    """ENOSPC, and room again lets it through."""
    path = Path(start().folder, "a.txt")
    drive.storage_limit = 10
    with pytest.raises(OSError, match="No space left on device"):
        path.write_bytes(b"x" * 100)
    drive.storage_limit = None

    wait_until(lambda: sizes(outsider) == {"a.txt": 100}, "Drive has it")


def test_what_was_not_sent_is_sent_by_the_next_mount(
    start: Start, drive: Emulator, outsider: DriveAPI, spool: Path
) -> None:
    """And does not overwrite what somebody else has put there meanwhile."""
    first = start()
    Path(first.folder, "old.txt").write_bytes(b"old")
    drive.faults.add(path="/upload", status=503)
    for name in ("new.txt", "old.txt"):
        with pytest.raises(OSError, match="Input/output"):
            Path(first.folder, name).write_bytes(b"written here")
    first.close(0.5)
    assert sizes(outsider) == {"old.txt": 3}
    assert len(list(spool.glob("*.kept"))) == 2

    drive.faults.clear()
    outsider.update(outsider.find(outsider.root_id(), "old.txt")[0].id, b"by somebody else")
    second = start("mnt2")
    wait_until(lambda: len(sizes(outsider)) == 3, "they are on Drive")
    found = sizes(outsider)
    third = next(name for name in found if name.startswith("old (unsent "))

    assert (found["new.txt"], found["old.txt"], found[third]) == (12, 16, 12)
    wait_until(lambda: not contents(spool), "nothing is left in the spool")
    assert second.trouble == ""


def test_a_program_that_is_killed_while_it_writes_publishes_nothing(
    start: Start, outsider: DriveAPI, spool: Path
) -> None:
    """The good file on Drive stays; what there is of the other one is kept, and told."""
    mounted = start()
    path = Path(mounted.folder, "model.pt")
    path.write_bytes(b"good")
    with writing(path) as writer:
        writer.send_signal(signal.SIGKILL)
    wait_until(lambda: mounted.trouble, "it is told")
    kept = next(spool.glob("*.kept"))

    assert mounted.trouble == (
        f"not sent: 'model.pt', the program that wrote it was killed (what there is of it: {kept})"
    )
    assert sizes(outsider) == {"model.pt": 4}
    assert path.read_bytes() == b"good"
    assert kept.read_bytes() == b"half of it" * 1000
    assert json.loads(kept.with_suffix(".json").read_text())["whole"] is False


def test_a_program_that_is_asked_to_end_publishes_what_it_wrote(
    start: Start, outsider: DriveAPI
) -> None:
    """As Ctrl+C on a logger: what it wrote counts."""
    path = Path(start().folder, "log")
    with writing(path) as writer:
        writer.send_signal(signal.SIGTERM)

    wait_until(lambda: sizes(outsider) == {"log": 10_000}, "Drive has it")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kernel_that_is_killed_leaves_no_mount(
    owner: Any, tmp_path: Path, number: signal.Signals
) -> None:
    """Within a second or two, and the folder is a plain one again."""
    process, server = owner
    os.kill(process.pid, number)
    started = time.monotonic()
    wait_until(lambda: mount_at(str(tmp_path / "mnt")) is None, "it is unmounted")
    took = time.monotonic() - started
    print(f"unmounted {took:.2f} s after the kill")
    wait_until(lambda: gone(server), "the server ends")

    assert took < 5.0
    assert os.listdir(tmp_path / "mnt") == []


def test_a_forked_child_of_a_killed_kernel_does_not_keep_the_mount(
    owner: Any, tmp_path: Path
) -> None:
    """It holds the pipe's other end; the kernel's own end is what counts."""
    process, server = owner
    process.stdin.write(
        "import os; child = os.fork(); child or time.sleep(60); print(child, flush=True)\n"
    )
    process.stdin.flush()
    child = int(process.stdout.readline())
    process.kill()
    try:
        wait_until(lambda: mount_at(str(tmp_path / "mnt")) is None, "it is unmounted")
    finally:
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: gone(server), "the server ends")


def test_a_killed_server_leaves_no_dead_folder(start: Start) -> None:
    """Nothing answers Errno 107 for ever; the notebook is told, and can mount again."""
    mounted = start()
    Path(mounted.folder, "a.txt").write_text("x")
    os.kill(mounted.pid, signal.SIGKILL)
    wait_until(lambda: mount_at(mounted.folder) is None, "it is unmounted")
    wait_until(lambda: mounted.trouble, "it is told")

    assert mounted.trouble == (
        f"the mount at {mounted.folder} has ended; run %drive_mount --at {mounted.folder}"
    )
    assert Path(start().folder, "a.txt").read_text() == "x"


def test_a_dead_mount_of_ours_is_taken_away_and_no_other(start: Start, tmp_path: Path) -> None:
    """What another program has mounted, dead or alive, is its own."""
    (tmp_path / "source").mkdir()
    weak = WeakMount(tmp_path, tmp_path / "mnt", tmp_path / "source", "colab_magics.0badc0de")
    try:
        with pytest.raises(BadPlace, match="another notebook has its Drive mounted"):
            start()
        weak.kill()
        mounted = start()
        assert os.listdir(mounted.folder) == []
        mounted.close()
    finally:
        weak.close()
    foreign = WeakMount(tmp_path, tmp_path / "mnt", tmp_path / "source", "sshfs")
    foreign.kill()
    try:
        with pytest.raises(BadPlace, match=r"is a mount point already \(fuse.sshfs\)"):
            start()
    finally:
        foreign.close()


def test_what_is_being_sent_is_finished_at_the_end(
    start: Start, drive: Emulator, outsider: DriveAPI
) -> None:
    """Unmounting waits for an upload that is under way."""
    mounted = start()
    drive.faults.add(path="/upload", latency=1.0)
    path = Path(mounted.folder, "a.txt")
    with subprocess.Popen(
        [sys.executable, "-c", f"open({str(path)!r},'w').write('x'*9)"]
    ) as writer:
        wait_until(lambda: drive.faults.rules()[0].get("fired"), "it is being sent")
        mounted.close()
        assert writer.wait(10) == 0

    assert sizes(outsider) == {"a.txt": 9}
    assert mount_at(mounted.folder) is None


def test_a_file_that_is_removed_while_it_is_sent_stays_removed(
    start: Start, drive: Emulator, outsider: DriveAPI
) -> None:
    """It is removed once it has arrived."""
    path = Path(start().folder, "a.txt")
    drive.faults.add(path="/upload", latency=1.0)
    with subprocess.Popen(
        [sys.executable, "-c", f"open({str(path)!r},'w').write('x'*9)"]
    ) as writer:
        wait_until(lambda: drive.faults.rules()[0].get("fired"), "it is being sent")
        path.unlink()
        assert writer.wait(10) == 0

    assert not path.exists()
    wait_until(lambda: sizes(outsider) == {}, "Drive does not have it")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_goes_while_it_is_sent_again_does_not_come_back(
    start: Start, drive: Emulator, outsider: DriveAPI, replaced: bool
) -> None:
    """Removed or replaced; and what is refused later on still gets to Drive."""
    folder = Path(start().folder)
    if replaced:
        (folder / "new.txt").write_bytes(b"new")
    drive.faults.add(path="/upload", status=503)
    with pytest.raises(OSError, match="Input/output"):
        (folder / "a.txt").write_bytes(b"before")
    drive.faults.clear()
    slow = drive.faults.add(path="/upload", latency=1.0)
    wait_until(lambda: drive.faults.rules()[0].get("fired"), "it is being sent again")
    if replaced:
        (folder / "new.txt").rename(folder / "a.txt")
    else:
        (folder / "a.txt").unlink()
    drive.faults.clear(slow)
    left = {"a.txt": 3} if replaced else {}

    assert sizes(outsider) == left
    drive.faults.add(path="/upload", status=503)
    with pytest.raises(OSError, match="Input/output"):
        (folder / "b.txt").write_bytes(b"later")
    drive.faults.clear()
    wait_until(lambda: sizes(outsider) == {**left, "b.txt": 5}, "Drive has it")


def test_a_drive_that_does_not_answer_takes_nothing_from_what_is_open_at_the_end(
    start: Start, drive: Emulator, spool: Path
) -> None:
    """Sending again what was refused ends with its time; what a program still wrote is kept."""
    mounted = start()
    drive.faults.add(path="/upload", status=503)
    for number in range(3):
        with pytest.raises(OSError, match="Input/output"):
            Path(mounted.folder, f"{number}.txt").write_bytes(b"refused")
    with writing(Path(mounted.folder, "open.bin")) as writer:
        drive.faults.clear()
        drive.faults.add(latency=20)
        mounted.close(0.5)
        writer.kill()
    kept = [json.loads(note.read_text()) for note in spool.glob("*.json")]

    assert not list(spool.glob("*.part"))
    assert sorted((one["path"], one["whole"]) for one in kept) == [
        *((f"/{number}.txt", True) for number in range(3)),
        ("/open.bin", False),
    ]
