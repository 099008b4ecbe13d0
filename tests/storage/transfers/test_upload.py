from __future__ import annotations

import hashlib
import io
import os
import random
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colab_magics.emulator import Emulator
from colab_magics.errors import DriveError, DriveForbidden, DriveUnreachable, TransferDamaged
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.transfers.upload import SMALL_BYTES

if TYPE_CHECKING:
    from .conftest import JumpingClock

LARGE = SMALL_BYTES + 300_000


def bytes_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def content(api: DriveAPI, id: str) -> bytes:
    target = io.BytesIO()
    api.fetch(id, target)
    return target.getvalue()


def only(api: DriveAPI) -> str:
    """The id of the one file there is."""
    [node] = api.children(api.root_id())
    return node.id


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, LARGE])
def test_every_size_arrives(api: DriveAPI, size: int) -> None:
    """Small ones in one request, large ones in parts, empty ones too; new and over an old one."""
    body = bytes_of(size)
    made = api.create("a", api.root_id(), io.BytesIO(body))

    assert made.size == size
    assert made.md5 == hashlib.md5(body).hexdigest()
    assert content(api, made.id) == body

    changed = api.update(made.id, body[::-1])

    assert changed.id == made.id
    assert content(api, made.id) == body[::-1]


def test_a_stream_is_read_from_where_it_stands(api: DriveAPI) -> None:
    """What was read of it before does not go up."""
    stream = io.BytesIO(b"0123456789")
    stream.seek(4)

    assert content(api, api.create("a", api.root_id(), stream).id) == b"456789"


def test_a_pipe_goes_up(api: DriveAPI) -> None:
    """A stream that can not go back is copied first."""
    read, write = os.pipe()
    os.write(write, b"through a pipe")
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        made = api.create("a", api.root_id(), stream)

    assert content(api, made.id) == b"through a pipe"


