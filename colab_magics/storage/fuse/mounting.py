"""How does a folder of this machine become a Drive, and stop being one? The owner's side."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from ctypes.util import find_library
from pathlib import Path
from shutil import which
from typing import IO, Any

from colab_magics.errors import BadPlace, DriveError, MissingExtra, PlaceIsFile
from colab_magics.settings import Settings
from colab_magics.storage.health import Mount, fuse_mount_of, mount_at, probe

from .serve import SUBTYPE, Order, unmount

logger = logging.getLogger(__name__)
START_SECONDS = 30.0
END_SECONDS = 30.0


class FuseMount:
    """A Drive mounted at a folder, served by a process that ends with this one.

    Attributes:
        folder: where.
        unsent: (path, why) of the files that Drive did not take yet.
        torn: files whose writers were killed, with the place where what there is of them is kept.
    """

    def __init__(self, order: Order) -> None:
        self.folder = order.folder
        self.unsent: list[tuple[str, str]] = []
        self.torn: list[str] = []
        self._order = order
        self._pid = os.getpid()
        self._ready, self._ended = threading.Event(), threading.Event()
        self._error = ""
        self._closing = False
        package = [str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "colab_magics.storage.fuse"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",  # the present folder may be on a mount, and may hold a random.py
            env={**os.environ, "PYTHONPATH": os.pathsep.join(package)},
            start_new_session=True,  # Ctrl+C is for the kernel
        )
        for target in (self._listen, self._log):
            threading.Thread(target=target, name="colab_magics-mount", daemon=True).start()

    @property
    def trouble(self) -> str:
        """What a person should know, in one line; "" for nothing."""
        if self._ended.is_set() and not self._closing:
            return f"the mount at {self.folder} has ended; run %drive_mount --at {self.folder}"
        said = []
        if self.unsent:
            path, why = self.unsent[0]
            more = f" and {len(self.unsent) - 1} more" if len(self.unsent) > 1 else ""
            said.append(f"not on Drive yet: '{path.lstrip('/')}'{more} ({why}); tried again")
        if self.torn:
            said.append(f"not sent: {self.torn[-1]}")
        return "; ".join(said)

    @property
    def pid(self) -> int:
        """The process that serves it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still serves."""
        return self._ready.is_set() and not self._ended.is_set()

    def serves(self, url: str, readonly: bool) -> bool:
        """Whether it is that Drive that is mounted, in that way."""
        return (self._order.url, self._order.readonly) == (url, readonly)

    def start(self, seconds: float = START_SECONDS) -> FuseMount:
        """Wait until the folder shows the Drive.

        Raises:
            DriveError: it does not, and why.
        """
        pipe = self._pipe()
        with suppress(BrokenPipeError):
            pipe.write(self._order.line())
            pipe.flush()
        self._ready.wait(seconds)
        if self.alive:
            return self
        self.close(0.0)
        why = self._error or f"nothing happened for {seconds:g} s"
        raise DriveError(f"the Drive could not be mounted at {self.folder}: {why}")

    def close(self, seconds: float = END_SECONDS) -> None:
        """Unmount; what is being sent is finished first, for `seconds` at most."""
        if os.getpid() != self._pid or self._closing:
            return
        self._closing = True
        with suppress(OSError, ValueError):
            self._pipe().write(f"end {seconds}\n".encode())
            self._pipe().close()
        try:
            self._process.wait(seconds + 10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5.0)
        unmount(self.folder, f"{SUBTYPE}.{self._order.mark}")
        if self.unsent:
            paths = ", ".join(path.lstrip("/") for path, _ in self.unsent[:5])
            logger.warning(
                "%d files are not on Drive (%s); they are kept in %s, and the next "
                "%%drive_mount --at sends them",
                len(self.unsent),
                paths,
                self._order.spool,
            )

    def _pipe(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._hear(json.loads(line))
        self._ended.set()
        self._ready.set()  # nobody need wait any longer
        unmount(self.folder, f"{SUBTYPE}.{self._order.mark}")  # if it was killed, and nobody has

    def _hear(self, said: dict[str, Any]) -> None:
        if "unsent" in said:
            before = self.trouble
            self.unsent = [(path, why) for path, why in said["unsent"]]
            self.torn = said["torn"]
            if self.trouble and not before:
                logger.warning("%s", self.trouble)
        if "error" in said:
            self._error = self._error or said["error"]
        if said.get("ready"):
            self._ready.set()

    def _log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                if not self._ready.is_set() and text.startswith("fuse"):
                    self._error = text  # fusermount's own words
                logger.info("mount at %s: %s", self.folder, text)


def mount(folder: str, *, url: str, settings: Settings, readonly: bool) -> FuseMount:
    """Mount a Drive at a folder, which is made if need be.

    Raises:
        MissingExtra: the package for it is not installed.
        BadPlace, PlaceIsFile: nothing can be mounted there.
        DriveError: this machine has no FUSE, or it refused.
    """
    check_machine()
    path = real_folder(folder)
    _clear(path)
    order = Order(
        folder=path,
        owner=os.getpid(),
        url=url,
        settings=settings,
        readonly=readonly,
        spool=str(spool_folder()),
        mark=os.urandom(4).hex(),
    )
    return FuseMount(order).start()


def real_folder(folder: str) -> str:
    """The path of a folder as the table of mounts has it; nothing below a mount is looked at."""
    path = os.path.normpath(Path(folder).expanduser().absolute())
    above, name = os.path.split(path)
    if fuse_mount_of(path) is not None and mount_at(path) is None:
        return path
    return os.path.join(os.path.realpath(above), name)


def spool_folder() -> Path:
    """Where files lie that are being written, and what Drive did not take."""
    import platformdirs

    return Path(platformdirs.user_data_dir("colab_magics")) / "unsent"


def check_machine(
    device: str = "/dev/fuse", commands: Sequence[str] = ("fusermount3", "fusermount")
) -> None:
    """Refuse where nothing can be mounted.

    Raises:
        MissingExtra: the package is not installed.
        DriveError: FUSE is not.
    """
    if importlib.util.find_spec("mfusepy") is None:
        raise MissingExtra(
            "%drive_mount --at needs the package mfusepy; run: pip install 'colab_magics[fuse]'"
        )
    if not os.path.exists(device):
        raise DriveError(
            f"this machine has no {device}, so no folder can be a Drive; places of the Drive "
            "work without it"
        )
    if not any(map(which, commands)) or not (find_library("fuse3") or find_library("fuse")):
        raise DriveError("%drive_mount --at needs FUSE; run: apt-get install fuse3")


def _clear(path: str) -> None:
    """Make a folder ready to be mounted on; a dead mount of ours is taken away."""
    found = mount_at(path)
    if found is not None and ours(found):
        # Its owner may live in another kernel, and one whose Drive is out of reach will recover.
        if probe(path).kind != "dead":
            raise BadPlace(
                f"another notebook has its Drive mounted at '{path}'; choose another folder"
            )
        unmount(path, SUBTYPE)
        found = mount_at(path)
    if found is not None:
        raise BadPlace(f"'{path}' is a mount point already ({found.kind}); choose another folder")
    above = fuse_mount_of(path)
    if above is not None:
        raise BadPlace(f"'{path}' lies on another mount ({above.folder}); choose another folder")
    if os.path.exists(path) and not os.path.isdir(path):
        raise PlaceIsFile(f"'{path}' is a file; give a folder to mount at")
    try:
        os.makedirs(path, exist_ok=True)
        held = os.listdir(path)
    except OSError as exc:
        why = (exc.strerror or type(exc).__name__).lower()
        raise BadPlace(f"no folder can be made at '{path}': {why}; choose another one") from exc
    if held:
        raise BadPlace(f"'{path}' is not empty; give an empty folder, or a new one")


def ours(found: Mount) -> bool:
    """Whether a mount was made by this package."""
    return found.kind.startswith(f"fuse.{SUBTYPE}.")
