"""How is the line behind a magic's name read?"""

from __future__ import annotations

import argparse
import functools
import os
import shlex
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from colab_magics.clock import seconds
from colab_magics.errors import BadPlace, BadValue, ColabMagicsError

__all__ = [
    "Interrupted",
    "argument",
    "count",
    "duration",
    "magic_arguments",
    "number",
    "parsed",
    "positive",
    "read",
]


class Interrupted(KeyboardInterrupt):
    """The stop button, said in one line; the cells that wait are not run, as always."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def parsed(method: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a magic its parsed arguments in place of the line.

    Quotes and backslashes mean what they mean in a shell, ``--help`` prints the help, and every
    mistake is one line. Braces and dollars are left alone: IPython would replace them silently.
    """

    @functools.wraps(method)
    def magic(self: Any, line: str, cell: str | None = None) -> Any:
        self.notebook.check()
        if {"--help", "-h"} & set(_words(line)):
            parser: argparse.ArgumentParser = magic.parser  # type: ignore[attr-defined]
            return Help(parser.format_help().replace("::\n\n  ", "", 1))
        arguments = read(magic, line)
        try:
            return method(self, arguments) if cell is None else method(self, arguments, cell)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise Interrupted("interrupted before it ended; run it again") from None
        except OSError as exc:
            if isinstance(exc, ColabMagicsError) or not exc.strerror or not exc.filename:
                raise
            # What this machine refuses is no bug of ours either; the command line says it so, too.
            raise BadPlace(f"{exc.strerror.lower()}: '{exc.filename}'") from exc

    return no_var_expand(magic)


def read(magic: Any, line: str) -> argparse.Namespace:
    """The arguments of a magic in a line.

    Raises:
        UsageError: one line that names the mistake.
    """
    magic.parser.allow_abbrev = False
    # Intermixed: else what follows an option in `%drive_get a --export pdf out/` is refused.
    arguments: argparse.Namespace = magic.parser.parse_intermixed_args(_words(line))
    return arguments


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, posix=os.name != "nt")
    except ValueError as exc:
        raise UsageError(f"{str(exc).lower()} in: {line}") from None


class Help:
    """A text that is shown as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def duration(text: str) -> float:
    """An argument such as ``500ms`` or ``2h``, in seconds."""
    try:
        return seconds(text)
    except BadValue as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def positive(text: str) -> float:
    """A duration that is more than 0."""
    value = duration(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")
    return value


def count(text: str) -> int:
    """A whole number from 0 on."""
    return _whole(text, 0)


def number(text: str) -> int:
    """A whole number from 1 on."""
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, not {text!r}")
    return value
