"""Who may do what with whose files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from emulator.api import ANN, BOB, Api, as_user, error
from emulator.google import service_of

ME = "user@drive.emulator"
NO_RIGHTS = (
    403,
    "insufficientFilePermissions",
    "The user does not have sufficient permissions for this file.",
)


def permissions(api: Api, file_id: str) -> dict[str, str]:
    found = api.ok("GET", f"drive/v3/files/{file_id}/permissions", fields="*")["permissions"]
    return {one.get("emailAddress", one["id"]): one["role"] for one in found}


@pytest.mark.parametrize(
    ("path", "size", "several"),
    [("drive/v3", "pageSize", "permissions"), ("drive/v2", "maxResults", "items")],
)
def test_a_list_of_permissions_has_pages_if_asked(
    api: Api, path: str, size: str, several: str
) -> None:
    """All at once otherwise, at a file that is in no shared drive [DISC]."""
    file = api.make("a")
    path = f"{path}/files/{file['id']}/permissions"
    for number in range(4):
        api.share(file["id"], "reader", f"user{number}@example.com")
    whole = api.ok("GET", path)
    assert (len(whole[several]), "nextPageToken" in whole) == (5, False)

    found, token = list[str](), ""
    for many in (2, 2, 1):
        page = api.ok("GET", path, params={size: "2", "pageToken": token})
        assert len(page[several]) == many
        found, token = found + [one["id"] for one in page[several]], page.get("nextPageToken", "")
    assert (found, token) == ([one["id"] for one in whole[several]], "")
    assert error(api.get(f"{path}?pageToken=x"))[:2] == (400, "invalid")


def test_each_user_has_a_drive_of_their_own(api: Api, ann: Api) -> None:
    """Nobody sees what was not shared; `root` is a different folder for each."""
    file = api.make("mine", b"x")

    assert ann.names() == []
    assert ann.file("root")["id"] != api.file("root")["id"]
    for path in ("", "?alt=media"):
        answer = ann.get(f"drive/v3/files/{file['id']}{path}")
        assert error(answer) == (404, "notFound", f"File not found: {file['id']}.")
    assert ann.delete(f"drive/v3/files/{file['id']}").status_code == 404
    assert ann.patch(f"drive/v3/files/{file['id']}", json={"name": "x"}).status_code == 404
    assert ann.post(f"drive/v3/files/{file['id']}/copy", json={}).status_code == 404


def test_about_names_the_user(api: Api, ann: Api) -> None:
    """And what they use, not what others do."""
    api.make("mine", b"12345")
    ann.make("hers", b"123")
    about = ann.ok("GET", "drive/v3/about?fields=user,storageQuota")

    assert about["user"]["emailAddress"] == ANN
    assert about["user"]["displayName"] == "Ann"
    assert about["storageQuota"]["usage"] == "3"
    assert api.ok("GET", "drive/v3/about?fields=user")["user"]["emailAddress"] == ME


def test_a_shared_file_is_seen_from_both_sides(api: Api, ann: Api) -> None:
    """Owner, reader, and the permission that ties them."""
    file = api.make("a.txt", b"x")
    given = api.share(file["id"], "reader", ANN)
    seen = ann.file(file["id"])

    assert given["emailAddress"] == ANN
    assert given["id"] == ann.ok("GET", "drive/v3/about?fields=user")["user"]["permissionId"]
    assert permissions(api, file["id"]) == {ME: "owner", ANN: "reader"}
    assert seen["ownedByMe"] is False
    assert seen["shared"] is True
    assert [one["emailAddress"] for one in seen["owners"]] == [ME]
    assert "permissions" not in seen
    assert "parents" not in seen
    assert seen["capabilities"]["canDownload"] is True
    assert seen["capabilities"]["canEdit"] is False
    assert seen["sharedWithMeTime"]
    assert ann.bytes_of(file["id"]) == b"x"
    assert [len(one["permissions"]) for one in [api.file(file["id"])]] == [2]


@pytest.mark.parametrize(
    ("role", "may"),
    [("reader", "rc"), ("commenter", "rc"), ("writer", "rcws")],
)
def test_roles_allow_what_they_say(api: Api, ann: Api, role: str, may: str) -> None:
    """Read, copy, write, share; trashing and deleting are the owner's."""
    file = api.make("a.txt", b"x")
    api.share(file["id"], role, ANN)
    path = f"drive/v3/files/{file['id']}"
    tried = {
        "r": ann.get(f"{path}?alt=media"),
        "c": ann.post(f"{path}/copy", json={}),
        "w": ann.patch(path, json={"name": "b"}),
        "u": ann.patch(f"upload/{path}?uploadType=media", content=b"y"),
        "s": ann.post(f"{path}/permissions", json={"type": "anyone", "role": "reader"}),
        "l": ann.get(f"{path}/permissions"),
        "t": ann.patch(path, json={"trashed": True}),
        "d": ann.delete(path),
    }
    may += "ul" if "w" in may else ""

    refused = {key: error(answer) for key, answer in tried.items() if answer.status_code >= 400}
    assert refused == dict.fromkeys(set(tried) - set(may), NO_RIGHTS)


