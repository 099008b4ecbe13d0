"""Which folder is to be listed next? Drive's change log can be late, or miss something."""

from __future__ import annotations

from collections.abc import Mapping


class Relist:
    """Folders take turns, so that the requests per minute do not grow with their number.

    With the default of 300 s between two listings of a folder, one folder is listed every 30 s at
    most; one where something has just happened after 15 s, with 5 s at least between any two.
    """

    def __init__(self, seconds: float) -> None:
        self._each = seconds
        self._turn = seconds / 10
        self._lag = seconds / 20
        self._gap = seconds / 60
        self._soon: dict[str, float] = {}
        self._last = float("-inf")

    def soon(self, folder: str, now: float) -> None:
        """Something has happened in a folder: see in a while whether there is more."""
        self._soon.setdefault(folder, now + self._lag)

    def due(self, listed: Mapping[str, float], now: float) -> str | None:
        """The folder to list now, if there is one; it counts as listed then."""
        folder = self._first(listed, now)
        if folder is not None:
            self._soon.pop(folder, None)
            self._last = now
        return folder

    def _first(self, listed: Mapping[str, float], now: float) -> str | None:
        if now - self._last < self._gap:
            return None
        for folder, at in list(self._soon.items()):
            if folder not in listed:
                del self._soon[folder]
            elif at <= now:
                return folder
        if now - self._last < self._turn or not listed:
            return None
        oldest = min(listed, key=lambda folder: listed[folder])
        return oldest if now - listed[oldest] >= self._each else None
