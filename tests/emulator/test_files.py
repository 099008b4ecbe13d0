"""What requests do to files: create, change, move, copy, trash and delete."""

from __future__ import annotations

import re
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from emulator.api import FOLDER, Api, error

DOCUMENT = "application/vnd.google-apps.document"


def test_a_new_file_has_the_fields_that_drive_gives_it(api: Api) -> None:
    """Numbers are strings, times have milliseconds, the parent is the real root."""
    file = api.make("seed.txt", b"hello", description="words")

    assert re.fullmatch(r"1[A-Za-z0-9_-]{32}", file["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", file["createdTime"])
    assert file["kind"] == "drive#file"
    assert file["name"] == "seed.txt"
    assert file["size"] == "5"
    assert file["quotaBytesUsed"] == "5"
    assert file["md5Checksum"] == "5d41402abc4b2a76b9719d911017c592"
    assert file["sha1Checksum"] == "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
    assert file["sha256Checksum"].startswith("2cf24dba5fb0a30e")
    assert file["parents"] == [api.file("root")["id"]]
    assert file["description"] == "words"
    assert file["fileExtension"] == "txt"
    assert isinstance(file["version"], str)
    assert file["trashed"] is False


def test_the_root_is_an_alias_of_a_real_id(api: Api) -> None:
    """`root` answers with an id that is 19 characters long and works as well."""
    root = api.file("root")

    assert re.fullmatch(r"0A[A-Za-z0-9_-]{11}Uk9PVA", root["id"])
    assert root["name"] == "My Drive"
    assert "parents" not in root
    assert api.file(root["id"])["id"] == root["id"]


def test_a_file_without_a_name_is_untitled_and_empty(api: Api) -> None:
    """A create with nothing makes a file of no bytes."""
    file = api.ok("POST", "drive/v3/files", fields="name,mimeType,size,md5Checksum")

    assert file == {
        "name": "Untitled",
        "mimeType": "application/octet-stream",
        "size": "0",
        "md5Checksum": "d41d8cd98f00b204e9800998ecf8427e",
    }


def test_a_folder_has_no_size_and_no_hash(api: Api) -> None:
    """Folders have no bytes, so none of the fields of bytes."""
    folder = api.folder("inbox")

    assert {"size", "md5Checksum", "headRevisionId"} & folder.keys() == set()
    assert folder["capabilities"]["canAddChildren"] is True


def test_two_files_may_have_one_name(api: Api) -> None:
    """Names are labels, not keys."""
    one, two = api.make("same.txt"), api.make("same.txt")

    assert one["id"] != two["id"]
    assert api.names("name = 'same.txt'") == ["same.txt", "same.txt"]


@pytest.mark.parametrize(
    "name", ["a/b", "it's", 'say "x"', "  blank  ", "日本.txt", "\\", "", "x\ny"]
)
def test_any_text_is_a_name(api: Api, name: str) -> None:
    """Names come back as they were sent."""
    file = api.make(name)

    assert api.file(file["id"])["name"] == name


def test_an_unknown_id_is_not_found(api: Api) -> None:
    """The message names the id."""
    answer = api.get("drive/v3/files/1nothing")

    assert error(answer) == (404, "notFound", "File not found: 1nothing.")
    assert answer.json()["error"]["errors"][0]["location"] == "fileId"


def test_update_changes_only_what_was_sent(api: Api) -> None:
    """PATCH keeps the rest; a rename leaves content and revision alone."""
    before = api.make("a.txt", b"hello", description="words", properties={"k": "v"})
    after = api.ok("PATCH", f"drive/v3/files/{before['id']}", json={"name": "b.txt"}, fields="*")

    assert after["name"] == "b.txt"
    assert after["description"] == "words"
    assert after["properties"] == {"k": "v"}
    assert after["headRevisionId"] == before["headRevisionId"]
    assert int(after["version"]) > int(before["version"])
    assert after["modifiedTime"] >= before["modifiedTime"]


def test_a_new_content_is_a_new_revision(api: Api) -> None:
    """The id stays, the head revision and the hashes change."""
    before = api.make("a.txt", b"one")
    after = api.put_bytes(before["id"], b"two")

    assert after["id"] == before["id"]
    assert after["headRevisionId"] != before["headRevisionId"]
    assert after["md5Checksum"] != before["md5Checksum"]
    assert int(after["version"]) > int(before["version"])
    assert api.bytes_of(before["id"]) == b"two"


def test_a_star_does_not_make_a_file_newer(api: Api) -> None:
    """Only name, content and descriptions count as a modification."""
    before = api.make("a.txt", b"one", modifiedTime="2020-01-01T00:00:00Z")
    after = api.ok("PATCH", f"drive/v3/files/{before['id']}", json={"starred": True}, fields="*")

    assert after["starred"] is True
    assert after["modifiedTime"] == before["modifiedTime"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-01-02T03:04:05.678901234Z", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000Z"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000Z"),
    ],
)
def test_times_that_a_client_sets_are_cut_to_milliseconds(api: Api, sent: str, kept: str) -> None:
    """A client may send nine digits; Drive keeps three."""
    file = api.make("a", modifiedTime=sent, createdTime=sent)

    assert (file["modifiedTime"], file["createdTime"]) == (kept, kept)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"size": "5"}, "The resource body includes fields which are not directly writable."),
        ({"id": "x"}, "The resource body includes fields which are not directly writable."),
        (
            {"parents": ["root"]},
            "The parents field is not directly writable in update requests. "
            "Use the addParents and removeParents parameters instead.",
        ),
    ],
)
def test_fields_of_googles_own_are_not_writable(api: Api, body: Any, said: str) -> None:
    """An update that sends a whole File back is refused."""
    file = api.make("a")
    answer = api.patch(f"drive/v3/files/{file['id']}", json=body)

    assert error(answer) == (403, "fieldNotWritable", said)


