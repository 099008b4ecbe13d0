"""How an upload in parts lives through loss: of answers, of time, of the server's memory."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from colab_magics.emulator import Emulator
from emulator.api import Api, client_of, error

UPLOAD = "upload/drive/v3/files"
UNIT = 256 << 10
DAY = 24 * 3600


def begin(api: Api, body: Any = None, **headers: str) -> str:
    """Begin a resumable upload; return the URI of its session."""
    answer = api.post(f"{UPLOAD}?uploadType=resumable", json=body or {}, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["location"])


def chunk(api: Api, session: str, data: bytes, spans: str, method: str = "PUT") -> httpx.Response:
    """Send a part of a resumable upload."""
    return api.request(method, session, content=data, headers={"Content-Range": spans})


def ask(api: Api, session: str, total: int | str = "*") -> httpx.Response:
    """Ask a session how much it has."""
    return chunk(api, session, b"", f"bytes */{total}")


def half(api: Api) -> str:
    """Return a session that has the first of two units."""
    session = begin(api, {"name": "a"})
    assert chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/{2 * UNIT}").status_code == 308
    return session


class TestEnds:
    """A session is no more after a week, when it is cancelled, or when Drive loses it."""

    def test_it_lives_for_a_week(self, api: Api, emulator: Emulator) -> None:
        """Then it is unknown, and its bytes are gone."""
        session = half(api)
        emulator.clock.advance(7 * DAY - 60)
        assert ask(api, session).status_code == 308
        emulator.clock.advance(120)

        assert error(ask(api, session)) == (404, "notFound", "Upload session not found.")
        assert list((emulator.root / "incoming").iterdir()) == []

    def test_the_clock_goes_forward_from_outside_too(self, api: Api) -> None:
        """For programs in other processes; only forward, and only by a number."""
        session = half(api)
        before = api.ok("GET", "emulator/clock")["now"]
        after = api.ok("POST", "emulator/clock", json={"advance": 8 * DAY})["now"]

        assert ask(api, session).status_code == 404
        assert before < after
        for wrong in (-1, "1", True, None, 1e12):
            assert api.post("emulator/clock", json={"advance": wrong}).status_code == 400

    def test_the_next_process_forgets_old_ones(self, tmp_path: Path) -> None:
        """Their bytes do not stay on the disk for ever."""
        emulator = Emulator(tmp_path)
        with emulator, client_of(emulator) as api:
            half(api)
            assert len(list((tmp_path / "incoming").iterdir())) == 1
        emulator.clock.advance(8 * DAY)
        with emulator:
            assert list((tmp_path / "incoming").iterdir()) == []

    def test_a_cancelled_one_answers_499(self, api: Api) -> None:
        """As Cloud Storage does, to the cancelling and ever after."""
        session = half(api)

        assert api.delete(session).status_code == 499
        assert error(ask(api, session))[:2] == (499, "cancelled")
        assert api.delete(session).status_code == 499
        assert api.names() == []

    @pytest.mark.parametrize(
        ("query", "status", "reason"), [("", 404, "notFound"), ("?status=410", 410, "gone")]
    )
    def test_drive_may_lose_one(self, api: Api, query: str, status: int, reason: str) -> None:
        """404 or 410; a client begins anew on either."""
        session = half(api)
        assert api.delete(f"emulator/sessions{query}").status_code == 200

        assert error(ask(api, session))[:2] == (status, reason)
        assert chunk(api, session, b"x" * UNIT, f"bytes {UNIT}-{2 * UNIT - 1}/*").status_code == (
            status
        )
        assert api.delete("emulator/sessions?status=200").status_code == 400

    def test_its_file_may_be_gone_when_it_ends(self, api: Api) -> None:
        """The bytes for a file that was deleted meanwhile make no other file."""
        file = api.make("a", b"before")
        path = f"{UPLOAD}/{file['id']}?uploadType=resumable"
        session = api.patch(path, json={}).headers["location"]
        api.delete(f"drive/v3/files/{file['id']}")

        assert error(api.put(session, content=b"after"))[:2] == (404, "notFound")
        assert api.names() == []


LOSSES: dict[str, dict[str, Any]] = {
    "the request": {"cut": "before"},
    "the answer": {"cut": "after"},
    "503 before": {"status": 503},
    "503 after": {"status": 503, "effect": True},
}
DATA = bytes(range(256)) * (10 << 8)
assert len(DATA) == 2 * UNIT + UNIT // 2


def send(api: Api, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Upload as a careful client does; return the File, and how often something was lost."""
    lost, session, at = 0, "", 0
    while True:
        try:
            if not session:
                session = begin(api, body)
            asked = ask(api, session, len(DATA))
            if asked.status_code == 308:
                at = int(asked.headers.get("range", "bytes=0--1").removeprefix("bytes=0-")) + 1
                end = min(at + UNIT, len(DATA))
                asked = chunk(api, session, DATA[at:end], f"bytes {at}-{end - 1}/{len(DATA)}")
            if asked.status_code == 200:
                return dict(asked.json()), lost
            assert asked.status_code in (308, 503), asked.text
            lost += asked.status_code == 503
        except (httpx.TransportError, AssertionError):
            lost += 1


