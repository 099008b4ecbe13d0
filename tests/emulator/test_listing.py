"""In which order, in which pages and how fast files are listed."""

from __future__ import annotations

import time

import pytest

from colab_magics.emulator import Emulator
from emulator.api import BOB, FOLDER, Api, error


def test_pages_hold_every_file_once(api: Api) -> None:
    """The token of a page leads to the next one, till there is none."""
    for number in range(7):
        api.make(f"{number}")
    seen: list[str] = []
    params = {"pageSize": "3", "orderBy": "name"}
    while True:
        page = api.ok("GET", "drive/v3/files", params=params)
        seen += [one["name"] for one in page["files"]]
        if "nextPageToken" not in page:
            break
        params["pageToken"] = page["nextPageToken"]

    assert seen == ["0", "1", "2", "3", "4", "5", "6"]


def test_a_page_has_a_hundred_files_if_nothing_is_said(api: Api, emulator: Emulator) -> None:
    """And a thousand at most, however many were asked for."""
    fill(emulator, 1050)
    path = "drive/v3/files"

    assert len(api.ok("GET", path)["files"]) == 100
    assert len(api.ok("GET", path, params={"pageSize": "99999"})["files"]) == 1000


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5"])
def test_a_page_of_no_size_is_refused(api: Api, size: str) -> None:
    """The size is a number from 1."""
    assert api.get(f"drive/v3/files?pageSize={size}").status_code == 400


@pytest.mark.parametrize("token", ["x", "~!!~", "~!!~e30=", "~!!~e\u00e9"])
def test_a_token_that_is_none_is_refused(api: Api, token: str) -> None:
    """A client has to begin again."""
    answer = api.get("drive/v3/files", params={"pageToken": token})

    assert error(answer) == (400, "invalid", "Invalid Value")
    assert answer.json()["error"]["errors"][0]["location"] == "pageToken"


def test_a_token_belongs_to_its_search(api: Api) -> None:
    """A token of one search does not go on with another."""
    api.make("a")
    api.make("b")
    page = api.ok("GET", "drive/v3/files?pageSize=1")
    params = {"pageToken": page["nextPageToken"], "q": "starred"}

    assert api.get("drive/v3/files", params=params).status_code == 400


def test_a_mask_without_the_token_hides_the_paging(api: Api) -> None:
    """The list looks whole; this is what Drive does."""
    api.make("a")
    api.make("b")
    page = api.ok("GET", "drive/v3/files?pageSize=1&fields=files(name)")

    assert list(page) == ["files"]
    assert len(page["files"]) == 1


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("name", ["10.txt", "2.txt", "a", "B"]),
        ("name desc", ["B", "a", "2.txt", "10.txt"]),
        ("name_natural", ["2.txt", "10.txt", "a", "B"]),
        ("folder,name", ["B", "10.txt", "2.txt", "a"]),
        ("folder desc, name desc", ["a", "2.txt", "10.txt", "B"]),
        ("modifiedTime", ["2.txt", "a", "10.txt", "B"]),
        ("modifiedTime desc", ["B", "10.txt", "a", "2.txt"]),
        ("starred desc,name", ["a", "10.txt", "2.txt", "B"]),
        ("quotaBytesUsed desc,name", ["10.txt", "2.txt", "a", "B"]),
    ],
)
def test_files_come_in_the_order_that_was_asked_for(api: Api, order: str, names: list[str]) -> None:
    """Keys count from left to right, each up or down; case does not matter."""
    api.make("10.txt", b"long", modifiedTime="2026-01-03T00:00:00Z")
    file = api.ok("GET", "drive/v3/files", params={"q": "name = '10.txt'"})["files"][0]
    body = {"modifiedTime": "2026-01-03T00:00:00Z"}
    api.ok("PATCH", f"drive/v3/files/{file['id']}", json=body)
    api.make("2.txt", modifiedTime="2026-01-01T00:00:00Z")
    api.make("a", modifiedTime="2026-01-02T00:00:00Z", starred=True)
    api.folder("B", modifiedTime="2026-01-04T00:00:00Z")

    assert api.names(orderBy=order) == names


@pytest.mark.parametrize("order", ["sharedWithMeTime", "viewedByMeTime", "starred", "recency"])
def test_an_order_by_what_a_user_did_is_that_users_own(api: Api, bob: Api, order: str) -> None:
    """Not the owner's: stars and looks are each user's own, and so is when one was let in."""
    names = ["first", "last", "middle"]
    files = {name: api.make(name, starred=name != "last")["id"] for name in names}
    for name in ("first", "middle", "last"):
        api.share(files[name], "reader", BOB)
    later = {"starred": True, "viewedByMeTime": "2099-01-01T00:00:00Z"}
    bob.ok("PATCH", f"drive/v3/files/{files['last']}", json=later)

    assert bob.names(orderBy=f"{order} desc,name")[0] == "last"
    assert bob.names(orderBy=f"{order},name desc")[-1] == "last"
    assert sorted(api.names(orderBy=order)) == names


