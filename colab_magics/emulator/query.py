"""Which files does a `q` search mean?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .accounts import Caller
from .conditions import BELOW_GRANTS, SHARED, STARRED, VIEWED, VISIBILITIES
from .errors import DriveError, bad_request, invalid
from .v2 import QUERY_WORDS
from .values import name_key, parse_time

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\['\\])*')"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<mark><=|>=|!=|[=<>(){}]))"
)
_MARKS = {"=", "!=", "<", "<=", ">", ">="}
_RESERVED = {"and", "or", "not", "in", "contains", "has"}
# Far above what any client sends, and far below what SQLite can take.
_DEEPEST = 60
_MOST_TERMS = 600


@dataclass
class Search:
    """A search as a condition in SQL.

    Attributes:
        sql: The condition over the columns of `files`, which is called `f`.
        values: What its question marks stand for.
        parents: Folders it names; Drive refuses a search below one that is not there.
        full_text: Whether it asks for words of the text, which forbids `orderBy`.
    """

    sql: str = "1"
    values: list[object] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    full_text: bool = False


def parse(
    text: str, root_id: str, caller: Caller, *, v2: bool = False, app_folder: str = ""
) -> Search:
    """Return the condition of a search; an empty one finds everything.

    Args:
        text: The parameter `q`.
        root_id: What the alias `root` stands for.
        caller: What the alias `me` stands for, and whose own properties and stars are meant.
        v2: Whether the words are those of the older API.
        app_folder: What the alias `appDataFolder` stands for.

    Raises:
        DriveError: 400 for nonsense, 500 where Drive itself breaks.
    """
    search = Search()
    if text.strip():
        aliases = {"root": root_id, "appDataFolder": app_folder}
        parser = _Parser(_tokens(text, QUERY_WORDS if v2 else {}), search, aliases, caller)
        search.sql = parser.whole()
    return search


def _tokens(text: str, renamed: dict[str, str]) -> list[tuple[str, str]]:
    found, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise invalid("q")
        kind = str(match.lastgroup)
        token = match[kind]
        if kind == "text":
            token = re.sub(r"\\(.)", r"\1", token[1:-1])
        elif kind == "word" and token in _RESERVED:
            kind = "mark"
        elif kind == "word":
            token = renamed.get(token, token)
        found.append((kind, token))
        at = match.end()
    return found


class _Parser:
    """Recursive descent: `or` binds least, then `and`, then `not`."""

    def __init__(
        self,
        tokens: list[tuple[str, str]],
        search: Search,
        aliases: dict[str, str],
        caller: Caller,
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._terms = 0
        self._search = search
        self._aliases = aliases
        self._caller = caller

    def whole(self) -> str:
        sql = self._any()
        if self._at != len(self._tokens):
            raise invalid("q")
        return sql

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, kind: str, *allowed: str) -> str:
        found, token = self._peek()
        if found != kind or (allowed and token not in allowed):
            raise invalid("q")
        self._at += 1
        return token

    def _skip(self, mark: str) -> bool:
        if self._peek() != ("mark", mark):
            return False
        self._at += 1
        return True

    def _any(self) -> str:
        parts = [self._all()]
        while self._skip("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def _all(self) -> str:
        parts = [self._one()]
        while self._skip("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def _one(self) -> str:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise invalid("q")
        if self._skip("not"):
            sql = f"NOT ({self._one()})"
        elif self._skip("("):
            sql = self._any()
            self._take("mark", ")")
        else:
            sql = self._term()
        self._depth -= 1
        return sql

    def _term(self) -> str:
        self._terms += 1
        if self._terms > _MOST_TERMS:
            raise invalid("q")
        kind, token = self._peek()
        self._at += 1
        if kind == "text":
            self._take("mark", "in")
            return self._membership(token, self._take("word"))
        compile_term = _TERMS.get(token) if kind == "word" else None
        if compile_term is None:
            raise invalid("q")
        return compile_term(self, token)

    def _bind(self, sql: str, *values: object) -> str:
        self._search.values.extend(values)
        return sql

    def _membership(self, value: str, collection: str) -> str:
        if collection == "parents":
            parent = self._aliases.get(value, value)
            self._search.parents.append(parent)
            return self._bind("parent = ?", parent)
        email = self._caller.email if value == "me" else value.lower()
        if collection == "owners":
            return self._bind("coalesce(owner = ?, 0)", email)
        if collection in ("writers", "readers"):
            roles = "role NOT IN ('reader', 'commenter')" if collection == "writers" else "1"
            sql = BELOW_GRANTS.format(grant=f"email = ? AND {roles}", owned="owner = ?")
            return self._bind(sql, email, email)
        raise invalid("q")

    def name(self, _: str) -> str:
        mark = self._take("mark", "contains", *_MARKS)
        key = name_key(self._take("text"))
        if mark == "contains":
            return self._bind("word_prefix(name_key, ?)", key)
        if mark in ("=", "!="):
            return self._bind(f"name_key {mark} ?", key)
        # Observed on the real Drive: an order between names is an internal error.
        raise DriveError(500, "internalError", "Internal Error")

    def mime(self, _: str) -> str:
        mark = self._take("mark", "contains", "=", "!=")
        value = self._take("text")
        if mark == "contains":
            return self._bind("instr(mime, ?)", value)
        return self._bind(f"mime {mark} ?", value)

    def full_text(self, _: str) -> str:
        self._take("mark", "contains")
        self._search.full_text = True
        # A search in quotes is for the phrase; all words of a needle must follow each other.
        key = name_key(self._take("text").strip('"'))
        return self._bind("full_text(?, name, extra)", key)

    def time(self, term: str) -> str:
        mark = self._take("mark", *_MARKS)
        ms = parse_time(self._take("text"))
        if ms is None:
            raise invalid("q")
        if term in ("viewedByMeTime", "sharedWithMeTime"):
            viewed = term == "viewedByMeTime"
            column = self._bind(VIEWED if viewed else SHARED, *[self._caller.email] * 2)
        else:
            column = {"modifiedTime": "modified_ms", "createdTime": "created_ms"}[term]
        return self._bind(f"coalesce({column} {mark} ?, 0)", ms)

    def flag(self, term: str) -> str:
        column = "trashed"
        if term == "starred":
            column = self._bind(STARRED, *[self._caller.email] * 2)
        elif term == "sharedWithMe":
            column = self._bind(f"({SHARED} IS NOT NULL)", *[self._caller.email] * 2)
        if self._peek() not in (("mark", "="), ("mark", "!=")):
            return f"{column} = 1"
        mark = self._take("mark")
        wanted = self._take("word", "true", "false") == "true"
        return f"{column} {mark} {int(wanted)}"

    def properties(self, term: str) -> str:
        self._take("mark", "has")
        self._take("mark", "{")
        self._take("word", "key")
        self._take("mark", "=")
        key = self._take("text")
        # The guide shows a form without a value; the real Drive refuses it.
        self._take("mark", "and")
        self._take("word", "value")
        self._take("mark", "=")
        value = self._take("text")
        if self._skip("and"):
            # Only the older API keeps both kinds in one list.
            self._take("word", "visibility")
            self._take("mark", "=")
            term = "properties" if self._take("text") == "PUBLIC" else "appProperties"
        self._take("mark", "}")
        if term == "properties":
            return self._bind("has_property(properties, ?, ?)", key, value)
        client = self._caller.client
        return self._bind("has_app_property(app_properties, ?, ?, ?)", client, key, value)

    def visibility(self, _: str) -> str:
        mark = self._take("mark", "=", "!=")
        value = self._take("text")
        if value not in VISIBILITIES:
            raise invalid("q")
        grant = VISIBILITIES[value]
        if value == "limited":
            sql = f"NOT {BELOW_GRANTS.format(grant=grant, owned='0')}"
        else:
            sql = BELOW_GRANTS.format(grant=grant, owned="0")
        return sql if mark == "=" else f"NOT {sql}"

    def target(self, _: str) -> str:
        mark = self._take("mark", "=", "!=")
        column = "coalesce(json_extract(extra, '$.shortcutDetails.targetId'), '')"
        return self._bind(f"{column} {mark} ?", self._take("text"))


_TERMS: dict[str, Callable[[_Parser, str], str]] = {
    "name": _Parser.name,
    "mimeType": _Parser.mime,
    "fullText": _Parser.full_text,
    "modifiedTime": _Parser.time,
    "viewedByMeTime": _Parser.time,
    "createdTime": _Parser.time,
    "sharedWithMeTime": _Parser.time,
    "trashed": _Parser.flag,
    "starred": _Parser.flag,
    "sharedWithMe": _Parser.flag,
    "properties": _Parser.properties,
    "appProperties": _Parser.properties,
    "visibility": _Parser.visibility,
    "shortcutDetails.targetId": _Parser.target,
}


def refuse_order(search: Search) -> None:
    """Raise the 400 for an order of results that are ordered by relevance."""
    if search.full_text:
        raise bad_request(
            "Sorting is not supported for queries with fullText terms. "
            "Results are always in descending relevance order."
        )
