"""How are the bytes of a file sent, or a range of them?"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from typing import TYPE_CHECKING

from .access import allows, withheld
from .errors import DriveError, forbidden, staged
from .service import Call
from .values import has_bytes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# Types come from users; only what may stand in a header goes there.
_HEADER_VALUE = re.compile(r"[\x21-\x7e][\x20-\x7e]*")
# Nobody's file may act as a page of this server: not as a document, not as a script.
HARMLESS = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=0, must-revalidate",
    "Accept-Ranges": "bytes",
}


async def download(call: Call) -> ASGIApp:
    """Answer `alt=media`, whole or in part."""
    row = call.store.row(call.names["id"])
    return send(call, row, row)


def not_downloadable() -> DriveError:
    """Return the 403 for a file without bytes of its own."""
    error = forbidden(
        "fileNotDownloadable",
        "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
    )
    error.location = "alt"
    return error


def check_download(call: Call, row: sqlite3.Row) -> None:
    """Raise the 403 for a file whose bytes this caller can not have, or not now."""
    role = call.store.role(row)
    if withheld(row, role):
        raise forbidden("cannotDownloadFile", "This file cannot be downloaded by the user.")
    flags = json.loads(row["flags"])
    if flags.get("downloadQuotaExceeded"):
        raise staged(403, "downloadQuotaExceeded")
    sure = allows(role, "organizer") and call.flag("acknowledgeAbuse")
    if flags.get("abusive") and not sure:
        raise staged(403, "cannotDownloadAbusiveFile")


def send(call: Call, row: sqlite3.Row, content: sqlite3.Row) -> ASGIApp:
    """Return the bytes of a file, or of a revision of it, as the answer.

    Args:
        call: The request.
        row: The file.
        content: The row, of the file or of a revision, that has the blob.
    """
    if not has_bytes(row["mime"]) or content["blob"] is None:
        raise not_downloadable()
    check_download(call, row)
    size, mime = int(content["size"]), content["mime"]
    mime = mime if _HEADER_VALUE.fullmatch(mime) else "application/octet-stream"
    headers = {**HARMLESS, "Content-Type": mime}
    wanted = _range(call, size)
    blob = call.store.blobs.open(content["blob"])
    if wanted is None:
        return FileAnswer(blob, 0, size, 200, headers)
    first, last = wanted
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return FileAnswer(blob, first, last + 1, 206, headers)


def _range(call: Call, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte asked for, or None for all; raise 416 past the end."""
    header = call.request.headers.get("range")
    # Drive sends no validator, so a condition on one never holds.
    if header is None or "if-range" in call.request.headers or call.ignore_range:
        return None
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if not found or not (found[1] or found[2]):
        return None
    if found[1]:
        first, last = int(found[1]), int(found[2]) if found[2] else size - 1
        if found[2] and last < first:
            return None
    else:
        first, last = max(0, size - int(found[2])), size - 1
        first = size if found[2].strip("0") == "" else first
    if first >= size:
        raise DriveError(
            416,
            "requestedRangeNotSatisfiable",
            "Request range not satisfiable",
            location="Range",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, min(last, size - 1)


class FileAnswer:
    """Sends bytes of an open file in pieces and closes it, whatever happens."""

    def __init__(
        self, descriptor: int, begin: int, end: int, status: int, headers: dict[str, str]
    ) -> None:
        self._descriptor = descriptor
        self._begin = begin
        self._end = end
        self._status = status
        self._headers = headers | {"Content-Length": str(end - begin)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        raw = [(name.lower().encode(), value.encode()) for name, value in self._headers.items()]
        transport = scope.get("state", {}).get("transport")
        try:
            await send({"type": "http.response.start", "status": self._status, "headers": raw})
            at = self._begin
            while at < self._end and not (transport and transport.is_closing()):
                piece = os.pread(self._descriptor, min(_PIECE, self._end - at), at)
                if not piece:
                    break
                at += len(piece)
                more = {"more_body": at < self._end}
                await send({"type": "http.response.body", "body": piece, **more})
            if self._begin == self._end:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            os.close(self._descriptor)
