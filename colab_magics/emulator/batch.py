"""How are many requests answered that came inside one?"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .errors import DriveError, bad_request
from .multipart import boundary_of
from .receiving import whole
from .service import Call

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

_MOST = 100
_LONGEST_URL = 8000
_LARGEST = 16 << 20
# What a request inside takes from the one around it, unless it says otherwise.
_INHERITED = {b"authorization", b"host", b"user-agent", b"x-goog-drive-resource-keys"}


@dataclass
class _Answer:
    """Collects what an application answers to a request inside."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


@dataclass
class _Part:
    """One request inside: its headers as a part, and itself."""

    name: str
    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes


async def batch(call: Call) -> ASGIApp:
    """Answer `POST /batch/drive/v3`; each request inside is faulted, metered and logged alone."""
    from starlette.responses import Response

    boundary = boundary_of(call.request.headers.get("content-type", ""))
    parts = [_part(one) for one in _split(await whole(call.request, _LARGEST), boundary)]
    if len(parts) > _MOST:
        # The guide says 100; the words of the refusal are not known.
        raise bad_request(f"The batch request has more than {_MOST} calls.")
    mark = f"batch_{secrets.token_urlsafe(24)}".encode()
    out = b"".join([_wrapped(mark, part, await _ask(call, part)) for part in parts])
    headers = {"Content-Type": f"multipart/mixed; boundary={mark.decode()}"}
    return Response(out + b"--" + mark + b"--\r\n", 200, headers=headers)


def _split(raw: bytes, boundary: bytes) -> list[bytes]:
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|$)", raw)
    # Text between the marks, and what follows a mark: two dashes at the last one.
    texts, ends = pieces[::2], pieces[1::2]
    if len(texts) < 2 or b"--" not in ends:
        raise bad_request("Failed to parse batch request, error: missing boundary.")
    return texts[1 : ends.index(b"--") + 1]


def _part(raw: bytes) -> _Part:
    outer, inner = _halves(raw.lstrip(b"\r\n"))
    head, body = _halves(inner.lstrip(b"\r\n"))
    request, *lines = head.splitlines() or [b""]
    found = re.fullmatch(r"([A-Z]+) (\S+)(?: HTTP/\d(?:\.\d)?)?", request.decode("latin-1").strip())
    if not found or len(found[2]) > _LONGEST_URL:
        raise bad_request("Failed to parse batch request, error: malformed request line.")
    names = dict(map(_header, outer.splitlines()))
    headers = [pair for pair in map(_header, lines) if pair[0]]
    length = next((int(v) for k, v in headers if k == b"content-length" and v.isdigit()), None)
    body = body if length is None else body[:length]
    name = names.get(b"content-id", b"").decode("latin-1")
    return _Part(name, found[1], found[2], headers, body)


def _halves(raw: bytes) -> tuple[bytes, bytes]:
    """Return what stands before and after the first empty line."""
    head, *rest = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)
    return head, rest[0] if rest else b""


def _header(line: bytes) -> tuple[bytes, bytes]:
    key, _, value = line.partition(b":")
    return key.strip().lower(), value.strip()


async def _ask(call: Call, part: _Part) -> _Answer:
    """Send one request through the whole application, as if it had come alone."""
    url, answer = urlsplit(part.target), _Answer()
    media = "/upload/" in url.path or "alt=media" in url.query or url.path.endswith("/export")
    if media or url.path.startswith("/batch") or not url.path.startswith("/drive/"):
        answer.status = 400 if media else 404
        said = "Media requests are not supported in a batch." if media else "Not Found"
        error = DriveError(answer.status, "badRequest" if media else "notFound", said)
        answer.headers = [(b"content-type", b"application/json; charset=UTF-8")]
        answer.body = json.dumps(error.body()).encode()
        return answer
    own = {key for key, _ in part.headers}
    around: list[tuple[bytes, bytes]] = call.request.scope["headers"]
    taken = [pair for pair in around if pair[0] in _INHERITED and pair[0] not in own]
    length = (b"content-length", b"%d" % len(part.body))
    mine = [pair for pair in part.headers if pair[0] != b"content-length"]
    scope: dict[str, Any] = {
        **call.request.scope,
        "method": part.method,
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [*taken, *mine, length],
    }
    body = [part.body]

    async def receive() -> Message:
        piece = body.pop() if body else b""
        return {"type": "http.request", "body": piece, "more_body": False}

    if call.service.app:
        await call.service.app(scope, receive, answer)
    return answer


def _wrapped(mark: bytes, part: _Part, answer: _Answer) -> bytes:
    name = part.name.strip("<>").encode("latin-1")
    phrase = HTTPStatus(answer.status).phrase if answer.status else "Cut"
    hidden = {b"date", b"server", b"transfer-encoding", b"content-encoding"}
    headers = b"".join(
        b"%s: %s\r\n" % (key.title(), value) for key, value in answer.headers if key not in hidden
    )
    identity = b"Content-ID: <response-%s>\r\n" % name if name else b""
    return (
        b"--%s\r\nContent-Type: application/http\r\n%s\r\n" % (mark, identity)
        + b"HTTP/1.1 %d %s\r\n" % (answer.status, phrase.encode())
        + headers
        + b"\r\n"
        + answer.body
        + b"\r\n"
    )
