"""How do times, ids and names look on Drive?"""

from __future__ import annotations

import re
import secrets
import string
import time
from datetime import UTC, datetime

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
GOOGLE_TYPES = "application/vnd.google-apps."
DEFAULT_REFRESH_TOKEN = "1//emulator-refresh-token"
DEFAULT_EMAIL = "user@drive.emulator"

_ALPHABET = string.ascii_letters + string.digits + "_-"
_EPOCH = datetime(1970, 1, 1)
_FIRST = int((datetime.min - _EPOCH).total_seconds())
_LAST = int((datetime(9999, 12, 31, 23, 59, 59) - _EPOCH).total_seconds())
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(Z|z|[+-]\d\d:?\d\d)?"
)


def now_ms() -> int:
    """Return the time of day in milliseconds, the precision of Drive."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Return a file id: 33 characters that begin with 1."""
    return "1" + _random(32)


def new_root_id() -> str:
    """Return the id of a My Drive or a shared drive: from 0A to the word ROOT in base64."""
    return "0A" + _random(11) + "Uk9PVA"


def is_root_id(file_id: str) -> bool:
    """Say whether an id is that of a My Drive or a shared drive."""
    return file_id.startswith("0A") and file_id.endswith("Uk9PVA")


def new_revision_id() -> str:
    """Return the id of one content of a file."""
    return "0B" + _random(49)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def rfc3339(ms: int) -> str:
    """Return a time as Drive writes it: UTC, three decimals, Z."""
    seconds, rest = divmod(ms, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def parse_time(text: str) -> int | None:
    """Return the milliseconds of an RFC 3339 time, or None if it is none.

    A time without a zone is UTC; digits after the millisecond are cut, not rounded.
    """
    found = _TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return None
    offset = 0
    if zone and zone not in "Zz":
        offset = (int(zone[1:3]) * 60 + int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    whole = int((moment - _EPOCH).total_seconds()) - offset * 60
    if not _FIRST <= whole <= _LAST:
        return None
    return whole * 1000 + int((fraction or "0")[:3].ljust(3, "0"))


def name_key(name: str) -> str:
    """Return the form in which Drive compares names: without regard to case."""
    return name.casefold()


def natural_key(name: str) -> str:
    """Return a key that sorts `2` before `12`."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(20), name)


def has_word_prefix(text: str, needle: str) -> bool:
    """Say whether a word of the text begins with the needle; both are folded already."""
    start = text.find(needle)
    while start != -1:
        if start == 0 or not needle[:1].isalnum() or not text[start - 1].isalnum():
            return True
        start = text.find(needle, start + 1)
    return False


def is_google_type(mime: str) -> bool:
    """Say whether a type is a Docs editor's: it has no bytes of its own."""
    return mime.startswith(GOOGLE_TYPES) and mime not in (FOLDER, SHORTCUT)


def has_bytes(mime: str) -> bool:
    """Say whether a file of this type holds bytes that can be downloaded."""
    return not mime.startswith(GOOGLE_TYPES)
