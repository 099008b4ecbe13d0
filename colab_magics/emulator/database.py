"""Where does the emulator keep what it knows?"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import accounts
from .clock import Clock
from .schema import FILL_FROM_1, FROM_1, SCHEMA, SCHEMA_VERSION
from .values import DEFAULT_EMAIL, has_word_prefix, name_key, natural_key


class Database:
    """One SQLite connection and the lock that every use of it holds.

    Args:
        path: The file.
        clock: Tells when what was given for a time has ended.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self._afterwards: list[Callable[[], None]] = []
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        # A reader never waits for a writer, and a kill -9 leaves the last commit whole.
        self.connection.execute("PRAGMA journal_mode = WAL")
        # A commit that was answered must survive a power cut as well.
        self.connection.execute("PRAGMA synchronous = FULL")
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            self.connection.close()
            raise OSError(f"this folder was written by a newer emulator (schema {version})")
        before, after = (FROM_1, FILL_FROM_1) if version == 1 else ("", "")
        # One transaction: each of its own would wait for the disk, and a kill would leave a part.
        self.connection.executescript(
            f"BEGIN IMMEDIATE; {before} {SCHEMA} {after}"
            f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
        for name, count, function in _FUNCTIONS:
            self.connection.create_function(name, count, function, deterministic=True)
        self.connection.create_function("drive_now", 0, clock.now_ms)
        with self.write() as db:
            accounts.add(db, DEFAULT_EMAIL)

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


def _has_app_property(properties: str, client: str, key: str, value: str) -> bool:
    return bool(json.loads(properties).get(client, {}).get(key) == value)


def _full_text(needle: str, name: str, extra: str) -> bool:
    known = json.loads(extra)
    hints = known.get("contentHints", {}).get("indexableText", "")
    text = " ".join([name, str(known.get("description", "")), str(hints)])
    return has_word_prefix(name_key(text), needle)


_FUNCTIONS: list[tuple[str, int, Callable[..., bool | str]]] = [
    ("word_prefix", 2, has_word_prefix),
    ("natural_key", 1, natural_key),
    ("has_property", 3, _has_property),
    ("has_app_property", 4, _has_app_property),
    ("full_text", 3, _full_text),
]
