"""What do `colab-magics ls | get | put | rm | link` do? As the magics of those names, elsewhere."""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from colab_magics.clock import spell
from colab_magics.display import clean, size
from colab_magics.errors import DriveError

from .attached import places
from .bar import bar
from .words import in_terminal

if TYPE_CHECKING:
    from colab_magics.storage.moving import Moved
    from colab_magics.storage.steps import Step


def add_commands(command: Any) -> None:
    """Add the commands; `command` makes a parser of a name, a text and a function."""
    listed = _common(command("ls", "list a folder", ls))
    listed.add_argument("place", nargs="?", default="", help="default: the top folder")
    listed.add_argument("--tree", action="store_true", help="folders below it, too")
    listed.add_argument("--depth", type=_number, default=3, help="of the tree (default: 3)")
    listed.add_argument("--sort", choices=["name", "size", "time"], default="name")
    listed.add_argument("--reverse", action="store_true", help="the other way round")
    listed.add_argument("--ids", action="store_true", help="show ids")
    listed.add_argument("--trashed", action="store_true", help="list the trash instead")
    got = _common(command("get", "fetch files and folders", get))
    got.add_argument("place", nargs="+", help="what to fetch; of several, the last one is DEST: "
                     "a file, a folder, or - (default: here)")  # fmt: skip
    got.add_argument("--export", default="", metavar="FORMAT", help="of Google documents: pdf ...")
    sent = _common(command("put", "send files and folders", put))
    sent.add_argument("file", nargs="+", help="what to send, or - for standard input; of several, "
                      "the last one is PLACE (default: the top folder)")  # fmt: skip
    gone = _common(command("rm", "put files and folders into the trash", rm))
    gone.add_argument("place", nargs="+")
    gone.add_argument("--recursive", action="store_true", help="folders with all that is in them")
    gone.add_argument("--forever", action="store_true", help="past the trash: nothing comes back")
    gone.add_argument("--restore", action="store_true", help="take out of the trash again")
    linked = _common(command("link", "show a file's link, and who can open it", link))
    linked.add_argument("place")
    linked.add_argument("--share", metavar="WHO", help="let anyone, NAME@HOST, group:NAME@HOST or "
                        "domain:HOST open it; several with commas")  # fmt: skip
    linked.add_argument("--role", choices=["reader", "commenter", "writer"],
                        help="what they may do (default: reader)")  # fmt: skip
    linked.add_argument("--notify", action="store_true", help="have Drive send them a mail")
    linked.add_argument("--unshare", metavar="WHO", help="take it away from them again")


def ls(args: argparse.Namespace) -> int:
    """List a folder, a file, a pattern or the trash."""
    from colab_magics.storage.listed import listed, trash
    from colab_magics.storage.outline import Outline, outline

    if args.trashed and (args.tree or args.place not in ("", "gdrive://")):
        return _mistake("--trashed lists all of the trash; leave out PLACE and --tree")
    (place,) = places(args.drive, [args.place])
    if args.tree:
        tree = Outline(outline(place), args.depth)
        return _show(args, tree, tree.top.as_json())
    found = (
        trash(place, everything=True)
        if args.trashed
        else listed(place, sort=args.sort, reverse=args.reverse, everything=True, ids=args.ids)
    )
    return _show(args, found, [asdict(item) for item in found])


def get(args: argparse.Namespace) -> int:
    """Fetch files and folders; one file may go to standard output."""
    from colab_magics.storage.place import expect_file
    from colab_magics.storage.steps import fetching

    *typed, dest = args.place if len(args.place) > 1 else [*args.place, "."]
    wanted = places(args.drive, typed)
    if dest != "-":
        return _move(args, fetching(wanted, dest, export=args.export), "fetched")
    if len(wanted) > 1:
        return _mistake("standard output takes one file")
    document = expect_file(wanted[0]).get("exportable")
    export = {"export": args.export} if document and args.export else {}
    with wanted[0].fs.open(wanted[0].path, "rb", **export) as source:
        while block := source.read(1 << 20):
            sys.stdout.buffer.write(block)
    return 0


def put(args: argparse.Namespace) -> int:
    """Send files and folders, or what comes on standard input."""
    from colab_magics.storage.steps import sending

    *files, typed = args.file if len(args.file) > 1 else [*args.file, ""]
    (place,) = places(args.drive, [typed])
    if "-" not in files:
        return _move(args, sending(files, place), "sent")
    if len(files) > 1 or typed.endswith("/") or place.is_folder():
        return _mistake("standard input has no name; give PLACE one")
    with tempfile.NamedTemporaryFile(prefix="colab_magics-") as spooled:
        while block := sys.stdin.buffer.read(1 << 20):
            spooled.write(block)
        spooled.flush()
        (step,) = sending([spooled.name], place)
        return _move(args, [replace(step, source="-")], "sent")


def rm(args: argparse.Namespace) -> int:
    """Remove files and folders, or bring them back."""
    from colab_magics.storage.removal import remove, restore

    if args.restore and args.forever:
        return _mistake("give one of --restore and --forever")
    wanted = places(args.drive, args.place)
    if args.restore:
        done = restore(wanted)
    else:
        done = remove(wanted, recursive=args.recursive, forever=args.forever)
    return _show(args, done, [asdict(one) for one in done])


def link(args: argparse.Namespace) -> int:
    """Show a link, and share it when told to."""
    from colab_magics.storage.sharing import link_of

    (place,) = places(args.drive, [args.place])
    one = link_of(place, args.share, args.unshare, role=args.role, notify=args.notify)
    return _show(args, one, {**asdict(one), "access": one.access})


def _move(args: argparse.Namespace, steps: Sequence[Step], word: str) -> int:
    from colab_magics.storage.moving import move, title_of

    try:
        with bar(title_of(steps)) as callback:
            done = move(steps, word, callback=callback)
    except KeyboardInterrupt:
        print("colab-magics: interrupted; run it again to go on", file=sys.stderr)
        raise
    if args.json:
        _print_json(_as_json(done))
    elif done.failed or done.files > 1:
        print(in_terminal(repr(done)))
    else:
        checked = f", md5 {done.md5}" if done.md5 else ""
        same = ", there already" * bool(done.same)
        line = f"{done.title.replace('→', '->')}: {size(done.bytes)}{same}"
        print(clean(f"{line} in {spell(done.seconds)}{checked}", 500))
    if done.failed:
        raise DriveError(done.shortfall)
    return 0


def _as_json(done: Moved) -> dict[str, Any]:
    document = {
        "files": done.files,
        "size": done.bytes,
        "skipped": done.same,
        "failed": [{"file": name, "error": why} for name, why in done.failed],
        "left_out": [{"file": name, "why": why} for name, why in done.left_out],
        "seconds": done.seconds,
        "paths": done.paths,
    }
    if len(done.receipts) == 1 and done.files == 1:
        receipt = done.receipts[0]
        document |= {"id": receipt.id, "md5": receipt.md5, "revision": receipt.revision}
    return document


def _show(args: argparse.Namespace, thing: object, document: Any) -> int:
    if args.json:
        _print_json(document)
    else:
        print(in_terminal(repr(thing)))
    return 0


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=datetime.isoformat))


def _mistake(text: str) -> int:
    print(f"colab-magics: {text}", file=sys.stderr)
    return 2


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def _common(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--drive",
        help="'emulator', a folder, or the address of a Drive (default: COLAB_MAGICS_DRIVE_URL, "
        "else your account, else the running emulator)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser
