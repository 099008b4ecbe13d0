"""How bytes get onto the Drive."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colab_magics.emulator import Emulator
from colab_magics.emulator.multipart import Related
from emulator.api import Api, error

UPLOAD = "upload/drive/v3/files"
UNIT = 256 << 10


def multipart(body: Any, data: bytes, *, end: bytes = b"\r\n", extra: bytes = b"") -> bytes:
    """Return a multipart/related body with this line end."""
    lines = [
        b"--edge",
        b"Content-Type: application/json; charset=UTF-8",
        b"",
        json.dumps(body).encode(),
        b"--edge",
        b"Content-Type: text/plain" + extra,
        b"",
        data,
        b"--edge--",
        b"",
    ]
    return end.join(lines)


EDGE = {"Content-Type": "multipart/related; boundary=edge"}


def test_a_simple_upload_makes_an_untitled_file(api: Api) -> None:
    """Type from the header, bytes from the body."""
    headers = {"Content-Type": "image/png"}
    path = f"{UPLOAD}?uploadType=media"
    file = api.ok("POST", path, content=b"hello", headers=headers, fields="*")

    assert (file["name"], file["mimeType"], file["size"]) == ("Untitled", "image/png", "5")
    assert api.bytes_of(file["id"]) == b"hello"


def test_a_body_may_come_zipped(api: Api) -> None:
    """Google's Java client zips what it sends; what is stored is what was meant."""
    data = b"hello" * 50_000
    zipped = {"Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps({"name": "a"}).encode())
    file = api.ok("POST", "drive/v3/files", content=body, headers=zipped)
    api.ok(
        "PATCH",
        f"{UPLOAD}/{file['id']}?uploadType=media",
        content=gzip.compress(data),
        headers=zipped,
    )
    parts = gzip.compress(multipart({"name": "b"}, data))
    other = api.ok("POST", f"{UPLOAD}?uploadType=multipart", content=parts, headers=EDGE | zipped)

    assert api.file(file["id"])["name"] == "a"
    assert api.bytes_of(file["id"]) == data
    assert api.bytes_of(other["id"]) == data


@pytest.mark.parametrize("body", [b"hello", gzip.compress(b"hello", mtime=0)[:-4]])
def test_a_body_that_is_not_gzip_is_refused(api: Api, body: bytes) -> None:
    """Not stored as it came, and not as far as it went."""
    headers = {"Content-Encoding": "gzip"}
    answer = api.post(f"{UPLOAD}?uploadType=media", content=body, headers=headers)

    assert error(answer)[:2] == (400, "badRequest")
    assert api.names() == []


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    "data", [b"", b"hello", b"a\r\n\r\nb\n", b"end\r", b"end\r\n", b"\n", b"--ed"]
)
def test_a_multipart_upload_keeps_every_byte(api: Api, end: bytes, data: bytes) -> None:
    """Lines may end in CRLF or, as Google's Python client sends them, in LF."""
    content = multipart({"name": "a.txt"}, data, end=end)
    path = f"{UPLOAD}?uploadType=multipart"
    file = api.ok("POST", path, content=content, headers=EDGE, fields="*")

    assert (file["name"], file["mimeType"]) == ("a.txt", "text/plain")
    assert file["md5Checksum"] == hashlib.md5(data).hexdigest()
    assert api.bytes_of(file["id"]) == data


def test_a_multipart_upload_may_come_in_chunks(api: Api) -> None:
    """As rclone sends it, without a Content-Length, and with a quoted boundary."""
    content = multipart({"name": "a"}, b"x" * 100_000)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 777):
            yield content[start : start + 777]

    headers = {"Content-Type": 'multipart/related; boundary="edge"; charset=UTF-8'}
    path = f"{UPLOAD}?uploadType=multipart"
    file = api.ok("POST", path, content=pieces(), headers=headers, fields="size")

    assert file == {"size": "100000"}


