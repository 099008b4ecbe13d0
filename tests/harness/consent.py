"""Answer the emulator's consent page as a person in a browser does, over plain HTTP."""

from __future__ import annotations

import html
import re

import httpx


def decide(url: str, *, allow: bool = True, tick: bool = True, email: str = "") -> str:
    """Open the link of a sign-in and press a button; the address that the browser is sent to.

    Args:
        tick: whether the boxes of what is allowed stay ticked.
        email: the account to choose; unless given, the one that is chosen already.
    """
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(url)
        assert page.status_code == 200, page.text
        fields = {
            name: html.unescape(value)
            for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
        }
        if not tick:
            del fields["scope"]
        if email:
            fields["email"] = email
        fields["decision"] = "allow" if allow else "deny"
        answer = browser.post(httpx.URL(url).copy_with(query=None), data=fields)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


def arrive(address: str) -> httpx.Response:
    """Go where the consent page sent the browser."""
    return httpx.get(address, trust_env=False)


def link_in(text: str) -> str:
    """The link of a sign-in in what a cell or a command has shown; empty if there is none."""
    found = re.search(r"http://\S+/o/oauth2/v2/auth\?[^\s\"'<]+", text)
    return html.unescape(found[0]) if found else ""
