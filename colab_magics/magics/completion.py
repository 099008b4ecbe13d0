"""What does Tab offer after one of our magics?"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Sequence
from typing import Any

from IPython.core.magic import Magics

from .notebook import Notebook
from .offering import Offering, last_word
from .watch import VERBS

_OURS = re.compile(r"\s*(?:[^\s=%]+\s*=\s*)?(?P<magic>%%?\w+)\s")
_NAME = "colab_magics_matcher"
logger = logging.getLogger(__name__)


def add_completion(shell: Any, notebook: Notebook, kinds: Sequence[type[Magics]]) -> None:
    """Offer options and places: as a matcher (IPython 8.6 and later), else as one of magics."""
    offer = _Offer(notebook, kinds)
    try:
        shell.Completer.custom_matchers.append(_matcher(offer))
    except ImportError:
        shell.Completer.magic_arg_matchers.append(_old_matcher(shell, offer))


def remove_completion(shell: Any) -> None:
    """Take the matcher away."""
    for kind in ("custom_matchers", "magic_arg_matchers"):
        matchers = getattr(shell.Completer, kind, [])
        if isinstance(matchers, list):
            matchers[:] = [m for m in matchers if getattr(m, "__name__", "") != _NAME]


class _Offer:
    """Completions of a line up to the cursor, as texts that replace IPython's token."""

    def __init__(self, notebook: Notebook, kinds: Sequence[type[Magics]]) -> None:
        self._parsers = _parsers(kinds)
        self._places = Offering(notebook)

    def __call__(self, before: str, token: str) -> list[str] | None:
        """Give the texts; None where the line is not ours, or others know more."""
        if not (match := _OURS.match(before)) or match["magic"] not in self._parsers:
            return None
        magic, parser = match["magic"], self._parsers[match["magic"]]
        words, word = last_word(before[match.end() :])
        wanted = _value_of(parser, words)
        if wanted is not None:
            texts = [str(choice) for choice in wanted.choices or ()]
        elif word.value.startswith("-"):
            texts = sorted(o for o in parser._option_string_actions if o.startswith("--"))
        elif magic == "%watches":
            texts = [*VERBS]
        else:
            position = _positionals(parser, words)
            return self._places.after(magic, position, word, token)
        return [t for t in texts if t.startswith(word.value)] if word.raw == token else None


def _parsers(kinds: Sequence[type[Magics]]) -> dict[str, argparse.ArgumentParser]:
    """The parsers of our magics by what begins a line: ``%drive_ls`` and so on."""
    found = {}
    for kind in kinds:
        for sort, names in kind.magics.items():
            for name, method in names.items():
                function = getattr(kind, method if isinstance(method, str) else name)
                found["%%" + name if sort == "cell" else "%" + name] = function.parser
    return found


def _value_of(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Action | None:
    """The option that the next word is the value of."""
    action = parser._option_string_actions.get(words[-1]) if words else None
    return action if action is not None and action.nargs != 0 else None


def _positionals(parser: argparse.ArgumentParser, words: list[str]) -> int:
    """How many words there are that are neither options nor values of such."""
    plain = [number for number, word in enumerate(words) if not word.startswith("--")]
    return sum(_value_of(parser, words[:number]) is None for number in plain)


def _old_matcher(shell: Any, offer: _Offer) -> Any:
    def colab_magics_matcher(line: str) -> list[str]:
        before = shell.Completer.text_until_cursor
        return _quietly(offer, before, shell.Completer.splitter.split_line(before)) or []

    return colab_magics_matcher


def _matcher(offer: _Offer) -> Any:
    from IPython.core.completer import SimpleCompletion, context_matcher

    def colab_magics_matcher(context: Any) -> dict[str, Any]:
        line = context.full_text.split("\n")[context.cursor_line]
        before = line[: context.cursor_position]
        offered = _quietly(offer, before, context.token)
        if offered is None:
            return {"completions": []}
        made = [SimpleCompletion(text=text, type="place") for text in offered]
        return {"completions": made, "suppress": True}

    return context_matcher()(colab_magics_matcher)


def _quietly(offer: _Offer, before: str, token: str) -> list[str] | None:
    """Whatever goes wrong, typing goes on."""
    try:
        return offer(before, token)
    except Exception:
        logger.debug("no completion of %r", before, exc_info=True)
        return None