@pytest.mark.parametrize(
    "body",
    [
        {"name": 5},
        {"starred": "yes"},
        {"modifiedTime": "yesterday"},
        {"modifiedTime": "0001-01-01T00:00:00+02:00"},
        {"modifiedTime": "9999-12-31T23:59:59-02:00"},
        {"trashed": "yes"},
        {"properties": {"k": 5}},
        {"properties": {"k": "v" * 124}},
        {"appProperties": {f"k{n}": "v" for n in range(31)}},
        {"parents": "root"},
        {"parents": ["root", "root"]},
    ],
)
def test_a_value_of_a_wrong_kind_is_refused(api: Api, body: Any) -> None:
    """A create with a wrong value makes nothing."""
    answer = api.post("drive/v3/files", json=body)

    assert answer.status_code == 400
    assert api.names() == []


@pytest.mark.parametrize("raw", [b"{", b"[]", b"5", b"\xff", rb'{"name": "\ud800"}'])
def test_a_body_that_is_no_object_is_a_parse_error(api: Api, raw: bytes) -> None:
    """Half a JSON is refused as JSON."""
    answer = api.post("drive/v3/files", content=raw)

    assert error(answer) == (400, "parseError", "Parse Error")


def test_properties_are_merged_and_null_clears_one(api: Api) -> None:
    """The limit is 124 bytes of key and value together."""
    file = api.make("a", appProperties={"a": "1", "b": "2"}, properties={"k": "v" * 123})
    body = {"appProperties": {"b": None, "c": "3"}}
    after = api.ok("PATCH", f"drive/v3/files/{file['id']}", json=body, fields="*")

    assert after["appProperties"] == {"a": "1", "c": "3"}
    assert len(after["properties"]["k"]) == 123