@pytest.mark.parametrize("nth", range(1, 8))
@pytest.mark.parametrize("loss", LOSSES)
def test_whatever_is_lost_there_is_one_file(
    api: Api, emulator: Emulator, nth: int, loss: str
) -> None:
    """The beginning, each question, each chunk, the last: each request and each answer of them."""
    chosen = api.ok("GET", "drive/v3/files/generateIds?count=1")["ids"][0]
    emulator.faults.add(path="^/upload/", nth=nth, **LOSSES[loss])
    file, lost = send(api, {"name": "a", "id": chosen})

    assert lost == 1
    assert file["id"] == chosen
    assert api.names() == ["a"]
    assert api.file(chosen)["md5Checksum"] == hashlib.md5(DATA).hexdigest()


def test_requests_that_end_a_session_at_once_make_one_file(api: Api, emulator: Emulator) -> None:
    """A client that lost its patience asks again while the first answer is still being made."""
    data = bytes(range(256)) * (20 << 10)
    session = begin(api, {"name": "a"})
    assert chunk(api, session, data, f"bytes 0-{len(data) - 1}/*").status_code == 308
    emulator.faults.add(method="PUT", latency=0.05)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(api, session, len(data)), range(8)))

    assert {one.status_code for one in answers} == {200}
    assert len({one.json()["id"] for one in answers}) == 1
    assert api.names() == ["a"]
    assert api.bytes_of(answers[0].json()["id"]) == data


def test_a_second_sender_can_not_harm_the_first(api: Api) -> None:
    """Both send all of it at once, each in its own pieces: one file, every byte right."""
    data = bytes(range(256)) * (20 << 10)
    session = begin(api, {"name": "a"}, **{"X-Upload-Content-Length": str(len(data))})

    def upload(size: int) -> httpx.Response:
        at = 0
        while True:
            end = min(at + size, len(data))
            spans = f"{at}-{end - 1}" if end > at else "*"
            answer = chunk(api, session, data[at:end], f"bytes {spans}/{len(data)}")
            if answer.status_code != 308:
                return answer
            at = int(answer.headers["range"].removeprefix("bytes=0-")) + 1

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(upload, [UNIT, 3 * UNIT]))

    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert api.names() == ["a"]
    assert api.bytes_of(answers[0].json()["id"]) == data


def test_a_slow_chunk_outlives_many_other_sessions(api: Api, emulator: Emulator) -> None:
    """More sessions than the process keeps files open for begin while it is under way."""
    session, data = httpx.URL(begin(api)), bytes(range(256)) * 2048
    head = f"PUT {session.raw_path.decode()} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    url = httpx.URL(emulator.url)
    with socket.create_connection((url.host, url.port or 0), timeout=10) as plug:
        plug.sendall(head.encode() + data[:UNIT])
        for _ in range(140):
            chunk(api, begin(api), b"x" * UNIT, f"bytes 0-{UNIT - 1}/*")
        plug.sendall(data[UNIT:])
        answer = plug.recv(1000)

    assert answer.startswith(b"HTTP/1.1 200")
    (name,) = api.ok("GET", "drive/v3/files", fields="files(md5Checksum)")["files"]
    assert name["md5Checksum"] == hashlib.md5(data).hexdigest()


def test_who_knows_a_session_may_use_it(tmp_path: Path) -> None:
    """A server signs in and begins; a browser, which has no token, sends the bytes."""
    with Emulator(tmp_path, require_auth=True) as emulator, client_of(emulator) as api:
        form = {"grant_type": "refresh_token", "refresh_token": emulator.refresh_token}
        token = api.ok("POST", "token", data=form)["access_token"]
        session = begin(api, {"name": "a"}, Authorization=f"Bearer {token}")
        wrong = {"Authorization": "Bearer wrong"}

        assert api.put(session, content=b"hello", headers=wrong).status_code == 401
        assert api.get("drive/v3/files?upload_id=x").status_code == 401
        assert api.post(f"{UPLOAD}?uploadType=resumable", json={}).status_code == 401
        assert api.put(session, content=b"hello").json()["name"] == "a"


