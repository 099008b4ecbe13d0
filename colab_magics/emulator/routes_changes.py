"""What do the methods of `changes`, `channels` and `about` answer?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import documents, listing
from .accounts import user
from .changes import Wanted
from .errors import DriveError, invalid, required
from .routes_files import drive_of, includes_drives, spaces_of
from .service import Call

if TYPE_CHECKING:
    from starlette.types import ASGIApp


async def start_page_token(call: Call) -> ASGIApp:
    """Answer `changes.getStartPageToken`; a shared drive counts as the user's log does."""
    call.mask("startPageToken")
    drive_of(call)
    token = call.store.changes.start_token()
    value = {"kind": "drive#startPageToken", "startPageToken": token}
    return call.answer("startPageToken", value)


async def list_changes(call: Call) -> ASGIApp:
    """Answer `changes.list`."""
    call.mask("changes")
    return call.answer("changes", changes_page(call, call.param("pageToken")))


def changes_page(call: Call, token: str) -> dict[str, Any]:
    """Return a page of the changes that the parameters ask for."""
    if not token:
        raise required("pageToken")
    spaces, drive = spaces_of(call), drive_of(call)
    wanted = Wanted(
        removed=call.flag("includeRemoved", True) and call.flag("includeDeleted", True),
        drive=drive or None,
        all_drives=bool(drive) or includes_drives(call),
        my_drive_only=call.flag("restrictToMyDrive"),
        spaces=spaces,
    )
    page = call.store.changes.page(call.store, token, listing.page_size(call.page_size), wanted)
    if call.empty_page:
        return {"kind": page["kind"], "changes": [], "nextPageToken": token}
    return page


async def watch_changes(call: Call) -> ASGIApp:
    """Answer `changes.watch`."""
    if not call.v2 and not call.param("pageToken"):
        raise required("pageToken")
    raise _unreachable(await call.json())


async def watch_file(call: Call) -> ASGIApp:
    """Answer `files.watch`."""
    call.store.row(call.names["id"])
    raise _unreachable(await call.json())


def _unreachable(body: object) -> DriveError:
    """Return why no channel is opened: no address on the internet is reached from here.

    These are the words with which Drive refuses an address whose owner it does not know; sources
    differ about the status.
    """
    sent = body if isinstance(body, dict) else {}
    if not sent.get("id") or sent.get("type") not in ("web_hook", "webhook"):
        return invalid("resource.type" if sent.get("id") else "resource.id")
    address = str(sent.get("address", ""))
    if not address.startswith("https://"):
        said = f"WebHook callback must be HTTPS: {address}"
        return DriveError(400, "push.webhookUrlNotHttps", said)
    said = f"Unauthorized WebHook callback channel: {address}"
    return DriveError(401, "push.webhookUrlUnauthorized", said)


async def stop_channel(call: Call) -> ASGIApp:
    """Answer `channels.stop`; nothing is ever pushed from here, so no channel is known."""
    body = await call.json()
    name = body.get("id") if isinstance(body, dict) else None
    message = f"Channel '{name}' not found for project '{call.caller.client or 'emulator'}'"
    raise DriveError(404, "notFound", message)


async def about(call: Call) -> ASGIApp:
    """Answer `about.get`, which has no usual fields."""
    if not call.param("fields").strip():
        message = "The 'fields' parameter is required for this method."
        raise DriveError(400, "required", message, location="fields")
    store, me = call.store, call.caller.email
    used = str(store.used(me))
    quota = {"usage": used, "usageInDrive": used, "usageInDriveTrash": str(store.in_trash(me))}
    if store.limits.storage is not None:
        quota = {"limit": str(store.limits.storage), **quota}
    value: dict[str, Any] = {
        "kind": "drive#about",
        "user": user(me, call.caller),
        "storageQuota": quota,
        "importFormats": documents.import_formats(),
        "exportFormats": documents.export_formats(),
        "maxImportSizes": dict.fromkeys(documents.export_formats(), "10485760"),
        "maxUploadSize": "5497558138880",
        "appInstalled": False,
        "folderColorPalette": ["#ac725e", "#d06b64", "#f83a22", "#fa573c"],
        "driveThemes": [],
        "teamDriveThemes": [],
        "canCreateDrives": True,
        "canCreateTeamDrives": True,
    }
    return call.answer("about", value)
