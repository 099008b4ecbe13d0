"""What happened to one file, and what do two happenings in a row amount to?"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Kind = Literal["created", "modified", "deleted"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one file.

    Attributes:
        kind: ``created``, ``modified`` or ``deleted``.
        place: the path inside its drive; on this machine the absolute path.
        name: the last part of `place`.
        id: Drive's id of the file; empty elsewhere.
        version: differs when, and only when, the content does; of a deleted file its last one.
        time: when Drive says it was modified, or when it was noticed; always with a zone.
        size: bytes, or None where the file has no size (deleted, a Google Doc).
        local: the fetched copy on this machine, once there is one.
    """

    kind: Kind
    place: str
    name: str
    id: str
    version: str
    time: datetime
    size: int | None
    local: pathlib.Path | None = None


# What two happenings to one place amount to, seen by somebody who saw neither.
_SUM: dict[tuple[Kind, Kind], Kind | None] = {
    ("created", "created"): "created",
    ("created", "modified"): "created",
    ("created", "deleted"): None,
    ("modified", "created"): "modified",
    ("modified", "modified"): "modified",
    ("modified", "deleted"): "deleted",
    ("deleted", "created"): "modified",
    ("deleted", "modified"): "modified",
    ("deleted", "deleted"): "deleted",
}


def merge(old: Change | None, new: Change) -> Change | None:
    """Two changes of one place as one; None when they cancel out.

    Everything but the kind is the newer one's: a run sees the newest state.
    """
    if old is None:
        return new
    kind = _SUM[old.kind, new.kind]
    if kind is None or kind == new.kind:
        return None if kind is None else new
    return replace(new, kind=kind)
