"""What are one thread's connections to Drive, and how are they cut at once?"""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import weakref
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


class Line:
    """One thread's connections: httplib2 for googleapiclient, requests for media.

    Attributes:
        stop: ends the thread's waiting between tries when set.
    """

    def __init__(self, credentials: Any, loopback: bool, timeout: float) -> None:
        from google.auth.transport.requests import AuthorizedSession
        from google_auth_httplib2 import AuthorizedHttp
        from googleapiclient.http import build_http

        self.pid = os.getpid()
        _living[id(self)] = self
        self.stop = threading.Event()
        self.closed = False
        self._http = build_http()
        self._http.timeout = timeout
        self._http.follow_redirects = False
        self.http = AuthorizedHttp(credentials, http=self._http)
        self.session = AuthorizedSession(credentials)
        self.session.hooks["response"].append(_finish_refused)
        self._media = _Made()
        adapters: Iterable[Any] = self.session.adapters.values()
        for adapter in adapters:
            self._media.watch(adapter.poolmanager)
        logging.getLogger("urllib3.connectionpool").addFilter(_NO_SESSIONS)
        if loopback:  # a proxy that the environment names can not reach this machine
            self._http.proxy_info = None
            self.session.trust_env = False

    def hang_up(self) -> None:
        """Have the next metadata call connect anew; httplib2 keeps a connection that broke."""
        self._http.close()

    def abort(self) -> None:
        """End what the thread waits for, from another thread: an answer, or the next try."""
        self.stop.set()
        _hang_up(self._media.all())
        _hang_up(list(self._http.connections.values()))

    def close(self) -> None:
        """Close the connections; waits between tries end."""
        self.closed = True
        if self.pid != os.getpid():  # in a forked child, a thread that is gone may have their locks
            return
        self.stop.set()
        self._http.close()
        self.session.close()

    def __del__(self) -> None:
        if not getattr(self, "closed", True):
            self.close()


class _Made:
    """The connections that a pool manager has made; else only their own thread knows them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def all(self) -> list[Any]:
        """Those that are there still."""
        with self._lock:
            return list(self._seen)

    def watch(self, manager: Any) -> None:
        """Note each connection that `manager` makes from now on."""
        kinds = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {name: self._noting(kind) for name, kind in kinds.items()}

    def _noting(self, kind: type[Any]) -> type[Any]:
        made = self

        class Noting(kind):  # type: ignore[misc]  # its class is known at run time only
            def _new_conn(self) -> Any:
                connection = super()._new_conn()
                with made._lock:
                    made._seen.add(connection)
                return connection

        return Noting


def _hang_up(connections: Iterable[Any]) -> None:
    # close() would not wake a thread that waits in recv; shutdown does.
    for connection in connections:
        plug = getattr(connection, "sock", None)
        if plug is not None:
            with suppress(OSError):
                plug.shutdown(socket.SHUT_RDWR)


def _finish_refused(answer: Any, **more: Any) -> None:
    """Read what google-auth leaves unread when it asks again with a new token."""
    if answer.status_code == 401:
        answer.content  # noqa: B018 (the connection goes back to its pool)


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

_living: weakref.WeakValueDictionary[int, Line] = weakref.WeakValueDictionary()
_held: list[Line] = []
_inherited: list[Line] = []


def _hold() -> None:
    # Python frees in a forked child what the parent's other threads had, before anything of ours
    # runs there, and waits for ever to close a stream that one of them was just reading.
    _held[:] = filter(None, [known() for known in _living.valuerefs()])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold,
        after_in_parent=_held.clear,
        after_in_child=lambda: _inherited.extend(_held),
    )
