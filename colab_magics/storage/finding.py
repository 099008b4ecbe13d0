"""What can one find out about a Drive without its bytes: files, folders, changes, the account?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO
from urllib.parse import urlencode

from colab_magics.errors import BadPlace, ColabMagicsError, TokenRejected

from .answers import About, ChangePage
from .tree import FIELDS, Node, shared_drive
from .wire import Wire

_READ, _LIST, _DOWNLOAD = 5, 100, 200  # what calls cost, in units of Drive's quota
_ID = re.compile(r"[A-Za-z0-9_-]+")
_COMMANDS = frozenset({"trash", "generateIds"})  # what Drive reads after files/ in place of an id

Nodes = list[Node]  # Finder has a method of the name `list`


class Finder:
    """What is known to a Drive of its files, by ids."""

    def __init__(self, url: str, credentials: Any, wire: Wire) -> None:
        self.url = url
        self.credentials = credentials
        self.settings = wire.settings
        self._wire = wire
        self._root = 0, ""  # in which sign-in it was asked for
        self._keys: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<DriveAPI {self._wire.base} at {id(self):#x}>"

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

    def call(
        self, request: Callable[[Any], Any], *, units: int, doing: str, silent: bool = False
    ) -> Any:
        """Make a metadata call that has no method here, such as one about permissions.

        Args:
            request: makes googleapiclient's request from its Drive service.
            units: what it costs of Drive's quota.
            doing: what is tried, in words; opens the message of a refusal.
            silent: whether success has no answer.
        """
        return self._wire.call(request, units=units, doing=doing, silent=silent)

    def get(self, file_id: str) -> Node:
        """One file or folder by its id."""
        id = checked_id(file_id)

        def request(service: Any) -> Any:
            call = service.files().get(fileId=id, fields=FIELDS, supportsAllDrives=True)
            if key := self._keys.get(id):
                call.headers["X-Goog-Drive-Resource-Keys"] = f"{id}/{key}"
            return call

        return Node.read(self._wire.call(request, units=_READ, doing=f"read {id}"))

    def list(self, q: str, *, order_by: str = "", drive: str = "") -> Iterator[Node]:
        """All files that a search finds, page after page.

        Args:
            drive: the id of the shared drive to search; empty: what this user has.
        """
        token = ""
        while True:
            nodes, token = self._page(q, order_by, drive, token)
            yield from nodes
            if not token:  # a short page is not the end
                return

    def children(self, folder_id: str, *, drive: str = "") -> Nodes:
        """Everything in a folder that is not in the trash."""
        return [*self.list(_in_folder(folder_id), drive=drive)]

    def few_children(self, folder_id: str, *, drive: str = "") -> Nodes | None:
        """Everything in a folder, in one request; None if there is more than fits into that."""
        nodes, more = self._page(_in_folder(folder_id), "", drive)
        return None if more else nodes

    def find(self, folder_id: str, name: str, *, drive: str = "") -> Nodes:
        """Everything of that name in a folder; Drive allows several."""
        q = f"{named(name)} and {_in_folder(folder_id)}"
        return [node for node in self.list(q, drive=drive) if node.name == name]

    def find_line(self, folder_id: str, names: Sequence[str], *, drive: str = "") -> Nodes:
        """What might be the files and folders on a path below a folder, in one request.

        They are all those of the first name in the folder, and of the others anywhere. None where
        there may be more than were found.
        """
        first, others = names[0], dict.fromkeys(names[1:])
        terms = [f"({named(first)} and '{checked_id(folder_id)}' in parents)"]
        terms += [named(name) for name in others]
        nodes, more = self._page(f"({' or '.join(terms)}) and trashed = false", "", drive)
        return [] if more else [node for node in nodes if node.name == first or node.name in others]

    def root_id(self) -> str:
        """The id of My Drive; asked once."""
        if not self.known_root:
            self.known_root = self.get("root").id
        return self.known_root

    @property
    def sign_ins(self) -> int:
        """Grows when it may be another account's Drive from now on."""
        return getattr(self.credentials, "sign_ins", 0)

    @property
    def known_root(self) -> str:
        """The id of My Drive as far as it is known; empty until then."""
        sign_in, id = self._root
        return id if sign_in == self.sign_ins else ""

    @known_root.setter
    def known_root(self, id: str) -> None:
        self._root = self.sign_ins, id

    def drives(self) -> Nodes:
        """The shared drives that this user is a member of, as folders."""
        found: Nodes = []
        query: dict[str, Any] = {"pageSize": 100, "fields": "nextPageToken,drives(id,name)"}
        while True:
            page = self._wire.call(
                lambda service: service.drives().list(**query),
                units=_LIST,
                doing="list the shared drives",
            )
            found += [shared_drive(one["id"], one["name"]) for one in page.get("drives", ())]
            if not page.get("nextPageToken"):
                return found
            query["pageToken"] = page["nextPageToken"]

    def about(self) -> About:
        """Whose Drive this is, and how full."""
        fields = "user(displayName,emailAddress),storageQuota(limit,usage)"
        found = self._wire.call(
            lambda service: service.about().get(fields=fields),
            units=_READ,
            doing="read the account",
        )
        return About.read(found)

    def export(self, file_id: str, mime_type: str, target: BinaryIO) -> int:
        """Write a Google document in another format to `target`; Drive gives 10 MB at most.

        Returns:
            The number of bytes.
        """
        query = urlencode({"mimeType": mime_type})
        url = f"{self._wire.base}drive/v3/files/{checked_id(file_id)}/export?{query}"
        key = self._keys.get(file_id)
        headers = {"X-Goog-Drive-Resource-Keys": f"{file_id}/{key}"} if key else None
        doing = f"export {file_id}"

        def once() -> bytes:
            answer = self._wire.send(
                "GET", url, units=_DOWNLOAD, doing=doing, accept=(200,), headers=headers
            )
            content: bytes = answer.content
            return content

        return target.write(self._wire.tries(once))

    def remember_key(self, file_id: str, key: str) -> None:
        """Keep the resource key that a link to an old shared file carries."""
        self._keys[checked_id(file_id)] = key

    def start_page_token(self, *, drive: str = "") -> str:
        """The present end of the change log, this user's or a shared drive's."""
        query: dict[str, Any] = {"supportsAllDrives": True, **({"driveId": drive} if drive else {})}
        found = self._wire.call(
            lambda service: service.changes().getStartPageToken(**query),
            units=_READ,
            doing="find the end of the change log",
        )
        return str(found["startPageToken"])

    def changes(self, token: str, *, drive: str = "") -> ChangePage:
        """A page of the change log, oldest first.

        Raises:
            TokenRejected: Drive does not know that place in its log.
        """
        fields = f"changeType,time,removed,fileId,file({FIELDS})"
        query: dict[str, Any] = {
            "pageToken": token,
            "pageSize": 1000,
            "includeRemoved": True,
            "supportsAllDrives": True,
            "includeItemsFromAllDrives": True,
            "fields": f"nextPageToken,newStartPageToken,changes({fields})",
        }
        if drive:
            query["driveId"] = drive
        try:
            page = self._wire.call(
                lambda service: service.changes().list(**query),
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

    def _page(self, q: str, order_by: str, drive: str, token: str = "") -> tuple[Nodes, str]:
        """A page of what a search finds, and the token of the next one, empty at the end."""
        query: dict[str, Any] = {
            "q": q,
            "pageSize": 1000,
            "fields": f"nextPageToken,files({FIELDS})",
            "supportsAllDrives": True,
            "includeItemsFromAllDrives": True,
        }
        if drive:
            query |= {"corpora": "drive", "driveId": drive}
        if order_by:
            query["orderBy"] = order_by
        if token:
            query["pageToken"] = token
        page = self._wire.call(
            lambda service: service.files().list(**query), units=_LIST, doing="list files"
        )
        return [*map(Node.read, page.get("files", ()))], page.get("nextPageToken") or ""


def checked_id(file_id: str) -> str:
    """An id that can stand in a URL.

    Raises:
        BadPlace: the text is no id.
    """
    if not _ID.fullmatch(file_id) or file_id in _COMMANDS:
        raise BadPlace(f"no id of a file on Drive: {file_id!r}")
    return file_id


def _in_folder(folder_id: str) -> str:
    return f"'{checked_id(folder_id)}' in parents and trashed = false"


def named(name: str) -> str:
    """The search for a name; Drive's "=" ignores case, so whoever asks compares again."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"name = '{quoted}'"