def test_a_multipart_upload_may_be_base64(api: Api) -> None:
    """As JavaScript clients send it."""
    extra = b"\r\nContent-Transfer-Encoding: base64"
    content = multipart({}, base64.b64encode(b"hello world"), extra=extra)
    path = f"{UPLOAD}?uploadType=multipart"
    file = api.ok("POST", path, content=content, headers=EDGE)

    assert api.bytes_of(file["id"]) == b"hello world"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        multipart({}, b"hello")[:-6],
        b"--edge\r\n\r\n{}\r\n--edge--\r\n",
        multipart({}, b"x").replace(b"{}", b"{"),
        multipart({}, b"x").replace(b"--edge--", b"--edge\r\n\r\nmore\r\n--edge--"),
        multipart({}, b"???", extra=b"\r\nContent-Transfer-Encoding: base64"),
    ],
)
def test_a_broken_multipart_body_makes_nothing(api: Api, content: bytes) -> None:
    """No file, and no bytes left behind."""
    answer = api.post(f"{UPLOAD}?uploadType=multipart", content=content, headers=EDGE)

    assert answer.status_code == 400
    assert api.names() == []


@settings(max_examples=100, deadline=None, database=None)
@given(
    data=st.binary(max_size=60)
    | st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--edg", b"x"])).map(b"".join),
    cuts=st.lists(st.integers(1, 40), max_size=12),
    end=st.sampled_from([b"\r\n", b"\n"]),
)
def test_a_multipart_body_may_be_cut_anywhere(data: bytes, cuts: list[int], end: bytes) -> None:
    """However the network divides a body, the media is the same."""
    content, got = multipart({"a": 1}, data, end=end), bytearray()
    reader = Related(b"edge", got.extend)
    for cut in cuts:
        reader.feed(content[:cut])
        content = content[cut:]
    reader.feed(content)
    reader.close()

    assert (json.loads(reader.metadata), bytes(got)) == ({"a": 1}, data)


@pytest.mark.parametrize(
    ("body", "headers", "mime"),
    [
        ({"mimeType": "a/b"}, {"X-Upload-Content-Type": "c/d"}, "a/b"),
        ({}, {"X-Upload-Content-Type": "c/d"}, "c/d"),
        ({"name": "a.png"}, {}, "image/png"),
        ({"name": "a"}, {}, "application/octet-stream"),
    ],
)
def test_the_type_is_said_declared_or_guessed(api: Api, body: Any, headers: Any, mime: str) -> None:
    """In this order."""
    session = begin(api, body, **headers)

    assert api.put(session, content=b"x").json()["mimeType"] == mime


def test_an_update_of_the_content_is_a_patch(api: Api) -> None:
    """PUT is for sessions only; the metadata may change in the same step."""
    file, folder = api.make("a.txt", b"one"), api.folder("f")
    path = f"{UPLOAD}/{file['id']}?uploadType=multipart&addParents={folder['id']}"
    content = multipart({"name": "b.txt"}, b"two")
    after = api.ok("PATCH", path, content=content, headers=EDGE, fields="*")

    assert (after["id"], after["name"], after["size"]) == (file["id"], "b.txt", "3")
    assert after["parents"] == [folder["id"]]
    assert error(api.put(path, content=b"x"))[0] == 404


@pytest.mark.parametrize("query", ["", "?uploadType=other"])
def test_an_upload_of_an_unknown_kind_is_refused(api: Api, query: str) -> None:
    """The kind of upload is part of the address."""
    assert api.post(f"{UPLOAD}{query}", content=b"x").status_code == 400