def test_a_named_pipe_goes_up(api: DriveAPI, tmp_path: Path) -> None:
    """Although it has no size."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(b"through a pipe",)).start()

    assert content(api, api.create("a", api.root_id(), pipe).id) == b"through a pipe"


def test_a_stream_that_gives_little_at_a_time_goes_up_whole(api: DriveAPI) -> None:
    """As raw streams may."""

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 100_000))

    body = bytes_of(LARGE)

    assert content(api, api.create("a", api.root_id(), Slow(body)).id) == body


class Progress:
    def __init__(self) -> None:
        self.size: int | None = None
        self.seen: list[int] = []

    def set_size(self, size: int) -> None:
        self.size = size

    def absolute_update(self, value: int) -> None:
        self.seen.append(value)


def test_progress_is_told(api: DriveAPI) -> None:
    """In bytes, up to the whole."""
    progress = Progress()
    made = api.create("a", api.root_id(), bytes_of(LARGE), callback=progress)

    assert progress.size == LARGE
    assert progress.seen == sorted(progress.seen)
    assert progress.seen[-1] == LARGE
    assert len(progress.seen) == -(-LARGE // (256 * 1024))

    back = Progress()
    api.fetch(made.id, io.BytesIO(), callback=back)

    assert (back.size, back.seen[-1]) == (LARGE, LARGE)


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_part_that_is_cut_is_mended(api: DriveAPI, drive: Emulator, cut: str, nth: int) -> None:
    """At the first part, in the middle, at the last; stored or not: one file, every byte."""
    body = bytes_of(LARGE)
    drive.faults.add(method="PUT", cut=cut, nth=nth)  # type: ignore[arg-type]

    api.create("a", api.root_id(), body)

    assert content(api, only(api)) == body


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("effect", [False, True])
def test_a_part_that_is_refused_is_mended(
    api: DriveAPI, drive: Emulator, status: int, effect: bool
) -> None:
    """Any part may be refused, done or not done."""
    body = bytes_of(LARGE)
    for nth in (1, 3, 5):
        drive.faults.add(method="PUT", status=status, effect=effect, nth=nth)

    api.create("a", api.root_id(), body)

    assert content(api, only(api)) == body


@pytest.mark.parametrize("status", [404, 410])
def test_a_session_that_is_gone_begins_anew(api: DriveAPI, drive: Emulator, status: int) -> None:
    """With the same id: one file."""
    body = bytes_of(LARGE)
    drive.faults.add(method="PUT", status=status, nth=3)

    api.create("a", api.root_id(), body)

    assert content(api, only(api)) == body


def test_a_session_that_is_gone_after_the_end_makes_no_second_file(
    api: DriveAPI, drive: Emulator
) -> None:
    """The last answer is lost, the session too: the file is there."""
    body = bytes_of(LARGE)
    drive.faults.add(method="PUT", cut="after", nth=4)
    drive.faults.add(method="PUT", status=404, nth=5)

    api.create("a", api.root_id(), body)

    assert content(api, only(api)) == body


def test_a_session_that_is_always_gone_ends(api: DriveAPI, drive: Emulator) -> None:
    """Nothing is tried for ever."""
    drive.faults.add(method="PUT", status=410)

    with pytest.raises(DriveUnreachable, match="forgot this upload three times"):
        api.create("a", api.root_id(), bytes_of(LARGE))


def test_a_server_that_forgets_what_was_sent_ends_it(
    api: DriveAPI, drive: Emulator, clock: JumpingClock
) -> None:
    """However often it takes a part: what counts is that there is more of it."""

    class Forgetful:
        def set_size(self, size: int) -> None:
            pass

        def absolute_update(self, value: int) -> None:
            clock.advance(30)
            for draft in drive.root.glob("incoming/*"):
                os.truncate(draft, 0)

    drive.faults.add(method="PUT", cut="after", probability=0.5)
    with pytest.raises(DriveError):
        api.create("a", api.root_id(), bytes_of(LARGE), callback=Forgetful())


def test_the_cap_of_a_day_ends_it_with_its_own_words(api: DriveAPI, drive: Emulator) -> None:
    """Said at once, or after minutes of refusals that Drive gives the name of another limit."""
    drive.faults.add(method="PUT", reason="userRateLimitExceeded", nth=3, times=1000)

    with pytest.raises(DriveForbidden, match="still refuses more; Drive takes 750 GB a day"):
        api.create("a", api.root_id(), bytes_of(LARGE))
    assert len([entry for entry in drive.log if entry.method == "PUT"]) == 2 + 6


def test_a_flaky_way_does_not_use_up_the_tries(api: DriveAPI, drive: Emulator) -> None:
    """Tries are counted for each part: a third of all requests may fail."""
    body = bytes_of(LARGE)
    drive.faults.seed(7)
    drive.faults.add(method="PUT", status=503, probability=0.15)
    drive.faults.add(method="PUT", cut="after", probability=0.15)

    api.create("a", api.root_id(), body)
    drive.faults.clear()

    assert content(api, only(api)) == body


def test_a_killed_upload_that_is_made_again_leaves_one_file(
    api: DriveAPI, outsider: DriveAPI, drive: Emulator
) -> None:
    """Until its last part nobody sees a file; the second run makes the only one."""

    class Killed(BaseException):
        pass

    class Dying(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 2_000_000:
                raise Killed
            return super().read(size)

    body = bytes_of(LARGE)
    [id] = api.generate_ids(1)
    with pytest.raises(Killed):
        api.create("a", api.root_id(), Dying(body), file_id=id)

    assert outsider.children(outsider.root_id()) == []

    outsider.create("a", outsider.root_id(), body, file_id=id)

    assert content(api, only(api)) == body


def test_what_arrives_damaged_is_sent_anew(
    api: DriveAPI, drive: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drive's own hash decides; twice wrong is an error."""
    import requests

    sent = requests.Session.request
    damage = [b"hullo", b""]

    def request(self: requests.Session, method: str, url: str, **rest: object) -> object:
        data = rest.get("data")
        if isinstance(data, bytes) and damage:
            rest["data"] = re.sub(rb"hello", damage.pop(0) or b"hello", data)
        return sent(self, method, url, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(requests.Session, "request", request)
    made = api.create("a", api.root_id(), b"hello")

    assert content(api, made.id) == b"hello"

    damage[:] = [b"hullo", b"hallo"]
    with pytest.raises(TransferDamaged):
        api.update(made.id, b"hello")


def test_a_session_elsewhere_is_refused(
    api: DriveAPI, drive: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token goes to the endpoint only, or between Google's own machines."""
    from colab_magics.storage.transfers.upload import _same_house

    google = "https://www.googleapis.com/"

    assert _same_house("https://www.googleapis.com/upload/x?upload_id=1", google)
    assert _same_house("https://content.googleapis.com/upload/x", google)
    assert not _same_house("https://googleapis.com.evil.example/upload", google)
    assert not _same_house("http://www.googleapis.com/upload", google)
    assert not _same_house("https://content.googleapis.com/upload/x", "http://127.0.0.1:1/")
    assert not _same_house("", google)


def test_no_log_shows_an_upload_session(
    api: DriveAPI, drive: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever has its address can write the file, so not even a debug log holds it."""
    caplog.set_level("DEBUG")
    api.create("a", api.root_id(), bytes_of(LARGE))
    shown = set(re.findall(r"upload_id=([^&\s]+)", caplog.text))

    assert "PUT" in caplog.text
    assert shown == {"…"}
