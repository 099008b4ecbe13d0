"""Where does the emulator keep what it knows?"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .values import FOLDER, has_word_prefix, name_key, natural_key, new_root_id, now_ms

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    name_key           TEXT NOT NULL,           -- names compare without regard to case
    mime               TEXT NOT NULL,
    parent             TEXT,                    -- null for the root only: one parent each
    trashed            INTEGER NOT NULL DEFAULT 0,  -- itself, or a folder above it
    explicitly_trashed INTEGER NOT NULL DEFAULT 0,
    trashed_ms         INTEGER,
    starred            INTEGER NOT NULL DEFAULT 0,
    created_ms         INTEGER NOT NULL,
    modified_ms        INTEGER NOT NULL,
    viewed_ms          INTEGER NOT NULL,
    version            INTEGER NOT NULL DEFAULT 1,
    blob               TEXT,                    -- file name in blobs/; null without bytes
    size               INTEGER,
    md5                TEXT,
    sha1               TEXT,
    sha256             TEXT,
    revision           TEXT,
    properties         TEXT NOT NULL DEFAULT '{}',
    app_properties     TEXT NOT NULL DEFAULT '{}',
    extra              TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS files_by_parent ON files (parent, name_key);
CREATE INDEX IF NOT EXISTS files_by_name ON files (name_key);
CREATE INDEX IF NOT EXISTS files_by_blob ON files (blob);
CREATE INDEX IF NOT EXISTS files_in_trash ON files (trashed) WHERE trashed;

-- The change log: at most one entry for a file, a newer one takes a higher number.
CREATE TABLE IF NOT EXISTS changes (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id TEXT NOT NULL UNIQUE,
    time_ms INTEGER NOT NULL
);
-- Changes that the log does not show yet, because it lags.
CREATE TABLE IF NOT EXISTS coming_changes (
    due_ms  INTEGER NOT NULL,
    file_id TEXT NOT NULL,
    time_ms INTEGER NOT NULL
);
-- Every id that was given away in advance or has ever been a file.
CREATE TABLE IF NOT EXISTS ids (
    id   TEXT PRIMARY KEY,
    kind TEXT NOT NULL,                         -- files or shortcuts
    used INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    id         TEXT PRIMARY KEY,
    file_id    TEXT,                            -- the file to update; null to create one
    body       TEXT NOT NULL,                   -- JSON metadata of the first request
    query      TEXT NOT NULL,                   -- JSON parameters of the first request
    mime       TEXT,
    total      INTEGER,                         -- bytes declared, if they were
    created_ms INTEGER NOT NULL,
    done_id    TEXT                             -- the file that came of it
);
CREATE TABLE IF NOT EXISTS tokens (
    token      TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,                   -- refresh or access
    refresh    TEXT,                            -- where an access token comes from
    expires_ms INTEGER,
    revoked    INTEGER NOT NULL DEFAULT 0
);
-- The bytes of all files, kept by the triggers so that no write has to count them.
CREATE TABLE IF NOT EXISTS usage (bytes INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS usage_insert AFTER INSERT ON files BEGIN
    UPDATE usage SET bytes = bytes + coalesce(new.size, 0);
END;
CREATE TRIGGER IF NOT EXISTS usage_update AFTER UPDATE OF size ON files BEGIN
    UPDATE usage SET bytes = bytes + coalesce(new.size, 0) - coalesce(old.size, 0);
END;
CREATE TRIGGER IF NOT EXISTS usage_delete AFTER DELETE ON files BEGIN
    UPDATE usage SET bytes = bytes - coalesce(old.size, 0);
END;
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- What the search index still believes; gone at a restart, when the index has caught up.
CREATE TEMP TABLE stale AS SELECT *, 0 AS until_ms, 0 AS existed FROM files WHERE 0;
CREATE INDEX temp.stale_by_id ON stale (id, until_ms);
"""


class Database:
    """One SQLite connection and the lock that every use of it holds."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._afterwards: list[Callable[[], None]] = []
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        # A reader never waits for a writer, and a kill -9 leaves the last commit whole.
        self.connection.execute("PRAGMA journal_mode = WAL")
        # A commit that was answered must survive a power cut as well.
        self.connection.execute("PRAGMA synchronous = FULL")
        # One transaction: each of its own would wait for the disk.
        self.connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        for name, count, function in _FUNCTIONS:
            self.connection.create_function(name, count, function, deterministic=True)
        self._first_use()

    def _first_use(self) -> None:
        with self.write() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise OSError(f"this folder was written by a newer emulator (schema {version})")
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            if db.execute("SELECT 1 FROM facts WHERE key = 'root'").fetchone():
                return
            root, now = new_root_id(), now_ms()
            db.execute("INSERT INTO facts VALUES ('root', ?)", (root,))
            db.execute("INSERT INTO usage VALUES (0)")
            db.execute(
                "INSERT INTO files (id, name, name_key, mime, created_ms, modified_ms, viewed_ms)"
                " VALUES (?, 'My Drive', 'my drive', ?, ?, ?, ?)",
                (root, FOLDER, now, now, now),
            )
            db.execute("INSERT INTO ids VALUES (?, 'files', 1)", (root,))

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one transaction: all of it happens, or nothing."""
        with self.lock:
            if self.connection.in_transaction:
                yield self.connection
                return
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                self._afterwards.clear()
                raise
            self.connection.execute("COMMIT")
            done, self._afterwards = self._afterwards, []
        for function in done:
            function()

    def afterwards(self, function: Callable[[], None]) -> None:
        """Call a function once the transaction that runs now is durable, and only then."""
        self._afterwards.append(function)

    def all(self, sql: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Return every row of a question."""
        with self.lock:
            return self.connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """Return the first row of a question, or None."""
        with self.lock:
            row: sqlite3.Row | None = self.connection.execute(sql, values).fetchone()
            return row

    def close(self) -> None:
        """Close the connection; SQLite folds the write-ahead log into the file."""
        with self.lock:
            self.connection.close()


def _has_property(properties: str, key: str, value: str) -> bool:
    return bool(json.loads(properties).get(key) == value)


def _full_text(needle: str, name: str, extra: str) -> bool:
    known = json.loads(extra)
    hints = known.get("contentHints", {}).get("indexableText", "")
    text = " ".join([name, str(known.get("description", "")), str(hints)])
    return has_word_prefix(name_key(text), needle)


_FUNCTIONS: list[tuple[str, int, Callable[..., bool | str]]] = [
    ("word_prefix", 2, has_word_prefix),
    ("natural_key", 1, natural_key),
    ("has_property", 3, _has_property),
    ("full_text", 3, _full_text),
]
