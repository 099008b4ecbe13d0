"""Many requests in one."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from colab_magics.emulator import Emulator
from emulator.api import ANN, Api, as_user, error
from emulator.google import service_of


def batch(api: Api, *calls: str, end: str = "\r\n", name: str = "item") -> httpx.Response:
    parts = [
        f"--b{end}Content-Type: application/http{end}Content-ID: <{name}{number}>{end}{end}"
        + call.replace("\n", end)
        + end
        for number, call in enumerate(calls)
    ]
    body = "".join([*parts, f"--b--{end}"])
    headers = {"Content-Type": 'multipart/mixed; boundary="b"'}
    return api.post("batch/drive/v3", content=body.encode(), headers=headers)


def answers(answer: httpx.Response) -> list[tuple[str, int, Any]]:
    """Return the name, status and JSON of each answer inside."""
    assert answer.status_code == 200, answer.text
    mark = answer.headers["content-type"].partition("boundary=")[2]
    found = []
    for part in answer.content.split(b"--" + mark.encode())[1:-1]:
        outer, _, inner = part.partition(b"\r\n\r\n")
        body = inner.partition(b"\r\n\r\n")[2]
        name = outer.decode().partition("Content-ID: ")[2].partition("\r\n")[0]
        status = int(inner.split(b" ")[1])
        found.append((name, status, json.loads(body) if body.strip() else None))
    return found


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_calls_are_answered_each_by_its_name(api: Api, end: str) -> None:
    """With either kind of line end; one that fails does not harm the rest [PERF]."""
    file = api.make("a")
    create = 'POST /drive/v3/files HTTP/1.1\nContent-Type: application/json\n\n{"name": "b"}'
    get = f"GET /drive/v3/files/{file['id']}?fields=name HTTP/1.1\n"
    found = answers(batch(api, get, "GET /drive/v3/files/none\n", create, end=end))

    assert [one[:2] for one in found] == [
        ("<response-item0>", 200),
        ("<response-item1>", 404),
        ("<response-item2>", 200),
    ]
    assert found[0][2] == {"name": "a"}
    assert found[1][2]["error"]["errors"][0]["reason"] == "notFound"
    assert sorted(api.names()) == ["a", "b"]


def test_each_call_costs_and_is_logged(api: Api, emulator: Emulator) -> None:
    """n calls cost n [PERF]; the batch itself costs nothing."""
    file = api.make("a")
    emulator.log.clear()
    emulator.quota.reset()
    batch(api, *[f"GET /drive/v3/files/{file['id']}\n"] * 3)

    assert emulator.quota.total == 15
    assert [entry.path for entry in emulator.log].count("/batch/drive/v3") == 1
    assert len(emulator.log) == 4


def test_a_fault_meets_one_call(api: Api, emulator: Emulator) -> None:
    """The second of three is refused for its rate; what it asked for is not done."""
    ids = [api.make(f"{number}")["id"] for number in range(3)]
    emulator.faults.add(method="DELETE", nth=2, reason="userRateLimitExceeded")
    found = answers(batch(api, *[f"DELETE /drive/v3/files/{one}\n" for one in ids]))

    assert [status for _, status, _ in found] == [204, 403, 204]
    assert api.names() == ["1"]


def test_more_than_a_hundred_are_refused(api: Api) -> None:
    """And nothing of them is done [PERF]."""
    call = "POST /drive/v3/files HTTP/1.1\n\n{}"
    assert len(answers(batch(api, *[call] * 100))) == 100
    assert error(batch(api, *[call] * 101))[0] == 400
    assert len(api.names(pageSize="1000")) == 100


@pytest.mark.parametrize(
    "call",
    [
        "POST /upload/drive/v3/files?uploadType=media HTTP/1.1\n\nx",
        "GET /drive/v3/files/x?alt=media HTTP/1.1\n",
        "GET /drive/v3/files/x/export?mimeType=text/plain HTTP/1.1\n",
    ],
)
def test_media_are_not_for_batches(api: Api, call: str) -> None:
    """Neither up nor down [PERF]."""
    ((_, status, _),) = answers(batch(api, call))

    assert status == 400
    assert api.names() == []


@pytest.mark.parametrize("body", [b"", b"--b\n\nnonsense\n--b--", b"--b\n\n\n\nGET\n--b--", b"--b"])
def test_nonsense_is_refused(api: Api, body: bytes) -> None:
    """As a whole."""
    headers = {"Content-Type": "multipart/mixed; boundary=b"}

    assert api.post("batch/drive/v3", content=body, headers=headers).status_code == 400
    assert api.post("batch/drive/v3", content=body).status_code == 400


def test_a_call_is_by_who_sends_the_batch(emulator: Emulator, api: Api) -> None:
    """Or by the one whose token stands in it."""
    api.make("mine")
    user = emulator.user(ANN)
    with as_user(emulator, ANN) as ann:
        ann.make("hers")
        ((_, _, found),) = answers(batch(ann, "GET /drive/v3/files HTTP/1.1\n"))
    call = f"GET /drive/v3/files HTTP/1.1\nAuthorization: Bearer {user.token}\n"
    ((_, _, inside),) = answers(batch(api, call))

    assert [one["name"] for one in found["files"]] == ["hers"]
    assert inside == found


def test_googles_client_sends_batches(emulator: Emulator, api: Api) -> None:
    """And finds which answer is whose."""
    ids = [api.make(f"{number}")["id"] for number in range(20)]
    got: dict[str, Any] = {}
    failed: dict[str, Any] = {}

    def take(name: str, answer: Any, problem: Any) -> None:
        (failed if problem else got)[name] = problem or answer["name"]

    with service_of(emulator) as service:
        many = service.new_batch_http_request(callback=take)
        many._batch_uri = f"{emulator.url}batch/drive/v3"
        for number, one in enumerate([*ids, "none"]):
            many.add(service.files().get(fileId=one), request_id=str(number))
        many.execute()

    assert got == {str(number): str(number) for number in range(20)}
    assert [one.status_code for one in failed.values()] == [404]
