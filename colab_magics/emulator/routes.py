"""Which request means what: the methods of Drive and their addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import batch as batches
from . import oauth, routes_v2, uploads
from . import routes_changes as changes
from . import routes_documents as documents
from . import routes_files as files
from . import routes_sharing as sharing
from .errors import DriveError
from .meter import DOWNLOAD, EDIT, LIST, READ
from .service import Call, Handler

if TYPE_CHECKING:
    from starlette.types import ASGIApp


async def unknown(call: Call) -> ASGIApp:
    """Answer an address that is none."""
    raise DriveError(404, "notFound", "Not Found")


@dataclass(frozen=True)
class Route:
    """A method and a path, and what answers them for how many units.

    Attributes:
        method: The HTTP method.
        path: The path.
        handler: What answers.
        units: What it costs.
        need: The kind of request, in the words of `scopes`; empty for what needs no scope.
    """

    method: str
    path: re.Pattern[str]
    handler: Handler
    units: int
    need: str


@dataclass(frozen=True)
class Found:
    """What answers one request.

    Attributes:
        handler: What answers.
        names: What the groups of the route's path matched.
        units: What it costs.
        need: The kind of request, in the words of `scopes`.
    """

    handler: Handler
    names: dict[str, str] = field(default_factory=dict)
    units: int = 0
    need: str = ""


_ID = "/(?P<id>[^/]+)"
_OTHER = "/(?P<other>[^/]+)"
_PERMISSION = f"/files{_ID}/permissions/(?P<permission>[^/]+)"
_REVISION = f"{_ID}/revisions/(?P<revision>[^/]+)"
_DRIVES = "/(?P<kind>drives|teamdrives)"
_UPLOADED = f"(?:/resumable)?/upload/drive/v[23]/files(?:{_ID})?"


def _table(prefix: str, rows: list[tuple[str, str, Handler, int, str]]) -> list[Route]:
    return [
        Route(method, re.compile(prefix + path), answer, units, need)
        for method, path, answer, units, need in rows
    ]


_AUTH = _table(
    "",
    [
        ("GET", "/o/oauth2/v2/auth", oauth.ask, 0, ""),
        ("POST", "/o/oauth2/v2/auth", oauth.decide, 0, ""),
        ("POST", "/token", oauth.token, 0, ""),
        ("POST", "/revoke", oauth.revoke, 0, ""),
        # Each call inside a batch is metered and let in by itself.
        ("POST", "/batch(?:/drive/v[23])?", batches.batch, 0, ""),
        (
            "GET",
            "/feeds/download/documents/export/Export",
            documents.export_link,
            DOWNLOAD,
            "export",
        ),
    ],
)
# In order: the names `generateIds` and `trash` come before they could be taken for an id.
_FILES = _table(
    "/drive/v[23]/files",
    [
        ("GET", "/generateIds", files.generate_ids, READ, "write"),
        ("DELETE", "/trash", files.empty_trash, EDIT, "empty trash"),
        ("DELETE", _ID, files.delete_file, EDIT, "write"),
        ("POST", f"{_ID}/copy", files.copy_file, EDIT, "copy"),
        ("GET", f"{_ID}/export", documents.export, DOWNLOAD, "export"),
        ("POST", f"{_ID}/watch", changes.watch_file, READ, "see"),
        ("GET", f"{_ID}/revisions", documents.list_revisions, LIST, "see"),
        ("GET", _REVISION, documents.get_revision, READ, "see"),
    ],
)
_V3 = _table(
    "/drive/v3",
    [
        ("GET", "/files", files.list_files, LIST, "see"),
        ("POST", "/files", files.create_file, EDIT, "write"),
        ("GET", f"/files{_ID}", files.get_file, READ, "see"),
        ("PATCH", f"/files{_ID}", files.update_file, EDIT, "update"),
        ("POST", f"/files{_ID}/download", documents.download, DOWNLOAD, "download"),
        ("GET", "/operations/(?P<name>[^/]+)", documents.get_operation, READ, "export"),
        ("GET", f"/files{_ID}/permissions", sharing.list_permissions, LIST, "see sharing"),
        ("POST", f"/files{_ID}/permissions", sharing.create_permission, EDIT, "share"),
        ("GET", _PERMISSION, sharing.get_permission, READ, "see sharing"),
        ("PATCH", _PERMISSION, sharing.update_permission, EDIT, "share"),
        ("DELETE", _PERMISSION, sharing.delete_permission, EDIT, "share"),
        ("PATCH", f"/files{_REVISION}", documents.update_revision, EDIT, "write"),
        ("DELETE", f"/files{_REVISION}", documents.delete_revision, EDIT, "write"),
        ("GET", "/changes/startPageToken", changes.start_page_token, READ, "see"),
        ("GET", "/changes", changes.list_changes, LIST, "see"),
        ("POST", "/changes/watch", changes.watch_changes, READ, "see"),
        ("POST", "/channels/stop", changes.stop_channel, READ, "see"),
        ("GET", "/about", changes.about, READ, "see account"),
        ("GET", _DRIVES, sharing.list_drives, LIST, "see drives"),
        ("POST", _DRIVES, sharing.create_drive, EDIT, "change drives"),
        ("GET", f"{_DRIVES}{_ID}", sharing.get_drive, READ, "see drives"),
        ("PATCH", f"{_DRIVES}{_ID}", sharing.update_drive, EDIT, "change drives"),
        ("DELETE", f"{_DRIVES}{_ID}", sharing.delete_drive, EDIT, "change drives"),
        ("POST", f"/drives{_ID}/hide", sharing.hide_drive, EDIT, "change drives"),
        ("POST", f"/drives{_ID}/unhide", sharing.unhide_drive, EDIT, "change drives"),
    ],
)
_V2 = _table(
    "/drive/v2",
    [
        ("GET", "/files", routes_v2.list_files, LIST, "see"),
        ("POST", "/files", routes_v2.insert_file, EDIT, "write"),
        ("GET", f"/files{_ID}", routes_v2.get_file, READ, "see"),
        ("PATCH", f"/files{_ID}", routes_v2.update_file, EDIT, "update"),
        ("PUT", f"/files{_ID}", routes_v2.update_file, EDIT, "update"),
        ("POST", f"/files{_ID}/trash", routes_v2.trash, EDIT, "write"),
        ("POST", f"/files{_ID}/untrash", routes_v2.untrash, EDIT, "write"),
        ("POST", f"/files{_ID}/touch", routes_v2.touch, EDIT, "update"),
        ("GET", f"/files{_ID}/parents", routes_v2.list_parents, LIST, "see"),
        ("POST", f"/files{_ID}/parents", routes_v2.insert_parent, EDIT, "write"),
        ("GET", f"/files{_ID}/parents{_OTHER}", routes_v2.get_parent, READ, "see"),
        ("GET", f"/files{_ID}/children", routes_v2.list_children, LIST, "see"),
        ("POST", f"/files{_ID}/children", routes_v2.insert_child, EDIT, "write"),
        ("GET", f"/files{_ID}/children{_OTHER}", routes_v2.get_child, READ, "see"),
        ("GET", f"/files{_ID}/permissions", sharing.list_permissions, LIST, "see sharing"),
        ("POST", f"/files{_ID}/permissions", sharing.create_permission, EDIT, "share"),
        ("GET", _PERMISSION, sharing.get_permission, READ, "see sharing"),
        ("PATCH", _PERMISSION, sharing.update_permission, EDIT, "share"),
        ("PUT", _PERMISSION, sharing.update_permission, EDIT, "share"),
        ("DELETE", _PERMISSION, sharing.delete_permission, EDIT, "share"),
        ("GET", f"/permissionIds{_ID}", routes_v2.permission_of, READ, "see sharing"),
        ("GET", "/changes/startPageToken", changes.start_page_token, READ, "see"),
        ("GET", "/changes", routes_v2.list_changes, LIST, "see"),
        ("POST", "/changes/watch", changes.watch_changes, READ, "see"),
        ("POST", "/channels/stop", changes.stop_channel, READ, "see"),
        ("GET", "/about", routes_v2.about, READ, "see account"),
    ],
)
_UPLOADS = _table(
    "(?:/resumable)?/upload/drive",
    [
        ("POST", "/v3/files", uploads.upload, EDIT, "write"),
        ("PATCH", f"/v3/files{_ID}", uploads.upload, EDIT, "write"),
        ("POST", "/v2/files", routes_v2.upload, EDIT, "write"),
        ("PUT", f"/v2/files{_ID}", routes_v2.upload, EDIT, "write"),
    ],
)
ROUTES = [*_FILES, *_V3, *_UPLOADS, *_V2, *_AUTH]


def find(method: str, path: str, query: str) -> Found:
    """Return what answers a request."""
    if re.fullmatch(_UPLOADED, path) and re.search(r"(?:^|&)upload_id=", query):
        # Each request to a session counts as an edit; how Google counts them is not known.
        if method in ("PUT", "POST", "PATCH"):
            return Found(uploads.send_chunk, units=EDIT)
        if method == "DELETE":
            return Found(uploads.cancel, units=EDIT)
    for route in ROUTES:
        if route.method == method and (found := route.path.fullmatch(path)):
            media = method == "GET" and re.search(r"(?:^|&)alt=media(?:&|$)", query)
            units, need = (DOWNLOAD, "read") if media else (route.units, route.need)
            return Found(route.handler, found.groupdict(), units, need)
    return Found(unknown)
