"""What was asked of the Drive, and what did it cost?"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

READ = 5
LIST = 100
EDIT = 50
DOWNLOAD = 200

_MOST_ENTRIES = 200_000
# The URI of an upload session and a token in the query let anybody act who reads the log.
_SECRET = re.compile(r"(?<![^&])(upload_id|access_token|oauth_token|key|token)=[^&]*")


@dataclass(frozen=True)
class LogEntry:
    """One request.

    Attributes:
        method: The HTTP method, after `X-HTTP-Method-Override`.
        path: The path without its query.
        query: The query, with secrets left out.
        status: The status that was answered; 0 if the connection was cut instead.
        reason: The reason of an error, `cut` or `disconnected`, or empty.
        units: The cost in units of Drive's quota.
        user_agent: What the client calls itself.
        time: Seconds since 1970.
        effect: Whether the request changed the Drive, whatever was answered.
    """

    method: str
    path: str
    query: str
    status: int
    reason: str
    units: int
    user_agent: str
    time: float
    effect: bool


class RequestLog(list[LogEntry]):
    """The requests since the start, oldest first; a very long log loses its beginning."""

    def note(self, entry: LogEntry) -> None:
        """Add a request; called before its answer is sent, so a client finds it at once."""
        self.append(entry)
        if len(self) > _MOST_ENTRIES:
            del self[: _MOST_ENTRIES // 10]

    def rows(self) -> list[dict[str, Any]]:
        """Return the log as JSON values."""
        return [asdict(entry) for entry in list(self)]


def without_secrets(query: str) -> str:
    """Return a query string as it may be logged."""
    return _SECRET.sub(r"\1=...", query)


class Quota:
    """Counts units in the last minute and since the start.

    Attributes:
        limit: Units per minute that are given; more is answered with 403.
        total: Units used since the start.
    """

    def __init__(self, limit: int = 325_000) -> None:
        self.limit = limit
        self.total = 0
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, int]] = deque()
        self._used = 0

    @property
    def used(self) -> int:
        """Units used in the last 60 seconds."""
        with self._lock:
            self._expire()
            return self._used

    def take(self, units: int) -> bool:
        """Count a request, or say that it does not fit into this minute."""
        with self._lock:
            self._expire()
            if self._used + units > self.limit:
                return False
            self._recent.append((time.monotonic(), units))
            self._used += units
            self.total += units
            return True

    def reset(self) -> None:
        """Forget all that was used."""
        with self._lock:
            self._recent.clear()
            self._used = self.total = 0

    def _expire(self) -> None:
        edge = time.monotonic() - 60
        while self._recent and self._recent[0][0] < edge:
            self._used -= self._recent.popleft()[1]
