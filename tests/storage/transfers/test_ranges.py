import fcntl
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness import mover
from harness.waiting import wait_until

from colab_magics.emulator import Emulator
from colab_magics.errors import DiskFull, DriveUnreachable, TransferDamaged
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.transfers.part import open_part
from colab_magics.storage.tree import Node

MB = 1 << 20
BODY = random.Random(2).randbytes(12 * MB + 12_345)
MEDIA = "alt=media"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    state = str(tmp_path / "state")
    return Settings(timeout_seconds=5.0, chunk_bytes=MB, state_dir=state)


@pytest.fixture
def made(api: DriveAPI) -> Node:
    return api.create("a.bin", api.root_id(), BODY)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "here" / "a.bin"
    path.parent.mkdir()
    return path


def asked(drive: Emulator) -> int:
    return len([entry for entry in drive.log if MEDIA in entry.query])


def hidden(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path.name.startswith("."))


def fetchers() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("colab_magics-fetch")]


def test_a_large_file_comes_in_ranges(
    api: DriveAPI, drive: Emulator, made: Node, target: Path
) -> None:
    """Every byte right, nothing left behind: no part, no thread."""
    assert api.fetch_file(made, target) == made

    assert target.read_bytes() == BODY
    assert hidden(target) == []
    assert fetchers() == []
    assert 4 <= asked(drive) <= 24
    assert {entry.status for entry in drive.log if MEDIA in entry.query} == {206}


def test_progress_comes_from_the_calling_thread(api: DriveAPI, made: Node, target: Path) -> None:
    """And never goes back."""
    told: list[tuple[int, int]] = []

    class Callback:
        def set_size(self, size: int) -> None:
            self.size = size

        def absolute_update(self, value: int) -> None:
            told.append((threading.get_ident(), value))

    callback = Callback()
    api.fetch_file(made, target, callback=callback)

    assert callback.size == len(BODY)
    assert {ident for ident, _ in told} == {threading.get_ident()}
    assert [value for _, value in told] == sorted(value for _, value in told)
    assert told[-1][1] == len(BODY)


@pytest.mark.parametrize(
    "fault",
    [
        {"truncate": 700_000, "times": 6},
        {"truncate": "short", "times": 6},
        {"cut": "before", "times": 5},
        {"status": 503, "times": 5},
        {"reason": "userRateLimitExceeded", "times": 5},
        {"flip": 1000, "times": 2},
        {"body": "<html>sign in</html>", "nth": 3},
        {"status": 416, "nth": 3},
    ],
)
def test_what_breaks_on_the_way_is_mended(
    api: DriveAPI, drive: Emulator, made: Node, target: Path, fault: dict[str, Any]
) -> None:
    """Cuts, refusals, wrong lengths, wrong bytes, pages of others: the file is whole in the end."""
    drive.faults.add(query=MEDIA, **fault)

    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert hidden(target) == []


def test_a_byte_that_is_always_wrong_is_an_error(
    api: DriveAPI, drive: Emulator, made: Node, target: Path
) -> None:
    """Three times; the old file stays, and what arrived goes."""
    target.write_bytes(b"old")
    drive.faults.add(query=MEDIA, flip=True)

    with pytest.raises(TransferDamaged, match="arrived damaged"):
        api.fetch_file(made, target)

    assert target.read_bytes() == b"old"
    assert hidden(target) == []


def test_ranges_that_are_ignored_become_one_stream(
    api: DriveAPI, drive: Emulator, made: Node, target: Path
) -> None:
    """From the start, or in the middle: the whole file is never taken for a part."""
    drive.faults.add(query=MEDIA, ignore_range=True)
    api.fetch_file(made, target)

    assert target.read_bytes() == BODY

    drive.faults.clear()
    drive.faults.add(query=MEDIA, ignore_range=True, nth=5)
    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert fetchers() == []


@pytest.mark.parametrize("body", [BODY[::-1], BODY + b"longer", BODY[:-MB], b"", b"short"])
def test_a_file_that_changes_on_the_way_is_fetched_anew(
    api: DriveAPI, outsider: DriveAPI, drive: Emulator, made: Node, target: Path, body: bytes
) -> None:
    """The newer one, whole: of the same size, longer, shorter, empty; never parts of both."""
    drive.faults.add(query=MEDIA, latency=0.3, nth=5, times=100)
    done = threading.Event()

    def change() -> None:
        wait_until(lambda: asked(drive) >= 3, "three ranges")
        outsider.update(made.id, body)
        done.set()

    threading.Thread(target=change).start()
    node = api.fetch_file(made, target)

    assert done.is_set()
    assert target.read_bytes() == body
    assert node.revision == outsider.get(made.id).revision
    assert hidden(target) == []


