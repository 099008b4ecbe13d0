"""Which scopes of a token let a request in?"""

from __future__ import annotations

from .accounts import Caller
from .errors import DriveError

_ALL = {"drive"}
_OWN = {"drive", "drive.file"}
_READERS = {"drive.readonly", "drive.meet.readonly"}
_LOOKERS = {"drive.metadata", "drive.metadata.readonly", "drive.photos.readonly"} | _READERS
# From the discovery document, method by method; what each kind of request needs one of.
NEEDS: dict[str, set[str]] = {
    "see": _OWN | _LOOKERS | {"drive.appdata"},
    "see account": (_OWN | _LOOKERS | {"drive.appdata"}) - {"drive.meet.readonly"},
    # files.get with alt=media: the metadata alone are seen with the scopes for metadata.
    "read": _OWN | _READERS | {"drive.appdata", "drive.photos.readonly"},
    "export": _OWN | _READERS,
    "download": _OWN | {"drive.readonly"},
    "write": _OWN | {"drive.appdata"},
    "update": _OWN | {"drive.appdata", "drive.metadata", "drive.scripts"},
    "copy": _OWN | {"drive.appdata", "drive.photos.readonly"},
    "empty trash": _ALL,
    "see sharing": _OWN | _LOOKERS,
    "share": _OWN,
    "see drives": _ALL | {"drive.readonly"},
    "change drives": _ALL,
}


def check(caller: Caller, need: str) -> None:
    """Raise the 403 if no scope of the caller's token is good for a kind of request."""
    if need and not NEEDS[need] & caller.scopes:
        raise DriveError(
            403,
            "insufficientPermissions",
            "Insufficient Permission: Request had insufficient authentication scopes.",
            headers={
                "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", '
                'error="insufficient_scope"'
            },
        )
