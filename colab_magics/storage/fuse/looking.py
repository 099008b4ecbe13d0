"""What does the mounted folder answer when a program looks around? `operations` has the rest."""

# mypy: disallow-untyped-calls=False
# mfusepy's callbacks are annotated for its own types.

from __future__ import annotations

import errno
import itertools
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import mfusepy

from .blocks import Blocks
from .closers import group_of
from .errnos import answered
from .facts import Facts
from .files import OpenFiles
from .hidden import Hidden
from .opened import OpenFile
from .resending import Resender
from .view import Entry, View

if TYPE_CHECKING:
    from colab_magics.storage.filesystem import DriveFileSystem

    from .spool import Spool

T = TypeVar("T")


class Handle:
    """One open() of a program."""

    def __init__(self, file: OpenFile, opener: int) -> None:
        self.file, self.opener = file, opener
        self.wrote = False


class Looking(mfusepy.Operations):  # type: ignore[misc, unused-ignore]
    """A Drive as a folder to look at; a file that was removed while open has no path, None."""

    use_ns = True

    def __init__(self, fs: DriveFileSystem, spool: Spool, *, readonly: bool) -> None:
        self._fs, self._readonly = fs, readonly
        # A callback comes on a thread that Python forgets at once, and with it its connections:
        # so the Drive is asked by threads of our own.
        self._ask = ThreadPoolExecutor(16, "colab_magics-mount-ask")
        self._send = ThreadPoolExecutor(16, "colab_magics-mount-send")
        fetch = ThreadPoolExecutor(8, "colab_magics-mount-fetch")
        self.view = View(fs)
        self.files = OpenFiles(fs, Blocks(fs, fetch), spool)
        self.facts = Facts(fs.api, self.files, readonly=readonly)
        self.resender = Resender(self.files, self.view, spool, fs.api.settings)
        self.hidden = Hidden(self.files, self._trash)
        self._handles: dict[int, Handle] = {}
        self._numbers = itertools.count(1)
        self.started: Callable[[], None] = lambda: None

    def init(self, path: str) -> None:
        """The folder shows the Drive from now on."""
        self.started()

    # What is there

    @answered
    def getattr(self, path: str | None, fh: Any = None) -> dict[str, int]:
        """Facts about a file or folder."""
        handle = self._handles.get(fh.fh) if fh is not None else None
        file = handle.file if handle else self.files.at(path or "")
        entry = file.entry if file is not None else self._entry(path or "")
        return self.facts.attributes(entry, file)

    @answered
    def readdir(self, path: str, fh: Any) -> Iterator[tuple[str, dict[str, int], int]]:
        """What is in a folder."""
        names = {
            name: stat.S_IFDIR if entry.folder else stat.S_IFREG
            for name, entry in self._asked(self.view.names, path).items()
            if not self.hidden.waits(f"{path.rstrip('/')}/{name}")
        }
        start = len(path.rstrip("/")) + 1
        for below, file in self.files.below(path):
            if "/" not in below[start:] and file.changed and not self.hidden.means(below):
                names[below[start:]] = stat.S_IFREG
        found = [(".", stat.S_IFDIR), ("..", stat.S_IFDIR), *names.items()]
        return iter([(name, {"st_mode": mode}, 0) for name, mode in found])

    @answered
    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        """``user.drive.id``, as Google's own mount has it, and ``user.drive.md5``."""
        if not name.startswith("user.drive."):
            raise OSError(errno.ENODATA, "")
        found = self.facts.attached(self._entry(path)).get(name)
        if found is None:
            raise OSError(errno.ENODATA, "")
        return found.encode()

    @answered
    def listxattr(self, path: str) -> list[str]:
        """The names of those that there are."""
        return list(self.facts.attached(self._entry(path)))

    @answered
    def statfs(self, path: str) -> dict[str, int]:
        """How full the Drive is."""
        return self._asked(self.facts.quota)

    # Parts

    def _entry(self, path: str) -> Entry | None:
        """What Drive has at a path; None for nothing, and for a new file that is not sent yet."""
        file = self.files.at(path)
        if file is not None and file.changed:
            return file.entry
        if self.hidden.waits(path):
            return None
        found: Entry | None = self._asked(self.view.entry, path)
        return found

    def _trash(self, entry: Entry) -> None:
        self._asked(self._fs.api.update, entry.id, trashed=True)
        self._fs.lookup.removed(entry.id)

    def _handle(self, fi: Any, file: OpenFile) -> None:
        fi.fh = next(self._numbers)
        self._handles[fi.fh] = Handle(file, group_of(mfusepy.fuse_get_context()[2]))

    def _may_write(self) -> None:
        if self._readonly:
            raise OSError(errno.EROFS, "")

    def _asked(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self._ask.submit(call, *args, **kwargs).result()

    def _moved(self, call: Callable[..., T], *args: Any) -> T:
        """Run a job that moves bytes, in threads of its own: it may take minutes."""
        return self._send.submit(call, *args).result()
