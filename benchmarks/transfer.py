"""How fast do bytes move between this machine and Drive, and how much memory does it take?

    python benchmarks/transfer.py [--size 1000] [--files 2000] [--rounds 1] [--only large|small]

An emulator in a process of its own answers after 30 ms and gives 40 MB/s to a connection. Each
contestant runs in a process of its own, in turn, against the same server; its memory is the peak
of the whole process (VmHWM). Large: one file down and up, against google-api-python-client's
`MediaIoBaseDownload` and `MediaFileUpload`, as its guide uses them. Small: a folder of files of
20 KB down and up, against a plain loop of google-api-python-client, and against PyDrive2 where it
is installed; once without Drive's quota, and ours once more with it, since 2,000 downloads cost
400,000 of the 325,000 units that an account has for a minute.

Goals: a download at least 3 times as fast as the peer, within 15 % of 4 connections' limit, under
150 MB of memory; an upload within 15 % of the limit of one connection, which is all that Drive
gives a session, and no slower than the peer, under 150 MB. Exit code 0 when they are met.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

LATENCY, RATE = 0.030, 40_000_000
CONNECTIONS = 4
MEMORY = 150_000_000

SERVER = """
import sys
from colab_magics.emulator import serve
serve(sys.argv[1], ready=lambda url: print(url, flush=True))
"""

OURS = """
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place
from colab_magics.storage.transfers.transfer import fetch, send
from colab_magics.storage.transfers.trees import fetch_tree, send_tree
from pathlib import Path
api = DriveAPI(url=url, settings=Settings.load(state_dir=str(Path(here).parent / "state")))
fs = DriveFileSystem(api=api, skip_instance_cache=True)
place = Place(there, fs, there, None)
fs.exists(place.path)
def run():
    if what == "down": fetch(place, Path(here))
    if what == "up": send(Path(here), place)
    if what == "tree-down": done = fetch_tree(place, Path(here)); assert not done.failed, done
    if what == "tree-up": done = send_tree(Path(here), place); assert not done.failed, done
"""

GOOGLE = """
import json, os
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.http import MediaFileUpload, MediaIoBaseDownload
document = json.loads(get_static_doc("drive", "v3"))
document["rootUrl"] = url
service = build_from_document(document, credentials=AnonymousCredentials())
def find(name, parent="root"):
    q = f"name = '{name}' and '{parent}' in parents"
    return service.files().list(q=q, fields="files(id)").execute()["files"][0]["id"]
def get(id, path):
    with open(path, "wb") as file:
        download = MediaIoBaseDownload(file, service.files().get_media(fileId=id))
        done = False
        while not done: _, done = download.next_chunk()
def run():
    if what == "down": get(find(there), here)
    if what == "up":
        media = MediaFileUpload(here, mimetype="application/octet-stream", resumable=True)
        service.files().create(body={"name": there}, media_body=media).execute()
    if what == "tree-down":
        os.makedirs(here)
        q, token = f"'{find(there)}' in parents", None
        query = {"q": q, "fields": "nextPageToken,files(id,name)", "pageSize": 1000}
        while True:
            page = service.files().list(pageToken=token, **query).execute()
            for file in page["files"]: get(file["id"], os.path.join(here, file["name"]))
            token = page.get("nextPageToken")
            if not token: break
    if what == "tree-up":
        body = {"name": there, "mimeType": "application/vnd.google-apps.folder"}
        folder = service.files().create(body=body).execute()["id"]
        for name in sorted(os.listdir(here)):
            media = MediaFileUpload(os.path.join(here, name), mimetype="application/octet-stream")
            body = {"name": name, "parents": [folder]}
            service.files().create(body=body, media_body=media).execute()
"""

PYDRIVE = """
import os
import json
from googleapiclient import discovery
from googleapiclient.discovery_cache import get_static_doc
def local(name, version, **rest):
    document = json.loads(get_static_doc(name, version))
    document["rootUrl"] = url
    rest = {key: rest[key] for key in rest if key in ("http",)}
    return discovery.build_from_document(document, **rest)
import pydrive2.auth
pydrive2.auth.build = local
from oauth2client.client import AccessTokenCredentials
from pydrive2.auth import GoogleAuth
from pydrive2.drive import GoogleDrive
client = {"client_id": "x", "client_secret": "y"}
auth = GoogleAuth(settings={"client_config_backend": "settings", "client_config": client,
                            "oauth_scope": ["https://www.googleapis.com/auth/drive"]})
