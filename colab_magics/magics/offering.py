"""Which places can follow what was typed so far?

Asked on each Tab, so it never waits long: what is not known within a moment is asked for behind,
and offered at the next Tab.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .notebook import Notebook

if TYPE_CHECKING:
    from colab_magics.storage.place import Place

_WAIT_SECONDS = 0.3
_TRUST_SECONDS = 10.0
_MOST = 200  # a menu of thousands helps nobody
_SPECIAL = " \t\"'\\"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Word:
    """The word before the cursor.

    Attributes:
        raw: as typed, with an opening quote and backslashes.
        value: what it means.
        quote: the quotation mark that is open; empty when none is.
    """

    raw: str
    value: str
    quote: str

    def followed_by(self, value: str, token: str, *, end: bool) -> str | None:
        """What must stand in place of `token` to make this word mean `value`; None: can not be.

        Args:
            token: the end of the word that IPython replaces; it breaks words at blanks and quotes.
            end: whether the word ends there; a folder may go on.
        """
        if not self.raw.endswith(token):
            return None
        kept = self.raw[: len(self.raw) - len(token)]
        quote = self.quote
        if not quote and any(char in value for char in _SPECIAL) and not kept:
            quote = '"'
        text = _written(value, quote)
        if text is None or not text.startswith(kept):
            return None
        return text[len(kept) :] + quote * end


def _written(value: str, quote: str) -> str | None:
    if quote == "'":
        return None if "'" in value else f"'{value}"
    special = '"\\' if quote else _SPECIAL
    return quote + "".join(f"\\{char}" if char in special else char for char in value)


def last_word(text: str) -> tuple[list[str], Word]:
    """The whole words of a line, read as a shell would, and the one before the cursor."""
    words: list[str] = []
    value, quote, start, at = "", "", 0, 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'" and at + 1 < len(text):
            at += 1
            value += text[at]
        elif quote:
            quote, value = ("", value) if char == quote else (quote, value + char)
        elif char in "\"'":
            quote = char
        elif char.isspace():
            words += [value] if at > start else []
            value, start = "", at + 1
        else:
            value += char
        at += 1
    return words, Word(text[start:], value, quote)


class Offering:
    """The names in folders, as far as they can be had at once."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._lock = threading.Lock()
        self._names: dict[tuple[int, str], tuple[float, list[str]]] = {}
        self._asked: dict[tuple[int, str], threading.Event] = {}

    def after(self, magic: str, position: int, word: Word, token: str) -> list[str]:
        """What can stand in place of `token`, in word number `position` (from 0) of a magic."""
        above = word.value[: word.value.rfind("/") + 1]
        if "://" in above and not above.startswith("gdrive://"):
            return []
        here = _is_here(magic, position)
        typed = f"./{above}" if here and not above.startswith(("/", "~/", "./", "../")) else above
        found = []
        for name in self.names(typed):
            text = above + name
            if not text.casefold().startswith(word.value.casefold()) or text.startswith("-"):
                continue
            one = word.followed_by(text, token, end=not name.endswith("/"))
            found += [] if one is None else [one]
        return sorted(found, key=str.casefold)[:_MOST]

    def names(self, typed: str) -> list[str]:
        """The names in a folder, folders with "/" behind; none when they can not be had at once."""
        key = (id(self._notebook.drive), typed)
        now = self._notebook.clock.monotonic()
        with self._lock:
            known = self._names.get(key)
            if known is not None and now - known[0] < _TRUST_SECONDS:
                return known[1]
            done = self._asked.get(key)
            if done is None:
                done = self._asked[key] = threading.Event()
                threading.Thread(
                    target=self._ask, args=(key, done), name="colab_magics-names", daemon=True
                ).start()
        done.wait(_WAIT_SECONDS)
        with self._lock:
            known = self._names.get(key)
        return [] if known is None else known[1]

    def _ask(self, key: tuple[int, str], done: threading.Event) -> None:
        try:
            names = _names_in(self._notebook.resolve(key[1]))
            with self._lock:
                self._names[key] = self._notebook.clock.monotonic(), names
        except Exception:
            logger.debug("no names in %r", key[1], exc_info=True)
        finally:
            with self._lock:
                self._asked.pop(key, None)
            done.set()


def _is_here(magic: str, position: int) -> bool:
    """Whether that word of a magic names a file of this machine."""
    if magic == "%drive_put":
        return position == 0
    return magic == "%drive_mount" or (magic == "%drive_get" and position > 0)


def _names_in(folder: Place) -> list[str]:
    fs: Any = folder.fs
    names = []
    for info in fs.ls(folder.path, detail=True):
        name = str(info["name"]).rstrip("/").rpartition("/")[2]
        if name.isprintable():
            names.append(name + "/" * (info["type"] == "directory"))
    return names
