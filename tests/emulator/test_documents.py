"""Google's own documents: what they are made from, and what they can be turned into."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from colab_magics.emulator import Emulator
from emulator.api import Api, error
from emulator.google import service_of

GOOGLE = "application/vnd.google-apps."
DOCUMENT, SHEET = f"{GOOGLE}document", f"{GOOGLE}spreadsheet"
OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX = f"{OFFICE}wordprocessingml.document", f"{OFFICE}spreadsheetml.sheet"


def imported(api: Api, mime: str, source: str, data: bytes) -> dict[str, Any]:
    """Upload bytes to become a document, as every guide shows it; return its whole File."""
    head = {"mimeType": mime, "name": "notes"}
    body = (
        b"--x\r\nContent-Type: application/json\r\n\r\n"
        + json.dumps(head).encode()
        + f"\r\n--x\r\nContent-Type: {source}\r\n\r\n".encode()
        + data
        + b"\r\n--x--"
    )
    headers = {"Content-Type": "multipart/related; boundary=x"}
    path = "upload/drive/v3/files?uploadType=multipart"
    return api.ok("POST", path, content=body, headers=headers, fields="*")


def export(api: Api, file_id: str, mime: str) -> Any:
    return api.get(f"drive/v3/files/{file_id}/export", params={"mimeType": mime})


def test_an_uploaded_text_becomes_a_document(api: Api) -> None:
    """No hash and no head revision, a size that is not that of an export [DISC, LIVE MM]."""
    file = imported(api, DOCUMENT, "text/plain", b"one\ntwo")

    assert file["mimeType"] == DOCUMENT
    assert {"md5Checksum", "headRevisionId", "webContentLink"} & file.keys() == set()
    assert file["size"] == "1"
    assert DOCX in file["exportLinks"]
    assert file["webViewLink"].startswith("https://docs.google.com/document/d/")


def test_a_document_has_no_bytes_to_download(api: Api) -> None:
    """The refusal names the parameter, as Google's list of errors has it [ERR]."""
    file = imported(api, DOCUMENT, "text/plain", b"one")
    answer = api.get(f"drive/v3/files/{file['id']}?alt=media")

    assert error(answer) == (
        403,
        "fileNotDownloadable",
        "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
    )
    assert answer.json()["error"]["errors"][0]["location"] == "alt"


def test_a_text_is_exported_as_docs_writes_texts(api: Api) -> None:
    """With a byte order mark and Windows' line ends; no range is taken [DL]."""
    file = imported(api, DOCUMENT, "text/plain", "eins\nzwei ü".encode())
    path = f"drive/v3/files/{file['id']}/export?mimeType=text/plain"
    answer = api.get(path, headers={"Range": "bytes=0-2"})

    assert answer.status_code == 200
    assert answer.content == "\ufeffeins\r\nzwei ü".encode()
    assert answer.headers["content-type"] == "text/plain"
    assert "accept-ranges" not in answer.headers


def test_a_page_keeps_its_words(api: Api) -> None:
    """HTML goes in and comes out, as text and as a page; nothing in it is code any more."""
    page = b"<html><head><title>no</title></head><body><p>a &lt;b&gt;</p><p>c</p></body></html>"
    file = imported(api, DOCUMENT, "text/html", page)

    assert export(api, file["id"], "text/plain").text == "\ufeffa <b>\r\nc"
    assert "<p>a &lt;b&gt;</p><p>c</p>" in export(api, file["id"], "text/html").text


def test_word_and_back(api: Api) -> None:
    """A docx made here is a zip that can be made a document again."""
    first = imported(api, DOCUMENT, "text/plain", b"a & b\nc")
    docx = export(api, first["id"], DOCX).content
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        assert archive.testzip() is None
        assert "word/document.xml" in archive.namelist()
    second = imported(api, DOCUMENT, DOCX, docx)

    assert export(api, second["id"], "text/plain").text == "\ufeffa & b\r\nc"


def test_a_table_and_back(api: Api) -> None:
    """CSV, TSV and xlsx have the same cells."""
    file = imported(api, SHEET, "text/csv", b'a,"b, c"\n1,2\n')
    table = [["a", "b, c"], ["1", "2"]]

    assert list(csv.reader(io.StringIO(export(api, file["id"], "text/csv").text))) == table
    tsv = export(api, file["id"], "text/tab-separated-values").text
    assert [line.split("\t") for line in tsv.split("\r\n")] == table
    again = imported(api, SHEET, XLSX, export(api, file["id"], XLSX).content)
    assert list(csv.reader(io.StringIO(export(api, again["id"], "text/csv").text))) == table


def test_pandas_reads_an_exported_sheet(api: Api) -> None:
    """The csv is one that others can read."""
    pandas = pytest.importorskip("pandas")
    file = imported(api, SHEET, "text/csv", b"x,y\n1,2\n3,4\n")
    frame = pandas.read_csv(io.BytesIO(export(api, file["id"], "text/csv").content))

    assert frame.to_dict("list") == {"x": [1, 3], "y": [2, 4]}


def test_every_format_that_is_promised_can_be_had(api: Api) -> None:
    """What `about` and `exportLinks` list is what `export` gives."""
    formats = api.ok("GET", "drive/v3/about?fields=exportFormats")["exportFormats"]
    for mime, wanted in formats.items():
        file = api.make("d", mimeType=mime)
        assert sorted(file["exportLinks"]) == sorted(wanted)
        for one in wanted:
            answer = export(api, file["id"], one)
            assert answer.status_code == 200, (mime, one, answer.text)
            assert answer.content or one in (
                "text/markdown",
                "text/csv",
                "text/tab-separated-values",
            )


