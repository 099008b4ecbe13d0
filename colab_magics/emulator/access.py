"""Who may do what with a file?"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .accounts import Caller, display_name, permission_id
from .values import rfc3339

RANK = {"reader": 1, "commenter": 2, "writer": 3, "fileOrganizer": 4, "organizer": 5, "owner": 6}

_ABOVE = """
WITH RECURSIVE over (id, parent, owner, step) AS (
    SELECT id, parent, owner, 0 FROM files WHERE id = ?
    UNION ALL
    SELECT files.id, files.parent, files.owner, step + 1
    FROM files JOIN over ON files.id = over.parent
)
SELECT over.id AS place, over.owner, over.step, p.id, p.type, p.role, p.email, p.domain,
    p.discovery, p.expires_ms
FROM over LEFT JOIN permissions AS p ON p.file_id = over.id
    AND (p.expires_ms IS NULL OR p.expires_ms > drive_now())
ORDER BY over.step
"""


@dataclass
class Grant:
    """What one user, group, domain or everybody may do with a file, and where that was said.

    Attributes:
        id: The id of the permission, the same at every file for one grantee.
        kind: `user`, `group`, `domain` or `anyone`.
        role: The highest role of all that were granted.
        email: The user or group.
        domain: The domain.
        discovery: Whether a search finds the file, without its link.
        expires_ms: When it ends, if it does.
        details: Each place that grants it: the role, and the file, if it is one above.
    """

    id: str
    kind: str
    role: str
    email: str | None = None
    domain: str | None = None
    discovery: bool = False
    expires_ms: int | None = None
    details: list[tuple[str, str | None]] = field(default_factory=list)

    def add(self, role: str, place: str | None) -> None:
        """Add a place that grants it; the highest role counts."""
        self.details.append((role, place))
        if RANK[role] > RANK[self.role]:
            self.role = role

    def covers(self, caller: Caller) -> bool:
        """Say whether it is for this user; a link is for everybody."""
        if self.kind == "user":
            return self.email == caller.email
        if self.kind == "domain":
            return caller.email.rpartition("@")[2] == self.domain
        # Nobody is a member of a group here.
        return self.kind == "anyone"

    @property
    def by_link(self) -> bool:
        """Whether only who has the link gets in."""
        return self.kind in ("anyone", "domain") and not self.discovery

    def resource(self, *, shared_drive: bool) -> dict[str, Any]:
        """Return it as a Permission."""
        value: dict[str, Any] = {"kind": "drive#permission", "id": self.id, "type": self.kind}
        value["role"] = self.role
        if self.email:
            value |= {"emailAddress": self.email, "displayName": display_name(self.email)}
            value |= {"deleted": False, "pendingOwner": False}
        if self.domain:
            value |= {"domain": self.domain, "displayName": self.domain}
        if self.kind in ("anyone", "domain"):
            value["allowFileDiscovery"] = self.discovery
        if self.expires_ms is not None:
            value["expirationTime"] = rfc3339(self.expires_ms)
        details = []
        for role, place in self.details:
            kind = "member" if shared_drive and place else "file"
            detail: dict[str, Any] = {"permissionType": kind, "role": role}
            detail["inherited"] = place is not None
            if place is not None and shared_drive:
                detail["inheritedFrom"] = place
            details.append(detail)
        return value | {"permissionDetails": details}


def owned(email: str) -> Grant:
    """Return what an owner has."""
    return Grant(permission_id(email), "user", "owner", email, details=[("owner", None)])


def grants(db: sqlite3.Connection, file_id: str) -> list[Grant]:
    """Return all that is granted at a file, by itself or by the folders above it.

    `anyone` comes first: so PyDrive2's tests, which its authors run on the real Drive, find it.
    """
    found: dict[str, Grant] = {}
    seen: set[str] = set()
    for row in db.execute(_ABOVE, (file_id,)):
        place = None if row["step"] == 0 else row["place"]
        if row["owner"] is not None and row["place"] not in seen:
            seen.add(row["place"])
            # Whoever owns a folder may write what others put into it.
            _merge(
                found,
                Grant(permission_id(row["owner"]), "user", "reader", row["owner"]),
                "owner" if place is None else "writer",
                place,
            )
        if row["id"] is not None:
            fresh = Grant(row["id"], row["type"], "reader", row["email"], row["domain"])
            fresh.discovery, fresh.expires_ms = bool(row["discovery"]), row["expires_ms"]
            _merge(found, fresh, row["role"], place)
    return sorted(found.values(), key=lambda one: one.kind != "anyone")


def _merge(found: dict[str, Grant], fresh: Grant, role: str, place: str | None) -> None:
    known = found.setdefault(fresh.id, fresh)
    # The owner of the file owns the folders above it as a rule; that is not worth a line each.
    if not (known.details and known.role == "owner" and place is not None):
        known.add(role, place)


def role_of(known: list[Grant], caller: Caller) -> str | None:
    """Return the highest role that a user has, or None."""
    roles = [one.role for one in known if one.covers(caller)]
    return max(roles, key=RANK.__getitem__, default=None)


def allows(role: str | None, needed: str) -> bool:
    """Say whether a role is enough."""
    return role is not None and RANK[role] >= RANK[needed]


def withheld(row: sqlite3.Row, role: str | None) -> bool:
    """Say whether the bytes of a file are kept from somebody because they may only read it."""
    kept = json.loads(row["extra"]).get("copyRequiresWriterPermission")
    return bool(kept) and not allows(role, "writer")


def audience(db: sqlite3.Connection, file_id: str) -> set[str]:
    """Return in whose change logs a file is: users by name, and its shared drive."""
    people = {one.email for one in grants(db, file_id) if one.kind == "user" and one.email}
    row = db.execute("SELECT drive FROM files WHERE id = ?", (file_id,)).fetchone()
    return people | ({row["drive"]} if row and row["drive"] else set())


# What each role may do, beyond the roles below it. Files in a shared drive have their own rules.
_CAN = {
    "reader": "canCopy canDownload canReadRevisions canListChildren canReadDrive",
    "commenter": "canComment",
    "writer": (
        "canAddChildren canChangeCopyRequiresWriterPermission canEdit canModifyContent "
        "canModifyContentRestriction canMoveChildrenWithinDrive canMoveItemWithinDrive "
        "canRemoveChildren canRename canShare"
    ),
    "fileOrganizer": "canTrash canUntrash canTrashChildren",
    "organizer": "canDelete canDeleteChildren canMoveChildrenOutOfDrive canMoveItemOutOfDrive",
    "owner": "canRemoveMyDriveParent canTrash canUntrash canDelete",
}
_FOLDERS_ONLY = {
    "canAddChildren",
    "canDeleteChildren",
    "canListChildren",
    "canMoveChildrenOutOfDrive",
    "canMoveChildrenWithinDrive",
    "canRemoveChildren",
    "canTrashChildren",
}
_NOT_FOLDERS = {"canCopy"}
_BLOBS_ONLY = {"canReadRevisions", "canChangeCopyRequiresWriterPermission"}
_NOT_ROOTS = {
    "canDelete",
    "canTrash",
    "canUntrash",
    "canMoveItemWithinDrive",
    "canMoveItemOutOfDrive",
    "canRemoveMyDriveParent",
}
_SHARED_DRIVES_ONLY = {"canDeleteChildren", "canTrashChildren", "canReadDrive"}


@lru_cache(maxsize=256)
def capabilities(
    role: str | None, *, folder: bool, root: bool, blob: bool, shared_drive: bool
) -> frozenset[str]:
    """Return what a user with this role can do with a file of this kind."""
    able: set[str] = set()
    for name, can in _CAN.items():
        if allows(role, name):
            able |= set(can.split())
    if shared_drive:
        able -= {"canRemoveMyDriveParent"}
        if not allows(role, "fileOrganizer"):
            able -= {"canMoveItemWithinDrive", "canMoveChildrenWithinDrive", "canRemoveChildren"}
    else:
        able -= _SHARED_DRIVES_ONLY
    if not folder:
        able -= _FOLDERS_ONLY
    if folder:
        able -= _NOT_FOLDERS
    if root:
        able -= _NOT_ROOTS
    if not blob:
        able -= _BLOBS_ONLY
    return frozenset(able)
