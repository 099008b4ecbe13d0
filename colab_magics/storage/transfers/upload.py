"""How do bytes get onto Drive? In one request when small, else part by part, resumed if cut."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode, urlsplit

from colab_magics.errors import (
    ColabMagicsError,
    DriveBusy,
    DriveForbidden,
    DriveFull,
    DriveUnreachable,
    NoCredentials,
)
from colab_magics.storage.reasons import DAY, is_user_rate
from colab_magics.storage.refusals import strange
from colab_magics.storage.wire import Wire

from .body import BLOCK, Blocks, Body

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
SMALL_BYTES = 5_000_000  # the most that Drive takes in one request
_STEP = 256 * 1024  # parts of a resumable upload are multiples of this
_PARTS, _LARGER = 4, 32  # a large file goes in larger parts, since each waits for an answer
_EDIT = 50
_JSON = "application/json; charset=UTF-8"


@dataclass
class Upload:
    """One file on its way: a new one (``POST``) or new content of a known one (``PATCH``).

    Attributes:
        query: more parameters for the URL, such as the fields to answer.
        parts: least bytes of one part of a resumable upload.
        callback: an fsspec Callback that is told how far it is, or None.
        session: of an earlier process that began this upload; empty without one.
        began: is told each new session before a byte goes there.
        resumed: whether the answer is about what an earlier process has finished.
    """

    wire: Wire
    method: str
    path: str
    query: Mapping[str, str]
    metadata: Mapping[str, Any]
    mime_type: str
    body: Body
    parts: int
    doing: str
    callback: Any = None
    session: str = field(default="", repr=False)
    began: Callable[[str], None] = field(default=lambda session: None, repr=False)
    resumed: bool = False
    _told: int = 0

    def run(self) -> dict[str, Any]:
        """Upload, and give Drive's description of the file."""
        if self.callback is not None:
            self.callback.set_size(self.body.size)
        small = self.body.size <= SMALL_BYTES
        found = self.tries(self._whole) if small else self._in_parts()
        self.tell(self.body.size)
        return found

    def tries(self, once: Callable[[], T]) -> T:
        """Call until it succeeds; Drive says of the cap of a day only that it is asked too much."""
        try:
            return self.wire.tries(once)
        except DriveBusy as exc:
            if not is_user_rate(exc.reason):
                raise
            raise DriveForbidden(
                f"{self.doing}: Drive still refuses more; {DAY} [HTTP {exc.status} {exc.reason}]",
                status=exc.status,
                reason=exc.reason,
            ) from exc

    def tell(self, done: int) -> None:
        """Say how far it is; what is sent a second time does not count back."""
        if self.callback is not None and (done > self._told or not self.body.size):
            self._told = done
            self.callback.absolute_update(done)

    def _in_parts(self) -> dict[str, Any]:
        for _ in range(3):
            try:
                known = _same_house(self.session, self.wire.base)
                if not known:
                    self.session = self.tries(self._begin)
                    self.began(self.session)
                return _Session(self, self.session, known=known).run()
            except _SessionGone:
                self.session = ""  # Drive forgets sessions after a week, or has a bad minute
        raise DriveUnreachable(f"{self.doing}: Drive forgot this upload three times")

    def _open(
        self, kind: str, headers: Mapping[str, str], data: bytes | _Framed
    ) -> requests.Response:
        query = urlencode({"uploadType": kind, **self.query})
        return self.wire.send(
            self.method,
            f"{self.wire.base}upload/drive/v3/{self.path}?{query}",
            units=_EDIT,
            doing=self.doing,
            accept=(200, 201),
            headers=headers,
            data=data,
        )

    def _whole(self) -> dict[str, Any]:
        boundary = os.urandom(16).hex()
        head = (
            f"--{boundary}\r\nContent-Type: {_JSON}\r\n\r\n{json.dumps(self.metadata)}\r\n"
            f"--{boundary}\r\nContent-Type: {self.mime_type}\r\n\r\n"
        )
        data = _framed(head.encode(), self, f"\r\n--{boundary}--".encode())
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        return _described(self._open("multipart", headers, data), self.doing)

    def _begin(self) -> str:
        headers = {
            "Content-Type": _JSON,
            "X-Upload-Content-Type": self.mime_type,
            "X-Upload-Content-Length": str(self.body.size),
        }
        answer = self._open("resumable", headers, json.dumps(self.metadata).encode())
        uri = answer.headers.get("location", "")
        if not _same_house(uri, self.wire.base):
            raise strange(self.doing)
        return uri


class _SessionGone(Exception):
    """Drive does not know the upload session any more."""


