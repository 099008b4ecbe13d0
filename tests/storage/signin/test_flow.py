"""Does a sign-in with an own OAuth client end well, or with one line that says why not?"""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from harness.clocks import StandingClock
from harness.consent import arrive, decide

from colab_magics.display import Card, Link
from colab_magics.emulator import Emulator
from colab_magics.errors import BadValue, DriveForbidden, NoCredentials, PlaceNotFound
from colab_magics.settings import Settings
from colab_magics.storage.credentials import place_of
from colab_magics.storage.mount import attach
from colab_magics.storage.signin.account import signed_in
from colab_magics.storage.signin.auth import Screen, Wish, browser_here, carry_out
from colab_magics.storage.signin.flow import Question, ask, read_client
from colab_magics.storage.signin.loopback import Landing
from colab_magics.storage.signin.token_file import read_private, token_path

BACK = "http://127.0.0.1:50000/"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(credentials_dir=str(tmp_path / "config"), timeout_seconds=5.0)


class Person:
    """Follows the links of cards, and pastes where the browser ended."""

    def __init__(self, go: Callable[[str], str] = decide, *, at_once: bool = True) -> None:
        self.go, self.at_once = go, at_once
        self.cards: list[Card] = []
        self.pages: list[str] = []
        self.address = ""
        self.threads: list[threading.Thread] = []

    def screen(self) -> Screen:
        return Screen(self.see, lambda: self.address)

    def see(self, card: Card) -> None:
        self.cards.append(card)
        for _, text in card.lines:
            if isinstance(text, Link):
                self.follow(text.url, by_hand=any(caption == "paste" for caption, _ in card.lines))

    def follow(self, url: str, *, by_hand: bool) -> None:
        if by_hand:
            self.address = self.go(url)
        elif self.at_once:
            thread = threading.Thread(target=self.browse, args=(url,))
            self.threads.append(thread)
            thread.start()

    def browse(self, url: str) -> None:
        self.pages.append(arrive(self.go(url)).text)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(20)


def account(settings: Settings, emulator: Emulator) -> Any:
    return signed_in(settings, place_of(emulator.url) or "")


def test_the_browser_on_this_machine_brings_the_answer(
    strict: Emulator, client_file: Path, settings: Settings
) -> None:
    """Link, Allow, a plain page, a file; a Drive that demands a token can be attached then."""
    person = Person()
    wish = Wish(client_secrets=str(client_file), browser=False)
    card = carry_out(wish, person.screen(), settings)
    person.join()

    assert (card.title, card.label) == ("user@drive.emulator", "signed in")
    assert [one.label for one in person.cards] == ["waiting for you", "done"]
    assert "You can close this tab." in person.pages[0]
    assert "<script" not in person.pages[0]
    attached = attach(strict.url, settings=settings, open_emulator=lambda: ("", lambda: None))
    assert attached.api is not None
    assert attached.api.children(attached.api.root_id()) == []
    attached.close()


def test_the_next_session_needs_no_prompt(
    strict: Emulator, client_file: Path, settings: Settings
) -> None:
    """Neither a link nor a field; who, what for, where and when are told."""
    carry_out(Wish(client_secrets=str(client_file), browser=False), Person().screen(), settings)
    person = Person()
    card = carry_out(Wish(), person.screen(), settings, place_of(strict.url) or "")
    facts = dict(card.lines)

    assert person.cards == []
    assert card.title == "user@drive.emulator"
    assert facts["access"] == "everything on Drive"
    path = token_path(settings, place_of(strict.url) or "")
    assert facts["kept in"] == f"{path} (for this user only)"
    assert str(facts["since"]).startswith("20")


def test_a_browser_elsewhere_needs_its_address_pasted(
    strict: Emulator, client_file: Path, settings: Settings
) -> None:
    """All of it, or only the code."""
    person = Person()
    wish = Wish(client_secrets=str(client_file), paste=True)
    carry_out(wish, person.screen(), settings)
    assert account(settings, strict).email == "user@drive.emulator"
    assert person.address.startswith("http://127.0.0.1:")

    def only_code(url: str) -> str:
        return str(httpx.URL(decide(url)).params["code"])

    again = Person(only_code)
    carry_out(wish, again.screen(), settings)
    assert "=" not in again.address


