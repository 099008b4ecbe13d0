"""Which request means what: the methods of Drive v3 and their addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from . import ids as drawn
from . import listing, media, uploads
from .errors import DriveError, bad_request, invalid
from .meter import DOWNLOAD, EDIT, LIST, READ
from .resource import USER, check_body, resource
from .service import Call, Handler, json_answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_SPACES = {"drive", "appDataFolder", "photos"}


async def list_files(call: Call) -> ASGIApp:
    """Answer `files.list`."""
    call.mask("files")
    spaces = {one.strip() for one in call.param("spaces", "drive").split(",")} - {""}
    if not spaces <= _SPACES:
        raise invalid("spaces")
    corpora = call.param("corpora", "user")
    if corpora not in ("user", "domain", "drive", "allDrives", ""):
        raise invalid("corpora")
    if corpora == "drive" or call.param("driveId"):
        # There are no shared drives here yet.
        if not call.param("driveId"):
            raise bad_request("The driveId parameter must be specified if corpora is drive.")
        message = f"Shared drive not found: {call.param('driveId')}"
        raise DriveError(404, "notFound", message, location="driveId")
    if call.param("includeLabels") == "*":
        raise invalid("includeLabels")
    page = listing.page(
        call.store,
        q=call.param("q"),
        order=call.param("orderBy"),
        size=listing.page_size(call.param("pageSize")),
        token=call.param("pageToken"),
        fresh=call.direct,
    )
    if "drive" not in spaces:
        page = {"kind": page["kind"], "incompleteSearch": False, "files": []}
    return call.answer("files", page)


async def get_file(call: Call) -> ASGIApp:
    """Answer `files.get`, metadata or bytes."""
    if call.param("alt") == "media":
        return await media.download(call)
    call.mask("file")
    return call.answer("file", resource(call.store.row(call.names["id"])))


async def create_file(call: Call) -> ASGIApp:
    """Answer `files.create` without bytes."""
    call.mask("file")
    body = check_body(await call.json(), creating=True)
    row = call.store.create(body, uploads.type_of(body, None), None)
    call.effect = True
    return call.answer("file", resource(row))


async def update_file(call: Call) -> ASGIApp:
    """Answer `files.update` without bytes."""
    call.mask("file")
    body = check_body(await call.json(), creating=False)
    before = call.store.row(call.names["id"])["version"]
    row = call.store.update(
        call.names["id"], body, add=call.param("addParents"), remove=call.param("removeParents")
    )
    call.effect = row["version"] != before
    return call.answer("file", resource(row))


async def copy_file(call: Call) -> ASGIApp:
    """Answer `files.copy`."""
    call.mask("file")
    body = check_body(await call.json(), creating=True)
    row = call.store.copy(call.names["id"], body)
    call.effect = True
    return call.answer("file", resource(row))


async def delete_file(call: Call) -> ASGIApp:
    """Answer `files.delete`: past the trash, for good."""
    call.store.delete(call.names["id"])
    call.effect = True
    return _nothing()


async def empty_trash(call: Call) -> ASGIApp:
    """Answer `files.emptyTrash`."""
    call.store.empty_trash()
    call.effect = True
    return _nothing()


async def generate_ids(call: Call) -> ASGIApp:
    """Answer `files.generateIds`."""
    call.mask("ids")
    count, space = call.param("count", "10"), call.param("space", "drive")
    kind = call.param("type", "files")
    if not re.fullmatch(r"\d{1,4}", count) or not 1 <= int(count) <= 1000:
        message = f"Invalid value '{count}'. Values must be within the range: [1, 1000]"
        raise DriveError(400, "invalidParameter", message, location="count")
    if space not in ("drive", "appDataFolder"):
        raise invalid("space")
    if kind not in ("files", "shortcuts"):
        raise invalid("type")
    ids = drawn.issue(call.store.database, int(count), kind)
    return call.answer("ids", {"kind": "drive#generatedIds", "space": space, "ids": ids})


async def start_page_token(call: Call) -> ASGIApp:
    """Answer `changes.getStartPageToken`."""
    call.mask("startPageToken")
    token = call.store.changes.start_token()
    value = {"kind": "drive#startPageToken", "startPageToken": token}
    return call.answer("startPageToken", value)


async def list_changes(call: Call) -> ASGIApp:
    """Answer `changes.list`."""
    call.mask("changes")
    token = call.param("pageToken")
    if not token:
        message = "Required parameter: pageToken"
        raise DriveError(400, "required", message, location="pageToken")
    size = listing.page_size(call.param("pageSize"))
    removed = call.param("includeRemoved", "true") != "false"
    page = call.store.changes.page(token, size, removed=removed)
    if call.empty_page:
        page = {"kind": page["kind"], "changes": [], "nextPageToken": token}
    spaces = call.param("spaces", "drive").split(",")
    if not set(spaces) <= _SPACES:
        raise invalid("spaces")
    if "drive" not in spaces:
        page["changes"] = []
    return call.answer("changes", page)


async def about(call: Call) -> ASGIApp:
    """Answer `about.get`, which has no usual fields."""
    if not call.param("fields").strip():
        message = "The 'fields' parameter is required for this method."
        raise DriveError(400, "required", message, location="fields")
    used, trash = call.store.usage()
    quota = {"usage": str(used), "usageInDrive": str(used), "usageInDriveTrash": str(trash)}
    if call.store.storage_limit is not None:
        quota = {"limit": str(call.store.storage_limit), **quota}
    value: dict[str, Any] = {
        "kind": "drive#about",
        "user": USER,
        "storageQuota": quota,
        "importFormats": {},
        "exportFormats": {},
        "maxImportSizes": {},
        "maxUploadSize": "5497558138880",
        "appInstalled": False,
        "folderColorPalette": ["#ac725e", "#d06b64", "#f83a22", "#fa573c"],
        "driveThemes": [],
        "teamDriveThemes": [],
        "canCreateDrives": False,
        "canCreateTeamDrives": False,
    }
    return call.answer("about", value)


async def token(call: Call) -> ASGIApp:
    """Answer the OAuth token endpoint: an access token for a refresh token."""
    form = await _form(call)
    if form.get("grant_type") != "refresh_token":
        error = {"error": "unsupported_grant_type", "error_description": "Invalid grant_type."}
        return json_answer(error, 400)
    access = call.service.tokens.new_access_token(form.get("refresh_token", ""))
    if access is None:
        said = "Token has been expired or revoked."
        return json_answer({"error": "invalid_grant", "error_description": said}, 400)
    value = {
        "access_token": access,
        "expires_in": int(call.service.tokens.lifetime),
        "scope": "https://www.googleapis.com/auth/drive",
        "token_type": "Bearer",
    }
    return json_answer(value)


async def revoke(call: Call) -> ASGIApp:
    """Answer the OAuth revocation endpoint."""
    name = (await _form(call)).get("token") or call.param("token")
    if not name or not call.service.tokens.revoke(name):
        said = "Token expired or revoked"
        return json_answer({"error": "invalid_token", "error_description": said}, 400)
    return json_answer({})


async def _form(call: Call) -> dict[str, str]:
    raw = b""
    async for chunk in call.request.stream():
        raw += chunk
        if len(raw) > 64 << 10:
            raise bad_request()
    return {name: values[-1] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}


def _nothing() -> ASGIApp:
    from starlette.responses import Response

    return Response(b"", 204)


async def unknown(call: Call) -> ASGIApp:
    """Answer an address that is none."""
    raise DriveError(404, "notFound", "Not Found")


@dataclass(frozen=True)
class Route:
    """A method and a path, and what answers them for how many units."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    units: int


