"""Whether the Drive answers over TLS as Google does, under Google's names and this machine's."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.certificates import Certificates

from colab_magics.emulator import Emulator, find
from emulator.api import Api, client_of, error

UPLOAD = "upload/drive/v3/files?uploadType=resumable"


@pytest.fixture
def emulator(tmp_path: Path, certificates: Certificates) -> Iterator[Emulator]:
    """A running emulator with a certificate."""
    with Emulator(
        tmp_path / "drive", tls_cert=certificates.cert, tls_key=certificates.key
    ) as running:
        yield running


@pytest.fixture
def trust(certificates: Certificates) -> ssl.SSLContext:
    """What a client needs to believe the emulator."""
    return ssl.create_default_context(cafile=certificates.authority)


@pytest.fixture
def secure(emulator: Emulator, trust: ssl.SSLContext) -> Iterator[Api]:
    """An HTTP client that speaks TLS only."""
    with Api(base_url=emulator.tls_url, verify=trust, trust_env=False, timeout=20) as client:
        yield client


def test_one_drive_answers_at_two_addresses(emulator: Emulator, secure: Api) -> None:
    """Plain and over TLS; `url` and `find` name the plain one."""
    with client_of(emulator) as plain:
        file = plain.make("a", b"hello")

    assert secure.bytes_of(file["id"]) == b"hello"
    assert emulator.tls_url.startswith("https://127.0.0.1:")
    assert emulator.url.startswith("http://127.0.0.1:")
    assert find(emulator.root) == emulator.url


def test_a_large_file_goes_both_ways(secure: Api) -> None:
    """Many records of TLS, every byte right."""
    data = bytes(range(256)) * (5 << 12)
    file = secure.make("a", data)

    assert secure.bytes_of(file["id"]) == data


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("www.googleapis.com", "https://www.googleapis.com/"),
        ("localhost:8443", "https://localhost:8443/"),
        ("", ""),
    ],
)
def test_a_session_is_at_the_name_that_the_client_used(
    emulator: Emulator, secure: Api, host: str, base: str
) -> None:
    """With the same scheme, or the next request would leave the machine."""
    headers = {"Host": host} if host else {}
    session = secure.post(UPLOAD, json={}, headers=headers).headers["location"]
    with client_of(emulator) as api:
        plain = api.post(UPLOAD, json={}, headers=headers).headers["location"]

    assert session.startswith((base or emulator.tls_url) + UPLOAD + "&upload_id=")
    assert plain.startswith((base.replace("https", "http") or emulator.url) + UPLOAD)


def test_a_strange_name_is_refused(secure: Api) -> None:
    """A page that bends its name to this machine gets nothing, over TLS either."""
    for host in (
        "example.com",
        "www.googleapis.com.example.com",
        "evilgoogleapis.com",
        "google.com",
    ):
        assert error(secure.get("drive/v3/files", headers={"Host": host}))[0] == 403
    refused = secure.get("emulator/health", headers={"Host": "www.googleapis.com"})
    assert refused.status_code == 403


def test_tokens_are_given_and_revoked_under_googles_name(emulator: Emulator, secure: Api) -> None:
    """`oauth2.googleapis.com` is one of the names."""
    headers = {"Host": "oauth2.googleapis.com"}
    form = {"grant_type": "refresh_token", "refresh_token": emulator.refresh_token}
    given = secure.post("token", data=form, headers=headers).json()["access_token"]
    with_token = {"Authorization": f"Bearer {given}"}
    assert secure.get("drive/v3/files", headers=with_token).status_code == 200

    assert secure.post("revoke", data={"token": given}, headers=headers).status_code == 200
    assert secure.get("drive/v3/files", headers=with_token).status_code == 401


def test_a_client_that_does_not_trust_it_is_not_served(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor is one that speaks plain HTTP to the TLS port; nothing of it is printed or logged."""
    caplog.set_level(logging.INFO)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(emulator.tls_url, trust_env=False)
    with pytest.raises(httpx.TransportError):
        httpx.get(emulator.tls_url.replace("https", "http"), trust_env=False)

    assert [one for one in caplog.records if one.name.startswith(("asyncio", "colab"))] == []
    assert capfd.readouterr() == ("", "")