def test_a_resumable_upload_needs_the_right_at_once(api: Api, ann: Api) -> None:
    """Before a byte is sent."""
    file = api.make("a.txt", b"x")
    api.share(file["id"], "reader", ANN)
    answer = ann.patch(f"upload/drive/v3/files/{file['id']}?uploadType=resumable", json={})

    assert error(answer) == NO_RIGHTS


def test_a_session_goes_on_as_who_began_it(api: Api, ann: Api, emulator: Emulator) -> None:
    """Its address is enough; the file is still hers."""
    begun = ann.post("upload/drive/v3/files?uploadType=resumable", json={"name": "hers"})
    # Nobody's header comes with the bytes.
    file = api.put(begun.headers["location"], content=b"x").json()

    assert ann.file(file["id"])["ownedByMe"] is True
    assert api.names() == []


def test_what_is_in_a_shared_folder_is_shared(api: Api, ann: Api) -> None:
    """Rights come from the folders above, and the higher one counts."""
    folder = api.folder("f")
    inner = api.folder("g", parents=[folder["id"]])
    file = api.make("a", b"x", parents=[inner["id"]])
    api.share(folder["id"], "reader", ANN)
    assert sorted(ann.names()) == ["a", "f", "g"]
    assert ann.names(f"'{inner['id']}' in parents") == ["a"]
    assert ann.patch(f"drive/v3/files/{file['id']}", json={"name": "b"}).status_code == 403

    api.share(file["id"], "writer", ANN)

    assert ann.patch(f"drive/v3/files/{file['id']}", json={"name": "b"}).status_code == 200
    assert ann.patch(f"drive/v3/files/{inner['id']}", json={"name": "b"}).status_code == 403
    assert ann.file(file["id"])["parents"] == [inner["id"]]


def test_others_write_into_a_shared_folder(api: Api, ann: Api) -> None:
    """What they make is theirs; the folder's owner may write it too, but not delete it."""
    folder = api.folder("inbox")
    body = {"parents": [folder["id"]]}
    api.share(folder["id"], "reader", ANN)
    refused = ann.post("drive/v3/files", json=body)
    assert refused.status_code == 403
    assert refused.json()["error"]["errors"][0]["reason"] == "insufficientParentPermissions"

    api.share(folder["id"], "writer", ANN)
    file = ann.make("hers", b"x", **body)

    assert file["ownedByMe"] is True
    seen = api.file(file["id"])
    assert [one["emailAddress"] for one in seen["owners"]] == [ANN]
    assert api.put_bytes(file["id"], b"y")["lastModifyingUser"]["emailAddress"] == ME
    assert error(api.delete(f"drive/v3/files/{file['id']}")) == NO_RIGHTS
    assert permissions(api, file["id"]) == {ANN: "owner", ME: "writer"}


