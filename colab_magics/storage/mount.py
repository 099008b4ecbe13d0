"""Which Drive does this notebook use? Attaches the emulator, an endpoint, a folder, or Google's."""

# mypy: disallow-untyped-calls=False
# Neither fsspec nor google.colab is annotated.

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn
from urllib.parse import urlsplit

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from colab_magics.errors import (
    BadPlace,
    ColabMagicsError,
    DriveError,
    DriveForbidden,
    NoCredentials,
    NoDrive,
    PlaceIsFile,
    PlaceNotFound,
)
from colab_magics.session.host import host
from colab_magics.settings import Settings

from . import colab_mount
from .api import READONLY, DriveAPI
from .credentials import find_credentials
from .filesystem import DriveFileSystem
from .health import Health, check_path
from .signin.live import NOBODY

if TYPE_CHECKING:
    from .fuse.mounting import FuseMount

OpenEmulator = Callable[[], tuple[str, Callable[[], None]]]


@dataclass
class Drive:
    """A Drive attached to this notebook.

    Attributes:
        fs: its files.
        root: the path in `fs` that relative places start from.
        label: what a person calls it.
        page: an address that shows it in a browser.
        api: Drive's own interface, where there is one.
        mountpoint: the folder of this machine under which the same files lie.
        fuse: what serves that folder, where it is a mount of ours.
        health: how Colab's mount was when it was last looked at.
        closer: called by `close`.
    """

    kind: Literal["emulator", "drive", "folder", "colab"]
    fs: AbstractFileSystem
    root: str
    label: str
    page: str | None = None
    api: DriveAPI | None = None
    closer: Callable[[], None] | None = None
    readonly: bool = False
    mountpoint: str | None = None
    fuse: FuseMount | None = None
    health: Health | None = None

    @property
    def trouble(self) -> str:
        """What is wrong with the mounted folder, in one line; "" for nothing."""
        if self.fuse is not None and self.fuse.trouble:
            return self.fuse.trouble
        return self.health.text if self.health is not None and self.health.kind != "ok" else ""

    def unmount(self) -> str:
        """Take the mounted folder away, what was written there is finished first; which it was.

        Raises:
            NoDrive: nothing is mounted.
            DriveError: it could not be finished.
        """
        fuse, folder = self.fuse, self.mountpoint
        if folder is None or (fuse is None and self.health is None):
            raise NoDrive("no folder of this machine is mounted; %drive_mount --at DIR mounts one")
        if fuse is None:
            colab_mount.unmount_colab()
        else:
            fuse.close()
        self.fuse = self.health = None
        if self.api is not None:
            self.mountpoint = None
        return folder

    def close(self) -> None:
        """Close connections and stop what was started for it; a second call does nothing."""
        closer, self.closer = self.closer, None
        fuse, self.fuse = self.fuse, None
        if fuse is not None:
            fuse.close()
        if isinstance(self.fs, DriveFileSystem):
            self.fs.detach()
        if self.api is not None:
            self.api.close()
        if closer is not None:
            closer()


