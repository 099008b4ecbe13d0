"""How do the files of the API v3 look in the older v2, and back?"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from .errors import DriveError, bad_request
from .values import FOLDER, is_root_id

_SAME = (
    "copyRequiresWriterPermission description explicitlyTrashed exportLinks "
    "fileExtension folderColorRgb fullFileExtension hasAugmentedPermissions hasThumbnail "
    "headRevisionId iconLink id isAppAuthorized linkShareMetadata md5Checksum mimeType "
    "originalFilename ownedByMe permissionIds quotaBytesUsed resourceKey sha1Checksum "
    "sha256Checksum shared shortcutDetails spaces teamDriveId driveId thumbnailVersion version "
    "webContentLink webViewLink writersCanShare"
)
_RENAMED = {
    "name": "title",
    "size": "fileSize",
    "createdTime": "createdDate",
    "modifiedTime": "modifiedDate",
    "modifiedByMeTime": "modifiedByMeDate",
    "viewedByMeTime": "lastViewedByMeDate",
    "sharedWithMeTime": "sharedWithMeDate",
    "trashedTime": "trashedDate",
}
_WRITTEN = {
    "title": "name",
    "createdDate": "createdTime",
    "modifiedDate": "modifiedTime",
    "lastViewedByMeDate": "viewedByMeTime",
    "markedViewedByMeDate": "viewedByMeTime",
    "description": "description",
    "mimeType": "mimeType",
    "folderColorRgb": "folderColorRgb",
    "originalFilename": "originalFilename",
    "copyRequiresWriterPermission": "copyRequiresWriterPermission",
    "writersCanShare": "writersCanShare",
    "id": "id",
    "shortcutDetails": "shortcutDetails",
}
# Words of a search, and keys of an order.
QUERY_WORDS = {
    "title": "name",
    "modifiedDate": "modifiedTime",
    "lastViewedByMeDate": "viewedByMeTime",
    "createdDate": "createdTime",
    "sharedWithMeDate": "sharedWithMeTime",
    "modifiedByMeDate": "modifiedByMeTime",
    "title_natural": "name_natural",
}


def etag(file_id: str, version: int) -> str:
    """Return the etag of a file: another one after every change, also of its metadata."""
    digest = hashlib.sha1(f"{file_id}/{version}".encode()).digest()
    return f'"{base64.urlsafe_b64encode(digest).decode().rstrip("=")}"'


def check_match(header: str, file_id: str, version: int) -> None:
    """Raise the 412 if an `If-Match` header names no state of the file that it is in now."""
    names = [one.strip().removeprefix("W/") for one in header.split(",")]
    if header and "*" not in names and etag(file_id, version) not in names:
        raise DriveError(412, "conditionNotMet", "Precondition Failed", location="If-Match")


def file_out(file: dict[str, Any], base: str) -> dict[str, Any]:
    """Return a File of v3 as v2 shows it.

    Args:
        file: The whole File.
        base: The address of the server, with a slash at its end.
    """
    file_id, link = file["id"], f"{base}drive/v2/files/{file['id']}"
    tag = etag(file_id, int(file["version"]))
    old: dict[str, Any] = {"kind": "drive#file", "etag": tag, "selfLink": link}
    old |= {name: file[name] for name in _SAME.split() if name in file}
    old |= {new: file[name] for name, new in _RENAMED.items() if name in file}
    able = file["capabilities"]
    old |= {
        "alternateLink": file["webViewLink"],
        "labels": {
            "starred": file["starred"],
            "hidden": False,
            "trashed": file["trashed"],
            "restricted": file["copyRequiresWriterPermission"],
            "viewed": file["viewedByMe"],
        },
        "parents": [_parent(link, base, one) for one in file.get("parents", [])],
        "appDataContents": file["spaces"] == ["appDataFolder"],
        "copyable": able["canCopy"],
        "editable": able["canEdit"],
        "shareable": able["canShare"],
        "canComment": able["canComment"],
        "canReadRevisions": able["canReadRevisions"],
        "capabilities": able,
        "owners": [user_out(one) for one in file.get("owners", [])],
        "ownerNames": [one["displayName"] for one in file.get("owners", [])],
        "lastModifyingUser": user_out(file["lastModifyingUser"]),
        "lastModifyingUserName": file["lastModifyingUser"]["displayName"],
    }
    if file["mimeType"] != FOLDER and "md5Checksum" in file:
        old["downloadUrl"] = f"{link}?alt=media&source=downloadUrl"
    if "permissions" in file:
        old["permissions"] = [permission_out(one, link) for one in file["permissions"]]
    if "trashingUser" in file:
        old["trashingUser"] = user_out(file["trashingUser"])
    if "sharingUser" in file:
        old["sharingUser"] = user_out(file["sharingUser"])
    pairs = [*_pairs(file, "properties", "PUBLIC"), *_pairs(file, "appProperties", "PRIVATE")]
    if pairs:
        old["properties"] = [
            {**one, "selfLink": f"{link}/properties/{one['key']}"} for one in pairs
        ]
    return old


def _pairs(file: dict[str, Any], field: str, visibility: str) -> list[dict[str, Any]]:
    return [
        {"kind": "drive#property", "key": key, "value": value, "visibility": visibility}
        for key, value in file.get(field, {}).items()
    ]


def _parent(link: str, base: str, parent: str) -> dict[str, Any]:
    return {
        "kind": "drive#parentReference",
        "id": parent,
        "selfLink": f"{link}/parents/{parent}",
        "parentLink": f"{base}drive/v2/files/{parent}",
        "isRoot": is_root_id(parent),
    }


def user_out(user: dict[str, Any]) -> dict[str, Any]:
    """Return a User of v3 as v2 shows it."""
    value = {name: user[name] for name in ("kind", "displayName", "permissionId", "emailAddress")}
    return value | {"isAuthenticatedUser": user["me"]}


def file_in(body: object, *, creating: bool) -> dict[str, Any]:
    """Return a File that was sent in v2 as v3 would have it; what only Google writes is left out.

    Args:
        body: What was sent.
        creating: Whether it is for a new file, which may be given an id.

    Raises:
        DriveError: 400 for what has no such shape.
    """
    if not isinstance(body, dict):
        raise DriveError(400, "parseError", "Parse Error")
    file = {new: body[name] for name, new in _WRITTEN.items() if body.get(name) is not None}
    if not creating:
        file.pop("id", None)  # PyDrive2 repeats it
    labels = body.get("labels")
    if isinstance(labels, dict):
        file |= {name: labels[name] for name in ("starred", "trashed") if name in labels}
    text = body.get("indexableText")
    if isinstance(text, dict) and "text" in text:
        file["contentHints"] = {"indexableText": text["text"]}
    parents = body.get("parents")
    if parents is not None:
        file["parents"] = [_parent_id(one) for one in _list(parents)]
    for pair in _list(body.get("properties") or []):
        if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
            raise bad_request()
        # Private to this client unless it says otherwise, as the reference has it.
        public = str(pair.get("visibility", "PRIVATE")).upper() == "PUBLIC"
        file.setdefault("properties" if public else "appProperties", {})[pair["key"]] = pair.get(
            "value"
        )
    return file


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request()
    return value


def _parent_id(parent: object) -> str:
    if not isinstance(parent, dict) or not isinstance(parent.get("id"), str):
        raise bad_request()
    return str(parent["id"])


def permission_out(permission: dict[str, Any], link: str) -> dict[str, Any]:
    """Return a Permission of v3 as v2 shows it: commenters are readers with one role more."""
    role, names = permission["role"], ("id", "type", "emailAddress", "domain", "expirationTime")
    old: dict[str, Any] = {"kind": "drive#permission"}
    old |= {name: permission[name] for name in names if name in permission}
    old["etag"] = etag(permission["id"], len(role))
    old["selfLink"] = f"{link}/permissions/{permission['id']}"
    old["role"] = "reader" if role == "commenter" else role
    if role == "commenter":
        old["additionalRoles"] = ["commenter"]
    if "displayName" in permission:
        old["name"] = permission["displayName"]
    if permission["type"] in ("anyone", "domain"):
        old["withLink"] = not permission.get("allowFileDiscovery", False)
    return old


def permission_in(body: object) -> dict[str, Any]:
    """Return a Permission that was sent in v2 as v3 would have it."""
    if not isinstance(body, dict):
        raise bad_request()
    new = {name: body[name] for name in ("type", "role", "expirationTime") if name in body}
    if "commenter" in (body.get("additionalRoles") or []):
        new["role"] = "commenter"
    if body.get("type") in ("user", "group"):
        new["emailAddress"] = body.get("value") or body.get("emailAddress")
    if body.get("type") == "domain":
        new["domain"] = body.get("value") or body.get("domain")
    if body.get("type") in ("anyone", "domain"):
        new["allowFileDiscovery"] = body.get("withLink") is False
    return new


def revision_out(revision: dict[str, Any], link: str) -> dict[str, Any]:
    """Return a Revision of v3 as v2 shows it; `link` is the file's."""
    same = ("kind", "id", "mimeType", "published", "md5Checksum", "originalFilename", "exportLinks")
    old = {name: revision[name] for name in same if name in revision}
    link, who = f"{link}/revisions/{revision['id']}", revision["lastModifyingUser"]
    old |= {
        "etag": etag(revision["id"], 1),
        "selfLink": link,
        "modifiedDate": revision["modifiedTime"],
        "lastModifyingUser": user_out(who),
        "lastModifyingUserName": who["displayName"],
        "pinned": revision.get("keepForever", False),
    }
    if "size" in revision:
        old |= {"fileSize": revision["size"], "downloadUrl": f"{link}?alt=media"}
    return old
