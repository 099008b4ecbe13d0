"""How do the bytes of a document look in each format?

Text, HTML, CSV and TSV carry the words of the source; so do docx, xlsx, PDF and RTF, plainly set.
The rest are the smallest valid files of their kind.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable

from .words import rows_of, text_of, to_csv

_OFFICE = "http://schemas.openxmlformats.org"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////"
    "////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)


def _plain(source: bytes, _: str) -> bytes:
    # Docs begins a text with a mark of its byte order and ends lines as Windows does.
    return b"\xef\xbb\xbf" + text_of(source).replace("\n", "\r\n").encode()


def _page(source: bytes, title: str) -> bytes:
    lines = text_of(source).split("\n")
    body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    head = '<meta content="text/html; charset=UTF-8" http-equiv="content-type">'
    title = f"<title>{html.escape(title)}</title>"
    return f"<html><head>{head}{title}</head><body>{body}</body></html>".encode()


def _markdown(source: bytes, _: str) -> bytes:
    return text_of(source).encode()


def _csv(source: bytes, _: str) -> bytes:
    return to_csv(rows_of(source)).encode()


def _tsv(source: bytes, _: str) -> bytes:
    return "\r\n".join("\t".join(row) for row in rows_of(source)).encode()


def _rtf(source: bytes, _: str) -> bytes:
    escaped = re.sub(r"([\\{}])", r"\\\1", text_of(source)).replace("\n", "\\par\n")
    coded = "".join(c if ord(c) < 128 else f"\\u{_signed(c)}?" for c in escaped)
    return ("{\\rtf1\\ansi " + coded + "}").encode("ascii")


def _signed(character: str) -> str:
    raw = character.encode("utf-16-be")
    units = [int.from_bytes(raw[at : at + 2], signed=True) for at in range(0, len(raw), 2)]
    return "?\\u".join(str(unit) for unit in units)


def _pdf(source: bytes, _: str) -> bytes:
    lines = text_of(source).encode("latin-1", "replace").splitlines()
    shown = b"".join(b"(" + re.sub(rb"([\\()])", rb"\\\1", one) + b") Tj T*\n" for one in lines)
    stream = b"BT /F1 11 Tf 14 TL 56 786 Td\n" + shown + b"ET"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(parts) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def _zip(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # The same document gives the same bytes, and a reader finds the mark in front.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            stored = name == "mimetype"
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def _office(part: str, kind: str, content: str, more: dict[str, str] | None = None) -> bytes:
    """Return an Office file around its main part."""
    more = more or {}
    main = f"application/vnd.openxmlformats-officedocument.{kind}.main+xml"
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
    override = f'<Override PartName="/{part}" ContentType="{main}"/>' + "".join(
        f'<Override PartName="/{name}" ContentType="{sheet}"/>'
        for name in more
        if name.startswith("xl/worksheets/s")
    )
    types = (
        f'{_HEAD}<Types xmlns="{_OFFICE}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{override}</Types>'
    )
    return _zip(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": _relation("officeDocument", part),
            part: _HEAD + content,
            **more,
        }
    )


def _relation(kind: str, target: str) -> str:
    return (
        f'{_HEAD}<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship '
        f'Id="rId1" Type="{_OFFICE}/officeDocument/2006/relationships/{kind}" '
        f'Target="{target}"/></Relationships>'
    )


def _docx(source: bytes, _: str) -> bytes:
    lines = text_of(source).split("\n")
    body = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{html.escape(line)}</w:t></w:r></w:p>'
        for line in lines
    )
    space = f'xmlns:w="{_OFFICE}/wordprocessingml/2006/main"'
    content = f"<w:document {space}><w:body>{body}</w:body></w:document>"
    return _office("word/document.xml", "wordprocessingml.document", content)


def _xlsx(source: bytes, _: str) -> bytes:
    rows = ""
    for number, row in enumerate(rows_of(source), 1):
        cells = "".join(
            f'<c t="inlineStr"><is><t xml:space="preserve">{html.escape(cell)}</t></is></c>'
            for cell in row
        )
        rows += f'<row r="{number}">{cells}</row>'
    space = f'xmlns="{_OFFICE}/spreadsheetml/2006/main"'
    related = f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships"'
    book = (
        f'<workbook {space} {related}><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>"
    )
    sheet = f"{_HEAD}<worksheet {space}><sheetData>{rows}</sheetData></worksheet>"
    more = {
        "xl/worksheets/sheet1.xml": sheet,
        "xl/_rels/workbook.xml.rels": _relation("worksheet", "worksheets/sheet1.xml"),
    }
    return _office("xl/workbook.xml", "spreadsheetml.sheet", book, more)


def _pptx(source: bytes, _: str) -> bytes:
    space = f'xmlns:p="{_OFFICE}/presentationml/2006/main"'
    content = f'<p:presentation {space}><p:notesSz cx="6858000" cy="9144000"/></p:presentation>'
    return _office("ppt/presentation.xml", "presentationml.presentation", content)


def _container(mime: str) -> Callable[[bytes, str], bytes]:
    """Return a maker of files that say what they are in a member called mimetype."""

    def make(source: bytes, title: str) -> bytes:
        page = _page(source, title).decode()
        return _zip({"mimetype": mime, "content.html": page})

    return make


def _web_page(source: bytes, title: str) -> bytes:
    return _zip({"document.html": _page(source, title).decode()})


def _png(source: bytes, _: str) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4)
        return len(data).to_bytes(4) + kind + data + check

    header = chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
    pixel = chunk(b"IDAT", zlib.compress(b"\0\xff"))
    return b"\x89PNG\r\n\x1a\n" + header + pixel + chunk(b"IEND", b"")


def _jpeg(source: bytes, _: str) -> bytes:
    return _JPEG


def _svg(source: bytes, title: str) -> bytes:
    inner = f"<title>{html.escape(title)}</title>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="960" height="720">{inner}</svg>'.encode()
    )


def _script(source: bytes, title: str) -> bytes:
    files = [{"name": "Code", "type": "server_js", "source": text_of(source)}]
    return json.dumps({"files": files}).encode()


CONVERTERS: dict[str, Callable[[bytes, str], bytes]] = {
    "csv": _csv,
    "docx": _docx,
    "epub": _container("application/epub+zip"),
    "html": _page,
    "jpg": _jpeg,
    "json": _script,
    "md": _markdown,
    "odp": _container("application/vnd.oasis.opendocument.presentation"),
    "ods": _container("application/vnd.oasis.opendocument.spreadsheet"),
    "odt": _container("application/vnd.oasis.opendocument.text"),
    "pdf": _pdf,
    "png": _png,
    "pptx": _pptx,
    "rtf": _rtf,
    "svg": _svg,
    "tsv": _tsv,
    "txt": _plain,
    "xlsx": _xlsx,
    "zip": _web_page,
}
