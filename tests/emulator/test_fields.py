"""Which part of an answer a mask keeps."""

from __future__ import annotations

from typing import Any

import pytest

from colab_magics.emulator.errors import DriveError
from colab_magics.emulator.fields import keep, mask_for, parse
from emulator.api import Api, error


@pytest.mark.parametrize("fields", ["", "?fields=", "?fields=%20"])
def test_four_fields_are_usual(api: Api, fields: str) -> None:
    """An empty mask is none."""
    file = api.make("a")

    assert api.ok("GET", f"drive/v3/files/{file['id']}{fields}") == {
        "kind": "drive#file",
        "id": file["id"],
        "name": "a",
        "mimeType": "application/octet-stream",
    }


def test_a_list_has_its_own_usual_fields(api: Api) -> None:
    """The kind, whether it is complete, and four fields of each file."""
    file = api.make("a")
    usual = {"kind": "drive#file", "id": file["id"], "name": "a"}

    assert api.ok("GET", "drive/v3/files") == {
        "kind": "drive#fileList",
        "incompleteSearch": False,
        "files": [{**usual, "mimeType": "application/octet-stream"}],
    }


@pytest.mark.parametrize(
    ("mask", "kept"),
    [
        ("name", {"name": "a"}),
        ("name,starred", {"name": "a", "starred": False}),
        (" name , starred ", {"name": "a", "starred": False}),
        ("owners/me", {"owners": [{"me": True}]}),
        ("owners(me),owners/kind", {"owners": [{"kind": "drive#user", "me": True}]}),
        ("capabilities(canEdit,canCopy)", {"capabilities": {"canEdit": True, "canCopy": True}}),
        ("properties/k", {"properties": {"k": "v"}}),
        ("properties(*)", {"properties": {"k": "v", "l": "w"}}),
        ("resourceKey", {}),
        ("owners(me),owners", "owners"),
    ],
)
def test_a_mask_keeps(api: Api, mask: str, kept: Any) -> None:
    """Slashes and parentheses go into objects and lists."""
    file = api.make("a", properties={"k": "v", "l": "w"})
    wanted = {kept: file[kept]} if isinstance(kept, str) else kept

    assert api.ok("GET", f"drive/v3/files/{file['id']}", params={"fields": mask}) == wanted


@pytest.mark.parametrize(
    ("mask", "named"),
    [
        ("etag", "etag"),
        ("id,nothing", "nothing"),
        ("owners/nothing", "nothing"),
        ("name/first", "name/first"),
        ("files(id)", "files"),
        ("id,", "id,"),
        (",id", ",id"),
        ("owners(me", "owners(me"),
        ("owners)", "owners)"),
        ("owners()", "owners()"),
        ("/", "/"),
        ("(" * 50, "(" * 50),
    ],
)
def test_a_wrong_mask_is_refused(api: Api, mask: str, named: str) -> None:
    """The message says what there is not."""
    answer = api.get("drive/v3/files/root", params={"fields": mask})

    assert error(answer) == (400, "invalidParameter", f"Invalid field selection {named}")
    assert answer.json()["error"]["errors"][0]["location"] == "fields"


def test_a_wrong_mask_prevents_the_effect(api: Api) -> None:
    """A create that could not be answered is not done."""
    for path in ("drive/v3/files", "upload/drive/v3/files?uploadType=media"):
        join = "&" if "?" in path else "?"

        assert api.post(f"{path}{join}fields=etag", json={}).status_code == 400
    assert api.names() == []


@pytest.mark.parametrize(
    ("mask", "value", "kept"),
    [
        ("*", {"a": 1}, {"a": 1}),
        ("*/b", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}),
        ("a(b,c/d)", {"a": [{"b": 1, "x": 2}, {"c": {"d": 3, "e": 4}}]}, None),
        ("a/b/c", {"a": {"b": {"c": 1}, "d": 2}}, {"a": {"b": {"c": 1}}}),
    ],
)
def test_masks_of_any_depth_work(mask: str, value: Any, kept: Any) -> None:
    """The engine knows nothing of Drive."""
    if kept is None:
        kept = {"a": [{"b": 1}, {"c": {"d": 3}}]}

    assert keep(parse(mask), value) == kept


def test_every_field_of_the_discovery_document_is_known() -> None:
    """What Google's own document lists is never refused."""
    import json

    from googleapiclient.discovery_cache import get_static_doc

    schemas = json.loads(get_static_doc("drive", "v3"))["schemas"]
    names = {"File": "file", "FileList": "files", "ChangeList": "changes", "About": "about"}
    for schema, kind in names.items():
        for name in schemas[schema]["properties"]:
            mask_for(kind, name)
    for name in schemas["File"]["properties"]["capabilities"]["properties"]:
        mask_for("file", f"capabilities/{name}")
    with pytest.raises(DriveError):
        mask_for("file", "capabilities/nothing")
