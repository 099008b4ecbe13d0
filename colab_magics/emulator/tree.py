"""What does a folder do to the files in it: moves, trash, depth, and the index's old view?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from . import access, app_data
from .errors import bad_request, forbidden, not_permitted
from .values import FOLDER, now_ms

if TYPE_CHECKING:
    from .files import Store

_BELOW = """
WITH RECURSIVE inside (id) AS (
    SELECT ?
    UNION ALL
    SELECT files.id FROM files JOIN inside ON files.parent = inside.id
)
SELECT files.* FROM inside JOIN files ON files.id = inside.id
"""
_ABOVE = """
WITH RECURSIVE over (id, parent) AS (
    SELECT id, parent FROM files WHERE id = ?
    UNION ALL
    SELECT files.id, files.parent FROM files JOIN over ON files.id = over.parent
)
SELECT id FROM over
"""


def folder_to_write(store: Store, file_id: str) -> sqlite3.Row:
    """Return a folder that the caller can put files in; raise 404 or 403 if it is none."""
    real = store.real_id(file_id)
    # A client with drive.file does not see My Drive, but may write into it.
    row = store.raw(real) if real == store.root_id else store.row(real)
    if store.caller.only_app_data and not app_data.root_of(store, row["id"]):
        raise app_data.insufficient()
    if row["mime"] != FOLDER:
        raise forbidden("parentNotAFolder", "The specified parent is not a folder.")
    if not access.allows(store.role(row), "writer"):
        raise forbidden(
            "insufficientParentPermissions", "Insufficient permissions for the specified parent."
        )
    return row


def check_depth(store: Store, parent: sqlite3.Row) -> None:
    """Raise the 403 if a folder would be too deep in this parent."""
    with store.database.lock:
        # The root is among them, and does not count.
        if len(above(store.database.connection, parent["id"])) > store.limits.depth:
            raise forbidden(
                "myDriveHierarchyDepthLimitExceeded",
                "The hierarchy depth limit for My Drive has been exceeded.",
            )


def check_room(store: Store, parent: sqlite3.Row) -> None:
    """Raise the 403 if a folder is full; a root never is."""
    if parent["parent"] is None:
        return
    sql = "SELECT 1 FROM files WHERE parent = ? LIMIT 1 OFFSET ?"
    if store.database.one(sql, (parent["id"], store.limits.children - 1)):
        raise forbidden(
            "numChildrenInNonRootLimitExceeded",
            "The limit for the number of children (files and folders) in a folder has been"
            " exceeded.",
        )


def below(db: sqlite3.Connection, file_id: str) -> list[sqlite3.Row]:
    """Return a file and everything inside it."""
    return db.execute(_BELOW, (file_id,)).fetchall()


def above(db: sqlite3.Connection, file_id: str) -> list[str]:
    """Return a file's id and those of the folders above it."""
    return [row["id"] for row in db.execute(_ABOVE, (file_id,))]


def move(store: Store, db: sqlite3.Connection, file_id: str, add: str, remove: str) -> None:
    """Give a file its one new parent; `add` alone takes it out of the old one.

    Args:
        store: Whose files these are.
        db: The connection of the transaction.
        file_id: The file that moves.
        add: The value of `addParents`.
        remove: The value of `removeParents`.
    """
    row = store.row(file_id)
    if row["parent"] is None:
        raise not_permitted()
    store.need(row, "fileOrganizer" if row["drive"] else "writer")
    adding = [store.real_id(one) for one in add.split(",") if one]
    removing = [store.real_id(one) for one in remove.split(",") if one]
    if len(adding) > 1:
        raise forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
    # Not known of the real Drive: a parent that the file does not have. Refused here.
    if any(one != row["parent"] for one in removing):
        raise bad_request("A parent to remove is not a parent of the file.")
    if not adding:
        raise bad_request("A file must have exactly one parent.")
    parent = folder_to_write(store, adding[0])
    if parent["id"] == row["parent"]:
        if removing:
            return  # taken out and put back: rclone renames a file so
        raise bad_request("The file already has this parent.")
    if file_id in above(db, parent["id"]):
        raise bad_request("A folder cannot be moved into itself.")
    app_data.check_move(store, row["id"], parent["id"])
    check_room(store, parent)
    before = access.audience(db, file_id)
    remember(store, db, file_id)
    if row["drive"] != parent["drive"]:
        _change_drive(store, db, row, parent["drive"])
    db.execute("UPDATE files SET parent = ? WHERE id = ?", (parent["id"], file_id))
    store.touch(db, file_id, lost=before)
    if access.audience(db, file_id) != before:
        spread(store, db, file_id, before)
    if row["trashed"] != parent["trashed"]:
        settle(store, db, file_id)


