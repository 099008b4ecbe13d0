"""How does the body of a request come in: at what pace, zipped or plain, and to its end?"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from .errors import DriveError, bad_request

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message, Receive

    from .shaping import Pace

_MOST_DRAINED = 256 << 20


async def whole(request: Request, most: int) -> bytes:
    """Return a body that is to be looked at as a whole; raise 413 if it has more bytes."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most:
            raise DriveError(413, "uploadTooLarge", "Request Too Large")
    return bytes(raw)


class Body:
    """The receiving side of a request, which can be read to its end before an answer.

    Args:
        receive: Gives what comes from the client.
        zipped: Whether that is gzip, as Google's Java client sends its bodies.
    """

    def __init__(self, receive: Receive, *, zipped: bool = False) -> None:
        self._receive = receive
        self._unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if zipped else None
        self.complete = False
        self.gone = False
        self.pace: Pace | None = None

    async def __call__(self) -> Message:
        """Give the next message, with its bytes as they were meant."""
        message = await self._next()
        if self._unzip and message["type"] == "http.request":
            message = {**message, "body": self._unzipped(message.get("body", b""))}
        return message

    def _unzipped(self, data: bytes) -> bytes:
        try:
            plain = self._unzip.decompress(data) if self._unzip else data
        except zlib.error:
            raise bad_request("The body is not gzip.") from None
        if self.complete and self._unzip and not self._unzip.eof:
            raise bad_request("The body is not all of a gzip.")
        return plain

    async def _next(self) -> Message:
        message = await self._receive()
        if self.pace:
            await self.pace.passed(len(message.get("body", b"")))
        if message["type"] == "http.disconnect":
            self.gone = True
        elif not message.get("more_body", False):
            self.complete = True
        return message

    async def drain(self) -> None:
        """Read what was not read: a client that still sends would not see an early answer."""
        seen = 0
        while not self.complete and not self.gone and seen < _MOST_DRAINED:
            seen += len((await self._next()).get("body", b""))
