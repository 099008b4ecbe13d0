"""The magic that signs in to Google Drive, says who is signed in, and signs out."""

from __future__ import annotations

import getpass
from argparse import Namespace
from typing import Any

from IPython.core.error import StdinNotImplementedError, UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import display

from colab_magics.display import Card
from colab_magics.errors import NoCredentials

from .arguments import argument, magic_arguments, parsed
from .notebook import Notebook

_ACTS = ("client_secrets", "service_account", "secret", "forget")
_NO_STDIN = (
    "nobody can be asked here; sign in once in a notebook or with colab-magics auth in a terminal, "
    "or use --service-account"
)


@magics_class
class AuthMagics(Magics):
    """Who uses Drive from this notebook."""

    def __init__(self, shell: Any, notebook: Notebook) -> None:
        super().__init__(shell=shell)
        self.notebook = notebook

    @line_magic
    @magic_arguments()
    @argument("--client-secrets", metavar="F", help="Sign in with your own OAuth client's file.")
    @argument("--service-account", metavar="F", help="Use a service account; its key is copied.")
    @argument("--readonly", action="store_true", help="Ask for reading only.")
    @argument("--paste", action="store_true", help="The browser is on another machine.")
    @argument("--no-browser", action="store_true", help="Show the link only; open no browser.")
    @argument("--secret", action="store_true", help="How to keep the sign-in as a Colab Secret.")
    @argument("--forget", action="store_true", help="Sign out: revoke and remove what is kept.")
    @parsed
    def drive_auth(self, args: Namespace) -> Card:
        """Sign in to Google Drive, say who is signed in, or sign out.

        F is a file of this machine, or secret:NAME for a Colab Secret. Without options: who is
        signed in; on Colab its own dialog asks; elsewhere the ways to sign in are told.
        """
        from colab_magics.storage.signin.auth import Screen, Wish, carry_out

        if sum(bool(getattr(args, act)) for act in _ACTS) > 1:
            raise UsageError("give one of --client-secrets, --service-account, --secret, --forget")
        facts = vars(args).copy()
        wish = Wish(browser=not facts.pop("no_browser"), **facts)
        notebook = self.notebook
        card = carry_out(wish, Screen(_Shown(), _paste), notebook.settings, notebook.signs_in_at())
        card.lines = [*card.lines, *notebook.signed_anew(gone=args.forget)]
        return card


class _Shown:
    """A card in the running cell that makes way for the next one."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, card: Card) -> None:
        if self._handle is None:
            self._handle = display(card, display_id=True)
        else:
            self._handle.update(card)


def _paste() -> str:
    try:
        # Unlike input(), what is typed here is shown nowhere and kept in no notebook.
        return getpass.getpass("the address that the browser ended at: ")
    except (StdinNotImplementedError, EOFError):
        pass
    raise NoCredentials(_NO_STDIN)
