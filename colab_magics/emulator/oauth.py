"""How does a program get its tokens: the page that asks the user, and the token endpoint."""

from __future__ import annotations

import base64
import hashlib
import html
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode

from .consents import CLIENT_ID, DRIVE, Refused, is_redirect
from .receiving import whole
from .service import Call, json_answer
from .values import DEFAULT_EMAIL

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_LARGEST = 64 << 10
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SCOPES = {
    DRIVE: "See, edit, create and delete all of your Google Drive files",
    f"{DRIVE}.readonly": "See and download all your Google Drive files",
    f"{DRIVE}.file": "See, edit, create and delete only the files you use with this app",
    f"{DRIVE}.appdata": "See, create and delete its own configuration data in your Google Drive",
    f"{DRIVE}.metadata": "View and manage metadata of files in your Google Drive",
    f"{DRIVE}.metadata.readonly": "See information about your Google Drive files",
}
_KEPT = ("client_id", "redirect_uri", "state", "code_challenge")
_STYLE = (
    "main{max-width:34rem;margin:3rem auto}form label{display:block}"
    "input[type=checkbox]{display:inline;width:auto;margin:0 .4rem 0 0}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# Chromium applies form-action to where a form's answer redirects, too.
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'self' 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "frame-ancestors 'none'; "
        "form-action 'self' http://127.0.0.1:* http://localhost:*"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to the emulated Drive</title>
<link rel="stylesheet" href="/emulator/page.css"><style>{style}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""


async def ask(call: Call) -> ASGIApp:
    """Answer the page that asks the user whether a program may use this Drive."""
    asked = {name: call.param(name) for name in call.request.query_params}
    if problem := _problem(asked):
        return _page("Access blocked", f"<p>Error 400: {html.escape(problem)}</p>", 400)
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(asked.get(name, ""))}">'
        for name in _KEPT
    )
    boxes = "".join(
        f'<p><label><input type="checkbox" name="scope" value="{html.escape(scope)}" checked> '
        f"{html.escape(_SCOPES[scope])}</label></p>"
        for scope in asked["scope"].split()
    )
    accounts = "".join(
        f"<option{' selected' * (email == DEFAULT_EMAIL)}>{html.escape(email)}</option>"
        for email in call.service.consents.users()
    )
    body = (
        "<p>This is the embedded Drive of this machine, not Google: no account of yours is "
        "touched.</p>"
        f'<form method="post" action="/o/oauth2/v2/auth">{hidden}'
        f'<p><label>Account <select name="email">{accounts}</select></label></p>{boxes}'
        '<button name="decision" value="allow">Allow</button> '
        '<button name="decision" value="deny">Deny</button></form>'
    )
    return _page("A program wants to use your Drive", body)


async def decide(call: Call) -> ASGIApp:
    """Answer the user's decision: send the browser back to the program."""
    from starlette.responses import RedirectResponse

    form = await _lists(call)
    asked = {name: form.get(name, [""])[-1] for name in _KEPT}
    asked["scope"] = " ".join(form.get("scope", []))
    if problem := _problem({"response_type": "code", **asked}, answered=True):
        return _page("Access blocked", f"<p>Error 400: {html.escape(problem)}</p>", 400)
    email = form.get("email", [DEFAULT_EMAIL])[-1]
    if email not in call.service.consents.users():
        return _page("Access blocked", "<p>Error 400: unknown account</p>", 400)
    answer = {"state": asked["state"]}
    if form.get("decision") == ["allow"] and asked["scope"]:
        answer["code"] = call.service.consents.give_code(
            email=email,
            client=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            scope=asked["scope"],
        )
        answer["scope"] = asked["scope"]
    else:
        answer["error"] = "access_denied"
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302, headers=_HEADERS)


async def token(call: Call) -> ASGIApp:
    """Answer the token endpoint: an access token for a code, a refresh token or a signed claim."""
    form = {name: values[-1] for name, values in (await _lists(call)).items()}
    form |= _basic(call.request.headers.get("authorization", ""))
    try:
        return json_answer(_tokens(call, form))
    except Refused as refused:
        value = {"error": refused.error, "error_description": refused.description}
        return json_answer(value, refused.status)


def _tokens(call: Call, form: dict[str, str]) -> dict[str, Any]:
    tokens, consents, refresh = call.service.tokens, call.service.consents, ""
    kind = form.get("grant_type")
    if kind == "refresh_token":
        access, scope, refresh = consents.renew(form)
    elif kind == "authorization_code":
        refresh, scope = consents.trade(form)
        access = tokens.new_access_token(refresh) or ""
    elif kind == _JWT:
        # The claim names the address that it was sent to, under whichever name that is.
        asked = str(call.request.url.replace(query=None))
        access, scope = consents.accept(form.get("assertion", ""), asked)
    else:
        raise Refused("unsupported_grant_type", "Invalid grant_type.")
    value: dict[str, Any] = {
        "access_token": access,
        "expires_in": int(tokens.lifetime),
        "scope": scope,
        "token_type": "Bearer",
    }
    return value | ({"refresh_token": refresh} if refresh else {})


def _basic(header: str) -> dict[str, str]:
    """Return the program's id and secret from a header, where some libraries put them."""
    kind, _, text = header.partition(" ")
    try:
        name, sign, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return {}
    if kind.lower() != "basic" or not sign:
        return {}
    return {"client_id": unquote(name), "client_secret": unquote(secret)}


async def revoke(call: Call) -> ASGIApp:
    """Answer the revocation endpoint."""
    name = (await _lists(call)).get("token", [call.param("token")])[-1]
    if not name or not call.service.tokens.revoke(name):
        said = "Token expired or revoked"
        return json_answer({"error": "invalid_token", "error_description": said}, 400)
    return json_answer({})


def _problem(asked: dict[str, str], *, answered: bool = False) -> str:
    """Say what is wrong with a program's question; empty if nothing is."""
    if asked.get("client_id") != CLIENT_ID:
        return "invalid_client"
    if not is_redirect(asked.get("redirect_uri", "")):
        return "redirect_uri_mismatch"
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if asked.get("code_challenge") and asked.get("code_challenge_method", "S256") != "S256":
        return "invalid_request"
    scopes = asked.get("scope", "").split()
    if (not scopes and not answered) or set(scopes) - set(_SCOPES):
        return "invalid_scope"
    return ""


def _page(title: str, body: str, status: int = 200) -> ASGIApp:
    from starlette.responses import HTMLResponse

    return HTMLResponse(
        _PAGE.format(title=title, style=_STYLE, body=body), status, headers=_HEADERS
    )


async def _lists(call: Call) -> dict[str, list[str]]:
    return parse_qs((await whole(call.request, _LARGEST)).decode("utf-8", "replace"))
