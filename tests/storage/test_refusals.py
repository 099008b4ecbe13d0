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


def test_retry_after_may_be_a_date() -> None:
    """Measured from the answer's own date: the clock of this machine may be wrong."""
    date = {
        "date": "Fri, 20 Nov 2026 10:00:00 GMT",
        "retry-after": "Fri, 20 Nov 2026 10:00:12 GMT",
    }
    past = {**date, "retry-after": "Fri, 20 Nov 2026 09:00:00 GMT"}

    assert again(refusal(503, b"", date)) == 12.0
    assert again(refusal(503, b"", past)) == 0.0
    assert again(refusal(429, b"", {"retry-after": "Fri, 20 Nov 2015 10:00:00 GMT"})) == 0.0


def test_the_message_is_one_line_with_drives_own_words() -> None:
    """What, why, and the code that one can search for."""
    error = refusal(400, body("invalid", "Invalid Value\nmore"), {}, "list files")

    assert str(error) == (
        "list files: Drive did not understand the request (Invalid Value) [HTTP 400 invalid]"
    )


MESSAGES = [
    (400, "invalid", "Drive did not understand the request"),
    (401, "authError", "Drive did not accept the sign-in; run %drive_auth"),
    (403, "rateLimitExceeded", "Drive is asked too often"),
    (403, "RATE_LIMIT_EXCEEDED", "Drive is asked too often"),
    (403, "userRateLimitExceeded", "Drive is asked too often"),
    (
        403,
        "dailyLimitExceeded",
        "the daily limit of this Drive project is used up; try again tomorrow",
    ),
    (403, "sharingRateLimitExceeded", "too much was shared today; try again tomorrow"),
    (403, "storageQuotaExceeded", "this Drive is full; free some storage and try again"),
    (403, "quotaExceeded", "this Drive is full; free some storage and try again"),
    (
        403,
        "downloadQuotaExceeded",
        "this file was downloaded too often; wait up to 24 hours, or copy it and read the copy",
    ),
    (
        403,
        "cannotDownloadAbusiveFile",
        "Drive holds this file to be malware or spam; only its owner can still get it, on the web",
    ),
    (
        403,
        "fileNotDownloadable",
        "this is a Google document, which has no bytes of its own; export it",
    ),
    (403, "fileNotExportable", "Drive can not export this file; fetch it as it is"),
    (
        403,
        "exportSizeLimitExceeded",
        "this document is over the 10 MB that Drive exports; save it from the web page",
    ),
    (403, "cannotCopyFile", "this file's owner does not allow copies"),
    (
        403,
        "insufficientFilePermissions",
        "this account may not do that with this file; ask its owner",
    ),
    (
        403,
        "insufficientParentPermissions",
        "this account may not write in this folder; ask its owner",
    ),
    (
        403,
        "insufficientPermissions",
        "this sign-in does not include that right; run %drive_auth",
    ),
    (
        403,
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "this sign-in does not include that right; run %drive_auth",
    ),
    (
        403,
        "appNotAuthorizedToFile",
        "this sign-in does not include this file; run %drive_auth for access to all of Drive",
    ),
    (
        403,
        "domainPolicy",
        "the administrators of this domain do not let apps use Drive; ask them",
    ),
    (
        403,
        "accessNotConfigured",
        "the Drive API is not switched on for this project; switch it on in the Cloud console",
    ),
    (
        403,
        "SERVICE_DISABLED",
        "the Drive API is not switched on for this project; switch it on in the Cloud console",
    ),
    (
        403,
        "numChildrenInNonRootLimitExceeded",
        "this folder holds 500,000 files, the most that Drive allows; use another folder",
    ),
    (
        403,
        "myDriveHierarchyDepthLimitExceeded",
        "folders may not lie more than 100 deep; use a folder further up",
    ),
    (
        403,
        "activeItemCreationLimitExceeded",
        "this account owns as many files as it may, those in the trash too; remove some for good",
    ),
    (
        403,
        "teamDriveFileLimitExceeded",
        "this shared drive holds as many files as it may; remove some, or use another",
    ),
    (
        403,
        "teamDriveHierarchyTooDeep",
        "folders of a shared drive may not lie that deep; use a folder further up",
    ),
    (
        403,
        "teamDrivesFolderMoveInNotSupported",
        "a folder of My Drive can not be moved into a shared drive; copy its files",
    ),
    (
        403,
        "teamDriveMembershipRequired",
        "only members of this shared drive may do that; ask one of its managers",
    ),
    (403, "somethingNew", "this account may not do that"),
    (404, "notFound", "no such file on this Drive, or this account may not see it"),
    (409, "fileIdInUse", "a file of that id exists already"),
    (410, "", "Drive has forgotten what this request refers to"),
    (412, "conditionNotMet", "the file has changed since it was read"),
    (416, "requestedRangeNotSatisfiable", "the file is shorter than the part asked for"),
    (429, "rateLimitExceeded", "Drive is asked too often"),
    (500, "internalError", "Drive has a bad minute"),
    (503, "backendError", "Drive has a bad minute"),
]


@pytest.mark.parametrize(("status", "reason", "words"), MESSAGES)
def test_each_refusal_has_its_own_words(status: int, reason: str, words: str) -> None:
    """What, and what to do; then the code that one can search for."""
    assert str(refusal(status, body(reason), {}, "do it")) == (
        f"do it: {words} [{f'HTTP {status} {reason}'.rstrip()}]"
    )


def test_the_cap_of_a_day_is_told_from_the_limit_of_a_minute() -> None:
    """Drive gives both one reason; the sentence differs by a full stop. It is not tried again."""
    minute = refusal(403, body("userRateLimitExceeded", "User Rate Limit Exceeded"), {})
    day = refusal(403, body("userRateLimitExceeded", "User rate limit exceeded."), {}, "write 'a'")

    assert again(minute) is True
    assert again(day) is False
    assert str(day) == (
        "write 'a': Drive takes 750 GB a day from an account; go on tomorrow, what was sent stays "
        "sent [HTTP 403 userRateLimitExceeded]"
    )


def test_a_service_account_is_told_that_it_has_no_storage() -> None:
    """By who is signed in, or by Drive's newer sentence."""
    words = "a service account has no storage of its own; share a folder with it, or use a shared"
    full = body("storageQuotaExceeded", "The user's Drive storage quota has been exceeded.")
    newer = body("storageQuotaExceeded", "Service Accounts do not have storage quota. Leverage …")

    assert words in str(refusal(403, full, {}, robot=True))
    assert words in str(refusal(403, newer, {}))
    assert words not in str(refusal(403, full, {}))


def test_a_reason_is_found_in_the_details() -> None:
    """As newer answers give it, behind details of other kinds."""
    error = {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.Help"},
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"},
        ],
    }
    found: Any = refusal(403, json.dumps({"error": error}).encode(), {})

    assert (type(found), found.reason) == (DriveBusy, "RATE_LIMIT_EXCEEDED")


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
        assert ("run %drive_auth" in str(ours)) == (kind is NoCredentials)


def test_our_own_errors_pass() -> None:
    """What is translated already stays as it is."""
    error = DriveBusy("x", status=429)

    assert translate(error) is error