class _Framed:
    """A body between its head and its tail, sent without a copy of all of it."""

    def __init__(self, head: bytes, upload: Upload, tail: bytes) -> None:
        self._head = head
        self._upload = upload
        self._tail = tail

    def __len__(self) -> int:
        return len(self._head) + self._upload.body.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._upload.body.blocks(0, self._upload.body.size, self._upload.tell)
        yield self._tail


def _framed(head: bytes, upload: Upload, tail: bytes) -> bytes | _Framed:
    body = upload.body
    if body.size > BLOCK:
        return _Framed(head, upload, tail)
    return head + body.read(0, body.size) + tail  # one packet for head and body of a small file


class _Session:
    """A resumable upload under way. Its URI is as good as a password: it is never shown."""

    def __init__(self, upload: Upload, uri: str, *, known: bool) -> None:
        self._upload = upload
        self._uri = uri
        self._stored = 0
        self._unsure = known  # whether Drive may hold more than we know
        self._known = self._inherited = known
        self._least = max(_STEP, upload.parts // _STEP * _STEP)
        part = min(-(-upload.body.size // _PARTS), _LARGER * upload.parts)
        self._step = self._most = max(self._least, -(-part // _STEP) * _STEP)

    def run(self) -> dict[str, Any]:
        wire, most = self._upload.wire, 0
        since = wire.clock.monotonic()
        while True:
            # Tries are counted anew for each part: a long upload may be cut often.
            if (found := self._upload.tries(self._next)) is not None:
                return found
            self._upload.tell(self._stored)
            now = wire.clock.monotonic()
            if self._stored > most:
                most, since = self._stored, now
            elif now - since > wire.settings.retry_seconds:
                raise DriveUnreachable(f"{self._upload.doing}: Drive forgets what was sent")

    def _next(self) -> dict[str, Any] | None:
        """Send the next part; the file's description once Drive has all of it."""
        total, before = self._upload.body.size, self._stored
        if self._unsure:
            # Drive may keep nothing of a part that was cut: on a bad way it must be a small one.
            if not self._known:
                self._step = max(self._least, self._step // 4 // _STEP * _STEP)
            found = self._put(b"", f"bytes */{total}")
            self._unsure = False
            self._upload.resumed = found is not None and self._known
            if found is not None or self._stored > before:
                self._upload.body.hash_to(self._stored)
                return found
        self._known = False
        end = min(self._stored + self._step, total)
        part = self._upload.body.blocks(self._stored, end, self._upload.tell)
        before, self._unsure = self._stored, True
        found = self._put(part, f"bytes {before}-{end - 1}/{total}")
        self._unsure = False
        if found is None and self._stored <= before:
            raise DriveBusy(f"{self._upload.doing}: Drive stored nothing of what was sent")
        self._step = min(self._most, 2 * self._step)
        return found

    def _gone(self, exc: ColabMagicsError) -> bool:
        """Whether this refusal is about the session: then another one tells what is the matter."""
        status = getattr(exc, "status", None) or 0
        if status in (404, 410):
            return True
        kinds = DriveBusy | DriveFull | NoCredentials
        lasting = isinstance(exc, kinds) or is_user_rate(getattr(exc, "reason", ""))
        return self._inherited and 400 <= status < 500 and not lasting

    def _put(self, part: bytes | Blocks, content_range: str) -> dict[str, Any] | None:
        try:
            answer = self._upload.wire.send(
                "PUT",
                self._uri,
                units=0,
                doing=self._upload.doing,
                accept=(200, 201, 308),
                headers={"Content-Range": content_range},
                data=part,
            )
        except ColabMagicsError as exc:
            if self._gone(exc):
                raise _SessionGone from None
            raise
        if answer.status_code != 308:
            return _described(answer, self._upload.doing)
        # Drive may have stored less than was sent; without a Range, nothing.
        stored = answer.headers.get("range", "").rpartition("-")[2]
        self._stored = int(stored) + 1 if stored.isdigit() else 0
        return None


def _described(answer: requests.Response, doing: str) -> dict[str, Any]:
    """The file that an answer describes."""
    try:
        found = answer.json()
    except ValueError:
        raise strange(doing) from None
    if not isinstance(found, dict) or "id" not in found:
        raise strange(doing)
    return found


def _same_house(uri: str, base: str) -> bool:
    """Whether a token may go to `uri`: the endpoint itself, or another machine of Google's."""
    there, here = urlsplit(uri), urlsplit(base)
    if (there.scheme, there.netloc) == (here.scheme, here.netloc):
        return True
    google = ".googleapis.com"
    return there.scheme == "https" and all(
        (p.hostname or "").endswith(google) for p in (there, here)
    )
