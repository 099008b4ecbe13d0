"""What does this kernel have: a drive, watches, threads? `close` stops them all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import DriveUnreachable, NoCredentials, NoDrive, Unloaded
from colab_magics.running.executor import Executor
from colab_magics.settings import Settings

from .registry import Watches

if TYPE_CHECKING:
    from colab_magics.storage.mount import Drive
    from colab_magics.storage.place import Place


class Notebook:
    """The state of the extension in one kernel."""

    def __init__(self, shell: Any, clock: Clock = CLOCK) -> None:
        self.shell, self.clock = shell, clock
        self.settings = Settings.load()
        self.executor = Executor(shell, clock)
        self.drive: Drive | None = None
        self.closed = False
        self.watches = Watches(self.executor, self.settings, clock)
        self._drives: list[Drive] = []
        self._fresh = False
        self._pid = os.getpid()
        if hasattr(os, "register_at_fork"):
            me = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _forked(me()))

    def mount(
        self, place: str | None, *, force_remount: bool, readonly: bool, at: str | None = None
    ) -> Drive:
        """Attach a Drive; the same one again is kept as it is, unless told otherwise.

        Args:
            at: a folder of this machine that shows its files, over FUSE.
        """
        from colab_magics.storage.mount import attach, mount_at

        self.check()
        drive = attach(
            place,
            settings=self.settings,
            open_emulator=self._open_emulator,
            force_remount=force_remount,
            readonly=readonly,
            beside_colab=at is None,
        )
        if at is not None:
            try:
                mount_at(drive, at, settings=self.settings, others=self._drives, anew=force_remount)
            except BaseException:
                drive.close()
                raise
        self._drives.append(drive)
        self.drive = drive
        if self._fresh and not readonly:
            self._fresh = False
            self._furnish(drive)
        return drive

    def unmount(self) -> str:
        """Unmount the attached Drive's folder, else the one mounted last; which it was."""
        attached = self.need_drive()
        drives = [*self._drives, attached]
        mounted = [d for d in drives if d.fuse is not None or d.health is not None]
        return (mounted or [attached])[-1].unmount()

    def _furnish(self, drive: Drive) -> None:
        """Put one small file into a Drive that was just made, so that there is one to change."""
        from colab_magics.storage.transfers.transfer import send

        seed = Path(tempfile.mkdtemp(prefix="colab_magics-")) / "input1.txt"
        seed.write_text("Once upon a time\n", encoding="utf-8")
        send(seed, self.resolve("story/input1.txt"))
        shutil.rmtree(seed.parent)

    def _open_emulator(self) -> tuple[str, Any]:
        from colab_magics.emulator import Emulator, find

        root = self.settings.emulator_folder()
        url = find(root)
        if url is not None:
            return url, lambda: None  # ours, or another program's: the same Drive for both
        self._fresh = not root.exists() or not any(root.iterdir())
        try:
            emulator = Emulator(root, port=self._old_port()).start()
        except OSError as exc:
            raise DriveUnreachable(f"the embedded Drive can not start: {exc}") from exc
        return emulator.url, emulator.stop

    def _old_port(self) -> int:
        """The port of an emulator that has ended, so that what was attached to it goes on."""
        pages = [d.page for d in self._drives if d.kind == "emulator" and d.page]
        return int(pages[-1].rstrip("/").rpartition(":")[2]) if pages else 0

    def resolve(self, typed: str) -> Place:
        """The place that a text names, relative ones in the attached drive."""
        from colab_magics.storage.place import resolve

        self.check()
        return resolve(typed, self.drive, settings=self.settings)

    def signs_in_at(self) -> str:
        """Where `%drive_auth` signs in unless told: empty for Google, else a Drive's host:port."""
        from colab_magics.storage.credentials import place_of
        from colab_magics.storage.signin.token_file import token_path

        self.check()
        api = self.drive.api if self.drive else None
        at = place_of(self.settings.drive_url or (api.url if api else "")) or ""
        asked = self.settings.drive_url or token_path(self.settings, at).exists()
        return at if asked else ""

    def signed_anew(self, *, gone: bool) -> list[tuple[str, object]]:
        """Let what is attached go on with the present sign-in, or let go of it; what that means."""
        from colab_magics.storage.credentials import find_credentials
        from colab_magics.storage.signin.live import LiveCredentials

        apis = [drive.api for drive in self._drives if drive.api is not None]
        signed = [api for api in apis if isinstance(api.credentials, LiveCredentials)]
        mine = self.drive.api if self.drive is not None else None
        if gone:
            self.drive = None if mine in signed else self.drive
            return [("detached", "the Drive that used it")] if mine in signed else []
        lines: list[tuple[str, object]] = []
        for api in signed:
            now = None
            with contextlib.suppress(NoCredentials):  # signed out of that one: it will say so
                now = find_credentials(self.settings, api.url)
            if now is not None:
                api.credentials.replace(now)
                if api is mine:
                    lines = [("attached", "goes on; another account's Drive needs %drive_mount")]
        return lines

    def check(self) -> None:
        """Raise when the extension was unloaded."""
        if self.closed:
            raise Unloaded("colab_magics was unloaded; run %load_ext colab_magics")

    def need_drive(self) -> Drive:
        """The attached drive."""
        self.check()
        if self.drive is None:
            raise NoDrive(
                "no Drive is attached; run %drive_mount, or %drive_mount emulator to try it here"
            )
        return self.drive

    def close(self) -> None:
        """Stop every thread, close every socket; safe to call twice, and in a forked child."""
        if self.closed or os.getpid() != self._pid:
            return
        self.closed = True
        self.executor.close()
        self.watches.close()
        for drive in self._drives:
            with contextlib.suppress(Exception):
                drive.close()


def _forked(notebook: Notebook | None) -> None:
    """In a forked child our threads are gone and our locks may be held for ever: let go of all."""
    if notebook is None or notebook.closed:
        return
    notebook.closed = True
    notebook.watches.forget()
    notebook.executor.forget()