def test_deleting_a_folder_spares_what_others_own(api: Api, ann: Api) -> None:
    """Only the owner's descendants go [DISC]; hers is found in her own root."""
    folder = api.folder("inbox")
    api.share(folder["id"], "writer", ANN)
    hers = ann.make("hers", b"x", parents=[folder["id"]])
    mine = api.make("mine", parents=[folder["id"]])
    assert api.delete(f"drive/v3/files/{folder['id']}").status_code == 204

    assert ann.file(hers["id"])["parents"] == [ann.file("root")["id"]]
    assert api.get(f"drive/v3/files/{mine['id']}").status_code == 404
    assert ann.bytes_of(hers["id"]) == b"x"


@pytest.mark.parametrize("way", ["emptied", "deleted"])
def test_what_others_own_leaves_the_trash_with_its_folder(api: Api, ann: Api, way: str) -> None:
    """They could not take it out themselves; the log of who removed the folder says it is gone."""
    folder = api.folder("inbox")
    api.share(folder["id"], "writer", ANN)
    box = ann.folder("hers", parents=[folder["id"]])
    inside = ann.make("in hers", b"x", parents=[box["id"]])
    api.ok("PATCH", f"drive/v3/files/{folder['id']}", json={"trashed": True})
    token = api.token()
    path = {"emptied": "trash", "deleted": folder["id"]}[way]
    assert api.delete(f"drive/v3/files/{path}").status_code == 204

    assert sorted(ann.names("trashed = false")) == ["hers", "in hers"]
    lost = {one["fileId"] for one in api.changes(token)["changes"] if one["removed"]}
    assert lost == {folder["id"], box["id"], inside["id"]}


def test_searches_know_who_has_what(api: Api, ann: Api) -> None:
    """Owners, writers, readers, and what was shared with me."""
    mine, shared = api.make("mine"), api.make("shared")
    ann.make("hers")
    api.share(shared["id"], "reader", ANN)

    assert ann.names("sharedWithMe") == ["shared"]
    assert ann.names("sharedWithMe = false") == ["hers"]
    assert ann.names("'me' in owners") == ["hers"]
    assert ann.names(f"'{ME}' in owners") == ["shared"]
    assert ann.names("'me' in writers") == ["hers"]
    assert sorted(ann.names("'me' in readers")) == ["hers", "shared"]
    assert api.names(f"'{ANN}' in readers") == ["shared"]
    assert ann.names("sharedWithMeTime > '2020-01-01T00:00:00'") == ["shared"]
    assert sorted(api.names("'me' in owners")) == sorted([mine["name"], shared["name"]])


def test_a_star_is_everybodys_own(api: Api, ann: Api) -> None:
    """A reader may set one, and the owner does not see it."""
    file = api.make("a")
    api.share(file["id"], "reader", ANN)
    ann.ok("PATCH", f"drive/v3/files/{file['id']}", json={"starred": True})

    assert ann.names("starred") == ["a"]
    assert api.names("starred") == []
    assert ann.file(file["id"])["starred"] is True


def test_a_link_lets_in_who_has_it(api: Api, ann: Api) -> None:
    """It is read by id, and turns up in no search."""
    file = api.make("a", b"x")
    given = api.share(file["id"], "reader", type="anyone")

    assert given["id"] == "anyoneWithLink"
    assert given["allowFileDiscovery"] is False
    assert ann.bytes_of(file["id"]) == b"x"
    assert ann.names() == []
    assert api.names("visibility = 'anyoneWithLink'") == ["a"]
    assert api.names("visibility = 'limited'") == []


def test_a_public_file_can_be_found(api: Api, ann: Api) -> None:
    """If it was shared so."""
    file = api.make("a", b"x")
    api.share(file["id"], "reader", type="anyone", allowFileDiscovery=True)

    assert ann.names() == ["a"]
    assert api.names("visibility = 'anyoneCanFind'") == ["a"]


