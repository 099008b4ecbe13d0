"""What a token is good for, and what a program with drive.file sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from googleapiclient.discovery_cache import get_static_doc

from colab_magics.emulator import Emulator
from colab_magics.emulator.routes import find
from colab_magics.emulator.scopes import NEEDS
from emulator.api import Api, as_user, error

ME = "user@drive.emulator"
REFUSED = (
    403,
    "insufficientPermissions",
    "Insufficient Permission: Request had insufficient authentication scopes.",
)


def discovered(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from discovered(inner)


def test_scopes_are_those_of_the_discovery_document() -> None:
    """Each method that is here takes exactly the scopes that Google's document lists [DISC]."""
    document = json.loads(get_static_doc("drive", "v3"))
    checked = set()
    for method in discovered(document):
        path = "/drive/v3/" + re.sub(r"\{\w+\}", "x", method["path"])
        found = find(method["httpMethod"], path, "")
        if found.handler.__name__ == "unknown" or "generateCseToken" in found.names.values():
            continue
        scopes = {one.rpartition("/")[2] for one in method["scopes"]}
        assert NEEDS[found.need] == scopes, method["id"]
        checked.add(method["id"].removeprefix("drive."))

    missing = {m["id"].removeprefix("drive.") for m in discovered(document)} - checked
    assert {one.partition(".")[0] for one in missing} == {
        "accessproposals",
        "approvals",
        "apps",
        "comments",
        "files",
        "replies",
    }
    assert {one for one in missing if one.startswith(("files", "changes"))} == {
        "files.generateCseToken",
        "files.listLabels",
        "files.modifyLabels",
    }


@pytest.fixture
def only(emulator: Emulator) -> Iterator[Api]:
    """A client that sees only what it made or was given, of the default user's files."""
    with as_user(emulator, ME, client="app", scopes=["drive.file"]) as client:
        yield client


def test_a_reader_does_not_write(api: Api, emulator: Emulator) -> None:
    """drive.readonly reads everything, and that is all."""
    file = api.make("a", b"x")
    path = f"drive/v3/files/{file['id']}"
    with as_user(emulator, ME, scopes=["drive.readonly"]) as reader:
        assert reader.names() == ["a"]
        assert reader.bytes_of(file["id"]) == b"x"
        for method, where in [
            ("POST", "drive/v3/files"),
            ("POST", "upload/drive/v3/files?uploadType=media"),
            ("PATCH", path),
            ("DELETE", path),
            ("POST", f"{path}/copy"),
            ("DELETE", "drive/v3/files/trash"),
            ("POST", f"{path}/permissions"),
            ("GET", "drive/v3/files/generateIds"),
        ]:
            assert error(reader.request(method, where)) == REFUSED, where
    assert api.names() == ["a"]


@pytest.mark.parametrize("scope", ["drive.metadata", "drive.metadata.readonly"])
def test_metadata_are_not_media(api: Api, emulator: Emulator, scope: str) -> None:
    """They are seen, and with one of the two scopes changed; the bytes are not."""
    file = api.make("a", b"x")
    path = f"drive/v3/files/{file['id']}"
    with as_user(emulator, ME, scopes=[f"https://www.googleapis.com/auth/{scope}"]) as client:
        assert client.names() == ["a"]
        assert error(client.get(f"{path}?alt=media")) == REFUSED
        renamed = client.patch(path, json={"name": "b"})
        assert (renamed.status_code == 200) == (scope == "drive.metadata")
        assert error(client.delete(path)) == REFUSED


def test_one_program_does_not_see_anothers_files(api: Api, only: Api) -> None:
    """What it did not make is not there: not by id, not in lists, not in the log [KOP]."""
    theirs = api.make("theirs", b"x")
    token = only.token()
    own = only.make("own", b"y")
    api.put_bytes(theirs["id"], b"z")

    answer = only.get(f"drive/v3/files/{theirs['id']}")
    assert error(answer) == (404, "notFound", f"File not found: {theirs['id']}.")
    assert only.patch(f"drive/v3/files/{theirs['id']}", json={}).status_code == 404
    assert only.names() == ["own"]
    assert only.bytes_of(own["id"]) == b"y"
    assert [one["fileId"] for one in only.changes(token)["changes"]] == [own["id"]]
    assert sorted(api.names()) == ["own", "theirs"]


def test_my_drive_is_written_but_not_seen(api: Api, only: Api) -> None:
    """`root` is a parent, but no file of this program; rclone knows the 404 and goes on [RC]."""
    assert error(only.get("drive/v3/files/root"))[:2] == (404, "notFound")

    folder = only.folder("f", parents=["root"])
    only.make("a", parents=[folder["id"]])

    assert only.names("'root' in parents") == ["f"]
    assert only.names(f"'{folder['id']}' in parents") == ["a"]


def test_a_file_dropped_into_a_programs_folder_stays_hidden(api: Api, only: Api) -> None:
    """The reason why an inbox needs the scope for everything."""
    folder = only.folder("inbox")
    dropped = api.make("a", b"x", parents=[folder["id"]])

    assert only.names(f"'{folder['id']}' in parents") == []

    api.ok("POST", "emulator/files", json={"id": dropped["id"], "opened": "app"})

    assert only.names(f"'{folder['id']}' in parents") == ["a"]
    assert only.bytes_of(dropped["id"]) == b"x"


def test_a_deletion_is_told_to_who_knew_the_file(api: Api, only: Api) -> None:
    """Not to others."""
    own, theirs = only.make("own"), api.make("theirs")
    token = only.token()
    for one in (own, theirs):
        api.delete(f"drive/v3/files/{one['id']}")

    found = only.changes(token)["changes"]
    assert [(one["fileId"], one["removed"]) for one in found] == [(own["id"], True)]


def test_app_properties_are_the_programs_own(api: Api, emulator: Emulator) -> None:
    """Another one neither sees nor changes nor finds them; properties are for all [PROP]."""
    file = api.make("a", appProperties={"k": "mine"}, properties={"p": "all"})
    path = f"drive/v3/files/{file['id']}"
    with as_user(emulator, ME, client="other") as other:
        seen = other.file(file["id"])
        assert "appProperties" not in seen
        assert seen["properties"] == {"p": "all"}
        other.ok("PATCH", path, json={"appProperties": {"k": "theirs"}})
        assert other.names("appProperties has {key='k' and value='theirs'}") == ["a"]
        assert other.names("appProperties has {key='k' and value='mine'}") == []
    assert api.file(file["id"])["appProperties"] == {"k": "mine"}
    assert api.names("appProperties has {key='k' and value='mine'}") == ["a"]


def test_a_token_tells_its_scope(api: Api, emulator: Emulator) -> None:
    """And what it may do, it does after a restart too."""
    user = emulator.user(ME, scopes=["drive.readonly"])
    emulator.stop()
    emulator.start()
    api.base_url = emulator.url  # type: ignore[assignment]

    assert error(api.post("drive/v3/files", headers=user.headers)) == REFUSED
