"""What does an update change in a file, and who may ask for it?"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from . import creating, revisions, tree
from .blobs import Content, Draft
from .body import columns
from .creating import content_columns
from .documents import check_import
from .errors import forbidden, invalid, not_permitted
from .v2 import check_match
from .values import has_bytes, is_google_type, now_ms

if TYPE_CHECKING:
    from .files import Store

# What makes a file look newer; a move, a star or the trash do not. [not documented]
_MODIFYING = {"name", "mime", "properties", "app_properties", "extra"}
# What everybody who can read a file may set, for themselves.
_OWN_MARKS = {"starred", "viewed_ms"}


def update(
    store: Store,
    file_id: str,
    body: dict[str, Any],
    draft: Draft | None = None,
    *,
    mime: str | None = None,
    add: str = "",
    remove: str = "",
) -> sqlite3.Row:
    """Change metadata, content, parent and trash state of a file in one step."""
    content: Content | None = None
    try:
        before = store.row(file_id)
        if draft:
            check_content(store, before, draft.size)
            if is_google_type(before["mime"]):
                check_import(before["mime"], draft)
            store.sends(draft.size)
            content = store.blobs.keep(draft)
        with store.database.write() as db:
            _change(store, db, before["id"], body, content, mime)
            if add or remove:
                tree.move(store, db, before["id"], add, remove)
    except BaseException:
        creating.abandon(store, draft, content)
        raise
    return store.raw(before["id"])


def check_content(store: Store, before: sqlite3.Row, size: int) -> None:
    """Raise what so many new bytes for a file would raise, before they are sent."""
    store.need(before, "writer")
    if has_bytes(before["mime"]):
        # Whoever writes, it is the owner's space; a shared drive has no limit here.
        if before["owner"]:
            store.check_space(size - (before["size"] or 0), before["owner"])
    elif not is_google_type(before["mime"]):
        raise forbidden("fieldNotWritable", "This type of file has no content.")


def _change(
    store: Store,
    db: sqlite3.Connection,
    file_id: str,
    body: dict[str, Any],
    content: Content | None,
    mime: str | None,
) -> None:
    before = store.row(file_id)
    check_match(store.if_match, before["id"], before["version"])
    found = columns(body, before, store.caller.client)
    if content is None and found.get("mime", before["mime"]) != before["mime"]:
        # The discovery document says that it can not change; the refusal is not known.
        raise invalid("mimeType")
    if content:
        google = is_google_type(before["mime"])
        found = {"mime": before["mime"] if google else mime or before["mime"], **found}
        found |= content_columns(content, found["mime"])
        if has_bytes(found["mime"]) == google:
            raise invalid("mimeType")
    if not found and "trashed" not in body:
        return
    if found.keys() - _OWN_MARKS:
        store.need(before, "writer")
    if content or "name" in found:
        _check_restrictions(before)
    if content or found.keys() & _MODIFYING:
        found |= {"modifier": store.caller.email}
        found.setdefault("modified_ms", now_ms())
    tree.remember(store, db, file_id)
    if before["owner"] != store.caller.email:
        _mark(store, db, file_id, found)
    if found:
        names = ", ".join(f"{name} = ?" for name in found)
        db.execute(f"UPDATE files SET {names} WHERE id = ?", (*found.values(), file_id))
    if isinstance(body.get("trashed"), bool):
        tree.trash(store, db, file_id, body["trashed"])
    if content:
        revisions.record(store, db, store.raw(file_id))
    store.touch(db, file_id, 2 if content else 1)


def _check_restrictions(before: sqlite3.Row) -> None:
    """Raise the 403 for new bytes or a new name of a file that was made read-only."""
    restrictions = json.loads(before["extra"]).get("contentRestrictions") or []
    if any(isinstance(one, dict) and one.get("readOnly") is True for one in restrictions):
        # The discovery document says that it can not be done; the refusal is not known.
        raise not_permitted()


def _mark(store: Store, db: sqlite3.Connection, file_id: str, found: dict[str, Any]) -> None:
    """Keep what is only this user's own view of somebody else's file."""
    for column in _OWN_MARKS & found.keys():
        db.execute(
            f"INSERT INTO marks (email, file_id, {column}) VALUES (?, ?, ?)"
            f" ON CONFLICT DO UPDATE SET {column} = excluded.{column}",
            (store.caller.email, file_id, found.pop(column)),
        )
