"""How much may there be of everything?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields

from .errors import staged

_DAY_MS = 24 * 3600 * 1000


@dataclass
class _Sent:
    """The uploads of one user in a day, by the time of each, and their bytes together."""

    uploads: deque[tuple[int, int]] = field(default_factory=deque)
    size: int = 0


@dataclass
class Limits:
    """Drive's limits; tests make them small.

    Attributes:
        storage: Bytes that a user's files may have; None for no limit.
        upload_per_day: Bytes that a user may send in 24 hours.
        children: Files directly in one folder.
        depth: Folders inside each other. Whether the root counts is not documented: here it does
            not.
        items: Files that a user may own.
        export: Bytes of a document that can be exported.
        revisions: Old contents that a file keeps, those kept forever left out.
        revisions_forever: Contents of a file that can be kept forever.
        revision_bytes: Bytes of the old contents that a file keeps. Drive has no such limit, but
            this machine's disk is no cloud.
    """

    storage: int | None = 15 << 30
    upload_per_day: int = 750 * 10**9
    children: int = 500_000
    depth: int = 100
    items: int = 500_000_000
    export: int = 10 << 20
    revisions: int = 100
    revisions_forever: int = 200
    revision_bytes: int = 256 << 20
    _sent: dict[str, _Sent] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, int | None]:
        """Return the limits by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name[0] != "_"}

    def set(self, name: str, value: int | None) -> None:
        """Set a limit by name.

        Raises:
            ValueError: There is no such limit, or it is no whole number.
        """
        if name not in self.as_json():
            raise ValueError(f"no limit is called {name!r}; there are {', '.join(self.as_json())}")
        whole = type(value) is int and value >= 0
        if not whole and not (value is None and name == "storage"):
            raise ValueError(f"a limit is a whole number from 0, not {value!r}")
        setattr(self, name, value)

    def send(self, email: str, size: int, now: int) -> None:
        """Count bytes that a user sends now; raise what Drive says if it is too much for a day."""
        sent = self._sent.setdefault(email, _Sent())
        while sent.uploads and sent.uploads[0][0] < now - _DAY_MS:
            sent.size -= sent.uploads.popleft()[1]
        if sent.size + size > self.upload_per_day:
            # The same words as for too many requests; only the time that passes tells them apart.
            error = staged(403, "userRateLimitExceeded")
            error.message = "User rate limit exceeded."
            raise error
        if size:
            sent.uploads.append((now, size))
            sent.size += size
