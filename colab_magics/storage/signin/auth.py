"""What becomes of a wish to sign in or out? One path for notebooks and terminals."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, replace

from colab_magics.display import Card
from colab_magics.errors import BadValue, NoCredentials
from colab_magics.session.host import host
from colab_magics.settings import Settings

from .account import (
    Account,
    forget,
    keep,
    keep_service_account,
    read_source,
    saved_client,
    signed_in,
)
from .cards import account_card, forgotten_card, link_card, secret_card, ways_card
from .flow import ask, check_addresses, read_client
from .token_file import check_place, credentials_dir, token_path


@dataclass(frozen=True)
class Wish:
    """What was typed behind `%drive_auth`.

    Attributes:
        client_secrets: a file, or ``secret:NAME``.
        service_account: likewise.
        secret: whether to tell how the sign-in becomes a Colab Secret.
        paste: whether the browser is on another machine; where none can be opened, it is.
        browser: whether to open one; else the link is shown, for a browser of this machine.
    """

    client_secrets: str | None = None
    service_account: str | None = None
    readonly: bool = False
    forget: bool = False
    secret: bool = False
    paste: bool = False
    browser: bool = True

    @property
    def anew(self) -> bool:
        """Whether it asks for another sign-in than the one that may be there."""
        return self.readonly or self.paste or not self.browser


@dataclass(frozen=True)
class Screen:
    """How one talks to the person.

    Attributes:
        show: puts a card before them; it is called again with what takes its place.
        paste: asks for a line that is not to be seen.
    """

    show: Callable[[Card], None]
    paste: Callable[[], str]


def carry_out(wish: Wish, screen: Screen, settings: Settings, at: str = "") -> Card:
    """Do what is wished; a card that tells what is so now.

    Args:
        at: host and port of a Drive on this machine; empty: Google's. A client or an account
            brings its own.

    Raises:
        NoCredentials: it could not be done.
        BadValue: a file that holds something else.
        PlaceNotFound: no such file.
    """
    if wish.forget:
        return forgotten_card(forget(settings))
    if wish.secret:
        return secret_card(token_path(settings))
    if wish.service_account:
        text = read_source(wish.service_account)
        account = keep_service_account(
            text, wish.service_account, readonly=wish.readonly, settings=settings
        )
        return account_card(account)
    if wish.client_secrets:
        client = read_client(read_source(wish.client_secrets), wish.client_secrets)
        return account_card(_asked(client, wish, screen, settings))
    return _present(wish, screen, settings, at)


def _present(wish: Wish, screen: Screen, settings: Settings, at: str) -> Card:
    """Who is signed in; who was is asked anew, with the client of then."""
    problem, account = "", None
    try:
        account = signed_in(settings, at)
    except NoCredentials as exc:
        problem = exc.message
    saved = saved_client(settings, at) if problem or wish.anew else None
    if saved is None and wish.anew:
        raise BadValue("--readonly, --paste and --no-browser go with --client-secrets FILE")
    if saved is not None:
        client, readonly = saved
        check_addresses(client, "the saved sign-in")
        wish = replace(wish, readonly=wish.readonly or readonly)
        return account_card(_asked(client, wish, screen, settings))
    return ways_card(problem) if account is None else account_card(account)


def _asked(client: dict[str, str], wish: Wish, screen: Screen, settings: Settings) -> Account:
    far = wish.paste or (wish.browser and not browser_here())

    def show(url: str, must_paste: bool) -> None:
        screen.show(link_card(url, paste=must_paste))
        if wish.browser and not must_paste:
            webbrowser.open(url)

    check_place(credentials_dir(settings))  # rather now than after they have consented
    card = Card("sign-in", "failed", "not signed in")
    try:
        info = ask(
            client,
            readonly=wish.readonly,
            settings=settings,
            show=show,
            paste=screen.paste if far else None,
        )
        card = Card("sign-in", "ok", "done")
    finally:  # the link is worth nothing any more, and is not to stay in a saved notebook
        screen.show(card)
    return keep(info, "the sign-in", settings)


def browser_here() -> bool:
    """Whether a browser that this process opens is before the person who waits for it."""
    if host() in ("colab", "kaggle", "jupyterhub"):
        return False
    if os.environ.get("BROWSER"):
        return True  # somebody has seen to it, as remote editors do
    if {"SSH_CONNECTION", "SSH_TTY"} & set(os.environ):
        return False
    screens = {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)
    if sys.platform not in ("darwin", "win32") and not screens:
        return False  # webbrowser would find a text browser, which takes the terminal over
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
