"""Which words are in the bytes that a document is made from?"""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from html.parser import HTMLParser


def kind_of(data: bytes) -> str:
    """Return what bytes look like: zip, pdf, image, html, text, or nothing known."""
    if data[:4] == b"PK\x03\x04":
        return "zip"
    if data[:5] == b"%PDF-":
        return "pdf"
    if data[:8] == b"\x89PNG\r\n\x1a\n" or data[:3] == b"\xff\xd8\xff":
        return "image"
    if b"\0" in data:
        return "unknown"
    if re.match(rb"\s*<(?:!doctype html|html|head|body|p|h\d|div)\b", data, re.IGNORECASE):
        return "html"
    return "text"


class _Words(HTMLParser):
    """Collects the text of a page, a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "title")
        if tag == "br":
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "title")
        if tag in ("p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data) if data.strip() else "")


def text_of(source: bytes) -> str:
    """Return the words of a source, with plain line ends."""
    kind = kind_of(source)
    if kind == "html":
        words = _Words()
        words.feed(source.decode("utf-8", "replace"))
        return "".join(words.parts).strip()
    if kind == "zip":
        return _text_of_zip(source)
    if kind in ("pdf", "image"):
        return ""
    text = source.decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text_of_zip(source: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(source)) as archive:
            names = set(archive.namelist())
            if "word/document.xml" in names:
                xml = archive.read("word/document.xml").decode("utf-8", "replace")
                blocks = re.findall(r"<w:p[ >].*?</w:p>|<w:p/>", xml, re.DOTALL)
                return "\n".join(_tagged(block, "w:t") for block in blocks)
            if "xl/worksheets/sheet1.xml" in names:
                return to_csv(_rows_of_xlsx(archive))
            slides = sorted(name for name in names if re.fullmatch(r"ppt/slides/\w+\.xml", name))
            pages = [archive.read(name).decode("utf-8", "replace") for name in slides]
            return "\n".join(_tagged(page, "a:t") for page in pages)
    except zipfile.BadZipFile:
        return ""


def _tagged(xml: str, tag: str) -> str:
    found = re.findall(rf"<{tag}(?: [^>]*)?>(.*?)</{tag}>", xml, re.DOTALL)
    return html.unescape("".join(found))


def _rows_of_xlsx(archive: zipfile.ZipFile) -> list[list[str]]:
    shared: list[str] = []
    if "xl/sharedStrings.xml" in archive.namelist():
        xml = archive.read("xl/sharedStrings.xml").decode("utf-8", "replace")
        shared = [_tagged(one, "t") for one in re.findall(r"<si>.*?</si>", xml, re.DOTALL)]
    sheet = archive.read("xl/worksheets/sheet1.xml").decode("utf-8", "replace")
    rows = []
    for row in re.findall(r"<row\b[^>]*>(.*?)</row>", sheet, re.DOTALL):
        cells = []
        for attributes, inner in re.findall(r"<c\b([^>]*)>(.*?)</c>", row, re.DOTALL):
            value = _tagged(inner, "v") or _tagged(inner, "t")
            is_shared = 't="s"' in attributes and value.isdigit() and int(value) < len(shared)
            cells.append(shared[int(value)] if is_shared else value)
        rows.append(cells)
    return rows


def rows_of(source: bytes) -> list[list[str]]:
    """Return the cells of a source, row by row; they stand between commas or tabs."""
    text = text_of(source)
    tabs = "\t" in text and "," not in text.partition("\n")[0]
    return list(csv.reader(io.StringIO(text), delimiter="\t" if tabs else ","))


def to_csv(rows: list[list[str]]) -> str:
    """Return rows as comma separated values."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    # Sheets leaves the last line open.
    return out.getvalue().removesuffix("\r\n")
