"""How does one process have a file to itself, so that a killed one holds nothing?"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def locked(path: Path, *, mode: int, make: bool = True) -> int | None:
    """Open a file that is this caller's alone until it is closed; None where another has it.

    A file that is not this user's own counts as another's: who made it could change it later.

    Args:
        mode: permissions, where it must be made.
        make: whether to make it where there is none.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if make else 0)
    while True:
        try:
            file = os.open(path, flags, mode)
        except OSError as exc:
            if make and not isinstance(exc, PermissionError) and not path.is_symlink():
                raise
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(file)
            if found.st_uid != os.geteuid():
                os.close(file)
                return None
            if os.path.samestat(found, path.stat()):
                return file
        except FileNotFoundError:
            pass  # its last owner has just renamed or removed it
        except BlockingIOError:
            os.close(file)
            return None
        except OSError:  # a disk that has no locks
            if make and not os.fstat(file).st_size:
                path.unlink(missing_ok=True)
            os.close(file)
            return None
        os.close(file)
        if not make:
            return None