def test_a_file_that_is_read_only_keeps_its_bytes_and_name(api: Api) -> None:
    """Until the restriction is lifted; the rest of it may change [DISC]."""
    file = api.make("a", b"old")
    path = f"drive/v3/files/{file['id']}"
    api.ok("PATCH", path, json={"contentRestrictions": [{"readOnly": True, "reason": "final"}]})
    for answer in (
        api.patch(f"upload/{path}?uploadType=media", content=b"new"),
        api.patch(path, json={"name": "b"}),
    ):
        assert error(answer)[:2] == (403, "insufficientFilePermissions")
    api.ok("PATCH", path, json={"starred": True, "description": "d"})
    assert api.bytes_of(file["id"]) == b"old"

    api.ok("PATCH", path, json={"contentRestrictions": [{"readOnly": False}]})
    assert api.put_bytes(file["id"], b"new")["name"] == "a"


def test_a_type_does_not_change_without_new_bytes(api: Api) -> None:
    """The type belongs to the revision."""
    file = api.make("a.txt", b"x", mimeType="text/plain")
    answer = api.patch(f"drive/v3/files/{file['id']}", json={"mimeType": "image/png"})

    assert answer.status_code == 400


class TestParents:
    """Every file has exactly one parent."""

    def test_adding_a_parent_moves_the_file(self, api: Api) -> None:
        """The old parent is gone even though it was not removed."""
        file, folder = api.make("a"), api.folder("inbox")
        path = f"drive/v3/files/{file['id']}?addParents={folder['id']}"
        moved = api.ok("PATCH", path, json={}, fields="parents")

        assert moved == {"parents": [folder["id"]]}
        assert api.names("'root' in parents") == ["inbox"]

    def test_add_and_remove_move_the_file(self, api: Api) -> None:
        """The usual form of clients, with the alias for the root."""
        file, folder = api.make("a"), api.folder("inbox")
        path = f"drive/v3/files/{file['id']}?addParents={folder['id']}&removeParents=root"

        assert api.ok("PATCH", path, fields="parents") == {"parents": [folder["id"]]}

    @pytest.mark.parametrize("query", ["removeParents=root", "addParents=root"])
    def test_no_parent_and_the_same_parent_are_refused(self, api: Api, query: str) -> None:
        """A file can not become an orphan."""
        file = api.make("a")

        assert api.patch(f"drive/v3/files/{file['id']}?{query}").status_code == 400

    def test_a_folder_does_not_go_into_itself(self, api: Api) -> None:
        """Nor into a folder inside it; nothing changes."""
        outer = api.folder("outer")
        inner = api.folder("inner", parents=[outer["id"]])
        answer = api.patch(f"drive/v3/files/{outer['id']}?addParents={inner['id']}")

        assert answer.status_code == 400
        assert api.file(outer["id"]) == outer

    def test_only_a_folder_takes_files(self, api: Api) -> None:
        """A file is no parent."""
        file = api.make("a")
        answer = api.post("drive/v3/files", json={"parents": [file["id"]]})

        assert error(answer)[:2] == (403, "parentNotAFolder")

    def test_an_unknown_parent_is_not_found(self, api: Api) -> None:
        """The create makes nothing."""
        answer = api.post("drive/v3/files", json={"parents": ["1nothing"]})

        assert error(answer) == (404, "notFound", "File not found: 1nothing.")

    def test_a_hundred_levels_are_the_most(self, api: Api) -> None:
        """The hundredth folder below the root takes files, but no folder."""
        parent = "root"
        for level in range(100):
            parent = api.folder(f"{level}", parents=[parent])["id"]
        api.make("a", parents=[parent])
        answer = api.post("drive/v3/files", json={"parents": [parent], "mimeType": FOLDER})

        assert error(answer)[:2] == (403, "myDriveHierarchyDepthLimitExceeded")

    def test_the_root_neither_moves_nor_goes(self, api: Api) -> None:
        """Nobody deletes My Drive."""
        folder = api.folder("inbox")
        moved = api.patch(f"drive/v3/files/root?addParents={folder['id']}")

        assert error(moved)[:2] == (403, "insufficientFilePermissions")
        assert api.delete("drive/v3/files/root").status_code == 403
        assert api.patch("drive/v3/files/root", json={"trashed": True}).status_code == 403


