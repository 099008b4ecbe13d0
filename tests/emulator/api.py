"""HTTP requests to an emulator, with no client library of Drive between."""

from __future__ import annotations

from typing import Any

import httpx

from colab_magics.emulator import Emulator

FOLDER = "application/vnd.google-apps.folder"
ANN, BOB = "ann@example.com", "bob@example.com"


class Api(httpx.Client):
    """An HTTP client with the five requests that most tests begin with."""

    def make(self, name: str, data: bytes = b"", **body: Any) -> dict[str, Any]:
        """Make a file with bytes; return its whole File."""
        created = self.ok("POST", "drive/v3/files", json={"name": name, **body}, fields="*")
        if not data:
            return created
        return self.put_bytes(created["id"], data)

    def put_bytes(self, file_id: str, data: bytes) -> dict[str, Any]:
        """Replace the bytes of a file; return its whole File."""
        path = f"upload/drive/v3/files/{file_id}?uploadType=media"
        return self.ok("PATCH", path, content=data, fields="*")

    def folder(self, name: str, **body: Any) -> dict[str, Any]:
        """Make a folder; return its whole File."""
        return self.make(name, mimeType=FOLDER, **body)

    def share(self, file_id: str, role: str, email: str = "", **body: Any) -> dict[str, Any]:
        """Share a file with a user, or with what the body says; return the permission."""
        who = {"type": "user", "emailAddress": email} if email else {}
        path = f"drive/v3/files/{file_id}/permissions?supportsAllDrives=true"
        return self.ok("POST", path, json={"role": role, **who, **body}, fields="*")

    def file(self, file_id: str) -> dict[str, Any]:
        """Return the whole File of an id."""
        return self.ok("GET", f"drive/v3/files/{file_id}", fields="*")

    def names(self, q: str = "", **params: Any) -> list[str]:
        """Return the names that a search finds, in the order of the answer."""
        found = self.ok("GET", "drive/v3/files", params={"q": q, **params})
        return [one["name"] for one in found["files"]]

    def bytes_of(self, file_id: str) -> bytes:
        """Return the bytes of a file."""
        answer = self.get(f"drive/v3/files/{file_id}?alt=media")
        assert answer.status_code == 200, answer.text
        return answer.content

    def token(self) -> str:
        """Return a start token of the change log."""
        return str(self.ok("GET", "drive/v3/changes/startPageToken")["startPageToken"])

    def changes(self, token: str, **params: Any) -> dict[str, Any]:
        """Return one page of the change log."""
        return self.ok("GET", "drive/v3/changes", params={"pageToken": token, **params})

    def ok(self, method: str, path: str, *, fields: str = "", **rest: Any) -> dict[str, Any]:
        """Send a request that must succeed; return the JSON of its answer."""
        if fields and "params" in rest:
            rest["params"] = {**rest["params"], "fields": fields}
        elif fields:
            path += ("&" if "?" in path else "?") + f"fields={fields}"
        answer = self.request(method, path, **rest)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        value: dict[str, Any] = answer.json()
        return value


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, reason and message of a refusal, having checked that its body agrees."""
    body = answer.json()["error"]
    detail = body["errors"][0]
    assert body["code"] == answer.status_code
    assert body["message"] == detail["message"]
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    return answer.status_code, detail["reason"], body["message"]


def client_of(emulator: Emulator, **rest: Any) -> Api:
    """Return a client for a running emulator."""
    return Api(base_url=emulator.url, trust_env=False, timeout=20, **rest)


def as_user(emulator: Emulator, email: str, **rest: Any) -> Api:
    """Return a client that acts for a user; `rest` goes to `Emulator.user`."""
    return client_of(emulator, headers=emulator.user(email, **rest).headers)
