"""Which uploads of files were begun and not finished, so that a restarted kernel goes on with them?

A small file for each in this user's state folder, written before the first request that may have
an effect and removed after the last. It holds the address of an upload session, with which anybody
can write the file: folder and file are this user's alone, and nothing shows what is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .body import Origin
from .lock import locked

_WEEK = 7 * 24 * 3600.0  # after which Drive, too, forgets a session


@dataclass(frozen=True)
class Begun:
    """An upload as it was begun.

    Attributes:
        file_id: of the file that it makes or changes.
        session: where its bytes go; empty until Drive has given it.
        makes: whether the file is a new one.
    """

    file_id: str
    makes: bool
    session: str = field(default="", repr=False)


class Claim:
    """One upload that is this caller's alone."""

    def __init__(self, path: Path | None, origin: Origin | None) -> None:
        self._path = path
        self._origin = origin
        self.found = None if path is None else _read(path, origin)
        self._done: list[Path] = []

    def keep(self, begun: Begun) -> None:
        """Put on record what is about to happen."""
        if self._path is None or self._origin is None:
            return
        temporary = self._path.with_suffix(".new")
        text = json.dumps({"origin": asdict(self._origin), "begun": asdict(begun)})
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with suppress(OSError), os.fdopen(os.open(temporary, flags, 0o600), "w") as file:
            # A full disk costs the ability to resume, and nothing else.
            file.write(text)
            file.flush()
            temporary.replace(self._path)

    def made(self, file_id: str) -> bool:
        """Whether this very file began as an upload of this source that was to make it."""
        for path in self._siblings():
            begun = _read(path, self._origin)
            if begun is not None and begun.makes and begun.file_id == file_id:
                self._done.append(path)
        return bool(self._done)

    def forget(self) -> None:
        """It is done, or can not be gone on with."""
        self.found = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        for path in self._done:
            lock = locked(path.with_suffix(".lock"), mode=0, make=False)
            path.unlink(missing_ok=True)
            if lock is not None:  # its owner was killed
                path.with_suffix(".lock").unlink(missing_ok=True)
                os.close(lock)

    def _siblings(self) -> list[Path]:
        """Records of the same source."""
        if self._path is None:
            return []
        return [*self._path.parent.glob(f"{self._path.name.partition('-')[0]}-*.json")]


class Unfinished:
    """The records of this user, on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready: bool | None = None

    @contextmanager
    def claim(self, origin: Origin | None, account: str, target: str) -> Iterator[Claim]:
        """Take the upload of a file to a target; of two at once, the second leaves no record.

        Args:
            account: whose Drive the target is on; nobody goes on with what is another's.
        """
        if origin is None or not self._usable():
            yield Claim(None, None)
            return
        source = hashlib.sha256(f"{account}\0{origin.path}".encode()).hexdigest()[:32]
        where = hashlib.sha256(target.encode()).hexdigest()[:16]
        path = self._folder / f"{source}-{where}.json"
        lock_path = path.with_suffix(".lock")
        try:
            lock = locked(lock_path, mode=0o600)
        except OSError:
            lock = None
        if lock is None:
            yield Claim(None, None)
            return
        try:
            yield Claim(path, origin)
        finally:
            lock_path.unlink(missing_ok=True)
            os.close(lock)

    def _usable(self) -> bool:
        """Whether there is a folder that is this user's alone; old records in it are removed."""
        if self._ready is None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                found = self._folder.lstat()
                if stat.S_IMODE(found.st_mode) != 0o700:
                    self._folder.chmod(0o700)
                self._ready = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
                self._sweep()
            except OSError:
                self._ready = False
        return self._ready

    def _sweep(self) -> None:
        edge = time.time() - _WEEK
        for path in self._folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < edge:
                    path.unlink()


def _read(path: Path, origin: Origin | None) -> Begun | None:
    """The record in a file; None where it is about another state of the source, or damaged."""
    try:
        found = json.loads(path.read_text("utf-8"))
        if origin is None or found["origin"] != asdict(origin):
            return None
        if path.stat().st_mtime < time.time() - _WEEK:
            return None
        begun = Begun(**found["begun"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    texts = isinstance(begun.file_id, str) and isinstance(begun.session, str)
    return begun if texts and begun.file_id else None
