"""What is a magic called in a terminal?"""

from __future__ import annotations

import re

_MAGIC = re.compile(r"%drive_(auth|ls|get|put|rm|link)\b")


def in_terminal(text: str) -> str:
    """A text that tells what to run in a notebook, for a terminal."""
    return _MAGIC.sub(r"colab-magics \1", text)
