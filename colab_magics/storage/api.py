"""What can one ask of Drive?

With its helpers (finding, reading, download, ranges, sending, upload, wire, refusals, reasons) the
only module that knows Drive's addresses and errors.
"""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import (
    DriveConflict,
    DriveError,
    DriveForbidden,
    NoCredentials,
    PlaceNotFound,
)
from colab_magics.settings import Settings

from .answers import About, ChangePage, Entry
from .finding import checked_id
from .own import OwnRevisions
from .reading import Reader
from .signin.live import NOBODY
from .transfers.sending import Sending, Source
from .tree import FIELDS, FOLDER, Node
from .wire import Wire

__all__ = ["About", "ChangePage", "DriveAPI", "Entry"]

READONLY = "this Drive is attached read-only; run its %drive_mount line without --readonly"
_READ, _EDIT = 5, 50  # what calls cost, in units of Drive's quota

P = ParamSpec("P")
T = TypeVar("T")


def _changes(call: Callable[Concatenate[DriveAPI, P], T]) -> Callable[Concatenate[DriveAPI, P], T]:
    """Refuse changes where none are allowed; count those that failed: they may have been made."""

    @wraps(call)
    def counted(api: DriveAPI, /, *args: P.args, **kwargs: P.kwargs) -> T:
        api.may_write()
        try:
            return call(api, *args, **kwargs)
        except DriveError:  # also a refusal: Drive is known to refuse what it has done
            api.doubts += 1
            raise

    return counted


