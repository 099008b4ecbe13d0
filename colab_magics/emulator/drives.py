"""Which shared drives are there, and who is in them?"""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

from . import access, accounts, tree
from .accounts import permission_id
from .errors import DriveError, bad_request, forbidden, invalid, not_permitted, required
from .values import name_key, new_root_id, now_ms, rfc3339

if TYPE_CHECKING:
    from .files import Store

_RESTRICTIONS = (
    "adminManagedRestrictions copyRequiresWriterPermission domainUsersOnly driveMembersOnly "
    "sharingFoldersRequiresOrganizerPermission"
)
# What each role may do with the drive itself, beyond the roles below it.
_CAN = {
    "reader": "canCopy canDownload canListChildren canReadRevisions",
    "commenter": "canComment",
    "writer": "canAddChildren canEdit canRename canShare",
    "fileOrganizer": "canTrashChildren",
    "organizer": (
        "canChangeCopyRequiresWriterPermissionRestriction canChangeDomainUsersOnlyRestriction "
        "canChangeDownloadRestriction canChangeDriveBackground "
        "canChangeDriveMembersOnlyRestriction canDeleteChildren canDeleteDrive canManageMembers "
        "canChangeSharingFoldersRequiresOrganizerPermissionRestriction canRenameDrive "
        "canResetDriveRestrictions"
    ),
}
_WRITABLE = {"name": str, "themeId": str, "colorRgb": str, "restrictions": dict}
_NAME = re.compile(r"\s*name\s*(contains|=|!=)\s*'((?:[^'\\]|\\['\\])*)'\s*")


def not_found(drive: str) -> DriveError:
    """Return the 404 for a shared drive that is not there, or not for this user."""
    message = f"Shared drive not found: {drive}"
    return DriveError(404, "notFound", message, location="driveId")


def role(store: Store, drive: str) -> str | None:
    """Return what the caller is in a shared drive."""
    return access.role_of(store.grants(drive), store.caller)


def find(store: Store, drive: str) -> dict[str, Any] | None:
    """Return a shared drive that the caller is a member of, or None."""
    row = store.database.one("SELECT * FROM drives WHERE id = ?", (drive,))
    known = role(store, drive) if row else None
    if row is None or known is None:
        return None
    hidden = "SELECT 1 FROM hidden_drives WHERE email = ? AND drive = ?"
    extra = json.loads(row["extra"])
    restrictions = dict.fromkeys(_RESTRICTIONS.split(), False) | extra.pop("restrictions", {})
    able = {one for name, can in _CAN.items() if access.allows(known, name) for one in can.split()}
    return {
        "kind": "drive#drive",
        "id": row["id"],
        "name": row["name"],
        "createdTime": rfc3339(row["created_ms"]),
        "hidden": store.database.one(hidden, (store.caller.email, drive)) is not None,
        "colorRgb": "#0f9d58",
        "capabilities": {one: one in able for can in _CAN.values() for one in can.split()},
        "restrictions": restrictions,
        **extra,
    }


def get(store: Store, drive: str) -> dict[str, Any]:
    """Return a shared drive; raise 404 if the caller is no member of one."""
    value = find(store, drive)
    if value is None:
        raise not_found(drive)
    return value


def _organized(store: Store, drive: str) -> sqlite3.Row:
    """Return the row of a shared drive; raise 404 or 403 if the caller is no organizer of it."""
    known = role(store, drive)
    row = store.database.one("SELECT * FROM drives WHERE id = ?", (drive,))
    if row is None or known is None:
        raise not_found(drive)
    if not access.allows(known, "organizer"):
        raise not_permitted("The user does not have sufficient permissions for this shared drive.")
    return row


def of_caller(store: Store, q: str) -> list[dict[str, Any]]:
    """Return the caller's shared drives by name; `q` may ask for names and for hidden ones."""
    rows = store.database.all("SELECT id FROM drives ORDER BY name, id")
    found = [value for row in rows if (value := find(store, row["id"])) is not None]
    for term in re.split(r"\s+and\s+", q.strip()) if q.strip() else []:
        found = [one for one in found if _matches(one, term)]
    return found