auth.credentials = AccessTokenCredentials("token", "benchmark")
drive = GoogleDrive(auth)
def find(name):
    query = f"title = '{name}' and 'root' in parents"
    return drive.ListFile({"q": query}).GetList()[0]["id"]
def run():
    if what == "tree-down":
        os.makedirs(here)
        for file in drive.ListFile({"q": f"'{find(there)}' in parents"}).GetList():
            file.GetContentFile(os.path.join(here, file["title"]))
    if what == "tree-up":
        kind = "application/vnd.google-apps.folder"
        folder = drive.CreateFile({"title": there, "mimeType": kind})
        folder.Upload()
        for name in sorted(os.listdir(here)):
            file = drive.CreateFile({"title": name, "parents": [{"id": folder["id"]}]})
            file.SetContentFile(os.path.join(here, name))
            file.Upload()
"""

RUN = """
import json, sys, time
what, url, there, here = sys.argv[1:]
{setup}
start = time.perf_counter()
run()
seconds = time.perf_counter() - start
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([seconds, int(peak) * 1024]))
"""

# The link itself: so many plain sockets, bytes to nowhere.
LINK = """
import sys, threading, time, json, http.client, urllib.parse, os
what, url, there, here = sys.argv[1:]
id, size, connections = there.split(":")
size, connections = int(size), int(connections)
def take(start, end):
    line = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
    path = f"/drive/v3/files/{id}?alt=media"
    line.request("GET", path, headers={"Range": f"bytes={start}-{end - 1}"})
    answer, buffer = line.getresponse(), bytearray(1 << 18)
    while answer.readinto(buffer): pass
start = time.perf_counter()
edges = [size * n // connections for n in range(connections + 1)]
threads = [threading.Thread(target=take, args=pair) for pair in zip(edges, edges[1:])]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([time.perf_counter() - start, 0]))
"""


class Server:
    """An emulator in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self._child.stdout
        self.url = self._child.stdout.readline().strip()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the emulator itself; bodies are JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"{}")

    def quota(self, units: int) -> None:
        """Give so many units a minute, from now."""
        self.ask("POST", "emulator/quota", {"limit": units, "reset": True})

    def close(self) -> None:
        """End the process."""
        self._child.terminate()
        self._child.wait()


