"""How an emulator starts, is found, stops, and what survives its sudden end."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from colab_magics.emulator import Emulator, find
from emulator.api import Api, client_of

UNIT = 256 << 10
SERVE = """
import sys
from colab_magics.emulator import serve
serve(sys.argv[1], ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if "emulator" in thread.name}


def test_it_answers_when_start_returns(tmp_path: Path) -> None:
    """In a daemon thread with a name; starting twice is starting once."""
    emulator = Emulator(tmp_path)
    assert emulator.start() is emulator
    assert emulator.start().url == emulator.url
    (thread,) = (one for one in threading.enumerate() if one.name == "colab_magics-emulator")

    assert thread.daemon
    assert emulator.url.startswith("http://127.0.0.1:")
    assert emulator.url.endswith("/")
    assert httpx.get(f"{emulator.url}emulator/health", trust_env=False).json()["status"] == "ok"

    emulator.stop()
    emulator.stop()

    assert threads() == set()
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.url


def test_it_stops_at_once_with_connections_open(tmp_path: Path) -> None:
    """Idle ones, waiting ones and one in the middle of a request: under half a second."""
    before = threading.active_count()
    emulator = Emulator(tmp_path).start()
    emulator.faults.add(path="slow", latency=60)
    port = httpx.URL(emulator.url).port or 0
    plugs = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    plugs[0].sendall(b"GET /drive/v3/slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
    plugs[1].sendall(
        b"POST /drive/v3/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
    )
    with client_of(emulator) as api:
        api.names()
        begin = time.perf_counter()
        emulator.stop()
        end = time.perf_counter()
    for plug in plugs:
        plug.close()

    assert end - begin < 0.5
    assert threading.active_count() == before


def test_it_leaves_no_socket_of_clients_that_come_as_it_stops(tmp_path: Path) -> None:
    """What was accepted in that moment is closed too; an open socket is a warning, so an error."""
    emulator = Emulator(tmp_path)
    for number in range(15):
        emulator.start()
        port = int(emulator.url.rstrip("/").rpartition(":")[2])
        stop = threading.Event()
        comers = [threading.Thread(target=come_and_go, args=(port, stop)) for _ in range(4)]
        for comer in comers:
            comer.start()
        stop.wait(number / 3000)
        emulator.stop()
        stop.set()
        for comer in comers:
            comer.join()
        gc.collect()


def come_and_go(port: int, stop: threading.Event) -> None:
    """Connect again and again, and ask for nothing."""
    while not stop.is_set():
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 0.1) as one,
        ):
            one.sendall(b"GET /emulator/health HTTP/1.1\r\nHost: x\r\n\r\n")


def test_it_can_start_again(tmp_path: Path) -> None:
    """The same object, the same files, faults and log."""
    emulator = Emulator(tmp_path)
    with emulator, client_of(emulator) as api:
        file = api.make("a", b"hello")
    with emulator, client_of(emulator) as api:
        assert api.file(file["id"]) == api.file(file["id"]) | {"name": "a", "version": "3"}
        assert api.bytes_of(file["id"]) == b"hello"


def test_a_restart_keeps_files_ids_and_sessions(tmp_path: Path) -> None:
    """A resumable upload goes on with the next process."""
    data = bytes(range(256)) * 2048
    with Emulator(tmp_path) as emulator, client_of(emulator) as api:
        before = api.make("a", b"hello", properties={"k": "v"})
        root = api.file("root")["id"]
        chosen = api.ok("GET", "drive/v3/files/generateIds")["ids"][0]
        path = "upload/drive/v3/files?uploadType=resumable"
        session = api.post(path, json={"name": "b"}).headers["location"]
        spans = f"bytes 0-{UNIT - 1}/{len(data)}"
        api.put(session, content=data[:UNIT], headers={"Content-Range": spans})
        query = httpx.URL(session).query.decode()
    with Emulator(tmp_path) as emulator, client_of(emulator) as api:
        assert api.file(before["id"]) == before
        assert api.file("root")["id"] == root
        assert api.make("c", id=chosen)["id"] == chosen
        uri = f"upload/drive/v3/files?{query}"
        asked = api.put(uri, headers={"Content-Range": f"bytes */{len(data)}"})
        assert asked.headers["range"] == f"bytes=0-{UNIT - 1}"
        spans = f"bytes {UNIT}-{len(data) - 1}/{len(data)}"
        done = api.put(uri, content=data[UNIT:], headers={"Content-Range": spans})
        assert api.bytes_of(done.json()["id"]) == data


