"""How does a new file come to be?"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from . import access, app_data, ids, revisions, tree
from .blobs import Content, Draft
from .body import columns
from .documents import check_import, converts
from .errors import forbidden, invalid
from .values import (
    FOLDER,
    SHORTCUT,
    has_bytes,
    is_google_type,
    new_id,
    new_revision_id,
    now_ms,
)

if TYPE_CHECKING:
    from .files import Store


def planned(store: Store, body: dict[str, Any], mime: str, size: int) -> dict[str, Any]:
    """Return the columns of a new file; raise what its create would, before its bytes are sent.

    Args:
        store: The files.
        body: Metadata that `check_body` passed.
        mime: Its type.
        size: Its bytes; a document's are not counted.
    """
    me, now = store.caller, now_ms()
    if (file_id := body.get("id")) is not None:
        ids.check(store.database, file_id, mime, me.email)
    parent = _parent_of(store, body)
    found = {"name": "Untitled", "name_key": "untitled", "modified_ms": now, "viewed_ms": now}
    found |= {"created_ms": now, **columns(body, None, me.client)}
    if mime == SHORTCUT:
        extra = json.loads(str(found.get("extra", "{}")))
        found["extra"] = json.dumps(extra | {"shortcutDetails": _details(store, body)})
    elif mime == FOLDER:
        tree.check_depth(store, parent)
    tree.check_room(store, parent)
    items = store.database.one("SELECT items FROM usage WHERE holder = ?", (me.email,))
    if items and items["items"] > store.limits.items:
        raise forbidden(
            "activeItemCreationLimitExceeded",
            "This account has exceeded the creation limit of 500 million items.",
        )
    if not parent["drive"]:
        store.check_space(size if has_bytes(mime) else 0, me.email)
    found |= {"id": file_id or new_id(), "mime": mime, "modifier": me.email}
    found |= {"parent": parent["id"], "trashed": parent["trashed"], "drive": parent["drive"]}
    return found | {"owner": None if parent["drive"] else me.email}


def _parent_of(store: Store, body: dict[str, Any]) -> sqlite3.Row:
    parents = body.get("parents") or ["root"]
    if not isinstance(parents, list) or not all(isinstance(one, str) for one in parents):
        raise invalid("parents")
    if len(parents) > 1:
        raise invalid("parents", "A file must have exactly one parent.")
    return tree.folder_to_write(store, parents[0])


def _details(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    """Return what a new shortcut says of its target."""
    sent = body.get("shortcutDetails")
    named = sent.get("targetId") if isinstance(sent, dict) else None
    target = store.row(named if isinstance(named, str) else "")
    if target["mime"] == SHORTCUT:
        # Google's list of errors has this reason; its message is not known.
        raise forbidden("shortcutTargetInvalid", "The shortcut target is invalid.")
    details = {"targetId": target["id"], "targetMimeType": target["mime"]}
    key = target["resource_key"]
    return details | ({"targetResourceKey": key} if key else {})


def create(store: Store, body: dict[str, Any], mime: str, draft: Draft | None) -> sqlite3.Row:
    """Make a file from metadata and from bytes; a document takes them as its source."""
    if draft and is_google_type(mime) and draft.size:
        check_import(mime, draft)
    elif not has_bytes(mime):
        if draft:
            draft.discard()
        draft = None
    elif draft is None:
        draft = store.blobs.draft()
    content: Content | None = None
    try:
        size = draft.size if draft else 0
        found = planned(store, body, mime, size)
        store.sends(size)
        content = store.blobs.keep(draft) if draft else None
        trashed = content is None and bool(body.get("trashed"))
        with store.database.write() as db:
            return _insert(store, db, found, content, trashed=trashed)
    except BaseException:
        abandon(store, draft, content)
        raise


def abandon(store: Store, draft: Draft | None, content: Content | None) -> None:
    """Leave nothing on the disk of a file that was not made."""
    if content:
        store.blobs.drop(content.blob)
    elif draft:
        draft.discard()


def _insert(
    store: Store,
    db: sqlite3.Connection,
    found: dict[str, Any],
    content: Content | None,
    *,
    trashed: bool = False,
) -> sqlite3.Row:
    """Write the row of a new file, inside a transaction."""
    file_id, mime = found["id"], found["mime"]
    found = found | content_columns(content, mime)
    names = ", ".join(found)
    marks = ", ".join("?" for _ in found)
    db.execute(f"INSERT INTO files ({names}) VALUES ({marks})", tuple(found.values()))
    db.execute("INSERT INTO opened VALUES (?, ?)", (file_id, store.caller.client))
    app_data.keep(db, file_id, found["parent"])
    if content:
        revisions.record(store, db, store.raw(file_id))
    if trashed:
        tree.trash(store, db, file_id, True)
    ids.use(db, file_id, mime)
    tree.remember(store, db, file_id, existed=False)
    store.changes.record(db, file_id, access.audience(db, file_id))
    return store.raw(file_id)


def copy(store: Store, file_id: str, body: dict[str, Any]) -> sqlite3.Row:
    """Make a new file with the same content; with the type of a document, convert it."""
    source = store.row(file_id)
    mime = body.get("mimeType") or source["mime"]
    if source["mime"] == FOLDER or access.withheld(source, store.role(source)):
        raise forbidden("fileNotCopyable", "This file cannot be copied by the user.")
    wanted = {"name": f"Copy of {source['name']}", "parents": _beside(store, source)}
    extra = json.loads(source["extra"])
    wanted |= {"properties": json.loads(source["properties"]), **extra}
    mine = json.loads(source["app_properties"]).get(store.caller.client, {})
    wanted |= {"appProperties": mine, **body}
    content = None
    if source["blob"] is not None:
        digests = source["size"], source["md5"], source["sha1"], source["sha256"]
        content = Content(source["blob"], *digests)
    if mime != source["mime"] and not (
        has_bytes(source["mime"]) and converts(source["mime"], mime)
    ):
        raise invalid("mimeType")
    size = source["size"] or 0
    found = planned(store, wanted, mime, size)
    # Copies count as uploads, though the bytes do not travel; what a document is made of does not.
    store.sends(size if has_bytes(mime) else 0)
    with store.database.write() as db:
        return _insert(store, db, found, content)


def _beside(store: Store, source: sqlite3.Row) -> list[str]:
    """Return the folder of a file if the caller can add to it, or else the caller's own."""
    found = store.database.one("SELECT * FROM files WHERE id = ?", (source["parent"],))
    if found and store.sees(found) and access.allows(store.role(found), "writer"):
        return [source["parent"]]
    return [store.root_id]


def content_columns(content: Content | None, mime: str) -> dict[str, Any]:
    """Return the columns of a content; a document has bytes behind it, but shows none."""
    if content is None:
        return {}
    found: dict[str, Any] = {"blob": content.blob, "revision": new_revision_id()}
    if has_bytes(mime):
        found |= {"size": content.size, "md5": content.md5}
        found |= {"sha1": content.sha1, "sha256": content.sha256}
    return found
