"""Where is a sign-in kept, and how is it kept from others?"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
import sys
from pathlib import Path
from typing import Any

from colab_magics.errors import NoCredentials
from colab_magics.settings import Settings

_SYSTEM_MOUNTS = Path("/proc/self/mounts")
# Folders that are somebody's cloud storage, where a file soon lies on other machines too.
_CLOUD = re.compile(r"fuse\.?\S*(?:drive|rclone|gcsfuse|s3fs|goofys|colab_magics)", re.IGNORECASE)
_CLOUD_PATHS = ("/content/drive/", "/Library/CloudStorage/", "/Volumes/GoogleDrive")
_ELSEWHERE = "set COLAB_MAGICS_CREDENTIALS_DIR to a folder of this machine's own disk"


def credentials_dir(settings: Settings) -> Path:
    """The folder where this user's sign-ins are kept."""
    if settings.credentials_dir:
        return Path(settings.credentials_dir).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("colab_magics"))


def token_path(settings: Settings, origin: str = "") -> Path:
    """The file of the sign-in at one Drive.

    Args:
        origin: host and port of a Drive on this machine; empty: Google's.
    """
    name = "token.json" if not origin else f"token-{re.sub(r'[^A-Za-z0-9.]', '-', origin)}.json"
    return credentials_dir(settings) / name


def kept(settings: Settings) -> list[Path]:
    """Every sign-in that is kept."""
    return sorted(credentials_dir(settings).glob("token*.json"))


def read_private(path: Path) -> str:
    """The text of a file that only this user can have written or read.

    Raises:
        NoCredentials: others could have.
        OSError: it can not be read.
    """
    _check_own(path.parent, 0o700)
    _check_own(path, 0o600)
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(handle, encoding="utf-8") as file:
        return file.read()


def write_private(path: Path, info: dict[str, Any]) -> None:
    """Keep a sign-in, whole or not at all; nobody else can read it, not even for an instant.

    Raises:
        NoCredentials: the folder is not safe for it, or can not be written.
    """
    folder = path.parent
    check_place(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_own(folder, 0o700)
        _replace(path, json.dumps(info, indent=1).encode())
        _check_own(path, 0o600)
    except OSError as exc:
        if isinstance(exc, NoCredentials):
            raise
        raise NoCredentials(
            f"the sign-in can not be kept in {folder} ({exc.strerror}); {_ELSEWHERE}"
        ) from None


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(handle, 0o600)  # a umask may have taken the owner's own rights
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def remove(path: Path) -> None:
    """Delete a sign-in and what a killed process may have left of it."""
    for draft in path.parent.glob(f".{path.name}.*"):
        draft.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def check_place(folder: Path) -> None:
    """Refuse a folder from which a sign-in would travel.

    Raises:
        NoCredentials: it lies in cloud storage or in a git work tree.
    """
    real = folder.expanduser().resolve()
    if any(part in f"{real}/" for part in _CLOUD_PATHS) or _CLOUD.search(_mount_kind(real)):
        raise NoCredentials(
            f"{folder} lies in cloud storage, where others may read a sign-in; {_ELSEWHERE}"
        )
    tree = next((one for one in (real, *real.parents) if (one / ".git").exists()), None)
    if tree is not None and not _ignored(real, tree):
        raise NoCredentials(
            f"{folder} lies in the git work tree {tree}, which would publish a sign-in; put a "
            f".gitignore with the line * into it, or {_ELSEWHERE}"
        )


def unprotected() -> str:
    """What this system can not promise about the file; empty where modes are kept."""
    return "by the rights of your profile folder: Windows has no file modes" if _windows() else ""


def _ignored(folder: Path, tree: Path) -> bool:
    """Whether git is told to leave the folder alone, in the folder or in one above it."""
    for one in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            if "*" in (one / ".gitignore").read_text("utf-8", "replace").split():
                return True
        if one == tree:
            return False
    return False


def _mount_kind(path: Path) -> str:
    """Kind and source of the file system that a path is on, where the system tells it."""
    best, kind = 0, ""
    with contextlib.suppress(OSError):
        for line in _SYSTEM_MOUNTS.read_text("utf-8", "replace").splitlines():
            source, point, sort = line.split(" ")[:3]
            point = point.replace("\\040", " ")
            inside = path.as_posix() == point or path.as_posix().startswith(point.rstrip("/") + "/")
            if inside and len(point) >= best:
                best, kind = len(point), f"{sort}:{source}"
    return kind


def _check_own(path: Path, mode: int) -> None:
    """Refuse what others could have read or put there."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or (not _windows() and found.st_uid != os.geteuid()):
        raise NoCredentials(f"{path} is not this user's own; remove it and run %drive_auth")
    if found.st_mode & 0o077 and not _windows():
        raise NoCredentials(f"others can read {path}; run: chmod {mode:o} '{path}'")


def _windows() -> bool:
    return sys.platform == "win32"
