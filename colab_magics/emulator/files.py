"""What files are on the Drive, and what does each request do to them?"""

from __future__ import annotations

import copy
import sqlite3
from pathlib import Path

from . import access, accounts, app_data, tree
from .accounts import DEFAULT_CALLER, Caller
from .blobs import Blobs
from .changes import ChangeLog
from .clock import Clock
from .database import Database
from .errors import forbidden, not_found, not_permitted
from .limits import Limits
from .v2 import check_match

_ALONE = """SELECT (SELECT count(*) FROM users) = 1 AND NOT EXISTS (SELECT 1 FROM permissions)
    AND NOT EXISTS (SELECT 1 FROM drives) AS alone"""


class Store:
    """The files of one Drive, in one folder of this machine, as one caller sees them.

    Every method is one transaction: it happens as a whole, durable when it returns, or not at all.

    Attributes:
        limits: How much fits.
        index_lag: Seconds until a listing shows a write.
        caller: Who asks.
        all_drives: Whether the caller knows of shared drives; to others their files are not there.
        resource_keys: The keys that came with the request, by file.
        alone: Whether one user owned all there was when the request came, and had shared nothing:
            then nobody has to be asked who sees what.
        if_match: The etags of v2 that the caller wants a file to have before it is changed.
    """

    def __init__(self, root: Path, clock: Clock, limits: Limits) -> None:
        self.blobs = Blobs(root)
        self.database = Database(root / "drive.db", clock)
        self.changes = ChangeLog(self.database)
        self.limits = limits
        self.index_lag = 0.0
        self.caller = DEFAULT_CALLER
        self.all_drives = True
        self.resource_keys: dict[str, str] = {}
        self.if_match = ""
        self.alone = False
        self._sweep()

    def seen_by(
        self, caller: Caller, *, all_drives: bool, keys: dict[str, str], if_match: str = ""
    ) -> Store:
        """Return the same files as another caller sees them."""
        view = copy.copy(self)
        view.caller, view.all_drives, view.resource_keys = caller, all_drives, keys
        view.if_match = if_match
        row = self.database.one(_ALONE)
        view.alone = bool(row and row["alone"])
        return view

    def _sweep(self) -> None:
        used = "SELECT blob FROM files WHERE blob IS NOT NULL UNION SELECT blob FROM revisions"
        blobs = self.database.all(used)
        sessions = self.database.all("SELECT id FROM sessions WHERE done_id IS NULL")
        self.blobs.sweep({row["blob"] for row in blobs}, {row["id"] for row in sessions})

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    @property
    def root_id(self) -> str:
        """The id of the caller's My Drive."""
        sql = "SELECT root FROM users WHERE email = ?"
        row = self.database.one(sql, (self.caller.email,))
        if row is None:
            with self.database.write() as db:
                accounts.add(db, self.caller.email)
            row = self.database.one(sql, (self.caller.email,))
        return str(row["root"]) if row else ""

    def set_index_lag(self, seconds: float) -> None:
        """Set how far listings lag; without a lag, the index catches up at once."""
        self.index_lag = seconds
        if seconds <= 0:
            with self.database.write() as db:
                db.execute("DELETE FROM temp.stale")

    def raw(self, file_id: str) -> sqlite3.Row:
        """Return a file by its id, whoever may see it; raise 404 if there is none."""
        row = self.database.one("SELECT * FROM files WHERE id = ?", (file_id,))
        if row is None:
            raise not_found(file_id)
        return row

    def real_id(self, file_id: str) -> str:
        """Return what an alias stands for; an id stands for itself."""
        if file_id == "root":
            return self.root_id
        return app_data.folder(self) if file_id == app_data.ALIAS else file_id

    def row(self, file_id: str) -> sqlite3.Row:
        """Return a file by its id or its alias; raise 404 if the caller can not see it."""
        row = self.database.one("SELECT * FROM files WHERE id = ?", (self.real_id(file_id),))
        if row is None or not self.sees(row):
            raise not_found(file_id)
        return row

    def role(self, row: sqlite3.Row) -> str | None:
        """Return what the caller is to a file: owner, writer, reader... or nothing at all."""
        if row["owner"] == self.caller.email:
            return "owner"
        known = self.grants(row["id"])
        key = row["resource_key"]
        if key and self.resource_keys.get(row["id"]) != key:
            known = [one for one in known if not one.by_link]
        return access.role_of(known, self.caller)

    def grants(self, file_id: str) -> list[access.Grant]:
        """Return who has a file."""
        with self.database.lock:
            return access.grants(self.database.connection, file_id)

    def sees(self, row: sqlite3.Row) -> bool:
        """Say whether a file is there for the caller, with the scopes of the token."""
        if row["drive"] and not self.all_drives:
            return False
        if app_data.root_of(self, row["id"]):
            return app_data.is_mine(self, row["id"])
        if self.caller.only_own_files and not self.opened(row["id"]):
            return False
        return self.role(row) is not None

    def opened(self, file_id: str) -> bool:
        """Say whether the caller's client made the file or was given it."""
        sql = "SELECT 1 FROM opened WHERE file_id = ? AND client = ?"
        return self.database.one(sql, (file_id, self.caller.client)) is not None

    def need(self, row: sqlite3.Row, role: str) -> None:
        """Raise the 403 if the caller is less than this to a file."""
        if not access.allows(self.role(row), role):
            raise not_permitted()

    def used(self, email: str) -> int:
        """Return the bytes that a user has, those in the trash among them."""
        row = self.database.one("SELECT bytes FROM usage WHERE holder = ?", (email,))
        return int(row["bytes"]) if row else 0

    def in_trash(self, email: str) -> int:
        """Return the bytes that a user has in the trash."""
        sql = "SELECT coalesce(sum(size), 0) AS bytes FROM files WHERE trashed AND owner = ?"
        row = self.database.one(sql, (email,))
        return int(row["bytes"]) if row else 0

    def check_space(self, more: int, email: str) -> None:
        """Raise the 403 if so many bytes more do not fit into a user's Drive."""
        limit = self.limits.storage
        if limit is not None and self.used(email) + more > limit:
            raise forbidden(
                "storageQuotaExceeded", "The user's Drive storage quota has been exceeded."
            )

    def sends(self, size: int) -> None:
        """Count bytes of the caller's; raise the 403 if it is too much for a day."""
        self.limits.send(self.caller.email, size, self.database.clock.now_ms())

    def touch(
        self,
        db: sqlite3.Connection,
        file_id: str,
        steps: int = 1,
        lost: set[str] | frozenset[str] = frozenset(),
    ) -> None:
        """Give a file that changed a higher version and new entries in the change logs.

        Args:
            db: The connection of the transaction.
            file_id: The file.
            steps: By how much the version grows.
            lost: Whose logs tell of it though the file is out of their sight now.
        """
        db.execute("UPDATE files SET version = version + ? WHERE id = ?", (steps, file_id))
        self.changes.record(db, file_id, access.audience(db, file_id) | lost)

    def delete(self, file_id: str) -> None:
        """Remove a file for good, and all that is in it and belongs to who removes it."""
        row = self.row(file_id)
        if row["parent"] is None:
            raise not_permitted()
        self.need(row, "organizer" if row["drive"] else "owner")
        check_match(self.if_match, row["id"], row["version"])
        with self.database.write() as db:
            tree.remove(self, db, tree.below(db, row["id"]))

    def empty_trash(self, drive: str | None = None) -> None:
        """Remove for good all that is in the trash, of the caller or of a shared drive."""
        holder, value = ("drive", drive) if drive else ("owner", self.caller.email)
        sql = f"SELECT * FROM files WHERE trashed AND {holder} = ?"
        with self.database.write() as db:
            tree.remove(self, db, db.execute(sql, (value,)).fetchall())

    def drop_later(self, blob: str | None) -> None:
        """Remove a content from the disk unless a file or a revision still has it."""
        used = "SELECT 1 FROM files WHERE blob = ?1 UNION SELECT 1 FROM revisions WHERE blob = ?1"

        def drop() -> None:
            if blob and not self.database.one(used, (blob,)):
                self.blobs.drop(blob)

        # Not before the commit: a kill in between would leave a file without its bytes.
        self.database.afterwards(drop)
