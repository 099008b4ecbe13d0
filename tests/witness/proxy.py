"""How does a program that only knows Google's addresses reach the emulator? Through this proxy."""

from __future__ import annotations

import fnmatch
import select
import socket
import socketserver
import threading
from types import TracebackType

GOOGLE = ("*.googleapis.com", "docs.google.com")


class Proxy:
    """A CONNECT proxy that leads Google's names to one TLS port of this machine.

    It sees no plain byte: the program makes its TLS connection with the emulator itself, and
    checks the certificate for the name that it asked for.

    Args:
        port: The emulator's TLS port.

    Attributes:
        led: The names that were led there, in order.
        refused: The names that were not: a test that is to be alone with the emulator sees them.
    """

    def __init__(self, port: int) -> None:
        self.led: list[str] = []
        self.refused: list[str] = []
        self._port = port
        self._plugs: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """What to put into `HTTPS_PROXY`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        for plug in list(self._plugs):
            _hang_up(plug)
        self._server.server_close()  # waits for the threads of its connections

    def lead(self, client: socket.socket, host: str, port: str) -> None:
        """Connect a client with the emulator, and carry bytes until both have ended."""
        if port != "443" or not any(fnmatch.fnmatch(host, name) for name in GOOGLE):
            self.refused.append(f"{host}:{port}")
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        self.led.append(host)
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            self._plugs |= {client, server}
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                _carry(client, server)
            finally:
                self._plugs -= {client, server}


class _Server(socketserver.ThreadingTCPServer):
    proxy: Proxy
    request_queue_size = 128


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(4096)
            if not data:
                return
            head += data
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        host, _, port = target.rpartition(":")
        if method != "CONNECT":
            self.server.proxy.refused.append(target)
            self.request.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.proxy.lead(self.request, host, port)


def _carry(one: socket.socket, other: socket.socket) -> None:
    towards = {one: other, other: one}
    try:
        while towards:
            for source in select.select(list(towards), [], [])[0]:
                data = source.recv(1 << 16)
                if data:
                    towards[source].sendall(data)
                else:
                    # That side has said all it wants to say; the other may still answer.
                    towards.pop(source).shutdown(socket.SHUT_WR)
    except OSError:
        # One side is gone; both ends are closed by their owners.
        return


def _hang_up(plug: socket.socket) -> None:
    try:
        plug.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
