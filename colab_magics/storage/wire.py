"""How does one call reach Drive? A connection per thread, tries, counting, errors made ours."""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import ipaddress
import json
import logging
import math
import os
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from colab_magics.clock import Clock
from colab_magics.errors import BadValue, DriveBusy, DriveUnreachable
from colab_magics.retry import retry
from colab_magics.settings import Settings

from .budget import account_of, budget_of
from .line import Line
from .refusals import again, foreign, refusal, strange, translate
from .signin.live import LiveCredentials

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
GOOGLE = "https://www.googleapis.com/"
_SHARE = 0.9  # of the quota; the rest is for those that never wait: the pollers of watches
_LONGEST_WAIT = 300.0


class Wire:
    """The way to one Drive endpoint, safe to use from several threads.

    All wires of one endpoint and account in this process share one budget of Drive's quota.

    Attributes:
        base: the endpoint's address, ending in "/".
        requests: how many HTTP requests were made, tries included.
        units: what they cost of Drive's quota.
        clock: what it waits by.
        settings: how patient it is.
        stop: set by `close`; ends all waiting.
    """

    def __init__(
        self, url: str, credentials: Any, settings: Settings, clock: Clock, *, waits: bool = True
    ) -> None:
        self.base = checked(url) if url else GOOGLE
        self.requests = 0
        self.units = 0
        self.stop = threading.Event()
        self._loopback = _is_loopback(self.base)
        self._credentials = credentials
        self.settings = settings
        self.clock = clock
        self._waits = waits
        self._waiting = 0
        self._budget = budget_of(self.base, account_of(credentials), clock)
        self._local = threading.local()
        self.unlock()

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        self._lock = threading.Lock()
        self._lines: weakref.WeakSet[Line] = weakref.WeakSet()

    def with_settings(self, settings: Settings) -> Wire:
        """Another way to the same endpoint, with connections and counts of its own.

        It never waits for room in the quota: it is for pollers, who ask little and in time.
        """
        return Wire(self.base, self._credentials, settings, self.clock, waits=False)

    @property
    def account(self) -> str:
        """A text that tells accounts apart, and nothing else of them; a sign-in may change it."""
        if isinstance(self._credentials, LiveCredentials):
            self._credentials.follow()
        return account_of(self._credentials)

    @property
    def _robot(self) -> bool:
        return bool(getattr(self._credentials, "service_account_email", None))

    @property
    def waiting(self) -> str:
        """What calls wait for at the moment, in words; empty when they do not."""
        return "waiting for Drive's quota of this minute" if self._waiting else ""

    def call(
        self, request: Callable[[Any], Any], *, units: int, doing: str, silent: bool = False
    ) -> Any:
        """Make a metadata call, again while that may help, and give its answer.

        Args:
            request: makes googleapiclient's request from its service.
            silent: whether success has no answer.
        """

        def once() -> Any:
            self._count(units, doing)
            try:
                answer = request(_service(self.base)).execute(http=self.line().http)
            except foreign() as exc:
                error = translate(exc, doing, robot=self._robot)
                if isinstance(error, DriveUnreachable):
                    self.line().hang_up()
                raise error from None  # its text holds the URL
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
        data: bytes | Iterable[bytes] | None = None,
        stream: bool = False,
        timeout: float | None = None,
    ) -> requests.Response:
        """Make a media call once; statuses not in `accept` become errors.

        Args:
            data: what is sent; an iterable must have a length and begin anew each time.
            timeout: seconds without a byte that are too many, if fewer than the setting.
        """
        self._count(units, doing)
        wait = min(self.settings.timeout_seconds, timeout or math.inf)
        try:
            answer: requests.Response = self.line().session.request(
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
            raise translate(exc, doing, robot=self._robot) from None  # its text holds the URL
        raise refusal(answer.status_code, body, answer.headers, doing, robot=self._robot)

    def tries(self, once: Callable[[], T]) -> T:
        """Call until it succeeds or trying again can not help."""
        stop = self.line().stop
        return retry(once, on=again, settings=self.settings, clock=self.clock, stop=stop)

    def close(self) -> None:
        """Close every thread's connections and end all waiting."""
        self.stop.set()
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            line.close()

    def line(self) -> Line:
        """The calling thread's connections.

        Two threads on one httplib2.Http get each other's answers, without an error; so would a
        forked child on its parent's sockets.
        """
        line: Line | None = getattr(self._local, "line", None)
        if line is None or line.pid != os.getpid() or line.closed:
            line = Line(self._credentials, self._loopback, self.settings.timeout_seconds)
            self._local.line = line
            with self._lock:
                self._lines.add(line)
            if self.stop.is_set():  # asked last: `close` sets it, and then closes those it finds
                line.stop.set()
        return line

    def _count(self, units: int, doing: str) -> None:
        """Count a request, once there is room for it in the quota."""
        if self._waits and units:
            self._await_room(units, doing)
        elif units:
            self._budget.spend(units)
        with self._lock:
            self.requests += 1
            self.units += units

    def _await_room(self, units: int, doing: str) -> None:
        most = _SHARE * self.settings.quota_units_per_minute
        end = self.clock.monotonic() + _LONGEST_WAIT
        while pause := self._budget.take(units, most):
            with self._lock:
                self._waiting += 1
            try:
                stopped = self.clock.wait(self.line().stop, pause)
            finally:
                with self._lock:
                    self._waiting -= 1
            if stopped or self.clock.monotonic() > end:
                raise DriveBusy(
                    f"{doing}: Drive's quota of this minute is used up; try again later",
                    reason="quotaOfThisMinute",
                )


@lru_cache(maxsize=8)
def _service(base: str) -> Any:
    """Give googleapiclient's Drive service; it only builds requests: all threads can share it."""
    from googleapiclient.discovery import build_from_document
    from googleapiclient.discovery_cache import get_static_doc
    from googleapiclient.http import build_http

    # It warns of each refusal that we handle, and without a handler Python writes warnings into
    # the user's cell.
    logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)
    # Not client_options.api_endpoint: uploads and batches do not follow that.
    document = json.loads(get_static_doc("drive", "v3"))
    document["rootUrl"] = base
    service = build_from_document(document, http=build_http())
    for name in ("files", "changes"):  # they would make all their methods anew each time
        setattr(service, name, cache(getattr(service, name)))
    return service


def checked(url: str) -> str:
    """The address of an endpoint, ending in "/".

    Raises:
        BadValue: it is no http(s) address, or plain http to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadValue(f"no address of a Drive: {url!r}; write https://HOST/")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise BadValue("an address of a Drive has no user, '?' or '#' in it; write https://HOST/")
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
