"""What does Drive answer when it refuses a request?"""

from __future__ import annotations

from typing import Any


class DriveError(Exception):
    """A refusal, with the body that Google would send.

    Args:
        status: The HTTP status.
        reason: Google's word for it, such as `notFound`.
        message: Google's sentence for it.
        domain: `global` or `usageLimits`.
        location: The parameter or header at fault, if one is.
        headers: HTTP headers that go with the answer.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body, in the shape that every Google client parses."""
        detail = {"message": self.message, "domain": self.domain, "reason": self.reason}
        if self.location:
            detail["location"] = self.location
            kind = "header" if self.location == "Authorization" else "parameter"
            detail["locationType"] = kind
        return {"error": {"code": self.status, "message": self.message, "errors": [detail]}}


def invalid(location: str | None = None, message: str = "Invalid Value") -> DriveError:
    """Return the 400 for a parameter or body that makes no sense."""
    return DriveError(400, "invalid", message, location=location)


def required(name: str) -> DriveError:
    """Return the 400 for a parameter that is missing."""
    return DriveError(400, "required", f"Required parameter: {name}", location=name)


def bad_request(message: str = "Bad Request") -> DriveError:
    """Return the 400 that names no parameter."""
    return DriveError(400, "badRequest", message)


def not_found(file_id: str) -> DriveError:
    """Return the 404 for a file that is not there, or not for this user."""
    return DriveError(404, "notFound", f"File not found: {file_id}.", location="fileId")


def forbidden(reason: str, message: str) -> DriveError:
    """Return a 403 that is about this file and not about a rate."""
    return DriveError(403, reason, message)


def not_permitted(message: str | None = None) -> DriveError:
    """Return the 403 for a file that this user may not change in this way."""
    said = message or "The user does not have sufficient permissions for this file."
    return DriveError(403, "insufficientFilePermissions", said)


def unauthorized() -> DriveError:
    """Return the 401 for a token that is expired, revoked or missing."""
    return DriveError(
        401,
        "authError",
        "Invalid Credentials",
        location="Authorization",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
    )


# What a fault says when only its status or its reason was given.
DEFAULT_REASONS = {
    400: "badRequest",
    401: "authError",
    403: "userRateLimitExceeded",
    404: "notFound",
    409: "fileIdInUse",
    410: "gone",
    412: "conditionNotMet",
    416: "requestedRangeNotSatisfiable",
    429: "rateLimitExceeded",
    500: "internalError",
}

MESSAGES = {
    "authError": "Invalid Credentials",
    "backendError": "Backend Error",
    "badRequest": "Bad Request",
    "cannotDownloadAbusiveFile": (
        "This file has been identified as malware or spam and cannot be downloaded."
    ),
    "conditionNotMet": "Precondition Failed",
    "dailyLimitExceeded": "Daily Limit Exceeded",
    "downloadQuotaExceeded": "The download quota for this file has been exceeded.",
    "fileIdInUse": "A file already exists with the provided ID.",
    "insufficientFilePermissions": ("The user does not have sufficient permissions for this file."),
    "internalError": "Internal Error",
    "notFound": "File not found: .",
    "quotaExceeded": "The user's Drive storage quota has been exceeded.",
    "rateLimitExceeded": "Rate Limit Exceeded",
    "sharingRateLimitExceeded": "Rate limit exceeded. User message: Sharing limit exceeded.",
    "storageQuotaExceeded": "The user's Drive storage quota has been exceeded.",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
}

_USAGE = {
    "dailyLimitExceeded",
    "rateLimitExceeded",
    "sharingRateLimitExceeded",
    "userRateLimitExceeded",
}


def staged(status: int, reason: str | None) -> DriveError:
    """Return the refusal that a fault asks for, worded as Drive words it."""
    known = reason or DEFAULT_REASONS.get(status, "backendError")
    message = MESSAGES.get(known, known)
    error = DriveError(status, known, message)
    if known in _USAGE:
        error.domain = "usageLimits"
    if known == "authError":
        error.location = "Authorization"
        error.headers = unauthorized().headers
    return error
