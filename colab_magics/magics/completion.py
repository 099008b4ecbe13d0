"""What does Tab offer after one of our magics?"""

from __future__ import annotations

from typing import Any

from .drive import DriveMagics
from .watch import VERBS, WatchMagics


def _options() -> dict[str, list[str]]:
    """Option names by the text that begins a line: ``%drive_ls`` and so on."""
    found: dict[str, list[str]] = {}
    for kind in (DriveMagics, WatchMagics):
        for sort, names in kind.magics.items():
            for name, method in names.items():
                parser = getattr(kind, method if isinstance(method, str) else name).parser
                options = sorted(o for o in parser._option_string_actions if o.startswith("--"))
                words = [*VERBS, *options] if name == "watches" else options
                found["%%" + name if sort == "cell" else "%" + name] = words
    return found


def add_completion(shell: Any) -> None:
    """Offer options: as a matcher (IPython 8.6 and later), else as a completion hook."""
    options = _options()
    try:
        shell.Completer.custom_matchers.append(_matcher(options))
        return
    except ImportError:
        pass  # IPython 7 has matchers of a kind that can not keep its own names out
    for begin, words in options.items():
        shell.set_hook("complete_command", _hook(words), str_key=begin)


def remove_completion(shell: Any) -> None:
    """Take the matcher away; hooks of old IPythons stay, and offer what leads to a clear error."""
    matchers = getattr(shell.Completer, "custom_matchers", None)
    if matchers is not None:
        matchers[:] = [m for m in matchers if getattr(m, "__name__", "") != "colab_magics_matcher"]


def _hook(words: list[str]) -> Any:
    return lambda shell, event: [w for w in words if w.startswith(event.symbol or "")]


def _matcher(options: dict[str, list[str]]) -> Any:
    from IPython.core.completer import SimpleCompletion, context_matcher

    def colab_magics_matcher(context: Any) -> dict[str, Any]:
        line = context.full_text.split("\n")[context.cursor_line]
        begin, blank, _ = line.lstrip().partition(" ")
        words = options.get(begin, []) if blank else []
        offered = [w for w in words if w.startswith(context.token) and (context.token or w)]
        if not offered or not (context.token.startswith("-") or begin == "%watches"):
            return {"completions": []}
        made = [SimpleCompletion(text=word, type="option") for word in offered]
        return {"completions": made, "suppress": True}

    return context_matcher()(colab_magics_matcher)
