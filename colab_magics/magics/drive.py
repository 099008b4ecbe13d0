"""The magics that attach a Drive, list it, and move files."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from colab_magics.clock import spell
from colab_magics.display import Card, Table, size
from colab_magics.errors import PlaceIsFolder, PlaceNotFound

from .arguments import argument, magic_arguments, parsed
from .notebook import Notebook

if TYPE_CHECKING:
    from colab_magics.storage.place import Place
    from colab_magics.storage.transfer import Receipt


@magics_class
class DriveMagics(Magics):
    """Drive as a place of files."""

    def __init__(self, shell: Any, notebook: Notebook) -> None:
        super().__init__(shell=shell)
        self.notebook = notebook

    @line_magic
    @magic_arguments()
    @argument("place", nargs="?", help="'emulator', a local folder, or the address of a Drive.")
    @argument("--readonly", action="store_true", help="Refuse everything that writes.")
    @argument("--force-remount", action="store_true", help="Attach anew what is attached.")
    @parsed
    def drive_mount(self, args: Namespace) -> Card:
        """Attach a Drive to this notebook; places without a scheme are in it from then on.

        Without PLACE: Colab's own mount and your account on Colab, saved credentials elsewhere.
        """
        drive = self.notebook.mount(
            args.place, force_remount=args.force_remount, readonly=args.readonly
        )
        return drive_card(drive)

    @line_magic
    @magic_arguments()
    @argument("place", nargs="?", default="", help="A folder, file or pattern (default: the top).")
    @parsed
    def drive_ls(self, args: Namespace) -> Table:
        """List a folder of the Drive."""
        if not args.place:
            self.notebook.need_drive()
        return listing_table(self.notebook.resolve(args.place))

    @line_magic
    @magic_arguments()
    @argument("place", help="The file to fetch.")
    @argument("dest", nargs="?", default=".", help="A local file or folder (default: here).")
    @parsed
    def drive_get(self, args: Namespace) -> Card:
        """Fetch a file from the Drive, verified."""
        from colab_magics.storage.listing import local_target
        from colab_magics.storage.place import expect_file
        from colab_magics.storage.transfer import fetch

        place = self.notebook.resolve(args.place)
        expect_file(place)
        target = local_target(args.dest, place)
        receipt = fetch(place, target, callback=self.notebook.progress(f"fetching {place}"))
        return receipt_card(f"{place} → {target}", "fetched", receipt)

    @line_magic
    @magic_arguments()
    @argument("file", help="The local file to send.")
    @argument("place", nargs="?", help="A file or folder of the Drive (default: its top folder).")
    @parsed
    def drive_put(self, args: Namespace) -> Card:
        """Send a file to the Drive; folders on the way are made, and the hash there is compared."""
        from colab_magics.storage.listing import sent_to
        from colab_magics.storage.transfer import send

        source = Path(args.file).expanduser()
        if source.is_dir():
            raise PlaceIsFolder(f"{args.file!r} is a folder; name a file in it")
        if not source.exists():
            raise PlaceNotFound(f"no file at {args.file!r} on this machine")
        if args.place is None:
            self.notebook.need_drive()
        typed = args.place or source.name
        place = sent_to(self.notebook.resolve(typed), typed, source.name)
        receipt = send(source, place, callback=self.notebook.progress(f"sending {source.name}"))
        return receipt_card(f"{source} → {place}", "sent", receipt)


def drive_card(drive: Any) -> Card:
    """What was attached, and how a person and a program reach it."""
    lines: list[tuple[str, object]] = [("kind", drive.label)]
    if drive.page:
        lines.append(("page", f"{drive.page} shows it in a browser"))
    if drive.kind == "emulator":
        lines.append(("command", f"colab-magics put FILE PLACE --drive {drive.page}"))
    if drive.readonly:
        lines.append(("access", "read only"))
    return Card("Drive", "ok", "attached", lines)


def receipt_card(title: str, word: str, receipt: Receipt) -> Card:
    """That a file arrived, and how that is known."""
    speed = f" · {size(int(receipt.size / receipt.seconds))}/s" if receipt.seconds > 0.05 else ""
    checked = f"md5 {receipt.md5} on both sides" if receipt.md5 else "size compared"
    line = f"{size(receipt.size)} in {spell(receipt.seconds)}{speed}"
    return Card(title, "ok", word, [("size", line), ("verified", checked)])


def listing_table(place: Place) -> Table:
    """A folder's entries, folders first, or the one file."""
    from colab_magics.storage.listing import listing

    rows = [
        [
            item.name + "/" * item.folder,
            "" if item.folder else size(item.size),
            item.modified.astimezone().strftime("%Y-%m-%d %H:%M:%S") if item.modified else "-",
        ]
        for item in listing(place)
    ]
    count = f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}" if rows else "empty"
    return Table(["name", "size", "modified"], rows, str(place), count, frozenset({1}))
