"""What can one read of a Drive: files, folders, content, the change log, the account?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from colab_magics.settings import Settings

from .finding import Finder, checked_id
from .transfers.download import Download, Source
from .transfers.fetching import Fetching
from .tree import Node
from .wire import Wire


class Reader(Finder):
    """What one can read of a Drive, by ids."""

    def with_settings(self, settings: Settings) -> Reader:
        """The same Drive with connections and counts of its own, for a caller of other patience."""
        other = Reader(self.url, self.credentials, self._wire.with_settings(settings))
        other._root, other._keys = self._root, self._keys
        return other

    @property
    def wire(self) -> Wire:
        """The way to Drive, for those who bring several threads."""
        return self._wire

    @property
    def waiting(self) -> str:
        """What calls wait for at the moment, in words; empty when they do not."""
        return self._wire.waiting

    def fetch(self, file: str | Node, target: BinaryIO, *, callback: Any = None) -> Node:
        """Write a whole file to `target`, verified; the node says which revision it was.

        A file that changes meanwhile is fetched anew; `target` must be able to seek then.

        Args:
            file: its id, or its node, which saves a request if it is still right.

        Raises:
            TransferDamaged: three times the bytes were not those of the file.
        """
        return self._fetching().to_stream(file, target, callback)

    def fetch_file(self, file: str | Node, target: Path, *, callback: Any = None) -> Node:
        """Make `target` the file, verified; until all of it is here, it is what it was before.

        A large file comes over several connections. A process that is killed on the way leaves
        what it has, and the next one fetches only the rest.

        Args:
            file: its id, or its node, which saves a request if it is still right.

        Raises:
            TransferDamaged: three times the bytes were not those of the file.
            DiskFull: this machine has no room for it.
        """
        return self._fetching().to_file(file, target, callback)

    def download(
        self,
        file_id: str,
        target: BinaryIO,
        *,
        start: int = 0,
        end: int | None = None,
        size: int | None = None,
    ) -> int:
        """Write a file, or its bytes from `start` to before `end`, to `target`.

        A whole file is verified by its hash, a part by its length. Returns the number of bytes.

        Args:
            size: of the whole file as far as the caller knows; DriveConflict if it has changed.
        """
        if start == 0 and end is None and size is None:
            return self.fetch(file_id, target).size or 0
        id, doing = checked_id(file_id), f"download {file_id}"
        if size is None:  # without it, a sign-in page would pass for a part of the file
            size = self.get(id).size
        source = Source(self._wire, id, size, doing, self._keys.get(id, ""))
        return Download(source, target.write, start, end).run()

    def _fetching(self) -> Fetching:
        return Fetching(self._wire, self.settings, self.get, self._keys)
