"""Where do the parts of a multipart/related upload begin and end?"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from .errors import bad_request

_MAX_HEADERS = 64 << 10
_MAX_METADATA = 4 << 20


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names; raise 400 if it is not multipart."""
    found = re.search(r'boundary="([^"]+)"|boundary=([^;\s]+)', content_type, re.IGNORECASE)
    if not content_type.lower().startswith("multipart/") or not found:
        raise bad_request("Missing end boundary in multipart body.")
    return (found[1] or found[2]).encode()


class Related:
    """Reads metadata and media out of a body that comes in pieces.

    Line ends may be CRLF, as the standard says, or LF, as google-api-python-client sends them; the
    first line decides, since the media itself may end in CR.

    Args:
        boundary: From `boundary_of`.
        write: Called with the bytes of the media as they come.

    Attributes:
        metadata: The JSON of the first part.
        mime: The type that the second part declares, if it does.
    """

    def __init__(self, boundary: bytes, write: Callable[[bytes], None]) -> None:
        self._mark = b"--" + boundary
        self._write = write
        self._rest = b""
        self._step = self._opening
        self._end = b"\n"
        self._decoder: _Base64 | None = None
        self.metadata = b""
        self.mime: str | None = None

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body."""
        self._rest += data
        while self._step():
            pass

    def close(self) -> None:
        """Take the end of the body; raise 400 if the last boundary has not come."""
        if self._step != self._after:
            raise bad_request("Missing end boundary in multipart body.")

    def _opening(self) -> bool:
        """Find the first boundary line, which says how lines end."""
        start = self._rest.find(self._mark)
        stop = self._rest.find(b"\n", max(start, 0))
        if start == -1 or stop == -1:
            return self._wait(_MAX_HEADERS)
        self._end = b"\r\n" if self._rest[stop - 1 : stop] == b"\r" else b"\n"
        self._rest = self._rest[stop + 1 :]
        self._step = self._metadata_headers
        return True

    def _metadata_headers(self) -> bool:
        if self._headers() is None:
            return self._wait(_MAX_HEADERS)
        self._step = self._metadata_body
        return True

    def _metadata_body(self) -> bool:
        stop = self._rest.find(self._end + self._mark)
        line = self._rest.find(b"\n", stop + len(self._end + self._mark))
        if stop == -1 or line == -1:
            return self._wait(_MAX_METADATA)
        self.metadata = self._rest[:stop]
        self._rest = self._rest[line + 1 :]
        self._step = self._media_headers
        return True

    def _media_headers(self) -> bool:
        headers = self._headers()
        if headers is None:
            return self._wait(_MAX_HEADERS)
        self.mime = headers.get("content-type")
        if headers.get("content-transfer-encoding", "").lower() == "base64":
            self._decoder = _Base64()
        # An empty part ends in the line end that closed its headers.
        self._rest = self._end + self._rest
        self._step = self._media_start
        return True

    def _media_start(self) -> bool:
        """Give the line end before the media back if the media is not empty."""
        delimiter = self._end + self._mark
        if len(self._rest) < len(delimiter) and delimiter.startswith(self._rest):
            return False
        if not self._rest.startswith(delimiter):
            self._rest = self._rest[len(self._end) :]
        self._step = self._media_body
        return True

    def _media_body(self) -> bool:
        delimiter = self._end + self._mark
        stop = self._rest.find(delimiter)
        if stop == -1:
            # The delimiter may be cut in two by the edge of the piece.
            sure = max(0, len(self._rest) - len(delimiter))
            self._give(self._rest[:sure])
            self._rest = self._rest[sure:]
            return False
        if len(self._rest) < stop + len(delimiter) + 2:
            return False
        self._give(self._rest[:stop])
        tail = self._rest[stop + len(delimiter) :]
        if not tail.startswith(b"--"):
            raise bad_request("Malformed multipart body.")
        if self._decoder:
            self._write(self._decoder.last())
        self._rest = b""
        self._step = self._after
        return True

    def _after(self) -> bool:
        self._rest = b""
        return False

    def _give(self, data: bytes) -> None:
        if data:
            self._write(self._decoder.some(data) if self._decoder else data)

    def _headers(self) -> dict[str, str] | None:
        """Take headers up to the empty line, or None if it has not come yet."""
        empty = re.match(rb"\r?\n", self._rest)
        found = empty or re.search(rb"\r?\n\r?\n", self._rest)
        if not found:
            return None
        lines = self._rest[: found.start()].decode("utf-8", "replace").splitlines()
        self._rest = self._rest[found.end() :]
        pairs = (line.partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _wait(self, limit: int) -> bool:
        if len(self._rest) > limit:
            raise bad_request("Malformed multipart body.")
        return False


class _Base64:
    """Decodes base64 that comes in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def some(self, data: bytes) -> bytes:
        self._rest += b"".join(data.split())
        whole = len(self._rest) // 4 * 4
        now, self._rest = self._rest[:whole], self._rest[whole:]
        return self._decode(now)

    def last(self) -> bytes:
        return self._decode(self._rest)

    def _decode(self, data: bytes) -> bytes:
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            raise bad_request("Malformed multipart body.") from None
