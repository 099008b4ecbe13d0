"""Which errno does a program get for an error of ours?"""

from __future__ import annotations

import errno
import functools
import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from colab_magics.errors import (
    BadPlace,
    DiskFull,
    DriveBusy,
    DriveConflict,
    DriveForbidden,
    DriveFull,
    NoCredentials,
    PlaceIsFile,
    PlaceIsFolder,
    PlaceNotFound,
)

logger = logging.getLogger(__name__)
T = TypeVar("T")
_TABLE: tuple[tuple[type[Exception], int], ...] = (
    (PlaceNotFound, errno.ENOENT),
    (PlaceIsFolder, errno.EISDIR),
    (PlaceIsFile, errno.ENOTDIR),
    (BadPlace, errno.EINVAL),
    (DriveFull, errno.ENOSPC),
    (DiskFull, errno.ENOSPC),
    (DriveConflict, errno.EEXIST),
    (DriveForbidden, errno.EACCES),
    (NoCredentials, errno.EACCES),
    (DriveBusy, errno.EIO),  # not EAGAIN: programs would spin on it
    (UnicodeError, errno.EILSEQ),
)
_USED_UP = frozenset({"dailyLimitExceeded", "uploadLimitExceeded", "downloadQuotaExceeded"})


def errno_of(exc: BaseException) -> int:
    """The number; EIO for what has none of its own."""
    if getattr(exc, "reason", "") in _USED_UP:
        return errno.EDQUOT
    for kind, number in _TABLE:
        if isinstance(exc, kind):
            return number
    return exc.errno if isinstance(exc, OSError) and exc.errno else errno.EIO


def answered(method: Callable[..., T]) -> Callable[..., T]:
    """Turn errors of ours into the errno that a program gets."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> T:
        try:
            return method(*args, **kwargs)
        except Exception as exc:
            number = errno_of(exc)
            if number == errno.EIO:
                logger.warning("%s %s: %s", method.__name__, args[1:2], exc)
            raise OSError(number, os.strerror(number)) from exc

    return call
