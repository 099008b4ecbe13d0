"""What the change log says."""

from __future__ import annotations

import time
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from emulator.api import Api, error


def ids(page: dict[str, Any]) -> list[str]:
    return [one["fileId"] for one in page["changes"]]


def test_a_change_has_its_usual_fields(api: Api) -> None:
    """The file is in its present state, four fields of it."""
    token = api.token()
    file = api.make("a")
    page = api.changes(token)
    change = page["changes"][0]

    assert change.pop("time").endswith("Z")
    assert change == {
        "kind": "drive#change",
        "changeType": "file",
        "type": "file",
        "removed": False,
        "fileId": file["id"],
        "file": {
            "kind": "drive#file",
            "id": file["id"],
            "name": "a",
            "mimeType": "application/octet-stream",
        },
    }
    assert page["kind"] == "drive#changeList"
    assert page["newStartPageToken"] == api.token()


def test_a_start_token_is_after_all_that_was(api: Api) -> None:
    """Nothing has changed since now."""
    api.make("a")
    page = api.changes(api.token())

    assert page["changes"] == []
    assert "nextPageToken" not in page


def test_a_file_has_one_entry_the_newest(api: Api) -> None:
    """Oldest first; a file that changes again goes to the end."""
    token = api.token()
    one, two = api.make("one"), api.make("two")
    api.ok("PATCH", f"drive/v3/files/{one['id']}", json={"name": "one again"})
    page = api.changes(token, fields="*")

    assert ids(page) == [two["id"], one["id"]]
    assert page["changes"][1]["file"]["name"] == "one again"


def test_a_deleted_file_leaves_its_id_only(api: Api) -> None:
    """A tombstone has no file; it can be left out."""
    token = api.token()
    file = api.make("a")
    api.delete(f"drive/v3/files/{file['id']}")
    change = api.changes(token)["changes"][0]

    assert (change["fileId"], change["removed"], "file" in change) == (file["id"], True, False)
    assert api.changes(token, includeRemoved="false")["changes"] == []


def test_the_trash_is_not_a_removal(api: Api) -> None:
    """The file is there, and says that it is trashed; so do those inside a folder."""
    folder = api.folder("f")
    file = api.make("a", parents=[folder["id"]])
    token = api.token()
    api.ok("PATCH", f"drive/v3/files/{folder['id']}", json={"trashed": True})
    page = api.changes(token, fields="changes(removed,fileId,file/trashed)")

    assert sorted(ids(page)) == sorted([folder["id"], file["id"]])
    assert all(not one["removed"] and one["file"]["trashed"] for one in page["changes"])


def test_a_deleted_folder_leaves_a_tombstone_of_each_file(api: Api) -> None:
    """All that was inside is gone."""
    folder = api.folder("f")
    file = api.make("a", parents=[folder["id"]])
    token = api.token()
    api.delete(f"drive/v3/files/{folder['id']}")
    page = api.changes(token)

    assert sorted(ids(page)) == sorted([folder["id"], file["id"]])


def test_a_rename_of_a_folder_is_one_change(api: Api) -> None:
    """What is inside has not changed."""
    folder = api.folder("f")
    api.make("a", parents=[folder["id"]])
    token = api.token()
    api.ok("PATCH", f"drive/v3/files/{folder['id']}", json={"name": "g"})

    assert ids(api.changes(token)) == [folder["id"]]


def test_an_update_without_content_is_no_change(api: Api) -> None:
    """An empty PATCH does nothing; a content does, even the same one."""
    file = api.make("a", b"x")
    token = api.token()
    api.ok("PATCH", f"drive/v3/files/{file['id']}", json={})
    assert api.changes(token)["changes"] == []
    api.put_bytes(file["id"], b"x")

    assert ids(api.changes(token)) == [file["id"]]


def test_pages_lead_to_the_end(api: Api) -> None:
    """`newStartPageToken` is on the last page only; pages without entries may come."""
    token = api.token()
    files = [api.make(f"{number}")["id"] for number in range(5)]
    for gone in files[:2]:
        api.delete(f"drive/v3/files/{gone}")
    seen: list[list[str]] = []
    while True:
        page = api.changes(token, pageSize="2", includeRemoved="false")
        seen.append(ids(page))
        if "newStartPageToken" in page:
            break
        token = page["nextPageToken"]

    assert seen == [files[2:4], files[4:], []]
    assert "nextPageToken" not in page


@pytest.mark.parametrize("token", ["x", "0", "-1", "99", "1.5", "9" * 30, "\u0661"])
def test_a_token_that_is_none_is_refused(api: Api, token: str) -> None:
    """A client takes a new one and lists everything."""
    answer = api.get("drive/v3/changes", params={"pageToken": token})

    assert error(answer) == (400, "invalid", "Invalid Value")
    assert answer.json()["error"]["errors"][0]["location"] == "pageToken"


def test_a_token_is_required(api: Api) -> None:
    """There is no beginning of time."""
    assert error(api.get("drive/v3/changes"))[:2] == (400, "required")


def test_tokens_survive_a_restart(api: Api, emulator: Emulator) -> None:
    """They do not expire, and the log goes on where it was."""
    token = api.token()
    file = api.make("a")
    emulator.stop()
    with Emulator(emulator.root) as again:
        api.base_url = again.url
        page = api.changes(token)

        assert ids(page) == [file["id"]]
        assert int(api.token()) == int(token) + 1


class TestLag:
    """The change log may lag behind the writes."""

    def test_a_change_shows_later(self, api: Api, emulator: Emulator) -> None:
        """Not before its time, and then in the order of the changes, one entry a file."""
        token = api.token()
        emulator.lag(feed=0.15)
        one, two = api.make("one"), api.make("two")
        api.put_bytes(one["id"], b"x")
        assert api.changes(token)["changes"] == []
        assert api.token() == token
        end, page = time.monotonic() + 5, api.changes(token)
        while len(page["changes"]) < 2 and time.monotonic() < end:
            page = api.changes(token)

        assert ids(page)[0] in (one["id"], two["id"])
        assert sorted(ids(page)) == sorted([one["id"], two["id"]])

    def test_a_file_that_never_rests_is_seen_all_the_same(
        self, api: Api, emulator: Emulator
    ) -> None:
        """Each change has its own time; a later one does not hold back the first."""
        token = api.token()
        emulator.lag(feed=0.1)
        file, end = api.make("a"), time.monotonic() + 5
        while not api.changes(token)["changes"] and time.monotonic() < end:
            api.put_bytes(file["id"], b"x")

        assert time.monotonic() < end

    def test_no_change_is_lost_in_a_restart(self, api: Api, emulator: Emulator) -> None:
        """What was held back shows after it."""
        token = api.token()
        emulator.lag(feed=60)
        file = api.make("a")
        emulator.stop()
        with Emulator(emulator.root) as again:
            api.base_url = again.url

            assert ids(api.changes(token)) == [file["id"]]


def test_a_small_list_of_changes_takes_less_than_five_milliseconds(api: Api) -> None:
    """The median of many, over one connection."""
    api.make("a")
    times = []
    for _ in range(51):
        begin = time.perf_counter()
        api.changes("1")
        times.append(time.perf_counter() - begin)

    assert sorted(times)[25] < 0.005
