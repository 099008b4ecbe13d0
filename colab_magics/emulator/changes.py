"""What has changed on the Drive since a page token?"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import app_data, drives, tree
from .database import Database
from .errors import invalid
from .resource import resource
from .values import now_ms, rfc3339

if TYPE_CHECKING:
    from .files import Store


class ChangeLog:
    """One entry for a file at a time, oldest first; a token is the number of an entry.

    Each user has a log, and each shared drive; all count their entries with the same numbers.

    Attributes:
        lag: Seconds until a change appears in a log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lag = 0.0

    def record(
        self, db: sqlite3.Connection, file_id: str, logs: set[str], *, drive: str | None = None
    ) -> None:
        """Note that a file changed or vanished, inside the transaction that did it.

        Args:
            db: The connection of the transaction.
            file_id: The file, or a shared drive that changed itself.
            logs: The users and shared drives whose logs tell of it.
            drive: The shared drive of a file that is gone.
        """
        now = now_ms()
        row = db.execute("SELECT drive FROM files WHERE id = ?", (file_id,)).fetchone()
        drive = row["drive"] if row else drive
        waiting = db.execute("SELECT 1 FROM coming_changes LIMIT 1").fetchone()
        due = now + int(self.lag * 1000)
        for log in sorted(logs):
            if self.lag > 0 or waiting:
                values = (due, log, file_id, drive, now)
                db.execute("INSERT INTO coming_changes VALUES (?, ?, ?, ?, ?)", values)
            else:
                _append(db, log, file_id, drive, now)

    def _catch_up(self, at_once: bool) -> None:
        due = now_ms() if not at_once else 1 << 62
        sql = "SELECT rowid, * FROM coming_changes WHERE due_ms <= ? ORDER BY rowid"
        if not self._database.one(sql, (due,)):
            return
        with self._database.write() as db:
            for row in db.execute(sql, (due,)).fetchall():
                _append(db, row["log"], row["file_id"], row["drive"], row["time_ms"])
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

    def page(self, store: Store, token: str, size: int, wanted: Wanted) -> dict[str, Any]:
        """Return the changes from a token on, and the token to go on with.

        Args:
            store: The files as the caller sees them.
            token: From `start_token` or from the page before.
            size: Entries to look at; a page may show fewer.
            wanted: Which changes.
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
                "SELECT c.seq, c.file_id, c.drive AS of_drive, c.time_ms, f.* FROM changes c"
                " LEFT JOIN files f ON f.id = c.file_id WHERE c.log = ? AND c.seq >= ?"
                " AND (c.drive IS NULL OR ?) ORDER BY c.seq LIMIT ?",
                (wanted.drive or store.caller.email, first, wanted.all_drives, size + 1),
            )
        entries = [_entry(store, row) for row in rows[:size] if _shown(store, row, wanted)]
        shown = [one for one in entries if wanted.removed or not one["removed"]]
        answer: dict[str, Any] = {"kind": "drive#changeList", "changes": shown}
        if len(rows) > size:
            answer["nextPageToken"] = str(rows[size - 1]["seq"] + 1)
        else:
            answer["newStartPageToken"] = str(last + 1)
        return answer


@dataclass(frozen=True)
class Wanted:
    """Which changes a caller asks for.

    Attributes:
        removed: Those of files that are gone.
        drive: Those of a shared drive, instead of the user's.
        all_drives: Also those of shared drives in the user's log.
        my_drive_only: Only those of files in the user's My Drive.
        spaces: The Drive, the folder of the client's own data, or both.
    """

    removed: bool = True
    drive: str | None = None
    all_drives: bool = False
    my_drive_only: bool = False
    spaces: frozenset[str] = frozenset({"drive"})


def _append(
    db: sqlite3.Connection, log: str, file_id: str, drive: str | None, time_ms: int
) -> None:
    db.execute("DELETE FROM changes WHERE log = ? AND file_id = ?", (log, file_id))
    db.execute(
        "INSERT INTO changes (log, file_id, drive, time_ms) VALUES (?, ?, ?, ?)",
        (log, file_id, drive, time_ms),
    )


def _shown(store: Store, row: sqlite3.Row, wanted: Wanted) -> bool:
    """Say whether an entry is for this client and its question."""
    if app_data.root_of(store, row["file_id"]):
        return app_data.ALIAS in wanted.spaces and app_data.is_mine(store, row["file_id"])
    if "drive" not in wanted.spaces:
        return False
    if store.caller.only_own_files and not store.opened(row["file_id"]):
        return False
    if wanted.my_drive_only and row["id"] is not None:
        with store.database.lock:
            return tree.above(store.database.connection, row["id"])[-1] == store.root_id
    return True


def _entry(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    value: dict[str, Any] = {"kind": "drive#change", "time": rfc3339(row["time_ms"])}
    if row["of_drive"] == row["file_id"]:
        drive = drives.find(store, row["file_id"])
        value |= {"changeType": "drive", "type": "drive", "removed": drive is None}
        value["driveId"] = value["teamDriveId"] = row["file_id"]
        return value if drive is None else value | {"drive": drive}
    # Loss of access looks as deletion does.
    gone = row["id"] is None or store.role(row) is None
    value |= {"changeType": "file", "type": "file", "removed": gone, "fileId": row["file_id"]}
    return value if gone else value | {"file": resource(store, row)}
