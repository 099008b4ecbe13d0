"""How does one call reach Drive? A connection per thread, tries, counting, errors made ours."""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import ipaddress
import json
import logging
import os
import re
import threading
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from colab_magics.clock import Clock
from colab_magics.errors import BadValue
from colab_magics.retry import retry
from colab_magics.settings import Settings

from .refusals import again, foreign, refusal, strange, translate

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
GOOGLE = "https://www.googleapis.com/"


class Wire:
    """The way to one Drive endpoint, safe to use from several threads.

    Attributes:
        base: the endpoint's address, ending in "/".
        requests: how many HTTP requests were made, tries included.
        units: what they cost of Drive's quota.
        stop: ends all waiting between tries when set.
    """

    def __init__(self, url: str, credentials: Any, settings: Settings, clock: Clock) -> None:
        self.base = checked(url) if url else GOOGLE
        self.requests = 0
        self.units = 0
        self.stop = threading.Event()
        self._loopback = _is_loopback(self.base)
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._local = threading.local()
        self._lines: weakref.WeakSet[_Line] = weakref.WeakSet()
        self._service: Any = None

    def with_settings(self, settings: Settings) -> Wire:
        """Another way to the same endpoint, with connections and counts of its own."""
        return Wire(self.base, self._credentials, settings, self._clock)

    def call(
        self, request: Callable[[Any], Any], *, units: int, doing: str, silent: bool = False
    ) -> Any:
        """Make a metadata call, again while that may help, and give its answer.

        Args:
            request: makes googleapiclient's request from its service.
            silent: whether success has no answer.
        """

        def once() -> Any:
            self._count(units)
            try:
                answer = request(self._api()).execute(http=self._line().http)
            except foreign() as exc:
                raise translate(exc, doing) from None  # its text holds the URL
            if isinstance(answer, dict) or (silent and not answer):
                return answer
            raise strange(doing)  # googleapiclient hands on what is no JSON

        return self.tries(once)

    def send(
        self,
        method: str,
        url: str,
        *,
        units: int,
        doing: str,
        accept: Collection[int],
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Make a media call once; statuses not in `accept` become errors."""
        self._count(units)
        wait = self._settings.timeout_seconds
        try:
            answer: requests.Response = self._line().session.request(
                method,
                url,
                data=data,
                headers=dict(headers or {}),
                stream=stream,
                timeout=wait,
                allow_redirects=False,  # 308 means "go on" here, and no other host may get a token
            )
            if answer.status_code in accept:
                return answer
            body = answer.content
        except foreign() as exc:
            raise translate(exc, doing) from None  # its text holds the URL
        raise refusal(answer.status_code, body, answer.headers, doing)

    def tries(self, once: Callable[[], T]) -> T:
        """Call until it succeeds or trying again can not help."""
        return retry(once, on=again, settings=self._settings, clock=self._clock, stop=self.stop)

    def close(self) -> None:
        """Close every thread's connections and end all waiting."""
        self.stop.set()
        for line in list(self._lines):
            line.close()

    def _count(self, units: int) -> None:
        with self._lock:
            self.requests += 1
            self.units += units

    def _line(self) -> _Line:
        # Two threads on one httplib2.Http get each other's answers, without an error; so would a
        # forked child on its parent's sockets.
        line: _Line | None = getattr(self._local, "line", None)
        if line is None or line.pid != os.getpid() or line.closed:
            line = _Line(self._credentials, self._loopback, self._settings.timeout_seconds)
            self._local.line = line
            self._lines.add(line)
        return line

    def _api(self) -> Any:
        """Give googleapiclient's Drive service; it only builds requests: threads can share it."""
        with self._lock:
            if self._service is None:
                from googleapiclient.discovery import build_from_document
                from googleapiclient.discovery_cache import get_static_doc
                from googleapiclient.http import build_http

                # It warns of each refusal that we handle, and without a handler Python writes
                # warnings into the user's cell.
                logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)
                # Not client_options.api_endpoint: uploads and batches do not follow that.
                document = json.loads(get_static_doc("drive", "v3"))
                document["rootUrl"] = self.base
                self._service = build_from_document(document, http=build_http())
            return self._service


class _Line:
    """One thread's connections: httplib2 for googleapiclient, requests for media."""

    def __init__(self, credentials: Any, loopback: bool, timeout: float) -> None:
        from google.auth.transport.requests import AuthorizedSession
        from google_auth_httplib2 import AuthorizedHttp
        from googleapiclient.http import build_http

        self.pid = os.getpid()
        self.closed = False
        self._http = build_http()
        self._http.timeout = timeout
        self._http.follow_redirects = False
        self.http = AuthorizedHttp(credentials, http=self._http)
        self.session = AuthorizedSession(credentials)
        logging.getLogger("urllib3.connectionpool").addFilter(_NO_SESSIONS)
        if loopback:  # a proxy that the environment names can not reach this machine
            self._http.proxy_info = None
            self.session.trust_env = False

    def close(self) -> None:
        self.closed = True
        self._http.close()
        self.session.close()

    def __del__(self) -> None:
        if not getattr(self, "closed", True):
            self.close()


class _NoSessions(logging.Filter):
    """Keeps upload sessions, each as good as a password, out of urllib3's debug log."""

    _session = re.compile(r"(?<=upload_id=)[^&\s]+")

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                self._session.sub("…", arg) if isinstance(arg, str) else arg for arg in record.args
            )
        return True


_NO_SESSIONS = _NoSessions()


def checked(url: str) -> str:
    """The address of an endpoint, ending in "/".

    Raises:
        BadValue: it is no http(s) address, or plain http to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadValue(f"no address of a Drive: {url!r}; write https://HOST/")
    if parts.scheme == "http" and not _is_loopback(url):
        raise BadValue(
            f"plain http to {parts.hostname} would show files and tokens to everybody on the way; "
            "use https"
        )
    return url.rstrip("/") + "/"


def _is_loopback(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
