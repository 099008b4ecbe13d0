"""Who is signed in to Google Drive here? Finds credentials; no prompt but Colab's own."""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from colab_magics.errors import NoCredentials
from colab_magics.session.host import host
from colab_magics.settings import Settings

SCOPES = ("https://www.googleapis.com/auth/drive",)
_FILE = "token.json"


def find_credentials(settings: Settings) -> Any:
    """This user's credentials for Drive, or None when nobody has signed in.

    Looked for in this order: ``token.json`` in `settings.credentials_dir`, the file that
    GOOGLE_APPLICATION_CREDENTIALS names, and on Colab the user who runs the notebook (Colab asks).

    Raises:
        NoCredentials: there are some, but others can read them or they are damaged.
    """
    saved = credentials_dir(settings) / _FILE
    if saved.exists():
        _private(saved.parent, 0o700)
        _private(saved, 0o600)
        return _load(saved)
    if named := os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return _load(Path(named).expanduser())
    return colab_user() if host() == "colab" else None


def credentials_dir(settings: Settings) -> Path:
    """The folder where this user's sign-in is kept."""
    if settings.credentials_dir:
        return Path(settings.credentials_dir).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("colab_magics"))


def colab_user() -> Any:
    """The credentials of the user of this Colab notebook; Colab asks once for each machine."""
    import google.auth
    from google.colab import auth

    try:
        auth.authenticate_user()
        credentials, _ = google.auth.default(scopes=SCOPES)
    except Exception as exc:  # the dialog was closed, or timed out: Colab has no class for that
        raise NoCredentials(f"Colab signed nobody in ({type(exc).__name__})") from None
    return credentials


def _private(path: Path, mode: int) -> None:
    """Refuse what others could have read or put there."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        raise NoCredentials(f"{path} is not this user's own; remove it and sign in again")
    if found.st_mode & 0o077:
        raise NoCredentials(f"others can read {path}; run: chmod {mode:o} '{path}'")


def _load(path: Path) -> Any:
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.credentials import Credentials
    from google.oauth2.service_account import Credentials as ServiceAccount

    try:
        info = json.loads(path.read_text("utf-8"))
        if info.get("type") == "service_account":
            return ServiceAccount.from_service_account_info(info, scopes=SCOPES)
        return Credentials.from_authorized_user_info(info, scopes=SCOPES)
    except FileNotFoundError:
        raise NoCredentials(f"no file {path}, which GOOGLE_APPLICATION_CREDENTIALS names") from None
    except (OSError, ValueError, AttributeError, GoogleAuthError):
        # Not the cause: its text and frames hold what the file holds.
        raise NoCredentials(f"{path} holds no Google credentials; sign in again") from None