def test_a_dead_sign_in_is_made_anew_with_the_same_client(
    strict: Emulator, client_file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`%drive_auth` alone is enough after the 7 days of Testing mode."""
    monkeypatch.setenv("SSH_TTY", "/dev/pts/0")
    monkeypatch.delenv("BROWSER", raising=False)
    at = place_of(strict.url) or ""
    carry_out(Wish(client_secrets=str(client_file), paste=True), Person().screen(), settings)
    client_file.unlink()
    strict.tokens.revoke()
    person = Person()
    card = carry_out(Wish(), person.screen(), settings, at)

    assert card.label == "signed in"
    assert person.cards[0].label == "waiting for you"


def test_reading_only_is_asked_for(strict: Emulator, client_file: Path, settings: Settings) -> None:
    """No more than is needed."""
    person = Person()
    wish = Wish(client_secrets=str(client_file), paste=True, readonly=True)
    card = carry_out(wish, person.screen(), settings)

    assert dict(card.lines)["access"] == "reading only"
    strict.tokens.revoke()
    again = carry_out(Wish(paste=True), Person().screen(), settings, place_of(strict.url) or "")
    assert dict(again.lines)["access"] == "reading only"
    link = next(text for _, text in person.cards[0].lines if isinstance(text, Link))
    assert httpx.URL(link.url).params["scope"].endswith("/auth/drive.readonly")


def test_a_sign_in_for_reading_does_not_write(
    strict: Emulator, client_file: Path, settings: Settings
) -> None:
    """Drive refuses it, and the line says that it is the sign-in."""
    wish = Wish(client_secrets=str(client_file), paste=True, readonly=True)
    carry_out(wish, Person().screen(), settings)
    attached = attach(strict.url, settings=settings, open_emulator=lambda: ("", lambda: None))
    assert attached.api is not None
    root = attached.api.root_id()
    with pytest.raises(DriveForbidden, match="this sign-in does not include that right"):
        attached.api.create("a.txt", root, b"a")
    attached.close()


def test_options_of_a_sign_in_need_a_client(settings: Settings) -> None:
    """`%drive_auth --readonly` alone, where nobody ever signed in."""
    with pytest.raises(BadValue) as caught:
        carry_out(Wish(readonly=True), Person().screen(), settings)

    assert str(caught.value) == (
        "--readonly, --paste and --no-browser go with --client-secrets FILE"
    )


def test_a_service_account_is_kept(strict: Emulator, tmp_path: Path, settings: Settings) -> None:
    """Its file can go; the copy is this user's only."""
    key = tmp_path / "key.json"
    key.write_text(json.dumps(strict.service_account()))
    card = carry_out(Wish(service_account=str(key)), Person().screen(), settings)
    key.unlink()
    found = account(settings, strict)

    assert card.label == "signed in"
    assert found.email == "robot@emulator.iam"
    assert (found.kind, found.path.stat().st_mode & 0o777) == ("service_account", 0o600)


def test_forgetting_revokes_and_removes(
    strict: Emulator, client_file: Path, settings: Settings
) -> None:
    """The refresh token is worth nothing to whoever may have copied it; its line says so."""
    carry_out(Wish(client_secrets=str(client_file), paste=True), Person().screen(), settings)
    path = account(settings, strict).path
    info = json.loads(read_private(path))
    card = carry_out(Wish(forget=True), Person().screen(), settings)

    assert card.lines == [("user@drive.emulator", "revoked and removed")]
    assert not path.exists()
    assert strict.tokens.new_access_token(info["refresh_token"]) is None
    assert all(info["refresh_token"] not in entry.query for entry in strict.log)
    again = carry_out(Wish(forget=True), Person().screen(), settings)
    assert (again.label, again.lines) == ("no sign-in was kept here", [])


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (
            {"cut": "before"},
            "removed here, but not revoked (no answer); do so at myaccount.google.com/connections",
        ),
        (
            {"status": 503},
            "removed here, but not revoked (HTTP 503); do so at myaccount.google.com/connections",
        ),
        ({"status": 400}, "removed; it was revoked already"),
    ],
)
def test_a_revocation_that_failed_is_told(
    strict: Emulator, client_file: Path, settings: Settings, fault: Any, line: str
) -> None:
    """The file goes all the same; nothing is claimed that is not so."""
    carry_out(Wish(client_secrets=str(client_file), paste=True), Person().screen(), settings)
    strict.faults.add(path="/revoke", **fault)
    card = carry_out(Wish(forget=True), Person().screen(), settings)

    assert card.lines == [("user@drive.emulator", line)]
    assert account(settings, strict) is None