@pytest.mark.parametrize(
    ("mime", "begins"),
    [
        ("application/pdf", b"%PDF-1."),
        ("application/rtf", b"{\\rtf1"),
        ("application/zip", b"PK\x03\x04"),
        ("application/epub+zip", b"PK\x03\x04"),
    ],
)
def test_exports_begin_as_their_kind_does(api: Api, mime: str, begins: bytes) -> None:
    """A viewer would know them."""
    file = imported(api, DOCUMENT, "text/plain", b"(words) \\ {x}")

    assert export(api, file["id"], mime).content.startswith(begins)


def test_what_can_not_be_exported_is_refused(api: Api) -> None:
    """Files with bytes, types that a document can not become, and no type at all."""
    blob, file = api.make("a.txt", b"x"), imported(api, DOCUMENT, "text/plain", b"x")

    assert error(export(api, blob["id"], "text/plain")) == (
        403,
        "fileNotExportable",
        "Export only supports Docs Editors files.",
    )
    assert error(export(api, file["id"], "text/csv")) == (
        400,
        "badRequest",
        "The requested conversion is not supported.",
    )
    assert error(api.get(f"drive/v3/files/{file['id']}/export"))[:2] == (400, "required")


def test_a_large_export_is_refused(api: Api, emulator: Emulator) -> None:
    """Ten megabytes are the limit [DISC]."""
    file = imported(api, DOCUMENT, "text/plain", b"x" * (10 << 20))
    answer = export(api, file["id"], "text/plain")

    assert error(answer)[:2] == (403, "exportSizeLimitExceeded")
    assert emulator.limits.export == 10 << 20


def test_what_makes_no_document_is_refused(api: Api) -> None:
    """With the reason that Google gives; nothing is left of it."""
    path = "upload/drive/v3/files?uploadType=multipart"
    body = (
        b'--x\n\n{"mimeType": "' + SHEET.encode() + b'"}\n--x\nContent-Type: image/png\n\n'
        b"\x89PNG\r\n\x1a\n\n--x--"
    )
    headers = {"Content-Type": "multipart/related; boundary=x"}
    answer = api.post(path, content=body, headers=headers)

    assert error(answer) == (
        400,
        "conversionUnsupportedConversionPath",
        "Conversion of the uploaded content to the requested output type is not supported.",
    )
    assert api.names() == []


def test_a_document_takes_new_content(api: Api) -> None:
    """It stays a document, and its version grows."""
    file = imported(api, DOCUMENT, "text/plain", b"old")
    after = api.put_bytes(file["id"], b"new")

    assert after["mimeType"] == DOCUMENT
    assert int(after["version"]) > int(file["version"])
    assert export(api, file["id"], "text/plain").text == "\ufeffnew"


def test_documents_are_copied_and_made_by_copying(api: Api) -> None:
    """A copy says the same; a text copied with a document's type becomes one."""
    file = imported(api, DOCUMENT, "text/plain", b"words")
    copy = api.ok("POST", f"drive/v3/files/{file['id']}/copy", json={})
    blob = api.ok(
        "POST",
        "upload/drive/v3/files?uploadType=media",
        content=b"more words",
        headers={"Content-Type": "text/plain"},
    )
    made = api.ok("POST", f"drive/v3/files/{blob['id']}/copy", json={"mimeType": DOCUMENT})

    assert export(api, copy["id"], "text/plain").text == "\ufeffwords"
    assert made["mimeType"] == DOCUMENT
    assert export(api, made["id"], "text/plain").text == "\ufeffmore words"


def test_documents_survive_a_restart(api: Api, emulator: Emulator) -> None:
    """Their source is kept, though no field shows it."""
    file = imported(api, DOCUMENT, "text/plain", b"words")
    emulator.stop()
    emulator.start()
    api.base_url = emulator.url  # type: ignore[assignment]

    assert export(api, file["id"], "text/plain").text == "\ufeffwords"


def test_a_download_is_an_operation(api: Api) -> None:
    """`files.download` answers one that is over, with the address of the bytes [DISC]."""
    file = imported(api, DOCUMENT, "text/plain", b"words")
    path = f"drive/v3/files/{file['id']}/download"
    begun = api.ok("POST", path, params={"mimeType": "text/plain"})
    again = api.ok("GET", f"drive/v3/operations/{begun['name']}")

    assert begun == again
    assert begun["done"] is True
    assert api.get(begun["response"]["downloadUri"]).text == "\ufeffwords"
    assert error(api.get("drive/v3/operations/none"))[0] == 404


def test_googles_client_uploads_converts_and_exports(emulator: Emulator) -> None:
    """The way most programs do it."""
    with service_of(emulator) as service:
        files = service.files()
        media = MediaIoBaseUpload(io.BytesIO(b"a,b\r\n1,2"), "text/csv", resumable=True)
        body = {"name": "t", "mimeType": SHEET}
        file = files.create(body=body, media_body=media, fields="id,size").execute()
        got = files.export(fileId=file["id"], mimeType="text/csv").execute()
        out, done = io.BytesIO(), False
        request = files.export_media(fileId=file["id"], mimeType="text/csv")
        download = MediaIoBaseDownload(out, request)
        while not done:
            _, done = download.next_chunk()
        with pytest.raises(HttpError) as caught:
            files.get_media(fileId=file["id"]).execute()

    assert got == out.getvalue() == b"a,b\r\n1,2"
    assert caught.value.error_details[0]["reason"] == "fileNotDownloadable"
