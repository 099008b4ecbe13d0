"""What does each of Drive's refusals mean, and what is to be done? The one table of them."""

from __future__ import annotations

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

Kind = type[ColabMagicsError]
_USER_RATE = "userratelimitexceeded"  # one word for the limit of a minute and the cap of a day

# A row for the reason wins over the row for the status. Reasons are in lower case and without
# underscores, since Drive spells them both ways (rateLimitExceeded, RATE_LIMIT_EXCEEDED).
REASONS: dict[str, tuple[Kind, str]] = {
    "ratelimitexceeded": (DriveBusy, "Drive is asked too often"),
    _USER_RATE: (DriveBusy, "Drive is asked too often"),
    "sharingratelimitexceeded": (DriveForbidden, "too much was shared today; try again tomorrow"),
    "dailylimitexceeded": (
        DriveForbidden,
        "the daily limit of this Drive project is used up; try again tomorrow",
    ),
    "storagequotaexceeded": (DriveFull, "this Drive is full; free some storage and try again"),
    "quotaexceeded": (DriveFull, "this Drive is full; free some storage and try again"),
    "teamdrivefilelimitexceeded": (
        DriveFull,
        "this shared drive holds as many files as it may; remove some, or use another",
    ),
    "teamdrivehierarchytoodeep": (
        DriveForbidden,
        "folders of a shared drive may not lie that deep; use a folder further up",
    ),
    "teamdrivesfoldermoveinnotsupported": (
        DriveForbidden,
        "a folder of My Drive can not be moved into a shared drive; copy its files",
    ),
    "teamdrivesharingrestrictionnotallowed": (
        DriveForbidden,
        "this shared drive does not allow that; ask one of its managers",
    ),
    "teamdrivedomainusersonlyrestriction": (
        DriveForbidden,
        "this shared drive is for its own domain only; ask one of its managers",
    ),
    "teamdriveteammembersonlyrestriction": (
        DriveForbidden,
        "this shared drive is for its members only; ask one of its managers",
    ),
    "teamdrivemembershiprequired": (
        DriveForbidden,
        "only members of this shared drive may do that; ask one of its managers",
    ),
    "numchildreninnonrootlimitexceeded": (
        DriveForbidden,
        "this folder holds 500,000 files, the most that Drive allows; use another folder",
    ),
    "mydrivehierarchydepthlimitexceeded": (
        DriveForbidden,
        "folders may not lie more than 100 deep; use a folder further up",
    ),
    "activeitemcreationlimitexceeded": (
        DriveForbidden,
        "this account owns as many files as it may, those in the trash too; remove some for good",
    ),
    "downloadquotaexceeded": (
        DriveForbidden,
        "this file was downloaded too often; wait up to 24 hours, or copy it and read the copy",
    ),
    "cannotdownloadabusivefile": (
        DriveForbidden,
        "Drive holds this file to be malware or spam; only its owner can still get it, on the web",
    ),
    "filenotdownloadable": (
        DriveForbidden,
        "this is a Google document, which has no bytes of its own; export it",
    ),
    "filenotexportable": (DriveForbidden, "Drive can not export this file; fetch it as it is"),
    "exportsizelimitexceeded": (
        DriveForbidden,
        "this document is over the 10 MB that Drive exports; save it from the web page",
    ),
    "cannotcopyfile": (DriveForbidden, "this file's owner does not allow copies"),
    "insufficientfilepermissions": (
        DriveForbidden,
        "this account may not do that with this file; ask its owner",
    ),
    "insufficientparentpermissions": (
        DriveForbidden,
        "this account may not write in this folder; ask its owner",
    ),
    "insufficientpermissions": (
        DriveForbidden,
        "this sign-in does not include that right; run %drive_auth",
    ),
    "accesstokenscopeinsufficient": (
        DriveForbidden,
        "this sign-in does not include that right; run %drive_auth",
    ),
    "appnotauthorizedtofile": (
        DriveForbidden,
        "this sign-in does not include this file; run %drive_auth for access to all of Drive",
    ),
    "domainpolicy": (
        DriveForbidden,
        "the administrators of this domain do not let apps use Drive; ask them",
    ),
    "accessnotconfigured": (
        DriveForbidden,
        "the Drive API is not switched on for this project; switch it on in the Cloud console",
    ),
    "servicedisabled": (
        DriveForbidden,
        "the Drive API is not switched on for this project; switch it on in the Cloud console",
    ),
    "fileidinuse": (DriveConflict, "a file of that id exists already"),
}
_ROBOT = (
    "a service account has no storage of its own; share a folder with it, or use a shared drive"
)
# Drive gives the cap of a day the reason of the limit of a minute; only the full stop differs.
_DAYS_SHARE = "User rate limit exceeded."
DAY = "Drive takes 750 GB a day from an account; go on tomorrow, what was sent stays sent"
STATUSES: dict[int, tuple[Kind, str]] = {
    400: (DriveError, "Drive did not understand the request"),
    401: (NoCredentials, "Drive did not accept the sign-in; run %drive_auth"),
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


def meaning(status: int, reason: str, said: str, *, robot: bool) -> tuple[Kind, str]:
    """The class and the words for a refusal.

    Args:
        reason: Drive's word for it.
        said: Drive's sentence for it.
        robot: whether a service account is signed in.
    """
    key = _key(reason)
    if status >= 500:
        return DriveBusy, "Drive has a bad minute"
    if key == _USER_RATE and said == _DAYS_SHARE:
        return DriveForbidden, DAY
    if key == "storagequotaexceeded" and (robot or said.lower().startswith("service account")):
        return DriveFull, _ROBOT
    return REASONS.get(key) or STATUSES.get(status) or (DriveError, "Drive refused")


def is_user_rate(reason: str) -> bool:
    """Whether an account has asked, or sent, too much: in this minute, or today."""
    return _key(reason) == _USER_RATE


def _key(reason: str) -> str:
    return reason.replace("_", "").lower()
