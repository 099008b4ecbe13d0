"""How is an emulator started, found and stopped?"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from .faults import Faults
from .meter import Quota, RequestLog
from .values import DEFAULT_REFRESH_TOKEN, DEFAULT_STORAGE_LIMIT

if TYPE_CHECKING:
    from .service import Service
    from .tokens import Tokens
    from .wire import Loop

_HOSTS = {"127.0.0.1", "localhost", "::1"}


class Emulator:
    """A Google Drive in this process: the REST API v3 over HTTP, files in a folder.

    Args:
        root: The folder that holds the Drive; made if it is not there.
        port: The TCP port; 0 takes a free one.
        host: A loopback name; nothing else is allowed.
        require_auth: Refuse requests without a token that this emulator gave.

    Attributes:
        root: The folder.
        faults: What is to go wrong.
        log: The requests so far.
        quota: The meter of Drive's units.
        refresh_token: A refresh token that `POST /token` takes.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        require_auth: bool = False,
    ) -> None:
        if host not in _HOSTS:
            raise ValueError(f"the emulator serves this machine only; {host!r} is not loopback")
        self.root = Path(root).expanduser().absolute()
        self.faults = Faults()
        self.log = RequestLog()
        self.quota = Quota()
        self.refresh_token = DEFAULT_REFRESH_TOKEN
        self._host = host
        self._port = port
        self._require_auth = require_auth
        self._storage_limit: int | None = DEFAULT_STORAGE_LIMIT
        self._lag: tuple[float, float] = (0.0, 0.0)
        self._url = ""
        self._lock: int | None = None
        self._service: Service | None = None
        self._loop: Loop | None = None

    @property
    def url(self) -> str:
        """The address, with a slash at its end, as https://www.googleapis.com/ has."""
        if not self._url:
            raise RuntimeError("the emulator is not running; call start()")
        return self._url

    @property
    def tokens(self) -> Tokens:
        """The OAuth tokens of the running emulator."""
        return self._running().tokens

    @property
    def storage_limit(self) -> int | None:
        """Bytes that fit on the Drive; None for no limit."""
        return self._storage_limit

    @storage_limit.setter
    def storage_limit(self, limit: int | None) -> None:
        self._storage_limit = limit
        if self._service:
            self._service.store.storage_limit = limit

    def lag(self, *, listing: float | None = None, feed: float | None = None) -> None:
        """Let listings and the change log lag behind the writes.

        Args:
            listing: Seconds until `files.list` shows a write; None leaves it.
            feed: Seconds until `changes.list` shows one; None leaves it.
        """
        old = self._lag
        self._lag = (old[0] if listing is None else listing, old[1] if feed is None else feed)
        if self._service:
            self._service.set_lag(listing, feed)

    def start(self) -> Emulator:
        """Serve in a thread of its own; returns when it answers. Starting twice is starting once.

        Raises:
            OSError: The folder is served by another emulator, or the port is in use.
        """
        if self._loop:
            return self
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(self.root)
        listener: socket.socket | None = None
        try:
            listener = _listen(self._host, self._port)
            self._url = _url_of(listener)
            self._service = self._open()
            self._serve(listener)
        except BaseException:
            if listener:
                listener.close()
            self.stop()
            raise
        return self

    def _open(self) -> Service:
        # Only who serves needs all of it; `import colab_magics.emulator` stays quick.
        from .files import Store
        from .service import Service
        from .sessions import Sessions
        from .tokens import Tokens

        store = Store(self.root)
        service = Service(
            store=store,
            sessions=Sessions(store),
            tokens=Tokens(store.database),
            faults=self.faults,
            quota=self.quota,
            log=self.log,
            require_auth=self._require_auth,
            url=self._url,
        )
        store.storage_limit = self._storage_limit
        service.set_lag(*self._lag)
        return service

    def _serve(self, listener: socket.socket) -> None:
        from .gate import Gate
        from .wire import Loop

        loop = Loop(Gate(self._running()), listener, "colab_magics-emulator")
        loop.start()
        self._loop = loop
        _announce(self.root, self._url)

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the emulator is not running; call start()")
        return self._service

    def stop(self) -> None:
        """Stop serving, cut what is open and leave no thread. The files stay."""
        loop, self._loop = self._loop, None
        if loop:
            (self.root / "emulator.json").unlink(missing_ok=True)
            loop.stop()
        service, self._service = self._service, None
        if service:
            service.sessions.close()
            service.store.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)
        self._url = ""

    def __enter__(self) -> Emulator:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def __repr__(self) -> str:
        """Say where it is and whether it runs."""
        return f"<Emulator of {self.root} at {self._url or 'no address: not running'}>"


def find(root: str | Path) -> str | None:
    """Return the address of the emulator that serves a folder now, or None."""
    path = Path(root).expanduser().absolute()
    if not (path / "emulator.json").exists():
        return None
    try:
        lock = os.open(path / "emulator.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        # What is written in the file counts only while its writer lives, and holds the lock.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        try:
            return str(json.loads((path / "emulator.json").read_text())["url"])
        except (OSError, ValueError, KeyError):
            return None
    else:
        return None
    finally:
        os.close(lock)


def serve(
    root: str | Path,
    port: int = 0,
    host: str = "127.0.0.1",
    *,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve a folder until SIGINT or SIGTERM comes; call this from the main thread.

    Args:
        root: The folder that holds the Drive.
        port: The TCP port; 0 takes a free one.
        host: A loopback name.
        ready: Called with the address once it answers.
    """
    over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {number: signal.signal(number, end) for number in numbers}
    try:
        with Emulator(root, port=port, host=host) as emulator:
            if ready:
                ready(emulator.url)
            over.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _take_lock(root: Path) -> int:
    lock = os.open(root / "emulator.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # Whoever asks `find` holds the lock for an instant.
    held = threading.Event()
    for _ in range(5):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except OSError:
            held.wait(0.02)
    os.close(lock)
    where = find(root)
    at = f" at {where}" if where else ""
    raise OSError(f"an emulator already serves {root}{at}; stop it or use another root")


def _listen(host: str, port: int) -> socket.socket:
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
    return listener


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _announce(root: Path, url: str) -> None:
    temporary = root / f".emulator.json.{os.getpid()}"
    temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    temporary.replace(root / "emulator.json")
