"""How is it said that a file is not there, so that one sees which was meant?"""

from __future__ import annotations

import difflib


def absent(name: str, folder: str, names: list[str], *, what: str = "file") -> str:
    """Say that a name is not in a folder, and what is; the likeliest first."""
    if not names:
        return f"no {what} {name!r} in {shown(folder)}, which is empty"
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    ordered = close + [other for other in sorted(names) if other not in close]
    some = ", ".join(shown(other) for other in ordered[:3])
    more = f" ({len(ordered) - 3} more)" if len(ordered) > 3 else ""
    return f"no {what} {name!r} in {shown(folder)}; there is: {some}{more}"


def shown(text: str, most: int = 80) -> str:
    """A name as one can show it: no control or direction characters, not too long."""
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return safe if len(safe) <= most else safe[: most - 1] + "…"
