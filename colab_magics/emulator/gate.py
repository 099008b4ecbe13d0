"""What happens to a request before and after its handler: who may ask, faults, quota, log."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from . import control, routes, scopes, uploads
from .errors import DriveError, staged, unauthorized
from .faults import Fault
from .meter import LogEntry, without_secrets
from .origin import CONSENT, check_origin
from .receiving import Body, whole
from .service import MAX_JSON, Call, Handler, Service, json_answer
from .shaping import Shaped, pace_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)


class Gate:
    """The ASGI application: every request goes through here."""

    def __init__(self, service: Service) -> None:
        self._service = service
        service.app = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        from starlette.requests import Request

        if scope["type"] != "http":
            return
        body = Body(receive, zipped=(b"content-encoding", b"gzip") in scope["headers"])
        request = Request(scope, body)
        path = scope["path"]
        direct = path == "/" or path == "/favicon.ico" or path.startswith("/emulator/")
        try:
            check_origin(request, direct)
            if direct:
                await self._direct(scope, request, body, send)
            else:
                await _Exchange(self._service, scope, request, body, send).run()
        except DriveError as error:
            await body.drain()
            await _send_error(error, scope, body, _dated(send))

    async def _direct(self, scope: Scope, request: Request, body: Body, send: Send) -> None:
        """Answer the page and the controls, and the Drive itself below `/emulator`."""
        call = Call(self._service, request, direct=True)
        path = scope["path"]
        handler: Handler
        handler, call.names = control.find(scope["method"], path)
        if handler is routes.unknown:
            query = scope["query_string"].decode("latin-1")
            path = path.removeprefix("/emulator")
            found = routes.find(scope["method"], path, query)
            handler, call.names = found.handler, found.names
        try:
            answer = await _answered(handler, call)
        except _Gone:
            return
        await body.drain()
        await answer(scope, body, _dated(send))


class _Gone(Exception):
    """The client went away before its request was complete."""


async def _answered(handler: Handler, call: Call) -> ASGIApp:
    """Run a handler; anything but a refusal of Drive's becomes its internal error."""
    from starlette.requests import ClientDisconnect

    try:
        return await handler(call)
    except DriveError:
        raise
    except ClientDisconnect:
        raise _Gone from None
    except Exception:
        logger.exception("the emulator failed at %s %s", call.request.method, call.request.url.path)
        raise staged(500, "internalError") from None


