"""Which addresses steer the emulator itself?"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from . import control_files, routes
from .consents import client_secrets
from .control_files import object_of
from .errors import bad_request
from .service import Call, Handler, json_answer
from .values import rfc3339

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_PAGE_HEADERS = {
    # No script, style or picture that does not come from this server itself, and none inline.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# A hundred years: times stay such that they can be written.
_FAR = 100 * 365 * 24 * 3600
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


async def get_log(call: Call) -> ASGIApp:
    """Answer the request log, one JSON object a line."""
    from starlette.responses import Response

    lines = "".join(json.dumps(row) + "\n" for row in call.service.log.rows())
    return Response(lines, media_type="application/jsonl")


async def clear_log(call: Call) -> ASGIApp:
    """Forget the request log."""
    call.service.log.clear()
    return json_answer({})


async def add_fault(call: Call) -> ASGIApp:
    """Add a fault from the arguments of `Faults.add` as JSON."""
    body = await object_of(call)
    try:
        return json_answer({"id": call.service.faults.add(**body)})
    except (TypeError, ValueError) as error:
        raise bad_request(str(error)) from None


async def get_faults(call: Call) -> ASGIApp:
    """Answer the faults in force."""
    return json_answer({"faults": call.service.faults.rules()})


async def clear_faults(call: Call) -> ASGIApp:
    """Remove the fault `id`, or all of them."""
    chosen = call.param("id")
    call.service.faults.clear(int(chosen) if chosen.isdigit() else None)
    return json_answer({})


async def set_lag(call: Call) -> ASGIApp:
    """Set how long listings and the change log lag, in seconds."""
    body = await object_of(call)
    for value in body.values():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise bad_request("A lag is a number of seconds.")
    call.service.set_lag(body.get("listing"), body.get("feed"))
    return json_answer({"listing": call.store.index_lag, "feed": call.store.changes.lag})


async def get_quota(call: Call) -> ASGIApp:
    """Answer the quota meter."""
    quota = call.service.quota
    return json_answer({"used": quota.used, "total": quota.total, "limit": quota.limit})


async def set_quota(call: Call) -> ASGIApp:
    """Set the units per minute, and optionally the bytes that fit (null for no limit)."""
    body = await object_of(call)
    limit, storage = body.get("limit"), body.get("storage")
    if not all(one is None or (type(one) is int and one >= 0) for one in (limit, storage)):
        raise bad_request("A limit is a whole number.")
    if limit is not None:
        call.service.quota.limit = limit
    if "storage" in body:
        call.store.limits.storage = storage
    if body.get("reset"):
        call.service.quota.reset()
    return await get_quota(call)


async def set_tokens(call: Call) -> ASGIApp:
    """Expire, revoke, restore or add credentials."""
    body, tokens = await object_of(call), call.service.tokens
    if "lifetime" in body:
        if type(body["lifetime"]) not in (int, float):
            raise bad_request("A lifetime is a number of seconds.")
        tokens.lifetime = body["lifetime"]
    if "require" in body:
        call.service.require_auth = bool(body["require"])
    action, name = body.get("action"), body.get("token")
    if action == "expire":
        return json_answer({"changed": tokens.expire(name)})
    if action == "revoke":
        return json_answer({"changed": tokens.revoke(name)})
    if action == "restore":
        tokens.restore()
    elif action == "new":
        return json_answer({"refresh_token": tokens.new_refresh_token()})
    return json_answer({"lifetime": tokens.lifetime, "require": call.service.require_auth})


async def forget_sessions(call: Call) -> ASGIApp:
    """End every resumable upload session, as after a week; `status` is 404, 410 or 499."""
    status = call.param("status", "404")
    try:
        call.service.sessions.forget_all(int(status) if status.isdigit() else 0)
    except ValueError as error:
        raise bad_request(str(error)) from None
    return json_answer({})


async def get_clock(call: Call) -> ASGIApp:
    """Answer the Drive's time."""
    return json_answer({"now": rfc3339(call.service.clock.now_ms())})


async def advance_clock(call: Call) -> ASGIApp:
    """Put the Drive's clock forward by `advance` seconds."""
    seconds = (await object_of(call)).get("advance")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        seconds = -1
    if not 0 <= seconds < _FAR:
        raise bad_request("A clock goes forward by a number of seconds.")
    call.service.clock.advance(seconds)
    return await get_clock(call)


async def get_client_secrets(call: Call) -> ASGIApp:
    """Answer the JSON of a desktop client that may ask for sign-ins here."""
    return json_answer(client_secrets(call.service.url))


async def health(call: Call) -> ASGIApp:
    """Answer that the emulator is there."""
    value = {
        "status": "ok",
        "url": call.service.url,
        "root": call.store.root_id,
        "changes": call.store.changes.count(),
    }
    return json_answer(value)


@lru_cache
def _asset(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


async def page(call: Call) -> ASGIApp:
    """Answer a file of the page."""
    from starlette.responses import Response

    name = call.names["name"]
    kind = _TYPES[name.rpartition(".")[2]]
    headers = _PAGE_HEADERS | {"Content-Type": f"{kind}; charset=utf-8"}
    return Response(_asset(name), headers=headers)


_CONTROLS: dict[tuple[str, str], Handler] = {
    ("GET", "log"): get_log,
    ("DELETE", "log"): clear_log,
    ("POST", "faults"): add_fault,
    ("GET", "faults"): get_faults,
    ("DELETE", "faults"): clear_faults,
    ("POST", "lag"): set_lag,
    ("GET", "quota"): get_quota,
    ("POST", "quota"): set_quota,
    ("POST", "tokens"): set_tokens,
    ("DELETE", "sessions"): forget_sessions,
    ("GET", "clock"): get_clock,
    ("POST", "clock"): advance_clock,
    ("GET", "client-secrets"): get_client_secrets,
    ("GET", "health"): health,
    ("POST", "users"): control_files.sign_in,
    ("GET", "limits"): control_files.get_limits,
    ("POST", "limits"): control_files.set_limits,
    ("POST", "files"): control_files.set_file,
}
_PAGE = {
    "/": "page.html",
    "/favicon.ico": "page.svg",
    "/emulator/page.js": "page.js",
    "/emulator/page-drive.js": "page-drive.js",
    "/emulator/page-show.js": "page-show.js",
    "/emulator/page.css": "page.css",
}


def find(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    """Return what answers a request to the page or the controls."""
    if method == "GET" and path in _PAGE:
        return page, {"name": _PAGE[path]}
    handler = _CONTROLS.get((method, path.removeprefix("/emulator/")))
    return (handler, {}) if handler else (routes.unknown, {})
