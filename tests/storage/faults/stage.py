"""One Drive, one client under test, and the truth about the Drive, which no fault touches."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
from google.oauth2.credentials import Credentials
from storage.conftest import JumpingClock
from urllib3 import encode_multipart_formdata

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place
from colab_magics.storage.signin.live import LiveCredentials

CHUNK = 256 * 1024
# retry_attempts and retry_seconds stay as users have them: they are part of what is shown.
SETTINGS = Settings(timeout_seconds=5.0, chunk_bytes=CHUNK)
FOLDER = "application/vnd.google-apps.folder"
_UPLOAD = "upload/drive/v3/files"
_FIELDS = "nextPageToken,files(id,name,parents,mimeType,md5Checksum,size,trashed)"

Tree = Mapping[str, bytes | None]
"""What lies where: a path and its content; None is a folder."""


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class File:
    """A file or folder as the Drive itself has it; `md5` is None for a folder."""

    id: str
    path: str
    md5: str | None
    trashed: bool

    def holds(self, content: bytes | None) -> bool:
        return self.md5 == (None if content is None else md5(content))


class Truth:
    """The Drive by plain HTTP, past all faults, quotas and lags."""

    def __init__(self, url: str) -> None:
        self._base = f"{url}emulator/"
        self._session = requests.Session()
        self._session.trust_env = False
        self._root = str(self._ask("GET", "drive/v3/files/root?fields=id")["id"])

    def close(self) -> None:
        self._session.close()

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self._session.request(method, self._base + path, timeout=10, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def make(self, tree: Tree, *, inside: str = "") -> dict[str, str]:
        """Make folders and files in a folder, by default My Drive; gives their ids."""
        ids = {"": inside or self._root}
        for path in sorted(tree):
            above, _, name = path.rpartition("/")
            body: dict[str, Any] = {"name": name, "parents": [ids[above]]}
            content = tree[path]
            if content is None:
                made = self._ask("POST", "drive/v3/files", json={**body, "mimeType": FOLDER})
            else:
                both, kind = encode_multipart_formdata(
                    [("", ("", json.dumps(body), "application/json")), ("", ("", content))]
                )
                headers = {"Content-Type": kind.replace("form-data", "related")}
                query = "uploadType=multipart"
                made = self._ask("POST", f"{_UPLOAD}?{query}", data=both, headers=headers)
            ids[path] = made["id"]
        return ids

    def write(self, file_id: str, content: bytes) -> None:
        """Give a file other content, as another client does."""
        self._ask("PATCH", f"{_UPLOAD}/{file_id}?uploadType=media", data=content)

    def trash(self, file_id: str) -> None:
        """Put a file into the trash."""
        self._ask("PATCH", f"drive/v3/files/{file_id}", json={"trashed": True})

    def delete(self, file_id: str) -> None:
        """Delete a file, past the trash."""
        self._ask("DELETE", f"drive/v3/files/{file_id}")

    def move(self, file_id: str, old: str, new: str) -> None:
        """Put a file into another folder."""
        query = f"addParents={new}&removeParents={old}"
        self._ask("PATCH", f"drive/v3/files/{file_id}?{query}", json={})

    def share(self, file_id: str) -> None:
        """Let anyone with the link read a file."""
        body = {"type": "anyone", "role": "reader"}
        self._ask("POST", f"drive/v3/files/{file_id}/permissions", json=body)

    def shares(self, file_id: str) -> list[tuple[str, str]]:
        """Who may do what with a file, each as often as it is said."""
        found = self._ask("GET", f"drive/v3/files/{file_id}/permissions")["permissions"]
        return sorted((one["type"], one["role"]) for one in found)

    def token(self) -> str:
        """The present end of the change log."""
        return str(self._ask("GET", "drive/v3/changes/startPageToken")["startPageToken"])

    def files(self) -> list[File]:
        """Everything on the Drive, what is in the trash too."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"nextPageToken": ""}
        while "nextPageToken" in page:
            query = {"pageSize": 999, "fields": _FIELDS, "pageToken": page["nextPageToken"]}
            page = self._ask("GET", "drive/v3/files", params=query)
            found += page["files"]
        known = {one["id"]: one for one in found}
        return [
            File(one["id"], self._path(one, known), one.get("md5Checksum"), one["trashed"])
            for one in found
        ]

    def _path(self, one: Mapping[str, Any], known: Mapping[str, Any]) -> str:
        parent = one["parents"][0]
        above = "" if parent == self._root else self._path(known[parent], known) + "/"
        return above + str(one["name"])

    def wipe(self) -> None:
        """Delete everything, past the trash."""
        for file in self.files():
            if "/" not in file.path:
                self.delete(file.id)  # with all that is in it, in the trash or not


@dataclass
class Stage:
    """One case: the Drive as it was set up, and a new client that is about to act on it.

    Attributes:
        ids: of what was there before, by path.
        local: a folder of this machine, empty but for what a scenario puts there.
        state: the folder where the client keeps what is to survive a restart.
        notes: what a scenario's own steps remember for its judge.
    """

    drive: Emulator
    truth: Truth
    local: Path
    settings: Settings = SETTINGS
    ids: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    clock: JumpingClock = field(default_factory=JumpingClock)

    def __post_init__(self) -> None:
        self.threads = set(threading.enumerate())
        token = Credentials(  # type: ignore[no-untyped-call]
            token="first",
            refresh_token=self.drive.refresh_token,
            token_uri=f"{self.drive.url}token",
            client_id="id",
            client_secret="secret",
        )
        credentials = LiveCredentials(lambda: token)  # as those that are found on a user's disk
        self.state = self.local.with_name("state")
        settings = replace(self.settings, state_dir=str(self.state))
        url = self.drive.url
        self.api = DriveAPI(url=url, credentials=credentials, settings=settings, clock=self.clock)
        self.fs = DriveFileSystem(api=self.api, clock=self.clock, skip_instance_cache=True)

    def set_up(self, before: Tree, local: Mapping[str, bytes], **changed: Any) -> Stage:
        """A new stage on the same Drive, with nothing on it but this."""
        self.drive.faults.clear()
        self.truth.wipe()
        for folder in (self.local, self.state):
            shutil.rmtree(folder, ignore_errors=True)
        self.local.mkdir()
        for name, content in local.items():
            path = self.local / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        notes = {"token": self.truth.token()}
        ids = self.truth.make(before)
        self.drive.quota.reset()
        self.drive.log.clear()
        settings = replace(SETTINGS, **changed)
        return Stage(self.drive, self.truth, self.local, settings, ids, notes)

    def place(self, path: str) -> Place:
        return Place(path, self.fs, path, None)

    def close(self) -> None:
        self.api.close()

    def strangers(self) -> list[str]:
        """Names of threads that the client has left behind; the Drive's own do not count."""
        new = set(threading.enumerate()) - self.threads
        return [one.name for one in new if not one.name.startswith("asyncio_")]
