"""Which emulator serves a folder now?"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path


def find(root: str | Path) -> str | None:
    """Return the address of the emulator that serves a folder now, or None."""
    path = Path(root).expanduser().absolute()
    if not (path / "emulator.json").exists():
        return None
    try:
        lock = os.open(path / "emulator.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        # What is written in the file counts only while its writer lives, and holds the lock.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        try:
            return str(json.loads((path / "emulator.json").read_text())["url"])
        except (OSError, ValueError, KeyError):
            return None
    else:
        return None
    finally:
        os.close(lock)


class Claim:
    """The right to serve a folder; nobody else has it until it is given up, or this process ends.

    Args:
        root: The folder.

    Raises:
        OSError: Another emulator serves it.
    """

    def __init__(self, root: Path) -> None:
        self._announced = root / "emulator.json"
        self._lock = os.open(root / "emulator.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Whoever asks `find` holds the lock for an instant.
        held = threading.Event()
        for _ in range(5):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                held.wait(0.02)
        os.close(self._lock)
        where = find(root)
        at = f" at {where}" if where else ""
        raise OSError(f"an emulator already serves {root}{at}; stop it or use another root")

    def announce(self, **urls: str) -> None:
        """Write down where it answers, for `find`."""
        temporary = self._announced.with_name(f".emulator.json.{os.getpid()}")
        temporary.write_text(json.dumps({**urls, "pid": os.getpid()}))
        temporary.replace(self._announced)

    def withdraw(self) -> None:
        """Take back what was announced; the folder is still claimed."""
        self._announced.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others serve the folder."""
        os.close(self._lock)