WRONG = "that answers another sign-in; run %drive_auth again"


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("", "that is not the address that the browser ended at; run %drive_auth again and "
             "paste all of it"),
        ("what is this?", "that is not the address that the browser ended at; run %drive_auth "
                          "again and paste all of it"),
        (f"{BACK}?code=4/0Ax&state=other", WRONG),
        (f"{BACK}?code=4/0Ax", WRONG),
        (f"{BACK}?error=access_denied&state=STATE",
         "access was not allowed; run %drive_auth again and choose Allow"),
        (f"{BACK}?error=<b>&state=STATE", "the sign-in was refused (no reason); run %drive_auth "
                                          "again"),
        (f"{BACK}?state=STATE", "the address holds no code; run %drive_auth again"),
        (f"{BACK}?code=4%2F0Ausedup1&state=STATE",
         "the code is used up, expired or of another sign-in; run %drive_auth again"),
        ("4/0Ausedup1",
         "the code is used up, expired or of another sign-in; run %drive_auth again"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_one_line(
    strict: Emulator, settings: Settings, address: str, line: str
) -> None:
    """Which says what to do, and nothing of what was pasted."""
    client = read_client(json.dumps(strict.client_secrets()), "F")
    question = Question(client, BACK, readonly=False, settings=settings)
    with pytest.raises(NoCredentials) as caught:
        question.trade(question.code_in(address.replace("STATE", question.state)))

    assert str(caught.value) == line
    assert caught.value.__context__ is None


@pytest.mark.parametrize("how", [{"allow": False}, {"tick": False}])
def test_no_is_an_answer(
    strict: Emulator, client_file: Path, settings: Settings, how: dict[str, bool]
) -> None:
    """Denied, or every box unticked: the wait ends at once, and the page says so."""
    person = Person(lambda url: decide(url, **how))
    wish = Wish(client_secrets=str(client_file), browser=False)
    with pytest.raises(NoCredentials) as caught:
        carry_out(wish, person.screen(), settings)
    person.join()

    assert str(caught.value) == "access was not allowed; run %drive_auth again and choose Allow"
    assert "Nothing was allowed." in person.pages[0]
    assert person.cards[-1].label == "not signed in"
    assert account(settings, strict) is None


def test_drive_must_be_among_what_was_allowed(strict: Emulator, settings: Settings) -> None:
    """Somebody unticked it, and left another scope."""
    client = read_client(json.dumps(strict.client_secrets()), "F")
    question = Question(client, BACK, readonly=False, settings=settings)
    url = httpx.URL(question.url)
    less = url.copy_set_param("scope", "https://www.googleapis.com/auth/drive.file")
    with pytest.raises(NoCredentials) as caught:
        question.trade(question.code_in(decide(str(less))))

    assert str(caught.value) == (
        "Drive was not among what you allowed; run %drive_auth again and tick its box"
    )


def test_a_token_endpoint_that_does_not_answer_is_told(
    strict: Emulator, settings: Settings
) -> None:
    """In one line; the code stays out of it."""
    client = read_client(json.dumps(strict.client_secrets()), "F")
    lines = {
        "no answer to the sign-in (ConnectionError); run %drive_auth again": {"cut": "before"},
        "the sign-in was refused (missing_token); run %drive_auth again": {"body": "<html>"},
    }
    for line, fault in lines.items():
        question = Question(client, BACK, readonly=False, settings=settings)
        code = question.code_in(decide(question.url))
        strict.faults.add(path="/token", times=1, **fault)  # type: ignore[arg-type]
        with pytest.raises(NoCredentials) as caught:
            question.trade(code)

        assert str(caught.value) == line
        assert code not in "".join(traceback.format_exception(caught.value))


def test_nobody_answers(strict: Emulator, settings: Settings) -> None:
    """The wait ends, and so do the server and its thread."""
    client = read_client(json.dumps(strict.client_secrets()), "F")
    clock = StandingClock()
    shown: list[str] = []
    with pytest.raises(NoCredentials) as caught:
        ask(
            client,
            readonly=False,
            settings=settings,
            show=lambda url, paste: shown.append(url),
            paste=None,
            clock=clock,
        )

    assert str(caught.value) == (
        "no answer to the sign-in within 5 min 00 s; run %drive_auth again, with --paste if your "
        "browser is on another machine"
    )
    assert "colab_magics-sign-in" not in [thread.name for thread in threading.enumerate()]
    back = httpx.URL(shown[0]).params["redirect_uri"]
    with pytest.raises(httpx.ConnectError):
        arrive(back)


def test_the_landing_takes_one_answer_of_this_sign_in() -> None:
    """Other pages, other hosts and idle connections neither end it nor hold it up."""
    import socket

    with Landing() as landing:
        landing.state = "right"
        where = urlsplit(landing.uri)
        with socket.create_connection((where.hostname, where.port)):  # browsers open some ahead
            assert arrive(f"{landing.uri}favicon.ico").status_code == 404
            assert arrive(f"{landing.uri}?state=wrong&code=1").status_code == 400
            assert arrive(landing.uri).status_code == 400
            bent = httpx.get(
                f"{landing.uri}?state=right&code=1",
                headers={"Host": "evil.example"},
                trust_env=False,
            )
            assert bent.status_code == 404
            assert landing.wait(0) == ""
            good = arrive(f"{landing.uri}?state=right&code=2")
            assert good.status_code == 200
            assert arrive(f"{landing.uri}?state=right&code=3").status_code == 400
            assert landing.wait(20) == "state=right&code=2"

    assert good.headers["content-security-policy"].startswith("default-src 'none'")
    assert good.headers["referrer-policy"] == "no-referrer"


def client_with(**changes: str) -> str:
    """A client-secrets file as Google's console writes it, but for some values."""
    google = {
        "client_id": "id.apps.googleusercontent.com",
        "client_secret": "GOCSPX-SECRET",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({"installed": {**google, **changes}})


STRANGE = "F names addresses for the sign-in that are not Google's"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "F holds no OAuth client; run %drive_auth to see how to get the file of a desktop "
             "client"),
        ("[]", "F holds no OAuth client; run %drive_auth to see how to get the file of a desktop "
               "client"),
        ('{"installed": []}', "F holds no OAuth client; run %drive_auth to see how to get the "
                              "file of a desktop client"),
        ('{"web": {}}', "F is of a web client; make one of the type 'Desktop app' instead"),
        ('{"type": "service_account"}',
         "F is of a service account; give it as --service-account"),
        (client_with(token_uri="https://evil.example/token"), STRANGE),
        (client_with(token_uri="http://oauth2.googleapis.com/token"), STRANGE),
        (client_with(token_uri="https://oauth2.googleapis.com.evil.example/"), STRANGE),
        (client_with(token_uri="https://oauth2.googleapis.com@evil.example/"), STRANGE),
        (client_with(auth_uri="https://evil.example/auth"), STRANGE),
        (client_with(auth_uri="http://accounts.google.com/o/oauth2/auth"), STRANGE),
        (client_with(auth_uri="javascript:alert(1)"), STRANGE),
        (client_with(token_uri="http://127.0.0.1:1/token"), STRANGE),
        (client_with(auth_uri="http://127.0.0.1:1/", token_uri="http://127.0.0.1:2/"), STRANGE),
        (client_with(token_uri="http://[::1/"), STRANGE),
    ],
)  # fmt: skip
def test_a_wrong_client_file_is_one_line(text: str, line: str) -> None:
    """Codes and secrets go to Google, or to a Drive of this machine, and nowhere else."""
    with pytest.raises(BadValue) as caught:
        read_client(text, "F")

    assert str(caught.value) == line


