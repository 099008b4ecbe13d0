"""Do credentials stay right while others sign in, sign out and refresh?"""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from colab_magics.errors import DriveFull, NoCredentials
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.credentials import find_credentials, place_of
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.signin.live import LiveCredentials
from colab_magics.storage.signin.token_file import read_private, remove, token_path, write_private

Enter = Callable[[], DriveAPI]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(credentials_dir=str(tmp_path / "config"), timeout_seconds=5.0)


@pytest.fixture
def path(strict: Emulator, settings: Settings) -> Path:
    """The file of a sign-in at that Drive."""
    path = token_path(settings, place_of(strict.url) or "")
    sign_in(path, strict)
    return path


@pytest.fixture
def enter(strict: Emulator, settings: Settings, path: Path) -> Iterator[Enter]:
    """Clients with credentials of their own, as separate processes have them."""
    apis: list[DriveAPI] = []

    def make() -> DriveAPI:
        credentials = find_credentials(settings, strict.url)
        apis.append(DriveAPI(url=strict.url, credentials=credentials, settings=settings))
        return apis[-1]

    yield make
    for api in apis:
        api.close()


def sign_in(path: Path, emulator: Emulator, email: str = "user@drive.emulator") -> None:
    """Keep a sign-in as `%drive_auth` does, without the consent page."""
    client = emulator.client_secrets()["installed"]
    names = ("client_id", "client_secret", "auth_uri", "token_uri")
    info = {name: client[name] for name in names}
    info |= {"type": "authorized_user", "refresh_token": granted(emulator, email)}
    write_private(path, info)


def granted(emulator: Emulator, email: str = "user@drive.emulator") -> str:
    """A refresh token of the emulator's own client."""
    return emulator.consents.grant(email)


def refreshes(emulator: Emulator) -> int:
    return sum(entry.path == "/token" for entry in emulator.log)


def test_many_threads_refresh_once(strict: Emulator, enter: Enter) -> None:
    """At the start, when all have an expired token, and when Drive refuses it early."""
    api, failures = enter(), []

    def ask(start: threading.Barrier) -> None:
        start.wait(20)
        try:
            api.about()
        except Exception as exc:
            failures.append(exc)

    for round_number in (1, 2):
        start = threading.Barrier(8)
        threads = [threading.Thread(target=ask, args=(start,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert failures == []
        assert refreshes(strict) == round_number
        strict.tokens.expire()


def test_a_new_sign_in_reaches_open_connections(strict: Emulator, enter: Enter, path: Path) -> None:
    """A client whose grant was revoked goes on once its user has signed in again, elsewhere."""
    api = enter()
    api.about()
    strict.tokens.revoke()
    with pytest.raises(NoCredentials) as caught:
        api.about()
    assert str(caught.value) == (
        "read the account: Google no longer accepts the saved sign-in (it was revoked, unused for "
        "6 months, or its OAuth client is in Testing mode, where sign-ins end after 7 days); run "
        "%drive_auth"
    )

    sign_in(path, strict)

    assert api.about().user == "user@drive.emulator"


def test_a_sign_out_reaches_open_connections(strict: Emulator, enter: Enter, path: Path) -> None:
    """No request goes out any more, though the access token would live for an hour."""
    api = enter()
    api.about()
    remove(path)
    before = len(strict.log)

    with pytest.raises(NoCredentials) as caught:
        api.about()

    assert str(caught.value) == "nobody is signed in to Google Drive any more; run %drive_auth"
    assert len(strict.log) == before

    sign_in(path, strict)
    api.about()


def test_a_refresh_token_that_rotates_is_kept(strict: Emulator, enter: Enter, path: Path) -> None:
    """Two clients of one file go on for as long as they like."""
    strict.consents.rotating = True
    first, second = enter(), enter()
    seen = {json.loads(read_private(path))["refresh_token"]}
    for api in (first, second, first):
        api.about()
        seen.add(json.loads(read_private(path))["refresh_token"])
        strict.tokens.expire()

    assert len(seen) == 4


def test_a_rotation_that_another_process_won_is_followed(
    strict: Emulator, enter: Enter, path: Path
) -> None:
    """The file changes between our look at it and our refresh, which is refused."""
    api = enter()
    live: Any = api.credentials
    look = live._stamp
    sign_in(path, strict)
    late = iter([live._seen])  # the first look still sees the old file
    live._stamp = lambda: next(late, None) or look()
    strict.tokens.revoke(live._inner.refresh_token)

    assert api.about().user == "user@drive.emulator"


def test_a_damaged_file_is_one_line(strict: Emulator, enter: Enter, path: Path) -> None:
    """Told by whoever asks Drive next."""
    api = enter()
    api.about()
    path.write_text("SECRET")

    with pytest.raises(NoCredentials) as caught:
        api.about()

    assert str(caught.value) == f"{path} holds no Google credentials; run %drive_auth"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"client_secret": "GOCSPX-other"}, "the OAuth client of the saved sign-in is gone;"),
        ({"refresh_token": "1//other"}, "Google no longer accepts the saved sign-in (it was"),
    ],
)
def test_the_end_of_a_sign_in_has_a_reason(
    strict: Emulator, enter: Enter, path: Path, change: dict[str, str], line: str
) -> None:
    """As far as Google tells it."""
    write_private(path, {**json.loads(read_private(path)), **change})
    with pytest.raises(NoCredentials) as caught:
        enter().about()

    assert line in str(caught.value)
    assert str(caught.value).endswith("; run %drive_auth")
    assert "1//" not in str(caught.value)


