"""What has changed on the Drive since a page token?"""

from __future__ import annotations

import sqlite3
from typing import Any

from .database import Database
from .errors import invalid
from .resource import resource
from .values import now_ms, rfc3339


class ChangeLog:
    """One entry for a file at a time, oldest first; a token is the number of an entry.

    Attributes:
        lag: Seconds until a change appears in the log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lag = 0.0

    def record(self, db: sqlite3.Connection, file_id: str) -> None:
        """Note that a file changed or vanished, inside the transaction that did it."""
        now = now_ms()
        waiting = db.execute("SELECT 1 FROM coming_changes LIMIT 1").fetchone()
        if self.lag > 0 or waiting:
            due = now + int(self.lag * 1000)
            db.execute("INSERT INTO coming_changes VALUES (?, ?, ?)", (due, file_id, now))
        else:
            _append(db, file_id, now)

    def _catch_up(self, at_once: bool) -> None:
        due = now_ms() if not at_once else 1 << 62
        sql = "SELECT rowid, * FROM coming_changes WHERE due_ms <= ? ORDER BY rowid"
        if not self._database.one(sql, (due,)):
            return
        with self._database.write() as db:
            for row in db.execute(sql, (due,)).fetchall():
                _append(db, row["file_id"], row["time_ms"])
                db.execute("DELETE FROM coming_changes WHERE rowid = ?", (row["rowid"],))

    def set_lag(self, seconds: float) -> None:
        """Set the lag; without one, the log shows at once what it held back."""
        self.lag = seconds
        if seconds <= 0:
            self._catch_up(at_once=True)

    def start_token(self) -> str:
        """Return the token from which only later changes are seen."""
        self._catch_up(at_once=False)
        return str(self._last() + 1)

    def count(self) -> int:
        """Return a number that grows with each change, shown or still held back."""
        row = self._database.one("SELECT count(*) AS held FROM coming_changes")
        return self._last() + (int(row["held"]) if row else 0)

    def _last(self) -> int:
        row = self._database.one("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
        return int(row["seq"]) if row else 0

    def page(self, token: str, size: int, *, removed: bool) -> dict[str, Any]:
        """Return the changes from a token on, and the token to go on with.

        Args:
            token: From `start_token` or from the page before.
            size: Entries to look at; a page may show fewer.
            removed: Whether files that are gone are shown.
        """
        with self._database.lock:
            self._catch_up(at_once=False)
            last = self._last()
            if not token.isascii() or not token.isdigit() or len(token) > 18:
                raise invalid("pageToken")
            first = int(token)
            if not 1 <= first <= last + 1:
                raise invalid("pageToken")
            rows = self._database.all(
                "SELECT c.seq, c.file_id, c.time_ms, f.* FROM changes c"
                " LEFT JOIN files f ON f.id = c.file_id WHERE c.seq >= ? ORDER BY c.seq LIMIT ?",
                (first, size + 1),
            )
        shown = [_entry(row) for row in rows[:size] if row["id"] is not None or removed]
        answer: dict[str, Any] = {"kind": "drive#changeList", "changes": shown}
        if len(rows) > size:
            answer["nextPageToken"] = str(rows[size - 1]["seq"] + 1)
        else:
            answer["newStartPageToken"] = str(last + 1)
        return answer


def _append(db: sqlite3.Connection, file_id: str, time_ms: int) -> None:
    db.execute("DELETE FROM changes WHERE file_id = ?", (file_id,))
    db.execute("INSERT INTO changes (file_id, time_ms) VALUES (?, ?)", (file_id, time_ms))


def _entry(row: sqlite3.Row) -> dict[str, Any]:
    gone = row["id"] is None
    entry: dict[str, Any] = {
        "kind": "drive#change",
        "changeType": "file",
        "type": "file",
        "time": rfc3339(row["time_ms"]),
        "removed": gone,
        "fileId": row["file_id"],
    }
    if not gone:
        entry["file"] = resource(row)
    return entry