def test_faults_cut_connections_over_tls_too(emulator: Emulator, secure: Api) -> None:
    """Before the effect and after it; an answer may be cut in the middle."""
    emulator.faults.add(method="POST", cut="before", times=1)
    emulator.faults.add(method="POST", cut="after", nth=2)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            secure.make("a")
    assert secure.names() == ["a"]
    file = secure.make("b", b"x" * 100_000)
    emulator.faults.add(query="alt=media", truncate=50_000)

    with pytest.raises(httpx.TransportError):
        secure.bytes_of(file["id"])


def test_it_stops_at_once_with_handshakes_open(emulator: Emulator, trust: ssl.SSLContext) -> None:
    """A client that connected and said nothing, and one in the middle of a request."""
    url = httpx.URL(emulator.tls_url)
    with (
        socket.create_connection((url.host, url.port or 0), timeout=5) as silent,
        socket.create_connection((url.host, url.port or 0), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as waiting,
    ):
        head = "POST /drive/v3/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        waiting.sendall(head.encode())
        emulator.stop()

        assert is_over(silent)
        assert is_over(waiting)


def is_over(plug: socket.socket) -> bool:
    """Say whether the other side has ended a connection, by an end or by a reset."""
    try:
        return plug.recv(1) == b""
    except ConnectionResetError:
        return True


def broken(tmp_path: Path, certificates: Certificates) -> dict[str, tuple[Path, Path]]:
    """Return pairs that can not be served."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    return {
        "no cert": (tmp_path / "none.pem", certificates.key),
        "no key": (certificates.cert, tmp_path / "none.pem"),
        "folder": (tmp_path, certificates.key),
        "mismatch": (certificates.cert, certificates.other_key),
        "garbage": (garbage, certificates.key),
        "swapped": (certificates.key, certificates.cert),
    }


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("no cert", "the TLS certificate {0} can not be read: no such file or directory"),
        ("no key", "the TLS key {1} can not be read: no such file or directory"),
        ("folder", "the TLS certificate {0} can not be read: it is a folder"),
        ("mismatch", "the TLS key {1} does not belong to the certificate {0}"),
        ("garbage", "{0} and {1} are no TLS certificate and key; both must be PEM, the key"),
        ("swapped", "{0} and {1} are no TLS certificate and key; both must be PEM, the key"),
    ],
)
def test_a_certificate_that_can_not_be_used_is_one_line(
    tmp_path: Path, certificates: Certificates, which: str, said: str
) -> None:
    """It is said before the folder is touched."""
    cert, key = broken(tmp_path, certificates)[which]
    with pytest.raises(OSError, match="TLS") as caught:
        Emulator(tmp_path / "drive", tls_cert=cert, tls_key=key).start()

    assert str(caught.value).startswith(said.format(cert, key))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "drive").exists()


@pytest.mark.parametrize("part", ["tls_cert", "tls_key"])
def test_a_certificate_without_its_key_is_refused(tmp_path: Path, part: str) -> None:
    """Also the other way round."""
    with pytest.raises(ValueError, match="give both, or neither"):
        Emulator(tmp_path, **{part: tmp_path / "x.pem"})  # type: ignore[arg-type]


def test_a_tls_port_in_use_leaves_nothing_behind(
    tmp_path: Path, certificates: Certificates
) -> None:
    """The folder can be served, and the plain port taken, right after it."""
    with Emulator(tmp_path / "a") as first:
        port = httpx.URL(first.url).port or 0
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 cannot be used"):
            Emulator(
                tmp_path / "b", tls_cert=certificates.cert, tls_key=certificates.key, tls_port=port
            ).start()
        with Emulator(tmp_path / "b") as second, pytest.raises(RuntimeError, match="no certif"):
            _ = second.tls_url


def test_the_clock_goes_forward_only() -> None:
    """A Drive's time never jumps back."""
    from colab_magics.emulator.clock import Clock

    clock = Clock()
    before = clock.now_ms()
    clock.advance(3600)
    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(-1)

    assert 3_600_000 <= clock.now_ms() - before < 3_660_000