def test_one_folder_has_one_emulator(tmp_path: Path) -> None:
    """The second says in one line where the first is."""
    with Emulator(tmp_path) as first:
        with pytest.raises(OSError, match="an emulator already serves") as caught:
            Emulator(tmp_path).start()

        assert first.url in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    """Nothing is left behind: the folder can be served elsewhere."""
    with Emulator(tmp_path / "a") as first:
        port = httpx.URL(first.url).port or 0
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 cannot be used"):
            Emulator(tmp_path / "b", port=port).start()
    with Emulator(tmp_path / "b", port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", ""])
def test_it_serves_this_machine_only(tmp_path: Path, host: str) -> None:
    """Any other address is refused before anything is opened."""
    with pytest.raises(ValueError, match="is not loopback"):
        Emulator(tmp_path, host=host)


def test_a_running_emulator_is_found_by_its_folder(tmp_path: Path) -> None:
    """A file that a dead one left counts for nothing."""
    assert find(tmp_path) is None
    with Emulator(tmp_path) as emulator:
        assert find(tmp_path) == emulator.url
        written = json.loads((tmp_path / "emulator.json").read_text())
        assert written == {"url": emulator.url, "pid": os.getpid()}
    assert find(tmp_path) is None
    assert not (tmp_path / "emulator.json").exists()
    (tmp_path / "emulator.json").write_text(json.dumps(written))
    assert find(tmp_path) is None


def test_it_leaves_loggers_and_output_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """In a notebook nothing of it shows, also when everything is logged."""
    caplog.set_level(logging.DEBUG)
    levels = {name: logging.getLogger(name).level for name in ("uvicorn", "uvicorn.error", "")}
    handlers = list(logging.getLogger("uvicorn.access").handlers)
    with Emulator(tmp_path) as emulator, client_of(emulator) as api:
        api.get("drive/v3/files/1nothing")
        emulator.faults.add(cut="after")
        with pytest.raises(httpx.TransportError):
            api.names()
        with socket.create_connection(("127.0.0.1", httpx.URL(emulator.url).port or 0)) as plug:
            plug.sendall(b"nonsense\r\n\r\n")
            plug.recv(100)

    assert capfd.readouterr() == ("", "")
    assert [one for one in caplog.records if one.name.startswith(("uvicorn", "colab_magics"))] == []
    assert levels == {name: logging.getLogger(name).level for name in levels}
    assert logging.getLogger("uvicorn.access").handlers == handlers


def test_its_import_is_light() -> None:
    """No web server is loaded until one is started."""
    code = (
        "import sys, colab_magics.emulator\n"
        "print([m for m in ('starlette', 'uvicorn', 'sqlite3', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_it_knows_nothing_of_the_rest_of_the_package() -> None:
    """A referee shares no code with the players, not even a constant."""
    import colab_magics.emulator

    folder = Path(colab_magics.emulator.__file__).parent
    lines = [line.strip() for path in folder.glob("*.py") for line in path.read_text().splitlines()]
    imports = [line for line in lines if line.startswith(("import ", "from "))]

    assert [one for one in imports if "colab_magics" in one or one.startswith("from ..")] == []


class Process:
    """An emulator in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(root)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()

    def end(self, number: int) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(10)

    def rest(self) -> str:
        """Return what it printed after its address."""
        assert self.process.stdout
        with self.process.stdout as output:
            return output.read()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Process]:
    """An emulator in a process of its own."""
    process = Process(tmp_path)
    yield process
    process.process.kill()
    process.process.wait()
    if process.process.stdout:
        process.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_served_folder_ends_with_a_signal(served: Process, number: int) -> None:
    """With exit code 0, and nothing left behind."""
    assert find(served.root) == served.url
    assert served.end(number) == 0
    assert served.rest() == "stopped\n"
    assert find(served.root) is None
    assert not (served.root / "emulator.json").exists()


@pytest.mark.parametrize("round_", range(3))
def test_a_kill_leaves_every_file_whole(served: Process, round_: int) -> None:
    """Killed in the middle of uploads: what was answered is there, and nothing is half there."""
    small, large = b"s" * 3000, bytes(range(256)) * 4096
    answered: dict[str, str] = {}
    over = threading.Event()

    def write(number: int) -> None:
        with Api(base_url=served.url, trust_env=False, timeout=10) as api:
            while not over.is_set():
                data = small if number % 2 else large
                try:
                    path = "upload/drive/v3/files?uploadType=media&fields=id,md5Checksum"
                    file = api.ok("POST", path, content=data)
                    answered[file["id"]] = file["md5Checksum"]
                    path = f"upload/drive/v3/files/{file['id']}?uploadType=media"
                    api.ok("PATCH", path, content=data[::-1])
                except httpx.TransportError:
                    return

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    end = time.monotonic() + 10
    while len(answered) < 20 + 7 * round_ and time.monotonic() < end:
        over.wait(0.01)
    served.end(signal.SIGKILL)
    over.set()
    for writer in writers:
        writer.join()

    hashes = {hashlib.md5(one).hexdigest() for one in (small, large, small[::-1], large[::-1])}
    assert find(served.root) is None
    with Emulator(served.root) as emulator, client_of(emulator) as api:
        listed = walk(api)
        assert answered.keys() <= listed.keys()
        for file_id, checksum in listed.items():
            assert checksum in hashes
            assert hashlib.md5(api.bytes_of(file_id)).hexdigest() == checksum
        assert list((served.root / "incoming").iterdir()) == []
        blobs = len(list((served.root / "blobs").iterdir()))
        paths = [f"drive/v3/files/{file_id}/revisions" for file_id in listed]
        assert blobs == sum(len(api.ok("GET", path)["revisions"]) for path in paths)
        assert {one["fileId"] for one in all_changes(api)} == listed.keys()


def test_a_kill_does_not_lose_a_resumable_upload(served: Process) -> None:
    """What a 308 has confirmed is there after the kill."""
    data = bytes(range(256)) * 3072
    path = "upload/drive/v3/files?uploadType=resumable"
    with Api(base_url=served.url, trust_env=False) as api:
        session = api.post(path, json={"name": "a"}).headers["location"]
        spans = f"bytes 0-{2 * UNIT - 1}/{len(data)}"
        api.put(session, content=data[: 2 * UNIT], headers={"Content-Range": spans})
    served.end(signal.SIGKILL)
    with Emulator(served.root) as emulator, client_of(emulator) as api:
        uri = f"upload/drive/v3/files?{httpx.URL(session).query.decode()}"
        asked = api.put(uri, headers={"Content-Range": f"bytes */{len(data)}"})
        assert asked.headers["range"] == f"bytes=0-{2 * UNIT - 1}"
        spans = f"bytes {2 * UNIT}-{len(data) - 1}/{len(data)}"
        done = api.put(uri, content=data[2 * UNIT :], headers={"Content-Range": spans}).json()
        assert api.bytes_of(done["id"]) == data


def walk(api: Api) -> dict[str, str]:
    """Return the hash of every file."""
    params = {"pageSize": "1000", "fields": "files(id,md5Checksum)"}
    found = api.ok("GET", "drive/v3/files", params=params)["files"]
    return {one["id"]: one["md5Checksum"] for one in found}


def all_changes(api: Api) -> list[dict[str, Any]]:
    """Return the whole change log."""
    return list(api.changes("1", pageSize="1000")["changes"])
