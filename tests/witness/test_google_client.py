"""Whether Google's own Python client works over TLS with nothing but a proxy between."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from witness.world import World

pytestmark = [
    pytest.mark.third_party,
    # A batch renews its token over a connection of its own, which nobody closes.
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]
UNIT = 256 << 10
DATA = bytes(range(256)) * (2 << 10) + b"tail\r\n"


@pytest.fixture
def service(behind_proxy: Credentials) -> Iterator[Any]:
    """`build('drive', 'v3')`, signed in, as every program does it."""
    with build("drive", "v3", credentials=behind_proxy) as built:
        yield built


def media(data: bytes, mime: str = "text/plain", **rest: Any) -> Any:
    return MediaIoBaseUpload(io.BytesIO(data), mime, **rest)


def read(service: Any, file_id: str) -> bytes:
    got, done = io.BytesIO(), False
    request = service.files().get_media(fileId=file_id)
    download = MediaIoBaseDownload(got, request, chunksize=UNIT)
    while not done:
        _, done = download.next_chunk()
    return got.getvalue()


def test_files_go_up_and_down(service: Any, world: World) -> None:
    """Multipart, resumable in chunks, and in ranges back; every request over TLS."""
    files = service.files()
    for resumable in (False, True):
        body = media(DATA, resumable=resumable, chunksize=UNIT)
        file = files.create(body={"name": "a"}, media_body=body, fields="*").execute()

        assert file["md5Checksum"] == hashlib.md5(DATA).hexdigest()
        assert read(service, file["id"]) == DATA
    assert len(files.list(q="name = 'a'").execute()["files"]) == 2
    assert set(world.proxy.led) == {"www.googleapis.com", "oauth2.googleapis.com"}


def test_a_session_stays_under_googles_name(service: Any, world: World) -> None:
    """Each chunk is sent where `Location` said, through the proxy, and an update keeps the id."""
    file = service.files().create(body={"name": "a"}, media_body=media(b"one")).execute()
    body = media(DATA, resumable=True, chunksize=UNIT)
    request, answer = service.files().update(fileId=file["id"], media_body=body), None
    while answer is None:
        _, answer = request.next_chunk()

    assert request.resumable_uri.startswith("https://www.googleapis.com/upload/drive/v3/files/")
    assert answer["id"] == file["id"]
    assert read(service, file["id"]) == DATA


def test_a_token_that_expires_is_renewed(service: Any, world: World) -> None:
    """At `oauth2.googleapis.com`, once, without a word to the program."""
    service.files().list().execute()
    world.emulator.clock.advance(3600)
    service.files().list().execute()

    asked = [(entry.path, entry.status) for entry in world.emulator.log]
    listed = ("/drive/v3/files", 200)
    assert asked == [("/token", 200), listed, ("/drive/v3/files", 401), ("/token", 200), listed]


def test_many_calls_go_in_one_batch(service: Any, world: World) -> None:
    """Each has its own answer, also the one that fails."""
    answers: dict[str, Any] = {}

    def note(name: str, answer: Any, error: HttpError | None) -> None:
        answers[name] = error.status_code if error else answer["name"]

    batch, files = service.new_batch_http_request(callback=note), service.files()
    for name in ("a", "b"):
        batch.add(files.create(body={"name": name}), request_id=name)
    batch.add(files.get(fileId="1nothing"), request_id="c")
    batch.execute()

    assert answers == {"a": "a", "b": "b", "c": 404}
    assert {one["name"] for one in files.list().execute()["files"]} == {"a", "b"}


def test_a_document_is_exported(service: Any) -> None:
    """What has no bytes of its own is fetched in another format."""
    mime = "application/vnd.google-apps.document"
    body = {"name": "notes", "mimeType": mime}
    file = service.files().create(body=body, media_body=media(b"hello")).execute()

    assert file["mimeType"] == mime
    exported = service.files().export(fileId=file["id"], mimeType="text/plain").execute()
    assert b"hello" in exported
    with pytest.raises(HttpError, match="Only files with binary content"):
        service.files().get_media(fileId=file["id"]).execute()


def test_a_file_is_shared_and_not_shared(service: Any) -> None:
    """With anybody who has the link, and no longer."""
    file = service.files().create(body={"name": "a"}).execute()["id"]
    permissions = service.permissions()
    made = permissions.create(fileId=file, body={"type": "anyone", "role": "reader"}).execute()
    listed = permissions.list(fileId=file).execute()["permissions"]
    assert [one["role"] for one in listed if one["type"] == "anyone"] == ["reader"]
    permissions.delete(fileId=file, permissionId=made["id"]).execute()

    listed = permissions.list(fileId=file).execute()["permissions"]
    assert [one["type"] for one in listed] == ["user"]
