"""Has a disk of this machine room for what is to be written, and what is said where it has not?"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from colab_magics.display import size
from colab_magics.errors import DiskFull

_FULL = (errno.ENOSPC, errno.EDQUOT)


def expect_room(what: str, needed: int, folder: Path) -> None:
    """Refuse before the first byte what a disk can not hold to the last one.

    Args:
        needed: bytes.

    Raises:
        DiskFull: the disk of `folder` has fewer.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(
            f"no room for {what!r} on this machine: it needs {size(needed)}, and '{folder}' has "
            f"{size(free)} free; remove something there, or fetch it to another disk"
        )


@contextmanager
def told_if_full(doing: str, folder: Path) -> Iterator[None]:
    """Say which disk became full where the system only says that one did.

    Args:
        doing: what is tried, in words; opens the message.

    Raises:
        DiskFull: the block could not write to the disk of `folder`.
    """
    try:
        yield
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        usage = shutil.disk_usage(folder)
        raise DiskFull(
            f"{doing}: this machine's disk became full: '{folder}' has {size(usage.free)} free of "
            f"{size(usage.total)}; remove something there and try again"
        ) from exc


@contextmanager
def scratch(doing: str) -> Iterator[BinaryIO]:
    """A file of no name, which is gone after the block.

    Args:
        doing: what it is for, as for `told_if_full`.

    Raises:
        DiskFull: the disk of the temporary files became full.
    """
    with told_if_full(doing, scratch_folder()), tempfile.TemporaryFile() as file:
        yield cast(BinaryIO, file)


def scratch_folder() -> Path:
    """Where files of no name are."""
    return Path(tempfile.gettempdir())


def is_full(exc: OSError) -> bool:
    """Whether an error says that a disk of this machine is full."""
    return isinstance(exc, DiskFull) or exc.errno in _FULL
