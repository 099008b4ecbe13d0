"""What does Drive tell, other than files: its change log, and whose it is?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .tree import Node, read_time


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of Drive's change log: the present state of one file."""

    file_id: str
    removed: bool
    node: Node | None
    time: datetime

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Entry:
        """The entry in a line of Drive's answer; a removed file has no node."""
        removed = bool(line.get("removed"))
        file = None if removed else line.get("file")
        return cls(
            file_id=str(line["fileId"]),
            removed=removed,
            node=Node.read({"id": line["fileId"], **file}) if file else None,
            time=read_time(line.get("time")) or datetime.now(UTC),
        )


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of the change log; `next_token` is where the next one starts."""

    entries: list[Entry]
    next_token: str
    last: bool

    @classmethod
    def read(cls, page: Mapping[str, Any], token: str) -> ChangePage:
        """The page that Drive gave for `token`; one that names no next place stays where it is."""
        more, end = page.get("nextPageToken"), page.get("newStartPageToken")
        # Lines about whole shared drives have no file.
        lines = [line for line in page.get("changes", ()) if line.get("fileId")]
        entries = [Entry.read(line) for line in lines]
        return cls(entries, str(more or end or token), last=not more)


@dataclass(frozen=True, slots=True)
class About:
    """Whose Drive this is and how full it is, in bytes; `limit` is None where there is none."""

    user: str
    limit: int | None
    usage: int

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> About:
        """The account in Drive's answer."""
        user, quota = found.get("user", {}), found.get("storageQuota", {})
        limit = quota.get("limit")
        return cls(
            user=user.get("emailAddress") or user.get("displayName", ""),
            limit=None if limit is None else int(limit),
            usage=int(quota.get("usage", 0)),
        )
