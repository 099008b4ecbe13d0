"""Can this machine mount? The mark of all tests that do."""

from __future__ import annotations

import os
import shutil
from ctypes.util import find_library
from importlib.util import find_spec

import pytest

_MISSING = (
    "no /dev/fuse on this machine"
    if not os.path.exists("/dev/fuse")
    else "no fusermount on this machine"
    if not (shutil.which("fusermount3") or shutil.which("fusermount"))
    else "no libfuse on this machine"
    if not (find_library("fuse3") or find_library("fuse"))
    else "mfusepy is not installed"
    if find_spec("mfusepy") is None
    else ""
)
needs_fuse = pytest.mark.skipif(bool(_MISSING), reason=_MISSING)
