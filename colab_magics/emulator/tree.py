"""What does a folder do to the files in it: moves, trash, depth, and the index's old view?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from .errors import bad_request, forbidden, not_permitted
from .values import FOLDER, now_ms

if TYPE_CHECKING:
    from .files import Store

# Folders inside each other; whether the root counts is not documented: here it does not.
DEEPEST = 100

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


def folder(store: Store, file_id: str) -> sqlite3.Row:
    """Return a folder that files can be put in; raise 404 or 403 if it is none."""
    row = store.row(file_id)
    if row["mime"] != FOLDER:
        raise forbidden("parentNotAFolder", "The specified parent is not a folder.")
    return row


def below(db: sqlite3.Connection, file_id: str) -> list[sqlite3.Row]:
    """Return a file and everything inside it."""
    return db.execute(_BELOW, (file_id,)).fetchall()


def above(db: sqlite3.Connection, file_id: str) -> list[str]:
    """Return a file's id and those of the folders above it."""
    return [row["id"] for row in db.execute(_ABOVE, (file_id,))]


def depth(db: sqlite3.Connection, file_id: str) -> int:
    """Return how many folders are on the way to the root, the root included."""
    return len(above(db, file_id))


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
    adding = [store.root_id if one == "root" else one for one in add.split(",") if one]
    removing = [store.root_id if one == "root" else one for one in remove.split(",") if one]
    if len(adding) > 1:
        raise forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
    # Not known of the real Drive: a parent that the file does not have. Refused here.
    if any(one != row["parent"] for one in removing):
        raise bad_request("A parent to remove is not a parent of the file.")
    if not adding:
        raise bad_request("A file must have exactly one parent.")
    parent = folder(store, adding[0])
    if parent["id"] == row["parent"]:
        raise bad_request("The file already has this parent.")
    if file_id in above(db, parent["id"]):
        raise bad_request("A folder cannot be moved into itself.")
    remember(store, db, file_id)
    db.execute("UPDATE files SET parent = ? WHERE id = ?", (parent["id"], file_id))
    store.touch(db, file_id)
    if row["trashed"] != parent["trashed"]:
        settle(store, db, file_id)


def trash(store: Store, db: sqlite3.Connection, file_id: str, trashed: bool) -> None:
    """Put a file into the trash or take it out; what is inside goes with it."""
    row = store.row(file_id)
    if row["parent"] is None:
        raise not_permitted()
    if bool(row["explicitly_trashed"]) == trashed:
        return
    when = now_ms() if trashed else None
    db.execute(
        "UPDATE files SET explicitly_trashed = ?, trashed_ms = ? WHERE id = ?",
        (int(trashed), when, file_id),
    )
    settle(store, db, file_id)


def settle(store: Store, db: sqlite3.Connection, file_id: str) -> None:
    """Work out again what is in the trash, from this file down.

    A file counts as trashed if it or a folder above it was put there. Each file below whose state
    changes gets its own entry in the change log, since its File reads differently. [not documented]
    """
    row = store.row(file_id)
    parent = store.row(row["parent"])
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
