"""Shared drives: files that belong to nobody but the drive."""

from __future__ import annotations

from typing import Any

import pytest

from colab_magics.emulator import Emulator
from emulator.api import ANN, FOLDER, Api, error
from emulator.google import service_of

ALL = "supportsAllDrives=true"
BOTH = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}


@pytest.fixture
def team(api: Api) -> str:
    """The id of a shared drive that the default user made."""
    drive = api.ok("POST", "drive/v3/drives?requestId=r1", json={"name": "Team"})
    return str(drive["id"])


def make(api: Api, parent: str, name: str, data: bytes = b"", **body: Any) -> dict[str, Any]:
    body = {"name": name, "parents": [parent], **body}
    file = api.ok("POST", f"drive/v3/files?{ALL}", json=body, fields="*")
    if data:
        path = f"upload/drive/v3/files/{file['id']}?uploadType=media&{ALL}"
        return api.ok("PATCH", path, content=data, fields="*")
    return file


def join(api: Api, team: str, role: str) -> None:
    api.share(team, role, ANN)


def test_a_drive_is_made_once(api: Api, team: str) -> None:
    """The request's name makes a repeated one harmless."""
    assert len(team) == 19
    assert api.post("drive/v3/drives?requestId=r1", json={"name": "x"}).status_code == 409
    assert api.post("drive/v3/drives", json={"name": "x"}).status_code == 400
    listed = api.ok("GET", "drive/v3/drives")
    assert listed["drives"] == [{"kind": "drive#drive", "id": team, "name": "Team"}]
    whole = api.ok("GET", f"drive/v3/drives/{team}?fields=*")
    assert whole["capabilities"]["canManageMembers"] is True
    assert whole["hidden"] is False
    assert api.ok("GET", "drive/v3/teamdrives")["teamDrives"][0]["id"] == team


def test_a_drive_is_changed_hidden_and_deleted(api: Api, team: str) -> None:
    """Deleting needs an empty one."""
    path = f"drive/v3/drives/{team}"
    assert api.ok("PATCH", path, json={"name": "New"})["name"] == "New"
    assert api.ok("POST", f"{path}/hide", fields="hidden") == {"hidden": True}
    assert api.ok("GET", "drive/v3/drives", params={"q": "hidden = true"})["drives"] != []
    assert api.ok("POST", f"{path}/unhide", fields="hidden") == {"hidden": False}
    assert api.ok("GET", "drive/v3/drives", params={"q": "name contains 'ne'"})["drives"] != []
    make(api, team, "a")
    assert api.delete(path).status_code == 403
    assert api.delete(f"{path}?allowItemDeletion=true").status_code == 204
    assert error(api.get(path))[:2] == (404, "notFound")


def test_its_files_have_no_owner(api: Api, team: str) -> None:
    """But the drive they are in; its root is called Drive and is their parent."""
    file = make(api, team, "a", b"123")

    assert file["driveId"] == team
    assert file["parents"] == [team]
    assert {"owners", "ownedByMe", "shared", "permissions"} & file.keys() == set()
    assert file["capabilities"]["canDelete"] is True
    assert api.ok("GET", f"drive/v3/files/{team}?{ALL}")["name"] == "Drive"
    about = api.ok("GET", "drive/v3/about?fields=storageQuota")["storageQuota"]
    assert about["usage"] == "0"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "{}"),
        ("PATCH", "{}"),
        ("DELETE", "{}"),
        ("POST", "{}/copy"),
        ("GET", "{}/permissions"),
    ],
)
def test_old_clients_do_not_see_its_files(api: Api, team: str, method: str, path: str) -> None:
    """Without supportsAllDrives they are not there [ERR]."""
    file = make(api, team, "a", b"x")
    answer = api.request(method, "drive/v3/files/" + path.format(file["id"]))

    assert error(answer) == (404, "notFound", f"File not found: {file['id']}.")


def test_bytes_are_had_without_the_parameter(api: Api, team: str) -> None:
    """rclone, which works on shared drives, reads them so [RC]."""
    file = make(api, team, "a", b"x")

    assert api.bytes_of(file["id"]) == b"x"


def test_an_old_client_does_not_write_there(api: Api, team: str) -> None:
    """Neither metadata nor bytes."""
    body = {"parents": [team]}
    assert api.post("drive/v3/files", json=body).status_code == 404
    begun = api.post("upload/drive/v3/files?uploadType=resumable", json=body)
    assert begun.status_code == 404


