"""Who is a file shared with, and what may they do?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from colab_magics.errors import BadValue

Role = Literal["reader", "commenter", "writer"]
MAY = {
    "reader": "may read",
    "commenter": "may read and comment",
    "writer": "may read and write",
    "fileOrganizer": "may read, write and move",
    "organizer": "may do everything",
    "owner": "owns it",
}
WIDEST = ["anyone", "domain", "group", "user"]
_EMAIL = re.compile(r"[^@\s,:]+@[^@\s,:]+\.[^@\s,:]+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True)
class Who:
    """Somebody that a file is shared with; `name` is an email address or a domain."""

    kind: Literal["anyone", "user", "group", "domain"]
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "anyone":
            return "anyone with the link"
        return f"everybody at {self.name} with the link" if self.kind == "domain" else self.name

    @property
    def key(self) -> str:
        """Tells people apart; whether an address is a person's or a group's, Drive knows."""
        return self.name or self.kind

    @classmethod
    def read(cls, text: str) -> Who:
        """Who is meant by ``anyone``, ``a@b.c``, ``group:a@b.c`` or ``domain:b.c``.

        Raises:
            BadValue: nobody is.
        """
        kind, colon, rest = text.strip().partition(":")
        if kind == "anyone" and not colon:
            return cls("anyone")
        if kind == "domain" and _DOMAIN.fullmatch(rest):
            return cls("domain", rest.lower())
        if kind == "group" and _EMAIL.fullmatch(rest):
            return cls("group", rest.lower())
        if not colon and _EMAIL.fullmatch(kind):
            return cls("user", kind.lower())
        raise BadValue(
            f"nobody is meant by {text!r}; write anyone, NAME@HOST, group:NAME@HOST or domain:HOST"
        )


@dataclass(frozen=True)
class Grant:
    """One line of who may do what with a file."""

    id: str
    who: Who
    role: str
    found: bool = False
    """Whether it can be found by searching, without the link."""

    def __str__(self) -> str:
        who = str(self.who)
        if self.found:
            who = who.replace("with the link", "who searches for it")
        return f"{who} {MAY.get(self.role, f'is {self.role}')}"

    @classmethod
    def read(cls, permission: Mapping[str, Any]) -> Grant:
        """The grant in a permission of Drive's."""
        name = permission.get("emailAddress") or permission.get("domain") or ""
        kind = permission["type"]
        if kind in ("user", "group") and not name:
            name = permission.get("displayName") or "somebody"
        who = Who(kind, str(name).lower())
        found = bool(permission.get("allowFileDiscovery"))
        return cls(str(permission["id"]), who, str(permission["role"]), found)
