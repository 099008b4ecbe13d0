"""How is an emulator started and stopped?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .claim import Claim
from .clock import Clock
from .faults import Faults
from .limits import Limits
from .meter import Quota, RequestLog
from .values import DEFAULT_REFRESH_TOKEN

if TYPE_CHECKING:
    from .consents import Consents
    from .listening import Door
    from .service import Service
    from .tokens import SignIn, Tokens
    from .wire import Loop

_HOSTS = {"127.0.0.1", "localhost", "::1"}


class Emulator:
    """A Google Drive in this process: its REST API over HTTP and TLS, files in a folder.

    Args:
        root: The folder that holds the Drive; made if it is not there.
        port: The TCP port; 0 takes a free one.
        host: A loopback name; nothing else is allowed.
        require_auth: Refuse requests without a token that this emulator gave.
        tls_cert: A PEM file with a server's certificate and its chain; with it, the Drive is
            served over TLS as well, on a port of its own.
        tls_key: A PEM file with the private key of that certificate.
        tls_port: The TCP port for TLS; 0 takes a free one.

    Attributes:
        root: The folder.
        clock: The time by which upload sessions and tokens end; it can be put forward.
        faults: What is to go wrong.
        log: The requests so far.
        quota: The meter of Drive's units.
        limits: What fits on the Drive.
        refresh_token: A refresh token that `POST /token` takes.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        require_auth: bool = False,
        tls_cert: str | Path | None = None,
        tls_key: str | Path | None = None,
        tls_port: int = 0,
    ) -> None:
        if host not in _HOSTS:
            raise ValueError(f"the emulator serves this machine only; {host!r} is not loopback")
        if (tls_cert is None) != (tls_key is None):
            raise ValueError("TLS needs a certificate and its key; give both, or neither")
        self.root = Path(root).expanduser().absolute()
        self.clock = Clock()
        self.faults = Faults()
        self.log = RequestLog()
        self.quota = Quota()
        self.limits = Limits()
        self.refresh_token = DEFAULT_REFRESH_TOKEN
        self._host = host
        self._port = port
        self._require_auth = require_auth
        self._lag: tuple[float, float] = (0.0, 0.0)
        self._tls = (Path(tls_cert), Path(tls_key)) if tls_cert and tls_key else None
        self._tls_port = tls_port
        self._doors: list[Door] = []
        self._claim: Claim | None = None
        self._service: Service | None = None
        self._loop: Loop | None = None

    @property
    def url(self) -> str:
        """The address, with a slash at its end, as https://www.googleapis.com/ has."""
        if not self._doors:
            raise RuntimeError("the emulator is not running; call start()")
        return self._doors[0].url

    @property
    def tls_url(self) -> str:
        """The address over TLS."""
        if self._tls is None:
            raise RuntimeError("the emulator has no certificate; give it tls_cert and tls_key")
        if not self._doors:
            raise RuntimeError("the emulator is not running; call start()")
        return self._doors[1].url

    @property
    def tokens(self) -> Tokens:
        """The OAuth tokens of the running emulator."""
        return self._running().tokens

    @property
    def consents(self) -> Consents:
        """What programs were let do, with the running emulator."""
        return self._running().consents

    def client_secrets(self) -> dict[str, Any]:
        """What a program needs to ask for a sign-in here: the JSON of a desktop client."""
        from .consents import client_secrets

        return client_secrets(self.url)

    def service_account(self, email: str = "robot@emulator.iam") -> dict[str, Any]:
        """Make a service account, or give it a new key; the JSON that signs in as it."""
        from .consents import service_account

        info, public_key = service_account(self.url, email)
        self.consents.add_account(email, public_key)
        return info

    def user(self, email: str, *, client: str = "", scopes: Iterable[str] = ("drive",)) -> SignIn:
        """Sign a user in, who has a My Drive of their own; return tokens for requests as them.

        Args:
            email: Who; an account is made for an address that is new.
            client: The OAuth client that acts; `drive.file` is for its own files only.
            scopes: What it may do, as `drive`, `drive.file` or with the address in front.
        """
        return self.tokens.sign_in(email, client=client, scopes=scopes)

    @property
    def storage_limit(self) -> int | None:
        """Bytes that fit on the Drive; None for no limit."""
        return self.limits.storage

    @storage_limit.setter
    def storage_limit(self, limit: int | None) -> None:
        self.limits.storage = limit

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
            OSError: The folder is served by another emulator, a port is in use, or the TLS
                certificate or its key can not be used.
        """
        if self._loop:
            return self
        from .listening import open_door, tls_context

        tls = tls_context(*self._tls) if self._tls else None
        self.root.mkdir(parents=True, exist_ok=True)
        self._claim = Claim(self.root)
        try:
            self._doors = [open_door(self._host, self._port)]
            if tls:
                self._doors.append(open_door(self._host, self._tls_port, tls))
            self._service = self._open()
            self._serve()
        except BaseException:
            self.stop()
            raise
        return self

    def _open(self) -> Service:
        # Only who serves needs all of it; `import colab_magics.emulator` stays quick.
        from .consents import Consents
        from .files import Store
        from .service import Service
        from .sessions import Sessions
        from .tokens import Tokens

        store = Store(self.root, self.clock, self.limits)
        tokens = Tokens(store.database, self.clock)
        service = Service(
            store=store,
            sessions=Sessions(store, self.clock),
            tokens=tokens,
            consents=Consents(store.database, tokens, self.clock),
            faults=self.faults,
            quota=self.quota,
            log=self.log,
            require_auth=self._require_auth,
            clock=self.clock,
            url=self.url,
        )
        service.set_lag(*self._lag)
        return service

    def _serve(self) -> None:
        from .gate import Gate
        from .wire import Loop

        loop = Loop(Gate(self._running()), self._doors, "colab_magics-emulator")
        loop.start()
        self._loop = loop
        if self._claim:
            urls = zip(("url", "tls_url"), self._doors, strict=False)
            self._claim.announce(**{name: door.url for name, door in urls})

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the emulator is not running; call start()")
        return self._service

    def stop(self) -> None:
        """Stop serving, cut what is open and leave no thread. The files stay."""
        if self._claim:
            self._claim.withdraw()
        loop, self._loop = self._loop, None
        if loop:
            loop.stop()
        doors, self._doors = self._doors, []
        for door in doors:
            door.listener.close()
        service, self._service = self._service, None
        if service:
            service.sessions.close()
            service.store.close()
        claim, self._claim = self._claim, None
        if claim:
            claim.release()

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
        where = self._doors[0].url if self._doors else "no address: not running"
        return f"<Emulator of {self.root} at {where}>"
