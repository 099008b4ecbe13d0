"""A FUSE mount that goes wrong on request: `python weak_mount.py MODE DIR SOURCE KIND`.

MODE is a file that is read at each call: `ok`, `eio`, or `hang`. Killed with SIGKILL, it leaves a
dead mount behind (errno 107).
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from harness.waiting import wait_until


class WeakMount:
    """The folder `source`, mounted at `folder` by a process of its own."""

    def __init__(self, tmp: Path, folder: Path, source: Path, kind: str = "weak") -> None:
        self.folder = folder
        self._mode = tmp / "weak_mode"
        self.be("ok")
        folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(self._mode), str(folder), str(source), kind],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        wait_until(lambda: os.path.ismount(folder), "it is mounted")

    def be(self, mode: str) -> None:
        """Go wrong from now on, or no longer."""
        self._mode.write_text(mode)

    def kill(self) -> None:
        """End the process as the OOM killer does; the mount stays, dead."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Take it away, however it is."""
        self.kill()
        helper = shutil.which("fusermount3") or "fusermount"
        subprocess.run([helper, "-u", "-z", str(self.folder)], check=False, capture_output=True)


def main(mode: str, folder: str, source: str, kind: str) -> None:
    import mfusepy

    def weak() -> None:
        now = Path(mode).read_text()
        if now == "eio":
            raise OSError(errno.EIO, "")
        while Path(mode).read_text() == "hang":
            time.sleep(0.05)

    class Operations(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True

        def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
            weak()
            try:
                found = os.lstat(source + path)
            except FileNotFoundError:
                raise OSError(errno.ENOENT, "") from None
            names = ("st_mode", "st_nlink", "st_size", "st_uid", "st_gid")
            return {name: getattr(found, name) for name in names}

        def readdir(self, path: str, fh: int) -> list[str]:
            weak()
            return [".", "..", *os.listdir(source + path)]

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            weak()
            return Path(source + path).read_bytes()[offset : offset + size]

    mfusepy.FUSE(
        Operations(), folder, foreground=True, attr_timeout=0, entry_timeout=0, subtype=kind
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