class TestTrash:
    """The trash keeps a file; a delete does not."""

    def test_a_trashed_folder_takes_its_files_along(self, api: Api) -> None:
        """What is inside is trashed, but not explicitly; untrashing brings back only that."""
        folder = api.folder("f")
        kept = api.make("kept", parents=[folder["id"]])
        gone = api.make("gone", parents=[folder["id"]])
        api.ok("PATCH", f"drive/v3/files/{gone['id']}", json={"trashed": True})
        api.ok("PATCH", f"drive/v3/files/{folder['id']}", json={"trashed": True})
        inside = api.file(kept["id"])

        assert (inside["trashed"], inside["explicitlyTrashed"]) == (True, False)
        assert api.file(folder["id"])["explicitlyTrashed"] is True
        assert api.names("trashed = false") == []
        assert sorted(api.names()) == ["f", "gone", "kept"]

        api.ok("PATCH", f"drive/v3/files/{folder['id']}", json={"trashed": False})

        assert sorted(api.names("trashed = false")) == ["f", "kept"]

    def test_a_trashed_file_is_still_there_by_id(self, api: Api) -> None:
        """Its bytes can be read and count."""
        file = api.make("a", b"hello")
        api.ok("PATCH", f"drive/v3/files/{file['id']}", json={"trashed": True})
        quota = api.ok("GET", "drive/v3/about?fields=storageQuota")["storageQuota"]

        assert api.bytes_of(file["id"]) == b"hello"
        assert "trashedTime" in api.file(file["id"])
        assert (quota["usage"], quota["usageInDriveTrash"]) == ("5", "5")

    def test_a_file_moved_out_of_a_trashed_folder_is_back(self, api: Api) -> None:
        """It was never put into the trash itself."""
        folder = api.folder("f")
        file = api.make("a", parents=[folder["id"]])
        api.ok("PATCH", f"drive/v3/files/{folder['id']}", json={"trashed": True})
        api.ok("PATCH", f"drive/v3/files/{file['id']}?addParents=root")

        assert api.file(file["id"])["trashed"] is False

    def test_delete_is_for_good_and_takes_what_is_inside(self, api: Api) -> None:
        """A folder's files are gone with it."""
        folder = api.folder("f")
        file = api.make("a", b"x", parents=[folder["id"]])
        answer = api.delete(f"drive/v3/files/{folder['id']}")

        assert (answer.status_code, answer.content) == (204, b"")
        assert api.get(f"drive/v3/files/{file['id']}").status_code == 404
        assert api.delete(f"drive/v3/files/{folder['id']}").status_code == 404

    def test_empty_trash_removes_what_is_in_it(self, api: Api) -> None:
        """`DELETE /files/trash` is not the deletion of a file named trash."""
        api.make("kept")
        file = api.make("gone")
        api.ok("PATCH", f"drive/v3/files/{file['id']}", json={"trashed": True})

        assert api.delete("drive/v3/files/trash").status_code == 204
        assert api.names() == ["kept"]


