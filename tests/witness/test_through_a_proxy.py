"""Whether our own client reaches Google through a proxy, as many a network demands."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pytest
from google.oauth2.credentials import Credentials

from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from witness.world import TOKEN_URI, World

DATA = os.urandom(700_000)


@pytest.fixture
def api(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[DriveAPI]:
    monkeypatch.setenv("HTTPS_PROXY", world.proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.certificates.authority))
    # What HTTPLIB2_CA_CERTS decides; it is read when httplib2 is imported, which is long ago.
    monkeypatch.setattr("httplib2.CA_CERTS", str(world.certificates.authority))
    secrets = world.emulator.client_secrets()["installed"]
    credentials = Credentials(
        None,
        refresh_token=world.emulator.refresh_token,
        token_uri=TOKEN_URI,
        client_id=secrets["client_id"],
        client_secret=secrets["client_secret"],
    )
    settings = Settings(timeout_seconds=10.0, retry_attempts=2, chunk_bytes=256 << 10)
    client = DriveAPI(credentials=credentials, settings=settings)
    yield client
    client.close()


def test_metadata_and_bytes_go_through_the_proxy(api: DriveAPI) -> None:
    """Names go by one library and bytes by another; both have to know the way."""
    made = api.create("a.bin", api.root_id(), DATA)
    got = io.BytesIO()
    api.fetch(made.id, got)

    assert got.getvalue() == DATA