def test_a_session_goes_on_into_a_shared_drive(api: Api, team: str) -> None:
    """The address of a session does not repeat the parameter."""
    path = f"upload/drive/v3/files?uploadType=resumable&{ALL}"
    begun = api.post(path, json={"name": "a", "parents": [team]})
    file = api.put(begun.headers["location"], content=b"x").json()

    assert api.ok("GET", f"drive/v3/files/{file['id']}?{ALL}", fields="driveId")["driveId"] == team


def test_a_full_drive_of_ones_own_does_not_matter_there(
    api: Api, emulator: Emulator, team: str
) -> None:
    """However the bytes are sent: also a session is begun, and a copy is made."""
    emulator.storage_limit = 3
    file = make(api, team, "a", b"12345")
    path, body = f"upload/drive/v3/files?uploadType=resumable&{ALL}", {"parents": [team]}
    headers = {"X-Upload-Content-Length": "5"}

    session = api.post(path, json=body, headers=headers).headers["location"]
    assert api.put(session, content=b"12345").status_code == 200
    assert api.post(f"drive/v3/files/{file['id']}/copy?{ALL}", json={}).status_code == 200
    answer = api.post(path, json={}, headers=headers)
    assert error(answer)[:2] == (403, "storageQuotaExceeded")


def test_lists_have_its_files_only_if_asked(api: Api, team: str) -> None:
    """Two parameters, or three for one drive alone."""
    make(api, team, "theirs")
    api.make("mine")

    assert api.names() == ["mine"]
    assert sorted(api.names(**BOTH)) == ["mine", "theirs"]
    assert sorted(api.names(corpora="allDrives", **BOTH)) == ["mine", "theirs"]
    assert api.names(corpora="drive", driveId=team, **BOTH) == ["theirs"]
    assert api.names(f"'{team}' in parents", **BOTH) == ["theirs"]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"corpora": "drive", **BOTH}, 400),
        ({"driveId": "{}", **BOTH}, 400),
        ({"corpora": "drive", "driveId": "{}", "supportsAllDrives": "true"}, 400),
        ({"corpora": "allDrives", "supportsAllDrives": "true"}, 400),
        ({"corpora": "drive", "driveId": "none", **BOTH}, 404),
        ({"includeItemsFromAllDrives": "true"}, 403),
    ],
)
def test_half_a_question_is_refused(api: Api, team: str, params: Any, status: int) -> None:
    """Parameters that belong together."""
    params = {name: value.format(team) for name, value in params.items()}

    assert api.get("drive/v3/files", params=params).status_code == status


def test_members_have_roles(api: Api, ann: Api, team: str) -> None:
    """From reading to organizing; who is no member sees nothing."""
    file, folder = make(api, team, "a", b"x"), make(api, team, "f", mimeType=FOLDER)
    path = f"drive/v3/files/{file['id']}"
    assert ann.get(f"{path}?{ALL}").status_code == 404
    assert ann.get(f"drive/v3/drives/{team}").status_code == 404

    allowed = {}
    for role in ("reader", "writer", "fileOrganizer", "organizer"):
        join(api, team, role)
        move = f"{path}?{ALL}&addParents={folder['id']}"
        back = f"{path}?{ALL}&addParents={team}"
        allowed[role] = [
            ann.get(f"{path}?alt=media&{ALL}").status_code,
            ann.patch(f"{path}?{ALL}", json={"name": "b"}).status_code,
            ann.patch(move, json={}).status_code,
            ann.patch(f"{path}?{ALL}", json={"trashed": True}).status_code,
        ]
        api.patch(f"{path}?{ALL}", json={"trashed": False})
        api.patch(back, json={})

    assert allowed == {
        "reader": [200, 403, 403, 403],
        "writer": [200, 200, 403, 403],
        "fileOrganizer": [200, 200, 200, 200],
        "organizer": [200, 200, 200, 200],
    }
    join(api, team, "fileOrganizer")
    assert ann.delete(f"{path}?{ALL}").status_code == 403
    assert ann.delete(f"drive/v3/drives/{team}").status_code == 403
    join(api, team, "organizer")
    assert ann.delete(f"{path}?{ALL}").status_code == 204


def test_permissions_tell_where_they_come_from(api: Api, team: str) -> None:
    """Inherited from the drive, or given at the file."""
    file = make(api, team, "a")
    api.share(file["id"], "reader", ANN)
    path = f"drive/v3/files/{file['id']}/permissions?{ALL}"
    found = api.ok("GET", path, fields="*")["permissions"]
    details = {one["role"]: one["permissionDetails"] for one in found}

    assert details == {
        "organizer": [
            {
                "permissionType": "member",
                "role": "organizer",
                "inherited": True,
                "inheritedFrom": team,
            }
        ],
        "reader": [{"permissionType": "file", "role": "reader", "inherited": False}],
    }
    (inherited,) = [one["id"] for one in found if one["role"] == "organizer"]
    answer = api.delete(f"drive/v3/files/{file['id']}/permissions/{inherited}?{ALL}")
    assert answer.status_code == 403


