import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import mover
from harness.waiting import wait_until

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place
from colab_magics.storage.transfers.body import body_of
from colab_magics.storage.transfers.transfer import send
from colab_magics.storage.transfers.unfinished import Begun, Unfinished

MB = 1 << 20
PART = 25 * MB // 4  # of the 24 MB of `source`
PUT = {"method": "PUT"}
POST = {"method": "POST", "path": "/upload/"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(timeout_seconds=5.0, chunk_bytes=MB, state_dir=str(tmp_path / "state"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(random.Random(3).randbytes(24 * MB + 4321))
    return path


@pytest.fixture
def start(
    drive: Emulator, settings: Settings, source: Path
) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts a process that sends `source` to in/a.bin."""

    def spawn(chunk: int = MB) -> "subprocess.Popen[str]":
        env = {
            "PYTHONPATH": str(Path(mover.__file__).parents[1]),
            "COLAB_MAGICS_STATE_DIR": settings.state_dir,
            "COLAB_MAGICS_CHUNK_BYTES": str(chunk),
        }
        return subprocess.Popen(
            [sys.executable, mover.__file__, "send", drive.url, "in/a.bin", str(source)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )

    return spawn


def place(api: DriveAPI) -> Place:
    fs = DriveFileSystem(api=api, skip_instance_cache=True)
    return Place("in/a.bin", fs, "in/a.bin", None)


def uploaded(drive: Emulator) -> int:
    """How many parts were taken so far."""
    return len([e for e in drive.log if e.method == "PUT" and e.status in (200, 201, 308)])


def matched(drive: Emulator, rule: int = 0) -> int:
    rules = drive.faults.rules()
    return int(rules[rule]["matched"]) if rules else 0


def expect_one(drive: Emulator, settings: Settings, source: Path) -> None:
    """One file below the root's only folder, with the bytes of the source; no record left."""
    api = DriveAPI(url=drive.url, settings=settings)
    [folder] = api.children(api.root_id())
    files = api.children(folder.id)
    found = [(file.name, file.md5) for file in files]
    with body_of(source, "send") as body:
        expected = [("a.bin", body.md5())]
    api.close()

    assert found == expected
    assert list(Path(settings.state_dir, "uploads").iterdir()) == []


# Where a client is killed: the faults that hold it there, and what shows that it is there.
POINTS: dict[str, tuple[list[dict[str, object]], Callable[[Emulator], object]]] = {
    "before the first answer": ([{**POST, "latency": 60.0}], lambda d: matched(d) >= 1),
    "when the session's address was lost": (
        [{**POST, "cut": "after", "nth": 1}, {**POST, "latency": 60.0, "nth": 2}],
        lambda d: matched(d, 1) >= 2,
    ),
    "before the first part": ([{**PUT, "latency": 60.0}], lambda d: matched(d) >= 1),
    "in the middle of the first part": (
        [{**PUT, "rate": MB // 4}],
        lambda d: matched(d) >= 1 and received(d) > 100_000,
    ),
    "between two parts": (
        [{**PUT, "latency": 60.0, "nth": 3}],
        lambda d: uploaded(d) >= 2 and matched(d) >= 3,
    ),
    "in the middle of a part": (
        [{**PUT, "rate": MB // 4, "nth": 3}],
        lambda d: matched(d) >= 3 and received(d) > 2 * PART + 100_000,
    ),
    "before the last part": ([{**PUT, "latency": 60.0, "nth": 4}], lambda d: matched(d) >= 4),
    "after the last byte, before the answer": (
        [{**PUT, "cut": "after", "nth": 4}, {**PUT, "latency": 60.0, "nth": 5}],
        lambda d: matched(d, 1) >= 5,
    ),
}


def received(drive: Emulator) -> int:
    """Bytes of unfinished uploads that have reached the emulator's disk."""
    return sum(path.stat().st_size for path in (drive.root / "incoming").glob("*"))


@pytest.mark.parametrize("point", POINTS)
def test_a_client_killed_at_any_point_resumes_and_ends_with_one_file(
    drive: Emulator,
    settings: Settings,
    source: Path,
    start: Callable[..., "subprocess.Popen[str]"],
    point: str,
) -> None:
    """kill -9; another process sends the same file to the same place."""
    faults, reached = POINTS[point]
    for fault in faults:
        drive.faults.add(**fault)  # type: ignore[arg-type]
    child = start()
    wait_until(lambda: reached(drive), point)
    child.kill()
    child.communicate()
    drive.faults.clear()
    before = uploaded(drive)
    drive.log.clear()

    with DriveClient(drive, settings) as api:
        receipt = send(source, place(api))

    expect_one(drive, settings, source)
    assert receipt.size == source.stat().st_size
    assert before + uploaded(drive) <= 4 + 2  # the question, and the part that was on the way


@pytest.mark.parametrize("nth", [1, 4])
def test_a_killed_upload_of_200_mb_resumes_and_ends_with_one_file(
    drive: Emulator,
    settings: Settings,
    source: Path,
    start: Callable[..., "subprocess.Popen[str]"],
    nth: int,
) -> None:
    """With the parts that a file of that size is sent in."""
    block = random.Random(4).randbytes(MB)
    with source.open("wb") as file:
        for number in range(200):
            file.write(number.to_bytes(4, "big") + block[4:])
    drive.faults.add(method="PUT", rate=16 * MB, nth=nth)
    child = start(chunk=8 * MB)
    wait_until(lambda: matched(drive) >= nth and received(drive) > (50 * nth - 30) * MB, "it")
    child.kill()
    child.communicate()
    drive.faults.clear()
    there = received(drive)

    assert there > (50 * nth - 30) * MB

    drive.log.clear()
    child = start(chunk=8 * MB)
    _, err = child.communicate(timeout=60)

    assert child.returncode == 0, err
    expect_one(drive, settings, source)
    assert uploaded(drive) <= (200 * MB - there) // (50 * MB) + 3


class DriveClient:
    """A client of the Drive that ends with its block."""

    def __init__(self, drive: Emulator, settings: Settings) -> None:
        self.api = DriveAPI(url=drive.url, settings=settings)

    def __enter__(self) -> DriveAPI:
        return self.api

    def __exit__(self, *_: object) -> None:
        self.api.close()


@pytest.fixture
def killed(
    drive: Emulator,
    settings: Settings,
    source: Path,
    start: Callable[..., "subprocess.Popen[str]"],
) -> None:
    """An upload whose process was killed in the middle."""
    drive.faults.add(method="PUT", latency=60.0, nth=3)
    child = start()
    wait_until(lambda: matched(drive) >= 3, "its middle")
    child.kill()
    child.communicate()
    drive.faults.clear()
    drive.log.clear()


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_session_that_expired_begins_anew_with_the_same_file(
    drive: Emulator, settings: Settings, source: Path, status: int
) -> None:
    """A week has passed, or Drive does not want it any more for whatever reason."""
    drive.faults.add(method="PUT", status=status, nth=1)

    with DriveClient(drive, settings) as api:
        send(source, place(api))

    expect_one(drive, settings, source)


@pytest.mark.usefixtures("killed")
def test_a_session_elsewhere_is_not_gone_on_with(
    drive: Emulator, settings: Settings, source: Path
) -> None:
    """Whatever a damaged record says: the token goes to the endpoint only."""
    [record] = Path(settings.state_dir, "uploads").glob("*.json")
    record.write_text(record.read_text().replace("127.0.0.1", "127.0.0.2"))

    with DriveClient(drive, settings) as api:
        send(source, place(api))

    expect_one(drive, settings, source)


@pytest.mark.usefixtures("killed")
def test_a_source_that_changed_since_is_sent_from_its_start(
    drive: Emulator, settings: Settings, source: Path
) -> None:
    """Halves of two states never become one file."""
    time.sleep(0.02)  # the resolution of some clocks of file systems
    with source.open("r+b") as file:
        file.write(b"other")

    with DriveClient(drive, settings) as api:
        send(source, place(api))

    expect_one(drive, settings, source)
    assert uploaded(drive) == 4


@pytest.mark.usefixtures("killed")
def test_a_file_that_another_writer_made_meanwhile_is_the_one(
    drive: Emulator, settings: Settings, source: Path, outsider: DriveAPI
) -> None:
    """It gets the content, and no second file is made."""
    [folder] = outsider.children(outsider.root_id())
    theirs = outsider.create("a.bin", folder.id, b"theirs")

    with DriveClient(drive, settings) as api:
        receipt = send(source, place(api))

    assert receipt.id == theirs.id
    assert [node.id for node in outsider.children(folder.id)] == [theirs.id]
    assert outsider.get(theirs.id).size == source.stat().st_size


def test_a_file_that_was_finished_and_then_trashed_is_made_anew(
    drive: Emulator,
    settings: Settings,
    source: Path,
    start: Callable[..., "subprocess.Popen[str]"],
    outsider: DriveAPI,
) -> None:
    """What a person has thrown away does not count as sent."""
    faults, reached = POINTS["after the last byte, before the answer"]
    for fault in faults:
        drive.faults.add(**fault)  # type: ignore[arg-type]
    child = start()
    wait_until(lambda: reached(drive), "its end")
    child.kill()
    child.communicate()
    drive.faults.clear()
    [folder] = outsider.children(outsider.root_id())
    [first] = outsider.children(folder.id)
    outsider.update(first.id, trashed=True)

    with DriveClient(drive, settings) as api:
        receipt = send(source, place(api))

    assert receipt.id != first.id
    expect_one(drive, settings, source)


def test_new_content_of_a_known_file_resumes_too(
    drive: Emulator,
    settings: Settings,
    source: Path,
    start: Callable[..., "subprocess.Popen[str]"],
    outsider: DriveAPI,
) -> None:
    """The file keeps its id, and until the end its old content."""
    with DriveClient(drive, settings) as api:
        first = DriveFileSystem(api=api, skip_instance_cache=True).publish("in/a.bin", b"old")
    drive.faults.add(method="PUT", latency=60.0, nth=3)
    child = start()
    wait_until(lambda: matched(drive) >= 3, "its middle")
    child.kill()
    child.communicate()
    drive.faults.clear()
    drive.log.clear()

    assert outsider.get(first.id).size == 3

    with DriveClient(drive, settings) as api:
        receipt = send(source, place(api))

    assert receipt.id == first.id
    expect_one(drive, settings, source)
    assert uploaded(drive) <= 4


def test_two_processes_that_send_one_file_at_once_are_told_apart(
    drive: Emulator,
    settings: Settings,
    source: Path,
    start: Callable[..., "subprocess.Popen[str]"],
    outsider: DriveAPI,
) -> None:
    """The second neither writes into the first one's session nor waits for it."""
    drive.faults.add(method="PUT", latency=60.0, nth=3)
    child = start()
    wait_until(lambda: matched(drive) >= 3, "its middle")
    drive.faults.clear()
    drive.log.clear()
    with DriveClient(drive, settings) as api:
        receipt = send(source, place(api))

    assert uploaded(drive) == 4

    child.kill()
    child.communicate()
    with DriveClient(drive, settings) as api:
        again = send(source, place(api))

    [folder] = outsider.children(outsider.root_id())
    assert again.id == receipt.id
    assert [node.id for node in outsider.children(folder.id)] == [receipt.id]


def test_a_small_file_whose_answer_was_lost_is_found_although_no_listing_shows_it(
    drive: Emulator, settings: Settings, source: Path, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """Its id was on record before it was sent."""
    source.write_bytes(b"small")
    drive.faults.add(method="POST", path="/upload/", cut="after", nth=1)
    drive.faults.add(method="POST", path="/upload/", latency=60.0, nth=2)
    with DriveClient(drive, settings) as api:
        DriveFileSystem(api=api, skip_instance_cache=True).makedirs("in")
    drive.lag(listing=60.0)
    child = start()
    wait_until(lambda: matched(drive, 1) >= 2, "the lost answer")
    child.kill()
    child.communicate()
    drive.faults.clear()

    with DriveClient(drive, settings) as api:
        send(source, place(api))
    drive.lag(listing=0.0)

    expect_one(drive, settings, source)


@pytest.mark.usefixtures("killed")
def test_the_record_is_for_its_owner_only(settings: Settings) -> None:
    """Whoever reads it could write the file."""
    folder = Path(settings.state_dir, "uploads")
    [record] = folder.glob("*.json")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert record.stat().st_mode & 0o777 == 0o600
    assert "upload_id=" in record.read_text()


def test_no_repr_shows_the_session() -> None:
    """Nor anything else that could be printed."""
    begun = Begun("id", makes=True, session="https://x/?upload_id=SECRET")

    assert "SECRET" not in repr(begun)


def test_of_two_at_once_the_second_has_no_record(tmp_path: Path, source: Path) -> None:
    """It neither takes over nor removes what the first one does."""
    unfinished = Unfinished(tmp_path / "u")
    with (
        body_of(source, "send") as body,
        unfinished.claim(body.origin, "account", "in/x/a") as first,
    ):
        first.keep(Begun("1", makes=True))
        with Unfinished(tmp_path / "u").claim(body.origin, "account", "in/x/a") as second:
            second.keep(Begun("2", makes=True))
            second.forget()

            assert second.found is None

    with (
        body_of(source, "send") as body,
        unfinished.claim(body.origin, "account", "in/x/a") as third,
    ):
        assert third.found == Begun("1", makes=True)
    with (
        body_of(source, "send") as body,
        unfinished.claim(body.origin, "account", "in/y/a") as other,
    ):
        assert other.found is None
    with (
        body_of(source, "send") as body,
        unfinished.claim(body.origin, "another account", "in/x/a") as other,
    ):
        assert other.found is None


def test_old_and_damaged_records_count_for_nothing(tmp_path: Path, source: Path) -> None:
    """After a week Drive has forgotten the session."""
    folder = tmp_path / "u"
    with body_of(source, "send") as body:
        for text in (None, "", "[]", "{}", '{"origin": 1, "begun": {}}'):
            with Unfinished(folder).claim(body.origin, "account", "in/x/a") as claim:
                claim.keep(Begun("1", makes=True))
            [record] = folder.glob("*.json")
            if text is None:
                old = time.time() - 8 * 24 * 3600
                os.utime(record, (old, old))
            else:
                record.write_text(text)
            with Unfinished(folder).claim(body.origin, "account", "in/x/a") as claim:
                assert claim.found is None

            assert record.exists() == (text is not None)


def test_a_state_folder_that_can_not_be_is_no_obstacle(
    drive: Emulator, settings: Settings, tmp_path: Path, source: Path
) -> None:
    """The file goes up; only resuming is not possible."""
    (tmp_path / "state").write_text("a file")

    with DriveClient(drive, settings) as api:
        assert send(source, place(api)).size == source.stat().st_size


def test_a_source_that_shrinks_on_the_way_is_an_error(
    api: DriveAPI, drive: Emulator, source: Path
) -> None:
    """Not a wait for bytes that never come."""
    from colab_magics.errors import TransferDamaged

    class Callback:
        def set_size(self, size: int) -> None:
            pass

        def absolute_update(self, value: int) -> None:
            os.truncate(source, 2 * MB)

    with pytest.raises(TransferDamaged, match="became shorter while it was sent"):
        api.create("a", api.root_id(), source, callback=Callback())


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("closed")])
def test_a_source_that_can_not_be_read_is_not_taken_for_a_broken_way(
    api: DriveAPI, drive: Emulator, source: Path, error: Exception
) -> None:
    """Its own error comes, at once."""
    stream = io.BytesIO(source.read_bytes())
    read = stream.read

    def broken(count: int | None = -1) -> bytes:
        if stream.tell() > 3 * MB:
            raise error
        return read(count)

    stream.read = broken  # type: ignore[method-assign]
    with pytest.raises(type(error)) as caught:
        api.create("a", api.root_id(), stream)

    assert caught.value is error
    assert uploaded(drive) == 0
    assert len([e for e in drive.log if e.method == "PUT"]) <= 1