def contest(
    program: str, server: Server, what: str, there: str, here: Path, **env: str
) -> list[Any]:
    """Seconds and peak bytes of one run of a contestant, or why it does not run."""
    child = subprocess.run(
        [sys.executable, "-c", program, what, server.url, there, str(here)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )
    if child.returncode:
        return [None, child.stderr.strip().splitlines()[-1]]
    return list(json.loads(child.stdout.splitlines()[-1]))


class Table:
    """Figures by contestant, printed as they come."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.peaks: dict[str, int] = {}

    def add(self, name: str, result: list[Any], megabytes: float) -> None:
        if result[0] is None:
            print(f"{name:52} did not run: {result[1]}", flush=True)
            return
        seconds, peak = result
        self.seconds.setdefault(name, []).append(seconds)
        self.peaks[name] = max(peak, self.peaks.get(name, 0))
        memory = f"{peak / 1e6:6.0f} MB" if peak else ""
        print(f"{name:52} {seconds:7.2f} s {megabytes / seconds:7.1f} MB/s {memory}", flush=True)

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def has(self, *names: str) -> bool:
        return all(name in self.seconds for name in names)


def fill(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))


def slow(server: Server) -> None:
    server.ask(
        "POST", "emulator/faults", {"path": "^/(drive|upload)/", "latency": LATENCY, "rate": RATE}
    )


def large(server: Server, folder: Path, table: Table, megabytes: int) -> None:
    """One file down and up."""
    source, target = folder / "source.bin", folder / "target.bin"
    fill(source, megabytes)
    ours, google = RUN.format(setup=OURS), RUN.format(setup=GOOGLE)
    there = f"large{time.time_ns()}"
    contest(ours, server, "up", there, source)
    query = urllib.parse.urlencode({"q": f"name = '{there}'", "fields": "files(id)"})
    id = server.ask("GET", f"drive/v3/files?{query}")["files"][0]["id"]
    slow(server)
    link = f"{id}:{megabytes * 1_000_000}:"
    table.add(
        "down: the link, 4 connections", contest(LINK, server, "", link + "4", target), megabytes
    )
    table.add(
        "down: MediaIoBaseDownload", contest(google, server, "down", there, target), megabytes
    )
    _check(source, target)
    table.add("down: ours", contest(ours, server, "down", there, target), megabytes)
    _check(source, target)
    up = contest(google, server, "up", f"google{time.time_ns()}", source)
    table.add("up: MediaFileUpload, 100 MB chunks", up, megabytes)
    up = contest(ours, server, "up", f"ours{time.time_ns()}", source)
    table.add("up: ours", up, megabytes)
    server.ask("DELETE", "emulator/faults")


def _check(source: Path, target: Path) -> None:
    same = subprocess.run(["cmp", "-s", source, target], check=False).returncode == 0
    assert same, "the bytes differ"
    target.unlink()


def small(server: Server, folder: Path, table: Table, count: int) -> None:
    """A folder of files of 20 KB down and up."""
    source = folder / "files"
    source.mkdir()
    for number in range(count):
        (source / f"{number:05}").write_bytes(os.urandom(20_000))
    megabytes = count * 0.02
    programs = {
        "ours": RUN.format(setup=OURS),
        "a loop of google-api-python-client": RUN.format(setup=GOOGLE),
        "a loop of PyDrive2": RUN.format(setup=PYDRIVE),
    }
    slow(server)
    free = {"COLAB_MAGICS_QUOTA_UNITS_PER_MINUTE": str(10**9)}
    server.quota(10**9)
    for name, program in programs.items():
        there, back = f"{name.replace(' ', '')}{time.time_ns()}", folder / "back"
        result = contest(program, server, "tree-up", there, source, **free)
        table.add(f"{count} files up, no quota: {name}", result, megabytes)
        if result[0] is None:
            continue
        result = contest(program, server, "tree-down", there, back, **free)
        table.add(f"{count} files down, no quota: {name}", result, megabytes)
        assert result[0] is None or len(list(back.iterdir())) == count
        shutil.rmtree(back, ignore_errors=True)
    server.quota(325_000)
    there = f"q{time.time_ns()}"
    result = contest(programs["ours"], server, "tree-up", there, source)
    table.add(f"{count} files up, Drive's quota: ours", result, megabytes)
    server.quota(325_000)
    result = contest(programs["ours"], server, "tree-down", there, folder / "back")
    table.add(f"{count} files down, Drive's quota: ours", result, megabytes)
    server.ask("DELETE", "emulator/faults")


def verdicts(table: Table, megabytes: int) -> list[tuple[str, bool]]:
    """The goals, and whether they are met."""
    found = []
    if table.has("down: ours", "down: MediaIoBaseDownload", "down: the link, 4 connections"):
        ours = table.median("down: ours")
        times = table.median("down: MediaIoBaseDownload") / ours
        share = ours / table.median("down: the link, 4 connections")
        found.append((f"download {times:.2f} times as fast as the peer (at least 3)", times >= 3))
        found.append((f"download {share:.2f} of the link's time (at most 1.15)", share <= 1.15))
    if table.has("up: ours", "up: MediaFileUpload, 100 MB chunks"):
        ours = table.median("up: ours")
        share = ours / (megabytes * 1e6 / RATE)
        found.append((f"upload {share:.2f} of its link's time (at most 1.15)", share <= 1.15))
        times = table.median("up: MediaFileUpload, 100 MB chunks") / ours
        found.append(
            (f"upload {times:.2f} times as fast as the peer (at least .95)", times >= 0.95)
        )
    for name, peak in table.peaks.items():
        if name.endswith("ours") and peak:
            good = peak < MEMORY
            found.append((f"{name}: {peak / 1e6:.0f} MB of memory (under 150)", good))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1000, help="MB of the large file")
    parser.add_argument("--files", type=int, default=2000, help="number of small files")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=["large", "small"])
    parser.add_argument("--folder", help="where all files go; a disk in memory disturbs least")
    args = parser.parse_args()
    table = Table()
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory(dir=args.folder) as name:
            server = Server(Path(name) / "drive")
            try:
                if args.only != "small":
                    large(server, Path(name), table, args.size)
                if args.only != "large":
                    small(server, Path(name), table, args.files)
            finally:
                server.close()
    met = True
    for text, good in verdicts(table, args.size):
        met = met and good
        print(("met:    " if good else "MISSED: ") + text)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