def test_googles_own_addresses_are_taken(settings: Settings) -> None:
    """The link leads to Google, asks for a lasting sign-in with PKCE, and holds no secret."""
    client = read_client(client_with(), "F")
    link = httpx.URL(Question(client, BACK, readonly=False, settings=settings).url)

    assert (link.scheme, link.host, link.path) == (
        "https",
        "accounts.google.com",
        "/o/oauth2/auth",
    )
    asked = dict(link.params)
    assert (asked["access_type"], asked["prompt"]) == ("offline", "consent")
    assert asked["code_challenge_method"] == "S256"
    assert "SECRET" not in str(link)


def test_files_that_are_none(tmp_path: Path, settings: Settings) -> None:
    """A name that is wrong, and one that is not a file's."""
    person = Person()
    with pytest.raises(PlaceNotFound) as missing:
        carry_out(Wish(client_secrets="/no/such.json"), person.screen(), settings)
    with pytest.raises(BadValue) as folder:
        carry_out(Wish(service_account=str(tmp_path)), person.screen(), settings)
    with pytest.raises(BadValue) as secret:
        carry_out(Wish(client_secrets="secret:NAME"), person.screen(), settings)

    assert str(missing.value) == "no file '/no/such.json' on this machine"
    assert str(folder.value) == f"'{tmp_path}' can not be read (IsADirectoryError)"
    assert str(secret.value) == (
        "'secret:NAME' names a Colab Secret, which exist on Colab only; give a file"
    )


