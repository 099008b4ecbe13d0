"""Which resumable uploads have begun, and what have they received?"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .accounts import DEFAULT_CALLER, Caller
from .blobs import Draft
from .clock import Clock
from .database import Database
from .errors import DriveError
from .files import Store

# Chunks of an upload are multiples of this, but for the last one.
UNIT = 256 << 10
# Sessions that were left alone must not use up the process's open files.
_MOST_OPEN = 128
_WEEK_MS = 7 * 24 * 3600 * 1000
# What a session answers that is no more. Only 404 is documented for Drive; 410 is seen in the
# field, and 499 is what Cloud Storage, its sibling, answers to a cancelled one.
_WORDS = {
    404: ("notFound", "Upload session not found."),
    410: ("gone", "Upload session is gone."),
    499: ("cancelled", "Upload session was cancelled."),
}


@dataclass
class Incoming:
    """The bytes of a session that is being spoken to.

    Attributes:
        draft: The bytes so far.
        users: Requests that have it open now.
        sealed: Whether a file is being made of it: no byte may be added.
        ending: Held by the request that makes the file, so that two do not make two.
    """

    draft: Draft
    users: int = 0
    sealed: bool = False
    ending: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions:
    """Resumable uploads that have begun; they outlive a restart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._database: Database = store.database
        self._clock = clock
        self._open: dict[str, Incoming] = {}
        self._ended: dict[str, int] = {}
        old = "SELECT id FROM sessions WHERE created_ms < ?"
        for row in self._database.all(old, (self._clock.now_ms() - _WEEK_MS,)):
            self.forget(row["id"])

    def begin(
        self,
        file_id: str | None,
        body: dict[str, Any],
        query: dict[str, str],
        mime: str | None,
        total: int | None,
        caller: Caller,
    ) -> str:
        """Return the id of a new session; who knows it may send the bytes, as this caller."""
        session, now = "AEnB2U" + secrets.token_urlsafe(48), self._clock.now_ms()
        values = (session, file_id, json.dumps(body), json.dumps(query), mime, total, now)
        with self._database.write() as db:
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", values)
            who = (session, caller.email, caller.client, " ".join(caller.scopes))
            db.execute("INSERT INTO session_callers VALUES (?, ?, ?, ?)", who)
        return session

    def caller(self, session: str) -> Caller:
        """Return who began a session; those of an older emulator are the default user's."""
        row = self._database.one("SELECT * FROM session_callers WHERE id = ?", (session,))
        return Caller.of(row) if row else DEFAULT_CALLER

    def row(self, session: str) -> sqlite3.Row:
        """Return a session; raise 404, 410 or 499 if it is no more."""
        row = self._database.one("SELECT * FROM sessions WHERE id = ?", (session,))
        if row is not None and row["created_ms"] < self._clock.now_ms() - _WEEK_MS:
            self.forget(session)
            row = None
        if row is None:
            status = self._ended.get(session, 404)
            raise DriveError(status, *_WORDS[status])
        return row

    @contextmanager
    def incoming(self, session: str) -> Iterator[Incoming]:
        """Give the bytes received so far; after a restart, whole units of them."""
        if session not in self._open:
            self._make_room()
            draft = self._store.blobs.draft(session)
            draft.cut(draft.size // UNIT * UNIT)
            self._open[session] = Incoming(draft)
        one = self._open[session]
        one.users += 1
        try:
            yield one
        finally:
            one.users -= 1

    def _make_room(self) -> None:
        idle = [session for session, one in self._open.items() if not one.users]
        for session in idle[: max(0, len(self._open) - _MOST_OPEN + 1)]:
            # Its bytes stay on disk; it is opened again when its next chunk comes.
            self._open.pop(session).draft.close()

    def finish(self, db: sqlite3.Connection, session: str, file_id: str) -> None:
        """Note which file came of a session, for those whose answer was lost."""
        db.execute("UPDATE sessions SET done_id = ? WHERE id = ?", (file_id, session))
        self._database.afterwards(lambda: self._leave(session))

    def _leave(self, session: str) -> None:
        self._open.pop(session, None)

    def forget(self, session: str, status: int = 404) -> None:
        """End a session without a file; it answers with the status from now on."""
        with self.incoming(session) as one:
            one.sealed = True
            one.draft.discard()
        self._leave(session)
        with self._database.write() as db:
            db.execute("DELETE FROM sessions WHERE id = ?", (session,))
        if status != 404:
            self._ended[session] = status

    def forget_all(self, status: int = 404) -> None:
        """End every session, as if a week had passed, or with 410 as if Drive had lost it."""
        if status not in _WORDS:
            raise ValueError(f"a session that is no more answers 404, 410 or 499, not {status!r}")
        for row in self._database.all("SELECT id FROM sessions"):
            self.forget(row["id"], status)

    def close(self) -> None:
        """Leave the bytes of unfinished sessions on disk for the next process."""
        for one in self._open.values():
            one.draft.close()
        self._open.clear()
