"""What can be done from a terminal? `colab-magics demo | emulator | ls | get | put`.

Exit codes: 0 done, 1 it could not be done (one line on stderr says why), 2 a mistake in the
command itself, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from colab_magics.clock import spell
from colab_magics.display import Table, clean, size
from colab_magics.errors import ColabMagicsError, DriveUnreachable, NoCredentials
from colab_magics.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal may not know every name
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # head(1) has seen enough
        return 1
    except (ColabMagicsError, OSError) as exc:
        print(f"colab-magics: {clean(_words(exc), 500)}", file=sys.stderr)
        return 1
    return code


def _words(exc: Exception) -> str:
    if isinstance(exc, ColabMagicsError) or not isinstance(exc, OSError) or not exc.strerror:
        return str(exc)
    return f"{exc.strerror.lower()}: {exc.filename}" if exc.filename else exc.strerror.lower()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="colab-magics", description="Drive-fed notebooks, from a terminal."
    )
    parser.add_argument(
        "--version", action="version", version=f"colab-magics {version('colab_magics')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _demo(_command(commands, "demo", "see a cell run again because a file on Drive changed", demo))
    emulated = _command(commands, "emulator", "a Google Drive in one process here", emulator)
    emulated.add_argument("--root", type=Path, help="folder of its files (default: a user folder)")
    emulated.add_argument("--port", type=_port, default=0, help="default: a free one")
    _transfer(_command(commands, "ls", "list a folder", ls)).add_argument(
        "place", nargs="?", default="", help="default: the top folder"
    )
    got = _transfer(_command(commands, "get", "fetch a file", get))
    got.add_argument("place")
    got.add_argument("dest", nargs="?", default=".", help="a file, a folder, or - (default: here)")
    sent = _transfer(_command(commands, "put", "send a file", put))
    sent.add_argument("file", help="a file, or - for standard input")
    sent.add_argument("place", nargs="?", help="default: the same name in the top folder")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, not {text!r}")
    return int(text)


def _command(
    commands: Any, name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lab", action="store_true", help="open JupyterLab on the notebook")
    parser.add_argument("--port", type=_port, default=8888, help="of JupyterLab (default: 8888)")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")


def _transfer(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--drive",
        help="'emulator', a folder, or the address of a Drive (default: COLAB_MAGICS_DRIVE_URL, "
        "else your account, else the running emulator)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def demo(args: argparse.Namespace) -> int:
    """Show the main job."""
    from .demo import run_demo, run_lab

    if args.lab:
        return run_lab(port=args.port, browser=not args.no_browser)
    return run_demo()


def emulator(args: argparse.Namespace) -> int:
    """Run the embedded Drive until interrupted."""
    from colab_magics.emulator import serve

    def ready(url: str) -> None:
        print(f"a Drive is at {url} (its page, and its REST API); Ctrl+C ends it", flush=True)

    serve(args.root or Settings.load().emulator_folder(), args.port, ready=ready)
    return 0


def ls(args: argparse.Namespace) -> int:
    """List a folder, a file or a pattern."""
    from colab_magics.storage.listing import listing

    place = _place(args, args.place)
    found = listing(place)
    if args.json:
        _print_json([asdict(item) for item in found])
        return 0
    rows = [
        [item.name + "/" * item.folder, "" if item.folder else size(item.size)] for item in found
    ]
    print(repr(Table(["name", "size"], rows, str(place), "", frozenset({1}))))
    return 0


def get(args: argparse.Namespace) -> int:
    """Fetch a file."""
    from colab_magics.storage.listing import local_target
    from colab_magics.storage.place import expect_file
    from colab_magics.storage.transfer import fetch

    place = _place(args, args.place)
    expect_file(place)
    if args.dest == "-":
        with place.fs.open(place.path, "rb") as source:
            while block := source.read(1 << 20):
                sys.stdout.buffer.write(block)
        return 0
    target = local_target(args.dest, place)
    return _report(args, f"{place} -> {target}", fetch(place, target), file=str(target))


def put(args: argparse.Namespace) -> int:
    """Send a file, or what comes on standard input."""
    if args.file != "-":
        return _put(args, Path(args.file))
    if not args.place or args.place.endswith("/"):
        print("colab-magics: standard input has no name; give PLACE one", file=sys.stderr)
        return 2
    with tempfile.NamedTemporaryFile(prefix="colab_magics-") as spooled:
        while block := sys.stdin.buffer.read(1 << 20):
            spooled.write(block)
        spooled.flush()
        return _put(args, Path(spooled.name))


def _put(args: argparse.Namespace, source: Path) -> int:
    from colab_magics.storage.listing import sent_to
    from colab_magics.storage.transfer import send

    with source.open("rb"):
        pass  # the system's own error, before anything is asked of Drive
    typed = args.place or source.name
    place = sent_to(_place(args, typed), typed, source.name)
    return _report(args, f"{args.file} -> {place}", send(source, place))


def _report(args: argparse.Namespace, what: str, receipt: Any, **facts: str) -> int:
    if args.json:
        _print_json({**facts, **asdict(receipt)})
    else:
        checked = f", md5 {receipt.md5}" if receipt.md5 else ""
        print(clean(f"{what}: {size(receipt.size)} in {spell(receipt.seconds)}{checked}", 500))
    return 0


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=datetime.isoformat))


def _place(args: argparse.Namespace, typed: str) -> Any:
    from colab_magics.storage.place import resolve

    settings = Settings.load()
    return resolve(typed, _drive(args.drive, settings), settings=settings)


def _drive(wanted: str | None, settings: Settings) -> Any:
    """The Drive that a command means; the running emulator when nobody is signed in."""
    from colab_magics.emulator import find
    from colab_magics.storage.credentials import find_credentials
    from colab_magics.storage.mount import attach

    def running() -> tuple[str, Callable[[], None]]:
        url = find(settings.emulator_folder())
        if url is None:
            raise DriveUnreachable("no emulator is running; start one: colab-magics emulator")
        return url, lambda: None

    if wanted is None and not settings.drive_url and find_credentials(settings) is None:
        if find(settings.emulator_folder()) is None:
            raise NoCredentials(
                "nobody is signed in to Google Drive, and no emulator is running; set "
                "GOOGLE_APPLICATION_CREDENTIALS, or start one: colab-magics emulator"
            )
        wanted = "emulator"
    return attach(wanted, settings=settings, open_emulator=running)


if __name__ == "__main__":
    sys.exit(main())
