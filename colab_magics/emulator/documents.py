"""What are Google's documents made from, and what can they be turned into?"""

from __future__ import annotations

from .blobs import Draft
from .conversion import CONVERTERS
from .errors import DriveError
from .values import GOOGLE_TYPES, is_google_type
from .words import kind_of

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
DOCX, XLSX = f"{_OFFICE}wordprocessingml.document", f"{_OFFICE}spreadsheetml.sheet"
PPTX = f"{_OFFICE}presentationml.presentation"

# From the guide on export formats.
EXPORTS: dict[str, dict[str, str]] = {
    "document": {
        DOCX: "docx",
        f"{_OPEN}text": "odt",
        "application/rtf": "rtf",
        "application/pdf": "pdf",
        "text/plain": "txt",
        "text/html": "html",
        "application/zip": "zip",
        "application/epub+zip": "epub",
        "text/markdown": "md",
    },
    "spreadsheet": {
        XLSX: "xlsx",
        f"{_OPEN}spreadsheet": "ods",
        "application/pdf": "pdf",
        "application/zip": "zip",
        "text/csv": "csv",
        "text/tab-separated-values": "tsv",
    },
    "presentation": {
        PPTX: "pptx",
        f"{_OPEN}presentation": "odp",
        "application/pdf": "pdf",
        "text/plain": "txt",
    },
    "drawing": {
        "application/pdf": "pdf",
        "image/jpeg": "jpg",
        "image/png": "png",
        "image/svg+xml": "svg",
    },
    "script": {"application/vnd.google-apps.script+json": "json"},
}
_IMPORTS: dict[str, list[str]] = {
    "document": [
        DOCX,
        f"{_OPEN}text",
        "application/rtf",
        "text/rtf",
        "application/pdf",
        "text/plain",
        "text/html",
        "text/markdown",
        "application/msword",
        "image/png",
        "image/jpeg",
    ],
    "spreadsheet": [
        XLSX,
        f"{_OPEN}spreadsheet",
        "text/csv",
        "text/tab-separated-values",
        "application/vnd.ms-excel",
    ],
    "presentation": [PPTX, f"{_OPEN}presentation", "application/vnd.ms-powerpoint"],
    "drawing": ["image/x-wmf"],
    "script": ["application/vnd.google-apps.script+json"],
}
# What a file has to look like, by its first bytes, to become a document of each type.
_SOURCES = {
    "document": {"text", "html", "zip", "pdf", "image"},
    "spreadsheet": {"text", "zip"},
    "presentation": {"zip"},
    "drawing": {"image"},
    "script": {"text"},
}


def short(mime: str) -> str:
    """Return the last word of a Google type."""
    return mime.removeprefix(GOOGLE_TYPES)


def export_formats() -> dict[str, list[str]]:
    """Return the `exportFormats` of `about`."""
    return {GOOGLE_TYPES + name: list(formats) for name, formats in EXPORTS.items()}


def import_formats() -> dict[str, list[str]]:
    """Return the `importFormats` of `about`."""
    found: dict[str, list[str]] = {}
    for name, sources in _IMPORTS.items():
        for source in sources:
            found.setdefault(source, []).append(GOOGLE_TYPES + name)
    return found


def export_links(file_id: str, mime: str) -> dict[str, dict[str, str]]:
    """Return the `exportLinks` of a document, by type; nothing else has any."""
    known = EXPORTS.get(short(mime), {})
    base = f"https://docs.google.com/feeds/download/documents/export/Export?id={file_id}"
    links = {name: f"{base}&exportFormat={suffix}" for name, suffix in known.items()}
    return {"exportLinks": links} if links else {}


def native(source: str) -> str:
    """Return the Google type that a file of another type becomes; itself if there is none."""
    return import_formats().get(source, [source])[0]


def converts(source: str, target: str) -> bool:
    """Say whether a file of one type can be copied into a document of another."""
    return is_google_type(target) and source in _IMPORTS.get(short(target), [])


def check_import(mime: str, draft: Draft) -> None:
    """Raise the 400 if these bytes can not become a document of this type."""
    with open(draft.path, "rb") as file:
        head = file.read(4096)
    if kind_of(head) not in _SOURCES.get(short(mime), set()):
        raise DriveError(
            400,
            "conversionUnsupportedConversionPath",
            "Conversion of the uploaded content to the requested output type is not supported.",
        )


def export(mime: str, wanted: str, source: bytes, title: str) -> bytes:
    """Return a document in another type.

    Args:
        mime: The type of the document.
        wanted: The type to make of it.
        source: The bytes that it was made from.
        title: Its name.

    Raises:
        DriveError: 400 for a type that it can not become.
    """
    formats = EXPORTS.get(short(mime), {})
    if wanted not in formats:
        message = "The requested conversion is not supported."
        raise DriveError(400, "badRequest", message, location="convertTo")
    return CONVERTERS[formats[wanted]](source, title)
