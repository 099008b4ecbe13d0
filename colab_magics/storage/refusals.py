"""Which of our errors is it when Drive, or the way to it, fails? The only translation of theirs."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from colab_magics.errors import (
    ColabMagicsError,
    DriveBusy,
    DriveError,
    DriveForbidden,
    DriveUnreachable,
    NoCredentials,
)

from .reasons import DAY, meaning
from .signin.live import ended

_STRANGE = "the answer is not Drive's; a proxy or a sign-in page may be in the way"


def refusal(
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    doing: str = "",
    *,
    robot: bool = False,
) -> Exception:
    """The error for an answer that is not a success; every status has one.

    Args:
        headers: the answer's headers, by lower-case name.
        doing: what was tried, such as ``create 'a.txt'``; opens the message.
        robot: whether a service account is signed in.
    """
    reason, said = _read(body)
    kind, text = (
        (DriveUnreachable, _STRANGE) if status < 400 else meaning(status, reason, said, robot=robot)
    )
    if kind in (DriveError, DriveForbidden) and said and text != DAY:
        text += f" ({said})"
    code = f"HTTP {status} {reason}".rstrip()
    message = f"{doing}: {text} [{code}]" if doing else f"{text} [{code}]"
    wait = _seconds(headers.get("retry-after"), headers.get("date"))
    return kind(message, status=status, reason=reason, retry_after=wait)


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


def translate(exc: Exception, doing: str = "", *, robot: bool = False) -> Exception:
    """Our error for one that a transport library raised; its own text may hold URLs and headers."""
    if isinstance(exc, ColabMagicsError):
        return exc
    from google.auth import exceptions as auth
    from googleapiclient.errors import HttpError

    start = f"{doing}: " if doing else ""
    if isinstance(exc, HttpError):
        return refusal(int(exc.resp.status), exc.content, exc.resp, doing, robot=robot)
    if isinstance(exc, auth.GoogleAuthError) and not _transient(exc):
        return NoCredentials(f"{start}{ended(exc, robot=robot)}")
    if isinstance(exc, ValueError) and not isinstance(exc, OSError | auth.GoogleAuthError):
        return strange(doing)  # no JSON where Drive sends JSON
    if isinstance(exc, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(exc):
        text = "the certificate on the way to Drive is not valid (is this machine's clock right?)"
        return DriveUnreachable(start + text, status=None, reason="certificate", retry_after=None)
    text = f"no answer from Drive, or it was cut ({type(exc).__name__}); try again later"
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
        # Newer answers name the reason in one of several details, and spell it in capitals.
        parts = [*(error.get("errors") or ()), *(error.get("details") or ())]
        reasons = [str(part["reason"]) for part in parts if part.get("reason")]
        message = str(error.get("message") or "").split("\n")[0]
        return (reasons[0] if reasons else str(error.get("status") or "")), message[:200]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "", ""


def _seconds(text: str | None, now: str | None) -> float | None:
    """Retry-After, a number of seconds or a date; `now` is the answer's own date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        then = _moment(text)
    here = _moment(now) or time.time()
    return None if then is None else max(0.0, then - here)


def _moment(text: str | None) -> float | None:
    """A date of an HTTP header as seconds since 1970."""
    try:
        found = parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