def _change_drive(
    store: Store, db: sqlite3.Connection, row: sqlite3.Row, drive: str | None
) -> None:
    """Give a file, with all in it, to a shared drive or to the one who takes it out of one."""
    if row["drive"] is None:
        store.need(row, "owner")
        if row["mime"] == FOLDER:
            raise forbidden(
                "teamDrivesFolderMoveInNotSupported",
                "Moving folders into shared drives is not supported.",
            )
    else:
        store.need(row, "organizer")
    owner = None if drive else store.caller.email
    for one in below(db, row["id"]):
        db.execute("UPDATE files SET drive = ?, owner = ? WHERE id = ?", (drive, owner, one["id"]))


def spread(store: Store, db: sqlite3.Connection, file_id: str, before: set[str]) -> None:
    """Tell the logs of those who could see a folder, or can now, of all that is in it."""
    for one in below(db, file_id):
        if one["id"] != file_id:
            store.touch(db, one["id"], lost=before)


def remove(store: Store, db: sqlite3.Connection, rows: list[sqlite3.Row]) -> None:
    """Remove files for good; what belongs to others goes to the root of its owner."""
    mine = [row for row in rows if row["drive"] or row["owner"] == store.caller.email]
    told = {row["id"]: access.audience(db, row["id"]) for row in mine}
    for row in mine:
        others = "SELECT id, owner FROM files WHERE parent = ? AND owner IS NOT ? AND drive IS NULL"
        for orphan in db.execute(others, (row["id"], row["owner"])).fetchall():
            root = db.execute("SELECT root FROM users WHERE email = ?", (orphan["owner"],))
            _send_home(store, db, orphan["id"], root.fetchone()["root"])
    for row in mine:
        remember(store, db, row["id"])
        blobs = db.execute("SELECT blob FROM revisions WHERE file_id = ?", (row["id"],)).fetchall()
        db.execute("DELETE FROM files WHERE id = ?", (row["id"],))
        # What a client opened is kept: it is told when the file is gone.
        for table in ("revisions", "permissions", "marks"):
            db.execute(f"DELETE FROM {table} WHERE file_id = ?", (row["id"],))
        store.changes.record(db, row["id"], told[row["id"]], drive=row["drive"])
        for blob in {one["blob"] for one in blobs}:
            store.drop_later(blob)


def _send_home(store: Store, db: sqlite3.Connection, file_id: str, root: str) -> None:
    """Move what somebody else had in a folder that is removed; it was in the trash with that."""
    before = access.audience(db, file_id)
    remember(store, db, file_id)
    db.execute("UPDATE files SET parent = ? WHERE id = ?", (root, file_id))
    store.touch(db, file_id, lost=before)
    spread(store, db, file_id, before)
    settle(store, db, file_id)


def trash(store: Store, db: sqlite3.Connection, file_id: str, trashed: bool) -> None:
    """Put a file into the trash or take it out; what is inside goes with it."""
    row = store.raw(file_id)
    if row["parent"] is None:
        raise not_permitted()
    store.need(row, "fileOrganizer" if row["drive"] else "owner")
    app_data.refuse(store, file_id)
    if bool(row["explicitly_trashed"]) == trashed:
        return
    when, who = (now_ms(), store.caller.email) if trashed else (None, None)
    db.execute(
        "UPDATE files SET explicitly_trashed = ?, trashed_ms = ?, trasher = ? WHERE id = ?",
        (int(trashed), when, who, file_id),
    )
    settle(store, db, file_id)


def settle(store: Store, db: sqlite3.Connection, file_id: str) -> None:
    """Work out again what is in the trash, from this file down.

    A file counts as trashed if it or a folder above it was put there. Each file below whose state
    changes gets its own entry in the change log, since its File reads differently. [not documented]
    """
    row = store.raw(file_id)
    parent = store.raw(row["parent"])
    queue = [(row, int(parent["trashed"] or row["explicitly_trashed"]))]
    while queue:
        one, state = queue.pop()
        if one["trashed"] == state:
            continue
        if one["id"] != file_id:
            remember(store, db, one["id"])
            store.touch(db, one["id"])
        db.execute("UPDATE files SET trashed = ? WHERE id = ?", (state, one["id"]))
        inside = db.execute("SELECT * FROM files WHERE parent = ?", (one["id"],)).fetchall()
        queue += [(child, int(state or child["explicitly_trashed"])) for child in inside]


def remember(store: Store, db: sqlite3.Connection, file_id: str, *, existed: bool = True) -> None:
    """Keep what the search index still believes about a file that changes now."""
    if store.index_lag <= 0:
        return
    until = now_ms() + int(store.index_lag * 1000)
    db.execute(
        "INSERT INTO temp.stale SELECT *, ?, ? FROM files WHERE id = ?",
        (until, int(existed), file_id),
    )