class TestCopy:
    """A copy is a new file with the same bytes."""

    def test_a_copy_has_its_own_life(self, api: Api, emulator: Emulator) -> None:
        """Deleting or changing one leaves the other's bytes; they share them on disk till then."""
        folder = api.folder("f")
        file = api.make("a.txt", b"hello", parents=[folder["id"]], appProperties={"k": "v"})
        before = set((emulator.root / "blobs").iterdir())
        copy = api.ok("POST", f"drive/v3/files/{file['id']}/copy", json={}, fields="*")
        blobs = set((emulator.root / "blobs").iterdir())

        assert copy["name"] == "Copy of a.txt"
        assert copy["parents"] == [folder["id"]]
        assert copy["md5Checksum"] == file["md5Checksum"]
        assert copy["appProperties"] == {"k": "v"}
        assert blobs == before

        api.put_bytes(file["id"], b"other")
        api.delete(f"drive/v3/files/{file['id']}")

        assert api.bytes_of(copy["id"]) == b"hello"
        (left,) = (emulator.root / "blobs").iterdir()
        assert left in blobs

    def test_a_copy_takes_a_name_and_a_place(self, api: Api) -> None:
        """The body says where to."""
        file, folder = api.make("a"), api.folder("f")
        body = {"name": "b", "parents": [folder["id"]]}
        copy = api.ok("POST", f"drive/v3/files/{file['id']}/copy", json=body, fields="name,parents")

        assert copy == {"name": "b", "parents": [folder["id"]]}

    def test_folders_are_not_copied(self, api: Api) -> None:
        """Drive has no recursive copy."""
        folder = api.folder("f")
        answer = api.post(f"drive/v3/files/{folder['id']}/copy", json={})

        assert error(answer)[:2] == (403, "fileNotCopyable")


class TestIds:
    """Ids can be drawn before the file is made, so that a create may be repeated."""

    def ids(self, api: Api, count: int = 1, **params: Any) -> list[str]:
        answer = api.ok("GET", "drive/v3/files/generateIds", params={"count": count, **params})
        assert (answer["kind"], answer["space"]) == ("drive#generatedIds", "drive")
        return list(answer["ids"])

    def test_a_second_create_with_one_id_is_a_conflict(self, api: Api) -> None:
        """One file exists, whichever upload came second; also when it is in the trash."""
        (chosen,) = self.ids(api)
        assert api.make("a", id=chosen)["id"] == chosen

        again = api.post("drive/v3/files", json={"id": chosen, "name": "b"})
        said = "A file already exists with the provided ID."
        assert error(again) == (409, "fileIdInUse", said)

        api.ok("PATCH", f"drive/v3/files/{chosen}", json={"trashed": True})
        path = "upload/drive/v3/files?uploadType=resumable"
        assert api.post(path, json={"id": chosen}).status_code == 409
        assert api.names() == ["a"]

    def test_folders_take_ids_and_docs_do_not(self, api: Api) -> None:
        """Docs editors' types refuse them."""
        one, two = self.ids(api, 2)
        assert api.make("f", id=one, mimeType=FOLDER)["id"] == one

        refused = api.post("drive/v3/files", json={"id": two, "mimeType": DOCUMENT})
        said = "Generated IDs are not supported for Docs Editors formats."
        assert error(refused) == (403, "insufficientFilePermissions", said)

    def test_an_id_that_was_not_drawn_is_not_usable(self, api: Api) -> None:
        """Nor one that was drawn for shortcuts."""
        (other,) = self.ids(api, type="shortcuts")
        for wrong in ("1madeup", "1" * 33, other):
            answer = api.post("drive/v3/files", json={"id": wrong})

            assert error(answer) == (400, "invalid", "The provided file ID is not usable.")

    @pytest.mark.parametrize("query", ["count=0", "count=1001", "count=x", "space=x", "type=x"])
    def test_what_can_not_be_drawn_is_refused(self, api: Api, query: str) -> None:
        """A thousand at a time are the most."""
        assert api.get(f"drive/v3/files/generateIds?{query}").status_code == 400

    def test_a_thousand_ids_are_different(self, api: Api) -> None:
        """The most that one request gives."""
        assert len(set(self.ids(api, 1000))) == 1000


def test_a_document_has_no_bytes(api: Api) -> None:
    """A Docs editor's file is listed, but not downloaded."""
    file = api.make("plan", mimeType=DOCUMENT)
    answer = api.get(f"drive/v3/files/{file['id']}?alt=media")
    said = "Only files with binary content can be downloaded. Use Export with Docs Editors files."

    assert "md5Checksum" not in file
    assert error(answer) == (403, "fileNotDownloadable", said)