def test_a_domain_is_all_its_users(api: Api, ann: Api, emulator: Emulator) -> None:
    """By the part of the address after the sign."""
    file = api.make("a", b"x")
    api.share(file["id"], "reader", type="domain", domain="example.com")

    assert ann.bytes_of(file["id"]) == b"x"
    with as_user(emulator, "eve@elsewhere.org") as eve:
        assert eve.get(f"drive/v3/files/{file['id']}").status_code == 404


def test_a_group_is_nobody(api: Api, ann: Api) -> None:
    """Whoever has the address that a group is said to have finds no more than they can get."""
    file = api.make("a", b"x")
    api.share(file["id"], "reader", type="group", emailAddress=ANN)

    assert ann.get(f"drive/v3/files/{file['id']}").status_code == 404
    assert ann.names() == []


def test_a_resource_key_is_asked_for(api: Api, ann: Api) -> None:
    """A file shared by a link may need its key in a header; those invited need none."""
    file = api.make("a", b"x")
    api.share(file["id"], "reader", type="anyone")
    set_key = {"id": file["id"], "resourceKey": True}
    key = api.ok("POST", "emulator/files", json=set_key)["resourceKey"]
    path = f"drive/v3/files/{file['id']}"

    assert api.file(file["id"])["resourceKey"] == key
    assert f"resourcekey={key}" in api.file(file["id"])["webViewLink"]
    assert ann.get(path).status_code == 404
    wrong = {"X-Goog-Drive-Resource-Keys": f"{file['id']}/0-no"}
    assert ann.get(path, headers=wrong).status_code == 404
    headers = {"X-Goog-Drive-Resource-Keys": f"other/0-k,{file['id']}/{key}"}
    assert ann.get(path, headers=headers).status_code == 200
    api.share(file["id"], "reader", ANN)
    assert ann.get(path).status_code == 200


def test_permissions_are_changed_and_taken_away(api: Api, ann: Api) -> None:
    """The reader becomes a writer, then nobody."""
    file = api.make("a", b"x")
    given = api.share(file["id"], "reader", ANN)
    path = f"drive/v3/files/{file['id']}/permissions/{given['id']}"
    changed = api.ok("PATCH", path, json={"role": "writer"}, fields="id,role")
    assert changed == {"id": given["id"], "role": "writer"}
    assert api.ok("GET", path) == {
        "kind": "drive#permission",
        "id": given["id"],
        "type": "user",
        "role": "writer",
    }

    assert api.delete(path).status_code == 204
    assert ann.get(f"drive/v3/files/{file['id']}").status_code == 404
    assert error(api.get(path))[:2] == (404, "notFound")
    assert api.file(file["id"])["shared"] is False


def test_everybody_may_leave(api: Api, ann: Api) -> None:
    """A reader takes their own permission away, but not another's."""
    file = api.make("a")
    api.share(file["id"], "reader", BOB)
    mine = api.share(file["id"], "reader", ANN)["id"]
    other = api.ok("GET", "drive/v3/about?fields=user")["user"]["permissionId"]
    path = f"drive/v3/files/{file['id']}/permissions"

    assert error(ann.delete(f"{path}/{other}")) == NO_RIGHTS
    assert ann.delete(f"{path}/{mine}").status_code == 204
    assert ann.names() == []


