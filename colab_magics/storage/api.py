"""What can one ask of Drive?

With its helpers (reading, upload, download, wire, refusals) the only module that knows Drive's
addresses and errors.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import Any, BinaryIO

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import DriveConflict, DriveForbidden, PlaceNotFound, TransferDamaged
from colab_magics.settings import Settings

from .answers import About, ChangePage, Entry
from .reading import Reader, checked_id
from .tree import FIELDS, FOLDER, Node
from .upload import Body, Upload, body_of

__all__ = ["About", "ChangePage", "DriveAPI", "Entry"]

_READ, _EDIT = 5, 50  # what calls cost, in units of Drive's quota
_BYTES = "application/octet-stream"


class DriveAPI(Reader):
    """A Drive, by ids. Safe to use from several threads; each gets its own connection.

    Attributes:
        readonly: whether everything that would change the Drive is refused.
        own_revisions: the last few thousand (file id, revision) that were written here.
    """

    def __init__(
        self,
        *,
        url: str = "",
        credentials: Any = None,
        settings: Settings,
        clock: Clock = CLOCK,
    ) -> None:
        super().__init__(url=url, credentials=credentials, settings=settings, clock=clock)
        self.readonly = False
        self.own_revisions = OwnRevisions()
        self._lock = threading.Lock()
        self._ids: tuple[int, list[str]] = (0, [])  # process, its unused ids

    def __reduce__(self) -> tuple[Any, ...]:
        # Credentials stay here: the process that unpickles this looks for its own.
        return _reopen, (self.url, self.settings, self.readonly)

    def generate_ids(self, count: int) -> list[str]:
        """Ids for files that do not exist yet; each is given out once."""
        with self._lock:
            pid, pool = self._ids
            if pid != os.getpid():
                pool = []  # a forked child must not use its parent's
            if len(pool) < count:
                found = self._wire.call(
                    lambda service: service.files().generateIds(count=max(count, 20)),
                    units=_READ,
                    doing="draw ids",
                )
                pool = pool + found["ids"]
            self._ids = os.getpid(), pool[count:]
            return pool[:count]

    def create(
        self,
        name: str,
        parent: str,
        source: BinaryIO | bytes | None = None,
        *,
        mime_type: str | None = None,
        file_id: str | None = None,
        callback: Any = None,
    ) -> Node:
        """Make a file or folder; one, however often the way to Drive breaks.

        Args:
            source: the content; a stream is read from where it stands.
            file_id: an id from `generate_ids`. Whoever uses it as a lock puts something unique
                into the file: where one of that name and content exists, it counts as this one.

        Raises:
            DriveConflict: `file_id` is taken by another file.
        """
        self.may_write()
        metadata: dict[str, Any] = {"name": name, "parents": [checked_id(parent)]}
        if mime_type:
            metadata["mimeType"] = mime_type
        if _takes_id(mime_type):  # without an id, a create whose answer is lost makes two files
            metadata["id"] = file_id or self.generate_ids(1)[0]
        doing = f"create {name!r}"
        if source is None:
            return self._own(self._create_empty(metadata, doing, strict=file_id is not None))
        with body_of(source) as body:
            try:
                node = self._upload("POST", "files", metadata, body, doing, callback)
            except DriveConflict:
                node = self.get(metadata["id"])  # most likely an earlier try whose answer was lost
                same = _same(node, metadata) and node.md5 == body.md5()
                if file_id is not None and not same:
                    raise
            return self._own(self._verified(node, body, doing))

    def update(
        self,
        file_id: str,
        source: BinaryIO | bytes | None = None,
        *,
        name: str | None = None,
        add_parent: str | None = None,
        remove_parent: str | None = None,
        trashed: bool | None = None,
        mime_type: str | None = None,
        callback: Any = None,
    ) -> Node:
        """Give a file new content, a new name, another folder, or put it into the trash.

        Args:
            mime_type: of the new content; without it Drive may take the file for plain bytes.
        """
        self.may_write()
        id = checked_id(file_id)
        metadata: dict[str, Any] = {"name": name, "trashed": trashed, "mimeType": mime_type}
        metadata = {key: value for key, value in metadata.items() if value is not None}
        moves = {"addParents": add_parent, "removeParents": remove_parent}
        query = {key: checked_id(value) for key, value in moves.items() if value is not None}
        if source is not None:
            doing = f"write {name or id!r}"
            with body_of(source) as body:
                node = self._upload("PATCH", f"files/{id}", metadata, body, doing, callback, query)
                return self._own(self._verified(node, body, doing))
        found = self._wire.call(
            lambda service: service.files().update(
                fileId=id, body=metadata, fields=FIELDS, supportsAllDrives=True, **query
            ),
            units=_EDIT,
            doing=f"change {id}",
        )
        return self._own(Node.read(found))

    def delete(self, file_id: str) -> None:
        """Delete a file for good, past the trash; a folder with all that is in it."""
        self.may_write()
        id, before = checked_id(file_id), self.requests
        try:
            self._wire.call(
                lambda service: service.files().delete(fileId=id, supportsAllDrives=True),
                units=_EDIT,
                doing=f"delete {id}",
                silent=True,
            )
        except PlaceNotFound:
            if self.requests - before < 2:
                raise  # else the first try did it, and only its answer was lost

    def copy(self, file_id: str, name: str, parent: str) -> Node:
        """Copy a file within Drive."""
        self.may_write()
        source = self.get(file_id)
        metadata: dict[str, Any] = {"name": name, "parents": [checked_id(parent)]}
        if _takes_id(source.mime_type):
            metadata["id"] = self.generate_ids(1)[0]
        try:
            found = self._wire.call(
                lambda service: service.files().copy(
                    fileId=source.id, body=metadata, fields=FIELDS, supportsAllDrives=True
                ),
                units=_EDIT,
                doing=f"copy {source.name!r}",
            )
        except DriveConflict:
            return self._own(self.get(metadata["id"]))
        return self._own(Node.read(found))

    def _create_empty(self, metadata: dict[str, Any], doing: str, *, strict: bool) -> Node:
        try:
            found = self._wire.call(
                lambda service: service.files().create(
                    body=metadata, fields=FIELDS, supportsAllDrives=True
                ),
                units=_EDIT,
                doing=doing,
            )
        except DriveConflict:
            node = self.get(metadata["id"])
            if strict and not (_same(node, metadata) and not node.size):
                raise
            return node
        return Node.read(found)

    def _upload(
        self,
        method: str,
        path: str,
        metadata: dict[str, Any],
        body: Body,
        doing: str,
        callback: Any,
        query: dict[str, str] | None = None,
    ) -> Node:
        found = Upload(
            wire=self._wire,
            method=method,
            path=path,
            query={"fields": FIELDS, "supportsAllDrives": "true", **(query or {})},
            metadata=metadata,
            mime_type=metadata.get("mimeType", _BYTES),
            body=body,
            parts=self.settings.chunk_bytes,
            doing=doing,
            callback=callback,
        ).run()
        return Node.read(found)

    def _verified(self, node: Node, body: Body, doing: str) -> Node:
        """The node once Drive holds the very bytes of `body`; they are sent anew if it does not."""
        md5 = body.md5()
        if node.md5 in (None, md5):
            return node
        node = self._upload("PATCH", f"files/{node.id}", {}, body, doing, None)
        if node.md5 not in (None, md5):
            raise TransferDamaged(f"{doing}: Drive twice got other bytes than were sent; try again")
        return node

    def _own(self, node: Node) -> Node:
        self.own_revisions.add((node.id, node.revision))
        return node

    def may_write(self) -> None:
        """Raise DriveForbidden where this Drive is attached read-only."""
        if self.readonly:
            raise DriveForbidden(
                "this Drive is attached read-only; run %drive_mount without --readonly to write"
            )


class OwnRevisions:
    """The revisions written here lately, so that a watch can tell its own writes from others'."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], int] = OrderedDict()  # to the writing thread

    def add(self, revision: tuple[str, str]) -> None:
        """Remember a (file id, revision); the oldest one goes when there are too many."""
        with self._lock:
            self._known[revision] = threading.get_ident()
            self._known.move_to_end(revision)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def written_by(self, thread: int) -> set[tuple[str, str]]:
        """Those that the thread of this ident wrote: a cell's own writes are the main thread's."""
        with self._lock:
            return {revision for revision, ident in self._known.items() if ident == thread}

    def __contains__(self, revision: object) -> bool:
        return revision in self._known

    def __len__(self) -> int:
        return len(self._known)


def _takes_id(mime_type: str | None) -> bool:
    """Whether Drive lets a new file of that type have an id drawn before; Google's own do not."""
    return not (mime_type or "").startswith("application/vnd.google-apps.") or mime_type == FOLDER


def _same(node: Node, metadata: dict[str, Any]) -> bool:
    return bool(node.name == metadata["name"] and [node.parent] == metadata["parents"])


def _reopen(url: str, settings: Settings, readonly: bool) -> DriveAPI:
    from .credentials import find_credentials

    api = DriveAPI(
        url=url, credentials=None if url else find_credentials(settings), settings=settings
    )
    api.readonly = readonly
    return api
