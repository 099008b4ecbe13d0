"""Which files are a program's own, in the folder of its data that only it sees?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from . import accounts
from .errors import DriveError, forbidden
from .values import new_id

if TYPE_CHECKING:
    from .files import Store

# The name of the space, and what stands for the folder where an id is asked for.
ALIAS = "appDataFolder"


def check_scope(store: Store) -> None:
    """Raise the 403 if the token is not good for the data of programs."""
    if not store.caller.uses_app_data:
        raise insufficient()


def insufficient() -> DriveError:
    """Return the 403 for a space that the token does not open."""
    return forbidden(
        "insufficientScopes",
        "The granted scopes do not give access to all of the requested spaces.",
    )


def folder(store: Store) -> str:
    """Return the id of the folder of the caller's program; it is made when first asked for."""
    check_scope(store)
    me, sql = store.caller, "SELECT id FROM app_data WHERE email = ? AND client = ? AND id = root"
    with store.database.write() as db:
        row = db.execute(sql, (me.email, me.client)).fetchone()
        if row:
            return str(row["id"])
        made = new_id()
        accounts.add_root(db, made, "Application Data", me.email)
        db.execute("INSERT INTO app_data VALUES (?, ?, ?, ?)", (made, made, me.email, me.client))
    return made


def keep(db: sqlite3.Connection, file_id: str, parent: str) -> None:
    """Note that a new file is in such a folder if its parent is."""
    db.execute(
        "INSERT INTO app_data SELECT ?, root, email, client FROM app_data WHERE id = ?",
        (file_id, parent),
    )


def root_of(store: Store, file_id: str) -> str | None:
    """Return the folder of a program's data that a file is or was in, or None."""
    row = store.database.one("SELECT root FROM app_data WHERE id = ?", (file_id,))
    return str(row["root"]) if row else None


def is_mine(store: Store, file_id: str) -> bool:
    """Say whether a file of some program's data is of the caller's own."""
    me, sql = store.caller, "SELECT email, client FROM app_data WHERE id = ?"
    row = store.database.one(sql, (file_id,))
    mine = row is not None and (row["email"], row["client"]) == (me.email, me.client)
    return mine and me.uses_app_data


def refuse(store: Store, file_id: str) -> None:
    """Raise the 403 for what can not be done with a program's data: the trash, and sharing."""
    if root_of(store, file_id):
        # Google's list of errors has this reason; its message is not known.
        raise forbidden(
            "notSupportedForAppDataFolderFiles",
            "Method not supported for files within the Application Data folder.",
        )


def check_move(store: Store, file_id: str, parent: str) -> None:
    """Raise the 403 for a move into a program's data, or out of it."""
    if root_of(store, file_id) != root_of(store, parent):
        refuse(store, file_id)
        refuse(store, parent)


def visible(store: Store, spaces: frozenset[str]) -> tuple[str, list[object]]:
    """Return the condition for the files `f` of these spaces, and its values."""
    parts, values = [], list[object]()
    if "drive" in spaces:
        parts.append("f.id NOT IN (SELECT id FROM app_data)")
    if ALIAS in spaces:
        parts.append("f.id IN (SELECT id FROM app_data WHERE email = ? AND client = ?)")
        values += [store.caller.email, store.caller.client]
    return f"({' OR '.join(parts) or '0'})", values
