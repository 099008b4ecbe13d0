"""A world in which Google's names lead to an emulator, for programs that know no other Drive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from google.oauth2.credentials import Credentials
from harness.certificates import Certificates

from colab_magics.emulator import Emulator
from witness.programs import Offline, Programs, fetch
from witness.proxy import Proxy
from witness.world import TOKEN_URI, World


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Other people's programs, fetched once and kept in pytest's cache."""
    cache = getattr(request.config, "cache", None)
    kept = cache.mkdir("third_party") if cache else tmp_path_factory.mktemp("third_party")
    try:
        return fetch(kept)
    except Offline as offline:
        pytest.skip(str(offline))


@pytest.fixture
def world(tmp_path: Path, certificates: Certificates) -> Iterator[World]:
    """An empty Drive behind Google's names; nothing else can be reached from there."""
    home = tmp_path / "home"
    home.mkdir()
    cert, key = certificates.cert, certificates.key
    with (
        Emulator(tmp_path / "drive", tls_cert=cert, tls_key=key, require_auth=True) as emulator,
        Proxy(httpx.URL(emulator.tls_url).port or 0) as proxy,
    ):
        yield World(emulator, proxy, certificates, home)
        assert proxy.refused == []


@pytest.fixture
def behind_proxy(world: World, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    """This process reaches Google's names through the proxy only; a sign-in that works there."""
    monkeypatch.setenv("HTTPS_PROXY", world.proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.certificates.authority))
    # What HTTPLIB2_CA_CERTS decides; it is read when httplib2 is imported, which is long ago.
    monkeypatch.setattr("httplib2.CA_CERTS", str(world.certificates.authority))
    secrets = world.emulator.client_secrets()["installed"]
    return Credentials(
        None,
        refresh_token=world.emulator.refresh_token,
        token_uri=TOKEN_URI,
        client_id=secrets["client_id"],
        client_secret=secrets["client_secret"],
    )
