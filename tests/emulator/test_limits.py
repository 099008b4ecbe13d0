"""Drive's limits, and what it says when one is reached."""

from __future__ import annotations

from typing import Any

import pytest

from colab_magics.emulator import Emulator
from emulator.api import FOLDER, Api, client_of, error


def test_the_limits_are_drives_own(api: Api, emulator: Emulator) -> None:
    """As its pages have them [LIM, ERR]."""
    limits = api.ok("GET", "emulator/limits")

    assert limits["upload_per_day"] == 750 * 10**9
    assert limits["children"] == 500_000
    assert limits["depth"] == 100
    assert limits["items"] == 500_000_000
    assert emulator.limits.as_json() == limits


@pytest.mark.parametrize("body", [{"none": 1}, {"depth": -1}, {"depth": None}, {"depth": "1"}, []])
def test_a_limit_is_a_number_of_something(api: Api, body: Any) -> None:
    """Anything else is refused, and says what there is."""
    assert api.post("emulator/limits", json=body).status_code == 400


def test_a_day_has_an_end(api: Api, emulator: Emulator) -> None:
    """Its words differ from those of a rate by a full stop [RC]; nothing is stored."""
    emulator.limits.upload_per_day = 10
    file = api.make("a", b"12345678")
    answer = api.patch(f"upload/drive/v3/files/{file['id']}?uploadType=media", content=b"123")

    assert error(answer) == (403, "userRateLimitExceeded", "User rate limit exceeded.")
    assert answer.json()["error"]["errors"][0]["domain"] == "usageLimits"
    assert api.bytes_of(file["id"]) == b"12345678"
    copy = api.post(f"drive/v3/files/{file['id']}/copy", json={})
    assert error(copy)[:2] == (403, "userRateLimitExceeded")
    assert api.post("drive/v3/files", json={"mimeType": FOLDER}).status_code == 200
    emulator.clock.advance(24 * 3600)
    assert api.put_bytes(file["id"], b"123")["size"] == "3"


def test_a_limit_that_is_set_is_known_everywhere(api: Api, emulator: Emulator) -> None:
    """By the controls and by the object, which keeps it over a stop."""
    api.ok("POST", "emulator/quota", json={"storage": 7})
    assert emulator.storage_limit == 7
    assert api.ok("GET", "emulator/limits")["storage"] == 7

    emulator.limits.children = 2
    emulator.stop()
    emulator.start()
    assert emulator.limits.as_json()["children"] == 2
    with client_of(emulator) as again:
        assert again.ok("GET", "emulator/limits")["children"] == 2


def test_a_folder_is_full(api: Api) -> None:
    """But a root never is; a file does not move in, either."""
    folder = api.folder("f")
    api.ok("POST", "emulator/limits", json={"children": 2})
    for _ in range(2):
        api.make("in", parents=[folder["id"]])
    other, _, _ = (api.make("out") for _ in range(3))
    reason = "numChildrenInNonRootLimitExceeded"

    assert error(api.post("drive/v3/files", json={"parents": [folder["id"]]}))[:2] == (403, reason)
    moved = api.patch(f"drive/v3/files/{other['id']}?addParents={folder['id']}", json={})
    assert error(moved)[:2] == (403, reason)


def test_folders_are_only_so_deep(api: Api) -> None:
    """A file may still be put into the deepest."""
    api.ok("POST", "emulator/limits", json={"depth": 2})
    one = api.folder("1")
    two = api.folder("2", parents=[one["id"]])
    answer = api.post("drive/v3/files", json={"mimeType": FOLDER, "parents": [two["id"]]})

    assert error(answer)[:2] == (403, "myDriveHierarchyDepthLimitExceeded")
    assert api.make("a", parents=[two["id"]])["parents"] == [two["id"]]


def test_an_account_has_only_so_many_items(api: Api) -> None:
    """Trashed ones count, deleted ones do not."""
    api.ok("POST", "emulator/limits", json={"items": 2})
    one = api.make("1")
    api.make("2")
    api.ok("PATCH", f"drive/v3/files/{one['id']}", json={"trashed": True})
    answer = api.post("drive/v3/files", json={})
    assert error(answer)[:2] == (403, "activeItemCreationLimitExceeded")

    api.delete(f"drive/v3/files/{one['id']}")
    assert api.post("drive/v3/files", json={}).status_code == 200


def test_an_abusive_file_is_the_owners_risk(api: Api, ann: Api) -> None:
    """Only its owner gets the bytes, and only by saying so [DL]."""
    file = api.make("a", b"x")
    api.share(file["id"], "writer", "ann@example.com")
    api.ok("POST", "emulator/files", json={"id": file["id"], "abusive": True})
    path = f"drive/v3/files/{file['id']}?alt=media"
    refused = (
        403,
        "cannotDownloadAbusiveFile",
        "This file has been identified as malware or spam and cannot be downloaded.",
    )

    assert error(api.get(path)) == refused
    assert api.get(f"{path}&acknowledgeAbuse=true").content == b"x"
    assert error(ann.get(f"{path}&acknowledgeAbuse=true")) == refused
    assert api.file(file["id"])["name"] == "a"


def test_a_file_downloaded_too_often(api: Api) -> None:
    """Neither whole nor in part; a copy can be read [KOP]."""
    file = api.make("a", b"x")
    api.ok("POST", "emulator/files", json={"id": file["id"], "downloadQuotaExceeded": True})
    path = f"drive/v3/files/{file['id']}"
    for headers in ({}, {"Range": "bytes=0-0"}):
        assert error(api.get(f"{path}?alt=media", headers=headers)) == (
            403,
            "downloadQuotaExceeded",
            "The download quota for this file has been exceeded.",
        )
    copy = api.ok("POST", f"{path}/copy", json={})
    assert api.bytes_of(copy["id"]) == b"x"


def test_properties_have_limits_together(api: Api, emulator: Emulator) -> None:
    """Thirty of each kind, a hundred in all [PROP]."""
    pairs = {f"k{number}": "v" for number in range(30)}
    file = api.make("a", properties=pairs)
    path = f"drive/v3/files/{file['id']}"
    one_more = api.patch(path, json={"properties": {"more": "v"}})
    assert error(one_more)[0] == 400
    statuses = []
    for number in range(3):
        user = emulator.user("user@drive.emulator", client=f"c{number}")
        answer = api.patch(path, json={"appProperties": pairs}, headers=user.headers)
        statuses.append(answer.status_code)

    assert statuses == [200, 200, 400]


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_no_channel_can_be_opened(api: Api, version: str) -> None:
    """A program is told so in Drive's words, and can go on asking for changes instead."""
    file = api.make("a")
    channel = {"id": "x", "type": "web_hook", "address": "https://example.com/drive"}
    for path in (f"files/{file['id']}/watch", "changes/watch?pageToken=1"):
        answer = api.post(f"drive/{version}/{path}", json=channel)
        assert error(answer)[:2] == (401, "push.webhookUrlUnauthorized")
        answer = api.post(f"drive/{version}/{path}", json=channel | {"address": "http://a"})
        assert error(answer)[:2] == (400, "push.webhookUrlNotHttps")
        assert error(api.post(f"drive/{version}/{path}", json={}))[:2] == (400, "invalid")
    answer = api.post(f"drive/{version}/files/none/watch", json=channel)
    assert error(answer)[:2] == (404, "notFound")


def test_no_channel_is_known(api: Api) -> None:
    """Nothing is pushed from here, so there is nothing to stop."""
    answer = api.post("drive/v3/channels/stop", json={"id": "x", "resourceId": "y"})

    assert error(answer)[:2] == (404, "notFound")
