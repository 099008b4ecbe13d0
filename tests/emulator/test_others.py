"""What other people's programs send that Google's own client does not, one habit at a time."""

from __future__ import annotations

import pytest

from emulator.api import Api, error

V2 = "drive/v2/files"
DOCUMENT = "application/vnd.google-apps.document"


def test_no_metadata_may_be_written_as_null(api: Api) -> None:
    """Google's Go client does so when it moves a file."""
    file, folder = api.make("a"), api.folder("f")
    path = f"drive/v3/files/{file['id']}?addParents={folder['id']}&fields=parents"

    assert api.ok("PATCH", path, content=b"null\n") == {"parents": [folder["id"]]}
    assert api.post("drive/v3/files", content=b"[]").status_code == 400


def test_a_file_may_be_taken_out_and_put_back_into_its_folder(api: Api) -> None:
    """rclone renames a file so; adding the parent alone is a mistake."""
    file = api.make("a")
    there = f"drive/v3/files/{file['id']}?addParents={file['parents'][0]}"
    body = {"name": "b"}

    assert error(api.patch(there, json=body))[:2] == (400, "badRequest")
    both = f"{there}&removeParents={file['parents'][0]}&fields=name,parents"
    assert api.ok("PATCH", both, json=body) == {"name": "b", "parents": file["parents"]}


def test_bytes_on_a_shared_drive_need_no_word_of_support(api: Api) -> None:
    """rclone says supportsAllDrives for the metadata only."""
    made = api.ok("POST", "drive/v3/drives?requestId=1", json={"name": "team"})["id"]
    path = "upload/drive/v3/files?uploadType=media&supportsAllDrives=true"
    file = api.ok("POST", path, content=b"hello")["id"]
    move = f"addParents={made}&removeParents=root&supportsAllDrives=true"
    api.ok("PATCH", f"drive/v3/files/{file}?{move}", json={})

    assert api.get(f"drive/v3/files/{file}").status_code == 404
    assert api.bytes_of(file) == b"hello"


def test_export_links_lead_here_under_their_own_name(api: Api) -> None:
    """At `docs.google.com`, where rclone fetches documents."""
    headers = {"Content-Type": "text/plain"}
    body = {"name": "a", "mimeType": DOCUMENT}
    session = api.post("upload/drive/v3/files?uploadType=resumable", json=body)
    file = api.put(session.headers["location"], content=b"hello", headers=headers).json()
    link = api.file(file["id"])["exportLinks"]["text/plain"]
    assert link.startswith("https://docs.google.com/feeds/")
    docs = {"Host": "docs.google.com"}
    answer = api.get(link.removeprefix("https://docs.google.com/"), headers=docs)

    assert (answer.status_code, answer.text) == (200, "\ufeffhello")
    other = link.replace("=txt", "=exe").removeprefix("https://docs.google.com/")
    assert api.get(other, headers=docs).status_code == 400


def test_a_download_begun_through_a_proxy_stays_there(api: Api) -> None:
    """The address of the bytes has the name that the client used."""
    file = api.make("a", b"hello")
    headers = {"Host": "www.googleapis.com"}
    begun = api.ok("POST", f"drive/v3/files/{file['id']}/download", headers=headers)

    assert begun["response"]["downloadUri"].startswith("http://www.googleapis.com/drive/v3/files/")


class TestPyDrive2:
    """The habits of a client of the API v2."""

    def test_it_searches_the_default_corpora(self, api: Api) -> None:
        """That word is v2's; v3 has none of that name."""
        api.make("a")

        assert [one["title"] for one in api.ok("GET", f"{V2}?corpora=default")["items"]] == ["a"]
        assert api.get("drive/v3/files?corpora=default").status_code == 400

    def test_it_repeats_the_id(self, api: Api) -> None:
        """Among what is to be changed."""
        file = api.make("a")["id"]

        assert api.ok("PATCH", f"{V2}/{file}", json={"id": file, "title": "b"})["title"] == "b"

    def test_it_asks_for_permissions_by_name(self, api: Api) -> None:
        """They are not among the usual fields; `anyone` comes first."""
        file = api.make("a")["id"]
        body = {"type": "anyone", "value": "anyone", "role": "reader"}
        api.ok("POST", f"{V2}/{file}/permissions", json=body)
        asked = api.ok("GET", f"{V2}/{file}?fields=permissions")["permissions"]

        assert "permissions" not in api.ok("GET", f"{V2}/{file}")
        assert [one["type"] for one in asked] == ["anyone", "user"]

    def test_it_lists_revisions(self, api: Api) -> None:
        """And fetches the bytes of one."""
        file = api.make("a", b"one")["id"]
        api.put_bytes(file, b"two!")
        listed = api.ok("GET", f"{V2}/{file}/revisions")
        first = listed["items"][-2]

        assert listed["kind"] == "drive#revisionList"
        assert [one["fileSize"] for one in listed["items"]][-2:] == ["3", "4"]
        assert api.ok("GET", f"{V2}/{file}/revisions/{first['id']}") == first
        assert api.get(first["downloadUrl"]).content == b"one"

    @pytest.mark.parametrize(
        ("mime", "becomes"),
        [
            ("text/plain", DOCUMENT),
            ("text/csv", "application/vnd.google-apps.spreadsheet"),
            ("image/gif", "image/gif"),
        ],
    )
    @pytest.mark.parametrize("kind", ["media", "resumable"])
    def test_it_converts_what_it_uploads(
        self, api: Api, kind: str, mime: str, becomes: str
    ) -> None:
        """With `convert=true`; what becomes no document stays what it is."""
        path = f"upload/drive/v2/files?uploadType={kind}&convert=true"
        data = b"GIF89a" if mime == "image/gif" else b"a,b"
        if kind == "media":
            file = api.ok("POST", path, content=data, headers={"Content-Type": mime})
        else:
            session = api.post(path, json={}, headers={"X-Upload-Content-Type": mime})
            file = api.put(session.headers["location"], content=data).json()

        assert file["mimeType"] == becomes
