"""Files that stand for other files."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.api import ANN, Api, error

SHORTCUT = "application/vnd.google-apps.shortcut"


def shortcut(api: Api, target: str, **body: Any) -> dict[str, Any]:
    return api.make("to it", mimeType=SHORTCUT, shortcutDetails={"targetId": target}, **body)


def test_a_shortcut_says_where_it_leads(api: Api) -> None:
    """Its target's id and type; it has no bytes, no hash and no size of its own."""
    folder = api.folder("f")
    file = shortcut(api, folder["id"])

    details = {"targetId": folder["id"], "targetMimeType": folder["mimeType"]}
    assert file["shortcutDetails"] == details
    assert {"size", "md5Checksum", "headRevisionId", "exportLinks"} & file.keys() == set()


def test_a_shortcut_has_no_bytes(api: Api) -> None:
    """Reading it is not reading its target."""
    file = shortcut(api, api.make("a", b"x")["id"])

    assert error(api.get(f"drive/v3/files/{file['id']}?alt=media"))[:2] == (
        403,
        "fileNotDownloadable",
    )


def test_shortcuts_of_a_file_are_found(api: Api) -> None:
    """By the id that they lead to."""
    one, two = api.make("one"), api.make("two")
    shortcut(api, one["id"])
    shortcut(api, two["id"])

    assert api.names(f"shortcutDetails.targetId = '{one['id']}'") == ["to it"]
    assert sorted(api.names(f"mimeType != '{SHORTCUT}'")) == ["one", "two"]


def test_a_shortcut_dangles(api: Api) -> None:
    """It stays as it is when its target is trashed, and when it is gone for good."""
    target = api.make("a")
    file = shortcut(api, target["id"])
    api.ok("PATCH", f"drive/v3/files/{target['id']}", json={"trashed": True})
    assert api.file(file["id"])["trashed"] is False

    api.delete(f"drive/v3/files/{target['id']}")

    assert api.file(file["id"])["shortcutDetails"]["targetId"] == target["id"]
    assert api.get(f"drive/v3/files/{target['id']}").status_code == 404


def test_a_shortcut_is_copied_as_one(api: Api) -> None:
    """The copy leads to the same file, wherever it is put."""
    target, folder = api.make("a", b"x"), api.folder("f")
    file = shortcut(api, target["id"])
    body = {"parents": [folder["id"]]}
    copy = api.ok("POST", f"drive/v3/files/{file['id']}/copy", json=body, fields="*")

    assert copy["shortcutDetails"]["targetId"] == target["id"]
    assert copy["parents"] == [folder["id"]]


@pytest.mark.parametrize("details", [{}, {"targetId": "none"}, {"targetId": 3}])
def test_a_shortcut_to_nothing_is_refused(api: Api, details: Any) -> None:
    """It needs a file that is there."""
    body = {"mimeType": SHORTCUT, "shortcutDetails": details}

    assert api.post("drive/v3/files", json=body).status_code == 404
    assert api.names() == []


def test_a_shortcut_can_not_be_turned(api: Api) -> None:
    """Its target is given once."""
    one, two = api.make("one"), api.make("two")
    file = shortcut(api, one["id"])
    body = {"shortcutDetails": {"targetId": two["id"]}}

    assert error(api.patch(f"drive/v3/files/{file['id']}", json=body))[0] == 403


def test_a_shortcut_does_not_share_its_target(api: Api, ann: Api) -> None:
    """Who may see one may not see what it leads to."""
    target = api.make("secret", b"x")
    file = shortcut(api, target["id"])
    api.share(file["id"], "reader", ANN)

    assert ann.file(file["id"])["shortcutDetails"]["targetId"] == target["id"]
    assert error(ann.get(f"drive/v3/files/{target['id']}"))[:2] == (404, "notFound")


def test_ids_for_shortcuts_are_their_own(api: Api) -> None:
    """One for files is refused, one for shortcuts is taken [LIVE MM]."""
    target = api.make("a")["id"]
    (plain,) = api.ok("GET", "drive/v3/files/generateIds?count=1")["ids"]
    (own,) = api.ok("GET", "drive/v3/files/generateIds?count=1&type=shortcuts")["ids"]
    body = {"mimeType": SHORTCUT, "shortcutDetails": {"targetId": target}}
    answer = api.post("drive/v3/files", json={**body, "id": plain})

    assert error(answer) == (400, "invalid", "The provided file ID is not usable.")
    assert shortcut(api, target, id=own)["id"] == own
    assert error(api.post("drive/v3/files", json={**body, "id": own}))[:2] == (409, "fileIdInUse")