def test_a_body_that_is_cut_short_has_no_effect(api: Api, emulator: Emulator) -> None:
    """A sender that dies in the middle leaves no file and no bytes."""
    file = api.make("a", b"before")
    for method, path in (("POST", UPLOAD), ("PATCH", f"{UPLOAD}/{file['id']}")):
        head = f"{method} /{path}?uploadType=media HTTP/1.1\r\nHost: localhost\r\n"
        send_and_die(emulator, head + "Content-Length: 100000\r\n\r\n", b"x" * 50_000)

    assert [entry.effect for entry in emulator.log[-2:]] == [False, False]
    assert api.names() == ["a"]
    assert api.bytes_of(file["id"]) == b"before"
    assert list((emulator.root / "incoming").iterdir()) == []


def send_and_die(emulator: Emulator, head: str, body: bytes) -> None:
    """Send a part of a request, close the connection and wait until that was noticed."""
    known = len(emulator.log)
    url = httpx.URL(emulator.url)
    with socket.create_connection((url.host, url.port or 80)) as plug:
        plug.sendall(head.encode() + body)
    while len(emulator.log) == known:
        httpx.get(f"{emulator.url}emulator/health", trust_env=False)


def begin(api: Api, body: Any = None, **headers: str) -> str:
    """Begin a resumable upload; return the URI of its session."""
    answer = api.post(f"{UPLOAD}?uploadType=resumable", json=body or {}, headers=headers)
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    return str(answer.headers["location"])


def chunk(api: Api, session: str, data: bytes, spans: str, **rest: Any) -> httpx.Response:
    """Send a part of a resumable upload."""
    return api.put(session, content=data, headers={"Content-Range": spans}, **rest)