class _Exchange:
    """One metered request: faults, credentials, quota, the handler, and the line in the log."""

    def __init__(
        self, service: Service, scope: Scope, request: Request, body: Body, send: Send
    ) -> None:
        self._service = service
        self._scope = scope
        self._request = request
        self._body = body
        self._send = send
        self._call = Call(service, request)
        self._query = scope["query_string"].decode("latin-1")
        self._faults: list[Fault] = []

    async def run(self) -> None:
        """Answer the request."""
        await self._override()
        method, path = self._scope["method"], self._scope["path"]
        self._faults = self._service.faults.match(method, path, self._query)
        self._body.pace = pace_of(self._faults)
        for fault in self._faults:
            if fault.latency:
                await asyncio.sleep(fault.latency)
        if any(fault.cut == "before" for fault in self._faults):
            self._note(0, "cut")
            await _reset(self._scope)
            return
        try:
            answer = await self._answer(method, path)
        except _Gone:
            self._note(0, "disconnected")
            return
        await self._body.drain()
        if any(fault.cut == "after" for fault in self._faults):
            await answer(self._scope, self._body, _nowhere)
            self._note(0, "cut")
            await _reset(self._scope)
            return
        zipped = _wants_gzip(self._request)
        shaped = Shaped(_dated(self._send), self._faults, self._scope, zipped, self._note)
        await answer(self._scope, self._body, shaped)

    async def _override(self) -> None:
        """Follow `X-HTTP-Method-Override`, with which clients send long queries as a body."""
        wanted = self._request.headers.get("x-http-method-override", "").upper()
        if self._scope["method"] != "POST" or not wanted:
            return
        self._scope["method"] = wanted
        kind = self._request.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            raw = await whole(self._request, MAX_JSON)
            query = b"&".join(filter(None, [self._scope["query_string"], raw]))
            self._scope["query_string"], self._query = query, query.decode("latin-1")
            from starlette.requests import Request

            self._request = self._call.request = Request(self._scope, self._body)

    async def _answer(self, method: str, path: str) -> ASGIApp:
        fault = next((one for one in self._faults if one.status or one.body is not None), None)
        if fault and not fault.effect:
            return self._staged(fault)
        found = routes.find(method, path, self._query)
        try:
            self._check_token(path, found.handler)
            scopes.check(self._call.caller, found.need)
            if not self._service.quota.take(found.units):
                raise staged(403, "userRateLimitExceeded")
            self._call.names, self._call.units = found.names, found.units
            self._call.empty_page = any(one.empty for one in self._faults)
            stored = [one.stored for one in self._faults if one.stored is not None]
            self._call.stored = stored[0] if stored else None
            self._call.ignore_range = any(one.ignore_range for one in self._faults)
            answer = await _answered(found.handler, self._call)
        except DriveError as error:
            answer = _error_answer(error)
        if fault:
            await answer(self._scope, self._body, _nowhere)
            return self._staged(fault)
        return answer

    def _staged(self, fault: Fault) -> ASGIApp:
        if fault.body is not None:
            from starlette.responses import HTMLResponse

            return HTMLResponse(fault.body, fault.status or 200)
        error = staged(fault.status or 500, fault.reason)
        if fault.retry_after is not None:
            error.headers = error.headers | {"Retry-After": f"{fault.retry_after:g}"}
        return _error_answer(error)

    def _check_token(self, path: str, handler: Handler) -> None:
        if path in ("/token", "/revoke", CONSENT):
            return
        kind, _, token = self._request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if kind.lower() == "bearer" else ""
        bearer = bearer or self._call.param("access_token")
        if not bearer and handler in (uploads.send_chunk, uploads.cancel):
            return  # who knows the URI of a session may use it
        caller = self._service.tokens.caller(bearer, strict=self._service.require_auth)
        if caller is None:
            raise unauthorized()
        self._call.caller = caller

    def _note(self, status: int, reason: str) -> None:
        entry = LogEntry(
            method=self._scope["method"],
            path=self._scope["path"],
            query=without_secrets(self._query),
            status=status,
            reason=reason,
            units=self._call.units,
            user_agent=self._request.headers.get("user-agent", ""),
            time=time.time(),
            effect=self._call.effect,
        )
        self._service.log.note(entry)


def _error_answer(error: DriveError) -> ASGIApp:
    # The log reads the reason from this header, which is then taken off.
    headers = {"X-Emulator-Reason": error.reason} | error.headers
    return json_answer(error.body(), error.status, headers)


async def _send_error(error: DriveError, scope: Scope, receive: Receive, send: Send) -> None:
    await json_answer(error.body(), error.status, error.headers)(scope, receive, send)


async def _nowhere(message: Message) -> None:
    """Take an answer that nobody is to see."""


def _wants_gzip(request: Request) -> bool:
    """Say whether the client asked for gzip in the two ways that Google wants both of."""
    accepted = request.headers.get("accept-encoding", "")
    return "gzip" in accepted and "gzip" in request.headers.get("user-agent", "")


def _dated(send: Send) -> Send:
    """Add the server's clock to an answer; clients measure leases with it."""

    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            now = formatdate(time.time(), usegmt=True).encode()
            extra = [(b"date", now), (b"server", b"colab_magics emulator")]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return dated


async def _reset(scope: Scope) -> None:
    """Cut the connection as a dying network does: with a reset, not with an end."""
    transport: Any = scope.get("state", {}).get("transport")
    if transport is None:
        return
    plug = transport.get_extra_info("socket")
    if plug is not None:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # Let the server notice, or it would try to answer for us.
    await asyncio.sleep(0)
