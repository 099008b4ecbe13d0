"""Which ids were given away in advance, and which may a create use?"""

from __future__ import annotations

import sqlite3

from .database import Database
from .errors import DriveError, invalid, not_permitted
from .values import SHORTCUT, is_google_type, new_id


def issue(database: Database, count: int, kind: str, email: str) -> list[str]:
    """Give a user ids for `files` or for `shortcuts`."""
    ids = [new_id() for _ in range(count)]
    with database.write() as db:
        rows = [(one, kind, email) for one in ids]
        db.executemany("INSERT INTO ids VALUES (?, ?, 0, ?)", rows)
    return ids


def check(database: Database, file_id: object, mime: str, email: str) -> None:
    """Raise what a create with this id by this user would raise.

    Google says that ids are "generated for the requesting user". What somebody else's create with
    one gets is not known; here it is refused as an id that was never given.
    """
    known = database.one("SELECT * FROM ids WHERE id = ?", (str(file_id),))
    if is_google_type(mime):
        raise not_permitted("Generated IDs are not supported for Docs Editors formats.")
    if known is None or known["kind"] != _kind(mime):
        raise invalid("fileId", "The provided file ID is not usable.")
    # Whether the id of a deleted file can be used again is not known: here it can not.
    if known["used"]:
        raise DriveError(409, "fileIdInUse", "A file already exists with the provided ID.")
    if known["owner"] != email:
        raise invalid("fileId", "The provided file ID is not usable.")


def use(db: sqlite3.Connection, file_id: str, mime: str) -> None:
    """Note that an id is a file from now on."""
    db.execute(
        "INSERT INTO ids VALUES (?, ?, 1, NULL) ON CONFLICT DO UPDATE SET used = 1",
        (file_id, _kind(mime)),
    )


def _kind(mime: str) -> str:
    return "shortcuts" if mime == SHORTCUT else "files"
