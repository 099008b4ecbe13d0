"""The contents that a file has had."""

from __future__ import annotations

from typing import Any

from colab_magics.emulator import Emulator
from emulator.api import ANN, Api, error


def revisions(api: Api, file_id: str) -> list[dict[str, Any]]:
    found = api.ok("GET", f"drive/v3/files/{file_id}/revisions", fields="*")["revisions"]
    assert isinstance(found, list)
    return found


def three(api: Api) -> dict[str, Any]:
    """Make a file that has had three contents."""
    path = "upload/drive/v3/files?uploadType=media&fields=id"
    file = api.ok("POST", path, content=b"one")
    api.put_bytes(file["id"], b"two")
    return api.put_bytes(file["id"], b"three")


def test_each_content_is_a_revision(api: Api) -> None:
    """Oldest first; the last is the file's head, and a rename makes none."""
    file = three(api)
    api.ok("PATCH", f"drive/v3/files/{file['id']}", json={"name": "b"})
    found = revisions(api, file["id"])

    assert [one["size"] for one in found] == ["3", "3", "5"]
    assert found[-1]["id"] == file["headRevisionId"]
    assert found[-1]["md5Checksum"] == file["md5Checksum"]
    assert [one["keepForever"] for one in found] == [False] * 3


def test_an_old_content_can_be_read(api: Api) -> None:
    """Whole and in ranges, by its id and by the alias of the newest."""
    file = three(api)
    path = f"drive/v3/files/{file['id']}/revisions"
    first = revisions(api, file["id"])[0]["id"]

    assert api.get(f"{path}/{first}?alt=media").content == b"one"
    part = api.get(f"{path}/{first}?alt=media", headers={"Range": "bytes=1-"})
    assert (part.status_code, part.content) == (206, b"ne")
    assert api.get(f"{path}/head?alt=media").content == b"three"
    assert error(api.get(f"{path}/none"))[:2] == (404, "notFound")


def test_a_revision_pins_a_download(api: Api) -> None:
    """What was read at the start is read to the end, though the file has new bytes."""
    file = three(api)
    pinned = file["headRevisionId"]
    api.put_bytes(file["id"], b"four!")
    answer = api.get(f"drive/v3/files/{file['id']}/revisions/{pinned}?alt=media")

    assert answer.content == b"three"


def test_a_revision_is_kept_or_deleted(api: Api) -> None:
    """But not the newest: a file has always one."""
    file = three(api)
    path = f"drive/v3/files/{file['id']}/revisions"
    first, second, head = (one["id"] for one in revisions(api, file["id"]))
    kept = api.ok("PATCH", f"{path}/{first}", json={"keepForever": True}, fields="keepForever")
    assert kept == {"keepForever": True}
    assert api.delete(f"{path}/{second}").status_code == 204
    assert api.delete(f"{path}/{head}").status_code == 403

    assert [one["id"] for one in revisions(api, file["id"])] == [first, head]
    assert api.bytes_of(file["id"]) == b"three"


def test_old_ones_go_and_kept_ones_stay(api: Api, emulator: Emulator) -> None:
    """A hundred by default [CHG]; their bytes leave the disk."""
    file = three(api)
    emulator.limits.revisions = 2
    first = revisions(api, file["id"])[0]["id"]
    api.ok("PATCH", f"drive/v3/files/{file['id']}/revisions/{first}", json={"keepForever": True})
    for number in range(5):
        api.put_bytes(file["id"], b"%d" % number)
    found = revisions(api, file["id"])

    assert [one["size"] for one in found] == ["3", "1", "1"]
    assert len(list((emulator.root / "blobs").iterdir())) == 3


def test_a_month_ends_what_is_not_kept(api: Api, emulator: Emulator) -> None:
    """When the next content comes [DISC]."""
    file = three(api)
    emulator.clock.advance(31 * 24 * 3600)
    api.put_bytes(file["id"], b"four")

    assert [one["size"] for one in revisions(api, file["id"])] == ["4"]


def test_the_disk_does_not_fill_up(api: Api, emulator: Emulator) -> None:
    """Beside Drive's limits there is one on bytes, since a disk is no cloud."""
    file = three(api)
    emulator.limits.revision_bytes = 10
    for _ in range(4):
        api.put_bytes(file["id"], b"x" * 6)

    assert [one["size"] for one in revisions(api, file["id"])] == ["6", "6"]


def test_only_so_many_are_kept_forever(api: Api, emulator: Emulator) -> None:
    """Two hundred for a file [DISC]."""
    assert emulator.limits.revisions_forever == 200
    file = three(api)
    emulator.limits.revisions_forever = 1
    first, second, _ = (one["id"] for one in revisions(api, file["id"]))
    path = f"drive/v3/files/{file['id']}/revisions"
    api.ok("PATCH", f"{path}/{first}", json={"keepForever": True})

    assert api.patch(f"{path}/{second}", json={"keepForever": True}).status_code == 403


def test_a_copy_begins_anew(api: Api) -> None:
    """It has the newest content, and no past."""
    file = three(api)
    copy = api.ok("POST", f"drive/v3/files/{file['id']}/copy", json={})
    (only,) = revisions(api, copy["id"])

    assert only["size"] == "5"
    api.delete(f"drive/v3/files/{file['id']}")
    assert api.bytes_of(copy["id"]) == b"three"


def test_folders_have_none(api: Api) -> None:
    """A refusal, not an empty list."""
    folder = api.folder("f")

    assert error(api.get(f"drive/v3/files/{folder['id']}/revisions"))[0] == 403


def test_a_documents_revision_has_links_and_no_bytes(api: Api) -> None:
    """And can not be deleted [DISC]."""
    mime = "application/vnd.google-apps.document"
    path = "upload/drive/v3/files?uploadType=multipart"
    body = b'--x\n\n{"mimeType": "' + mime.encode() + b'"}\n--x\n\nwords\n--x--'
    headers = {"Content-Type": "multipart/related; boundary=x"}
    file = api.ok("POST", path, content=body, headers=headers)
    (only,) = revisions(api, file["id"])
    path = f"drive/v3/files/{file['id']}/revisions/{only['id']}"

    assert "exportLinks" in only
    assert "size" not in only
    assert error(api.get(f"{path}?alt=media"))[:2] == (403, "fileNotDownloadable")
    assert api.delete(path).status_code == 403


def test_a_reader_reads_and_a_writer_keeps(api: Api, ann: Api) -> None:
    """As with the file itself."""
    file = three(api)
    first = revisions(api, file["id"])[0]["id"]
    path = f"drive/v3/files/{file['id']}/revisions/{first}"
    api.share(file["id"], "reader", ANN)

    assert ann.get(f"{path}?alt=media").content == b"one"
    assert ann.patch(path, json={"keepForever": True}).status_code == 403
    assert ann.delete(path).status_code == 403
