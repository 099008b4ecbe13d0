"""The magic that attaches a Drive."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from colab_magics.display import Card, size
from colab_magics.errors import ColabMagicsError

from .arguments import argument, magic_arguments, parsed
from .notebook import Notebook

if TYPE_CHECKING:
    from colab_magics.storage.mount import Drive


@magics_class
class DriveMagics(Magics):
    """Which Drive this notebook uses."""

    def __init__(self, shell: Any, notebook: Notebook) -> None:
        super().__init__(shell=shell)
        self.notebook = notebook

    @line_magic
    @magic_arguments()
    @argument("place", nargs="?", help="'emulator', a local folder, or the address of a Drive.")
    @argument("--at", metavar="DIR", help="Show its files in this local folder, too (needs FUSE).")
    @argument("--readonly", action="store_true", help="Refuse everything that writes.")
    @argument("--force-remount", action="store_true", help="Mount anew what is mounted.")
    @argument("--unmount", action="store_true", help="Finish what was written, and unmount.")
    @parsed
    def drive_mount(self, args: Namespace) -> Card:
        """Attach a Drive to this notebook; places without a scheme are in it from then on.

        Without PLACE: Colab's own mount and your account on Colab, saved credentials elsewhere.
        """
        if args.unmount:
            return Card("Drive", "paused", "unmounted", [("files", self.notebook.unmount())])
        drive = self.notebook.mount(
            args.place, force_remount=args.force_remount, readonly=args.readonly, at=args.at
        )
        return drive_card(drive)


def drive_card(drive: Drive) -> Card:
    """What was attached, how a person and a program reach it, and how it is."""
    lines: list[tuple[str, object]] = [("kind", drive.label), *_account(drive)]
    if drive.page:
        lines.append(("page", f"{drive.page} shows it in a browser"))
    if drive.kind == "emulator":
        lines.append(("command", f"colab-magics put FILE PLACE --drive {drive.page}"))
    if drive.mountpoint and drive.kind != "folder":
        lines.append(("files", drive.mountpoint))
    if drive.health is not None or drive.fuse is not None:
        lines.append(("health", drive.trouble or "ok"))
    if drive.trouble and drive.kind == "colab" and drive.api is not None:
        lines.append(("meanwhile", f"places below {drive.mountpoint} go to Drive itself"))
    lines.append(("access", "read only" if drive.readonly else "read and write"))
    return Card("Drive", "failed" if drive.trouble else "ok", "attached", lines)


def _account(drive: Drive) -> list[tuple[str, object]]:
    """Whose Drive it is and how full, where that is known."""
    if drive.api is None:
        return []
    try:
        about = drive.api.about()
    except ColabMagicsError:  # the Drive is attached all the same
        return []
    used = f"{size(about.usage)} used"
    if about.limit is not None:
        used += f", {size(max(0, about.limit - about.usage))} of {size(about.limit)} free"
    return [("account", about.user), ("storage", used)]
