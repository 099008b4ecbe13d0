import json
import ssl
from typing import Any

import pytest

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
from colab_magics.storage.refusals import again, foreign, refusal, translate


def body(reason: str, message: str = "") -> bytes:
    error = {"errors": [{"reason": reason, "message": message}], "message": message}
    return json.dumps({"error": error}).encode()


def test_no_status_is_unmapped() -> None:
    """Whatever a server answers becomes one of ours, with its status."""
    for status in range(100, 600):
        error: Any = refusal(status, b"", {})

        assert isinstance(error, ColabMagicsError)
        assert error.status == status
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("status", "reason", "kind", "tries_again"),
    [
        (400, "badRequest", DriveError, False),
        (401, "authError", NoCredentials, False),
        (403, "rateLimitExceeded", DriveBusy, True),
        (403, "userRateLimitExceeded", DriveBusy, True),
        (403, "RATE_LIMIT_EXCEEDED", DriveBusy, True),
        (403, "dailyLimitExceeded", DriveForbidden, False),
        (403, "sharingRateLimitExceeded", DriveForbidden, False),
        (403, "storageQuotaExceeded", DriveFull, False),
        (403, "quotaExceeded", DriveFull, False),
        (403, "downloadQuotaExceeded", DriveForbidden, False),
        (403, "cannotDownloadAbusiveFile", DriveForbidden, False),
        (403, "fileNotDownloadable", DriveForbidden, False),
        (403, "insufficientFilePermissions", DriveForbidden, False),
        (403, "appNotAuthorizedToFile", DriveForbidden, False),
        (403, "numChildrenInNonRootLimitExceeded", DriveForbidden, False),
        (404, "notFound", PlaceNotFound, False),
        (409, "fileIdInUse", DriveConflict, False),
        (410, "", DriveError, False),
        (412, "conditionNotMet", DriveConflict, False),
        (416, "", DriveError, False),
        (418, "", DriveError, False),
        (429, "rateLimitExceeded", DriveBusy, True),
        (500, "backendError", DriveBusy, True),
        (502, "", DriveBusy, True),
        (503, "", DriveBusy, True),
        (504, "", DriveBusy, True),
        (302, "", DriveUnreachable, False),
        (407, "", DriveUnreachable, False),
    ],
)
def test_each_refusal_has_its_class(
    status: int, reason: str, kind: type[Exception], tries_again: bool
) -> None:
    """Status and reason decide the class, and the class whether to ask again."""
    error = refusal(status, body(reason), {})

    assert type(error) is kind
    assert bool(again(error)) is tries_again


def test_retry_after_is_the_least_wait() -> None:
    """What Drive asks for is obeyed; without it, the backoff decides alone."""
    assert again(refusal(429, b"", {"retry-after": "7"})) == 7.0
    assert again(refusal(429, b"", {"retry-after": "tomorrow"})) is True
    assert again(refusal(429, b"", {})) is True


def test_the_message_is_one_line_with_drives_own_words() -> None:
    """What, why, and the code that one can search for."""
    error = refusal(400, body("invalid", "Invalid Value\nmore"), {}, "list files")

    assert str(error) == (
        "list files: Drive did not understand the request (Invalid Value) [HTTP 400 invalid]"
    )


@pytest.mark.parametrize("broken", [b"", b"<html>", b"[]", b'{"error": 3}', b'{"error":{}}'])
def test_a_body_that_is_not_drives_is_no_obstacle(broken: bytes) -> None:
    """Proxies answer whatever they like."""
    assert type(refusal(503, broken, {})) is DriveBusy


def test_errors_of_the_way_there_are_translated() -> None:
    """Sockets, TLS, JSON and sign-in: each is one of ours, and none quotes a URL."""
    from google.auth.exceptions import RefreshError, TransportError
    from requests.exceptions import ConnectionError as Cut

    secret = "http://127.0.0.1/?upload_id=SECRET"
    kinds = {
        Cut(secret): (DriveUnreachable, True),
        ConnectionResetError(secret): (DriveUnreachable, True),
        json.JSONDecodeError("x", secret, 0): (DriveUnreachable, True),
        RefreshError(secret): (NoCredentials, False),
        TransportError(secret): (DriveUnreachable, True),
        ssl.SSLCertVerificationError(secret): (DriveUnreachable, False),
    }
    for theirs, (kind, tries_again) in kinds.items():
        ours = translate(theirs, "read x")

        assert isinstance(theirs, foreign())
        assert type(ours) is kind
        assert bool(again(ours)) is tries_again
        assert "SECRET" not in str(ours)
        assert str(ours).startswith("read x: ")


def test_our_own_errors_pass() -> None:
    """What is translated already stays as it is."""
    error = DriveBusy("x", status=429)

    assert translate(error) is error
