"""Which resumable uploads have begun, and what have they received?"""

from __future__ import annotations

import json
import secrets
import sqlite3
from typing import Any

from .blobs import Draft
from .database import Database
from .errors import DriveError
from .files import Store
from .values import now_ms

# Chunks of an upload are multiples of this, but for the last one.
UNIT = 256 << 10
# Sessions that were left alone must not use up the process's open files.
_MOST_OPEN = 128
_WEEK_MS = 7 * 24 * 3600 * 1000


class Sessions:
    """Resumable uploads that have begun; they outlive a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database: Database = store.database
        self._drafts: dict[str, Draft] = {}
        with self._database.write() as db:
            old = "SELECT id FROM sessions WHERE created_ms < ?"
            for row in db.execute(old, (now_ms() - _WEEK_MS,)).fetchall():
                self.forget(row["id"])

    def begin(
        self,
        file_id: str | None,
        body: dict[str, Any],
        query: dict[str, str],
        mime: str | None,
        total: int | None,
    ) -> str:
        """Return the id of a new session; who knows it may send the bytes."""
        session = "AEnB2U" + secrets.token_urlsafe(48)
        values = (session, file_id, json.dumps(body), json.dumps(query), mime, total, now_ms())
        with self._database.write() as db:
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", values)
        return session

    def row(self, session: str) -> sqlite3.Row:
        """Return a session; raise 404 if it is unknown, cancelled or a week old."""
        row = self._database.one("SELECT * FROM sessions WHERE id = ?", (session,))
        if row is None or row["created_ms"] < now_ms() - _WEEK_MS:
            raise DriveError(404, "notFound", "Upload session not found.")
        return row

    def draft(self, session: str) -> Draft:
        """Return the bytes received so far; after a restart, whole units of them."""
        if session not in self._drafts:
            while len(self._drafts) >= _MOST_OPEN:
                # Its bytes stay on disk; it is opened again when its next chunk comes.
                self._drafts.pop(next(iter(self._drafts))).close()
            draft = self._store.blobs.draft(session)
            draft.cut(draft.size // UNIT * UNIT)
            self._drafts[session] = draft
        return self._drafts[session]

    def finish(self, db: sqlite3.Connection, session: str, file_id: str) -> None:
        """Note which file came of a session, for those whose answer was lost."""
        self._drafts.pop(session, None)
        db.execute("UPDATE sessions SET done_id = ? WHERE id = ?", (file_id, session))

    def forget(self, session: str) -> None:
        """Cancel a session."""
        self.draft(session).discard()
        self._drafts.pop(session, None)
        with self._database.write() as db:
            db.execute("DELETE FROM sessions WHERE id = ?", (session,))

    def forget_all(self) -> None:
        """Cancel every session, as if a week had passed."""
        for row in self._database.all("SELECT id FROM sessions"):
            self.forget(row["id"])

    def close(self) -> None:
        """Leave the bytes of unfinished sessions on disk for the next process."""
        for draft in self._drafts.values():
            draft.close()
        self._drafts.clear()
