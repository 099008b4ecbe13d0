"""Which page of which files does `files.list` answer?"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from . import app_data
from .conditions import FINDABLE, SHARED, STARRED, VIEWED
from .errors import DriveError, invalid, not_found
from .files import Store
from .query import parse, refuse_order
from .resource import resource
from .v2 import QUERY_WORDS
from .values import FOLDER, now_ms

_One = TypeVar("_One")

_ORDERS = {
    "createdTime": "created_ms",
    # The guide sorts by the folder's id; every client uses it to get folders first.
    "folder": f"(mime != '{FOLDER}')",
    "modifiedByMeTime": "modified_ms",
    "modifiedTime": "modified_ms",
    "name": "name_key",
    "name_natural": "natural_key(name_key)",
    "quotaBytesUsed": "coalesce(size, 0)",
    "recency": f"max(created_ms, modified_ms, coalesce({VIEWED}, 0))",
    "sharedWithMeTime": SHARED,
    "starred": STARRED,
    "viewedByMeTime": VIEWED,
}
_ORDER = re.compile(r"\s*(\w+)(?:\s+(desc))?\s*")
# A stamp in front of the page token, so that a token of something else is refused.
_STAMP = "~!!~"

# The view of an index that lags: for each file the oldest state that is not yet overtaken.
_STALE_VIEW = """(
    SELECT * FROM files WHERE id NOT IN (SELECT id FROM temp.stale WHERE until_ms > {now})
    UNION ALL
    SELECT {columns} FROM temp.stale AS old WHERE until_ms > {now} AND existed AND rowid =
        (SELECT min(rowid) FROM temp.stale WHERE id = old.id AND until_ms > {now})
)"""


@dataclass(frozen=True)
class Corpus:
    """Which files are searched.

    Attributes:
        drive: A shared drive, and nothing else.
        all_drives: Also every shared drive that the caller is in.
        spaces: The Drive, the folder of the client's own data, or both; others are empty here.
    """

    drive: str | None = None
    all_drives: bool = False
    spaces: frozenset[str] = frozenset({"drive"})


def page(
    store: Store,
    *,
    q: str,
    order: str,
    size: int,
    token: str,
    corpus: Corpus,
    fresh: bool = False,
    v2: bool = False,
) -> dict[str, Any]:
    """Return one page of a FileList.

    Args:
        store: Whose files.
        q: The search.
        order: The value of `orderBy`.
        size: The most files on the page.
        token: The token that the page before gave; empty for the first.
        corpus: Which files are searched.
        fresh: Look past the lag of the search index.
        v2: Whether the search and the order have the words of the older API.
    """
    named = app_data.ALIAS in q and store.caller.uses_app_data
    app_folder = app_data.folder(store) if named else ""
    search = parse(q, store.root_id, store.caller, v2=v2, app_folder=app_folder)
    if order.strip():
        refuse_order(search)
    where = (corpus.drive, corpus.all_drives, sorted(corpus.spaces))
    stamp = hashlib.sha256(f"{q}\0{order}\0{where}".encode()).hexdigest()[:16]
    skip = _open_token(token, stamp)
    answer: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
    for parent in search.parents:
        found = store.database.one("SELECT * FROM files WHERE id = ?", (parent,))
        # Where nothing is seen but the client's own files, a folder above them may be named.
        hidden = not store.caller.only_own_files and found and not store.sees(found)
        if not found or hidden:
            # The real message has no id before its full stop.
            raise not_found("")
    source = "files" if fresh else _source(store)
    visible, values = _visible(store, corpus)
    sorting = _order_sql(order, QUERY_WORDS if v2 else {})
    # Every question mark of an order stands for the caller.
    me = [store.caller.email] * sorting.count("?")
    rows = store.database.all(
        f"SELECT * FROM {source} AS f WHERE parent IS NOT NULL AND {visible} AND {search.sql}"
        f" ORDER BY {sorting} LIMIT ? OFFSET ?",
        (*values, *search.values, *me, size + 1, skip),
    )
    if len(rows) > size:
        answer["nextPageToken"] = _token(skip + size, stamp)
    answer["files"] = [resource(store, row) for row in rows[:size]]
    return answer


def _visible(store: Store, corpus: Corpus) -> tuple[str, list[object]]:
    """Return the condition for files that the caller may find, and its values."""
    sql, values = app_data.visible(store, corpus.spaces)
    me, parts = store.caller, [sql]
    if not store.alone:
        parts.append(FINDABLE)
        values += [me.email, me.email, me.email.rpartition("@")[2], me.email]
    if corpus.drive:
        parts.append("f.drive = ?")
        values.append(corpus.drive)
    elif not corpus.all_drives:
        parts.append("f.drive IS NULL")
    if me.only_own_files:
        parts.append("EXISTS (SELECT 1 FROM opened AS o WHERE o.file_id = f.id AND o.client = ?)")
        values.append(me.client)
    return " AND ".join(parts), values


def _source(store: Store) -> str:
    now = now_ms()
    with store.database.write() as db:
        db.execute("DELETE FROM temp.stale WHERE until_ms <= ?", (now,))
        if not db.execute("SELECT 1 FROM temp.stale LIMIT 1").fetchone():
            return "files"
        columns = ", ".join(row["name"] for row in db.execute("PRAGMA table_info(files)"))
    return _STALE_VIEW.format(now=now, columns=columns)


def _order_sql(order: str, renamed: dict[str, str]) -> str:
    parts = []
    for one in order.split(",") if order.strip() else []:
        found = _ORDER.fullmatch(one)
        key = renamed.get(found[1], found[1]) if found else ""
        if not found or key not in _ORDERS:
            raise invalid("orderBy")
        parts.append(f"{_ORDERS[key]} {(found[2] or 'asc').upper()}")
    return ", ".join([*(parts or ["modified_ms DESC"]), "id"])


def _token(skip: int, stamp: str) -> str:
    raw = json.dumps({"skip": skip, "of": stamp}, separators=(",", ":")).encode()
    return _STAMP + base64.urlsafe_b64encode(raw).decode()


def _open_token(token: str, stamp: str) -> int:
    if not token:
        return 0
    try:
        if not token.startswith(_STAMP):
            raise ValueError(token)
        found = json.loads(base64.b64decode(token.removeprefix(_STAMP), b"-_", validate=True))
        if found["of"] != stamp:
            raise ValueError(token)
        skip = found["skip"]
        if not isinstance(skip, int) or not 0 <= skip < 1 << 40:
            raise ValueError(token)
        return skip
    except (ValueError, KeyError, TypeError):
        raise invalid("pageToken") from None


def part(found: list[_One], size: int, token: str) -> tuple[list[_One], dict[str, str]]:
    """Return a page of a short list, and the token of the next one if there is one.

    Args:
        found: The whole list.
        size: The most entries on the page.
        token: What the page before gave; empty for the first.
    """
    if not re.fullmatch(r"\d{0,9}", token, re.ASCII):
        raise invalid("pageToken")
    first = int(token or 0)
    end = first + size
    return found[first:end], {"nextPageToken": str(end)} if len(found) > end else {}


def page_size(text: str) -> int:
    """Return the size of a page: 1 to 1000, a larger one counts as 1000, none at all as 100."""
    if not text:
        return 100
    if not re.fullmatch(r"-?\d{1,10}", text):
        raise invalid("pageSize", f"Invalid value '{text}'.")
    if int(text) < 1:
        message = f"Invalid value '{text}'. Values must be within the range: [1, 1000]"
        raise DriveError(400, "invalidParameter", message, location="pageSize")
    return min(int(text), 1000)
