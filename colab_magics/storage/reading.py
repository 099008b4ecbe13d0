"""What can one read of a Drive: files, folders, content, the change log, the account?"""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import (
    BadPlace,
    ColabMagicsError,
    DriveConflict,
    NoCredentials,
    PlaceIsFolder,
    TokenRejected,
    TransferDamaged,
)
from colab_magics.settings import Settings

from .answers import About, ChangePage
from .download import Download
from .tree import FIELDS, Node
from .wire import Wire

_READ, _LIST = 5, 100  # what calls cost, in units of Drive's quota
_ID = re.compile(r"[A-Za-z0-9_-]+")
_COMMANDS = frozenset({"trash", "generateIds"})  # what Drive reads after files/ in place of an id

Nodes = list[Node]  # Reader has a method of the name `list`


class Reader:
    """What one can read of a Drive, by ids."""

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
                raise NoCredentials(
                    "nobody is signed in to Google Drive; run %drive_mount emulator to try it here"
                )
            from google.auth.credentials import AnonymousCredentials

            credentials = AnonymousCredentials()
        self.url = url
        self.settings = settings
        self._wire = Wire(url, credentials, settings, clock)
        self._root = ""
        self._keys: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<DriveAPI {self._wire.base} at {id(self):#x}>"

    def with_settings(self, settings: Settings) -> Reader:
        """The same Drive with connections and counts of its own, for a caller of other patience."""
        other = Reader.__new__(Reader)
        other.__dict__.update(url=self.url, settings=settings, _root=self._root, _keys=self._keys)
        other._wire = self._wire.with_settings(settings)
        return other

    @property
    def requests(self) -> int:
        """How many HTTP requests were made."""
        return self._wire.requests

    @property
    def units(self) -> int:
        """What they cost of Drive's quota."""
        return self._wire.units

    def close(self) -> None:
        """Close all connections; waits between tries end, and what waited fails."""
        self._wire.close()

    def get(self, file_id: str) -> Node:
        """One file or folder by its id."""
        id = checked_id(file_id)

        def request(service: Any) -> Any:
            call = service.files().get(fileId=id, fields=FIELDS, supportsAllDrives=True)
            if key := self._keys.get(id):
                call.headers["X-Goog-Drive-Resource-Keys"] = f"{id}/{key}"
            return call

        return Node.read(self._wire.call(request, units=_READ, doing=f"read {id}"))

    def list(self, q: str, *, order_by: str = "") -> Iterator[Node]:
        """All files that a search finds, page after page."""
        query: dict[str, Any] = {
            "q": q,
            "pageSize": 1000,
            "fields": f"nextPageToken,files({FIELDS})",
            "supportsAllDrives": True,
            "includeItemsFromAllDrives": True,
        }
        if order_by:
            query["orderBy"] = order_by
        while True:
            page = self._wire.call(
                lambda service: service.files().list(**query), units=_LIST, doing="list files"
            )
            yield from map(Node.read, page.get("files", ()))
            if not page.get("nextPageToken"):  # a short page is not the end
                return
            query["pageToken"] = page["nextPageToken"]

    def children(self, folder_id: str) -> Nodes:
        """Everything in a folder that is not in the trash."""
        return [*self.list(f"'{checked_id(folder_id)}' in parents and trashed = false")]

    def find(self, folder_id: str, name: str) -> Nodes:
        """Everything of that name in a folder; Drive allows several."""
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        folder = checked_id(folder_id)
        found = self.list(f"name = '{quoted}' and '{folder}' in parents and trashed = false")
        return [node for node in found if node.name == name]  # Drive's "=" ignores case

    def root_id(self) -> str:
        """The id of My Drive; asked once."""
        if not self._root:
            self._root = self.get("root").id
        return self._root

    def about(self) -> About:
        """Whose Drive this is, and how full."""
        fields = "user(displayName,emailAddress),storageQuota(limit,usage)"
        found = self._wire.call(
            lambda service: service.about().get(fields=fields),
            units=_READ,
            doing="read the account",
        )
        return About.read(found)

    def remember_key(self, file_id: str, key: str) -> None:
        """Keep the resource key that a link to an old shared file carries."""
        self._keys[checked_id(file_id)] = key

    def fetch(self, file: str | Node, target: BinaryIO, *, callback: Any = None) -> Node:
        """Write a whole file to `target`, verified; the node says which revision it was.

        A file that changes meanwhile is fetched anew; `target` must be able to seek then.

        Args:
            file: its id, or its node, which saves a request if it is still right.

        Raises:
            TransferDamaged: three times the bytes were not those of the file.
        """
        id = file.id if isinstance(file, Node) else file
        for attempt in range(3):
            node = file if isinstance(file, Node) and attempt == 0 else self.get(id)
            if node.folder:
                raise PlaceIsFolder(f"{node.name!r} is a folder, not a file")
            if attempt == 0:
                start = target.tell() if target.seekable() else None
            elif start is None:
                break
            else:
                target.seek(start)
                target.truncate()
            if self._arrived(node, target, callback):
                return node
        raise TransferDamaged(f"{node.name!r} arrived damaged, or changes all the time; try again")

    def download(
        self,
        file_id: str,
        target: BinaryIO,
        *,
        start: int = 0,
        end: int | None = None,
        callback: Any = None,
        size: int | None = None,
    ) -> int:
        """Write a file, or its bytes from `start` to before `end`, to `target`.

        A whole file is verified by its hash, a part by its length. Returns the number of bytes.

        Args:
            size: of the whole file as far as the caller knows; DriveConflict if it has changed.
        """
        if start == 0 and end is None and size is None:
            return self.fetch(file_id, target, callback=callback).size or 0
        id, doing = checked_id(file_id), f"download {file_id}"
        if size is None:  # without it, a sign-in page would pass for a part of the file
            size = self.get(id).size
        key = self._keys.get(id, "")
        return Download(self._wire, id, target.write, start, end, size, doing, key).run()

    def _arrived(self, node: Node, target: BinaryIO, callback: Any) -> bool:
        digest = hashlib.md5(usedforsecurity=False)
        done = 0
        if callback is not None:
            callback.set_size(node.size)

        def write(block: bytes) -> None:
            nonlocal done
            target.write(block)
            digest.update(block)
            done += len(block)
            if callback is not None:
                callback.absolute_update(done)

        doing, key = f"download {node.name!r}", self._keys.get(node.id, "")
        try:
            Download(self._wire, node.id, write, 0, None, node.size, doing, key).run()
        except DriveConflict:
            return False
        return node.md5 in (None, digest.hexdigest())

    def start_page_token(self) -> str:
        """The present end of the change log."""
        found = self._wire.call(
            lambda service: service.changes().getStartPageToken(supportsAllDrives=True),
            units=_READ,
            doing="find the end of the change log",
        )
        return str(found["startPageToken"])

    def changes(self, token: str) -> ChangePage:
        """A page of the change log, oldest first.

        Raises:
            TokenRejected: Drive does not know that place in its log.
        """
        fields = f"changeType,time,removed,fileId,file({FIELDS})"
        try:
            page = self._wire.call(
                lambda service: service.changes().list(
                    pageToken=token,
                    pageSize=1000,
                    includeRemoved=True,
                    supportsAllDrives=True,
                    includeItemsFromAllDrives=True,
                    fields=f"nextPageToken,newStartPageToken,changes({fields})",
                ),
                units=_LIST,
                doing="read the change log",
            )
        except ColabMagicsError as exc:
            status = getattr(exc, "status", None)
            if status in (400, 404, 410):
                reason = getattr(exc, "reason", "")
                raise TokenRejected(exc.message, status=status, reason=reason) from None
            raise
        return ChangePage.read(page, token)


def checked_id(file_id: str) -> str:
    """An id that can stand in a URL.

    Raises:
        BadPlace: the text is no id.
    """
    if not _ID.fullmatch(file_id) or file_id in _COMMANDS:
        raise BadPlace(f"no id of a file on Drive: {file_id!r}")
    return file_id
