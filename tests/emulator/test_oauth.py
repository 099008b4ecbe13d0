"""Does the consent page, and what follows it, look to a program as Google's does?"""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.consent import decide

from colab_magics.emulator import Emulator
from colab_magics.emulator.consents import CLIENT_ID, CLIENT_SECRET
from emulator.api import Api

BACK = "http://127.0.0.1:1234/"
VERIFIER = "v" * 64
DRIVE = "https://www.googleapis.com/auth/drive"
QUESTION = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": BACK,
    "scope": DRIVE,
    "state": "state<&>",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    .decode()
    .rstrip("="),
    "code_challenge_method": "S256",
}


def link(emulator: Emulator, **changes: str) -> str:
    """The address of the consent page for a question."""
    import httpx

    return str(httpx.URL(f"{emulator.url}o/oauth2/v2/auth", params={**QUESTION, **changes}))


def answer(emulator: Emulator, **how: Any) -> dict[str, str]:
    """What the browser carries back to the program."""
    address = decide(link(emulator), **how)
    assert address.startswith(BACK)
    return {name: values[-1] for name, values in parse_qs(urlsplit(address).query).items()}


def trade(api: Api, code: str, **changes: str) -> Any:
    """What the token endpoint says to a code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "code_verifier": VERIFIER,
    }
    return api.post("token", data={**form, **changes})


def test_a_code_is_traded_for_tokens_once(api: Api, emulator: Emulator) -> None:
    """A refresh token that works, and the scope that was allowed."""
    back = answer(emulator)
    first, second = trade(api, back["code"]), trade(api, back["code"])

    assert (back["state"], back["scope"]) == ("state<&>", DRIVE)
    assert first.status_code == 200
    assert first.json()["scope"] == DRIVE
    assert first.json()["refresh_token"].startswith("1//")
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("how", [{"allow": False}, {"tick": False}])
def test_no_is_an_answer(emulator: Emulator, how: dict[str, bool]) -> None:
    """Deny, and every box unticked, both come back as an error with the state."""
    assert answer(emulator, **how) == {"error": "access_denied", "state": "state<&>"}


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:9/"}, 400, "redirect_uri_mismatch"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"client_id": "x"}, 401, "invalid_client"),
    ],
)
def test_a_code_is_worth_nothing_to_others(
    api: Api, emulator: Emulator, changes: dict[str, str], status: int, error: str
) -> None:
    """Who has only the code has nothing: PKCE, the address and the program are checked."""
    refused = trade(api, answer(emulator)["code"], **changes)

    assert (refused.status_code, refused.json()["error"]) == (status, error)


def test_a_code_dies(api: Api, emulator: Emulator) -> None:
    """After ten minutes."""
    back = answer(emulator)
    emulator.clock.advance(601)

    assert trade(api, back["code"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "x"}, "invalid_client"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, "redirect_uri_mismatch"),
        ({"scope": "https://www.googleapis.com/auth/gmail"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_question_stays_on_the_page(
    api: Api, emulator: Emulator, changes: dict[str, str], error: str
) -> None:
    """As Google shows it, rather than sending the browser somewhere."""
    page = api.get(link(emulator, **changes))

    assert page.status_code == 400
    assert f"Error 400: {error}" in page.text
    assert "<form" not in page.text


def test_another_site_may_ask_but_not_answer(api: Api, emulator: Emulator) -> None:
    """The link is followed from a notebook's page; the button is pressed on the page itself."""
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert api.get(link(emulator), headers=elsewhere).status_code == 200
    form = {**QUESTION, "decision": "allow"}
    forged = {"Origin": "https://evil.example"}

    assert api.post("o/oauth2/v2/auth", data=form, headers=forged).status_code == 403


def test_a_program_is_known_by_basic_authorization(api: Api, emulator: Emulator) -> None:
    """requests-oauthlib sends id and secret in a header."""
    code = answer(emulator)["code"]
    text = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    given = api.post("token", data=form, headers={"Authorization": f"Basic {text}"})

    assert given.status_code == 200


def test_a_grant_belongs_to_its_program(api: Api, emulator: Emulator) -> None:
    """The refresh token alone is worth nothing to another one."""
    refresh = trade(api, answer(emulator)["code"]).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    right = {**form, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

    assert api.post("token", data={**form, "client_id": "c"}).status_code == 401
    assert api.post("token", data=right).status_code == 200


def test_refresh_tokens_can_rotate(api: Api, emulator: Emulator) -> None:
    """The old one is dead at once."""
    emulator.consents.rotating = True
    refresh = trade(api, answer(emulator)["code"]).json()["refresh_token"]
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    first = api.post("token", data={**form, "refresh_token": refresh}).json()

    assert first["refresh_token"] != refresh
    assert api.post("token", data={**form, "refresh_token": refresh}).status_code == 400
    fresh = {**form, "refresh_token": first["refresh_token"]}
    assert api.post("token", data=fresh).status_code == 200


def test_a_service_account_signs_its_claim(emulator: Emulator) -> None:
    """google-auth itself is let in with the key; with another key it is not."""
    import requests
    from google.auth.exceptions import RefreshError
    from google.auth.transport.requests import Request
    from google.oauth2.service_account import Credentials

    with requests.Session() as session:
        info = emulator.service_account()
        good = Credentials.from_service_account_info(info, scopes=[DRIVE])
        good.refresh(Request(session))
        emulator.service_account()  # another key for the same account: the first one is void
        stale = Credentials.from_service_account_info(info, scopes=[DRIVE])
        with pytest.raises(RefreshError, match="Invalid JWT Signature"):
            stale.refresh(Request(session))

    assert good.valid


def test_the_client_can_be_had_over_http(api: Api, emulator: Emulator) -> None:
    """For programs outside this process."""
    assert api.ok("GET", "emulator/client-secrets") == emulator.client_secrets()


def test_the_person_chooses_who_signs_in(api: Api, emulator: Emulator) -> None:
    """Another account's Drive, and nobody who is not there."""
    emulator.tokens.sign_in("ada@drive.emulator")
    back = answer(emulator, email="ada@drive.emulator")
    token = trade(api, back["code"]).json()["access_token"]
    about = api.get("drive/v3/about?fields=user", headers={"Authorization": f"Bearer {token}"})

    assert about.json()["user"]["emailAddress"] == "ada@drive.emulator"
    form = {**QUESTION, "decision": "allow", "email": "nobody@drive.emulator"}
    assert api.post("o/oauth2/v2/auth", data=form).status_code == 400