def test_nobody_is_asked_where_the_answer_could_not_be_kept(
    strict: Emulator, client_file: Path, tmp_path: Path
) -> None:
    """Rather before they have consented than after."""
    (tmp_path / "tree/.git").mkdir(parents=True)
    settings = Settings(credentials_dir=str(tmp_path / "tree/config"))
    person = Person()
    with pytest.raises(NoCredentials, match="lies in the git work tree"):
        carry_out(Wish(client_secrets=str(client_file)), person.screen(), settings)

    assert person.cards == []


def test_the_debug_log_holds_no_secret(
    strict: Emulator, client_file: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """With everything switched on that the libraries can say."""
    caplog.set_level(logging.DEBUG)
    person = Person()
    carry_out(Wish(client_secrets=str(client_file), paste=True), person.screen(), settings)
    found = account(settings, strict)
    info = json.loads(read_private(found.path))
    carry_out(Wish(forget=True), person.screen(), settings)
    said = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)

    assert "POST /token" in said
    code = str(httpx.URL(person.address).params["code"])
    for secret in (info["refresh_token"], info["client_secret"], code, "ya29."):
        assert secret not in said


@pytest.mark.parametrize(
    ("environ", "here"),
    [
        ({}, False),
        ({"DISPLAY": ":0", "BROWSER": "true"}, True),
        ({"BROWSER": "true"}, True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "a b c d"}, False),
        ({"DISPLAY": ":0", "BROWSER": "true", "JUPYTERHUB_API_TOKEN": "x"}, False),
        ({"DISPLAY": ":0", "BROWSER": "true", "KAGGLE_KERNEL_RUN_TYPE": "x"}, False),
    ],
)
def test_where_a_browser_can_be_opened(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], here: bool
) -> None:
    """Not on a machine that is somewhere else."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert browser_here() is here
