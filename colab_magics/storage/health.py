"""Is a mounted folder alive, and does it show what Drive has? Asked without ever hanging on it.

A call into a dead FUSE mount may never return, and not even SIGKILL ends the process that made it;
so only a helper process touches the mount, with a deadline, and the table of mounts tells the rest.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from colab_magics.errors import DriveUnreachable

Kind = Literal["ok", "dead", "failing", "hanging", "gone", "stale", "full", "readonly"]
DEADLINE_SECONDS = 5.0
_TRUST_SECONDS = 5.0  # how long a good answer is believed
_TABLE = "/proc/self/mountinfo"  # reading it touches no mount
_PROBE = """
import json, os, sys
folder, *names = json.load(sys.stdin)
said = {}
try:
    os.stat(folder)
    with os.scandir(folder) as entries:
        next(entries, None)
    for name in names:
        try:
            said[name] = os.lstat(os.path.join(folder, name)).st_size
        except FileNotFoundError:
            said[name] = None
    print(json.dumps(said))
except OSError as exc:
    print(exc.errno)
"""
_abandoned: list[subprocess.Popen[str]] = []  # probes that hang; reaped when the kernel lets go


@dataclass(frozen=True)
class Mount:
    """One line of the table of mounts."""

    folder: str
    kind: str
    options: frozenset[str]

    @property
    def fuse(self) -> bool:
        """Whether a program of this machine serves it, which may die."""
        return self.kind == "fuse" or self.kind.startswith("fuse.")


@dataclass(frozen=True)
class Health:
    """How a mounted folder is; `text` is one line for a person."""

    kind: Kind
    text: str

    @property
    def usable(self) -> bool:
        """Whether files can be read there."""
        return self.kind in ("ok", "stale", "full", "readonly")


def mounts(table: str = _TABLE) -> list[Mount]:
    """All mounts of this machine, in the order in which they were made; empty off Linux."""
    try:
        lines = Path(table).read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        head, _, tail = line.partition(" - ")
        fields, rest = head.split(), tail.split()
        if len(fields) > 5 and len(rest) > 2:
            options = frozenset([*fields[5].split(","), *rest[2].split(",")])
            found.append(Mount(_unescaped(fields[4]), rest[0], options))
    return found


def mount_at(folder: str, table: str = _TABLE) -> Mount | None:
    """What is mounted on exactly that folder; the topmost, if several are."""
    return next((one for one in reversed(mounts(table)) if one.folder == folder), None)


def fuse_mount_of(path: str, table: str = _TABLE) -> Mount | None:
    """The FUSE mount that a path lies on, found without a look at anything below it.

    Links are followed up to where the mount begins.
    """
    known = mounts(table)
    if not any(one.fuse for one in known):
        return None
    top = {one.folder: one for one in known}
    left, at = _parts(path), "/"
    for _ in range(1000):  # links may go in circles
        found = top.get(at)
        if found is not None and found.fuse:
            return found
        if not left:
            break
        part = left.pop(0)
        at = os.path.dirname(at) if part == ".." else os.path.join(at, part)
        if top.get(at) is None and os.path.islink(at):
            target = os.readlink(at)
            left = _parts(target) + left
            at = "/" if target.startswith("/") else os.path.dirname(at)
    return None


def probe(
    folder: str,
    *,
    expected: Mapping[str, int] | None = None,
    mountpoint: str | None = None,
    deadline: float = DEADLINE_SECONDS,
) -> Health:
    """Look at a mounted folder.

    Args:
        expected: names in it that Drive has had for a while, with their sizes in bytes.
        mountpoint: where the mount is made, if above `folder`; None: not to be checked.
        deadline: seconds after which it counts as hanging.
    """
    if mountpoint is not None and sys.platform == "linux" and mount_at(mountpoint) is None:
        return Health("gone", f"nothing is mounted at {mountpoint} any more")
    said = _ask([folder, *(expected or {})], deadline)
    if said is None:
        return Health("hanging", f"the mount at {folder} did not answer within {deadline:g} s")
    if isinstance(said, int):
        return _sick(folder, said)
    for name, size in (expected or {}).items():
        if said.get(name) is None:
            return Health("stale", f"the mount does not show {name!r}, which Drive has")
        if said[name] != size:
            return Health("stale", f"the mount shows {name!r} as it was, not as Drive has it")
    found = fuse_mount_of(folder)
    if found is not None and "ro" in found.options:
        return Health("readonly", f"the mount at {folder} can be read only")
    return Health("ok", "ok")


def _sick(folder: str, number: int) -> Health:
    if number == errno.ENOTCONN:
        return Health("dead", f"the mount at {folder} has died (errno 107)")
    if number in (errno.ENOENT, errno.ENOTDIR):
        return Health("gone", f"there is no folder {folder} any more")
    words = os.strerror(number).lower()
    return Health("failing", f"the mount at {folder} fails ({words}, errno {number})")


class Watchman:
    """Keeps callers off sick mounts: `check` a path before it is touched. Safe for threads."""

    def __init__(self, deadline: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline
        self._lock = threading.Lock()
        self._good: dict[str, float] = {}

    def check(self, path: str) -> None:
        """Refuse a path on a mount that does not answer; a path elsewhere costs one small read.

        Raises:
            DriveUnreachable: the mount is dead, fails or hangs.
        """
        mount = fuse_mount_of(os.path.abspath(path))
        if mount is None:
            return
        with self._lock:
            if time.monotonic() - self._good.get(mount.folder, -_TRUST_SECONDS) < _TRUST_SECONDS:
                return
        health = probe(mount.folder, deadline=self._deadline)
        if not health.usable:
            raise DriveUnreachable(
                f"{health.text}; run %drive_mount --force-remount", reason=health.kind
            )
        with self._lock:
            self._good[mount.folder] = time.monotonic()


WATCHMAN = Watchman()


def check_path(path: str | os.PathLike[str]) -> None:
    """Refuse a local path on a mount that does not answer, before anybody hangs on it.

    Raises:
        DriveUnreachable: the mount is dead, fails or hangs.
    """
    WATCHMAN.check(os.fspath(path))


def _ask(question: Sequence[str], deadline: float) -> dict[str, Any] | int | None:
    """What the helper says: sizes by name, an errno, or None when it hangs."""
    _abandoned[:] = [one for one in _abandoned if one.poll() is None]
    helper = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROBE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd="/",  # the present folder may be on the mount
        start_new_session=True,
    )
    try:
        out, _ = helper.communicate(json.dumps(list(question)), timeout=deadline)
    except subprocess.TimeoutExpired:
        helper.kill()
        for stream in (helper.stdin, helper.stdout):
            if stream is not None:
                stream.close()
        _abandoned.append(helper)
        return None
    try:
        said: dict[str, Any] | int = json.loads(out)
    except ValueError:
        return errno.EIO
    return said


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _unescaped(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
