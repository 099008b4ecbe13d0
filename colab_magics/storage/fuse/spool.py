"""Where does the content of files lie that are being written, and what Drive did not take?"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from colab_magics.storage.transfers.lock import locked

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unsent:
    """A file that Drive does not have.

    Attributes:
        drive: which Drive it is for.
        path: where it belongs there.
        base: the revision there that it was made from; "" for none.
        whole: False when its writer was killed before it was done.
        why: what Drive said.
    """

    drive: str
    path: str
    base: str
    whole: bool
    why: str


def beside(path: str) -> str:
    """Another path for content whose own place somebody else has taken."""
    stem, suffix = os.path.splitext(path)
    return f"{stem} (unsent {time.strftime('%Y-%m-%d %H.%M.%S')}){suffix}"


class Spool:
    """A folder of this user alone, for all mounts; files in it are of mode 0600.

    Names begin with a token of the mount that made them, whose lock file it holds while it lives.
    """

    def __init__(self, folder: Path, drive: str) -> None:
        self.folder, self.drive = folder, drive
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        self._token = os.urandom(4).hex()
        self._lock = locked(folder / f"{self._token}.lock", mode=0o600)
        self._sweep()

    def new(self) -> Path:
        """A new empty file to write."""
        path = self.folder / f"{self._token}-{os.urandom(8).hex()}.part"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        return path

    def keep(self, copy: Path, about: Unsent) -> Path:
        """Let a copy outlive this process, with what is known of it beside.

        Raises:
            OSError: there is no room for that; the copy is where it was, and so is an older note.
        """
        note = copy.with_suffix(".new")
        with open(os.open(note, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as stream:
            json.dump(asdict(about), stream)
        note.replace(copy.with_suffix(".json"))
        return copy if copy.suffix == ".kept" else copy.rename(copy.with_suffix(".kept"))

    def drop(self, copy: Path) -> None:
        """Remove a copy: Drive has it, or nobody wants it any more."""
        for path in (copy, copy.with_suffix(".json"), copy.with_suffix(".new")):
            path.unlink(missing_ok=True)

    def kept(self) -> Iterator[tuple[Path, Unsent]]:
        """What earlier mounts of this Drive, none of which lives, could not send."""
        for note in sorted(self.folder.glob("*.json")):
            copy = note.with_suffix(".kept")
            try:
                about = Unsent(**json.loads(note.read_text("utf-8")))
            except (OSError, ValueError, TypeError):
                logger.warning("%s is damaged; its content is beside it", note)
                continue
            if about.drive == self.drive and copy.exists() and not self._lives(copy):
                yield copy, about

    def adopt(self, copy: Path) -> Path | None:
        """Take over what an earlier mount left; None when another mount was faster."""
        mine = self.folder / f"{self._token}-{os.urandom(8).hex()}.kept"
        try:
            copy.rename(mine)
        except FileNotFoundError:
            return None
        with suppress(FileNotFoundError):
            copy.with_suffix(".json").rename(mine.with_suffix(".json"))
        return mine

    def close(self) -> None:
        """What is kept is the next mount's from now on."""
        (self.folder / f"{self._token}.lock").unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _sweep(self) -> None:
        """Remove half-written copies of processes that are gone: nobody closed those files."""
        for path in [*self.folder.glob("*.part"), *self.folder.glob("*.lock")]:
            if not self._lives(path):
                path.unlink(missing_ok=True)

    def _lives(self, path: Path) -> bool:
        """Whether the mount that made a file still runs, in whatever container."""
        token = path.name.replace(".", "-").partition("-")[0]
        lock = self.folder / f"{token}.lock"
        if token == self._token:
            return True
        if not lock.exists():
            return False
        held = locked(lock, mode=0o600, make=False)
        if held is None:
            return True
        lock.unlink(missing_ok=True)
        os.close(held)
        return False
