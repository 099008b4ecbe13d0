"""How does a row of the store look as a File?"""

from __future__ import annotations

import json
import sqlite3
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from . import access, app_data
from .access import Grant
from .accounts import permission_id, user
from .documents import export_links
from .fields import FILE
from .values import FOLDER, has_bytes, is_google_type, rfc3339

if TYPE_CHECKING:
    from .files import Store

# What every file has alike.
_SAME: dict[str, Any] = {
    "spaces": ["drive"],
    "hasThumbnail": False,
    "thumbnailVersion": "0",
    "viewersCanCopyContent": True,
    "copyRequiresWriterPermission": False,
    "writersCanShare": True,
}
_KNOWN_CAPABILITIES = [name for name in FILE["capabilities"] or () if "Team" not in name]


def resource(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """Return the whole File of a row; the mask takes away what was not asked for."""
    mime, file_id, me = row["mime"], row["id"], store.caller
    extra: dict[str, Any] = json.loads(row["extra"])
    file: dict[str, Any] = {"kind": "drive#file", "id": file_id, "name": row["name"]}
    file |= {"mimeType": mime, "trashed": bool(row["trashed"])}
    file |= {"explicitlyTrashed": bool(row["explicitly_trashed"])}
    if row["trashed_ms"] is not None:
        file |= {"trashedTime": rfc3339(row["trashed_ms"])}
        file |= {"trashingUser": user(row["trasher"] or me.email, me)}
    if row["properties"] != "{}":
        file["properties"] = json.loads(row["properties"])
    if mine := json.loads(row["app_properties"]).get(me.client):
        file["appProperties"] = mine
    modified = rfc3339(row["modified_ms"])
    file |= {
        **_SAME,
        "version": str(row["version"]),
        "webViewLink": _view_link(row),
        "iconLink": f"https://drive-thirdparty.googleusercontent.com/16/type/{mime}",
        "createdTime": rfc3339(row["created_ms"]),
        "modifiedTime": modified,
        "lastModifyingUser": user(row["modifier"], me),
        "modifiedByMe": row["modifier"] == me.email,
        "quotaBytesUsed": str(row["size"] or 0),
    }
    if row["modifier"] == me.email:
        file["modifiedByMeTime"] = modified
    if row["resource_key"]:
        file["resourceKey"] = row["resource_key"]
    if has_bytes(mime) and row["blob"] is not None:
        file |= _content_fields(row)
    elif is_google_type(mime):
        file |= {"size": "1", **export_links(file_id, mime)}
    file |= _own_view(store, row) | _sharing(store, row)
    if app_data.root_of(store, file_id):
        file["spaces"] = [app_data.ALIAS]
    extra.pop("contentHints", None)
    return file | extra


def _own_view(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """Return what differs from user to user, and from client to client."""
    starred, viewed = row["starred"], row["viewed_ms"]
    if row["owner"] != store.caller.email:
        sql = "SELECT starred, viewed_ms FROM marks WHERE email = ? AND file_id = ?"
        mark = store.database.one(sql, (store.caller.email, row["id"]))
        starred, viewed = (mark["starred"], mark["viewed_ms"]) if mark else (0, None)
    view: dict[str, Any] = {"starred": bool(starred), "viewedByMe": viewed is not None}
    if viewed is not None:
        view["viewedByMeTime"] = rfc3339(viewed)
    view["isAppAuthorized"] = not store.caller.client or store.opened(row["id"])
    return view


def _sharing(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """Return whose file it is, who else has it, and what the caller can do with it."""
    known = [access.owned(row["owner"])] if store.alone else store.grants(row["id"])
    me, drive = store.caller, row["drive"]
    role = "owner" if row["owner"] == me.email else access.role_of(known, me)
    able = access.capabilities(
        role,
        folder=row["mime"] == FOLDER,
        root=row["parent"] is None,
        blob=has_bytes(row["mime"]),
        shared_drive=drive is not None,
    )
    if access.withheld(row, role):
        able -= {"canCopy", "canDownload"}
    value: dict[str, Any] = {"capabilities": {name: name in able for name in _KNOWN_CAPABILITIES}}
    value["permissionIds"] = [one.id for one in known]
    if _sees_parent(store, row):
        value["parents"] = [row["parent"]]
    if drive:
        direct = any(place is None for one in known for _, place in one.details)
        at_root = row["parent"] is None
        value |= {"driveId": drive, "teamDriveId": drive}
        return value | {"hasAugmentedPermissions": direct and not at_root}
    value |= {
        "owners": [user(row["owner"], me)],
        "ownedByMe": row["owner"] == me.email,
        "shared": len(known) > 1,
        "linkShareMetadata": {
            "securityUpdateEligible": bool(row["resource_key"]),
            "securityUpdateEnabled": True,
        },
    }
    if "canShare" in able:
        value["permissions"] = [_listed(one) for one in known]
    return value | _shared_with(store, row)


def _listed(grant: Grant) -> dict[str, Any]:
    value = grant.resource(shared_drive=False)
    del value["permissionDetails"]
    return value


def _shared_with(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """Return when and by whom a file was shared with the caller, if it was."""
    if row["owner"] == store.caller.email:
        return {}
    sql = "SELECT created_ms FROM permissions WHERE file_id = ? AND id = ?"
    found = store.database.one(sql, (row["id"], permission_id(store.caller.email)))
    if not found:
        return {}
    sharer = user(row["owner"], store.caller)
    return {"sharedWithMeTime": rfc3339(found["created_ms"]), "sharingUser": sharer}


def _sees_parent(store: Store, row: sqlite3.Row) -> bool:
    if row["parent"] is None or store.alone:
        return row["parent"] is not None
    # There is none if the index lags, and both are gone.
    parent = store.database.one("SELECT * FROM files WHERE id = ?", (row["parent"],))
    return parent is not None and store.role(parent) is not None


def _view_link(row: sqlite3.Row) -> str:
    mime, file_id = row["mime"], row["id"]
    key = f"resourcekey={row['resource_key']}" if row["resource_key"] else ""
    if mime == FOLDER:
        return f"https://drive.google.com/drive/folders/{file_id}" + (f"?{key}" if key else "")
    editor = _EDITORS.get(mime.rpartition(".")[2]) if is_google_type(mime) else None
    extra = f"&{key}" if key else ""
    if editor:
        return f"https://docs.google.com/{editor}/d/{file_id}/edit?usp=drivesdk{extra}"
    return f"https://drive.google.com/file/d/{file_id}/view?usp=drivesdk{extra}"


_EDITORS = {
    "document": "document",
    "drawing": "drawings",
    "form": "forms",
    "presentation": "presentation",
    "spreadsheet": "spreadsheets",
}


def _content_fields(row: sqlite3.Row) -> dict[str, Any]:
    suffixes = PurePosixPath(row["name"].replace("/", "_")).suffixes
    return {
        "size": str(row["size"]),
        "md5Checksum": row["md5"],
        "sha1Checksum": row["sha1"],
        "sha256Checksum": row["sha256"],
        "headRevisionId": row["revision"],
        "originalFilename": row["name"],
        "fileExtension": suffixes[-1][1:] if suffixes else "",
        "fullFileExtension": "".join(suffixes)[1:],
        "webContentLink": f"https://drive.google.com/uc?id={row['id']}&export=download",
    }
