"""How does an answer leave: whole, zipped, slow, cut short or with a wrong byte?"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .faults import Fault

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

_SMALLEST_GZIP = 1024
_JSON = b"application/json"
_CATCH_UP = 0.02


class Pace:
    """Lets bytes pass at a rate; what a coarse timer slept too long is caught up with.

    Args:
        rate: Bytes a second.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._due: float | None = None

    async def passed(self, count: int) -> None:
        """Return when the link is free again after so many bytes."""
        now = time.monotonic()
        due = now if self._due is None else max(self._due, now - _CATCH_UP)
        self._due = due + count / self.rate
        if self._due > now:
            await asyncio.sleep(self._due - now)


def pace_of(faults: list[Fault]) -> Pace | None:
    """Return the pace that the rules ask for, if one does."""
    rate = next((one.rate for one in faults if one.rate), None)
    return Pace(rate) if rate else None


class Shaped:
    """Stands between a handler's answer and the wire.

    Args:
        send: The wire.
        faults: The rules that fired.
        scope: The request's, for its connection.
        zipped: Whether the client takes gzip.
        note: Called with status and reason before the first byte leaves.
    """

    def __init__(
        self,
        send: Send,
        faults: list[Fault],
        scope: Scope,
        zipped: bool,
        note: Callable[[int, str], None],
    ) -> None:
        self._send = send
        self._scope = scope
        self._zipped = zipped
        self._note = note
        self._truncate = next((f.truncate for f in faults if f.truncate is not None), None)
        flips = [one.flip for one in faults if one.flip is not None and one.flip is not False]
        self._flip = flips[0] if flips else None
        self._pace = pace_of(faults)
        self._sent = 0
        self._limit: int | None = None
        self._closes = False
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Take one ASGI message of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._start is not None:
            start, self._start = self._start, None
            body = await self._begin(start, body, more)
        await self._body(self._flipped(body), more)

    async def _begin(self, start: Message, body: bytes, more: bool) -> bytes:
        headers = dict(start["headers"])
        reason = headers.pop(b"x-emulator-reason", b"").decode()
        if self._zippable(headers, body, more):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers |= {b"content-encoding": b"gzip", b"content-length": b"%d" % len(body)}
        size = int(headers.get(b"content-length", b"0"))
        if self._truncate == "short":
            self._limit = size // 2
            headers[b"content-length"] = b"%d" % self._limit
        elif self._truncate is not None and size > self._truncate:
            self._limit, self._closes = self._truncate, True
        if self._flip is True:
            self._flip = size // 2
        self._note(start["status"], reason)
        await self._send({**start, "headers": list(headers.items())})
        return body

    def _zippable(self, headers: dict[bytes, bytes], body: bytes, more: bool) -> bool:
        # The bytes of a file go as they are, also if they are JSON; only they have ranges.
        if not self._zipped or more or b"accept-ranges" in headers:
            return False
        return len(body) >= _SMALLEST_GZIP and headers.get(b"content-type", b"").startswith(_JSON)

    def _flipped(self, body: bytes) -> bytes:
        at = -1 if self._flip is None else self._flip - self._sent
        if not 0 <= at < len(body):
            return body
        return body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]

    async def _body(self, body: bytes, more: bool) -> None:
        before = self._sent
        self._sent += len(body)
        if self._limit is not None:
            body = body[: max(0, self._limit - before)]
            more = more and self._sent < self._limit
        if self._closes and not more:
            # The rest never comes: what is in the buffer is sent, then the connection ends.
            await self._paced(body, True)
            transport: Any = self._scope.get("state", {}).get("transport")
            if transport is not None:
                transport.close()
            return
        if self._limit is None or before <= self._limit:
            await self._paced(body, more)

    async def _paced(self, body: bytes, more: bool) -> None:
        if self._pace:
            step = max(1, self._pace.rate // 20)
            while len(body) > step:
                await self._out(body[:step], True)
                body = body[step:]
                await self._pace.passed(step)
            await self._pace.passed(len(body))
        await self._out(body, more)

    async def _out(self, body: bytes, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
