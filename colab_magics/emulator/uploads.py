"""How do the bytes of an upload become a file?"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
import sqlite3
from typing import TYPE_CHECKING, Any

from . import changing, creating
from .blobs import Draft
from .documents import native
from .errors import DriveError, bad_request, staged
from .multipart import Related, boundary_of
from .service import Call, parse_json
from .sessions import UNIT, Incoming

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# The name of no parameter.
_CONDITION = "If-Match"
# Bytes after which waiting for the disk would be felt by other requests.
_LARGE = 4 << 20
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")
# The tables of this machine's files would make the answer depend on the machine.
_TYPES = mimetypes.MimeTypes(filenames=())


def type_of(body: dict[str, Any], declared: str | None) -> str:
    """Return the type of a new file: as said in the metadata, as declared, or by its name."""
    said = body.get("mimeType")
    if isinstance(said, str) and said:
        return said
    if declared:
        return declared
    name = body.get("name")
    guess = _TYPES.guess_type(name.replace("/", "_"))[0] if isinstance(name, str) else None
    return guess or "application/octet-stream"


async def upload(call: Call) -> ASGIApp:
    """Take an upload of any kind, for a new file or as the new content of one."""
    call.mask("file")
    kind = call.param("uploadType")
    if kind == "resumable" or "/resumable/" in call.request.url.path:
        return await _begin(call)
    file_id = call.names.get("id")
    if file_id is not None:
        file_id = call.store.row(file_id)["id"]
    draft = call.store.blobs.draft()
    try:
        if kind == "media":
            body: dict[str, Any] = {}
            declared = call.request.headers.get("content-type")
            async for chunk in call.request.stream():
                draft.write(chunk)
        elif kind == "multipart":
            body, declared = await _multipart(call, draft)
        else:
            # What Drive answers to an upload without a known type is not documented.
            raise bad_request()
        body = call.checked(body, creating=file_id is None)
        body = _converted(call, body, declared)
        query = dict(call.request.query_params)
        row = await _publish(
            call, draft, file_id=file_id, body=body, declared=declared, query=query
        )
        return call.file(row)
    except BaseException:
        # Whatever happened, also a body that was cut short: nothing of it is on the Drive.
        draft.discard()
        raise


def _converted(call: Call, body: dict[str, Any], declared: str | None) -> dict[str, Any]:
    """Return the body with the type that v2's `convert` asks for; v3 says it by the type itself."""
    if not (call.v2 and call.flag("convert")):
        return body
    return body | {"mimeType": native(type_of(body, declared))}


async def _multipart(call: Call, draft: Draft) -> tuple[Any, str | None]:
    reader = Related(boundary_of(call.request.headers.get("content-type", "")), draft.write)
    async for chunk in call.request.stream():
        reader.feed(chunk)
    reader.close()
    return parse_json(reader.metadata), reader.mime


async def _publish(
    call: Call,
    draft: Draft,
    *,
    file_id: str | None,
    body: dict[str, Any],
    declared: str | None,
    query: dict[str, str],
    session: str | None = None,
) -> sqlite3.Row:
    """Make the draft visible as a file, in the same step as the session that it ends."""
    if draft.size > _LARGE:
        # The digests may have to be read again, and the disk may take its time.
        await asyncio.to_thread(draft.digests)
        await asyncio.to_thread(draft.sync)
    with call.store.database.write() as db:
        if file_id is None:
            row = creating.create(call.store, body, type_of(body, declared), draft)
        else:
            add, remove = query.get("addParents", ""), query.get("removeParents", "")
            row = changing.update(
                call.store, file_id, body, draft, mime=declared, add=add, remove=remove
            )
        if session:
            call.service.sessions.finish(db, session, row["id"])
    call.effect = True
    return row


async def _begin(call: Call) -> ASGIApp:
    from starlette.responses import Response

    body, file_id = await call.json(), call.names.get("id")
    body = call.checked(body, creating=file_id is None)
    declared = call.request.headers.get("x-upload-content-length", "")
    total = int(declared) if re.fullmatch(r"\d{1,18}", declared) else None
    mime = call.request.headers.get("x-upload-content-type")
    body = _converted(call, body, mime)
    if file_id is None:
        creating.planned(call.store, body, type_of(body, mime), total or 0)
    else:
        before = call.store.row(file_id)
        changing.check_content(call.store, before, total or 0)
        file_id = before["id"]
    # What the file must be like is kept for the end, when it is changed. [not documented]
    query = dict(call.request.query_params) | {_CONDITION: call.store.if_match}
    session = call.service.sessions.begin(file_id, body, query, mime, total, call.caller)
    base = call.request.url.replace(query=None, fragment=None)
    headers = {
        "Location": f"{base}?uploadType=resumable&upload_id={session}",
        "X-GUploader-UploadID": session,
        "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
    }
    return Response(b"", 200, headers=headers)


class _Ended(Exception):
    """Another request has ended the session meanwhile, or is about to."""


