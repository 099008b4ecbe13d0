"""How do bytes get onto Drive? In one request when small, else part by part, resumed if cut."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode, urlsplit

from colab_magics.errors import ColabMagicsError, DriveBusy, DriveUnreachable

from .refusals import strange
from .wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

SMALL_BYTES = 5_000_000  # the most that Drive takes in one request
_STEP = 256 * 1024  # parts of a resumable upload are multiples of this
_EDIT = 50
_JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class Body:
    """The bytes to upload: a stream that can be read again, and its size."""

    stream: IO[bytes]
    start: int
    size: int

    def part(self, offset: int, count: int) -> bytes:
        """The bytes from `offset` on, `count` at most."""
        self.stream.seek(self.start + offset)
        return self.stream.read(count)

    def md5(self) -> str:
        """The hash of all of it."""
        digest = hashlib.md5(usedforsecurity=False)
        for offset in range(0, self.size, 1 << 20):
            digest.update(self.part(offset, min(1 << 20, self.size - offset)))
        return digest.hexdigest()


@contextmanager
def body_of(source: BinaryIO | bytes) -> Iterator[Body]:
    """Bytes or a stream as a Body; a stream that can not seek is copied to a temporary file."""
    if isinstance(source, bytes | bytearray | memoryview):
        yield Body(io.BytesIO(source), 0, len(source))
    elif source.seekable():
        start = source.tell()
        yield Body(source, start, source.seek(0, os.SEEK_END) - start)
    else:
        with tempfile.TemporaryFile() as copy:
            while block := source.read(1 << 20):
                copy.write(block)
            yield Body(copy, 0, copy.tell())


@dataclass
class Upload:
    """One file on its way: a new one (``POST``) or new content of a known one (``PATCH``).

    Attributes:
        query: more parameters for the URL, such as the fields to answer.
        parts: bytes of one part of a resumable upload.
        callback: an fsspec Callback that is told how far it is, or None.
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

    def run(self) -> dict[str, Any]:
        """Upload, and give Drive's description of the file."""
        if self.callback is not None:
            self.callback.set_size(self.body.size)
        if self.body.size <= SMALL_BYTES:
            found = self.wire.tries(self._at_once)
            self._tell(self.body.size)
            return found
        for _ in range(3):
            try:
                uri = self.wire.tries(self._begin)
                return _Session(self, uri).run()
            except _SessionGone:
                continue  # Drive forgets sessions after a week, or has a bad minute
        raise DriveUnreachable(f"{self.doing}: Drive forgot this upload three times")

    def _url(self, kind: str) -> str:
        query = urlencode({"uploadType": kind, **self.query})
        return f"{self.wire.base}upload/drive/v3/{self.path}?{query}"

    def _at_once(self) -> dict[str, Any]:
        boundary = os.urandom(16).hex()
        head = (
            f"--{boundary}\r\nContent-Type: {_JSON}\r\n\r\n{json.dumps(self.metadata)}\r\n"
            f"--{boundary}\r\nContent-Type: {self.mime_type}\r\n\r\n"
        )
        answer = self.wire.send(
            self.method,
            self._url("multipart"),
            units=_EDIT,
            doing=self.doing,
            accept=(200, 201),
            headers={"Content-Type": f"multipart/related; boundary={boundary}"},
            data=head.encode() + self.body.part(0, self.body.size) + f"\r\n--{boundary}--".encode(),
        )
        return described(answer, self.doing)

    def _begin(self) -> str:
        answer = self.wire.send(
            self.method,
            self._url("resumable"),
            units=_EDIT,
            doing=self.doing,
            accept=(200, 201),
            headers={
                "Content-Type": _JSON,
                "X-Upload-Content-Type": self.mime_type,
                "X-Upload-Content-Length": str(self.body.size),
            },
            data=json.dumps(self.metadata).encode(),
        )
        uri = answer.headers.get("location", "")
        if not _same_house(uri, self.wire.base):
            raise strange(self.doing)
        return uri

    def _tell(self, done: int) -> None:
        if self.callback is not None:
            self.callback.absolute_update(done)


class _SessionGone(Exception):
    """Drive does not know the upload session any more."""


class _Session:
    """A resumable upload under way. Its URI is as good as a password: it is never shown."""

    def __init__(self, upload: Upload, uri: str) -> None:
        self._upload = upload
        self._uri = uri
        self._stored = 0
        self._unsure = False  # whether the fate of the last part is unknown
        self._step = max(_STEP, upload.parts // _STEP * _STEP)

    def run(self) -> dict[str, Any]:
        while True:
            # Tries are counted anew for each part: a long upload may be cut often.
            if (found := self._upload.wire.tries(self._next)) is not None:
                self._upload._tell(self._upload.body.size)
                return found
            self._upload._tell(self._stored)

    def _next(self) -> dict[str, Any] | None:
        """Send the next part; the file's description once Drive has all of it."""
        total, before = self._upload.body.size, self._stored
        if self._unsure:
            found = self._put(b"", f"bytes */{total}")
            self._unsure = False
            if found is not None or self._stored > before:
                return found
        part = self._upload.body.part(self._stored, min(self._step, total - self._stored))
        last = self._stored + len(part) - 1
        before, self._unsure = self._stored, True
        found = self._put(part, f"bytes {before}-{last}/{total}")
        self._unsure = False
        if found is None and self._stored <= before:
            raise DriveBusy(f"{self._upload.doing}: Drive stored nothing of what was sent")
        return found

    def _put(self, part: bytes, content_range: str) -> dict[str, Any] | None:
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
            if getattr(exc, "status", None) in (404, 410):
                raise _SessionGone from None
            raise
        if answer.status_code != 308:
            return described(answer, self._upload.doing)
        # Drive may have stored less than was sent; without a Range, nothing.
        stored = answer.headers.get("range", "").rpartition("-")[2]
        self._stored = int(stored) + 1 if stored.isdigit() else 0
        return None


def described(answer: requests.Response, doing: str) -> dict[str, Any]:
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
