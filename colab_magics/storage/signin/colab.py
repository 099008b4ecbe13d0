"""What does Colab know of its user: who it is, and the secrets that were stored?"""

# mypy: disallow-untyped-calls=False
# Neither google.colab nor google.auth is annotated.

from __future__ import annotations

import logging
import threading
from typing import Any

from colab_magics.errors import BadValue, NoCredentials
from colab_magics.session.host import host

TOKEN_SECRET = "COLAB_MAGICS_TOKEN"
_PREFIX = "secret:"


def authenticate(scopes: tuple[str, ...]) -> Any:
    """Credentials of this notebook's user; on the main thread Colab asks, once for each machine.

    Raises:
        NoCredentials: nobody was signed in.
    """
    import google.auth
    from google.colab import auth

    # It warns, into the user's cell, that no project is known; Drive needs none.
    logging.getLogger("google.auth._default").setLevel(logging.ERROR)
    try:
        if _main_thread():  # Colab's messages to its page are not safe from any other
            auth.authenticate_user()
        credentials, _ = google.auth.default(scopes=scopes)
    except Exception as exc:  # the dialog was closed, or timed out: Colab has no class for that
        problem = f"Colab signed nobody in ({type(exc).__name__}); run %drive_auth"
    else:
        return credentials
    raise NoCredentials(problem)


def secret_name(text: str) -> str:
    """The name in ``secret:NAME``; empty for anything else.

    Raises:
        BadValue: it names none, or this is not Colab.
    """
    if not text.startswith(_PREFIX):
        return ""
    if host() != "colab":
        raise BadValue(f"{text!r} names a Colab Secret, which exist on Colab only; give a file")
    if not text[len(_PREFIX) :]:
        raise BadValue("secret: needs a name behind it, such as secret:DRIVE_CLIENT")
    return text[len(_PREFIX) :]


def secret(name: str) -> str:
    """The value of a Colab Secret.

    Raises:
        NoCredentials: there is none of that name, or this notebook may not read it.
    """
    if not _main_thread():
        raise NoCredentials("a Colab Secret can be read in a cell only; run %drive_auth")
    from google.colab import userdata

    try:
        value = str(userdata.get(name))
    except Exception as exc:  # its classes differ between versions; the names do not
        problem = _PROBLEMS.get(type(exc).__name__, f"could not be read ({type(exc).__name__})")
    else:
        return value
    raise NoCredentials(f"the Colab Secret {name} {problem}")


def stored_token() -> str:
    """The sign-in that the user has stored as a Colab Secret; empty where there is none."""
    if not _main_thread():
        return ""
    try:
        return secret(TOKEN_SECRET)
    except NoCredentials:  # not there, not for this notebook, or no page: there are other ways
        return ""


_PROBLEMS = {
    "SecretNotFoundError": "does not exist; add it under the key sign at the left",
    "NotebookAccessError": "is not open to this notebook; switch on its notebook access",
    "TimeoutException": "could not be read in time; is the notebook's page open?",
}


def _main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
