"""Which addresses steer the emulator itself?"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from . import routes
from .errors import DriveError
from .service import Call, Handler, json_answer

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
    body = await _object(call)
    try:
        return json_answer({"id": call.service.faults.add(**body)})
    except (TypeError, ValueError) as error:
        raise DriveError(400, "badRequest", str(error)) from None


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
    body = await _object(call)
    for value in body.values():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise DriveError(400, "badRequest", "A lag is a number of seconds.")
    call.service.set_lag(body.get("listing"), body.get("feed"))
    return json_answer({"listing": call.store.index_lag, "feed": call.store.changes.lag})


async def get_quota(call: Call) -> ASGIApp:
    """Answer the quota meter."""
    quota = call.service.quota
    return json_answer({"used": quota.used, "total": quota.total, "limit": quota.limit})


async def set_quota(call: Call) -> ASGIApp:
    """Set the units per minute, and optionally the bytes that fit (null for no limit)."""
    body = await _object(call)
    limit, storage = body.get("limit"), body.get("storage")
    if not all(one is None or (type(one) is int and one >= 0) for one in (limit, storage)):
        raise DriveError(400, "badRequest", "A limit is a whole number.")
    if limit is not None:
        call.service.quota.limit = limit
    if "storage" in body:
        call.store.storage_limit = storage
    if body.get("reset"):
        call.service.quota.reset()
    return await get_quota(call)


async def set_tokens(call: Call) -> ASGIApp:
    """Expire, revoke, restore or add credentials."""
    body, tokens = await _object(call), call.service.tokens
    if "lifetime" in body:
        if type(body["lifetime"]) not in (int, float):
            raise DriveError(400, "badRequest", "A lifetime is a number of seconds.")
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
    """Let every resumable upload session be unknown, as after a week."""
    call.service.sessions.forget_all()
    return json_answer({})


async def health(call: Call) -> ASGIApp:
    """Answer that the emulator is there."""
    value = {
        "status": "ok",
        "url": call.service.url,
        "root": call.store.root_id,
        "changes": call.store.changes.count(),
    }
    return json_answer(value)


async def _object(call: Call) -> dict[str, Any]:
    body = await call.json()
    if not isinstance(body, dict):
        raise DriveError(400, "badRequest", "The body is a JSON object.")
    return body


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
    ("GET", "health"): health,
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
