"""What may a File that was sent say, and which columns does it set?"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from .errors import DriveError, forbidden, invalid
from .fields import FILE
from .values import name_key, parse_time

# Fields of a body that are kept as they came, and the type that they must have.
_EXTRA: dict[str, type] = {
    "description": str,
    "folderColorRgb": str,
    "originalFilename": str,
    "copyRequiresWriterPermission": bool,
    "viewersCanCopyContent": bool,
    "writersCanShare": bool,
    "contentHints": dict,
    "contentRestrictions": list,
    "downloadRestrictions": dict,
    "inheritedPermissionsDisabled": bool,
}
_TIMES = {"createdTime": "created_ms", "modifiedTime": "modified_ms", "viewedByMeTime": "viewed_ms"}
_WRITABLE = {"name", "mimeType", "starred", "trashed", "properties", "appProperties", *_TIMES}
_WRITABLE |= _EXTRA.keys()
_ON_CREATE = {"id", "parents", "shortcutDetails"}

MAX_PROPERTY_BYTES = 124
MAX_PROPERTIES = 30
MAX_ALL_PROPERTIES = 100


def check_body(body: object, *, creating: bool) -> dict[str, Any]:
    """Return the body if it is an object without fields that only Google may write."""
    if not isinstance(body, dict):
        raise DriveError(400, "parseError", "Parse Error")
    sent: dict[str, Any] = body
    if not creating and "parents" in body:
        raise forbidden(
            "fieldNotWritable",
            "The parents field is not directly writable in update requests. "
            "Use the addParents and removeParents parameters instead.",
        )
    allowed = _WRITABLE | _ON_CREATE if creating else _WRITABLE - {"createdTime"}
    # Fields that Drive does not know are ignored, as its older endpoints do.
    if any(name in FILE and name not in allowed for name in body):
        raise forbidden(
            "fieldNotWritable",
            "The resource body includes fields which are not directly writable.",
        )
    return sent


def columns(body: dict[str, Any], before: sqlite3.Row | None, client: str = "") -> dict[str, Any]:
    """Return the columns that a checked body sets; raise 400 for a value of a wrong type.

    Args:
        body: The File that was sent.
        before: The row as it is; None for a new file.
        client: The OAuth client, whose own `appProperties` these are.
    """
    found: dict[str, Any] = {}
    if (name := _typed(body, "name", str)) is not None:
        found |= {"name": name, "name_key": name_key(name)}
    if (mime := _typed(body, "mimeType", str)) is not None:
        found["mime"] = mime
    _typed(body, "trashed", bool)
    if (starred := _typed(body, "starred", bool)) is not None:
        found["starred"] = int(starred)
    for field, column in _TIMES.items():
        if (text := _typed(body, field, str)) is not None:
            ms = parse_time(text)
            if ms is None:
                raise invalid(field, f'Invalid value for: Invalid format: "{text}"')
            found[column] = ms
    public = json.loads(before["properties"]) if before else {}
    private = json.loads(before["app_properties"]) if before else {}
    if "properties" in body:
        public = _properties(body, "properties", public)
        found["properties"] = json.dumps(public)
    if "appProperties" in body:
        private[client] = _properties(body, "appProperties", private.get(client, {}))
        private = {name: pairs for name, pairs in private.items() if pairs}
        found["app_properties"] = json.dumps(private)
    if len(public) + sum(len(pairs) for pairs in private.values()) > MAX_ALL_PROPERTIES:
        raise invalid("properties")
    if body.keys() & _EXTRA.keys():
        extra = json.loads(before["extra"]) if before else {}
        for field in body.keys() & _EXTRA.keys():
            value = _typed(body, field, _EXTRA[field])
            extra.pop(field, None)
            if value is not None:
                extra[field] = value
        found["extra"] = json.dumps(extra)
    return found


def _typed(body: dict[str, Any], field: str, wanted: type) -> Any:
    value = body.get(field)
    if value is not None and not isinstance(value, wanted):
        raise invalid(field)
    return value


def _properties(body: dict[str, Any], field: str, old: dict[str, str]) -> dict[str, str]:
    merged = dict(old)
    for key, value in (_typed(body, field, dict) or {}).items():
        if value is None:
            merged.pop(key, None)
            continue
        # What Drive answers to a pair that is too long is not known; it does refuse it.
        if not isinstance(value, str) or len((key + value).encode()) > MAX_PROPERTY_BYTES:
            raise invalid(field)
        merged[key] = value
    if len(merged) > MAX_PROPERTIES:
        raise invalid(field)
    return merged
