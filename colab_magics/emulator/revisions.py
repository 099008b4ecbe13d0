"""Which contents has a file had, and which of them are still there?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from .accounts import user
from .documents import export_links
from .errors import DriveError, bad_request, forbidden, invalid, not_permitted
from .values import has_bytes, is_google_type, now_ms, rfc3339

if TYPE_CHECKING:
    from .files import Store

_MONTH_MS = 30 * 24 * 3600 * 1000


def record(store: Store, db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Note the content that a file has just been given, and let old ones go."""
    db.execute(
        "INSERT INTO revisions (file_id, id, blob, size, md5, mime, name, modified_ms, modifier)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row["id"],
            row["revision"],
            row["blob"],
            row["size"],
            row["md5"],
            row["mime"],
            row["name"],
            now_ms(),
            row["modifier"],
        ),
    )
    _purge(store, db, row["id"], row["revision"])


def _purge(store: Store, db: sqlite3.Connection, file_id: str, head: str) -> None:
    """Drop what is old: after 30 days, after 100 newer ones, or when the disk would fill up."""
    sql = "SELECT * FROM revisions WHERE file_id = ? AND id != ? AND NOT keep ORDER BY seq DESC"
    count = size = 0
    edge = store.database.clock.now_ms() - _MONTH_MS
    for row in db.execute(sql, (file_id, head)).fetchall():
        count, size = count + 1, size + (row["size"] or 0)
        fits = count < store.limits.revisions and size <= store.limits.revision_bytes
        if not fits or row["modified_ms"] < edge:
            _drop(store, db, row)


def _drop(store: Store, db: sqlite3.Connection, row: sqlite3.Row) -> None:
    db.execute("DELETE FROM revisions WHERE seq = ?", (row["seq"],))
    store.drop_later(row["blob"])


def of_file(store: Store, file: sqlite3.Row) -> list[sqlite3.Row]:
    """Return the revisions of a file, oldest first; raise 403 for what has none."""
    if file["blob"] is None:
        raise forbidden("revisionsNotSupported", "The file does not support revisions.")
    sql = "SELECT * FROM revisions WHERE file_id = ? ORDER BY seq"
    return store.database.all(sql, (file["id"],))


def find(store: Store, file: sqlite3.Row, revision: str) -> sqlite3.Row:
    """Return a revision by its id or the alias `head`; raise 404 if there is none."""
    known = {row["id"]: row for row in of_file(store, file)}
    wanted = file["revision"] if revision == "head" else revision
    if wanted not in known:
        message = f"Revision not found: {revision}."
        raise DriveError(404, "notFound", message, location="revisionId")
    return known[wanted]


def keep(store: Store, file: sqlite3.Row, row: sqlite3.Row, body: dict[str, Any]) -> sqlite3.Row:
    """Keep a revision forever, or no more."""
    wanted = body.get("keepForever", bool(row["keep"]))
    if not isinstance(wanted, bool):
        raise invalid("keepForever")
    if not has_bytes(file["mime"]):
        raise bad_request("keepForever applies to files with binary content only.")
    kept = sum(one["keep"] for one in of_file(store, file))
    if wanted and not row["keep"] and kept >= store.limits.revisions_forever:
        message = "The number of revisions that are kept forever has been exceeded."
        raise forbidden("revisionLimitExceeded", message)
    with store.database.write() as db:
        db.execute("UPDATE revisions SET keep = ? WHERE seq = ?", (int(wanted), row["seq"]))
        store.touch(db, file["id"])
    return find(store, file, row["id"])


def delete(store: Store, file: sqlite3.Row, row: sqlite3.Row) -> None:
    """Remove a revision for good; not the newest, and none of a document."""
    if not has_bytes(file["mime"]):
        raise not_permitted("Revisions of Docs Editors files cannot be deleted.")
    if row["id"] == file["revision"]:
        raise not_permitted("The head revision of a file cannot be deleted.")
    with store.database.write() as db:
        _drop(store, db, row)
        store.touch(db, file["id"])


def resource(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """Return a revision as Drive shows it."""
    value: dict[str, Any] = {
        "kind": "drive#revision",
        "id": row["id"],
        "mimeType": row["mime"],
        "modifiedTime": rfc3339(row["modified_ms"]),
        "published": False,
        "lastModifyingUser": user(row["modifier"], store.caller),
    }
    if is_google_type(row["mime"]):
        return value | export_links(row["file_id"], row["mime"])
    return value | {
        "keepForever": bool(row["keep"]),
        "md5Checksum": row["md5"],
        "size": str(row["size"]),
        "originalFilename": row["name"],
    }
