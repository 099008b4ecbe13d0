"""What goes wrong when it is asked to, what is logged, and what it costs."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from colab_magics.emulator import Emulator
from emulator.api import Api, error

UPLOAD = "upload/drive/v3/files"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"status": 503}, (503, "backendError", "Backend Error")),
        ({"status": 500}, (500, "internalError", "Internal Error")),
        ({"status": 429}, (429, "rateLimitExceeded", "Rate Limit Exceeded")),
        ({"status": 403}, (403, "userRateLimitExceeded", "User Rate Limit Exceeded")),
        ({"reason": "dailyLimitExceeded"}, (403, "dailyLimitExceeded", "Daily Limit Exceeded")),
        ({"status": 401}, (401, "authError", "Invalid Credentials")),
        ({"status": 410}, (410, "gone", "gone")),
    ],
)
def test_a_request_fails_as_drive_fails(api: Api, emulator: Emulator, rule: Any, said: Any) -> None:
    """Status, reason and message of the real thing, and no effect."""
    emulator.faults.add(method="POST", **rule)

    assert error(api.post("drive/v3/files", json={"name": "a"})) == said
    assert api.names() == []


def test_a_rate_limit_says_when_to_come_back(api: Api, emulator: Emulator) -> None:
    """Its domain is the one of usage limits."""
    emulator.faults.add(status=429, retry_after=7)
    answer = api.get("drive/v3/files")

    assert answer.headers["retry-after"] == "7"
    assert answer.json()["error"]["errors"][0]["domain"] == "usageLimits"


def test_a_request_may_fail_after_its_effect(api: Api, emulator: Emulator) -> None:
    """The file is there, though the answer was an error."""
    emulator.faults.add(method="POST", status=503, effect=True, times=1)

    assert api.post("drive/v3/files", json={"name": "a"}).status_code == 503
    assert api.names() == ["a"]
    assert (emulator.log[0].status, emulator.log[0].effect) == (503, True)


@pytest.mark.parametrize(("cut", "names"), [("before", []), ("after", ["a"])])
def test_a_connection_is_cut(api: Api, emulator: Emulator, cut: Any, names: list[str]) -> None:
    """Before or after the effect; the log knows which."""
    emulator.faults.add(path="/files$", method="POST", cut=cut, times=1)

    with pytest.raises(httpx.TransportError):
        api.post("drive/v3/files", json={"name": "a"})
    assert api.names() == names
    entry = emulator.log[0]
    assert (entry.status, entry.reason, entry.effect) == (0, "cut", bool(names))


def test_the_last_answer_of_an_upload_can_be_lost(api: Api, emulator: Emulator) -> None:
    """The session knows its file, so the sender finds out."""
    session = api.post(f"{UPLOAD}?uploadType=resumable", json={}).headers["location"]
    emulator.faults.add(method="PUT", query="upload_id", cut="after", times=1)

    with pytest.raises(httpx.TransportError):
        api.put(session, content=b"hello")
    again = api.put(session, headers={"Content-Range": "bytes */5"})

    assert again.status_code == 200
    assert api.names() == ["Untitled"]


def test_a_body_may_end_too_early(api: Api, emulator: Emulator) -> None:
    """With the length of the whole a client notices by itself."""
    file = api.make("a", b"x" * 1_000_000)
    emulator.faults.add(query="alt=media", truncate=300_000)

    with pytest.raises(httpx.RemoteProtocolError):
        api.get(f"drive/v3/files/{file['id']}?alt=media")


def test_a_body_may_be_short_and_look_whole(api: Api, emulator: Emulator) -> None:
    """Only the hash tells."""
    file = api.make("a", b"x" * 1_000_000)
    emulator.faults.add(query="alt=media", truncate="short")

    assert api.bytes_of(file["id"]) == b"x" * 500_000


@pytest.mark.parametrize(("flip", "at"), [(0, 0), (700_000, 700_000), (True, 500_000)])
def test_a_byte_may_be_wrong(api: Api, emulator: Emulator, flip: Any, at: int) -> None:
    """One, and the length is right."""
    file = api.make("a", b"x" * 1_000_000)
    emulator.faults.add(query="alt=media", flip=flip)
    got = api.bytes_of(file["id"])

    assert len(got) == 1_000_000
    assert [place for place in (0, 500_000, 700_000) if got[place] != ord("x")] == [at]


def test_a_range_may_be_ignored(api: Api, emulator: Emulator) -> None:
    """The whole file with 200, as some proxies answer."""
    file = api.make("a", b"hello")
    emulator.faults.add(ignore_range=True)
    answer = api.get(f"drive/v3/files/{file['id']}?alt=media", headers={"Range": "bytes=1-2"})

    assert (answer.status_code, answer.content) == (200, b"hello")


def test_a_captive_portal_answers_its_page(api: Api, emulator: Emulator) -> None:
    """HTML with 200 where JSON was expected."""
    emulator.faults.add(body="<h1>Sign in</h1>")
    answer = api.get("drive/v3/files")

    assert (answer.status_code, answer.text) == (200, "<h1>Sign in</h1>")
    assert answer.headers["content-type"].startswith("text/html")


def test_a_page_of_changes_may_be_empty(api: Api, emulator: Emulator) -> None:
    """It has a token to go on with, and nothing is lost."""
    token = api.token()
    api.make("a")
    emulator.faults.add(path="/changes$", empty=True, times=2)
    pages = [api.changes(token)]
    while "nextPageToken" in pages[-1]:
        pages.append(api.changes(pages[-1]["nextPageToken"]))

    assert [len(page["changes"]) for page in pages] == [0, 0, 1]


def test_latency_and_rate_slow_an_answer(api: Api, emulator: Emulator) -> None:
    """Other requests are not held up by it."""
    file = api.make("a", b"x" * 20_000)
    emulator.faults.add(query="alt=media", latency=0.05, rate=200_000)
    begin = time.perf_counter()
    api.bytes_of(file["id"])

    assert 0.14 < time.perf_counter() - begin < 2


def test_a_rule_chooses_its_requests(api: Api, emulator: Emulator) -> None:
    """By method, path, query, count and number of times."""
    emulator.faults.add(method="GET", path=r"/files$", nth=2, times=2, status=503)
    emulator.faults.add(path="changes", status=500)
    statuses = [api.get("drive/v3/files").status_code for _ in range(5)]

    assert statuses == [200, 503, 503, 200, 200]
    assert api.get("drive/v3/files/root").status_code == 200
    assert api.get("drive/v3/changes").status_code == 500

    emulator.faults.clear()

    assert api.get("drive/v3/changes/startPageToken").status_code == 200


def test_the_nth_request_alone_fails(api: Api, emulator: Emulator) -> None:
    """`nth` without `times` means that one."""
    emulator.faults.add(nth=3, status=503)

    assert [api.get("drive/v3/files").status_code for _ in range(4)] == [200, 200, 503, 200]


def test_chance_can_be_repeated(api: Api, emulator: Emulator) -> None:
    """The same seed gives the same failures."""
    emulator.faults.add(probability=0.5, status=503)
    rounds = []
    for _ in range(2):
        emulator.faults.seed(7)
        rounds.append([api.get("drive/v3/files").status_code for _ in range(20)])

    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {200, 503}


def test_a_refused_upload_sees_its_refusal(api: Api, emulator: Emulator) -> None:
    """A large body is read to its end, so that the answer does not drown in a reset."""
    emulator.faults.add(path=UPLOAD, status=503, times=1)

    assert api.post(f"{UPLOAD}?uploadType=media", content=b"x" * (8 << 20)).status_code == 503


@pytest.mark.parametrize(
    "rule",
    [
        {"cut": "maybe"},
        {"truncate": "long"},
        {"status": 7},
        {"status": "503"},
        {"path": "("},
        {"latency": "long"},
        {"nth": -1},
        {"colour": "red"},
    ],
)
def test_a_rule_without_sense_is_refused(api: Api, emulator: Emulator, rule: Any) -> None:
    """In Python as over HTTP."""
    with pytest.raises((ValueError, TypeError)):
        emulator.faults.add(**rule)
    assert api.post("emulator/faults", json=rule).status_code == 400


class TestControls:
    """Everything that a test does in process can be done over HTTP."""

    def test_faults_come_and_go(self, api: Api) -> None:
        """And say how often they fitted and fired."""
        made = api.ok("POST", "emulator/faults", json={"status": 503, "times": 1})
        assert made == {"id": 1}
        assert [api.get("drive/v3/files").status_code for _ in range(2)] == [503, 200]
        (rule,) = api.ok("GET", "emulator/faults")["faults"]

        assert (rule["id"], rule["matched"], rule["fired"]) == (1, 2, 1)
        assert api.ok("DELETE", "emulator/faults?id=1") == {}
        assert api.ok("GET", "emulator/faults") == {"faults": []}

    def test_controls_are_neither_faulted_nor_logged_nor_metered(
        self, api: Api, emulator: Emulator
    ) -> None:
        """Nor is the Drive itself below `/emulator`, which the page uses."""
        emulator.faults.add(status=503)
        emulator.quota.limit = 0
        emulator.lag(listing=60)

        assert api.ok("GET", "emulator/health")["status"] == "ok"
        api.ok("POST", "emulator/drive/v3/files", json={"name": "a"})
        found = api.ok("GET", "emulator/drive/v3/files")
        assert [one["name"] for one in found["files"]] == ["a"]
        assert emulator.log == []
        assert emulator.quota.total == 0

    def test_the_log_is_a_line_of_json_a_request(self, api: Api) -> None:
        """And can be emptied."""
        api.make("a")
        api.get("drive/v3/files/1nothing", headers={"User-Agent": "me"})
        lines = [json.loads(line) for line in api.get("emulator/log").text.splitlines()]
        times = [line.pop("time") for line in lines]

        assert lines[1] == {
            "method": "GET",
            "path": "/drive/v3/files/1nothing",
            "query": "",
            "status": 404,
            "reason": "notFound",
            "units": 5,
            "user_agent": "me",
            "effect": False,
        }
        assert lines[0]["effect"] is True
        assert abs(times[0] - time.time()) < 60

        api.delete("emulator/log")
        assert api.get("emulator/log").text == ""

    def test_lags_are_set(self, api: Api) -> None:
        """In seconds; what is not named stays."""
        assert api.ok("POST", "emulator/lag", json={"feed": 2.5}) == {"listing": 0.0, "feed": 2.5}
        assert api.ok("POST", "emulator/lag", json={"listing": 1}) == {"listing": 1, "feed": 2.5}
        assert api.post("emulator/lag", json={"feed": "x"}).status_code == 400
        assert api.post("emulator/lag", json=[]).status_code == 400

    def test_an_unknown_control_is_not_found(self, api: Api) -> None:
        """There are no others."""
        assert api.get("emulator/nothing").status_code == 404
        assert api.put("emulator/log").status_code == 404


class TestQuota:
    """Requests cost units, and a minute has so many."""

    def test_each_kind_of_request_has_its_price(self, api: Api, emulator: Emulator) -> None:
        """Read 5, list and changes 100, edit 50, download 200."""
        file = api.make("a", b"hello")
        api.file(file["id"])
        api.names()
        api.changes("1")
        api.bytes_of(file["id"])
        api.token()
        api.ok("GET", "drive/v3/about?fields=user")
        api.ok("GET", "drive/v3/files/generateIds")
        api.delete(f"drive/v3/files/{file['id']}")
        units = [entry.units for entry in emulator.log]

        assert units == [50, 50, 5, 100, 100, 200, 5, 5, 5, 50]
        assert api.ok("GET", "emulator/quota") == {"used": 570, "total": 570, "limit": 325_000}

    def test_too_much_in_a_minute_is_refused(self, api: Api, emulator: Emulator) -> None:
        """With the reason that clients wait for, and without an effect."""
        emulator.quota.limit = 150
        api.make("a")
        api.names()
        answer = api.post("drive/v3/files", json={"name": "b"})

        assert error(answer) == (403, "userRateLimitExceeded", "User Rate Limit Exceeded")
        assert emulator.log[-1].units == 0
        assert emulator.quota.used == 150

        api.ok("POST", "emulator/quota", json={"reset": True})
        assert api.names() == ["a"]

    def test_storage_is_limited_over_http_too(self, api: Api) -> None:
        """In bytes; null for no limit."""
        api.ok("POST", "emulator/quota", json={"storage": 3})
        assert api.post(f"{UPLOAD}?uploadType=media", content=b"1234").status_code == 403
        api.ok("POST", "emulator/quota", json={"storage": None})

        assert api.post(f"{UPLOAD}?uploadType=media", content=b"1234").status_code == 200


def test_no_secret_is_in_the_log(api: Api, emulator: Emulator) -> None:
    """Whoever has the URI of a session may write the file."""
    session = api.post(f"{UPLOAD}?uploadType=resumable", json={}).headers["location"]
    secret = session.rpartition("=")[2]
    api.put(session, content=b"x")
    api.get(f"drive/v3/files?access_token={secret}&key={secret}")

    assert secret not in str(emulator.log)
    assert emulator.log[1].query == "uploadType=resumable&upload_id=..."


def test_the_answer_has_the_clock_of_the_server(api: Api) -> None:
    """Clients measure leases with it."""
    from email.utils import parsedate_to_datetime

    answer = api.get("drive/v3/files")
    assert abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()) < 5