def test_a_drive_keeps_an_organizer(api: Api, team: str) -> None:
    """The last one can not leave."""
    path = f"drive/v3/files/{team}/permissions"
    (mine,) = api.ok("GET", f"{path}?{ALL}")["permissions"]

    assert api.delete(f"{path}/{mine['id']}?{ALL}").status_code == 403


def test_files_move_in_and_out(api: Api, team: str) -> None:
    """A file loses its owner and gets one; a folder of My Drive does not go in [ERR]."""
    file, folder = api.make("a", b"123"), api.folder("f")
    root = api.file("root")["id"]
    moved = f"drive/v3/files/{file['id']}?{ALL}&addParents="
    inside = api.ok("PATCH", moved + team, json={}, fields="*")
    assert inside["driveId"] == team
    assert "owners" not in inside
    outside = api.ok("PATCH", moved + root, json={}, fields="*")
    assert "driveId" not in outside
    assert outside["ownedByMe"] is True
    answer = api.patch(f"drive/v3/files/{folder['id']}?{ALL}&addParents={team}", json={})

    assert error(answer)[:2] == (403, "teamDrivesFolderMoveInNotSupported")


def test_its_trash_is_its_own(api: Api, team: str) -> None:
    """Emptying mine leaves it, and the other way round."""
    for parent in (team, "root"):
        file = make(api, parent, f"in {parent == team}")
        api.ok("PATCH", f"drive/v3/files/{file['id']}?{ALL}", json={"trashed": True})
    assert api.delete("drive/v3/files/trash").status_code == 204
    assert api.names("trashed", **BOTH) == ["in True"]
    assert api.delete(f"drive/v3/files/trash?driveId={team}").status_code == 204
    assert api.names("trashed", **BOTH) == []


class TestTheLog:
    """A shared drive has a log of its own, and is in its members' if they ask."""

    def test_a_drive_has_its_own(self, api: Api, team: str) -> None:
        """What happens in My Drive is not in it."""
        token = api.ok("GET", f"drive/v3/changes/startPageToken?driveId={team}&{ALL}")[
            "startPageToken"
        ]
        api.make("mine")
        theirs = make(api, team, "theirs")
        found = api.changes(token, driveId=team, **BOTH)["changes"]

        assert [one["fileId"] for one in found] == [theirs["id"]]

    def test_a_member_sees_it_if_asked_for(self, api: Api, ann: Api, team: str) -> None:
        """In the log of the user, with the parameter that says so."""
        join(api, team, "reader")
        token = ann.token()
        theirs = make(api, team, "theirs")

        assert ann.changes(token)["changes"] == []
        found = ann.changes(token, **BOTH)["changes"]
        assert [one["fileId"] for one in found] == [theirs["id"]]

    def test_the_drive_itself_is_a_change(self, api: Api, ann: Api, team: str) -> None:
        """Renamed, and gone for who is no member any more."""
        token = ann.token()
        join(api, team, "reader")
        (entry,) = ann.changes(token, **BOTH)["changes"]
        assert (entry["changeType"], entry["driveId"]) == ("drive", team)
        assert entry["drive"]["name"] == "Team"
        assert "fileId" not in entry

        path = f"drive/v3/files/{team}/permissions"
        mine = [one["id"] for one in api.ok("GET", f"{path}?{ALL}")["permissions"]]
        hers = ann.ok("GET", "drive/v3/about?fields=user")["user"]["permissionId"]
        assert hers in mine
        api.delete(f"{path}/{hers}?{ALL}")
        (entry,) = ann.changes(token, **BOTH)["changes"]

        assert (entry["changeType"], entry["removed"]) == ("drive", True)


def test_googles_client_works_with_drives(emulator: Emulator) -> None:
    """With the parameters that its users know."""
    with service_of(emulator) as service:
        drive = service.drives().create(requestId="x", body={"name": "T"}).execute()
        body = {"name": "a", "parents": [drive["id"]]}
        service.files().create(body=body, supportsAllDrives=True).execute()
        found = service.files().list(
            corpora="drive",
            driveId=drive["id"],
            includeItemsFromAllDrives=True,
            supportsAllDrives=True,
        )
        assert [one["name"] for one in found.execute()["files"]] == ["a"]
        assert service.drives().list().execute()["drives"][0]["name"] == "T"
