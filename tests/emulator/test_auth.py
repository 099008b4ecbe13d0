"""Who is let in, and with which token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from emulator.api import Api, client_of, error
from emulator.google import service_of


def token_of(api: Api, refresh: str) -> dict[str, Any]:
    """Trade a refresh token for an access token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "c"}
    return api.ok("POST", "token", data=form)


def about(api: Api, token: str) -> int:
    """Return the status of a request with this token."""
    headers = {"Authorization": f"Bearer {token}"}
    return api.get("drive/v3/about?fields=user", headers=headers).status_code


def test_a_refresh_token_gives_an_access_token(api: Api, emulator: Emulator) -> None:
    """With its life and its scope."""
    answer = token_of(api, emulator.refresh_token)

    assert answer.pop("access_token").startswith("ya29.")
    assert answer == {
        "expires_in": 3599,
        "scope": "https://www.googleapis.com/auth/drive",
        "token_type": "Bearer",
    }


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            {"grant_type": "refresh_token", "refresh_token": "x"},
            {
                "error": "invalid_grant",
                "error_description": "Token has been expired or revoked.",
            },
        ),
        (
            {"grant_type": "password"},
            {"error": "unsupported_grant_type", "error_description": "Invalid grant_type."},
        ),
    ],
)
def test_other_grants_give_none(api: Api, form: Any, said: Any) -> None:
    """The error has OAuth's shape, not Drive's."""
    answer = api.post("token", data=form)

    assert (answer.status_code, answer.json()) == (400, said)


def test_anybody_is_let_in_if_nothing_else_is_said(api: Api) -> None:
    """Without a token, or with one that came from elsewhere."""
    assert api.get("drive/v3/about?fields=user").status_code == 200
    assert about(api, "made up") == 200


def test_an_expired_token_is_refused(api: Api, emulator: Emulator) -> None:
    """The 401 that makes a client refresh, by hand or by itself."""
    token = token_of(api, emulator.refresh_token)["access_token"]
    assert about(api, token) == 200
    assert api.ok("POST", "emulator/tokens", json={"action": "expire"}) == {"changed": True}

    headers = {"Authorization": f"Bearer {token}"}
    answer = api.get("drive/v3/files", headers=headers)
    assert error(answer) == (401, "authError", "Invalid Credentials")
    assert answer.headers["www-authenticate"].startswith("Bearer realm=")
    detail = answer.json()["error"]["errors"][0]
    assert (detail["location"], detail["locationType"]) == ("Authorization", "header")
    assert api.get(f"drive/v3/files?access_token={token}").status_code == 401

    api.ok("POST", "emulator/tokens", json={"lifetime": 0})
    assert about(api, token_of(api, emulator.refresh_token)["access_token"]) == 401


def test_a_revoked_grant_is_gone_with_its_tokens(api: Api, emulator: Emulator) -> None:
    """Revoking the refresh token ends what it gave; restoring it makes it good again."""
    token = token_of(api, emulator.refresh_token)["access_token"]
    assert api.post("revoke", data={"token": emulator.refresh_token}).status_code == 200
    assert about(api, token) == 401
    assert api.post("revoke", data={"token": "x"}).status_code == 400
    form = {"grant_type": "refresh_token", "refresh_token": emulator.refresh_token}
    assert api.post("token", data=form).json()["error"] == "invalid_grant"

    emulator.tokens.restore()
    fresh = token_of(api, emulator.refresh_token)["access_token"]

    assert about(api, fresh) == 200
    emulator.tokens.revoke(fresh)
    assert about(api, fresh) == 401


def test_a_new_grant_can_be_had(api: Api, emulator: Emulator) -> None:
    """For a second client."""
    refresh = api.ok("POST", "emulator/tokens", json={"action": "new"})["refresh_token"]

    assert refresh != emulator.refresh_token
    assert about(api, token_of(api, refresh)["access_token"]) == 200


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that demands a live token."""
    with Emulator(tmp_path / "strict", require_auth=True) as emulator:
        yield emulator


def test_a_live_token_can_be_demanded(strict: Emulator) -> None:
    """No token, another one, and the refresh token itself are refused; so is nothing changed."""
    with client_of(strict) as api:
        assert api.get("drive/v3/files").status_code == 401
        assert about(api, "made up") == 401
        assert about(api, strict.refresh_token) == 401
        assert api.post("upload/drive/v3/files?uploadType=media", content=b"x").status_code == 401
        token = token_of(api, strict.refresh_token)["access_token"]
        assert about(api, token) == 200
        found = api.get("drive/v3/files", headers={"Authorization": f"Bearer {token}"})
        assert found.json()["files"] == []


def test_tokens_survive_a_restart(strict: Emulator) -> None:
    """A client that was signed in stays so."""
    with client_of(strict) as api:
        token = token_of(api, strict.refresh_token)["access_token"]
    strict.stop()
    strict.start()
    with client_of(strict) as api:
        assert about(api, token) == 200


def test_google_credentials_refresh_by_themselves(strict: Emulator) -> None:
    """google-auth trades its refresh token when it meets the 401, and the request goes on."""
    from google.oauth2.credentials import Credentials

    credentials = Credentials(
        token=None,
        refresh_token=strict.refresh_token,
        token_uri=f"{strict.url}token",
        client_id="client",
        client_secret="secret",
    )
    with service_of(strict, credentials=credentials) as drive:
        assert drive.about().get(fields="user/me").execute() == {"user": {"me": True}}
        strict.tokens.expire()
        assert drive.files().list().execute()["files"] == []

    statuses = [(entry.path, entry.status) for entry in strict.log]
    assert ("/drive/v3/files", 401) in statuses
    assert sum(path == "/token" for path, _ in statuses) == 2
