"""Whether our own client reaches Google through a proxy, as many a network demands."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pytest
from google.oauth2.credentials import Credentials

from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI

DATA = os.urandom(700_000)


@pytest.fixture
def api(behind_proxy: Credentials) -> Iterator[DriveAPI]:
    settings = Settings(timeout_seconds=10.0, retry_attempts=2, chunk_bytes=256 << 10)
    client = DriveAPI(credentials=behind_proxy, settings=settings)
    yield client
    client.close()


def test_metadata_and_bytes_go_through_the_proxy(api: DriveAPI) -> None:
    """Names go by one library and bytes by another; both have to know the way."""
    made = api.create("a.bin", api.root_id(), DATA)
    got = io.BytesIO()
    api.fetch(made.id, got)

    assert got.getvalue() == DATA
