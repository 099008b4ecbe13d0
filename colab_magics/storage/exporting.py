"""As what can Google's own documents be had, which have no bytes of their own?"""

from __future__ import annotations

from colab_magics.errors import BadValue

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_FORMATS: dict[str, dict[str, str]] = {  # by what Google calls them; the usual format first
    "document": {
        "docx": f"{_OFFICE}.wordprocessingml.document",
        "pdf": "application/pdf",
        "txt": "text/plain",
        "md": "text/markdown",
        "html": "text/html",
        "odt": f"{_OPEN}.text",
        "rtf": "application/rtf",
        "epub": "application/epub+zip",
    },
    "spreadsheet": {
        "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        "csv": "text/csv",
        "tsv": "text/tab-separated-values",
        "pdf": "application/pdf",
        "ods": f"{_OPEN}.spreadsheet",
    },
    "presentation": {
        "pptx": f"{_OFFICE}.presentationml.presentation",
        "pdf": "application/pdf",
        "txt": "text/plain",
        "odp": f"{_OPEN}.presentation",
    },
    "drawing": {
        "pdf": "application/pdf",
        "png": "image/png",
        "jpg": "image/jpeg",
        "svg": "image/svg+xml",
    },
    "script": {"json": "application/vnd.google-apps.script+json"},
}
_GOOGLE = "application/vnd.google-apps."


def formats(mime_type: str) -> list[str]:
    """The short names of what a file can be exported as; none for what is no document of Google."""
    return list(_FORMATS.get(mime_type.removeprefix(_GOOGLE), ()))


def format_type(mime_type: str, format: str, path: str) -> str:
    """The type to export a document as, for a short name such as ``csv`` or ``.csv``.

    Raises:
        BadValue: it can not be exported, or not as that.
    """
    known = _FORMATS.get(mime_type.removeprefix(_GOOGLE), {})
    if not known:
        raise BadValue(f"{path!r} is no Google document that can be exported; read it as it is")
    if (found := known.get(format.lower().lstrip("."))) is None:
        raise BadValue(f"{path!r} can not be exported as {format!r}; it can as {', '.join(known)}")
    return found
