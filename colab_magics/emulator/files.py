"""What files are on the Drive, and what does each request do to them?"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from . import ids, tree
from .blobs import Blobs, Content, Draft
from .changes import ChangeLog
from .database import Database
from .errors import bad_request, forbidden, invalid, not_found, not_permitted
from .resource import columns
from .values import (
    DEFAULT_STORAGE_LIMIT,
    FOLDER,
    SHORTCUT,
    has_bytes,
    new_id,
    new_revision_id,
    now_ms,
)

# What makes a file look newer; a move, a star or the trash do not. [not documented]
_MODIFYING = {"name", "mime", "properties", "app_properties", "extra"}


class Store:
    """The files of one Drive, in one folder of this machine.

    Every method is one transaction: it happens as a whole, durable when it returns, or not at all.

    Attributes:
        storage_limit: Bytes that fit, or None for no limit.
        index_lag: Seconds until a listing shows a write.
        root_id: The id of My Drive.
    """

    def __init__(self, root: Path) -> None:
        self.blobs = Blobs(root)
        self.database = Database(root / "drive.db")
        self.changes = ChangeLog(self.database)
        self.storage_limit: int | None = DEFAULT_STORAGE_LIMIT
        self.index_lag = 0.0
        row = self.database.one("SELECT value FROM facts WHERE key = 'root'")
        self.root_id = str(row["value"]) if row else ""
        self._sweep()

    def _sweep(self) -> None:
        blobs = self.database.all("SELECT DISTINCT blob FROM files WHERE blob IS NOT NULL")
        sessions = self.database.all("SELECT id FROM sessions WHERE done_id IS NULL")
        self.blobs.sweep({row["blob"] for row in blobs}, {row["id"] for row in sessions})

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def set_index_lag(self, seconds: float) -> None:
        """Set how far listings lag; without a lag, the index catches up at once."""
        self.index_lag = seconds
        if seconds <= 0:
            with self.database.write() as db:
                db.execute("DELETE FROM temp.stale")

    def row(self, file_id: str) -> sqlite3.Row:
        """Return a file by its id or the alias `root`; raise 404 if there is none."""
        real = self.root_id if file_id == "root" else file_id
        row = self.database.one("SELECT * FROM files WHERE id = ?", (real,))
        if row is None:
            raise not_found(file_id)
        return row

    def usage(self) -> tuple[int, int]:
        """Return the bytes in use, and how many of them are in the trash."""
        row = self.database.one(
            "SELECT bytes, (SELECT coalesce(sum(size), 0) FROM files WHERE trashed) AS trash"
            " FROM usage"
        )
        return (int(row["bytes"]), int(row["trash"])) if row else (0, 0)

    def check_space(self, more: int) -> None:
        """Raise the 403 if so many bytes more do not fit."""
        if self.storage_limit is not None and self.usage()[0] + more > self.storage_limit:
            raise forbidden(
                "storageQuotaExceeded", "The user's Drive storage quota has been exceeded."
            )

    def check_new(self, body: dict[str, Any]) -> None:
        """Raise what a create with this metadata would raise, before its bytes are sent."""
        mime = body.get("mimeType") or ""
        if (file_id := body.get("id")) is not None:
            ids.check(self.database, file_id, mime)
        self._parent_of(body)
        columns(body, None)
        if mime == SHORTCUT:
            target = (body.get("shortcutDetails") or {}).get("targetId")
            self.row(target if isinstance(target, str) else "")

    def _parent_of(self, body: dict[str, Any]) -> sqlite3.Row:
        parents = body.get("parents") or [self.root_id]
        if not isinstance(parents, list) or not all(isinstance(one, str) for one in parents):
            raise invalid("parents")
        if len(parents) > 1:
            raise invalid("parents", "A file must have exactly one parent.")
        return tree.folder(self, parents[0])

    def create(self, body: dict[str, Any], mime: str, draft: Draft | None) -> sqlite3.Row:
        """Make a file from metadata that `check_body` passed, and from bytes if there are any."""
        if not has_bytes(mime):
            if draft:
                draft.discard()
            draft = None
        elif draft is None:
            draft = self.blobs.draft()
        content: Content | None = None
        try:
            self.check_new(body)
            self.check_space(draft.size if draft else 0)
            content = self.blobs.keep(draft) if draft else None
            with self.database.write() as db:
                return self._insert(db, body, mime, content)
        except BaseException:
            self._abandon(draft, content)
            raise

    def _abandon(self, draft: Draft | None, content: Content | None) -> None:
        if content:
            self.blobs.drop(content.blob)
        elif draft:
            draft.discard()

    def _insert(
        self, db: sqlite3.Connection, body: dict[str, Any], mime: str, content: Content | None
    ) -> sqlite3.Row:
        self.check_new({**body, "mimeType": mime})
        parent, now = self._parent_of(body), now_ms()
        file_id = body.get("id") or new_id()
        if mime == FOLDER and tree.depth(db, parent["id"]) > tree.DEEPEST:
            raise forbidden(
                "myDriveHierarchyDepthLimitExceeded",
                "The hierarchy depth limit for My Drive has been exceeded.",
            )
        found = {"name": "Untitled", "name_key": "untitled", "modified_ms": now, "viewed_ms": now}
        found |= {"created_ms": now, **columns(body, None), "id": file_id, "mime": mime}
        found |= {"parent": parent["id"], "trashed": parent["trashed"], **_content(content)}
        if mime == SHORTCUT:
            target = self.row(body["shortcutDetails"]["targetId"])
            details = {"targetId": target["id"], "targetMimeType": target["mime"]}
            extra = json.loads(str(found.get("extra", "{}"))) | {"shortcutDetails": details}
            found["extra"] = json.dumps(extra)
        names = ", ".join(found)
        marks = ", ".join("?" for _ in found)
        db.execute(f"INSERT INTO files ({names}) VALUES ({marks})", tuple(found.values()))
        if content is None and body.get("trashed"):
            tree.trash(self, db, file_id, True)
        ids.use(db, file_id, mime)
        tree.remember(self, db, file_id, existed=False)
        self.changes.record(db, file_id)
        return self.row(file_id)

    def update(
        self,
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
            before = self.row(file_id)
            if draft:
                if not has_bytes(before["mime"]):
                    raise bad_request()
                self.check_space(draft.size - (before["size"] or 0))
                content = self.blobs.keep(draft)
            with self.database.write() as db:
                self._change(db, before["id"], body, content, mime)
                if add or remove:
                    tree.move(self, db, before["id"], add, remove)
                self._drop_later(before["blob"])
        except BaseException:
            self._abandon(draft, content)
            raise
        return self.row(file_id)

    def _change(
        self,
        db: sqlite3.Connection,
        file_id: str,
        body: dict[str, Any],
        content: Content | None,
        mime: str | None,
    ) -> None:
        before = self.row(file_id)
        found = columns(body, before)
        if content is None and found.get("mime", before["mime"]) != before["mime"]:
            # The discovery document says that it can not change; the refusal is not known.
            raise invalid("mimeType")
        if content:
            found = {"mime": mime or before["mime"], **found, **_content(content)}
            if not has_bytes(found["mime"]):
                raise invalid("mimeType")
        if not found and "trashed" not in body:
            return
        if content or found.keys() & _MODIFYING:
            found.setdefault("modified_ms", now_ms())
        tree.remember(self, db, file_id)
        if found:
            names = ", ".join(f"{name} = ?" for name in found)
            db.execute(f"UPDATE files SET {names} WHERE id = ?", (*found.values(), file_id))
        if isinstance(body.get("trashed"), bool):
            tree.trash(self, db, file_id, body["trashed"])
        self.touch(db, file_id, 2 if content else 1)

    def touch(self, db: sqlite3.Connection, file_id: str, steps: int = 1) -> None:
        """Give a file that changed a higher version and a new entry in the change log."""
        db.execute("UPDATE files SET version = version + ? WHERE id = ?", (steps, file_id))
        self.changes.record(db, file_id)

    def copy(self, file_id: str, body: dict[str, Any]) -> sqlite3.Row:
        """Make a new file with the same content, beside the old one if not told otherwise."""
        source = self.row(file_id)
        if source["mime"] == FOLDER:
            raise forbidden("fileNotCopyable", "This file cannot be copied by the user.")
        wanted = {"name": f"Copy of {source['name']}", "parents": [source["parent"]]}
        extra = json.loads(source["extra"])
        wanted |= {"properties": json.loads(source["properties"]), **extra}
        wanted |= {"appProperties": json.loads(source["app_properties"]), **body}
        self.check_space(source["size"] or 0)
        content = None
        if source["blob"] is not None:
            digests = source["size"], source["md5"], source["sha1"], source["sha256"]
            content = Content(source["blob"], *digests)
        with self.database.write() as db:
            return self._insert(db, wanted, source["mime"], content)

    def delete(self, file_id: str) -> None:
        """Remove a file for good, and all that is in it."""
        row = self.row(file_id)
        if row["parent"] is None:
            raise not_permitted()
        with self.database.write() as db:
            self._remove(db, tree.below(db, row["id"]))

    def empty_trash(self) -> None:
        """Remove for good all that is in the trash."""
        with self.database.write() as db:
            self._remove(db, db.execute("SELECT * FROM files WHERE trashed").fetchall())

    def _remove(self, db: sqlite3.Connection, rows: list[sqlite3.Row]) -> None:
        for row in rows:
            tree.remember(self, db, row["id"])
            db.execute("DELETE FROM files WHERE id = ?", (row["id"],))
            self.changes.record(db, row["id"])
            self._drop_later(row["blob"])

    def _drop_later(self, blob: str | None) -> None:
        """Remove a content from the disk unless a file, for example a copy, still has it."""

        def drop() -> None:
            if blob and not self.database.one("SELECT 1 FROM files WHERE blob = ?", (blob,)):
                self.blobs.drop(blob)

        # Not before the commit: a kill in between would leave a file without its bytes.
        self.database.afterwards(drop)


def _content(content: Content | None) -> dict[str, Any]:
    if content is None:
        return {}
    return {
        "blob": content.blob,
        "size": content.size,
        "md5": content.md5,
        "sha1": content.sha1,
        "sha256": content.sha256,
        "revision": new_revision_id(),
    }