class ReadOnlyFolder(LocalFileSystem):
    """Files of this machine that may be read only."""

    cachable = False

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise DriveForbidden(READONLY)

    mkdir = makedirs = rmdir = rm = rm_file = _rm = cp_file = mv = put_file = _refuse
    touch = pipe_file = link = symlink = chmod = mv_file = _refuse

    def _open(self, path: str, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
        if mode != "rb":
            self._refuse()
        return super()._open(path, mode, *args, **kwargs)


def attach(
    place: str | None,
    *,
    settings: Settings,
    open_emulator: OpenEmulator,
    force_remount: bool = False,
    readonly: bool = False,
    beside_colab: bool = True,
) -> Drive:
    """Attach a Drive.

    Args:
        place: ``emulator``, the http(s) address of another Drive endpoint, a folder of this
            machine, or None: the endpoint in the settings, else the Drive of whoever is signed
            in here; on Colab together with Colab's own mount.
        beside_colab: on Colab, use its own mount too.
        open_emulator: starts the embedded Drive; gives its address and what stops it.

    Raises:
        BadPlace: `place` is none of these.
        NoCredentials: nobody is signed in.
    """
    text = (place or "").strip()
    if text == "emulator":
        return _emulator(open_emulator, settings, readonly)
    if text.startswith(("http://", "https://")):
        return _endpoint(text, settings, readonly)
    if text:
        return _folder(text, readonly)
    if host() == "colab" and beside_colab:
        return _colab(settings, force_remount, readonly)
    return _signed_in(settings, readonly)


def _signed_in(settings: Settings, readonly: bool) -> Drive:
    if settings.drive_url:
        return _endpoint(settings.drive_url, settings, readonly)
    credentials = find_credentials(settings)
    if credentials is None:
        raise NoCredentials(NOBODY)
    drive = _over(DriveAPI(credentials=credentials, settings=settings), "drive", readonly)
    drive.label, drive.page = "My Drive", "https://drive.google.com/drive/my-drive"
    return drive


def _emulator(open_emulator: OpenEmulator, settings: Settings, readonly: bool) -> Drive:
    url, stop = open_emulator()
    try:
        drive = _over(_api(url, settings), "emulator", readonly)
    except BaseException:
        stop()
        raise
    drive.label, drive.page, drive.closer = "embedded Drive", url, stop
    return drive


def _endpoint(url: str, settings: Settings, readonly: bool) -> Drive:
    parts = urlsplit(url)
    if (parts.hostname or "") in ("drive.google.com", "docs.google.com"):
        raise BadPlace(
            f"{url!r} is a page of Google Drive; run %drive_mount, then use the address as a place"
        )
    drive = _over(_api(url, settings), "drive", readonly)
    drive.label, drive.page = f"Drive at {parts.netloc}", url
    return drive


def _api(url: str, settings: Settings) -> DriveAPI:
    return DriveAPI(url=url, credentials=find_credentials(settings, url), settings=settings)


def _over(api: DriveAPI, kind: Literal["emulator", "drive"], readonly: bool) -> Drive:
    api.readonly = readonly
    try:
        api.root_id()  # a Drive that can not be reached is no Drive to attach
    except BaseException:
        api.close()
        raise
    fs = DriveFileSystem(api=api, skip_instance_cache=True)
    fs.attach()
    return Drive(kind, fs, "", "", api=api, readonly=readonly)


def _folder(text: str, readonly: bool) -> Drive:
    if "://" in text or text.startswith("id:"):
        raise BadPlace(
            f"{text!r} can not be attached; give emulator, a folder of this machine, "
            "or nothing for Google Drive"
        )
    path = Path(text).expanduser().absolute()
    check_path(path)
    if path.is_file():
        raise PlaceIsFile(f"'{text}' is a file; give a folder to attach")
    if not path.is_dir():
        raise PlaceNotFound(
            f"no folder '{text}' on this machine; make it first, or run %drive_mount emulator"
        )
    return _local(str(path), str(path), readonly)


def _local(path: str, label: str, readonly: bool) -> Drive:
    fs = ReadOnlyFolder() if readonly else LocalFileSystem(skip_instance_cache=True)
    return Drive("folder", fs, path, label, readonly=readonly, mountpoint=path)


def _colab(settings: Settings, force_remount: bool, readonly: bool) -> Drive:
    failed = ""
    try:
        colab_mount.mount_colab(force_remount=force_remount, readonly=readonly)
    except DriveError as exc:
        failed, failure = str(exc), exc
    try:
        attached = _signed_in(settings, readonly)
    except ColabMagicsError as exc:  # the mount alone works too: without ids, and late
        if failed:
            raise failure from exc
        label = f"My Drive, through Colab's mount only ({exc})"
        attached = _local(colab_mount.COLAB_ROOT, label, readonly)
    attached.kind, attached.mountpoint = "colab", colab_mount.COLAB_ROOT
    attached.health = (
        Health("failing", failed) if failed else colab_mount.colab_health(attached.api)
    )
    return attached


def mount_at(
    drive: Drive, folder: str, *, settings: Settings, others: Iterable[Drive], anew: bool
) -> None:
    """Mount an attached Drive at a folder of this machine, over FUSE.

    Args:
        others: Drives of this notebook; what one of them has mounted there is taken over.
        anew: unmount it first instead.

    Raises:
        BadPlace, PlaceIsFile: nothing can be mounted there, or there is nothing to mount.
        MissingExtra, DriveError: this machine has no FUSE, or it refused.
    """
    from .fuse.mounting import mount, real_folder

    if drive.api is None:
        raise BadPlace(f"'{drive.label}' is a folder of this machine already; leave out --at")
    path = real_folder(folder)
    for other in others:
        if other.fuse is None or other.fuse.folder != path:
            continue
        fuse, other.fuse = other.fuse, None
        other.mountpoint = None
        same = fuse.serves(drive.api.url, drive.readonly)
        if fuse.alive and same and not anew:
            drive.fuse, drive.mountpoint = fuse, path
            return
        fuse.close()
    drive.fuse = mount(path, url=drive.api.url, settings=settings, readonly=drive.readonly)
    drive.mountpoint = path