def test_a_shortcut_points_at_its_target(api: Api) -> None:
    """Its target can be searched for."""
    target = api.make("a.txt", mimeType="text/plain")
    mime = "application/vnd.google-apps.shortcut"
    shortcut = api.make("link", mimeType=mime, shortcutDetails={"targetId": target["id"]})

    assert shortcut["shortcutDetails"] == {
        "targetId": target["id"],
        "targetMimeType": "text/plain",
    }
    assert api.names(f"shortcutDetails.targetId = '{target['id']}'") == ["link"]


class TestAbout:
    """Who the user is and how much fits."""

    def test_about_without_fields_is_refused(self, api: Api) -> None:
        """The one method that has no usual fields."""
        answer = api.get("drive/v3/about")

        assert error(answer) == (
            400,
            "required",
            "The 'fields' parameter is required for this method.",
        )

    def test_usage_counts_bytes_as_strings(self, api: Api, emulator: Emulator) -> None:
        """Without a limit there is no field for it."""
        api.make("a", b"12345")
        quota = api.ok("GET", "drive/v3/about?fields=storageQuota,user(me)")

        assert quota == {
            "user": {"me": True},
            "storageQuota": {
                "limit": "16106127360",
                "usage": "5",
                "usageInDrive": "5",
                "usageInDriveTrash": "0",
            },
        }

        emulator.storage_limit = None

        assert "limit" not in api.ok("GET", "drive/v3/about?fields=storageQuota")["storageQuota"]

    def test_usage_follows_every_change(self, api: Api) -> None:
        """Longer, shorter, copied, trashed, deleted."""

        def usage() -> tuple[str, str]:
            quota = api.ok("GET", "drive/v3/about?fields=storageQuota")["storageQuota"]
            return quota["usage"], quota["usageInDriveTrash"]

        file = api.make("a", b"12345")
        api.put_bytes(file["id"], b"123")
        assert usage() == ("3", "0")
        copy = api.ok("POST", f"drive/v3/files/{file['id']}/copy", json={})
        assert usage() == ("6", "0")
        api.ok("PATCH", f"drive/v3/files/{copy['id']}", json={"trashed": True})
        assert usage() == ("6", "3")
        api.delete("drive/v3/files/trash")
        assert usage() == ("3", "0")
        api.delete(f"drive/v3/files/{file['id']}")
        assert usage() == ("0", "0")

    def test_a_full_drive_takes_no_bytes(self, api: Api, emulator: Emulator) -> None:
        """Neither new files nor longer contents nor copies; folders and shorter ones fit."""
        file = api.make("a", b"12345")
        emulator.storage_limit = 6
        full = (403, "storageQuotaExceeded", "The user's Drive storage quota has been exceeded.")
        upload = "upload/drive/v3/files"

        assert error(api.post(f"{upload}?uploadType=media", content=b"12")) == full
        assert error(api.post(f"drive/v3/files/{file['id']}/copy", json={})) == full
        longer = api.patch(f"{upload}/{file['id']}?uploadType=media", content=b"1234567")
        assert error(longer) == full
        declared = {"X-Upload-Content-Length": "2"}
        begun = api.post(f"{upload}?uploadType=resumable", json={}, headers=declared)
        assert error(begun) == full
        assert api.put_bytes(file["id"], b"123456")["size"] == "6"
        api.folder("f")
        assert sorted(api.names()) == ["a", "f"]


def test_a_post_may_stand_for_another_method(api: Api) -> None:
    """`X-HTTP-Method-Override`, with a query that is too long for an address in the body."""
    api.make("a")
    override = {"X-HTTP-Method-Override": "GET"}
    found = api.ok("POST", "drive/v3/files", data={"q": "name = 'a'"}, headers=override)

    assert [one["name"] for one in found["files"]] == ["a"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "drive/v3/nothing"), ("PUT", "drive/v3/files/x"), ("GET", "drive/v9/files")],
)
def test_an_address_that_is_none_is_not_found(api: Api, method: str, path: str) -> None:
    """So is a method that an address does not have."""
    assert error(api.request(method, path)) == (404, "notFound", "Not Found")
