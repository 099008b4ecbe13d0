"""The older API: etags, conditions, and what programs that still speak it ask for."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from colab_magics.emulator import Emulator
from emulator.api import ANN, FOLDER, Api, client_of, error
from emulator.google import service_of

UNIT = 256 << 10


def get(api: Api, file_id: str) -> dict[str, Any]:
    return api.ok("GET", f"drive/v2/files/{file_id}")


def with_etag(api: Api, method: str, file_id: str, etag: str, **rest: Any) -> httpx.Response:
    headers = {"If-Match": etag}
    return api.request(method, f"drive/v2/files/{file_id}", headers=headers, **rest)


def test_a_file_looks_as_it_did(api: Api) -> None:
    """Title, labels, parents and properties in their old forms."""
    file = api.make(
        "a.txt", b"hello", properties={"p": "1"}, appProperties={"q": "2"}, description="d"
    )
    old = get(api, file["id"])

    assert old["title"] == "a.txt"
    assert old["fileSize"] == "5"
    assert old["modifiedDate"] == file["modifiedTime"]
    assert old["labels"] == {
        "starred": False,
        "hidden": False,
        "trashed": False,
        "restricted": False,
        "viewed": True,
    }
    assert [(one["id"], one["isRoot"]) for one in old["parents"]] == [(file["parents"][0], True)]
    pairs = [(one["key"], one["value"], one["visibility"]) for one in old["properties"]]
    assert pairs == [("p", "1", "PUBLIC"), ("q", "2", "PRIVATE")]
    assert old["etag"].startswith('"')
    assert old["kind"] == "drive#file"
    assert api.get(old["downloadUrl"]).content == b"hello"
    assert api.get(f"drive/v2/files/{file['id']}?alt=media").content == b"hello"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_stale_etag_is_refused(api: Api, method: str) -> None:
    """With 412, and nothing is done; the right one and a star are taken [LIVE GDM]."""
    file = api.make("a")
    stale = get(api, file["id"])["etag"]
    api.ok("PATCH", f"drive/v3/files/{file['id']}", json={"name": "b"})
    body = {} if method == "DELETE" else {"json": {"title": "c"}}
    answer = with_etag(api, method, file["id"], stale, **body)
    assert error(answer) == (412, "conditionNotMet", "Precondition Failed")
    assert get(api, file["id"])["title"] == "b"

    fresh = get(api, file["id"])["etag"]
    assert with_etag(api, method, file["id"], fresh, **body).status_code in (200, 204)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b"},
        {"starred": True},
        {"trashed": True},
        {"appProperties": {"k": "v"}},
        {"properties": {"k": "v"}},
        {"description": "d"},
        {"modifiedTime": "2020-01-01T00:00:00Z"},
    ],
)
def test_every_change_of_metadata_alters_the_etag(api: Api, change: Any) -> None:
    """Through v3 as well."""
    file = api.make("a")
    before = get(api, file["id"])["etag"]
    assert get(api, file["id"])["etag"] == before
    api.ok("PATCH", f"drive/v3/files/{file['id']}", json=change)

    assert get(api, file["id"])["etag"] != before


def test_moves_content_and_sharing_alter_the_etag(api: Api) -> None:
    """All that is a change of the file."""
    file, folder = api.make("a"), api.folder("f")
    tags = [get(api, file["id"])["etag"]]
    api.put_bytes(file["id"], b"x")
    tags.append(get(api, file["id"])["etag"])
    api.ok("PATCH", f"drive/v3/files/{file['id']}?addParents={folder['id']}", json={})
    tags.append(get(api, file["id"])["etag"])
    api.share(file["id"], "reader", ANN)
    tags.append(get(api, file["id"])["etag"])

    assert len(set(tags)) == 4


def test_v3_has_no_etags(api: Api) -> None:
    """A condition is not looked at there; the last write wins [LIVE GDM]."""
    file = api.make("a")
    path = f"drive/v3/files/{file['id']}"

    assert error(api.get(f"{path}?fields=etag"))[:2] == (400, "invalidParameter")
    answer = api.patch(path, json={"name": "b"}, headers={"If-Match": '"no"'})
    assert answer.status_code == 200


def test_of_many_with_one_etag_one_wins(emulator: Emulator, api: Api) -> None:
    """Compare and swap: what a lease is built on."""
    file = api.make("lease")
    etag, wins, begin = get(api, file["id"])["etag"], list[int](), threading.Barrier(8)

    def claim(number: int) -> None:
        with client_of(emulator) as mine:
            begin.wait()
            body = {"properties": [{"key": "owner", "value": f"{number}"}]}
            if with_etag(mine, "PATCH", file["id"], etag, json=body).status_code == 200:
                wins.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (winner,) = wins
    assert api.file(file["id"])["appProperties"] == {"owner": f"{winner}"}


def test_a_create_on_condition_fails_always(api: Api) -> None:
    """`If-None-Match: *` on v2, also with bytes; v3 does not look at it [LIVE GDM]."""
    headers = {"If-None-Match": "*"}
    for path in ("drive/v2/files", "upload/drive/v2/files?uploadType=media"):
        answer = api.post(path, headers=headers)
        assert error(answer) == (412, "conditionNotMet", "Precondition Failed")
    assert api.names() == []
    assert api.post("drive/v3/files", headers=headers).status_code == 200


def test_an_etag_saves_an_answer(api: Api) -> None:
    """Who knows the state is told so."""
    file = api.make("a")
    etag = get(api, file["id"])["etag"]
    answer = api.get(f"drive/v2/files/{file['id']}", headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content) == (304, b"")


def test_properties_have_a_visibility(api: Api) -> None:
    """PRIVATE unless it says otherwise; null takes one away."""
    file = api.ok(
        "POST",
        "drive/v2/files",
        json={
            "title": "a",
            "properties": [
                {"key": "a", "value": "1", "visibility": "PUBLIC"},
                {"key": "b", "value": "2"},
            ],
        },
    )
    new = api.file(file["id"])
    assert (new["properties"], new["appProperties"]) == ({"a": "1"}, {"b": "2"})

    body = {"properties": [{"key": "a", "value": None, "visibility": "PUBLIC"}]}
    api.ok("PATCH", f"drive/v2/files/{file['id']}", json=body)

    new = api.file(file["id"])
    assert "properties" not in new
    assert new["appProperties"] == {"b": "2"}
    q = "properties has {key='b' and value='2' and visibility='PRIVATE'}"
    assert [one["title"] for one in api.ok("GET", "drive/v2/files", params={"q": q})["items"]] == [
        "a"
    ]


def test_trash_untrash_and_touch(api: Api) -> None:
    """Addresses of their own, also on a condition."""
    file = api.make("a", modifiedTime="2020-01-01T00:00:00Z")
    path = f"drive/v2/files/{file['id']}"
    assert api.ok("POST", f"{path}/trash")["labels"]["trashed"] is True
    assert api.ok("POST", f"{path}/untrash")["labels"]["trashed"] is False
    assert api.ok("POST", f"{path}/touch")["modifiedDate"] > "2026"
    assert api.post(f"{path}/trash", headers={"If-Match": '"no"'}).status_code == 412


def test_parents_and_children(api: Api) -> None:
    """A file has one parent; setting another moves it."""
    one, two = api.folder("one"), api.folder("two")
    body = {"title": "a", "parents": [{"id": one["id"]}]}
    file = api.ok("POST", "drive/v2/files", json=body)
    assert [parent["id"] for parent in file["parents"]] == [one["id"]]

    moved = {"parents": [{"id": two["id"]}]}
    file = api.ok("PUT", f"drive/v2/files/{file['id']}", json=moved)
    assert [parent["id"] for parent in file["parents"]] == [two["id"]]
    children = api.ok("GET", f"drive/v2/files/{two['id']}/children")["items"]
    assert [child["id"] for child in children] == [file["id"]]
    path = f"drive/v2/files/{file['id']}/parents"
    assert [one["id"] for one in api.ok("GET", path)["items"]] == [two["id"]]
    assert api.ok("POST", path, json={"id": one["id"]})["id"] == one["id"]
    assert api.ok("GET", f"drive/v2/files/{one['id']}/children/{file['id']}")["id"] == file["id"]
    assert api.get(f"drive/v2/files/{two['id']}/children/{file['id']}").status_code == 404


def test_lists_have_pages_and_old_words(api: Api) -> None:
    """`title` in the search and in the order, `maxResults`, a link to what comes next."""
    for number in range(5):
        api.make(f"f{number}")
    params = {"q": "title contains 'f'", "maxResults": "2", "orderBy": "title desc"}
    page = api.ok("GET", "drive/v2/files", params=params)
    assert [one["title"] for one in page["items"]] == ["f4", "f3"]

    after = api.ok("GET", page["nextLink"])
    assert [one["title"] for one in after["items"]] == ["f2", "f1"]
    assert api.get("drive/v2/files", params={"q": "nonsense = 'x'"}).status_code == 400


def test_the_change_log(api: Api) -> None:
    """The same entries under their old names."""
    about = api.ok("GET", "drive/v2/about")
    start = str(int(about["largestChangeId"]) + 1)
    file = api.make("a")
    gone = api.make("b")
    api.delete(f"drive/v3/files/{gone['id']}")
    page = api.ok("GET", "drive/v2/changes", params={"startChangeId": start})

    assert [(one["fileId"], one["deleted"]) for one in page["items"]] == [
        (file["id"], False),
        (gone["id"], True),
    ]
    assert page["items"][0]["file"]["title"] == "a"
    assert about["rootFolderId"] == api.file("root")["id"]


def test_permissions(api: Api, ann: Api) -> None:
    """`value`, `withLink`, and commenters as readers with one role more."""
    file = api.make("a", b"x")
    path = f"drive/v2/files/{file['id']}/permissions"
    body = {"type": "user", "role": "reader", "value": ANN, "additionalRoles": ["commenter"]}
    given = api.ok("POST", path, json=body)
    assert (given["role"], given["additionalRoles"]) == ("reader", ["commenter"])
    assert ann.bytes_of(file["id"]) == b"x"
    assert given["id"] == api.ok("GET", f"drive/v2/permissionIds/{ANN}")["id"]

    link = api.ok("POST", path, json={"type": "anyone", "role": "reader", "withLink": True})
    assert link["withLink"] is True
    assert len(api.ok("GET", path)["items"]) == 3
    one = f"{path}/{given['id']}"
    ends = {"role": "reader", "expirationTime": "2999-01-01T00:00:00Z"}
    assert api.ok("PATCH", one, json=ends)["expirationTime"] == "2999-01-01T00:00:00.000Z"
    given = api.ok("PUT", f"{one}?removeExpiration=true", json={"role": "writer"})
    assert (given["role"], "expirationTime" in given) == ("writer", False)
    assert api.delete(one).status_code == 204


@pytest.fixture
def files(emulator: Emulator) -> Iterator[Any]:
    """`files` of Google's own client for v2."""
    with service_of(emulator, version="v2") as service:
        yield service.files()


