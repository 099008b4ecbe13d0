"""The folder of a program's own data, which nobody else sees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from colab_magics.emulator import Emulator
from emulator.api import ANN, BOB, FOLDER, Api, as_user, error

APP = "appDataFolder"
SCOPES = ["drive.appdata", "drive"]


@pytest.fixture
def app(emulator: Emulator) -> Iterator[Api]:
    """A program that keeps data of its own on Ann's Drive."""
    with as_user(emulator, ANN, client="app", scopes=SCOPES) as client:
        yield client


def test_a_programs_data_is_found_in_its_space_only(app: Api) -> None:
    """Not in a list of the Drive, not below its root, not in its log of changes [DISC]."""
    token = app.token()
    app.make("seen")
    folder = app.folder("inside", parents=[APP])
    file = app.make("config.json", b"{}", parents=[folder["id"]])

    assert file["spaces"] == [APP]
    assert app.ok("GET", f"drive/v2/files/{file['id']}")["appDataContents"] is True
    assert app.names() == ["seen"]
    assert app.names("'root' in parents") == ["seen"]
    assert sorted(app.names(spaces=APP)) == ["config.json", "inside"]
    assert app.names(f"'{APP}' in parents", spaces=APP) == ["inside"]
    assert sorted(app.names(spaces=f"drive,{APP}")) == ["config.json", "inside", "seen"]
    assert app.file(APP)["id"] == folder["parents"][0]
    assert len(app.changes(token)["changes"]) == 1
    assert len(app.changes(token, spaces=APP)["changes"]) == 2

    app.delete(f"drive/v3/files/{folder['id']}").raise_for_status()
    assert app.names(spaces=APP) == []
    assert [one["removed"] for one in app.changes(token)["changes"]] == [False]
    assert [one["removed"] for one in app.changes(token, spaces=APP)["changes"]] == [True, True]


@pytest.mark.parametrize(
    ("email", "client", "scopes"),
    [(ANN, "other", SCOPES), (BOB, "app", SCOPES), (ANN, "app", ["drive"])],
)
def test_nobody_else_sees_it(
    emulator: Emulator, app: Api, email: str, client: str, scopes: list[str]
) -> None:
    """Not another program of the user, nor the program with another user, or without the scope."""
    file = app.make("mine", b"1", parents=[APP])
    with as_user(emulator, email, client=client, scopes=scopes) as other:
        assert other.get(f"drive/v3/files/{file['id']}").status_code == 404
        assert other.get(f"drive/v3/files/{file['id']}?alt=media").status_code == 404
        assert other.delete(f"drive/v3/files/{file['id']}").status_code == 404
        assert other.names() == []
        answer = other.get(f"drive/v3/files?spaces={APP}")
        if "drive.appdata" in scopes:
            assert answer.json()["files"] == []
        else:
            assert error(answer)[:2] == (403, "insufficientScopes")


def test_who_may_use_its_data_alone_sees_nothing_of_the_drive(emulator: Emulator) -> None:
    """The scope is for the one folder."""
    with as_user(emulator, ANN, client="tool") as tool:
        file = tool.make("private", b"1")
    with as_user(emulator, ANN, client="app", scopes=["drive.appdata"]) as app:
        assert app.names() == []
        assert app.get(f"drive/v3/files/{file['id']}?alt=media").status_code == 404
        answer = app.post("drive/v3/files", json={"name": "a"})
        assert error(answer)[:2] == (403, "insufficientScopes")
        app.make("a", b"1", parents=[APP])
        assert app.names(spaces=APP) == ["a"]


def test_its_folder_is_a_parent_by_its_alias(app: Api) -> None:
    """In a move as in a create."""
    folder, file = app.folder("in", parents=[APP]), app.make("config.json", parents=[APP])
    path = f"drive/v3/files/{file['id']}"
    app.ok("PATCH", path, params={"addParents": folder["id"], "removeParents": APP}, json={})
    assert app.file(file["id"])["parents"] == [folder["id"]]

    app.ok("PATCH", path, params={"addParents": APP, "removeParents": folder["id"]}, json={})
    assert app.file(file["id"])["parents"] == folder["parents"]


def test_it_can_not_be_trashed_shared_or_moved(app: Api) -> None:
    """Only changed and deleted; a copy stays where it is [not documented]."""
    file, outside = app.make("a", b"1", parents=[APP]), app.make("b")
    inside = app.folder("inside", parents=[APP])
    path = f"drive/v3/files/{file['id']}"
    refused = [
        app.patch(path, json={"trashed": True}),
        app.post(f"{path}/permissions", json={"role": "reader", "type": "anyone"}),
        app.patch(f"{path}?addParents=root", json={}),
        app.patch(f"drive/v3/files/{outside['id']}?addParents={APP}", json={}),
    ]
    assert {error(one)[:2] for one in refused} == {(403, "notSupportedForAppDataFolderFiles")}

    app.ok("PATCH", f"{path}?addParents={inside['id']}", json={"name": "c"})
    app.ok("POST", f"{path}/copy", json={"name": "d"})
    assert sorted(app.names(spaces=APP)) == ["c", "d", "inside"]
    assert app.names(f"mimeType = '{FOLDER}'") == []
