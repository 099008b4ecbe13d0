"""What does every request handler need at hand?"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import v2
from .accounts import DEFAULT_CALLER, Caller
from .body import check_body
from .errors import DriveError
from .fields import keep, mask_for
from .receiving import whole
from .resource import resource

if TYPE_CHECKING:
    import sqlite3

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from .clock import Clock
    from .consents import Consents
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
    clock: Clock
    consents: Consents
    require_auth: bool = False
    url: str = ""
    # The application itself, for what comes inside another request; the gate puts itself here.
    app: ASGIApp | None = None
    # What `files.download` began, by name, and who did. All of it is over at once.
    operations: dict[str, tuple[Caller, dict[str, Any]]] = field(default_factory=dict)

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
        caller: Who asks.
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
    caller: Caller = DEFAULT_CALLER
    _store: Store | None = None

    @property
    def store(self) -> Store:
        """The files, as the caller sees them."""
        if self._store is None:
            told = self.flag("supportsAllDrives") or self.flag("supportsTeamDrives")
            # rclone asks for the bytes of a file without it, wherever the file is.
            bytes_only = self.param("alt") == "media" or self.request.url.path.startswith("/feeds/")
            told = told or bytes_only
            keys = self.request.headers.get("x-goog-drive-resource-keys", "")
            pairs = (pair.strip().partition("/") for pair in keys.split(","))
            self._store = self.service.store.seen_by(
                self.caller,
                all_drives=told or self.direct,
                keys={name: key for name, _, key in pairs},
                if_match=self.request.headers.get("if-match", "") if self.v2 else "",
            )
        return self._store

    def act_as(self, caller: Caller, if_match: str = "") -> None:
        """Go on as the one who began an upload, who was let in then, and on what condition."""
        self._store = self.service.store.seen_by(
            caller, all_drives=True, keys={}, if_match=if_match
        )
        self.caller = caller

    @property
    def v2(self) -> bool:
        """Whether the request came through the older API."""
        return "/drive/v2/" in self.request.scope["path"]

    def param(self, name: str, default: str = "") -> str:
        """Return a parameter of the query; the last one wins."""
        return self.request.query_params.get(name, default)

    @property
    def page_size(self) -> str:
        """How many entries of a list were asked for; empty if that was left open."""
        return self.param("maxResults" if self.v2 else "pageSize")

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a parameter that is true or false."""
        return self.param(name, str(default)).lower() == "true"

    async def json(self) -> Any:
        """Return the JSON body; an empty one is an empty object."""
        return parse_json(await whole(self.request, MAX_JSON))

    def answer(self, kind: str, value: dict[str, Any]) -> ASGIApp:
        """Return the JSON answer, cut to the fields that were asked for."""
        return json_answer(keep(self.mask(kind), value))

    def checked(self, body: object, *, creating: bool) -> dict[str, Any]:
        """Return a File that was sent, as v3 would have it; raise what it may not say."""
        if self.v2:
            body = v2.file_in(body, creating=creating)
        return check_body(body, creating=creating)

    def file(self, row: sqlite3.Row, fields: str | None = None) -> ASGIApp:
        """Return a file as the answer."""
        value, headers = resource(self.store, row), dict[str, str]()
        if self.v2:
            value = v2.file_out(value, str(self.request.base_url))
            if not (self.param("fields") if fields is None else fields):
                value.pop("permissions", None)  # given to those who ask for them only
            headers["ETag"] = value["etag"]
        return json_answer(keep(self.mask("file", fields), value), headers=headers)

    def mask(self, kind: str, fields: str | None = None) -> Any:
        """Return the mask for the answer; raise 400 before anything is done if it is wrong."""
        kind = "v2" if self.v2 else kind
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
        # Go's client writes `null` where there is no metadata.
        return {} if value is None else value
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
