from __future__ import annotations

import io
import random
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.waiting import wait_until

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI

if TYPE_CHECKING:
    from .conftest import JumpingClock


def test_eight_threads_read_the_right_bytes(api: DriveAPI) -> None:
    """One client, many threads: each gets its own answers."""
    contents = [bytes([number]) * (20_000 + number) for number in range(16)]
    nodes = [api.create(f"{n}", api.root_id(), body) for n, body in enumerate(contents)]
    wrong: list[str] = []

    def read(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(30):
            number = chance.randrange(16)
            target = io.BytesIO()
            try:
                name = api.get(nodes[number].id).name
                api.download(nodes[number].id, target)
            except Exception as exc:
                wrong.append(repr(exc))
                return
            if name != str(number) or target.getvalue() != contents[number]:
                wrong.append(f"{number}: {name}, {target.getvalue()[:4]!r}")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)


def test_a_proxy_does_not_stand_before_this_machine(
    drive: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says of proxies is about other machines."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    api = DriveAPI(url=drive.url, settings=settings)
    made = api.create("a", api.root_id(), b"x")

    assert api.get(made.id) == made
    api.close()


def test_a_redirect_is_not_followed(api: DriveAPI, drive: Emulator) -> None:
    """A token goes to Drive only; another host is no Drive."""
    from colab_magics.errors import DriveUnreachable

    made = api.create("a", api.root_id(), b"x")
    drive.faults.add(method="GET", status=302)

    with pytest.raises(DriveUnreachable, match="the answer is not Drive's"):
        api.get(made.id)
    with pytest.raises(DriveUnreachable, match="the answer is not Drive's"):
        api.download(made.id, io.BytesIO(), start=0, end=1)


def test_calls_wait_for_the_quota_of_the_minute(
    drive: Emulator, settings: Settings, clock: JumpingClock
) -> None:
    """Drive would refuse them; 90 % of it are used, and no more."""
    api = DriveAPI(url=drive.url, settings=replace(settings, quota_units_per_minute=1000))
    api = DriveAPI(url=drive.url, settings=api.settings, clock=clock)
    for _ in range(9):
        list(api.list("trashed = false"))

    assert clock.waits == []

    list(api.list("trashed = false"))

    assert sum(clock.waits) == pytest.approx(60, abs=2)
    assert api.waiting == ""
    api.close()


def test_all_that_share_an_account_share_its_quota(
    drive: Emulator, settings: Settings, clock: JumpingClock
) -> None:
    """Also two clients; pollers count, and never wait."""
    frugal = replace(settings, quota_units_per_minute=1000)
    one, two = (DriveAPI(url=drive.url, settings=frugal, clock=clock) for _ in range(2))
    poller = one.with_settings(frugal)
    for _ in range(3):
        list(one.list("trashed = false"))
        list(two.list("trashed = false"))
        list(poller.list("trashed = false"))

    list(poller.list("trashed = false"))

    assert clock.waits == []

    list(two.list("trashed = false"))

    assert clock.waits != []
    one.close()
    two.close()
    poller.close()


def test_a_wait_for_the_quota_is_visible_and_ends_on_close(
    drive: Emulator, settings: Settings
) -> None:
    """It says what it waits for, and nobody waits for a Drive that is closed."""
    api = DriveAPI(url=drive.url, settings=replace(settings, quota_units_per_minute=200))
    list(api.list("trashed = false"))
    raised: list[Exception] = []

    def ask() -> None:
        try:
            list(api.list("trashed = false"))
        except Exception as exc:
            raised.append(exc)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: api.waiting, "the wait")

    assert api.waiting == "waiting for Drive's quota of this minute"

    api.close()
    thread.join(5)

    assert not thread.is_alive()
    assert "quota of this minute is used up" in str(raised[0])


@pytest.mark.parametrize("large", [False, True])
def test_a_token_that_expires_on_the_way_is_refreshed(
    tmp_path: Path, settings: Settings, large: bool
) -> None:
    """401 once, in any call: also in the middle of an upload, whose part is sent again."""
    from google.oauth2.credentials import Credentials

    with Emulator(tmp_path / "strict", require_auth=True) as drive:
        credentials = Credentials(  # type: ignore[no-untyped-call]
            "expired",
            refresh_token=drive.refresh_token,
            token_uri=f"{drive.url}token",
            client_id="x",
            client_secret="y",
        )
        api = DriveAPI(url=drive.url, credentials=credentials, settings=settings)
        body = random.Random(1).randbytes(7_000_000 if large else 10)
        first = api.create("a", api.root_id(), body)
        drive.faults.add(method="PUT" if large else "PATCH", status=401, nth=3 if large else 1)
        changed = api.update(first.id, body[::-1])
        drive.faults.add(query="alt=media", status=401, nth=2)
        for n in range(2):
            assert api.fetch_file(changed, tmp_path / f"{n}").id == first.id
            assert (tmp_path / f"{n}").read_bytes() == body[::-1]
        api.close()
