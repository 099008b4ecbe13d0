"""What do the methods of `permissions` and `drives` answer?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import drives, sharing
from .errors import bad_request
from .routes_files import nothing
from .service import Call

if TYPE_CHECKING:
    from starlette.types import ASGIApp


async def list_permissions(call: Call) -> ASGIApp:
    """Answer `permissions.list`."""
    call.mask("permissions")
    row = call.store.row(call.names["id"])
    found = [sharing.resource(row, one) for one in sharing.of_file(call.store, row)]
    return call.answer("permissions", {"kind": "drive#permissionList", "permissions": found})


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
    size, skip = call.param("pageSize", "10"), call.param("pageToken", "0")
    if not (size.isascii() and size.isdigit() and skip.isascii() and skip.isdigit()):
        raise bad_request()
    first, many = int(skip), max(1, min(int(size), 100))
    found = drives.of_caller(call.store, call.param("q"))
    name = "drive#teamDriveList" if kind == "teamDrives" else "drive#driveList"
    value: dict[str, object] = {"kind": name, kind: found[first : first + many]}
    if len(found) > first + many:
        value["nextPageToken"] = str(first + many)
    return call.answer(kind, value)


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
