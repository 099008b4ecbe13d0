"""What the kernel tests share: cells that stay busy until told, and what a run put out."""

from __future__ import annotations

from pathlib import Path

import pytest

BUSY = """
import os, time
print("busy", flush=True)
end = time.monotonic() + 30
while not os.path.exists({flag!r}) and time.monotonic() < end:
    {pause}
{last_words}
"""


class Busy:
    """A user's cell that stays busy until `free` is called, and 0.3 s longer."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def cell(self, *, pause: str = "time.sleep(0.01)", last_words: str = "print('free')") -> str:
        """The cell's code.

        Args:
            pause: what it does all the time.
            last_words: its last line.
        """
        leave = "import time; [time.sleep(0.01) for _ in range(30)]\n"
        return BUSY.format(flag=str(self.flag), pause=pause, last_words=leave + last_words)

    def free(self) -> None:
        """Let the cell end."""
        self.flag.touch()


@pytest.fixture
def busy(tmp_path: Path) -> Busy:
    """A cell that is as long as the test wants it to be."""
    return Busy(tmp_path / "free")