class TestResumable:
    """An upload in parts, which survives whatever happens between them."""

    def test_a_file_shows_when_its_last_chunk_has_come(self, api: Api) -> None:
        """308 and the range so far after each part, the File after the last."""
        data = bytes(range(256)) * 3072 + b"tail"
        session = begin(api, {"name": "big"}, **{"X-Upload-Content-Length": str(len(data))})
        for start in range(0, 3 * UNIT, UNIT):
            end = start + UNIT
            answer = chunk(api, session, data[start:end], f"bytes {start}-{end - 1}/{len(data)}")

            assert (answer.status_code, answer.content) == (308, b"")
            assert answer.headers["range"] == f"bytes=0-{end - 1}"
            assert api.names() == []
        spans = f"bytes {3 * UNIT}-{len(data) - 1}/{len(data)}"
        answer = chunk(api, session, data[3 * UNIT :], spans)

        assert answer.status_code == 200
        assert api.bytes_of(answer.json()["id"]) == data

    def test_a_client_may_ask_for_no_308(self, api: Api) -> None:
        """As Google's Go client does, which follows a 308; the header tells it what was meant."""
        session, go = begin(api), {"X-GUploader-No-308": "yes"}
        first = {"Content-Range": f"bytes 0-{UNIT - 1}/*"}
        answer = api.put(session, content=b"x" * UNIT, headers=go | first)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["x-http-status-code-override"] == "308"
        assert answer.headers["range"] == f"bytes=0-{UNIT - 1}"

        last = {"Content-Range": f"bytes */{UNIT}"}
        answer = api.put(session, headers=go | last)
        assert "x-http-status-code-override" not in answer.headers
        assert api.bytes_of(answer.json()["id"]) == b"x" * UNIT

    def test_the_whole_may_come_at_once(self, api: Api) -> None:
        """Without a range, by PUT or, as rclone does, by POST; also when it is empty."""
        for method, data in (("PUT", b"hello"), ("POST", b"hello"), ("PUT", b"")):
            answer = api.request(method, begin(api), content=data)

            assert answer.status_code == 200
            assert api.bytes_of(answer.json()["id"]) == data

    def test_the_length_may_be_known_at_the_end_only(self, api: Api) -> None:
        """`bytes a-b/*` until the last part."""
        session = begin(api)
        assert chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/*").status_code == 308
        answer = chunk(api, session, b"y", f"bytes {UNIT}-{UNIT}/{UNIT + 1}")

        assert api.bytes_of(answer.json()["id"]) == b"x" * UNIT + b"y"

    def test_a_stream_that_ends_on_a_unit_is_ended_by_a_question(self, api: Api) -> None:
        """All bytes were sent with an open length; `bytes */N` closes the file."""
        session = begin(api)
        chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/*")
        answer = chunk(api, session, b"", f"bytes */{UNIT}")

        assert answer.status_code == 200
        assert answer.json()["kind"] == "drive#file"

    def test_a_session_says_what_it_has(self, api: Api) -> None:
        """No Range header means nothing yet."""
        session = begin(api)
        before = chunk(api, session, b"", "bytes */*")
        chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/{3 * UNIT}")
        after = chunk(api, session, b"", f"bytes */{3 * UNIT}")

        assert (before.status_code, before.headers.get("range")) == (308, None)
        assert (after.status_code, after.headers["range"]) == (308, f"bytes=0-{UNIT - 1}")

    def test_bytes_that_come_twice_are_stored_once(self, api: Api) -> None:
        """A part is sent again after its answer was lost."""
        session, data = begin(api), bytes(range(256)) * 2048
        for _ in range(2):
            chunk(api, session, data[:UNIT], f"bytes 0-{UNIT - 1}/{2 * UNIT}")
        answer = chunk(api, session, data, f"bytes 0-{2 * UNIT - 1}/{2 * UNIT}")

        assert api.bytes_of(answer.json()["id"]) == data

    def test_the_answer_of_the_last_chunk_can_be_asked_for_again(self, api: Api) -> None:
        """Its loss makes no second file."""
        session = begin(api, {"name": "a"})
        first = api.put(session, content=b"hello").json()

        assert chunk(api, session, b"", "bytes */5").json() == first
        assert api.put(session, content=b"hello").json() == first
        assert api.names() == ["a"]

    def test_the_fields_of_the_first_request_shape_the_last_answer(self, api: Api) -> None:
        """The session has the mask."""
        path = f"{UPLOAD}?uploadType=resumable&fields=size"
        session = api.post(path, json={}).headers["location"]

        assert api.put(session, content=b"hello").json() == {"size": "5"}

    @pytest.mark.parametrize(
        ("data", "spans"),
        [
            (b"x" * 1000, "bytes 0-999/2000"),
            (b"x" * UNIT, f"bytes {UNIT}-{2 * UNIT - 1}/{3 * UNIT}"),
            (b"x" * 10, "bytes 0-19/20"),
            (b"x" * 30, "bytes 0-19/20"),
            (b"x" * 20, "bytes 0-19/10"),
            (b"x" * 10, "bytes 9-0/10"),
            (b"x" * 10, "octets 0-9/10"),
        ],
    )
    def test_a_wrong_chunk_has_no_effect(self, api: Api, data: bytes, spans: str) -> None:
        """Not a multiple of 256 KiB, a gap, a body of another length, no sense at all."""
        session = begin(api)
        answer = chunk(api, session, data, spans)

        assert error(answer)[0] == 400
        assert "range" not in chunk(api, session, b"", "bytes */*").headers
        assert api.names() == []

    @pytest.mark.parametrize("declared", ["4", "6"])
    def test_the_declared_length_is_kept(self, api: Api, declared: str) -> None:
        """A body that is shorter or longer than declared makes no file."""
        session = begin(api, **{"X-Upload-Content-Length": declared})

        assert api.put(session, content=b"hello").status_code == 400
        assert api.names() == []

    def test_a_chunk_that_is_cut_keeps_whole_units(self, api: Api, emulator: Emulator) -> None:
        """The sender asks how much has come, and goes on from there."""
        data = bytes(range(256)) * 4096
        session = httpx.URL(begin(api))
        target = session.raw_path.decode()
        head = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n"
        spans = f"Content-Range: bytes 0-{len(data) - 1}/{len(data)}\r\n\r\n"
        send_and_die(emulator, head + spans, data[: 2 * UNIT + 5000])
        status = chunk(api, str(session), b"", f"bytes */{len(data)}")
        assert status.status_code == 308
        stored = int(status.headers["range"].removeprefix("bytes=0-")) + 1

        assert stored % UNIT == 0
        assert api.names() == []

        spans = f"bytes {stored}-{len(data) - 1}/{len(data)}"
        answer = chunk(api, str(session), data[stored:], spans)

        assert api.bytes_of(answer.json()["id"]) == data

    def test_a_drive_may_store_less_than_was_sent(self, api: Api, emulator: Emulator) -> None:
        """308 with a shorter range; the rest has to be sent again."""
        session, data = begin(api), bytes(range(256)) * 3072
        emulator.faults.add(method="PUT", stored=UNIT + 5, times=1)
        answer = chunk(api, session, data, f"bytes 0-{3 * UNIT - 1}/{3 * UNIT}")

        assert (answer.status_code, answer.headers["range"]) == (308, f"bytes=0-{UNIT - 1}")

        spans = f"bytes {UNIT}-{3 * UNIT - 1}/{3 * UNIT}"
        answer = chunk(api, session, data[UNIT:], spans)

        assert api.bytes_of(answer.json()["id"]) == data

    def test_many_sessions_may_be_open(self, api: Api) -> None:
        """More than the process keeps files open for; the first still has its bytes."""
        sessions = [begin(api) for _ in range(140)]
        for session in sessions:
            chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/{UNIT + 1}")
        answer = chunk(api, sessions[0], b"y", f"bytes {UNIT}-{UNIT}/{UNIT + 1}")

        assert api.bytes_of(answer.json()["id"]) == b"x" * UNIT + b"y"

    def test_an_unknown_session_is_not_found(self, api: Api) -> None:
        """Expired, or never there."""
        assert api.put(f"{UPLOAD}?uploadType=resumable&upload_id=x").status_code == 404

        session = begin(api)
        api.delete("emulator/sessions")
        assert api.put(session, content=b"x").status_code == 404

    def test_a_session_can_update_a_file(self, api: Api) -> None:
        """The file has its old bytes till the last chunk has come."""
        file = api.make("a", b"before")
        path = f"{UPLOAD}/{file['id']}?uploadType=resumable"
        session = api.patch(path, json={"name": "b"}).headers["location"]
        chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/{UNIT + 1}")
        assert api.bytes_of(file["id"]) == b"before"
        chunk(api, session, b"y", f"bytes {UNIT}-{UNIT}/{UNIT + 1}")

        assert api.bytes_of(file["id"]) == b"x" * UNIT + b"y"
        assert api.file(file["id"])["name"] == "b"

    def test_a_create_that_can_not_succeed_is_refused_at_once(self, api: Api) -> None:
        """Before a single byte is sent."""
        path = f"{UPLOAD}?uploadType=resumable"

        assert api.post(path, json={"parents": ["1nothing"]}).status_code == 404
        assert api.post(path, json={"id": "1madeup"}).status_code == 400
        assert api.post(path, json={"size": "5"}).status_code == 403
        assert api.patch(f"{UPLOAD}/1nothing?uploadType=resumable", json={}).status_code == 404

    def test_two_sessions_for_one_id_make_one_file(self, api: Api) -> None:
        """The second to finish finds the id in use."""
        chosen = api.ok("GET", "drive/v3/files/generateIds?count=1")["ids"][0]
        one, two = begin(api, {"id": chosen}), begin(api, {"id": chosen})

        assert api.put(one, content=b"one").json()["id"] == chosen
        assert error(api.put(two, content=b"two"))[:2] == (409, "fileIdInUse")
        assert api.bytes_of(chosen) == b"one"

    def test_the_other_address_works_too(self, api: Api) -> None:
        """The discovery document names `/resumable/upload/…`."""
        answer = api.post("resumable/upload/drive/v3/files?uploadType=resumable", json={})

        assert api.put(answer.headers["location"], content=b"x").status_code == 200
