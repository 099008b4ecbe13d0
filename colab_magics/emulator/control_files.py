"""Which addresses steer what the Drive holds: its users, its limits, the state of a file?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import sharing
from .errors import bad_request
from .service import Call, json_answer
from .values import DEFAULT_EMAIL

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_FLAGS = {"abusive", "downloadQuotaExceeded"}


async def object_of(call: Call) -> dict[str, Any]:
    """Return the JSON object that came; raise 400 if something else did."""
    body = await call.json()
    if not isinstance(body, dict):
        raise bad_request("The body is a JSON object.")
    return body


async def sign_in(call: Call) -> ASGIApp:
    """Answer tokens of a user: `email`, and optionally `client` and a list of `scopes`."""
    body = await object_of(call)
    email, client = body.get("email", DEFAULT_EMAIL), body.get("client", "")
    scopes = body.get("scopes", ["drive"])
    texts = [email, client, *(scopes if isinstance(scopes, list) else [None])]
    if not all(isinstance(one, str) for one in texts) or "@" not in email:
        raise bad_request("A user has an e-mail address; scopes are a list of texts.")
    user = call.service.tokens.sign_in(email, client=client, scopes=scopes)
    value = {"email": user.email, "token": user.token, "refresh_token": user.refresh_token}
    return json_answer(value)


async def get_limits(call: Call) -> ASGIApp:
    """Answer the limits of the Drive."""
    return json_answer(call.store.limits.as_json())


async def set_limits(call: Call) -> ASGIApp:
    """Set limits by name."""
    try:
        for name, value in (await object_of(call)).items():
            call.store.limits.set(name, value)
    except ValueError as error:
        raise bad_request(str(error)) from None
    return await get_limits(call)


async def set_file(call: Call) -> ASGIApp:
    """Set what Google knows of the file `id`.

    `abusive` and `downloadQuotaExceeded` are true or false; `resourceKey` is a text, true to draw
    one, or null for none; `opened` is a client that the user opened the file with.
    """
    body = await object_of(call)
    row = call.store.raw(str(body.get("id")))
    flags = json.loads(row["flags"])
    for name in _FLAGS & body.keys():
        flags[name] = bool(body[name])
    with call.store.database.write() as db:
        db.execute("UPDATE files SET flags = ? WHERE id = ?", (json.dumps(flags), row["id"]))
        if isinstance(client := body.get("opened"), str):
            db.execute("INSERT OR IGNORE INTO opened VALUES (?, ?)", (row["id"], client))
    if "resourceKey" in body:
        sharing.set_resource_key(call.store, row["id"], body["resourceKey"])
    key = call.store.raw(row["id"])["resource_key"]
    return json_answer({"id": row["id"], **flags, "resourceKey": key})