def test_a_connection_that_stalls_does_not_hold_up_the_rest(
    drive: Emulator, settings: Settings, made: Node, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its range is taken over by a thread that has nothing to do."""
    monkeypatch.setattr("colab_magics.storage.transfers.ranges._STALL_SECONDS", 0.2)
    api = DriveAPI(url=drive.url, settings=replace(settings, timeout_seconds=30.0))
    drive.faults.add(query=MEDIA, rate=1000, nth=2)
    started = time.monotonic()

    api.fetch_file(made, target)

    assert time.monotonic() - started < 10
    assert target.read_bytes() == BODY
    assert fetchers() == []
    api.close()


def test_a_slow_connection_is_helped(
    drive: Emulator, settings: Settings, made: Node, target: Path
) -> None:
    """A quarter of the file would take it 8 seconds; the others do not idle meanwhile."""
    api = DriveAPI(url=drive.url, settings=settings)
    drive.faults.add(query=MEDIA, rate=200_000, nth=2)
    started = time.monotonic()

    api.fetch_file(made, target)

    assert time.monotonic() - started < 6
    assert target.read_bytes() == BODY
    api.close()


def test_a_dead_way_ends_and_what_is_here_is_kept(
    api: DriveAPI, drive: Emulator, made: Node, target: Path
) -> None:
    """The next fetch asks for the rest only."""
    drive.faults.add(query=MEDIA, cut="before", nth=5, times=1000)

    with pytest.raises(DriveUnreachable):
        api.fetch_file(made, target)

    assert fetchers() == []
    assert not target.exists()
    assert len(hidden(target)) == 2

    drive.faults.clear()
    part = open_part(target, f"{drive.url}\0{made.id}", made.revision, len(BODY))
    missing = sum(end - start for start, end in part.missing)
    part.close()
    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert hidden(target) == []
    assert missing < len(BODY) - 2 * MB


def test_an_interrupt_ends_it_within_a_moment(made: Node, drive: Emulator, target: Path) -> None:
    """Also threads that wait for an answer; a real process, a real SIGINT."""
    drive.faults.add(query=MEDIA, latency=60.0)
    program = f"""
import signal, sys, threading, time
sys.argv = ["mover", "fetch", {drive.url!r}, "a.bin", {str(target)!r}]
from harness.mover import main
try:
    main(*sys.argv[1:])
except KeyboardInterrupt:
    print([t.name for t in threading.enumerate()], flush=True)
"""
    child = spawn("-c", program, COLAB_MAGICS_CHUNK_BYTES=str(MB))
    wait_until(lambda: drive.faults.rules()[0]["matched"] >= 4, "four ranges are asked for")
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=10)

    assert time.monotonic() - started < 2
    assert out.splitlines()[-1] == "['MainThread']", err


def test_no_room_is_one_line_before_the_first_byte(
    api: DriveAPI, drive: Emulator, made: Node, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the numbers."""
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**9, 10**9, 5_000_000))
    text = "no room for 'a.bin' on this machine: it needs 12.6 MB, and '.*' has 5 MB free"

    with pytest.raises(DiskFull, match=text):
        api.fetch_file(made, target)

    assert asked(drive) == 0
    assert hidden(target) == []


