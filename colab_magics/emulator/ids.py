"""Which ids were given away in advance, and which may a create use?"""

from __future__ import annotations

import sqlite3

from .database import Database
from .errors import DriveError, invalid, not_permitted
from .values import SHORTCUT, is_google_type, new_id


def issue(database: Database, count: int, kind: str) -> list[str]:
    """Give away ids for `files` or for `shortcuts`."""
    ids = [new_id() for _ in range(count)]
    with database.write() as db:
        db.executemany("INSERT INTO ids VALUES (?, ?, 0)", [(one, kind) for one in ids])
    return ids


def check(database: Database, file_id: object, mime: str) -> None:
    """Raise what a create with this id would raise."""
    known = database.one("SELECT * FROM ids WHERE id = ?", (str(file_id),))
    if is_google_type(mime):
        raise not_permitted("Generated IDs are not supported for Docs Editors formats.")
    if known is None or known["kind"] != _kind(mime):
        raise invalid("fileId", "The provided file ID is not usable.")
    # Whether the id of a deleted file can be used again is not known: here it can not.
    if known["used"]:
        raise DriveError(409, "fileIdInUse", "A file already exists with the provided ID.")


def use(db: sqlite3.Connection, file_id: str, mime: str) -> None:
    """Note that an id is a file from now on."""
    db.execute("INSERT OR REPLACE INTO ids VALUES (?, ?, 1)", (file_id, _kind(mime)))


def _kind(mime: str) -> str:
    return "shortcuts" if mime == SHORTCUT else "files"
