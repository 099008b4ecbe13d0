"""How is a file shared, and with whom?"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from typing import TYPE_CHECKING, Any

from . import access, accounts, app_data, tree
from .access import Grant
from .accounts import permission_id
from .errors import DriveError, bad_request, forbidden, invalid, not_permitted
from .values import FOLDER, now_ms, parse_time

if TYPE_CHECKING:
    from .files import Store

_TYPES = {"user", "group", "domain", "anyone"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def of_file(store: Store, file: sqlite3.Row) -> list[Grant]:
    """Return who has a file; raise 403 if the caller may not know."""
    store.need(file, "writer")
    return store.grants(file["id"])


def find(store: Store, file: sqlite3.Row, permission: str) -> Grant:
    """Return one permission of a file; raise 404 if there is none."""
    return _picked(of_file(store, file), permission)


def _picked(known: list[Grant], permission: str) -> Grant:
    for one in known:
        if one.id == permission:
            return one
    message = f"Permission not found: {permission}."
    raise DriveError(404, "notFound", message, location="permissionId")


def resource(file: sqlite3.Row, grant: Grant) -> dict[str, Any]:
    """Return a permission as Drive shows it."""
    value = grant.resource(shared_drive=file["drive"] is not None)
    if file["drive"] is None:
        # Files outside shared drives have details only where something is inherited.
        if not any(place for _, place in grant.details):
            del value["permissionDetails"]
    else:
        value["teamDrivePermissionDetails"] = [
            {("teamDrivePermissionType" if k == "permissionType" else k): v for k, v in one.items()}
            for one in value["permissionDetails"]
        ]
    return value


def create(
    store: Store, file: sqlite3.Row, body: dict[str, Any], *, transfer: bool = False
) -> Grant:
    """Share a file.

    Args:
        store: The files.
        file: What to share.
        body: A Permission as it was sent.
        transfer: Whether the caller knows that a new owner means an old one less.
    """
    if not isinstance(body, dict):
        raise bad_request()
    app_data.refuse(store, file["id"])
    kind, role = body.get("type"), body.get("role")
    if kind not in _TYPES:
        raise invalid("permission.type", "The permission type field is required.")
    role = _checked_role(store, file, kind, role)
    grant = Grant(_id(body), kind, role, discovery=bool(body.get("allowFileDiscovery")))
    if kind in ("user", "group"):
        grant.email = str(body.get("emailAddress") or "").lower()
        if not _EMAIL.fullmatch(grant.email):
            said = "The specified emailAddress is invalid or not applicable for the given "
            raise invalid("permission.emailAddress", said + "permission type.")
    if kind == "domain":
        grant.domain = str(body.get("domain") or "")
        if not grant.domain:
            said = "The specified domain is invalid or not applicable for the given "
            raise invalid("permission.domain", said + "permission type.")
    grant.expires_ms = _expiry(store, body)
    if role == "owner":
        return _hand_over(store, file, grant, transfer)
    with store.database.write() as db:
        before = access.audience(db, file["id"])
        if kind == "user" and grant.email:
            # Whoever is invited can sign in and see the file.
            accounts.add(db, grant.email)
        if grant.email and grant.email == file["owner"]:
            return find(store, file, grant.id)
        db.execute(
            "INSERT OR REPLACE INTO permissions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file["id"],
                grant.id,
                kind,
                role,
                grant.email,
                grant.domain,
                int(grant.discovery),
                grant.expires_ms,
                now_ms(),
            ),
        )
        _tell(store, db, file, before)
    return find(store, file, grant.id)


def _id(body: dict[str, Any]) -> str:
    kind, discovery = body.get("type"), bool(body.get("allowFileDiscovery"))
    if kind == "anyone":
        return "anyone" if discovery else "anyoneWithLink"
    if kind == "domain":
        return permission_id(str(body.get("domain"))) + ("k" if discovery else "l")
    return permission_id(str(body.get("emailAddress") or "").lower())


def _checked_role(store: Store, file: sqlite3.Row, kind: str, role: object) -> str:
    """Return a role; raise what Drive says if this caller can not give it, or this file not."""
    if not isinstance(role, str) or role not in access.RANK:
        raise invalid("permission.role", "The permission role field is required.")
    at_root = file["drive"] == file["id"]
    if file["parent"] is None and not at_root:
        raise not_permitted()
    if role == "owner" and (kind != "user" or file["drive"]):
        raise forbidden("invalidSharingRequest", "The specified role is not valid here.")
    if role == "organizer" and not at_root:
        raise forbidden("invalidSharingRequest", "Organizers are members of a shared drive only.")
    if role == "fileOrganizer" and file["drive"] is None:
        raise forbidden("invalidSharingRequest", "File organizers are in shared drives only.")
    needed = "owner" if role == "owner" else "organizer" if at_root else "writer"
    if file["drive"] and file["mime"] == FOLDER and not at_root:
        needed = "fileOrganizer"
    if _only_owner_shares(file):
        needed = "owner"
    store.need(file, needed)
    return role


def _only_owner_shares(file: sqlite3.Row) -> bool:
    return json.loads(file["extra"]).get("writersCanShare") is False


def _expiry(store: Store, body: dict[str, Any]) -> int | None:
    text = body.get("expirationTime")
    if text is None:
        return None
    ms = parse_time(text) if isinstance(text, str) else None
    if ms is None or ms <= store.database.clock.now_ms():
        raise invalid("permission.expirationTime")
    return ms


def _hand_over(store: Store, file: sqlite3.Row, grant: Grant, transfer: bool) -> Grant:
    """Give a file to a new owner; the old one may write it from now on."""
    if not transfer:
        said = "The transferOwnership parameter must be enabled when the permission role is 'owner'"
        raise forbidden("forbidden", said + ".")
    old = file["owner"]
    with store.database.write() as db:
        accounts.add(db, str(grant.email))
        before = access.audience(db, file["id"])
        gone = (file["id"], grant.id)
        db.execute("DELETE FROM permissions WHERE file_id = ? AND id = ?", gone)
        db.execute("UPDATE files SET owner = ? WHERE id = ?", (grant.email, file["id"]))
        if old != grant.email:
            db.execute(
                "INSERT INTO permissions (file_id, id, type, role, email, created_ms)"
                " VALUES (?, ?, 'user', 'writer', ?, ?)",
                (file["id"], permission_id(old), old, now_ms()),
            )
        _tell(store, db, file, before)
    return find(store, file, grant.id)


def update(
    store: Store,
    file: sqlite3.Row,
    permission: str,
    body: dict[str, Any],
    *,
    transfer: bool = False,
    no_end: bool = False,
) -> Grant:
    """Change the role or the end of a permission."""
    if not isinstance(body, dict):
        raise bad_request()
    grant = find(store, file, permission)
    role = body.get("role", grant.role)
    role = _checked_role(store, file, grant.kind, role)
    if role == "owner":
        return _hand_over(store, file, grant, transfer)
    _check_own(grant, "cannotModifyInheritedPermission", "modify")
    expires = None if no_end else _expiry(store, body) or grant.expires_ms
    with store.database.write() as db:
        before = access.audience(db, file["id"])
        db.execute(
            "UPDATE permissions SET role = ?, expires_ms = ? WHERE file_id = ? AND id = ?",
            (role, expires, file["id"], permission),
        )
        _tell(store, db, file, before)
    return find(store, file, permission)


def _check_own(grant: Grant, reason: str, verb: str) -> None:
    """Raise the 403 for a permission that was not given at the file itself."""
    if not any(place is None for _, place in grant.details) or grant.role == "owner":
        said = f"Cannot {verb} a permission that is inherited from a folder above, or the owner's."
        raise forbidden(reason, said)


def delete(store: Store, file: sqlite3.Row, permission: str) -> None:
    """Take a permission away; everybody may take their own."""
    if permission != permission_id(store.caller.email):
        store.need(file, "organizer" if file["drive"] == file["id"] else "writer")
    known = store.grants(file["id"])
    grant = _picked(known, permission)
    _check_own(grant, "cannotDeleteInheritedPermission", "delete")
    if grant.role == "organizer" and sum(one.role == "organizer" for one in known) == 1:
        raise forbidden("cannotRemoveLastOrganizer", "A shared drive needs an organizer.")
    with store.database.write() as db:
        before = access.audience(db, file["id"])
        values = (file["id"], permission)
        db.execute("DELETE FROM permissions WHERE file_id = ? AND id = ?", values)
        _tell(store, db, file, before)


def _tell(store: Store, db: sqlite3.Connection, file: sqlite3.Row, before: set[str]) -> None:
    """Tell everybody who has the file or had it, and of all that is in it."""
    if file["drive"] == file["id"]:
        logs = before | access.audience(db, file["id"])
        store.changes.record(db, file["id"], logs, drive=file["id"])
    else:
        store.touch(db, file["id"], lost=before)
    if file["mime"] == FOLDER:
        tree.spread(store, db, file["id"], before)


def set_resource_key(store: Store, file_id: str, key: str | bool | None) -> None:
    """Demand a key from those who come by the link; True draws one, None takes it off."""
    drawn = "0-" + secrets.token_urlsafe(16) if key is True else key or None
    with store.database.write() as db:
        db.execute("UPDATE files SET resource_key = ? WHERE id = ?", (drawn, file_id))
        store.touch(db, file_id)
