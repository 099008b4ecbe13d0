"""What does every request handler need at hand?"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import DriveError
from .fields import keep, mask_for

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from .faults import Faults
    from .files import Store
    from .meter import Quota, RequestLog
    from .sessions import Sessions
    from .tokens import Tokens

# A body of metadata larger than this is no body of metadata.
MAX_JSON = 4 << 20


@dataclass
class Service:
    """One running Drive: its files and everything that watches over the requests."""

    store: Store
    sessions: Sessions
    tokens: Tokens
    faults: Faults
    quota: Quota
    log: RequestLog
    require_auth: bool = False
    url: str = ""

    def set_lag(self, listing: float | None, feed: float | None) -> None:
        """Set the seconds by which listings and the change log lag; None leaves one alone."""
        if listing is not None:
            self.store.set_index_lag(listing)
        if feed is not None:
            self.store.changes.set_lag(feed)


@dataclass
class Call:
    """One request on its way through the emulator.

    Attributes:
        service: The Drive it is for.
        request: The HTTP request.
        names: What the groups of the route's path matched.
        direct: Whether it came through `/emulator/…`: never faulted, metered, logged or lagging.
        units: What it costs of the quota.
        effect: Whether it changed the Drive.
        empty_page: Whether a fault asks for a page of changes without changes.
        stored: How many bytes of a chunk a fault lets the Drive keep.
        ignore_range: Whether a fault asks for the whole file instead of a range.
    """

    service: Service
    request: Request
    names: dict[str, str] = field(default_factory=dict)
    direct: bool = False
    units: int = 0
    effect: bool = False
    empty_page: bool = False
    ignore_range: bool = False
    stored: int | None = None

    @property
    def store(self) -> Store:
        """The files."""
        return self.service.store

    def param(self, name: str, default: str = "") -> str:
        """Return a parameter of the query; the last one wins."""
        return self.request.query_params.get(name, default)

    async def json(self) -> Any:
        """Return the JSON body; an empty one is an empty object."""
        raw = b""
        async for chunk in self.request.stream():
            raw += chunk
            if len(raw) > MAX_JSON:
                raise DriveError(413, "uploadTooLarge", "Request Too Large")
        return parse_json(raw)

    def answer(self, kind: str, value: dict[str, Any], fields: str | None = None) -> ASGIApp:
        """Return the JSON answer, cut to the fields that were asked for."""
        return json_answer(keep(self.mask(kind, fields), value))

    def mask(self, kind: str, fields: str | None = None) -> Any:
        """Return the mask for the answer; raise 400 before anything is done if it is wrong."""
        return mask_for(kind, self.param("fields") if fields is None else fields)


Handler = Callable[[Call], Awaitable["ASGIApp"]]


def parse_json(raw: bytes) -> Any:
    """Return a JSON body; raise 400 if it is none."""
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw)
        # Half of a surrogate pair is legal in JSON, but it is no text.
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError):
        raise DriveError(400, "parseError", "Parse Error") from None


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> ASGIApp:
    """Return a JSON response with the headers that keep proxies and browsers out of it."""
    from starlette.responses import Response

    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    usual = {
        "Content-Type": "application/json; charset=UTF-8",
        "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Origin, X-Origin",
    }
    return Response(body, status, headers=usual | (headers or {}))
