"""How is a file of this machine replaced, so that nobody ever sees half of it?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from colab_magics.errors import BadPlace, PlaceIsFolder


def replaceable(target: Path) -> Path:
    """Where the file that `target` names, or leads to, is or can be made; with its folder.

    Raises:
        PlaceIsFolder, BadPlace: a folder is there, or a device or a pipe.
    """
    real = Path(os.path.realpath(target))
    if real.is_dir():
        raise PlaceIsFolder(f"'{target}' is a folder, not a file")
    if real.exists() and not real.is_file():
        raise BadPlace(f"'{target}' is neither a file nor a folder")
    real.parent.mkdir(parents=True, exist_ok=True)
    return real


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """Give a path to write; it becomes `target` when the block ends well, and goes when it fails.

    Parent folders are made. A link is followed, and an existing file's permissions are kept.
    """
    real = replaceable(target)
    part = real.with_name(f".{os.urandom(6).hex()}.part")  # beside: a rename works within one disk
    try:
        yield part
        with suppress(FileNotFoundError):
            shutil.copymode(real, part)
        part.replace(real)
    finally:
        part.unlink(missing_ok=True)
