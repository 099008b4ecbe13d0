"""Whether Google's own Python client finds what it expects."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from colab_magics.emulator import Emulator
from emulator.api import FOLDER
from emulator.google import service_of

UNIT = 256 << 10
DATA = bytes(range(256)) * 3072 + b"\r"


@pytest.fixture
def files(emulator: Emulator) -> Iterator[Any]:
    """`files` of a service whose every address is the emulator's."""
    with service_of(emulator) as service:
        yield service.files()


def media(data: bytes, *, mime: str = "text/plain", **rest: Any) -> Any:
    return MediaIoBaseUpload(io.BytesIO(data), mime, **rest)


def read(files: Any, file_id: str) -> bytes:
    got, done = io.BytesIO(), False
    download = MediaIoBaseDownload(got, files.get_media(fileId=file_id), chunksize=UNIT)
    while not done:
        _, done = download.next_chunk()
    return got.getvalue()


@pytest.mark.parametrize("resumable", [False, True])
@pytest.mark.parametrize("data", [b"", b"hello", DATA])
def test_what_goes_up_comes_down(files: Any, resumable: bool, data: bytes) -> None:
    """Multipart and resumable, and downloads in ranges."""
    body = media(data, resumable=resumable, chunksize=UNIT)
    file = files.create(body={"name": "a"}, media_body=body, fields="*").execute()

    assert file["md5Checksum"] == hashlib.md5(data).hexdigest()
    assert file["mimeType"] == "text/plain"
    assert read(files, file["id"]) == data


def test_contents_are_replaced(files: Any) -> None:
    """By a multipart and by a resumable update."""
    file = files.create(body={"name": "a"}, media_body=media(b"one")).execute()
    for resumable in (False, True):
        body = media(DATA, resumable=resumable)
        after = files.update(fileId=file["id"], media_body=body, fields="id,size").execute()

        assert after == {"id": file["id"], "size": str(len(DATA))}


def test_an_interrupted_upload_goes_on(files: Any, emulator: Emulator) -> None:
    """The loop that the client's own retries do not manage: ask, and go on from there."""
    emulator.faults.add(method="PUT", nth=2, times=2, status=503)
    emulator.faults.add(method="PUT", nth=5, cut="before")
    body = media(DATA, resumable=True, chunksize=UNIT)
    request, answer, failures = files.create(media_body=body, fields="size"), None, list[Any]()
    while answer is None:
        try:
            _, answer = request.next_chunk()
        except (HttpError, OSError) as error:
            failures.append(getattr(error, "status_code", None))

    assert answer == {"size": str(len(DATA))}
    assert failures == [503, 503, None]


def test_pages_are_walked(files: Any) -> None:
    """With the client's own `list_next`."""
    folder = files.create(body={"name": "f", "mimeType": FOLDER}).execute()["id"]
    for number in range(5):
        files.create(body={"name": f"{number}", "parents": [folder]}).execute()
    seen: list[str] = []
    request = files.list(q=f"'{folder}' in parents", pageSize=2, orderBy="name")
    while request is not None:
        page = request.execute()
        seen += [one["name"] for one in page["files"]]
        request = files.list_next(request, page)

    assert seen == ["0", "1", "2", "3", "4"]


def test_errors_are_understood(files: Any) -> None:
    """Status and reason, as the client reads them from the body."""
    with pytest.raises(HttpError, match="File not found: 1nothing") as caught:
        files.get(fileId="1nothing").execute()

    assert caught.value.status_code == 404
    assert caught.value.error_details[0]["reason"] == "notFound"


def test_a_rate_limit_is_retried_by_the_client(files: Any, emulator: Emulator) -> None:
    """It knows the reason in the body."""
    emulator.faults.add(reason="userRateLimitExceeded", times=1)
    request = files.list()
    request._sleep = lambda seconds: None

    assert request.execute(num_retries=2)["files"] == []


def test_a_very_long_search_is_posted(files: Any, emulator: Emulator) -> None:
    """The client turns an address of more than 2,048 characters into a POST."""
    q = " or ".join(f"name = 'a rather long name of a file {number}'" for number in range(100))

    assert files.list(q=q).execute()["files"] == []
    assert emulator.log[-1].method == "GET"
    assert "a+rather+long" in emulator.log[-1].query


def test_the_rest_of_the_methods_work(files: Any) -> None:
    """Move, copy, trash, delete, ids."""
    (chosen,) = files.generateIds(count=1).execute()["ids"]
    file = files.create(body={"name": "a", "id": chosen}).execute()
    folder = files.create(body={"name": "f", "mimeType": FOLDER}).execute()
    move = {"addParents": folder["id"], "removeParents": "root", "fields": "parents"}

    assert files.update(fileId=chosen, body={}, **move).execute() == {"parents": [folder["id"]]}
    assert files.copy(fileId=file["id"], body={}).execute()["name"] == "Copy of a"
    body = {"trashed": True}
    assert files.update(fileId=chosen, body=body, fields="trashed").execute() == body
    assert files.delete(fileId=chosen).execute() == ""
    assert files.emptyTrash().execute() == ""