async def send_chunk(call: Call) -> ASGIApp:
    """Take bytes for a session, or the question how many it has."""
    sessions, session = call.service.sessions, call.param("upload_id")
    row = sessions.row(session)
    condition = json.loads(row["query"]).get(_CONDITION, "")
    call.act_as(sessions.caller(session), condition)
    if row["done_id"] is None:
        with sessions.incoming(session) as incoming:
            try:
                return await _take(call, row, incoming)
            except _Ended:
                async with incoming.ending:
                    row = sessions.row(session)
                if row["done_id"] is None:
                    raise staged(503, "backendError") from None
    # The answer of the last chunk was lost; it is given again.
    return _finished(call, row, call.store.row(row["done_id"]))


async def _take(call: Call, row: sqlite3.Row, incoming: Incoming) -> ASGIApp:
    draft, header = incoming.draft, call.request.headers.get("content-range")
    if header is None:
        if incoming.sealed:
            raise _Ended
        draft.cut(0)
        await _receive(call, incoming, 0, None)
        return await _close(call, row, incoming, None)
    found = _RANGE.fullmatch(header.strip())
    if not found:
        raise bad_request("Failed to parse Content-Range header.")
    first, last, total = found.groups()
    whole = None if total == "*" else int(total)
    if whole is not None and row["total"] not in (None, whole):
        # Drive's answer to sizes that contradict each other is not documented.
        raise bad_request("Content-Range contradicts X-Upload-Content-Length.")
    if first is None:
        complete = whole == draft.size
        return await _close(call, row, incoming, whole) if complete else _more(call, draft)
    begin, end = int(first), int(last) + 1
    _check_range(draft, begin, end, whole)
    await _receive(call, incoming, begin, end)
    if call.stored is not None:
        draft.cut(begin + call.stored // UNIT * UNIT)
        return _more(call, draft)
    return await _close(call, row, incoming, whole) if end == whole else _more(call, draft)


def _check_range(draft: Draft, begin: int, end: int, whole: int | None) -> None:
    """Refuse a chunk that leaves a gap or is not made of units; the answers are not documented."""
    if end <= begin or begin > draft.size or (whole is not None and end > whole):
        raise bad_request("Invalid Content-Range.")
    if end != whole and (end - begin) % UNIT:
        raise bad_request("Chunks must be multiples of 256 KiB.")


async def _receive(call: Call, incoming: Incoming, begin: int, end: int | None) -> None:
    """Append what is new of a chunk; bytes that were stored before are passed over."""
    from starlette.requests import ClientDisconnect

    draft = incoming.draft
    before, position = draft.size, begin
    try:
        async for chunk in call.request.stream():
            if incoming.sealed:
                raise _Ended
            if draft.size < position:
                # Another request for the same session took bytes away meanwhile.
                raise bad_request("Invalid Content-Range.")
            new = chunk[draft.size - position :]
            position += len(chunk)
            if end is not None and position > end:
                break
            if new:
                draft.write(new)
    except ClientDisconnect:
        # What had come stays, as far as it fills units; the sender asks and goes on from there.
        if not incoming.sealed:
            draft.cut(max(before, draft.size // UNIT * UNIT))
        raise
    if incoming.sealed:
        raise _Ended
    if end is not None and position != end:
        draft.cut(before)
        raise bad_request("The body is not as long as Content-Range says.")
    await asyncio.to_thread(draft.sync)


async def _close(call: Call, row: sqlite3.Row, incoming: Incoming, whole: int | None) -> ASGIApp:
    """Make the file; of two requests that would, the second gets the file of the first."""
    sessions, draft = call.service.sessions, incoming.draft
    if incoming.sealed:
        raise _Ended
    declared = row["total"] if whole is None else whole
    if declared is not None and declared != draft.size:
        draft.cut(0)
        raise bad_request("The body is not as long as declared.")
    body, query = json.loads(row["body"]), json.loads(row["query"])
    async with incoming.ending:
        incoming.sealed = True
        try:
            done = await _publish(
                call,
                draft,
                file_id=row["file_id"],
                body=body,
                declared=row["mime"],
                query=query,
                session=row["id"],
            )
        except DriveError:
            sessions.forget(row["id"])
            raise
        except BaseException:
            incoming.sealed = False
            raise
    return _finished(call, row, done)


def _finished(call: Call, row: sqlite3.Row, file: sqlite3.Row) -> ASGIApp:
    fields = json.loads(row["query"]).get("fields", "")
    return call.file(file, fields)


def _more(call: Call, draft: Draft) -> ASGIApp:
    from starlette.responses import Response

    headers = {"Range": f"bytes=0-{draft.size - 1}"} if draft.size else {}
    # Google's Go client takes a 308 for a redirect, and asks for this instead.
    if call.request.headers.get("x-guploader-no-308") == "yes":
        return Response(b"", 200, headers=headers | {"X-HTTP-Status-Code-Override": "308"})
    return Response(b"", 308, headers=headers)


async def cancel(call: Call) -> ASGIApp:
    """Give up a session; 499 is what the guide of Cloud Storage, Drive's sibling, says."""
    from starlette.responses import Response

    session = call.param("upload_id")
    call.service.sessions.row(session)
    call.service.sessions.forget(session, 499)
    return Response(b"", 499)
