"""What do the methods of `permissions` and `drives` answer?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from . import drives, listing, sharing, v2
from .access import Grant
from .routes_files import nothing
from .service import Call

if TYPE_CHECKING:
    from starlette.types import ASGIApp


async def list_permissions(call: Call) -> ASGIApp:
    """Answer `permissions.list`."""
    call.mask("permissions")
    row = call.store.row(call.names["id"])
    found = sharing.of_file(call.store, row)
    # All who have it, but for shared drives and who asks for fewer [DISC].
    asked = call.page_size or ("100" if row["drive"] else "")
    many = min(listing.page_size(asked), 100) if asked else max(1, len(found))
    part, more = listing.part(found, many, call.param("pageToken"))
    several = "items" if call.v2 else "permissions"
    value = {"kind": "drive#permissionList", several: [_shown(call, row, one) for one in part]}
    return call.answer("permissions", value | more)


def _shown(call: Call, row: sqlite3.Row, grant: Grant) -> dict[str, Any]:
    value = sharing.resource(row, grant)
    if not call.v2:
        return value
    return v2.permission_out(value, f"{call.request.base_url}drive/v2/files/{row['id']}")


async def _sent(call: Call) -> Any:
    body = await call.json()
    return v2.permission_in(body) if call.v2 else body


async def get_permission(call: Call) -> ASGIApp:
    """Answer `permissions.get`."""
    row = call.store.row(call.names["id"])
    grant = sharing.find(call.store, row, call.names["permission"])
    return call.answer("permission", _shown(call, row, grant))


async def create_permission(call: Call) -> ASGIApp:
    """Answer `permissions.create`; the mail that it sends is left out."""
    call.mask("permission")
    body, row = await _sent(call), call.store.row(call.names["id"])
    # The older API has no such parameter here.
    transfer = call.v2 or call.flag("transferOwnership")
    grant = sharing.create(call.store, row, body, transfer=transfer)
    call.effect = True
    return call.answer("permission", _shown(call, row, grant))


async def update_permission(call: Call) -> ASGIApp:
    """Answer `permissions.update`."""
    call.mask("permission")
    body, row = await _sent(call), call.store.row(call.names["id"])
    grant = sharing.update(
        call.store,
        row,
        call.names["permission"],
        body,
        transfer=call.flag("transferOwnership"),
        no_end=call.flag("removeExpiration"),
    )
    call.effect = True
    return call.answer("permission", _shown(call, row, grant))


async def delete_permission(call: Call) -> ASGIApp:
    """Answer `permissions.delete`."""
    row = call.store.row(call.names["id"])
    sharing.delete(call.store, row, call.names["permission"])
    call.effect = True
    return nothing()


async def list_drives(call: Call) -> ASGIApp:
    """Answer `drives.list`; its pages are of 10 unless more are asked for, 100 at most."""
    kind = {"drives": "drives", "teamdrives": "teamDrives"}[call.names["kind"]]
    call.mask(kind)
    many = min(listing.page_size(call.page_size or "10"), 100)
    found = drives.of_caller(call.store, call.param("q"))
    shown, more = listing.part(found, many, call.param("pageToken"))
    return call.answer(kind, {"kind": f"drive#{kind[:-1]}List", kind: shown, **more})


async def get_drive(call: Call) -> ASGIApp:
    """Answer `drives.get`."""
    return call.answer("drive", drives.get(call.store, call.names["id"]))


async def create_drive(call: Call) -> ASGIApp:
    """Answer `drives.create`."""
    call.mask("drive")
    drive = drives.create(call.store, call.param("requestId"), await call.json())
    call.effect = True
    return call.answer("drive", drive)


async def update_drive(call: Call) -> ASGIApp:
    """Answer `drives.update`."""
    call.mask("drive")
    drive = drives.update(call.store, call.names["id"], await call.json())
    call.effect = True
    return call.answer("drive", drive)


async def hide_drive(call: Call) -> ASGIApp:
    """Answer `drives.hide`."""
    return call.answer("drive", drives.hide(call.store, call.names["id"], hidden=True))


async def unhide_drive(call: Call) -> ASGIApp:
    """Answer `drives.unhide`."""
    return call.answer("drive", drives.hide(call.store, call.names["id"], hidden=False))


async def delete_drive(call: Call) -> ASGIApp:
    """Answer `drives.delete`."""
    with_items = call.flag("allowItemDeletion")
    drives.delete(call.store, call.names["id"], with_items=with_items)
    call.effect = True
    return nothing()