@pytest.mark.parametrize("resumable", [False, True])
def test_googles_client_uploads_and_downloads(files: Any, resumable: bool) -> None:
    """Multipart and resumable, for a new file and for a new content, which is a PUT."""
    data = bytes(range(256)) * 3072

    def media(content: bytes) -> Any:
        file = io.BytesIO(content)
        return MediaIoBaseUpload(file, "text/plain", resumable=resumable, chunksize=UNIT)

    file = files.insert(body={"title": "a"}, media_body=media(data)).execute()
    assert (file["title"], file["fileSize"]) == ("a", str(len(data)))
    after = files.update(fileId=file["id"], body={}, media_body=media(b"new")).execute()
    assert after["fileSize"] == "3"
    out, done = io.BytesIO(), False
    download = MediaIoBaseDownload(out, files.get_media(fileId=file["id"]))
    while not done:
        _, done = download.next_chunk()

    assert out.getvalue() == b"new"


def test_googles_client_compares_and_swaps(files: Any) -> None:
    """The header that the facts of reliability are built on."""
    file = files.insert(body={"title": "a"}).execute()
    for expected in (200, 412):
        request = files.patch(fileId=file["id"], body={"title": f"to {expected}"})
        request.headers["If-Match"] = file["etag"]
        if expected == 200:
            request.execute()
        else:
            with pytest.raises(HttpError) as caught:
                request.execute()
            assert caught.value.status_code == 412
    assert files.get(fileId=file["id"]).execute()["title"] == "to 200"


