"""Who asks, and as which program?"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from .values import DEFAULT_EMAIL, FOLDER, name_key, new_root_id, now_ms

_DEFAULT_PERMISSION_ID = "11111111111111111111"


@dataclass(frozen=True)
class Caller:
    """A user and the OAuth client that acts for them.

    Attributes:
        email: The user; requests without a token are the default user's.
        client: The OAuth client; the empty one stands for requests without a token.
        scopes: What the token is good for, without the address in front: `drive`, `drive.file`...
    """

    email: str = DEFAULT_EMAIL
    client: str = ""
    scopes: frozenset[str] = frozenset({"drive"})

    @classmethod
    def of(cls, row: sqlite3.Row) -> Caller:
        """Return who is noted in a row: of a token, or of a session."""
        return cls(row["email"], row["client"], frozenset(row["scopes"].split()))

    @property
    def only_own_files(self) -> bool:
        """Whether only files are seen that the client made or was given."""
        return not self.scopes & _SEE_ALL

    @property
    def only_app_data(self) -> bool:
        """Whether nothing but the folder of the client's own data is open to it."""
        return self.scopes <= {"drive.appdata"}

    @property
    def uses_app_data(self) -> bool:
        """Whether that folder is open to it; requests without a token may use theirs."""
        return "drive.appdata" in self.scopes or not self.client


_SEE_ALL = {"drive", "drive.readonly", "drive.metadata", "drive.metadata.readonly"}
DEFAULT_CALLER = Caller()


def add(db: sqlite3.Connection, email: str) -> None:
    """Make an account with an empty My Drive; one that is there stays as it is."""
    if db.execute("SELECT 1 FROM users WHERE email = ?", (email,)).fetchone():
        return
    root = new_root_id()
    db.execute("INSERT INTO users VALUES (?, ?)", (email, root))
    add_root(db, root, "My Drive", email)


def add_root(
    db: sqlite3.Connection, root: str, name: str, maker: str, *, drive: str | None = None
) -> None:
    """Make a folder that is in no other; its maker owns it unless it is a shared drive's."""
    now = now_ms()
    owner = None if drive else maker
    db.execute(
        "INSERT INTO files (id, name, name_key, mime, owner, drive, modifier, created_ms,"
        " modified_ms, viewed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (root, name, name_key(name), FOLDER, owner, drive, maker, now, now, now),
    )
    db.execute("INSERT INTO ids (id, kind, used) VALUES (?, 'files', 1)", (root,))


def permission_id(email: str) -> str:
    """Return the id that stands for a user in every permission of theirs: 20 digits."""
    if email == DEFAULT_EMAIL:
        return _DEFAULT_PERMISSION_ID
    digest = hashlib.sha256(email.encode()).digest()
    return str(int.from_bytes(digest[:8])).zfill(20)[-20:]


def display_name(email: str) -> str:
    """Return what a user is called."""
    if email == DEFAULT_EMAIL:
        return "Emulated User"
    return email.partition("@")[0].replace(".", " ").title()


def user(email: str, caller: Caller) -> dict[str, Any]:
    """Return the User of an e-mail address as a caller sees it."""
    return {
        "kind": "drive#user",
        "displayName": display_name(email),
        "me": email == caller.email,
        "permissionId": permission_id(email),
        "emailAddress": email,
    }