@pytest.mark.parametrize("way", ["ranges", "records", "one stream"])
def test_a_disk_that_becomes_full_is_told_and_freed(
    api: DriveAPI,
    drive: Emulator,
    made: Node,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """What was there stays, the part goes: the room is needed."""
    target.write_bytes(b"old")
    write = os.write

    def full(file: int, data: bytes, offset: int = -1) -> int:
        if offset == -1 and not os.readlink(f"/proc/self/fd/{file}").endswith(".done"):
            return write(file, data)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write" if way == "records" else "pwrite", full)
    if way == "one stream":
        drive.faults.add(query=MEDIA, ignore_range=True)
    text = (
        r"^download 'a\.bin': this machine's disk became full: '.*/here' has [\d.]+ .?B free of "
        r"[\d.]+ .?B; remove something there and try again$"
    )
    with pytest.raises(DiskFull, match=text):
        api.fetch_file(made, target)

    assert target.read_bytes() == b"old"
    assert hidden(target) == []


def test_what_comes_late_does_not_go_into_another_file(target: Path) -> None:
    """A thread that a slow disk holds up outlives the part; its numbers are given out again."""
    part = open_part(target, "x", "r", 8)
    part.close()
    with target.with_name("b").open("wb") as one, target.with_name("c").open("wb") as two:
        with pytest.raises(OSError, match="Bad file descriptor"):
            part.write(0, b"8 bytes!")
        part.note(0, 8)

        assert os.fstat(one.fileno()).st_size == os.fstat(two.fileno()).st_size == 0


# Killed


def spawn(*args: str, **env: str) -> subprocess.Popen[str]:
    folder = Path(mover.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder), **env},
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_killed_fetch_is_gone_on_with(
    api: DriveAPI, drive: Emulator, made: Node, target: Path, share: float
) -> None:
    """kill -9 anywhere; another process fetches what is missing, and no more."""
    drive.faults.add(query=MEDIA, rate=2 * MB)
    child = spawn(
        mover.__file__, "fetch", drive.url, "a.bin", str(target), COLAB_MAGICS_CHUNK_BYTES=str(MB)
    )

    def here() -> int:
        """A record stands for a MB, but for the last one of a range."""
        return sum(path.stat().st_size // 16 for path in target.parent.glob("*.done")) * MB

    wait_until(lambda: asked(drive) >= 4 and here() >= share * len(BODY), "enough is here")
    child.kill()
    child.communicate()
    drive.faults.clear()
    drive.log.clear()

    part = open_part(target, f"{drive.url}\0{made.id}", made.revision, len(BODY))
    missing = sum(end - start for start, end in part.missing)
    part.close()

    assert missing <= len(BODY) * (1 - share) + 5 * MB

    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert hidden(target) == []
    assert asked(drive) <= missing // MB + 8


def test_a_part_whose_bytes_are_wrong_is_not_believed(
    api: DriveAPI, made: Node, target: Path, drive: Emulator
) -> None:
    """The hash of the whole decides, also over what an earlier process wrote."""
    part = open_part(target, f"{drive.url}\0{made.id}", made.revision, len(BODY))
    part.write(0, bytes(3 * MB))
    part.note(0, 3 * MB)
    part.close()

    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert hidden(target) == []


def test_a_part_of_another_revision_is_discarded(
    api: DriveAPI, made: Node, target: Path, drive: Emulator
) -> None:
    """It is removed, and nothing of it is used."""
    part = open_part(target, f"{drive.url}\0{made.id}", "another revision", len(BODY))
    part.write(0, bytes(len(BODY)))
    part.note(0, len(BODY))
    part.close()

    assert len(hidden(target)) == 2

    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert hidden(target) == []


def test_parts_that_nobody_needs_are_cleaned_up(api: DriveAPI, made: Node, target: Path) -> None:
    """Those of other files after a week, unless somebody works on them."""
    old, young, used = (target.parent / f"other{n}" for n in range(3))
    for path in (old, young):
        open_part(path, "another", "r", 10).close()
    busy = open_part(used, "another", "r", 10)
    week = time.time() - 8 * 24 * 3600
    for path in target.parent.glob(".*"):
        if path.name.startswith(open_name(old)) or path.name.startswith(open_name(used)):
            os.utime(path, (week, week))

    api.fetch_file(made, target)
    kept = hidden(target)
    busy.close()

    assert kept == sorted(
        name for path in (young, used) for name in (open_name(path), open_name(path) + ".done")
    )


def open_name(target: Path) -> str:
    key = hashlib.sha256(f"another\0{target}".encode()).hexdigest()[:16]
    return f".{key}-{hashlib.sha256(b'r').hexdigest()[:12]}.part"


def test_two_processes_fetch_one_file_at_once(
    api: DriveAPI, made: Node, target: Path, drive: Emulator
) -> None:
    """The second takes a name of its own; both are right, and nothing is left."""
    first = open_part(target, f"{drive.url}\0{made.id}", made.revision, len(BODY))
    second = open_part(target, f"{drive.url}\0{made.id}", made.revision, len(BODY))

    assert first.path != second.path

    second.close()
    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert first.path.exists()

    first.discard()
    first.close()

    assert hidden(target) == []


def test_a_record_that_was_cut_counts_for_nothing(target: Path) -> None:
    """A machine that died in the middle of a write."""
    part = open_part(target, "f", "r", 100)
    part.note(0, 40)
    part.note(60, 100)
    part.close()
    [record] = target.parent.glob("*.done")
    with record.open("ab") as file:
        file.write(b"torn")
    part = open_part(target, "f", "r", 100)

    assert part.missing == [(40, 60)]

    part.discard()
    part.close()


def test_a_disk_without_locks_still_works(
    api: DriveAPI, made: Node, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can not be resumed there, and that is all."""

    def nolock(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", nolock)
    api.fetch_file(made, target)

    assert target.read_bytes() == BODY
    assert hidden(target) == []
