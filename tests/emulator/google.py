"""Google's own client, told that an emulator is Google."""

from __future__ import annotations

import json
from typing import Any

from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.http import build_http

from colab_magics.emulator import Emulator


def service_of(emulator: Emulator, *, version: str = "v3", credentials: Any = None) -> Any:
    """Return a service whose every address is the emulator's, to be left with `with`."""
    document = json.loads(get_static_doc("drive", version))
    document["rootUrl"] = emulator.url
    return build_from_document(
        document, credentials=credentials, http=None if credentials else build_http()
    )
