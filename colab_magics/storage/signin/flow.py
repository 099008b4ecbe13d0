"""How does a user let this program use a Drive? One sign-in with an own OAuth client."""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import hmac
import json
import logging
import random
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from requests.adapters import HTTPAdapter

from colab_magics.clock import CLOCK, Clock, spell
from colab_magics.errors import BadValue, NoCredentials
from colab_magics.settings import Settings
from colab_magics.storage.credentials import READ_SCOPES, SCOPES, checked_tokens_uri

from .loopback import Landing

CLIENT = ("client_id", "client_secret", "auth_uri", "token_uri")
_HOW = "run %drive_auth to see how to get the file of a desktop client"
_REFUSALS = {
    "access_denied": "access was not allowed; run %drive_auth again and choose Allow",
    "invalid_grant": "the code is used up, expired or of another sign-in; run %drive_auth again",
    "invalid_client": "Google does not know this OAuth client; download its file anew",
    "unauthorized_client": "Google does not know this OAuth client; download its file anew",
    "redirect_uri_mismatch": "this OAuth client is not of the type 'Desktop app'; make one that is",
    "admin_policy_enforced": "your organisation does not let this OAuth client use Drive",
    "org_internal": "this OAuth client is for its own organisation only",
    "invalid_scope": "this OAuth client may not ask for Drive; add the scope to its consent screen",
}


def read_client(text: str, where: str) -> dict[str, str]:
    """The OAuth client in a client-secrets file.

    Args:
        where: how messages call the file.

    Raises:
        BadValue: it holds something else, or would send the sign-in to a stranger.
    """
    data = json_object(text)
    if data.get("type") == "service_account":
        raise BadValue(f"{where} is of a service account; give it as --service-account")
    if "web" in data:
        raise BadValue(f"{where} is of a web client; make one of the type 'Desktop app' instead")
    found = data.get("installed")
    client = {name: str(found.get(name, "")) for name in CLIENT} if isinstance(found, dict) else {}
    if not client or not all(client.values()):
        raise BadValue(f"{where} holds no OAuth client; {_HOW}")
    check_addresses(client, where)
    return client


