"""What does a program see of a file: its size, its times, its id, the room there is?"""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

from .opened import OpenFile
from .view import Entry

if TYPE_CHECKING:
    from colab_magics.storage.api import DriveAPI

    from .files import OpenFiles

_QUOTA_SECONDS = 30.0
_ENDLESS = 1 << 50  # bytes; what a Drive without a limit shows


class Facts:
    """Facts about files, as stat, getfattr and df show them. Safe for threads."""

    def __init__(self, api: DriveAPI, files: OpenFiles, *, readonly: bool) -> None:
        self._api, self._files, self._readonly = api, files, readonly
        self._uid, self._gid = os.getuid(), os.getgid()
        self._started = time.time_ns()
        self._quota: tuple[float, dict[str, int]] = (-_QUOTA_SECONDS, {})
        self._quota_lock = threading.Lock()

    def quota(self) -> dict[str, int]:
        """How full the Drive is, asked twice a minute at most."""
        with self._quota_lock:
            asked, found = self._quota
            if time.monotonic() - asked > _QUOTA_SECONDS:
                about = self._api.about()
                limit = _ENDLESS if about.limit is None else about.limit
                free = max(0, limit - about.usage) // 4096
                found = {"f_blocks": limit // 4096, "f_bfree": free, "f_bavail": free}
                found |= {"f_bsize": 4096, "f_frsize": 4096, "f_namemax": 255}
                self._quota = time.monotonic(), found
        return found

    def attributes(self, entry: Entry | None, file: OpenFile | None) -> dict[str, int]:
        """What stat shows of a file or folder.

        Raises:
            OSError: ENOENT, where there is neither an entry nor an open file.
        """
        if entry is None and file is None:
            raise OSError(errno.ENOENT, "")
        folder = entry is not None and entry.folder
        fixed = self._readonly or (entry is not None and entry.link is not None)
        mode = (0o755 if folder else 0o644) & (0o555 if fixed else 0o777)
        size, when = (entry.size, self._files.mtime(entry)) if entry is not None else (0, 0)
        if file is not None and file.copy is not None:
            size = file.size
            if file.changed:
                when = file.mtime if file.mtime is not None else int(file.written * 1e9)
        return {
            "st_mode": (stat.S_IFDIR if folder else stat.S_IFREG) | mode,
            "st_nlink": 2 if folder else 1,
            "st_size": size,
            "st_blocks": -(-size // 512),
            "st_blksize": 128 * 1024,
            "st_uid": self._uid,
            "st_gid": self._gid,
            "st_mtime": when or self._started,
            "st_ctime": when or self._started,
            "st_atime": when or self._started,
        }

    def attached(self, entry: Entry | None) -> dict[str, str]:
        """Its extended attributes."""
        if entry is None:
            return {}
        found = {"user.drive.id": entry.id}
        return found | ({"user.drive.md5": entry.md5} if entry.md5 else {})
