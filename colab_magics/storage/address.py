"""Which file or folder does the address of a page of Google Drive show?"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from colab_magics.errors import BadPlace

_PAGES = ("drive.google.com", "docs.google.com", "drive.usercontent.google.com")
_ID = re.compile(r"[A-Za-z0-9_-]+")
_ID_IN_PATH = re.compile(r"/(?:d|folders)/([A-Za-z0-9_-]+)")
_TOP = re.compile(r"/drive/(?:u/\d+/)?(my-drive|shared-drives)/?")
_TOPS = {"my-drive": "", "shared-drives": "Shared drives"}


def read_address(text: str, *, own: str = "") -> tuple[str, str] | None:
    """The path on Drive that an address means, and its resource key; None if it is no page of it.

    Args:
        own: the address of another Drive's page that counts as well.

    Raises:
        BadPlace: it is such a page, and shows no file or folder.
    """
    if not text.startswith(("https://", "http://")):
        return None
    parts = urlsplit(text)
    if parts.hostname not in _PAGES and not (own and parts.netloc == urlsplit(own).netloc):
        return None
    if top := _TOP.fullmatch(parts.path):
        return _TOPS[top[1]], ""
    query = parse_qs(parts.query)
    match = _ID_IN_PATH.search(parts.path)
    id = match[1] if match else next(iter(query.get("id", ())), "")
    if not _ID.fullmatch(id) or "/d/e/" in parts.path:  # published pages have ids of their own
        raise BadPlace(f"no file or folder is named by the address {text!r}")
    return f"id:{id}", next(iter(query.get("resourcekey", ())), "")
