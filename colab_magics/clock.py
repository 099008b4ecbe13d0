"""What time is it, and how long is a wait? Given to whatever waits, so that a test can move it."""

from __future__ import annotations

import re
import threading
import time

from colab_magics.errors import BadValue

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|min|m|h|d|)")


class Clock:
    """The machine's own clock."""

    def time(self) -> float:
        """Seconds since the epoch; for people, never for measuring."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never jumps."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set, `seconds` at most; True when it is set."""
        return event.wait(max(0.0, seconds))


CLOCK = Clock()


def seconds(text: str) -> float:
    """Read a duration: ``10`` (seconds), ``500ms``, ``1.5s``, ``2m``, ``1h30m``.

    Raises:
        BadValue: the text is no duration.
    """
    parts = _PART.findall(text)
    wrong = "".join(number + unit for number, unit in parts) != "".join(text.split())
    # Only the last number may go without its unit: "1 000" and "10 20" are mistakes.
    if not parts or wrong or any(not unit for _, unit in parts[:-1]):
        raise BadValue(f"no duration: {text!r}; write 30, 500ms, 2m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def spell(duration: float) -> str:
    """Say seconds as people do: ``12 ms``, ``1.4 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if duration < 0.9995:
        return f"{duration * 1000:.0f} ms"
    if duration < 99.95:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
