"""How does a row of the store look as a File, and a File that was sent as a row?"""

from __future__ import annotations

import json
import sqlite3
from pathlib import PurePosixPath
from typing import Any

from .errors import DriveError, forbidden, invalid
from .fields import FILE
from .values import FOLDER, has_bytes, is_google_type, name_key, parse_time, rfc3339

PERMISSION_ID = "11111111111111111111"
USER: dict[str, Any] = {
    "kind": "drive#user",
    "displayName": "Emulated User",
    "me": True,
    "permissionId": PERMISSION_ID,
    "emailAddress": "user@drive.emulator",
}
_OWNER_PERMISSION = {
    "kind": "drive#permission",
    "id": PERMISSION_ID,
    "type": "user",
    "emailAddress": USER["emailAddress"],
    "role": "owner",
    "displayName": USER["displayName"],
    "deleted": False,
    "pendingOwner": False,
}
# What every file has alike: one user, nothing shared.
_SAME: dict[str, Any] = {
    "spaces": ["drive"],
    "hasThumbnail": False,
    "thumbnailVersion": "0",
    "viewedByMe": True,
    "modifiedByMe": True,
    "owners": [USER],
    "lastModifyingUser": USER,
    "shared": False,
    "ownedByMe": True,
    "permissions": [_OWNER_PERMISSION],
    "permissionIds": [PERMISSION_ID],
    "viewersCanCopyContent": True,
    "copyRequiresWriterPermission": False,
    "writersCanShare": True,
    "isAppAuthorized": True,
    "linkShareMetadata": {"securityUpdateEligible": False, "securityUpdateEnabled": True},
}

# Fields of a body that are kept as they came, and the type that they must have.
_EXTRA: dict[str, type] = {
    "description": str,
    "folderColorRgb": str,
    "originalFilename": str,
    "copyRequiresWriterPermission": bool,
    "viewersCanCopyContent": bool,
    "writersCanShare": bool,
    "contentHints": dict,
    "contentRestrictions": list,
    "downloadRestrictions": dict,
    "inheritedPermissionsDisabled": bool,
}
_TIMES = {"createdTime": "created_ms", "modifiedTime": "modified_ms", "viewedByMeTime": "viewed_ms"}
_WRITABLE = {"name", "mimeType", "starred", "trashed", "properties", "appProperties", *_TIMES}
_WRITABLE |= _EXTRA.keys()
_ON_CREATE = {"id", "parents", "shortcutDetails"}

MAX_PROPERTY_BYTES = 124
MAX_PROPERTIES = 30


def resource(row: sqlite3.Row) -> dict[str, Any]:
    """Return the whole File of a row; the mask takes away what was not asked for."""
    mime, file_id, modified = row["mime"], row["id"], rfc3339(row["modified_ms"])
    extra: dict[str, Any] = json.loads(row["extra"])
    file: dict[str, Any] = {"kind": "drive#file", "id": file_id, "name": row["name"]}
    file |= {"mimeType": mime, "starred": bool(row["starred"]), "trashed": bool(row["trashed"])}
    file |= {"explicitlyTrashed": bool(row["explicitly_trashed"])}
    if row["trashed_ms"] is not None:
        file |= {"trashedTime": rfc3339(row["trashed_ms"]), "trashingUser": USER}
    if row["parent"]:
        file["parents"] = [row["parent"]]
    for field, column in (("properties", "properties"), ("appProperties", "app_properties")):
        if row[column] != "{}":
            file[field] = json.loads(row[column])
    file |= {
        **_SAME,
        "version": str(row["version"]),
        "webViewLink": _view_link(mime, file_id),
        "iconLink": f"https://drive-thirdparty.googleusercontent.com/16/type/{mime}",
        "viewedByMeTime": rfc3339(row["viewed_ms"]),
        "createdTime": rfc3339(row["created_ms"]),
        "modifiedTime": modified,
        "modifiedByMeTime": modified,
        "capabilities": _capabilities(row),
        "quotaBytesUsed": str(row["size"] or 0),
    }
    if row["blob"] is not None:
        file |= _content_fields(row)
    elif is_google_type(mime):
        file["size"] = "1"
    extra.pop("contentHints", None)
    return file | extra


