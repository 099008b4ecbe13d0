"""What did Drive, or the way to it, mean by that error? The one table from theirs to ours."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

from colab_magics.errors import (
    ColabMagicsError,
    DriveBusy,
    DriveConflict,
    DriveError,
    DriveForbidden,
    DriveFull,
    DriveUnreachable,
    NoCredentials,
    PlaceNotFound,
)

_Kind = type[ColabMagicsError]

# A row for the reason wins over the row for the status. Reasons are in lower case and without
# underscores, since Drive spells them both ways (rateLimitExceeded, RATE_LIMIT_EXCEEDED).
_REASONS: dict[str, tuple[_Kind, str]] = {
    "ratelimitexceeded": (DriveBusy, "Drive is asked too often"),
    "userratelimitexceeded": (DriveBusy, "Drive is asked too often"),
    "sharingratelimitexceeded": (DriveForbidden, "too much was shared today; try again tomorrow"),
    "dailylimitexceeded": (DriveForbidden, "the daily limit of this Drive project is used up"),
    "storagequotaexceeded": (DriveFull, "this Drive is full; free some storage and try again"),
    "quotaexceeded": (DriveFull, "this Drive is full; free some storage and try again"),
    "downloadquotaexceeded": (
        DriveForbidden,
        "this file was downloaded too often; wait up to 24 hours, or copy it and read the copy",
    ),
    "cannotdownloadabusivefile": (DriveForbidden, "Drive holds this file to be malware or spam"),
    "filenotdownloadable": (
        DriveForbidden,
        "this is a Google document, which has no bytes of its own",
    ),
    "insufficientfilepermissions": (DriveForbidden, "this account may not do that with this file"),
    "insufficientparentpermissions": (DriveForbidden, "this account may not write in this folder"),
    "insufficientpermissions": (DriveForbidden, "this sign-in does not include that right"),
    "appnotauthorizedtofile": (DriveForbidden, "this sign-in does not include this file"),
    "accessnotconfigured": (DriveForbidden, "the Drive API is not switched on for this project"),
    "fileidinuse": (DriveConflict, "a file of that id exists already"),
}
_STATUSES: dict[int, tuple[_Kind, str]] = {
    400: (DriveError, "Drive did not understand the request"),
    401: (NoCredentials, "Drive did not accept the sign-in; sign in again"),
    403: (DriveForbidden, "this account may not do that"),
    404: (PlaceNotFound, "no such file on this Drive, or this account may not see it"),
    407: (DriveUnreachable, "the proxy on the way to Drive asks for a password"),
    408: (DriveBusy, "Drive gave up waiting"),
    409: (DriveConflict, "a file of that id exists already"),
    410: (DriveError, "Drive has forgotten what this request refers to"),
    412: (DriveConflict, "the file has changed since it was read"),
    416: (DriveError, "the file is shorter than the part asked for"),
    429: (DriveBusy, "Drive is asked too often"),
}
_STRANGE = "the answer is not Drive's; a proxy or a sign-in page may be in the way"


def refusal(status: int, body: bytes, headers: Mapping[str, str], doing: str = "") -> Exception:
    """The error for an answer that is not a success; every status has one.

    Args:
        headers: the answer's headers, by lower-case name.
        doing: what was tried, such as ``create 'a.txt'``; opens the message.
    """
    reason, said = _read(body)
    kind, text = _meaning(status, reason.replace("_", "").lower())
    if kind in (DriveError, DriveForbidden) and said:
        text += f" ({said})"
    code = f"HTTP {status} {reason}".rstrip()
    message = f"{doing}: {text} [{code}]" if doing else f"{text} [{code}]"
    wait = _seconds(headers.get("retry-after"))
    return kind(message, status=status, reason=reason, retry_after=wait)


def _meaning(status: int, reason: str) -> tuple[_Kind, str]:
    if status < 400:
        return DriveUnreachable, _STRANGE
    if status >= 500:
        return DriveBusy, "Drive has a bad minute"
    return _REASONS.get(reason) or _STATUSES.get(status) or (DriveError, "Drive refused")


def strange(doing: str = "") -> DriveUnreachable:
    """The error for an answer that is a success but not one of Drive's."""
    message = f"{doing}: {_STRANGE}" if doing else _STRANGE
    return DriveUnreachable(message, status=None, reason="notDrive", retry_after=None)


def foreign() -> tuple[type[Exception], ...]:
    """What the transport libraries raise: the errors that `translate` is for."""
    from http.client import HTTPException

    from google.auth.exceptions import GoogleAuthError
    from googleapiclient.errors import Error
    from httplib2 import HttpLib2Error
    from urllib3.exceptions import HTTPError

    return (OSError, ValueError, HTTPException, GoogleAuthError, Error, HttpLib2Error, HTTPError)


def translate(exc: Exception, doing: str = "") -> Exception:
    """Our error for one that a transport library raised; its own text may hold URLs and headers."""
    if isinstance(exc, ColabMagicsError):
        return exc
    from google.auth import exceptions as auth
    from googleapiclient.errors import HttpError

    start = f"{doing}: " if doing else ""
    if isinstance(exc, HttpError):
        return refusal(int(exc.resp.status), exc.content, exc.resp, doing)
    if isinstance(exc, auth.GoogleAuthError) and not _transient(exc):
        return NoCredentials(f"{start}Google no longer accepts the saved sign-in; sign in again")
    if isinstance(exc, ValueError) and not isinstance(exc, OSError | auth.GoogleAuthError):
        return strange(doing)  # no JSON where Drive sends JSON
    if isinstance(exc, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(exc):
        text = "the certificate on the way to Drive is not valid (is this machine's clock right?)"
        return DriveUnreachable(start + text, status=None, reason="certificate", retry_after=None)
    text = f"no answer from Drive, or it was cut ({type(exc).__name__})"
    return DriveUnreachable(start + text, status=None, reason="", retry_after=None)


def again(exc: Exception) -> bool | float:
    """Whether the same call may succeed if made again; a number: not before so many seconds."""
    if isinstance(exc, DriveUnreachable) and (exc.reason == "certificate" or exc.status):
        return False
    if isinstance(exc, DriveBusy | DriveUnreachable):
        return True if exc.retry_after is None else exc.retry_after
    return False


def _transient(exc: Exception) -> bool:
    from google.auth import exceptions as auth

    return isinstance(exc, auth.TransportError) or bool(getattr(exc, "retryable", False))


def _read(body: bytes) -> tuple[str, str]:
    """Drive's reason and message, empty where the body is not Drive's."""
    try:
        error: Any = json.loads(body)["error"]
        first = (error.get("errors") or error.get("details") or [{}])[0]
        message = str(error.get("message") or "").split("\n")[0]
        return str(first.get("reason") or error.get("status") or ""), message[:200]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "", ""


def _seconds(text: str | None) -> float | None:
    """Retry-After in its form of seconds; Google does not send the form of a date."""
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
