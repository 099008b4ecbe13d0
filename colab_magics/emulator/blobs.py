"""How do bytes reach the disk so that they are complete or absent?"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20


@dataclass(frozen=True)
class Content:
    """Bytes that are safe on disk under a name of their own."""

    blob: str
    size: int
    md5: str
    sha1: str
    sha256: str


class Draft:
    """Bytes on their way in; no file shows them until they are kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115  closed by keep or discard
        self.size = os.fstat(self._file.fileno()).st_size
        self._hashes = [hashlib.md5(usedforsecurity=False), hashlib.sha1(), hashlib.sha256()]
        # After a restart the hashes have not seen the first part of the bytes.
        self._hashed = 0

    def write(self, data: bytes) -> None:
        """Append bytes."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        if self._hashed == self.size:
            self._update(data)
        self.size += len(data)

    def _update(self, data: bytes) -> None:
        for one in self._hashes:
            one.update(data)
        self._hashed += len(data)

    def cut(self, size: int) -> None:
        """Forget all bytes from this position on."""
        if size >= self.size:
            return
        self._file.truncate(size)
        self.size = size
        self._hashes = [hashlib.md5(usedforsecurity=False), hashlib.sha1(), hashlib.sha256()]
        self._hashed = 0

    def sync(self) -> None:
        """Make sure that the bytes survive a power cut."""
        os.fsync(self._file.fileno())

    def digests(self) -> tuple[str, str, str]:
        """Return md5, sha1 and sha256 of all the bytes."""
        if self._hashed != self.size:
            with open(self.path, "rb") as file:
                file.seek(self._hashed)
                while data := file.read(CHUNK):
                    self._update(data)
        md5, sha1, sha256 = (one.hexdigest() for one in self._hashes)
        return md5, sha1, sha256

    def close(self) -> None:
        """Close the file and leave the bytes where they are, for a later process."""
        self._file.close()

    def discard(self) -> None:
        """Forget the bytes."""
        self.close()
        self.path.unlink(missing_ok=True)


class Blobs:
    """The folder of contents: each is written once and never changed."""

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._incoming = root / "incoming"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)

    def draft(self, name: str | None = None) -> Draft:
        """Open a place for new bytes; a name makes it possible to come back to them."""
        return Draft(self._incoming / (name or f"once-{secrets.token_hex(12)}"))

    def keep(self, draft: Draft) -> Content:
        """Turn a draft into a content, durable before this returns."""
        md5, sha1, sha256 = draft.digests()
        draft.sync()
        draft.close()
        blob = secrets.token_hex(16)
        draft.path.rename(self._blobs / blob)
        for folder in (self._blobs, self._incoming):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return Content(blob, draft.size, md5, sha1, sha256)

    def open(self, blob: str) -> int:
        """Return a file descriptor; it stays readable when the file gets new content."""
        return os.open(self._blobs / blob, os.O_RDONLY)

    def drop(self, blob: str) -> None:
        """Remove a content that no file has any more."""
        (self._blobs / blob).unlink(missing_ok=True)

    def sweep(self, blobs: set[str], sessions: set[str]) -> None:
        """Remove what a killed process left behind: bytes that no row knows."""
        for folder, known in ((self._blobs, blobs), (self._incoming, sessions)):
            for path in folder.iterdir():
                if path.name not in known:
                    path.unlink(missing_ok=True)
