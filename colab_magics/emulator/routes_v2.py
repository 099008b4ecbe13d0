"""What do the methods of the older API v2 answer?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import changing, media, routes_files, uploads, v2
from .accounts import permission_id, user
from .body import check_body
from .errors import DriveError, bad_request, not_found
from .routes_changes import changes_page
from .service import Call, json_answer
from .values import now_ms, rfc3339

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def _base(call: Call) -> str:
    return str(call.request.base_url)


def _shown(call: Call, file: dict[str, Any]) -> dict[str, Any]:
    return v2.file_out(file, _base(call))


def _refuse_existing(call: Call) -> None:
    # Observed on the real Drive: a create with this condition fails, whatever there is.
    if call.request.headers.get("if-none-match", "").strip() == "*":
        raise DriveError(412, "conditionNotMet", "Precondition Failed", location="If-None-Match")


async def list_files(call: Call) -> ASGIApp:
    """Answer `files.list`."""
    page = routes_files.files_page(call, call.param("q"))
    value = {
        "kind": "drive#fileList",
        "etag": v2.etag("list", now_ms()),
        "selfLink": str(call.request.url),
        "incompleteSearch": False,
        "items": [_shown(call, one) for one in page["files"]],
    }
    return _paged(call, value, page)


def _paged(call: Call, value: dict[str, Any], page: dict[str, Any]) -> ASGIApp:
    if "nextPageToken" in page:
        url = call.request.url.include_query_params(pageToken=page["nextPageToken"])
        value |= {"nextPageToken": page["nextPageToken"], "nextLink": str(url)}
    return call.answer("v2", value)


async def get_file(call: Call) -> ASGIApp:
    """Answer `files.get`, metadata or bytes."""
    if call.param("alt") == "media":
        return await media.download(call)
    row = call.store.row(call.names["id"])
    tag = v2.etag(row["id"], row["version"])
    if tag in call.request.headers.get("if-none-match", ""):
        from starlette.responses import Response

        return Response(b"", 304, headers={"ETag": tag})
    return call.file(row)


async def insert_file(call: Call) -> ASGIApp:
    """Answer `files.insert` without bytes."""
    _refuse_existing(call)
    return await routes_files.create_file(call)


async def upload(call: Call) -> ASGIApp:
    """Answer `files.insert` and `files.update` with bytes."""
    file_id = call.names.get("id")
    if file_id is None:
        _refuse_existing(call)
    else:
        row = call.store.row(file_id)
        v2.check_match(call.store.if_match, row["id"], row["version"])
    return await uploads.upload(call)


async def update_file(call: Call) -> ASGIApp:
    """Answer `files.patch` and `files.update` without bytes."""
    sent, row = await call.json(), call.store.row(call.names["id"])
    body = v2.file_in(sent, creating=False)
    parents, adding = body.pop("parents", None), call.param("addParents")
    # Here the parents can be set; v3 wants them named in the query.
    if parents and parents != [row["parent"]]:
        adding = ",".join(parents)
    if not (call.flag("setModifiedDate") or "fromBody" in call.param("modifiedDateBehavior")):
        body.pop("modifiedTime", None)
    return _changed(call, check_body(body, creating=False), adding, call.param("removeParents"))


def _changed(call: Call, body: dict[str, Any], add: str = "", remove: str = "") -> ASGIApp:
    before = call.store.row(call.names["id"])
    row = changing.update(call.store, before["id"], body, add=add, remove=remove)
    call.effect = row["version"] != before["version"]
    return call.file(row)


async def trash(call: Call) -> ASGIApp:
    """Answer `files.trash`."""
    return _changed(call, {"trashed": True})


async def untrash(call: Call) -> ASGIApp:
    """Answer `files.untrash`."""
    return _changed(call, {"trashed": False})


async def touch(call: Call) -> ASGIApp:
    """Answer `files.touch`: the file is as if changed now."""
    return _changed(call, {"modifiedTime": rfc3339(now_ms())})


async def list_parents(call: Call) -> ASGIApp:
    """Answer `parents.list`."""
    file = routes_files.file_of(call, call.names["id"])
    items = _shown(call, file)["parents"]
    return call.answer("v2", {"kind": "drive#parentList", "items": items})


async def get_parent(call: Call) -> ASGIApp:
    """Answer `parents.get`."""
    file = routes_files.file_of(call, call.names["id"])
    for one in _shown(call, file)["parents"]:
        if one["id"] == call.names["other"]:
            return call.answer("v2", one)
    raise not_found(call.names["other"])


async def insert_parent(call: Call) -> ASGIApp:
    """Answer `parents.insert`: a move, since a file has one parent."""
    body = await call.json()
    parent = body.get("id") if isinstance(body, dict) else None
    if not isinstance(parent, str):
        raise bad_request()
    changing.update(call.store, call.names["id"], {}, add=parent)
    call.effect = True
    shown = _shown(call, routes_files.file_of(call, call.names["id"]))
    return call.answer("v2", shown["parents"][0])


async def list_children(call: Call) -> ASGIApp:
    """Answer `children.list`."""
    q = f"'{call.names['id']}' in parents"
    if more := call.param("q"):
        q += f" and ({more})"
    page = routes_files.files_page(call, q)
    items = [_child(call, call.names["id"], one["id"]) for one in page["files"]]
    return _paged(call, {"kind": "drive#childList", "items": items}, page)


def _child(call: Call, folder: str, file_id: str) -> dict[str, Any]:
    base = f"{_base(call)}drive/v2/files/"
    return {
        "kind": "drive#childReference",
        "id": file_id,
        "selfLink": f"{base}{folder}/children/{file_id}",
        "childLink": base + file_id,
    }


async def get_child(call: Call) -> ASGIApp:
    """Answer `children.get`."""
    folder, row = call.store.row(call.names["id"]), call.store.row(call.names["other"])
    if row["parent"] != folder["id"]:
        raise not_found(call.names["other"])
    return call.answer("v2", _child(call, folder["id"], row["id"]))


async def insert_child(call: Call) -> ASGIApp:
    """Answer `children.insert`: a move, since a file has one parent."""
    body = await call.json()
    child = body.get("id") if isinstance(body, dict) else None
    if not isinstance(child, str):
        raise bad_request()
    row = changing.update(call.store, child, {}, add=call.names["id"])
    call.effect = True
    return call.answer("v2", _child(call, call.names["id"], row["id"]))


async def list_changes(call: Call) -> ASGIApp:
    """Answer `changes.list`."""
    token = call.param("pageToken") or call.param("startChangeId") or "1"
    page, base = changes_page(call, token), f"{_base(call)}drive/v2/changes/"
    items = []
    for one in page["changes"]:
        item = {name: one[name] for name in ("changeType", "type", "fileId") if name in one}
        item |= {"kind": "drive#change", "deleted": one["removed"], "selfLink": base + token}
        item["modificationDate"] = one["time"]
        if "file" in one:
            item["file"] = _shown(call, one["file"])
        items.append(item)
    last = str(int(call.store.changes.start_token()) - 1)
    value = {"kind": "drive#changeList", "largestChangeId": last, "items": items}
    if "newStartPageToken" in page:
        value["newStartPageToken"] = page["newStartPageToken"]
    return _paged(call, value, page)


async def about(call: Call) -> ASGIApp:
    """Answer `about.get`."""
    limit, me = call.store.limits.storage, user(call.caller.email, call.caller)
    used = str(call.store.used(call.caller.email))
    value: dict[str, Any] = {
        "kind": "drive#about",
        "selfLink": str(call.request.url),
        "name": me["displayName"],
        "user": v2.user_out(me),
        "permissionId": me["permissionId"],
        "rootFolderId": call.store.root_id,
        "quotaType": "UNLIMITED" if limit is None else "LIMITED",
        "quotaBytesUsed": used,
        "quotaBytesUsedAggregate": used,
        "quotaBytesUsedInTrash": str(call.store.in_trash(call.caller.email)),
        "largestChangeId": str(int(call.store.changes.start_token()) - 1),
        "isCurrentAppInstalled": False,
        "languageCode": "en",
    }
    if limit is not None:
        value["quotaBytesTotal"] = str(limit)
    return call.answer("v2", value)


async def permission_of(call: Call) -> ASGIApp:
    """Answer `permissions.getIdForEmail`."""
    value = {"kind": "drive#permissionId", "id": permission_id(call.names["id"].lower())}
    return json_answer(value)
