"""Where does the emulator listen: over HTTP, and over TLS with a certificate?"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Door:
    """A socket that takes connections, in plain HTTP unless it has a TLS context."""

    listener: socket.socket
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """Its address, with a slash at its end, as https://www.googleapis.com/ has."""
        host, port = self.listener.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        return f"{'https' if self.tls else 'http'}://{name}:{port}/"


def open_door(host: str, port: int, tls: ssl.SSLContext | None = None) -> Door:
    """Return a door on a port; 0 takes a free one.

    Raises:
        OSError: The port can not be used.
    """
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    # With the protocol named, asyncio turns off the delay of small packets.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise OSError(
            f"port {port} on {host} cannot be used ({error.strerror}); choose another, or 0"
        ) from None
    return Door(listener, tls)


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """Return what a server shows its clients: a certificate with its chain, and the key to it.

    Args:
        cert: A PEM file: the server's certificate, then those that lead to the authority's.
        key: A PEM file: the private key, without a password. It may be the same file.

    Raises:
        OSError: A file is missing, can not be read, or is no such thing, or they do not fit.
    """
    for what, path in (("certificate", cert), ("key", key)):
        try:
            os.close(os.open(path, os.O_RDONLY))
            if path.is_dir():
                raise IsADirectoryError(0, "it is a folder")
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            raise OSError(f"the TLS {what} {path} can not be read: {said}") from None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without a password given here, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(cert, key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            said = f"the TLS key {key} does not belong to the certificate {cert}"
        else:
            said = f"{cert} and {key} are no TLS certificate and key; both must be PEM, the key "
            said += "without a password"
        raise OSError(said) from None
    return context