def _matches(drive: dict[str, Any], term: str) -> bool:
    if asked := re.fullmatch(r"\s*hidden\s*=\s*(true|false)\s*", term):
        return bool(drive["hidden"]) == (asked[1] == "true")
    asked = _NAME.fullmatch(term)
    if not asked:
        raise invalid("q")
    needle, name = name_key(re.sub(r"\\(.)", r"\1", asked[2])), name_key(drive["name"])
    if asked[1] == "contains":
        return needle in name
    return (needle == name) == (asked[1] == "=")


def create(store: Store, request: str, body: dict[str, Any]) -> dict[str, Any]:
    """Make a shared drive with the caller as its organizer.

    Args:
        store: The files.
        request: A name for this request; a second one of the same name makes nothing.
        body: The drive as it was sent.
    """
    if not request:
        raise required("requestId")
    checked = _checked(body)
    if not checked.get("name"):
        raise bad_request("The name of a shared drive cannot be empty.")
    if store.database.one("SELECT 1 FROM drives WHERE request = ?", (request,)):
        raise DriveError(409, "duplicate", "A shared drive already exists for this request.")
    drive, now, me = new_root_id(), now_ms(), store.caller.email
    extra = {name: value for name, value in checked.items() if name != "name"}
    with store.database.write() as db:
        db.execute(
            "INSERT INTO drives VALUES (?, ?, ?, ?, ?)",
            (drive, checked["name"], now, request, json.dumps(extra)),
        )
        # The folder that everything in it is below; Drive calls all of them so.
        accounts.add_root(db, drive, "Drive", me, drive=drive)
        db.execute(
            "INSERT INTO permissions (file_id, id, type, role, email, created_ms)"
            " VALUES (?, ?, 'user', 'organizer', ?, ?)",
            (drive, permission_id(me), me, now),
        )
        _tell(store, db, drive)
    return get(store, drive)


def _tell(store: Store, db: sqlite3.Connection, drive: str) -> None:
    store.changes.record(db, drive, access.audience(db, drive), drive=drive)


def update(store: Store, drive: str, body: dict[str, Any]) -> dict[str, Any]:
    """Change a shared drive's name, looks or restrictions."""
    row, checked = _organized(store, drive), _checked(body)
    extra, name = json.loads(row["extra"]), checked.pop("name", row["name"])
    restrictions = extra.get("restrictions", {}) | checked.pop("restrictions", {})
    extra |= {**checked, "restrictions": restrictions}
    with store.database.write() as db:
        values = (name, json.dumps(extra), drive)
        db.execute("UPDATE drives SET name = ?, extra = ? WHERE id = ?", values)
        _tell(store, db, drive)
    return get(store, drive)


def _checked(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request()
    for name, value in body.items():
        if name in _WRITABLE and not isinstance(value, _WRITABLE[name]):
            raise invalid(name)
    return {name: body[name] for name in body.keys() & _WRITABLE.keys()}


def hide(store: Store, drive: str, *, hidden: bool) -> dict[str, Any]:
    """Take a shared drive out of the caller's usual view, or put it back."""
    get(store, drive)
    with store.database.write() as db:
        values = (store.caller.email, drive)
        if hidden:
            db.execute("INSERT OR IGNORE INTO hidden_drives VALUES (?, ?)", values)
        else:
            db.execute("DELETE FROM hidden_drives WHERE email = ? AND drive = ?", values)
    return get(store, drive)


def delete(store: Store, drive: str, *, with_items: bool) -> None:
    """Remove a shared drive; one with files only if that is what was asked.

    Google gives `allowItemDeletion` to administrators only; here every organizer is one.
    """
    _organized(store, drive)
    rows = store.database.all("SELECT * FROM files WHERE drive = ? AND id != ?", (drive, drive))
    if not with_items and any(not row["trashed"] for row in rows):
        raise forbidden("cannotDeleteResourceWithChildren", "The shared drive is not empty.")
    with store.database.write() as db:
        told = access.audience(db, drive)
        tree.remove(store, db, rows)
        db.execute("DELETE FROM files WHERE id = ?", (drive,))
        for table, column in (("drives", "id"), ("permissions", "file_id")):
            db.execute(f"DELETE FROM {table} WHERE {column} = ?", (drive,))
        store.changes.record(db, drive, told, drive=drive)