def test_what_has_no_content_is_refused_before_its_bytes(api: Api) -> None:
    """A session for a folder is not begun."""
    folder = api.folder("f")
    answer = api.patch(f"{UPLOAD}/{folder['id']}?uploadType=resumable", json={})

    assert error(answer)[:2] == (403, "fieldNotWritable")


def pieces(data: bytes) -> Iterator[bytes]:
    """Make httpx send a body in chunks, without a Content-Length."""
    for start in range(0, len(data), 50_000):
        yield data[start : start + 50_000]


class TestBodies:
    """Every body may come in chunks of HTTP, and after a question whether it is welcome."""

    def test_metadata_may_come_in_chunks(self, api: Api) -> None:
        """For a new file, for an old one, and for the beginning of a session."""
        headers = {"Content-Type": "application/json"}
        path = "drive/v3/files"
        file = api.ok("POST", path, content=pieces(b'{"name": "a"}'), headers=headers)
        path += f"/{file['id']}"
        after = api.ok("PATCH", path, content=pieces(b'{"name": "b"}'), headers=headers)
        path = f"{UPLOAD}?uploadType=resumable"
        session = api.post(path, content=pieces(b'{"name": "c"}'), headers=headers)

        assert (file["name"], after["name"]) == ("a", "b")
        assert api.put(session.headers["location"], content=b"").json()["name"] == "c"

    def test_bytes_may_come_in_chunks(self, api: Api) -> None:
        """As a simple upload, as new content, and as the whole and a part of a session."""
        data = bytes(range(256)) * 2048
        file = api.ok("POST", f"{UPLOAD}?uploadType=media", content=pieces(data))
        assert api.bytes_of(file["id"]) == data
        path = f"{UPLOAD}/{file['id']}?uploadType=media"
        api.ok("PATCH", path, content=pieces(data[::-1]))
        assert api.bytes_of(file["id"]) == data[::-1]
        whole = api.put(begin(api), content=pieces(data)).json()
        assert api.bytes_of(whole["id"]) == data

        session = begin(api)
        for start in (0, UNIT):
            spans = {"Content-Range": f"bytes {start}-{start + UNIT - 1}/{len(data)}"}
            part = pieces(data[start : start + UNIT])
            answer = api.put(session, content=part, headers=spans)

        assert api.bytes_of(answer.json()["id"]) == data

    def test_a_client_may_ask_before_it_sends(self, api: Api, emulator: Emulator) -> None:
        """`Expect: 100-continue`, as curl and .NET send it."""
        url = httpx.URL(emulator.url)
        head = f"POST /{UPLOAD}?uploadType=media HTTP/1.1\r\nHost: localhost\r\n"
        head += "Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        with socket.create_connection((url.host, url.port or 0), timeout=10) as plug:
            plug.sendall(head.encode())
            assert plug.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n")
            plug.sendall(b"hello")

            assert plug.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        (file,) = api.ok("GET", "drive/v3/files")["files"]
        assert api.bytes_of(file["id"]) == b"hello"

    def test_a_session_takes_post_as_well_as_put(self, api: Api) -> None:
        """rclone posts its chunks."""
        session = begin(api)
        first = chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/{UNIT + 1}", "POST")
        last = chunk(api, session, b"y", f"bytes {UNIT}-{UNIT}/{UNIT + 1}", "POST")

        assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{UNIT - 1}")
        assert api.bytes_of(last.json()["id"]) == b"x" * UNIT + b"y"

    def test_an_empty_file_is_one_empty_request(self, api: Api) -> None:
        """Without a range, or by the question that ends it; also when its length was declared."""
        for headers in ({}, {"X-Upload-Content-Length": "0"}):
            for spans in ({}, {"Content-Range": "bytes */0"}):
                answer = api.put(begin(api, **headers), content=b"", headers=spans)

                assert answer.status_code == 200
                assert api.bytes_of(answer.json()["id"]) == b""

    def test_lengths_that_contradict_each_other_are_refused(self, api: Api) -> None:
        """What was declared at the beginning holds for every chunk."""
        session = begin(api, **{"X-Upload-Content-Length": str(2 * UNIT)})

        assert chunk(api, session, b"x" * UNIT, f"bytes 0-{UNIT - 1}/{3 * UNIT}").status_code == 400
        assert ask(api, session, 3 * UNIT).status_code == 400
        assert ask(api, session, 2 * UNIT).status_code == 308
