"""How does a document, or a revision of a file, leave in another form?"""

from __future__ import annotations

import secrets
import sqlite3
from typing import TYPE_CHECKING, Any

from . import documents, listing, media, revisions, v2
from .errors import DriveError, bad_request, forbidden, required
from .routes_files import nothing
from .service import Call, json_answer
from .values import has_bytes, is_google_type

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# Google keeps them for a day.
_MOST_OPERATIONS = 1000


def _source(call: Call, blob: str | None) -> bytes:
    if blob is None:
        return b""
    with open(call.store.blobs.open(blob), "rb") as file:
        return file.read()


def _exported(call: Call, row: sqlite3.Row, wanted: str) -> bytes:
    media.check_download(call, row)
    if not is_google_type(row["mime"]):
        raise forbidden("fileNotExportable", "Export only supports Docs Editors files.")
    if not wanted:
        raise required("mimeType")
    data = documents.export(row["mime"], wanted, _source(call, row["blob"]), row["name"])
    if len(data) > call.store.limits.export:
        message = "This file is too large to be exported."
        raise forbidden("exportSizeLimitExceeded", message)
    return data


async def export(call: Call) -> ASGIApp:
    """Answer `files.export`: the whole of it, since it has no ranges."""
    return _export(call, call.store.row(call.names["id"]), call.param("mimeType"))


async def export_link(call: Call) -> ASGIApp:
    """Answer one of a document's `exportLinks`, which are at `docs.google.com`."""
    row, suffix = call.store.row(call.param("id")), call.param("exportFormat")
    formats = documents.EXPORTS.get(documents.short(row["mime"]), {})
    return _export(call, row, next((mime for mime in formats if formats[mime] == suffix), ""))


def _export(call: Call, row: sqlite3.Row, wanted: str) -> ASGIApp:
    from starlette.responses import Response

    data = _exported(call, row, wanted)
    headers = {name: value for name, value in media.HARMLESS.items() if name != "Accept-Ranges"}
    return Response(data, 200, headers | {"Content-Type": wanted})


async def download(call: Call) -> ASGIApp:
    """Answer `files.download` with an operation that is over already."""
    row, wanted = call.store.row(call.names["id"]), call.param("mimeType")
    revision = call.param("revisionId")
    path = f"drive/v3/files/{row['id']}"
    if has_bytes(row["mime"]):
        media.check_download(call, row)
        if wanted and wanted != row["mime"]:
            raise bad_request("The requested conversion is not supported.")
        if revision:
            path += f"/revisions/{revisions.find(call.store, row, revision)['id']}"
        path += "?alt=media"
    elif is_google_type(row["mime"]):
        default = next(iter(documents.EXPORTS.get(documents.short(row["mime"]), {})), "")
        wanted = wanted or default
        _exported(call, row, wanted)
        path += f"/export?mimeType={wanted}"
    else:
        raise media.not_downloadable()
    return json_answer(_operation(call, path))


def _operation(call: Call, path: str) -> dict[str, Any]:
    name, kind = secrets.token_urlsafe(24), "type.googleapis.com/google.apps.drive.v3."
    response = {
        "@type": f"{kind}DownloadFileResponse",
        # Under the name that the client knows, which may have come through a proxy.
        "downloadUri": f"{call.request.base_url}{path}",
        "partialDownloadAllowed": "/export?" not in path,
    }
    metadata = {"@type": f"{kind}DownloadFileMetadata"}
    operation = {"name": name, "metadata": metadata, "done": True, "response": response}
    known = call.service.operations
    known[name] = (call.caller, operation)
    while len(known) > _MOST_OPERATIONS:
        del known[next(iter(known))]
    return operation


async def get_operation(call: Call) -> ASGIApp:
    """Answer `operations.get`, to the one who began it."""
    name = call.names["name"]
    caller, operation = call.service.operations.get(name, (None, None))
    if operation is None or caller != call.caller:
        raise DriveError(404, "notFound", f"Operation not found: {name}.")
    return json_answer(operation)


async def list_revisions(call: Call) -> ASGIApp:
    """Answer `revisions.list`."""
    call.mask("revisions")
    row = call.store.row(call.names["id"])
    found = [_shown(call, one) for one in revisions.of_file(call.store, row)]
    several = "items" if call.v2 else "revisions"
    many = listing.page_size(call.page_size or "200")
    shown, more = listing.part(found, many, call.param("pageToken"))
    return call.answer("revisions", {"kind": "drive#revisionList", several: shown, **more})


def _shown(call: Call, revision: sqlite3.Row) -> dict[str, Any]:
    value = revisions.resource(call.store, revision)
    if not call.v2:
        return value
    return v2.revision_out(value, f"{call.request.base_url}drive/v2/files/{revision['file_id']}")


async def get_revision(call: Call) -> ASGIApp:
    """Answer `revisions.get`, metadata or bytes."""
    row = call.store.row(call.names["id"])
    revision = revisions.find(call.store, row, call.names["revision"])
    if call.param("alt") == "media":
        return media.send(call, row, revision)
    return call.answer("revision", _shown(call, revision))


async def update_revision(call: Call) -> ASGIApp:
    """Answer `revisions.update`: keep a content forever, or no more."""
    call.mask("revision")
    body, row = await call.json(), call.store.row(call.names["id"])
    call.store.need(row, "writer")
    revision = revisions.find(call.store, row, call.names["revision"])
    revision = revisions.keep(call.store, row, revision, body if isinstance(body, dict) else {})
    call.effect = True
    return call.answer("revision", revisions.resource(call.store, revision))


async def delete_revision(call: Call) -> ASGIApp:
    """Answer `revisions.delete`."""
    row = call.store.row(call.names["id"])
    call.store.need(row, "writer")
    revisions.delete(call.store, row, revisions.find(call.store, row, call.names["revision"]))
    call.effect = True
    return nothing()
