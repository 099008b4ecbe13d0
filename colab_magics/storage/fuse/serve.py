"""What runs in the process that serves a mounted folder? It ends, and unmounts, with its owner.

A process of its own, since a program that holds the GIL while it touches a folder that its own
process serves waits for ever. What to mount comes as JSON on its standard input, commands follow,
one a line. It finds this user's sign-in by itself, so no token goes from one process to another.
"""

# mypy: disallow-untyped-calls=False
# mfusepy calls back with types of its own.

from __future__ import annotations

import json
import logging
import os
import resource
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.health import mount_at

if TYPE_CHECKING:
    from .operations import Operations

logger = logging.getLogger(__name__)
FARSIGHT_SECONDS = 60.0  # how long what is not sent yet is tried once the owner is gone
SUBTYPE = "colab_magics"


@dataclass(frozen=True)
class Order:
    """What to mount.

    Attributes:
        owner: the process with which the mount ends.
        spool: folder for what is being written.
        mark: tells this mount from all others in the table of mounts.
    """

    folder: str
    owner: int
    url: str
    settings: Settings
    readonly: bool
    spool: str
    mark: str

    @classmethod
    def read(cls, line: bytes) -> Order:
        """The order in a line of JSON."""
        facts = json.loads(line)
        return cls(**{**facts, "settings": Settings(**facts["settings"])})

    def line(self) -> bytes:
        """The order as a line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


class Server:
    """One mounted folder."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._ending = threading.Lock()
        self._speaking = threading.Lock()
        self.operations: Operations | None = None

    def run(self) -> None:
        """Serve until somebody unmounts, the owner says so, or the owner is gone."""
        os.environ.setdefault("FUSE_LIBRARY_NAME", _library())
        import mfusepy

        from colab_magics.storage.filesystem import DriveFileSystem

        from .operations import Operations
        from .spool import Spool

        order = self.order
        api = DriveAPI(url=order.url, credentials=_signed_in(order), settings=order.settings)
        api.readonly = order.readonly
        drive = order.url or f"google:{api.about().user}"
        fs = DriveFileSystem(api=api, skip_instance_cache=True)
        self.operations = Operations(fs, Spool(Path(order.spool), drive), readonly=order.readonly)
        files = self.operations.files
        files.on_trouble = self._trouble
        if not order.readonly:
            self.operations.resender.adopt()
        self.operations.started = self._started
        for loop in (self._follow_orders, self._follow_owner):
            threading.Thread(target=loop, name=f"colab_magics{loop.__name__}", daemon=True).start()
        try:
            mfusepy.FUSE(
                self.operations,
                order.folder,
                raw_fi=True,
                foreground=True,
                auto_unmount=True,  # should this process die, fusermount takes the mount away
                default_permissions=True,
                ro=order.readonly,
                fsname=order.url or "drive",
                subtype=f"{SUBTYPE}.{order.mark}",
                entry_timeout=1,
                negative_timeout=0,
                attr_timeout=0,  # or what others change would be cut at its old length
                **_of_version(mfusepy),
            )
        except RuntimeError as exc:
            self.say(error=f"fuse gave up with code {exc}")
        self.end(FARSIGHT_SECONDS)

    def end(self, seconds: float) -> None:
        """Take the mount away, finish what is being sent, and end this process."""
        if not self._ending.acquire(blocking=False):
            threading.Event().wait()  # the other thread ends the process
        unmount(self.order.folder, f"{SUBTYPE}.{self.order.mark}")
        if self.operations is not None:
            files, deadline = self.operations.files, time.monotonic() + seconds
            last = threading.Thread(target=self._finish, args=(self.operations,), daemon=True)
            last.start()  # aside: Drive may not answer for longer than there is time
            while (last.is_alive() or files.busy()) and time.monotonic() < deadline:
                time.sleep(0.02)
            files.abandon()
        self.say(ended=True)
        os._exit(0)

    def _finish(self, operations: Operations) -> None:
        operations.resender.stop()
        operations.hidden.finish()
        operations.resender.send()

    def say(self, **facts: Any) -> None:
        """One line to the owner; nobody may be there to read it."""
        with self._speaking, suppress(OSError, ValueError):
            sys.stdout.write(json.dumps(facts) + "\n")
            sys.stdout.flush()

    def _started(self) -> None:
        assert self.operations is not None
        self.say(ready=True)
        if not self.order.readonly:
            again = self.operations.resender.run
            threading.Thread(target=again, name="colab_magics-mount-again", daemon=True).start()

    def _trouble(self) -> None:
        assert self.operations is not None
        files = self.operations.files
        self.say(unsent=files.unsent(), torn=files.torn)

    def _follow_orders(self) -> None:
        for line in sys.stdin.buffer:
            word, _, rest = line.decode().partition(" ")
            if word == "end":
                self.end(float(rest))
        self.end(FARSIGHT_SECONDS)

    def _follow_owner(self) -> None:
        # The pipe alone would not do: a forked child of the owner may hold its other end.
        try:
            owner = os.pidfd_open(self.order.owner)
        except ProcessLookupError:
            self.end(FARSIGHT_SECONDS)
        except (AttributeError, OSError):
            return
        watch = select.poll()
        watch.register(owner, select.POLLIN)
        watch.poll()
        self.end(FARSIGHT_SECONDS)


def unmount(folder: str, kind: str) -> bool:
    """Take a mount of ours off a folder, also a dead one or one in use; whether it is gone."""
    for _ in range(3):
        found = mount_at(folder)
        if found is None or not found.kind.removeprefix("fuse.").startswith(kind):
            return True
        for command in ("fusermount3", "fusermount"):
            if which(command):
                with suppress(subprocess.TimeoutExpired):
                    subprocess.run(
                        [command, "-u", "-z", folder], capture_output=True, timeout=10, check=False
                    )
                break
    return mount_at(folder) is None


def _signed_in(order: Order) -> Any:
    from colab_magics.storage.credentials import find_credentials

    # Not on the main thread: there Colab would try to ask a page that this process has not.
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(find_credentials, order.settings, order.url).result()


def _of_version(fuse: Any) -> dict[str, Any]:
    """What the versions of libfuse must be told apart, so that they do the same."""
    version = fuse.fuse_version_major, fuse.fuse_version_minor
    if version < (3, 0):
        return {"atomic_o_trunc": True, "big_writes": True}
    # Enough threads that uploads do not keep a listing waiting; before, there was no limit.
    return {"max_threads": 64, "max_idle_threads": 16} if version >= (3, 12) else {}


def _library() -> str:
    from ctypes.util import find_library

    return "fuse3" if find_library("fuse3") else "fuse"


def main() -> None:
    """Serve the order that comes on standard input."""
    order = Order.read(sys.stdin.buffer.readline())
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    server = Server(order)
    try:
        server.run()
    except Exception as exc:
        server.say(error=str(exc) or type(exc).__name__)
        raise
