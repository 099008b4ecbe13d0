"""What can be done from a terminal: demo, emulator, auth, ls, get, put, rm and link?

Exit codes: 0 done, 1 it could not be done (one line on stderr says why), 2 a mistake in the
command itself, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from colab_magics.display import clean
from colab_magics.errors import ColabMagicsError, in_words
from colab_magics.settings import Settings

from .auth import add_auth
from .files import add_commands
from .words import in_terminal


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
        print(f"colab-magics: {clean(in_terminal(_words(exc)), 500)}", file=sys.stderr)
        return 1
    return code


def _words(exc: Exception) -> str:
    file = None if isinstance(exc, ColabMagicsError) else getattr(exc, "filename", None)
    return f"{in_words(exc)}: {file}" if file else in_words(exc)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="colab-magics", description="Drive-fed notebooks, from a terminal."
    )
    parser.add_argument(
        "--version", action="version", version=f"colab-magics {version('colab_magics')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _demo(_command(commands, "demo", "see a cell run again because a file on Drive changed", demo))
    _emulator(_command(commands, "emulator", "a Google Drive in one process here", emulator))
    add_commands(lambda name, text, run: _command(commands, name, text, run))
    add_auth(lambda name, text, run: _command(commands, name, text, run))
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


def _emulator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, help="folder of its files (default: a user folder)")
    parser.add_argument("--port", type=_port, default=0, help="default: a free one")
    parser.add_argument("--tls-cert", type=Path, metavar="F", help="serve over TLS as well: a PEM")
    parser.add_argument("--tls-key", type=Path, metavar="F", help="its private key: a PEM")
    parser.add_argument("--tls-port", type=_port, metavar="N", help="default: a free one")


def demo(args: argparse.Namespace) -> int:
    """Show the main job."""
    from .demo import run_demo, run_lab

    if args.lab:
        return run_lab(port=args.port, browser=not args.no_browser)
    return run_demo()


def emulator(args: argparse.Namespace) -> int:
    """Run the embedded Drive until interrupted."""
    from colab_magics.emulator import serve

    said = [one for one in (args.tls_cert, args.tls_key, args.tls_port) if one is not None]
    if said and not (args.tls_cert and args.tls_key):
        print("colab-magics: TLS needs both --tls-cert and --tls-key", file=sys.stderr)
        return 2

    def ready(url: str, tls_url: str = "") -> None:
        print(f"a Drive is at {url} (its page, and its REST API); Ctrl+C ends it")
        if tls_url:
            print(f"over TLS it is at {tls_url}")
        sys.stdout.flush()

    serve(
        args.root or Settings.load().emulator_folder(),
        args.port,
        tls_cert=args.tls_cert,
        tls_key=args.tls_key,
        tls_port=args.tls_port or 0,
        ready=ready,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
