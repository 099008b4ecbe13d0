"""What is in a local folder right now, and which of it is still being written?"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator

from .target import unfinished


def signature(path: str) -> tuple[str, int, int] | None:
    """(signature, bytes, mtime in ns) of a regular file; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    text = f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"
    return text, found.st_size, found.st_mtime_ns


def leaves(path: str, root: str) -> bool:
    """Whether this is a link that points out of the folder `root`."""
    if not os.path.islink(path):
        return False
    return not os.path.realpath(path).startswith(root.rstrip("/") + "/")


def files_below(folder: str, *, recursive: bool, hidden: bool = False) -> Iterator[str]:
    """Paths of the files in a folder; links to folders are not entered.

    Args:
        hidden: enter folders whose names begin with a dot, too.
    """
    folders = [folder]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue  # gone meanwhile, or not ours to read
        for entry in entries:
            try:
                inside = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue
            if not inside:
                yield entry.path
            elif recursive and (hidden or not unfinished(entry.name)):
                folders.append(entry.path)


def open_for_writing(paths: set[str]) -> set[str]:
    """Those of the paths that some process, as far as we may see, has open for writing.

    Costs a walk through all processes, so it is asked only of files that appeared without an
    event that says "closed". Only Linux tells; elsewhere the answer is empty.
    """
    found: set[str] = set()
    if not paths:
        return found
    for descriptor in glob.iglob("/proc/[0-9]*/fd/*"):
        try:
            path = os.readlink(descriptor)
            if path not in paths or path in found:
                continue
            with open(descriptor.replace("/fd/", "/fdinfo/")) as lines:
                flags = next(line.split()[1] for line in lines if line.startswith("flags:"))
        except (OSError, StopIteration):
            continue  # closed meanwhile, or not ours to see
        if int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
            found.add(path)
    return found


def is_remote_mount(path: str, mounts: str = "/proc/self/mounts") -> bool:
    """Whether a path is below a FUSE or network mount, where the OS sees no remote changes."""
    try:
        with open(mounts, encoding="utf-8", errors="replace") as lines:
            table = [line.split()[1:3] for line in lines if line.count(" ") >= 2]
    except OSError:
        return False
    real = os.path.realpath(path)
    best, kind = "", ""
    for where, what in table:
        where = where.encode().decode("unicode_escape")  # blanks are written as \040
        if (real == where or real.startswith(where.rstrip("/") + "/")) and len(where) >= len(best):
            best, kind = where, what
    return kind.startswith(("fuse.", "nfs", "cifs", "smb")) and kind != "fuse.lxcfs"
