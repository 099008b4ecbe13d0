"""The magics that list, fetch, send, remove and share the files of a Drive."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from .arguments import argument, magic_arguments, number, parsed
from .notebook import Notebook
from .transferring import moved

if TYPE_CHECKING:
    from colab_magics.storage.listed import Listing
    from colab_magics.storage.moving import Moved
    from colab_magics.storage.outline import Outline
    from colab_magics.storage.place import Place
    from colab_magics.storage.removal import Removal
    from colab_magics.storage.sharing import PlaceLink


@magics_class
class FileMagics(Magics):
    """Files of a Drive, and what one does with them."""

    def __init__(self, shell: Any, notebook: Notebook) -> None:
        super().__init__(shell=shell)
        self.notebook = notebook

    def _places(self, typed: Sequence[str]) -> list[Place]:
        return [self.notebook.resolve(one) for one in typed]

    @line_magic
    @magic_arguments()
    @argument("place", nargs="?", default="", help="A folder, file or pattern (default: the top).")
    @argument("--tree", action="store_true", help="Folders below it, too, and what they hold.")
    @argument("--depth", type=number, default=3, metavar="N", help="Of the tree (default: 3).")
    @argument("--sort", choices=["name", "size", "time"], default="name",
              metavar="BY", help="name, size (largest first) or time (newest first).")  # fmt: skip
    @argument("--reverse", action="store_true", help="The other way round.")
    @argument("--page", type=number, default=1, metavar="N", help="Show page N.")
    @argument("--rows", type=number, metavar="N", help="Rows of a page (default: 100).")
    @argument("--all", action="store_true", help="Show all on one page.")
    @argument("--ids", action="store_true", help="Show ids, which id:ID takes as a place.")
    @argument("--trashed", action="store_true", help="List the trash of the Drive instead.")
    @parsed
    def drive_ls(self, args: Namespace) -> Listing | Outline:
        """List a folder of the Drive; the value has all of it: len(), [0], .to_pandas()."""
        from colab_magics.storage.listed import listed, trash
        from colab_magics.storage.outline import Outline, outline

        if args.trashed and (args.tree or args.place not in ("", "gdrive://")):
            raise UsageError("--trashed lists all of the trash; leave out PLACE and --tree")
        place = self.notebook.resolve(args.place)
        if args.tree:
            return Outline(outline(place), args.depth)
        show = {"page": args.page, "rows": args.rows, "everything": args.all}
        if args.trashed:
            return trash(place, **show)
        return listed(place, sort=args.sort, reverse=args.reverse, ids=args.ids, **show)

    @line_magic
    @magic_arguments()
    @argument("place", help="A file, folder or pattern to fetch; several are allowed.")
    @argument("dest", nargs="*", default=[], help="The last one: where to (default: here).")
    @argument("--export", default="", metavar="FORMAT",
              help="Write Google documents as pdf, docx, csv, ...; or DEST's ending.")  # fmt: skip
    @parsed
    def drive_get(self, args: Namespace) -> Moved:
        """Fetch files and folders from the Drive, verified; what is here and equal is left alone.

        A DEST that ends in / is a folder to put them into. The same line again goes on where an
        interrupted one stopped.
        """
        from colab_magics.storage.steps import fetching

        *more, dest = args.dest or ["."]
        places = self._places([args.place, *more])
        return moved(self.notebook, fetching(places, dest, export=args.export), "fetched")

    @line_magic
    @magic_arguments()
    @argument("file", help="A local file, folder or pattern to send; several are allowed.")
    @argument("place", nargs="*", default=[], help="The last one: where to (default: the top).")
    @parsed
    def drive_put(self, args: Namespace) -> Moved:
        """Send files and folders to the Drive; the hash there is compared, and equal ones skipped.

        A PLACE that ends in / is a folder to put them into; folders on the way are made.
        """
        from colab_magics.storage.steps import sending

        *more, typed = args.place or [""]
        place = self.notebook.resolve(typed)
        return moved(self.notebook, sending([args.file, *more], place), "sent")

    @line_magic
    @magic_arguments()
    @argument("place", nargs="+", help="A file, folder or pattern.")
    @argument("--recursive", action="store_true", help="Folders with all that is in them, too.")
    @argument("--forever", action="store_true", help="Delete past the trash: nothing comes back.")
    @argument("--restore", action="store_true", help="Take PLACE out of the trash again.")
    @parsed
    def drive_rm(self, args: Namespace) -> Removal:
        """Put files and folders into the Drive's trash, from which they can come back."""
        from colab_magics.storage.removal import remove, restore

        if args.restore and args.forever:
            raise UsageError("give one of --restore and --forever")
        places = self._places(args.place)
        if args.restore:
            return restore(places)
        return remove(places, recursive=args.recursive, forever=args.forever)

    @line_magic
    @magic_arguments()
    @argument("place", help="A file or folder.")
    @argument("--share", metavar="WHO", help="Let anyone, NAME@HOST, group:NAME@HOST or "
              "domain:HOST open it; several with commas.")  # fmt: skip
    @argument("--role", choices=["reader", "commenter", "writer"],
              metavar="R", help="reader (default), commenter or writer.")  # fmt: skip
    @argument("--notify", action="store_true", help="Have Drive send them a mail.")
    @argument("--unshare", metavar="WHO", help="Take it away from them again.")
    @parsed
    def drive_link(self, args: Namespace) -> PlaceLink:
        """Show the link of a file or folder, and who can open it; shares only when told to."""
        from colab_magics.storage.sharing import link_of

        place = self.notebook.resolve(args.place)
        return link_of(place, args.share, args.unshare, role=args.role, notify=args.notify)