class DriveAPI(Reader):
    """A Drive, by ids. Safe to use from several threads; each gets its own connection.

    Attributes:
        readonly: whether everything that would change the Drive is refused.
        own_revisions: the last few thousand (file id, revision) that were written here.
        doubts: grows with each change that failed and that Drive may have made all the same.
    """

    def __init__(
        self,
        *,
        url: str = "",
        credentials: Any = None,
        settings: Settings,
        clock: Clock = CLOCK,
    ) -> None:
        if credentials is None:
            if not url:
                raise NoCredentials(NOBODY)
            from google.auth.credentials import AnonymousCredentials

            credentials = AnonymousCredentials()
        super().__init__(url, credentials, Wire(url, credentials, settings, clock))
        self.readonly = False
        self.own_revisions = OwnRevisions()
        self.doubts = 0
        self.unlock()
        self._ids: tuple[tuple[int, int], list[str]] = (0, 0), []  # whose; those that are unused
        self._sending = Sending(self._wire, settings, self.get, lambda: self.generate_ids(1)[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # Credentials stay here: the process that unpickles this looks for its own.
        return _reopen, (self.url, self.settings, self.readonly)

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        self._lock = threading.Lock()  # held during requests
        self.own_revisions.unlock()
        self._wire.unlock()

    def generate_ids(self, count: int) -> list[str]:
        """Ids for files that do not exist yet; each is given out once."""
        with self._lock:
            mine = os.getpid(), self.sign_ins
            whose, pool = self._ids
            if whose != mine:
                pool = []  # a forked child must not use its parent's, nor an account another's
            if len(pool) < count:
                found = self._wire.call(
                    lambda service: service.files().generateIds(count=max(count, 20)),
                    units=_READ,
                    doing="draw ids",
                )
                pool = pool + found["ids"]
            self._ids = mine, pool[count:]
            return pool[:count]

    @_changes
    def create(
        self,
        name: str,
        parent: str,
        source: Source | None = None,
        *,
        mime_type: str | None = None,
        file_id: str | None = None,
        callback: Any = None,
    ) -> Node:
        """Make a file or folder; one, however often the way to Drive breaks.

        Args:
            source: the content; a stream is read from where it stands. The upload of a file of
                this machine that was begun by a process which is gone is gone on with.
            file_id: an id from `generate_ids`. Whoever uses it as a lock puts something unique
                into the file: where one of that name and content exists, it counts as this one.

        Raises:
            DriveConflict: `file_id` is taken by another file.
        """
        metadata: dict[str, Any] = {"name": name, "parents": [checked_id(parent)]}
        if mime_type:
            metadata["mimeType"] = mime_type
        doing = f"create {name!r}"
        if source is not None and file_id is None and _takes_id(mime_type):
            return self._own(self._sending.make(metadata, source, doing, callback))
        if _takes_id(mime_type):  # without an id, a create whose answer is lost makes two files
            metadata["id"] = file_id or self.generate_ids(1)[0]
        if source is None:
            return self._own(self._create_empty(metadata, doing, strict=file_id is not None))
        return self._own(self._sending.create(metadata, source, doing, callback))

    @_changes
    def update(
        self,
        file_id: str,
        source: Source | None = None,
        *,
        name: str | None = None,
        add_parent: str | None = None,
        remove_parent: str | None = None,
        trashed: bool | None = None,
        modified: datetime | None = None,
        mime_type: str | None = None,
        callback: Any = None,
    ) -> Node:
        """Give a file new content, a new name, another folder or time, or put it into the trash.

        Args:
            mime_type: of the new content; without it Drive may take the file for plain bytes.
        """
        id = checked_id(file_id)
        metadata: dict[str, Any] = {"name": name, "trashed": trashed, "mimeType": mime_type}
        metadata = {key: value for key, value in metadata.items() if value is not None}
        if modified is not None:
            moment = modified.astimezone(UTC).replace(tzinfo=None)
            metadata["modifiedTime"] = f"{moment.isoformat(timespec='milliseconds')}Z"
        moves = {"addParents": add_parent, "removeParents": remove_parent}
        query = {key: checked_id(value) for key, value in moves.items() if value is not None}
        if source is not None:
            doing = f"write {name or id!r}"
            return self._own(self._sending.update(id, metadata, query, source, doing, callback))
        return self._own(self._describe(id, metadata, query))

    def _describe(self, id: str, metadata: dict[str, Any], query: dict[str, str]) -> Node:
        """Change what Drive says of a file, but for its content."""
        tries = 0

        def request(service: Any) -> Any:
            nonlocal tries
            tries += 1
            return service.files().update(
                fileId=id, body=metadata, fields=FIELDS, supportsAllDrives=True, **query
            )

        try:
            return Node.read(self._wire.call(request, units=_EDIT, doing=f"change {id}"))
        except DriveError as exc:
            # Drive refuses to take a file out of a folder twice; the first try did it, most likely,
            # and only its answer was lost.
            folder = query.get("addParents")
            if exc.status != 400 or tries < 2 or folder is None:
                raise
            node = self.get(id)
            if node.parent != folder or node.name != metadata.get("name", node.name):
                raise
            return node

    def delete(self, file_id: str) -> None:
        """Delete a file for good, past the trash; a folder with all that is in it."""
        id = checked_id(file_id)
        self.erase(
            lambda service: service.files().delete(fileId=id, supportsAllDrives=True),
            doing=f"delete {id}",
        )

    @_changes
    def erase(self, request: Callable[[Any], Any], *, doing: str) -> None:
        """Make a call that deletes something; that a later try finds it gone is what was wanted.

        Args:
            request: makes googleapiclient's request from its Drive service.
            doing: what is tried, in words; opens the message of a refusal.
        """
        tries = 0

        def counted(service: Any) -> Any:
            nonlocal tries
            tries += 1
            return request(service)

        try:
            self._wire.call(counted, units=_EDIT, doing=doing, silent=True)
        except PlaceNotFound:
            if tries < 2:
                raise  # else the first try did it, and only its answer was lost

    @_changes
    def copy(self, file: str | Node, name: str, parent: str) -> Node:
        """Copy a file within Drive.

        Args:
            file: its id, or its node, which saves a request.
        """
        source = file if isinstance(file, Node) else self.get(file)
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

    def _own(self, node: Node) -> Node:
        self.own_revisions.add((node.id, node.revision))
        return node

    def may_write(self) -> None:
        """Raise DriveForbidden where this Drive is attached read-only."""
        if self.readonly:
            raise DriveForbidden(READONLY)


def _takes_id(mime_type: str | None) -> bool:
    """Whether Drive lets a new file of that type have an id drawn before; Google's own do not."""
    return not (mime_type or "").startswith("application/vnd.google-apps.") or mime_type == FOLDER


def _same(node: Node, metadata: dict[str, Any]) -> bool:
    return bool(node.name == metadata["name"] and [node.parent] == metadata["parents"])


def _reopen(url: str, settings: Settings, readonly: bool) -> DriveAPI:
    from .credentials import find_credentials

    api = DriveAPI(url=url, credentials=find_credentials(settings, url), settings=settings)
    api.readonly = readonly
    return api
