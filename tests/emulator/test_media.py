"""Which bytes a download answers."""

from __future__ import annotations

import gzip

import pytest

from emulator.api import Api, error

DATA = bytes(range(256)) * 4


@pytest.mark.parametrize(
    ("asked", "status", "begin", "end"),
    [
        (None, 200, 0, 1024),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=1000-", 206, 1000, 1024),
        ("bytes=1000-99999", 206, 1000, 1024),
        ("bytes=-24", 206, 1000, 1024),
        ("bytes=-99999", 206, 0, 1024),
        ("bytes=5-4", 200, 0, 1024),
        ("bytes=0-1,5-6", 200, 0, 1024),
        ("lines=1-2", 200, 0, 1024),
        ("bytes=-", 200, 0, 1024),
    ],
)
def test_a_range_answers_its_bytes(
    api: Api, asked: str | None, status: int, begin: int, end: int
) -> None:
    """One range is understood; anything else means the whole file."""
    file = api.make("a.bin", DATA)
    headers = {"Range": asked} if asked else {}
    answer = api.get(f"drive/v3/files/{file['id']}?alt=media", headers=headers)

    assert answer.status_code == status
    assert answer.content == DATA[begin:end]
    assert answer.headers["content-length"] == str(end - begin)
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/1024"


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=1024-2000", "bytes=-0"])
def test_a_range_past_the_end_is_refused(api: Api, asked: str) -> None:
    """The answer says how long the file is."""
    file = api.make("a.bin", DATA)
    answer = api.get(f"drive/v3/files/{file['id']}?alt=media", headers={"Range": asked})

    assert error(answer)[:2] == (416, "requestedRangeNotSatisfiable")
    assert answer.headers["content-range"] == "bytes */1024"


def test_an_empty_file_has_no_range_but_can_be_read(api: Api) -> None:
    """Downloaders meet 416 first on files without bytes."""
    file = api.make("empty")
    path = f"drive/v3/files/{file['id']}?alt=media"
    answer = api.get(path, headers={"Range": "bytes=0-99"})

    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */0")
    assert api.get(path).content == b""


def test_a_condition_on_a_validator_never_holds(api: Api) -> None:
    """There is no ETag in v3, so If-Range gets the whole file."""
    file = api.make("a.bin", DATA)
    headers = {"Range": "bytes=0-1", "If-Range": '"x"'}

    answer = api.get(f"drive/v3/files/{file['id']}?alt=media", headers=headers)
    assert answer.status_code == 200
    assert "etag" not in answer.headers


def test_a_file_never_acts_as_a_page(api: Api) -> None:
    """An HTML file is an attachment in a sandbox, and its type is not guessed."""
    file = api.make("a.html", b"<script>alert(1)</script>", mimeType="text/html")
    headers = api.get(f"drive/v3/files/{file['id']}?alt=media").headers

    assert headers["content-type"] == "text/html"
    assert headers["content-disposition"] == "attachment"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("mime", ["text/x\r\nSet-Cookie: a=b", "\u2603", " "])
def test_a_type_can_not_break_the_headers(api: Api, mime: str) -> None:
    """What cannot stand in a header is served as bytes."""
    created = api.ok("POST", "drive/v3/files", json={"mimeType": mime})
    answer = api.get(f"drive/v3/files/{created['id']}?alt=media")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert "set-cookie" not in answer.headers


def test_a_reader_keeps_the_bytes_that_it_began_with(api: Api) -> None:
    """A new content does not change a download that runs."""
    old, new = b"a" * (8 << 20), b"b" * (8 << 20)
    file = api.make("a", old)
    with api.stream("GET", f"drive/v3/files/{file['id']}?alt=media") as answer:
        pieces = answer.iter_bytes(1 << 16)
        first = next(pieces)
        api.put_bytes(file["id"], new)
        rest = b"".join(pieces)

    assert first + rest == old
    assert api.bytes_of(file["id"]) == new


@pytest.mark.parametrize(
    ("accept", "agent", "zipped"),
    [
        ("gzip", "my program (gzip)", True),
        ("gzip", "my program", False),
        ("identity", "my program (gzip)", False),
    ],
)
def test_answers_are_zipped_if_asked_twice(api: Api, accept: str, agent: str, zipped: bool) -> None:
    """Google zips JSON for clients that accept gzip and have the word in their name."""
    api.make("a", description="word " * 1000)
    headers = {"Accept-Encoding": accept, "User-Agent": agent}
    with api.stream("GET", "drive/v3/files?fields=*", headers=headers) as answer:
        raw = b"".join(answer.iter_raw())

    assert answer.headers.get("content-encoding") == ("gzip" if zipped else None)
    assert b"word word" in (gzip.decompress(raw) if zipped else raw)


def test_bytes_are_never_zipped(api: Api) -> None:
    """A download is as long as the file."""
    file = api.make("a.json", b" " * 5000)
    headers = {"Accept-Encoding": "gzip", "User-Agent": "(gzip)"}
    answer = api.get(f"drive/v3/files/{file['id']}?alt=media", headers=headers)

    assert "content-encoding" not in answer.headers
    assert len(answer.content) == 5000
