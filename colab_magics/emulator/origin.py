"""Under which names, and from which pages, may the emulator be asked?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .errors import DriveError

if TYPE_CHECKING:
    from starlette.requests import Request

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Programs that reach the emulator through a proxy keep the names of Google's hosts.
_GOOGLE = re.compile(r"(?:[a-z0-9-]+\.)*googleapis\.com|docs\.google\.com")
# Where a program sends its user's browser, from whatever page, before anybody has a token.
CONSENT = "/o/oauth2/v2/auth"


def check_origin(request: Request, direct: bool) -> None:
    """Refuse pages of other origins and names that were bent to point at this machine.

    Args:
        request: What was asked.
        direct: Whether it is for the page or the controls, which have no name of Google's.
    """
    host = request.headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    if name not in _LOOPBACK and (direct or not _GOOGLE.fullmatch(name)):
        raise DriveError(403, "forbidden", "This host name is not one of the emulator's.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise DriveError(403, "forbidden", "Pages of another origin may not use the emulator.")
    elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
    if elsewhere and request.url.path not in ("/", CONSENT):
        raise DriveError(403, "forbidden", "Pages of another site may not use the emulator.")