_FILES = "/drive/v3/files"
_UPLOAD = "(?:/resumable)?/upload/drive/v3/files"
_ID = "/(?P<id>[^/]+)"


def _table(rows: list[tuple[str, str, Handler, int]]) -> list[Route]:
    return [Route(method, re.compile(path), answer, units) for method, path, answer, units in rows]


# In order: the names `generateIds` and `trash` come before they could be taken for an id.
ROUTES = _table(
    [
        ("GET", _FILES, list_files, LIST),
        ("POST", _FILES, create_file, EDIT),
        ("GET", f"{_FILES}/generateIds", generate_ids, READ),
        ("DELETE", f"{_FILES}/trash", empty_trash, EDIT),
        ("GET", _FILES + _ID, get_file, READ),
        ("PATCH", _FILES + _ID, update_file, EDIT),
        ("DELETE", _FILES + _ID, delete_file, EDIT),
        ("POST", f"{_FILES}{_ID}/copy", copy_file, EDIT),
        ("GET", "/drive/v3/changes/startPageToken", start_page_token, READ),
        ("GET", "/drive/v3/changes", list_changes, LIST),
        ("GET", "/drive/v3/about", about, READ),
        ("POST", _UPLOAD, uploads.upload, EDIT),
        ("PATCH", _UPLOAD + _ID, uploads.upload, EDIT),
        ("POST", "/token", token, 0),
        ("POST", "/revoke", revoke, 0),
    ]
)


def find(method: str, path: str, query: str) -> tuple[Handler, dict[str, str], int]:
    """Return what answers a request, the names in its path and its units."""
    if re.fullmatch(f"{_UPLOAD}(?:{_ID})?", path) and re.search(r"(?:^|&)upload_id=", query):
        # Each request to a session counts as an edit; how Google counts them is not known.
        if method in ("PUT", "POST"):
            return uploads.send_chunk, {}, EDIT
        if method == "DELETE":
            return uploads.cancel, {}, EDIT
    for route in ROUTES:
        if route.method == method and (found := route.path.fullmatch(path)):
            units = DOWNLOAD if re.search(r"(?:^|&)alt=media(?:&|$)", query) else route.units
            return route.handler, found.groupdict(), units
    return unknown, {}, 0
