"""Which account is signed in, and how does one come and go?"""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from colab_magics.errors import BadValue, PlaceNotFound
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.credentials import (
    GOOGLE_TOKENS,
    READ_SCOPES,
    SCOPES,
    checked_tokens_uri,
    find_credentials,
    parsed,
)

from . import colab
from .flow import CLIENT, json_object
from .token_file import kept, read_private, remove, token_path, write_private

logger = logging.getLogger(__name__)
_GOOGLE_REVOKES = "https://oauth2.googleapis.com/revoke"


@dataclass(frozen=True)
class Account:
    """Somebody who is signed in.

    Attributes:
        email: the address, as Drive tells it.
        at: host and port of a Drive on this machine; empty: Google's.
        path: the file that keeps the sign-in; None where there is none of ours.
        scopes: what the sign-in was made for.
        made: when it was kept; None where that is not known.
        kind: ``authorized_user`` or ``service_account``; empty where it is not known.
    """

    email: str
    at: str
    path: Path | None
    scopes: tuple[str, ...]
    made: datetime | None
    kind: str


def read_source(given: str) -> str:
    """The text of the file, or of the Colab Secret, that an option names.

    Raises:
        PlaceNotFound: there is no such file.
        NoCredentials: there is no such Secret, or this notebook may not read it.
        BadValue: it can not be read.
    """
    if name := colab.secret_name(given):
        return colab.secret(name)
    path = Path(given).expanduser()
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise PlaceNotFound(f"no file '{given}' on this machine") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise BadValue(f"'{given}' can not be read ({type(exc).__name__})") from None


def keep_service_account(text: str, where: str, *, readonly: bool, settings: Settings) -> Account:
    """Try a service account, and keep a copy of its key, so that the next session needs no option.

    Raises:
        BadValue: the text holds no key of a service account, or one for a strange address.
        NoCredentials: Google does not let it in.
    """
    info = json_object(text)
    if info.get("type") != "service_account":
        raise BadValue(f"{where} holds no key of a service account")
    return keep({**info, "scopes": list(READ_SCOPES if readonly else SCOPES)}, where, settings)


def keep(info: dict[str, Any], where: str, settings: Settings) -> Account:
    """Try a sign-in, and keep it if it works; the one that was kept before goes.

    Raises:
        NoCredentials: it does not work, or there is no safe place for it.
    """
    try:
        at = checked_tokens_uri(info.get("token_uri") or GOOGLE_TOKENS)
    except ValueError:
        raise BadValue(f"{where} names addresses for the sign-in that are not Google's") from None
    about = _about(parsed(json.dumps(info), at, where), at, settings)
    path, made = token_path(settings, at), datetime.now(UTC).replace(microsecond=0)
    write_private(path, {**info, "account": about.user, "made": made.isoformat()})
    scopes = tuple(info["scopes"])
    return Account(about.user, at, path, scopes, made, str(info["type"]))


def signed_in(settings: Settings, at: str = "") -> Account | None:
    """Who is signed in; None where nobody is. Asks Drive, so that the answer is true.

    Raises:
        NoCredentials: somebody was, and is no longer.
    """
    credentials = find_credentials(settings, address(at))
    if credentials is None:
        return None
    path, info = _kept_at(settings, at)
    about = _about(credentials, at, settings)
    try:
        made = datetime.fromisoformat(info.get("made", ""))
    except (ValueError, TypeError):
        made = None
    kind = str(info.get("type", ""))
    scopes = tuple(info.get("scopes") or credentials.scopes)
    return Account(about.user, at, path if info else None, scopes, made, kind)


def saved_client(settings: Settings, at: str) -> tuple[dict[str, str], bool] | None:
    """The OAuth client of a kept sign-in, to sign in anew with, and whether for reading only."""
    _, info = _kept_at(settings, at)
    if info.get("type") != "authorized_user" or not all(info.get(name) for name in CLIENT):
        return None
    return {name: str(info[name]) for name in CLIENT}, info.get("scopes") == list(READ_SCOPES)


def forget(settings: Settings) -> list[tuple[str, str]]:
    """Remove every kept sign-in, revoked where it was made; who each was, and what became of it."""
    done = []
    for path in kept(settings):
        try:
            info = json_object(read_private(path))
        except (OSError, UnicodeDecodeError):
            info = {}  # not ours to read, so not ours to revoke; removed all the same
        try:
            became = _revoke(info, settings)
        finally:  # also when the user does not wait for the answer
            remove(path)
        done.append((str(info.get("account") or path.name), became))
    return done


def address(at: str) -> str:
    """The Drive's address for where one signs in."""
    return f"http://{at}/" if at else ""


def _kept_at(settings: Settings, at: str) -> tuple[Path, dict[str, Any]]:
    """Where the sign-in at a Drive is kept, and what is in there; nothing where there is none."""
    path = token_path(settings, at)
    return path, json_object(read_private(path)) if path.exists() else {}


def _about(credentials: Any, at: str, settings: Settings) -> Any:
    api = DriveAPI(url=address(at), credentials=credentials, settings=settings)
    try:
        return api.about()
    finally:
        api.close()


def _revoke(info: dict[str, Any], settings: Settings) -> str:
    """Revoke a sign-in; what became of it, in words."""
    import requests

    if info.get("type") == "service_account":
        return "removed here; its key stays valid until it is deleted in Google's console"
    if not info.get("refresh_token"):
        return "removed here; it held nothing to revoke"
    by_hand = "removed here, but not revoked ({}); do so at myaccount.google.com/connections"
    try:
        at = checked_tokens_uri(info.get("token_uri") or GOOGLE_TOKENS)
        with requests.Session() as session:
            session.trust_env = not at
            answer = session.post(
                f"{address(at)}revoke" if at else _GOOGLE_REVOKES,
                data={"token": info["refresh_token"]},  # never in the address: those are logged
                timeout=settings.timeout_seconds,
                allow_redirects=False,
            )
    except (requests.RequestException, ValueError) as exc:
        logger.info("a sign-in was not revoked: %s", type(exc).__name__)
        return by_hand.format("no answer")
    if answer.status_code == 200:
        return "revoked and removed"
    if answer.status_code == 400:
        return "removed; it was revoked already"
    return by_hand.format(f"HTTP {answer.status_code}")
