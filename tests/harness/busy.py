"""A user's cell that is as long as a test wants it to be."""

from __future__ import annotations

from pathlib import Path

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
