"""What does `colab-magics auth` do? As `%drive_auth`, in a terminal."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from colab_magics.display import Card
from colab_magics.errors import NoCredentials
from colab_magics.settings import Settings

from .words import in_terminal


def add_auth(command: Any) -> None:
    """Add the command; `command` makes a parser of a name, a text and a function."""
    parser = command("auth", "sign in to Google Drive, say who is signed in, or sign out", auth)
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--client-secrets", metavar="F", help="sign in with your own OAuth client")
    act.add_argument("--service-account", metavar="F", help="use a service account")
    act.add_argument("--forget", action="store_true", help="sign out: revoke, and remove")
    parser.add_argument("--readonly", action="store_true", help="ask for reading only")
    parser.add_argument("--paste", action="store_true", help="the browser is on another machine")
    parser.add_argument("--no-browser", action="store_true", help="print the link only")


def auth(args: argparse.Namespace) -> int:
    """Sign in, out, or tell."""
    from colab_magics.storage.credentials import place_of
    from colab_magics.storage.signin.auth import Screen, Wish, carry_out

    settings = Settings.load()
    wish = Wish(
        client_secrets=args.client_secrets,
        service_account=args.service_account,
        readonly=args.readonly,
        forget=args.forget,
        paste=args.paste,
        browser=not args.no_browser,
    )
    _show(carry_out(wish, Screen(_show, _paste), settings, place_of(settings.drive_url) or ""))
    return 0


def _show(card: Card) -> None:
    print(in_terminal(repr(card)), flush=True)


def _paste() -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise NoCredentials("nobody can be asked here; run it in a terminal")
    try:
        return getpass.getpass("the address that the browser ended at: ")
    except EOFError:
        raise NoCredentials("nothing was pasted; run it again") from None
