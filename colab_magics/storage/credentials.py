"""Who is signed in to Google Drive here? Finds credentials; no prompt but Colab's own."""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from colab_magics.errors import NoCredentials
from colab_magics.session.host import host
from colab_magics.settings import Settings

from .signin import colab
from .signin.live import LiveCredentials
from .signin.token_file import read_private, token_path, write_private

SCOPES = ("https://www.googleapis.com/auth/drive",)
READ_SCOPES = ("https://www.googleapis.com/auth/drive.readonly",)
GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
_GOOGLE = frozenset({"oauth2.googleapis.com", "www.googleapis.com", "accounts.google.com"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"


def find_credentials(settings: Settings, url: str = "") -> Any:
    """This user's credentials for a Drive, or None when nobody has signed in there.

    Looked for in this order: the file of `settings.credentials_dir`, the file that
    GOOGLE_APPLICATION_CREDENTIALS names, and on Colab the Secret COLAB_MAGICS_TOKEN and the user
    who runs the notebook (Colab asks). A Drive other than Google's gets only what was signed in
    there: credentials never travel to another host.

    Args:
        url: the Drive's address; empty: Google's.

    Raises:
        NoCredentials: there are some, but others can read them or they are damaged.
    """
    at = place_of(url)
    if at is None:
        return None
    saved = token_path(settings, at)
    if os.path.lexists(saved):
        return from_file(saved, at, private=True)
    named = os.environ.get(_VARIABLE)
    if named and (not at or _is_for(Path(named).expanduser(), at)):
        return from_file(Path(named).expanduser(), at, private=False)
    return on_colab() if not at and host() == "colab" else None


def place_of(url: str) -> str | None:
    """Where one signs in to a Drive: empty for Google's, host:port on this machine, else None."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    if not url or (parts.scheme == "https" and name.endswith(".googleapis.com")):
        return ""
    return parts.netloc if name in _LOOPBACK else None


def checked_tokens_uri(uri: object) -> str:
    """Where a token address belongs, as `place_of` says it.

    Raises:
        ValueError: tokens do not go there: neither Google over https nor this machine.
    """
    parts = urlsplit(str(uri))
    if parts.scheme == "https" and parts.netloc in _GOOGLE:
        return ""
    if parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK:
        return parts.netloc
    raise ValueError("not Google's")


def from_file(path: Path, at: str, *, private: bool) -> LiveCredentials:
    """The credentials in a file, which are read again whenever it changes.

    Args:
        at: where they must have been signed in, as `place_of` says it.
        private: whether it is one of ours, which nobody else may be able to read.
    """

    def load() -> Any:
        try:
            text = read_private(path) if private else path.read_text("utf-8")
        except FileNotFoundError:
            if private:
                text = "nobody is signed in to Google Drive any more; run %drive_auth"
            else:
                text = f"no file {path}, which {_VARIABLE} names"
        except NoCredentials:
            raise
        except (OSError, ValueError):
            text = _damaged(path)
        else:
            return parsed(text, at, str(path))
        raise NoCredentials(text)

    def stamp() -> object:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def keep(old: str, new: str) -> None:
        if private and (info := json.loads(read_private(path))).get("refresh_token") == old:
            write_private(path, {**info, "refresh_token": new})

    return LiveCredentials(load, stamp=stamp, keep=keep)


def parsed(text: str, at: str, where: str) -> Any:
    """Google's credentials from the text of a file or a Secret.

    Raises:
        NoCredentials: it holds none, or those of another Drive. What it holds is not told.
    """
    from google.auth.exceptions import GoogleAuthError

    try:
        info = json.loads(text)
        place = checked_tokens_uri(info.get("token_uri") or GOOGLE_TOKENS)
        made = _made(info)
    except (ValueError, TypeError, AttributeError, KeyError, GoogleAuthError):
        place, made = "", None
    if made is None:  # raised out here, since the cause's text and frames hold what the file holds
        raise NoCredentials(_damaged(where))
    if place != at:
        raise NoCredentials(f"{where} is for the Drive at {place or 'Google'}; run %drive_auth")
    return made


def _made(info: dict[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials
    from google.oauth2.service_account import Credentials as ServiceAccount

    scopes = tuple(info.get("scopes") or SCOPES)
    if info.get("type") == "service_account":
        return ServiceAccount.from_service_account_info(info, scopes=scopes)
    # Not from_authorized_user_info: it puts Google's token address in the place of any other.
    return Credentials(
        token=None,
        refresh_token=str(info["refresh_token"]),
        client_id=str(info["client_id"]),
        client_secret=str(info["client_secret"]),
        token_uri=str(info.get("token_uri") or GOOGLE_TOKENS),
        scopes=scopes,
        quota_project_id=info.get("quota_project_id"),
    )


def on_colab() -> LiveCredentials:
    """The sign-in stored as a Colab Secret, else the user of this notebook."""
    if stored := colab.stored_token():
        found = parsed(stored, "", f"the Colab Secret {colab.TOKEN_SECRET}")
        return LiveCredentials(lambda: found)
    return LiveCredentials(lambda: colab.authenticate(SCOPES))


def _is_for(path: Path, at: str) -> bool:
    """Whether a file that the environment names was signed in at that Drive."""
    try:
        info = json.loads(path.read_text("utf-8"))
        return checked_tokens_uri(info.get("token_uri") or GOOGLE_TOKENS) == at
    except (OSError, ValueError, AttributeError):
        return False


def _damaged(where: Path | str) -> str:
    return f"{where} holds no Google credentials; run %drive_auth"
