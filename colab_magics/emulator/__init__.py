"""A Google Drive in one process on this machine: the REST API v3, files in a local folder.

It imports nothing else of colab_magics, so that it can referee the code that talks to Drive.
"""

from __future__ import annotations

from .claim import find
from .server import Emulator
from .serving import serve

__all__ = ["Emulator", "find", "serve"]
