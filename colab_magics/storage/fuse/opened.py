"""What is known of one file that programs have open, or that Drive does not have yet?"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from .view import Entry


class OpenFile:
    """One file that is open, or that Drive does not have yet; shared by all who have it open.

    Attributes:
        path: in the mounted folder; None once it was removed.
        entry: as Drive has it; None for a new one.
        copy: the content in the spool, once somebody writes.
        changed: the copy is not on Drive.
        trouble: why Drive did not take the copy, or "".
        torn: a writer was killed before it was done.
        hidden: it was removed while open; Drive is not to see it again.
        aside: an older revision is open too; the kernel must not mix their pages.
        mtime: set by a program, in nanoseconds.
    """

    def __init__(self, path: str, entry: Entry | None, exclusive: bool = False) -> None:
        self.path: str | None = path
        self.entry, self.exclusive = entry, exclusive
        self.copy: Path | None = None
        self.stream: int = -1
        self.changed = self.torn = self.aside = self.hidden = False
        self.trouble = ""
        self.mtime: int | None = None
        self.written = 0.0
        self.handles = 0
        self.lock = threading.RLock()

    @property
    def size(self) -> int:
        """Bytes."""
        if self.copy is not None:
            return os.fstat(self.stream).st_size
        return self.entry.size if self.entry is not None else 0

    @property
    def refused(self) -> bool:
        """Whether Drive did not take what is in the copy."""
        return self.changed and bool(self.trouble)

    @property
    def pending(self) -> bool:
        """Whether some program still writes it, or it is being sent."""
        return self.changed and not self.trouble and not self.hidden and self.path is not None