def test_a_file_gets_a_new_owner(api: Api, ann: Api) -> None:
    """Only with the parameter that says so; the old owner may write."""
    file = api.make("a", b"123")
    body = {"type": "user", "role": "owner", "emailAddress": ANN}
    path = f"drive/v3/files/{file['id']}/permissions"
    assert api.post(path, json=body).status_code == 403

    api.ok("POST", f"{path}?transferOwnership=true", json=body)

    assert permissions(ann, file["id"]) == {ANN: "owner", ME: "writer"}
    assert ann.ok("GET", "drive/v3/about?fields=storageQuota")["storageQuota"]["usage"] == "3"
    assert api.ok("GET", "drive/v3/about?fields=storageQuota")["storageQuota"]["usage"] == "0"


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"type": "user", "role": "reader"}, "permission.emailAddress"),
        ({"type": "user", "role": "reader", "emailAddress": "x"}, "permission.emailAddress"),
        ({"type": "domain", "role": "reader"}, "permission.domain"),
        ({"type": "nobody", "role": "reader"}, "permission.type"),
        ({"type": "anyone", "role": "king"}, "permission.role"),
        ({"type": "anyone"}, "permission.role"),
    ],
)
def test_nonsense_is_refused(api: Api, body: Any, location: str) -> None:
    """With the field that is wrong."""
    file = api.make("a")
    answer = api.post(f"drive/v3/files/{file['id']}/permissions", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["errors"][0]["location"] == location


def test_writers_may_be_kept_from_sharing(api: Api, ann: Api) -> None:
    """`writersCanShare` is the owner's to set."""
    file = api.make("a", writersCanShare=False)
    api.share(file["id"], "writer", ANN)
    body = {"type": "anyone", "role": "reader"}

    assert error(ann.post(f"drive/v3/files/{file['id']}/permissions", json=body)) == NO_RIGHTS


def test_downloads_may_be_kept_from_readers(api: Api, ann: Api) -> None:
    """`copyRequiresWriterPermission` stops reading the bytes and copying them."""
    file = api.make("a", b"x", copyRequiresWriterPermission=True)
    api.share(file["id"], "reader", ANN)
    path = f"drive/v3/files/{file['id']}"

    assert ann.file(file["id"])["capabilities"]["canDownload"] is False
    assert ann.get(f"{path}?alt=media").status_code == 403
    assert error(ann.post(f"{path}/copy", json={}))[:2] == (403, "fileNotCopyable")


def test_a_permission_ends(api: Api, emulator: Emulator) -> None:
    """At the time that it names, which must be to come."""
    file = api.make("a", b"x")
    body = {"type": "user", "role": "reader", "emailAddress": ANN}
    past = {**body, "expirationTime": "2020-01-01T00:00:00Z"}
    path = f"drive/v3/files/{file['id']}/permissions"
    assert api.post(path, json=past).status_code == 400

    soon = datetime.now(UTC) + timedelta(hours=1)
    api.ok("POST", path, json={**body, "expirationTime": soon.isoformat()})
    emulator.tokens.lifetime = 9999
    with as_user(emulator, ANN) as ann:
        assert ann.bytes_of(file["id"]) == b"x"
        assert ann.names() == ["a"]
        emulator.clock.advance(3600)

        assert ann.get(f"drive/v3/files/{file['id']}").status_code == 404
        assert ann.names() == []


class TestTheLog:
    """Each user's change log tells of what they can see."""

    def test_logs_are_apart(self, api: Api, ann: Api) -> None:
        """Another's file makes no entry."""
        token = ann.token()
        api.make("mine")
        assert ann.changes(token)["changes"] == []

    def test_sharing_and_its_end_are_told(self, api: Api, ann: Api) -> None:
        """With the file first; then loss of access looks as deletion does [CHG]."""
        file = api.make("a")
        token = ann.token()
        given = api.share(file["id"], "reader", ANN)
        (entry,) = ann.changes(token)["changes"]
        assert (entry["fileId"], entry["removed"]) == (file["id"], False)

        api.delete(f"drive/v3/files/{file['id']}/permissions/{given['id']}")
        (entry,) = ann.changes(token)["changes"]

        assert (entry["fileId"], entry["removed"]) == (file["id"], True)
        assert "file" not in entry
        (mine,) = [one for one in api.changes(token)["changes"] if one["fileId"] == file["id"]]
        assert mine["removed"] is False

    def test_a_shared_folder_brings_all_that_is_in_it(self, api: Api, ann: Api) -> None:
        """And so does moving a file into one, or out of it."""
        folder = api.folder("f")
        inner = api.make("in", parents=[folder["id"]])
        outer = api.make("out")
        token = ann.token()
        api.share(folder["id"], "reader", ANN)
        seen = {one["fileId"]: one["removed"] for one in ann.changes(token)["changes"]}
        assert seen == {folder["id"]: False, inner["id"]: False}

        token = ann.token()
        path = f"drive/v3/files/{outer['id']}?addParents={folder['id']}"
        api.ok("PATCH", path, json={})
        api.ok("PATCH", f"drive/v3/files/{inner['id']}?addParents=root", json={})

        seen = {one["fileId"]: one["removed"] for one in ann.changes(token)["changes"]}
        assert seen == {outer["id"]: False, inner["id"]: True}

    def test_a_write_is_told_to_both(self, api: Api, ann: Api) -> None:
        """Whoever makes it."""
        file = api.make("a", b"1")
        api.share(file["id"], "writer", ANN)
        tokens = api.token(), ann.token()
        ann.put_bytes(file["id"], b"2")

        for client, token in zip((api, ann), tokens, strict=True):
            (entry,) = client.changes(token)["changes"]
            assert entry["fileId"] == file["id"]

    def test_my_drive_alone_can_be_asked_for(self, api: Api, ann: Api) -> None:
        """Without what others have shared."""
        token = ann.token()
        api.share(api.make("a")["id"], "reader", ANN)
        hers = ann.make("hers")
        found = ann.changes(token, restrictToMyDrive="true")["changes"]

        assert [one["fileId"] for one in found] == [hers["id"]]


def test_ids_are_for_who_asked(api: Api, ann: Api) -> None:
    """What another's create with them gets is not known; modelled as ids that nobody gave."""
    (given,) = api.ok("GET", "drive/v3/files/generateIds?count=1")["ids"]

    answer = ann.post("drive/v3/files", json={"id": given})
    assert error(answer) == (400, "invalid", "The provided file ID is not usable.")
    assert api.make("a", id=given)["id"] == given
    assert error(ann.post("drive/v3/files", json={"id": given}))[0] == 409


def test_a_user_can_be_had_from_another_process(api: Api, emulator: Emulator) -> None:
    """Over the control address; the tokens are like those of everybody."""
    user = api.ok("POST", "emulator/users", json={"email": "New@Example.com"})
    form = {"grant_type": "refresh_token", "refresh_token": user["refresh_token"]}
    token = api.ok("POST", "token", data=form)["access_token"]
    for one in (user["token"], token):
        headers = {"Authorization": f"Bearer {one}"}
        about = api.ok("GET", "drive/v3/about?fields=user", headers=headers)
        assert about["user"]["emailAddress"] == "new@example.com"
    assert user["token"] not in repr(emulator.user("new@example.com"))
    for body in ({"email": "x"}, {"email": 1}, {"email": ANN, "scopes": "drive"}, []):
        assert api.post("emulator/users", json=body).status_code == 400


def test_googles_client_shares(emulator: Emulator) -> None:
    """`permissions` as Google's own library asks for them."""
    with service_of(emulator) as service:
        file = service.files().create(body={"name": "a"}).execute()
        body = {"type": "user", "role": "writer", "emailAddress": ANN}
        rights = service.permissions()
        given = rights.create(fileId=file["id"], body=body, sendNotificationEmail=False).execute()
        update = {"fileId": file["id"], "permissionId": given["id"]}
        assert rights.update(**update, body={"role": "reader"}).execute()["role"] == "reader"
        assert len(rights.list(fileId=file["id"]).execute()["permissions"]) == 2
        assert rights.delete(**update).execute() == ""
        assert len(rights.list(fileId=file["id"]).execute()["permissions"]) == 1


def test_bytes_count_for_the_owner(api: Api, ann: Api, emulator: Emulator) -> None:
    """Whoever writes them; a full Drive of the writer's own does not matter."""
    file = api.make("a", b"1")
    api.share(file["id"], "writer", ANN)
    emulator.storage_limit = 5
    ann.make("hers", b"12345")
    assert api.ok("GET", f"drive/v3/files/{ann.put_bytes(file['id'], b'1234')['id']}")

    path = f"upload/drive/v3/files/{file['id']}?uploadType=media"
    answer = ann.patch(path, content=b"123456")

    assert error(answer)[:2] == (403, "storageQuotaExceeded")
