"""What does a watched place hold now, told as changes, for a run that nobody triggered?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .change import Change
from .local_files import signature
from .target import Target


def present(target: Target) -> list[Change]:
    """Every file that a target matches at this moment, as ``created``, in order of its path."""
    fs: Any = target.place.fs
    if target.kind == "file":
        found = {target.path: fs.info(target.path)} if fs.exists(target.path) else {}
    else:
        found = fs.find(target.root, detail=True)
    changes = [_change(target, path, info) for path, info in sorted(found.items())]
    return [change for change in changes if target.matches(change.place)]


def _change(target: Target, path: str, info: dict[str, Any]) -> Change:
    local = target.place.local is not None
    place = path if local else path.strip("/")
    signed = signature(path) if local else None
    version = signed[0] if signed else str(info.get("revision") or info.get("md5") or "")
    when = datetime.now(UTC)
    name = place.rpartition("/")[2]
    return Change("created", place, name, info.get("id", ""), version, when, info.get("size"))