def test_an_upload_on_condition(api: Api) -> None:
    """New bytes for a file that somebody changed are refused."""
    file = api.make("a", b"old")
    stale = get(api, file["id"])["etag"]
    api.put_bytes(file["id"], b"theirs")
    path = f"upload/drive/v2/files/{file['id']}"
    for kind in ("media", "resumable"):
        answer = api.put(
            f"{path}?uploadType={kind}",
            content=b"" if kind == "resumable" else b"mine",
            headers={"If-Match": stale},
        )
        assert error(answer)[:2] == (412, "conditionNotMet")

    assert api.bytes_of(file["id"]) == b"theirs"


def test_the_condition_of_an_upload_holds_at_its_end(api: Api) -> None:
    """Who changed the file while the bytes were on their way is not overwritten."""
    file = api.make("a", b"old")
    headers = {"If-Match": get(api, file["id"])["etag"]}
    path = f"upload/drive/v2/files/{file['id']}?uploadType=resumable"
    session = api.put(path, json={}, headers=headers).headers["location"]
    api.put_bytes(file["id"], b"between")
    answer = api.put(session, content=b"late")

    assert error(answer) == (412, "conditionNotMet", "Precondition Failed")
    assert api.bytes_of(file["id"]) == b"between"


def test_the_rest_of_the_methods_work(files: Any) -> None:
    """Copy, trash, delete, ids."""
    folder = files.insert(body={"title": "f", "mimeType": FOLDER}).execute()
    file = files.insert(body={"title": "a", "parents": [{"id": folder["id"]}]}).execute()
    copy = files.copy(fileId=file["id"], body={"title": "b"}).execute()
    assert copy["title"] == "b"
    assert files.trash(fileId=file["id"]).execute()["labels"]["trashed"] is True
    assert files.emptyTrash().execute() == ""
    assert files.delete(fileId=copy["id"]).execute() == ""
    found = files.list(q="trashed = false").execute()["items"]
    assert [one["title"] for one in found] == ["f"]
    assert len(files.generateIds(maxResults=3).execute()["ids"]) == 3
