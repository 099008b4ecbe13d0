"""What does a person read when signing in and out?"""

from __future__ import annotations

from pathlib import Path

from colab_magics.display import Card, Link
from colab_magics.errors import NoCredentials
from colab_magics.session.host import host

from .account import Account
from .colab import TOKEN_SECRET
from .token_file import unprotected

_CONSOLE = "https://console.cloud.google.com/apis/credentials"
_WORDS = {"drive": "everything on Drive", "drive.readonly": "reading only"}


class LinkCard(Card):
    """A card whose link is whole in the plain text, too."""

    def __repr__(self) -> str:
        links = [str(text) for _, text in self.lines if isinstance(text, Link)]
        rest = [pair for pair in self.lines if not isinstance(pair[1], Link)]
        shown = Card(self.title, self.state, self.label, rest)
        return "\n".join([repr(shown), *links])


def link_card(url: str, *, paste: bool) -> Card:
    """What to open to sign in.

    Args:
        paste: whether the address that the browser ends at must be brought here by hand.
    """
    lines: list[tuple[str, object]] = [("open", Link(url))]
    if paste:
        lines += [
            ("then", "choose your account and Allow; the page that comes next does not load"),
            ("paste", "copy the whole address of that page into the field below"),
        ]
    else:
        lines.append(("then", "choose your account and Allow; this cell goes on by itself"))
    return LinkCard("sign in to Google Drive", "waiting", "waiting for you", lines)


def account_card(account: Account) -> Card:
    """Who is signed in, how, and where that is kept."""
    rights = ", ".join(_WORDS.get(one.rpartition("/")[2], one) for one in account.scopes)
    lines: list[tuple[str, object]] = [("access", rights or "as granted")]
    if account.at:
        lines.append(("Drive", f"at {account.at} on this machine"))
    if account.kind == "service_account":
        lines.append(("note", "it sees only what was shared with it, and owns no storage"))
    if account.path is not None:
        kept = unprotected() or "for this user only"
        lines.append(("kept in", f"{account.path} ({kept})"))
    elif host() == "colab":
        lines.append(("kept", "by Colab, until this machine goes"))
    if account.made is not None:
        lines.append(("since", account.made.astimezone().strftime("%Y-%m-%d %H:%M")))
    return Card(account.email, "ok", "signed in", lines)


def ways_card(problem: str = "") -> Card:
    """How one can sign in here."""
    lines: list[tuple[str, object]] = [("problem", problem)] if problem else []
    lines += [
        ("account", "%drive_auth --client-secrets FILE, with a file that you make once:"),
        ("1", Link(_CONSOLE)),
        ("2", "switch on the Google Drive API, and fill in the consent screen"),
        ("3", "create credentials, OAuth client ID, of the type Desktop app"),
        ("4", "download its JSON; publish the app, or sign-ins end after 7 days (Testing mode)"),
        ("a robot", "%drive_auth --service-account FILE, a key of a service account"),
        ("elsewhere", "set GOOGLE_APPLICATION_CREDENTIALS to a file that other tools have made"),
        ("without", "%drive_mount emulator is a Drive on this machine"),
    ]
    label = "the sign-in does not work" if problem else "nobody is signed in"
    return Card("Google Drive", "failed" if problem else "paused", label, lines)


def forgotten_card(done: list[tuple[str, str]]) -> Card:
    """What became of each sign-in."""
    lines: list[tuple[str, object]] = list(done)
    if host() == "colab":
        lines.append(("Colab", "its own sign-in lasts until this machine goes"))
        lines.append(("Secrets", f"{TOKEN_SECRET} stays if you stored it; delete it there"))
    label = "signed out" if done else "no sign-in was kept here"
    return Card("Google Drive", "paused", label, lines)


def secret_card(path: Path) -> Card:
    """How the kept sign-in becomes a Colab Secret, which no program can write.

    Raises:
        NoCredentials: none is kept here.
    """
    if not path.exists():
        raise NoCredentials(
            "no sign-in is kept here that could become a Secret; run %drive_auth --client-secrets "
            "FILE or --service-account FILE first"
        )
    lines: list[tuple[str, object]] = [
        ("1", f"open {path} in Colab's file browser or a terminal, not in a cell"),
        ("2", "copy all of its text, and close it"),
        ("3", f"key sign at the left, add the Secret {TOKEN_SECRET}, paste, allow this notebook"),
        ("4", "copy something else: the clipboard still holds it"),
        ("then", "%drive_mount on a new machine finds it, without a prompt"),
    ]
    return Card("Colab Secret", "waiting", "by hand", lines)
