"""What do the methods of `files` answer?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import app_data, changing, creating, drives, listing, media, uploads
from . import ids as drawn
from .errors import DriveError, bad_request, invalid
from .resource import resource
from .service import Call

if TYPE_CHECKING:
    from starlette.types import ASGIApp

SPACES = {"drive", "appDataFolder", "photos"}


def nothing() -> ASGIApp:
    """Return the answer that has no content."""
    from starlette.responses import Response

    return Response(b"", 204)


def spaces_of(call: Call) -> frozenset[str]:
    """Return the spaces that were asked for; raise 400 for one that is none."""
    spaces = {one.strip() for one in call.param("spaces", "drive").split(",")} - {""}
    if not spaces <= SPACES:
        raise invalid("spaces")
    if app_data.ALIAS in spaces:
        app_data.check_scope(call.store)
    return frozenset(spaces)


def drive_of(call: Call) -> str:
    """Return the shared drive that was asked for, or an empty string; raise 404 if it is none."""
    drive = call.param("driveId") or call.param("teamDriveId")
    if drive:
        drives.get(call.store, drive)
    return drive


def includes_drives(call: Call) -> bool:
    """Say whether files of shared drives are wanted."""
    included = call.flag("includeItemsFromAllDrives") or call.flag("includeTeamDriveItems")
    if included and not call.store.all_drives:
        raise forbidden_drives()
    return included


def forbidden_drives() -> DriveError:
    """Return the 403 for a question about shared drives by a client that knows of none."""
    return DriveError(
        403,
        "teamDrivesNotSupported",
        "The supportsAllDrives parameter must be true to include items from shared drives.",
    )


async def list_files(call: Call) -> ASGIApp:
    """Answer `files.list`."""
    call.mask("files")
    return call.answer("files", files_page(call, call.param("q")))


def files_page(call: Call, q: str) -> dict[str, Any]:
    """Return a page of the files that a search and the other parameters ask for."""
    spaces = spaces_of(call)
    corpora = call.param("corpora") or call.param("corpus") or "user"
    if call.v2 and corpora == "default":
        corpora = "user"
    if corpora not in ("user", "domain", "drive", "teamDrive", "allDrives", "allTeamDrives"):
        raise invalid("corpora")
    included, drive = includes_drives(call), ""
    if corpora in ("drive", "teamDrive") or call.param("driveId") or call.param("teamDriveId"):
        drive = drive_of(call)
        if not drive:
            raise bad_request("The driveId parameter must be specified if corpora is drive.")
        if corpora not in ("drive", "teamDrive"):
            raise bad_request("The driveId parameter needs corpora=drive.")
        if not included:
            said = "The includeItemsFromAllDrives parameter must be set to true with corpora=drive."
            raise bad_request(said)
    if corpora in ("allDrives", "allTeamDrives") and not included:
        said = "The includeItemsFromAllDrives parameter must be set to true with corpora=allDrives."
        raise bad_request(said)
    if call.param("includeLabels") == "*":
        raise invalid("includeLabels")
    return listing.page(
        call.store,
        q=q,
        order=call.param("orderBy"),
        size=listing.page_size(call.page_size),
        token=call.param("pageToken"),
        corpus=listing.Corpus(drive or None, included, spaces),
        fresh=call.direct,
        v2=call.v2,
    )


async def get_file(call: Call) -> ASGIApp:
    """Answer `files.get`, metadata or bytes."""
    if call.param("alt") == "media":
        return await media.download(call)
    call.mask("file")
    return call.file(call.store.row(call.names["id"]))


def file_of(call: Call, file_id: str) -> dict[str, Any]:
    """Return a whole File of v3."""
    return resource(call.store, call.store.row(file_id))


async def create_file(call: Call) -> ASGIApp:
    """Answer `files.create` without bytes."""
    call.mask("file")
    body = call.checked(await call.json(), creating=True)
    row = creating.create(call.store, body, uploads.type_of(body, None), None)
    call.effect = True
    return call.file(row)


async def update_file(call: Call) -> ASGIApp:
    """Answer `files.update` without bytes."""
    call.mask("file")
    body = call.checked(await call.json(), creating=False)
    before = call.store.row(call.names["id"])["version"]
    add, remove = call.param("addParents"), call.param("removeParents")
    row = changing.update(call.store, call.names["id"], body, add=add, remove=remove)
    call.effect = row["version"] != before
    return call.file(row)


async def copy_file(call: Call) -> ASGIApp:
    """Answer `files.copy`."""
    call.mask("file")
    body = call.checked(await call.json(), creating=True)
    row = creating.copy(call.store, call.names["id"], body)
    call.effect = True
    return call.file(row)


async def delete_file(call: Call) -> ASGIApp:
    """Answer `files.delete`: past the trash, for good."""
    call.store.delete(call.names["id"])
    call.effect = True
    return nothing()


async def empty_trash(call: Call) -> ASGIApp:
    """Answer `files.emptyTrash`."""
    drive = call.param("driveId")
    if drive:
        drives.get(call.store, drive)
        call.store.need(call.service.store.raw(drive), "organizer")
    call.store.empty_trash(drive or None)
    call.effect = True
    return nothing()


async def generate_ids(call: Call) -> ASGIApp:
    """Answer `files.generateIds`."""
    call.mask("ids")
    count = call.param("count") or call.param("maxResults", "10")
    space, kind = call.param("space", "drive"), call.param("type", "files")
    if not re.fullmatch(r"\d{1,4}", count) or not 1 <= int(count) <= 1000:
        message = f"Invalid value '{count}'. Values must be within the range: [1, 1000]"
        raise DriveError(400, "invalidParameter", message, location="count")
    if space not in ("drive", "appDataFolder"):
        raise invalid("space")
    if kind not in ("files", "shortcuts"):
        raise invalid("type")
    ids = drawn.issue(call.store.database, int(count), kind, call.caller.email)
    return call.answer("ids", {"kind": "drive#generatedIds", "space": space, "ids": ids})
