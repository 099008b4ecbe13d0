"""How does the browser on this machine bring the answer of a sign-in back?"""

from __future__ import annotations

import hmac
import html
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from colab_magics.clock import CLOCK, Clock

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>colab_magics</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Connection": "close",
}
_PATIENCE = 10.0  # seconds for a connection that says nothing: browsers open some in advance


class Landing:
    """An address of this machine that takes one answer, while it is entered as a context.

    Attributes:
        uri: where the browser must be sent.
        state: what the answer must carry; set it before the browser goes there.
    """

    def __init__(self, clock: Clock = CLOCK) -> None:
        self.state = ""
        self._clock = clock
        self._query = ""
        self._arrived = threading.Event()
        self._once = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.landing = self
        self.uri = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="colab_magics-sign-in",
            daemon=True,
        )

    def __enter__(self) -> Landing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, seconds: float) -> str:
        """The answer, as the query of an address; empty when none came in time."""
        return self._query if self._clock.wait(self._arrived, seconds) else ""

    def take(self, query: str) -> bool:
        """Take an answer if it is the one that is waited for; any page can send others here."""
        given = parse_qs(query).get("state", [""])[-1]
        with self._once:
            if self._query or not self.state:
                return False
            if not hmac.compare_digest(given.encode(), self.state.encode()):
                return False
            self._query = query
            return True

    def done(self) -> None:
        """The browser has been told: the wait may end."""
        if self._query:
            self._arrived.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = False
    landing: Landing


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Answer the browser."""
        parts = urlsplit(self.path)
        ours = urlsplit(self.server.landing.uri).netloc
        # A name that was bent to point at this machine is none of ours.
        if parts.path != "/" or self.headers.get("Host") != ours:
            self._say(404, "Not found", "Nothing is here.")
        elif not self.server.landing.take(parts.query):
            self._say(400, "Not signed in", "No sign-in waits for this. Start it anew.")
        elif "error" in parse_qs(parts.query):
            self._say(200, "Not signed in", "Nothing was allowed. You can close this tab.")
        else:
            self._say(200, "Signed in", "Go back to the notebook. You can close this tab.")

    def _say(self, status: int, title: str, text: str) -> None:
        body = _PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        finally:
            self.server.landing.done()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address holds the code."""