def _view_link(mime: str, file_id: str) -> str:
    if mime == FOLDER:
        return f"https://drive.google.com/drive/folders/{file_id}"
    return f"https://drive.google.com/file/d/{file_id}/view?usp=drivesdk"


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


def _capabilities(row: sqlite3.Row) -> dict[str, bool]:
    folder, root = row["mime"] == FOLDER, row["parent"] is None
    able = {"canAddChildren", "canListChildren", "canRemoveChildren"} if folder else {"canCopy"}
    able |= {"canEdit", "canComment", "canShare", "canRename", "canDownload"}
    able |= {"canModifyContent", "canModifyContentRestriction"}
    if has_bytes(row["mime"]):
        able |= {"canReadRevisions", "canChangeCopyRequiresWriterPermission"}
    if folder:
        able |= {"canMoveChildrenWithinDrive", "canMoveChildrenOutOfDrive"}
    if not root:
        able |= {"canDelete", "canTrash", "canUntrash", "canMoveItemWithinDrive"}
        able |= {"canMoveItemOutOfDrive", "canRemoveMyDriveParent"}
    known = FILE["capabilities"]
    assert known is not None
    return {name: name in able for name in known if "Team" not in name}


def check_body(body: object, *, creating: bool) -> dict[str, Any]:
    """Return the body if it is an object without fields that only Google may write."""
    if not isinstance(body, dict):
        raise DriveError(400, "parseError", "Parse Error")
    sent: dict[str, Any] = body
    if not creating and "parents" in body:
        raise forbidden(
            "fieldNotWritable",
            "The parents field is not directly writable in update requests. "
            "Use the addParents and removeParents parameters instead.",
        )
    allowed = _WRITABLE | _ON_CREATE if creating else _WRITABLE - {"createdTime"}
    # Fields that Drive does not know are ignored, as its older endpoints do.
    if any(name in FILE and name not in allowed for name in body):
        raise forbidden(
            "fieldNotWritable",
            "The resource body includes fields which are not directly writable.",
        )
    return sent


def columns(body: dict[str, Any], before: sqlite3.Row | None) -> dict[str, Any]:
    """Return the columns that a checked body sets; raise 400 for a value of a wrong type."""
    found: dict[str, Any] = {}
    if (name := _typed(body, "name", str)) is not None:
        found |= {"name": name, "name_key": name_key(name)}
    if (mime := _typed(body, "mimeType", str)) is not None:
        found["mime"] = mime
    _typed(body, "trashed", bool)
    if (starred := _typed(body, "starred", bool)) is not None:
        found["starred"] = int(starred)
    for field, column in _TIMES.items():
        if (text := _typed(body, field, str)) is not None:
            ms = parse_time(text)
            if ms is None:
                raise invalid(field, f'Invalid value for: Invalid format: "{text}"')
            found[column] = ms
    for field, column in (("properties", "properties"), ("appProperties", "app_properties")):
        if field in body:
            old = json.loads(before[column]) if before else {}
            found[column] = _properties(body, field, old)
    if body.keys() & _EXTRA.keys():
        extra = json.loads(before["extra"]) if before else {}
        for field in body.keys() & _EXTRA.keys():
            value = _typed(body, field, _EXTRA[field])
            extra.pop(field, None)
            if value is not None:
                extra[field] = value
        found["extra"] = json.dumps(extra)
    return found


def _typed(body: dict[str, Any], field: str, wanted: type) -> Any:
    value = body.get(field)
    if value is not None and not isinstance(value, wanted):
        raise invalid(field)
    return value


def _properties(body: dict[str, Any], field: str, old: dict[str, str]) -> str:
    merged = dict(old)
    for key, value in (_typed(body, field, dict) or {}).items():
        if value is None:
            merged.pop(key, None)
            continue
        # What Drive answers to a pair that is too long is not known; it does refuse it.
        if not isinstance(value, str) or len((key + value).encode()) > MAX_PROPERTY_BYTES:
            raise invalid(field)
        merged[key] = value
    if len(merged) > MAX_PROPERTIES:
        raise invalid(field)
    return json.dumps(merged)
