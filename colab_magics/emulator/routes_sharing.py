"""What do the methods of `permissions` and `drives` answer?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from . import drives, listing, sharing
from .access import Grant
from .routes_files import nothing
from .service import Call

if TYPE_CHECKING:
    from starlette.types import ASGIApp


async def list_permissions(call: Call) -> ASGIApp:
    """Answer `permissions.list`."""
    call.mask("permissions")
    row = call.store.row(call.names["id"])
    grants, more = page_of_grants(call, row, "pageSize")
    found = [sharing.resource(row, one) for one in grants]
    value = {"kind": "drive#permissionList", "permissions": found}
    return call.answer("permissions", value | more)


def page_of_grants(call: Call, row: sqlite3.Row, size: str) -> tuple[list[Grant], dict[str, str]]:
    """Return those who have a file: all, but for shared drives and who asks for fewer [DISC]."""
    found = sharing.of_file(call.store, row)
    asked = call.param(size) or ("100" if row["drive"] else "")
    many = min(listing.page_size(asked), 100) if asked else max(1, len(found))
    return listing.part(found, many, call.param("pageToken"))


async def get_permission(call: Call) -> ASGIApp:
    """Answer `permissions.get`."""
    row = call.store.row(call.names["id"])
    grant = sharing.find(call.store, row, call.names["permission"])
    return call.answer("permission", sharing.resource(row, grant))


async def create_permission(call: Call) -> ASGIApp:
    """Answer `permissions.create`; the mail that it sends is left out."""
    call.mask("permission")
    body, row = await call.json(), call.store.row(call.names["id"])
    grant = sharing.create(call.store, row, body, transfer=call.flag("transferOwnership"))
    call.effect = True
    return call.answer("permission", sharing.resource(row, grant))


async def update_permission(call: Call) -> ASGIApp:
    """Answer `permissions.update`."""
    call.mask("permission")
    body, row = await call.json(), call.store.row(call.names["id"])
    grant = sharing.update(
        call.store,
        row,
        call.names["permission"],
        body,
        transfer=call.flag("transferOwnership"),
        no_end=call.flag("removeExpiration"),
    )
    call.effect = True
    return call.answer("permission", sharing.resource(row, grant))


async def delete_permission(call: Call) -> ASGIApp:
    """Answer `permissions.delete`."""
    row = call.store.row(call.names["id"])
    sharing.delete(call.store, row, call.names["permission"])
    call.effect = True
    return nothing()


async def list_drives(call: Call) -> ASGIApp:
    """Answer `drives.list`; its pages are of 10 unless more are asked for, 100 at most."""
    kind = "teamDrives" if "/teamdrives" in call.request.url.path else "drives"
    call.mask(kind)
    many = min(listing.page_size(call.param("pageSize", "10")), 100)
    found = drives.of_caller(call.store, call.param("q"))
    shown, more = listing.part(found, many, call.param("pageToken"))
    name = "drive#teamDriveList" if kind == "teamDrives" else "drive#driveList"
    return call.answer(kind, {"kind": name, kind: shown, **more})


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