def json_object(text: str) -> dict[str, Any]:
    """The JSON object in a text; an empty one where there is none."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def check_addresses(client: dict[str, str], where: str) -> None:
    """Refuse a client that would show a code to somebody else.

    Raises:
        BadValue: its addresses are neither Google's nor this machine's, or not of one place.
    """
    parts = urlsplit(client["auth_uri"])
    try:
        at = checked_tokens_uri(client["token_uri"])
        google = parts.scheme == "https" and parts.netloc == "accounts.google.com"
        same = google if not at else (parts.scheme in ("http", "https") and parts.netloc == at)
    except ValueError:
        same = False
    if not same:
        raise BadValue(f"{where} names addresses for the sign-in that are not Google's")


class Question:
    """One sign-in under way: the link that asks the user, and what becomes of the answer.

    Attributes:
        url: the link; it holds nothing secret.
        state: what the answer must carry.
    """

    def __init__(
        self, client: dict[str, str], redirect_uri: str, *, readonly: bool, settings: Settings
    ) -> None:
        from google_auth_oauthlib.flow import Flow

        self._client, self._settings = client, settings
        self._scopes = READ_SCOPES if readonly else SCOPES
        plain = client["auth_uri"].startswith("http://")
        # oauthlib speaks to TLS only, which a Drive on this machine does not need.
        secure = {name: _tls(client[name]) for name in ("auth_uri", "token_uri")}
        self._flow = Flow.from_client_config(
            {"installed": {**client, **secure}},
            scopes=list(self._scopes),
            redirect_uri=redirect_uri,
            autogenerate_code_verifier=True,
        )
        if plain:
            self._flow.oauth2session.mount("https://", _Plain())
            self._flow.oauth2session.trust_env = False
        url, self.state = self._flow.authorization_url(prompt="consent")
        self.url = url.replace("https://", "http://", 1) if plain else url
        logging.getLogger("requests_oauthlib.oauth2_session").addFilter(_no_debug)

    def code_in(self, answer: str) -> str:
        """The code in what the browser was sent to: a whole address, its query, or the code alone.

        Raises:
            NoCredentials: there is none, or it answers another question.
        """
        text = answer.strip().strip("'\"")
        if "=" not in text:
            if not re.fullmatch(r"[\w/.%-]{8,}", text):
                raise NoCredentials(
                    "that is not the address that the browser ended at; run %drive_auth again and "
                    "paste all of it"
                )
            return unquote(text)
        found = parse_qs(urlsplit(text).query if "://" in text else text.partition("?")[2] or text)
        given = found.get("state", [""])[-1]
        if not hmac.compare_digest(given.encode(), self.state.encode()):
            raise NoCredentials("that answers another sign-in; run %drive_auth again")
        if error := found.get("error", [""])[-1]:
            raise NoCredentials(_refused(error))
        if not found.get("code"):
            raise NoCredentials("the address holds no code; run %drive_auth again")
        return found["code"][-1]

    def trade(self, code: str) -> dict[str, Any]:
        """What to keep of the sign-in that a code stands for.

        Raises:
            NoCredentials: the code is worth nothing, or Drive was not among what was allowed.
        """
        from oauthlib.oauth2.rfc6749.errors import OAuth2Error
        from requests import RequestException

        token: dict[str, Any] = {}
        problem = _refused("")
        try:
            token = self._flow.fetch_token(code=code, timeout=self._settings.timeout_seconds)
        except OAuth2Error as exc:
            problem = _refused(exc.error or "")
        except Warning as changed:  # oauthlib's word for other scopes than were asked for
            token = changed.token  # type: ignore[attr-defined]
        except (RequestException, ValueError) as exc:
            problem = f"no answer to the sign-in ({type(exc).__name__}); run %drive_auth again"
        if not token:  # raised out here: the causes' frames hold the code and the client's secret
            raise NoCredentials(problem)
        allowed = _scopes_of(token.get("scope"))
        if not set(self._scopes) <= allowed:
            raise NoCredentials(
                "Drive was not among what you allowed; run %drive_auth again and tick its box"
            )
        if not token.get("refresh_token"):
            raise NoCredentials("that sign-in would end within the hour; run %drive_auth again")
        return {
            "type": "authorized_user",
            **self._client,
            "refresh_token": str(token["refresh_token"]),
            "scopes": list(self._scopes),
        }


def ask(
    client: dict[str, str],
    *,
    readonly: bool,
    settings: Settings,
    show: Callable[[str, bool], None],
    paste: Callable[[], str] | None,
    clock: Clock = CLOCK,
) -> dict[str, Any]:
    """Ask the user, wait for the answer, and give what to keep of it.

    Args:
        show: called with the link, and whether an answer must be pasted, once it can be followed.
        paste: asks the user for the address that the browser ended at; None: the browser runs on
            this machine and brings it by itself.

    Raises:
        NoCredentials: nothing was allowed, or no answer came within `sign_in_seconds`.
    """
    if paste is not None:
        # Nothing listens there: the browser, on whatever machine, shows an error and the address.
        redirect = f"http://127.0.0.1:{random.SystemRandom().randrange(50_000, 60_000)}/"
        question = Question(client, redirect, readonly=readonly, settings=settings)
        show(question.url, True)
        return question.trade(question.code_in(paste()))
    with Landing(clock) as landing:
        question = Question(client, landing.uri, readonly=readonly, settings=settings)
        landing.state = question.state
        show(question.url, False)
        answer = landing.wait(settings.sign_in_seconds)
    if not answer:
        raise NoCredentials(
            f"no answer to the sign-in within {spell(settings.sign_in_seconds)}; run %drive_auth "
            "again, with --paste if your browser is on another machine"
        )
    return question.trade(question.code_in(answer))


class _Plain(HTTPAdapter):
    """Sends to this machine what oauthlib would only send over TLS."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.url = "http://" + request.url.removeprefix("https://")
        return super().send(request, *args, **kwargs)


def _tls(value: str) -> str:
    return value.replace("http://", "https://", 1) if value.startswith("http://") else value


def _no_debug(record: logging.LogRecord) -> bool:
    """Hold back requests_oauthlib's debug log, which has codes, secrets and tokens in it."""
    return record.levelno > logging.DEBUG


def _refused(error: str) -> str:
    known = _REFUSALS.get(error)
    word = error if re.fullmatch(r"[a-z_]{1,40}", error) else "no reason"
    return known or f"the sign-in was refused ({word}); run %drive_auth again"


def _scopes_of(scope: Any) -> set[str]:
    return set(scope.split() if isinstance(scope, str) else scope or ())