def test_nobody_at_a_drive_that_asks_is_told(strict: Emulator, settings: Settings) -> None:
    """The 401 of a client without credentials."""
    api = DriveAPI(url=strict.url, settings=settings)
    with pytest.raises(NoCredentials) as caught:
        api.about()
    api.close()

    assert str(caught.value) == "read the account: this Drive asks for a sign-in; run %drive_auth"


def test_credentials_are_not_pickled_and_a_client_is_without(enter: Enter, path: Path) -> None:
    """The process that unpickles it finds its own, and can use it at once."""
    api = enter()
    api.about()
    with pytest.raises(TypeError, match="credentials are not pickled"):
        pickle.dumps(api.credentials)
    data = pickle.dumps(api)

    for secret in ("GOCSPX", json.loads(read_private(path))["refresh_token"], "ya29."):
        assert secret.encode() not in data
    again = pickle.loads(data)
    assert again.about().user == "user@drive.emulator"
    again.close()


def test_a_forked_child_has_a_lock_of_its_own(enter: Enter) -> None:
    """The parent's may be held by a thread that the child does not have."""
    live = enter().credentials
    assert isinstance(live, LiveCredentials)
    before = live._mine
    live._pid = -1  # as a child sees it

    assert live._mine is not before


def test_another_account_is_another_drive(strict: Emulator, path: Path, enter: Enter) -> None:
    """A filesystem that is open already knows nothing of the one before, neither places nor ids."""
    fs = DriveFileSystem(api=enter(), skip_instance_cache=True)
    fs.pipe_file("first/a.txt", b"first")
    assert fs.ls("", detail=False) == ["first"]

    strict.user("other@example.com")
    sign_in(path, strict, "other@example.com")

    assert not fs.exists("first/a.txt")
    assert fs.ls("", detail=False) == []
    fs.pipe_file("second/b.txt", b"second")
    assert fs.find("") == ["second/b.txt"]

    sign_in(path, strict)

    assert fs.find("") == ["first/a.txt"]
    assert fs.cat_file("first/a.txt") == b"first"


def test_another_account_does_not_go_on_with_an_upload(
    strict: Emulator, settings: Settings, path: Path, tmp_path: Path
) -> None:
    """Its file would lie in a Drive that the new one can not see."""
    source = tmp_path / "a.bin"
    source.write_bytes(bytes(6_000_000))
    settings = replace(settings, state_dir=str(tmp_path / "state"))
    credentials = find_credentials(settings, strict.url)
    with closing(DriveAPI(url=strict.url, credentials=credentials, settings=settings)) as api:
        strict.faults.add(method="PUT", reason="storageQuotaExceeded")
        with pytest.raises(DriveFull):
            api.create("a.bin", "root", source)
        strict.faults.clear()
        sign_in(path, strict, "another@drive.emulator")
        made = api.create("a.bin", "root", source)

        assert api.get(made.id) == made
        assert [node.name for node in api.children(api.root_id())] == ["a.bin"]
    begun = [e for e in strict.log if e.method == "POST" and e.path.startswith("/upload/")]
    assert len(begun) == 2