@pytest.mark.parametrize("order", ["size", "name up", "name;", ",", "name,"])
def test_an_order_that_is_none_is_refused(api: Api, order: str) -> None:
    """The answer says where the mistake is."""
    answer = api.get("drive/v3/files", params={"orderBy": order})

    assert error(answer) == (400, "invalid", "Invalid Value")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("spaces=drive", 200),
        ("spaces=appDataFolder", 200),
        ("spaces=moon", 400),
        ("corpora=user&includeItemsFromAllDrives=true&supportsAllDrives=true", 200),
        ("corpora=moon", 400),
        ("corpora=drive", 400),
        ("corpora=drive&driveId=0Anothing", 404),
        ("includeLabels=*", 400),
    ],
)
def test_what_is_listed_can_be_narrowed(api: Api, query: str, status: int) -> None:
    """There is one space and one corpus here; others are empty or refused."""
    assert api.get(f"drive/v3/files?{query}").status_code == status


def test_the_root_is_in_no_list(api: Api) -> None:
    """A list has what is in My Drive."""
    assert api.names() == []


class TestLag:
    """The search index may lag behind the writes."""

    def test_a_new_file_is_listed_later_and_read_at_once(
        self, api: Api, emulator: Emulator
    ) -> None:
        """The id works before the list knows it."""
        emulator.lag(listing=60)
        file = api.make("new")

        assert api.names() == []
        assert api.file(file["id"])["name"] == "new"

        emulator.lag(listing=0)

        assert api.names() == ["new"]

    @pytest.mark.parametrize("others", [[], [BOB]])
    def test_a_list_shows_the_old_state_of_a_file(
        self, api: Api, emulator: Emulator, others: list[str]
    ) -> None:
        """Name, trash, hash and place are as they were, and a deleted file is still there."""
        for email in others:
            emulator.user(email)
        folder = api.folder("f")
        file, gone = api.make("old", b"one"), api.make("gone")
        emulator.lag(listing=60)
        body = {"name": "new", "trashed": True}
        api.ok("PATCH", f"drive/v3/files/{file['id']}?addParents={folder['id']}", json=body)
        api.put_bytes(file["id"], b"two")
        api.delete(f"drive/v3/files/{gone['id']}")
        q = "'root' in parents and trashed = false"
        found = api.ok("GET", "drive/v3/files", params={"q": q, "orderBy": "name"}, fields="*")

        assert [one["name"] for one in found["files"]] == ["f", "gone", "old"]
        assert found["files"][2]["md5Checksum"] == file["md5Checksum"]
        assert api.get(f"drive/v3/files/{gone['id']}").status_code == 404

    def test_the_index_catches_up_by_itself(self, api: Api, emulator: Emulator) -> None:
        """Each state shows when its own time has come."""
        emulator.lag(listing=0.15)
        file = api.make("one")
        assert api.names() == []
        end = time.monotonic() + 5
        while api.names() != ["one"] and time.monotonic() < end:
            pass
        api.ok("PATCH", f"drive/v3/files/{file['id']}", json={"name": "two"})

        assert api.names() == ["one"]
        while api.names() != ["two"] and time.monotonic() < end:
            pass
        assert api.names() == ["two"]


@pytest.mark.parametrize("others", [[], [BOB]])
def test_ten_thousand_files_in_a_folder_are_listed_quickly(
    api: Api, emulator: Emulator, others: list[str]
) -> None:
    """Ten pages of a thousand take a second or so, and one name in them takes milliseconds."""
    for email in others:
        emulator.user(email)
    fill(emulator, 10_000)
    begin, names = time.monotonic(), 0
    params = {"q": "'root' in parents and trashed = false", "pageSize": "1000", "fields": "*"}
    while True:
        page = api.ok("GET", "drive/v3/files", params=params)
        names += len(page["files"])
        if "nextPageToken" not in page:
            break
        params["pageToken"] = page["nextPageToken"]
    middle = time.monotonic()
    found = api.names("'root' in parents and name = 'file 7777' and trashed = false")
    end = time.monotonic()

    assert names == 10_000
    assert found == ["file 7777"]
    assert middle - begin < 10
    assert end - middle < 0.1


def fill(emulator: Emulator, count: int) -> None:
    """Put many folders on a Drive faster than requests could: straight into its table."""
    service = emulator._service
    assert service
    with service.store.database.write() as db:
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?4)"
            " INSERT INTO files (id, name, name_key, mime, parent, owner, modifier,"
            " created_ms, modified_ms, viewed_ms) SELECT printf('1%032d', i), 'file ' || i,"
            " 'file ' || i, ?1, ?2, ?3, ?3, i, i, i FROM n",
            (FOLDER, service.store.root_id, "user@drive.emulator", count),
        )
