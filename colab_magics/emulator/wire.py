"""How does the server run in a thread of its own, and end at once when told to?"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .listening import Door

logger = logging.getLogger(__name__)
# Clients that go away and faults that cut connections are no news; failures of the emulator's own
# are logged where they happen.
_quiet = logging.getLogger(f"{__name__}.uvicorn")
_quiet.setLevel(logging.CRITICAL)

_LARGEST_HEAD = 256 << 10


class Connection(H11Protocol):
    """One connection; its transport is shown to the application, for faults that cut it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Loop:
    """An event loop in a daemon thread that serves one application at some doors."""

    def __init__(self, app: Any, doors: Sequence[Door], name: str) -> None:
        self._app = app
        self._doors = doors
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Return when the server takes connections."""
        self._thread.start()
        self._ready.wait()
        if self._failed:
            raise self._failed

    def stop(self) -> None:
        """Cut all connections and return when the thread has ended."""
        self._stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failed = error
            if self._ready.is_set():
                logger.exception("the emulator's server has ended")
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        # Neither a log configuration nor a level: both would change the notebook's own loggers.
        config = Config(
            self._app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=120,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=_LARGEST_HEAD,
        )
        config.load()
        state = ServerState()
        servers = [
            await loop.create_server(
                lambda: Connection(config, state, {}), sock=door.listener, ssl=door.tls, backlog=512
            )
            for door in self._doors
        ]

        def stop() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(over.set)

        self._stop = stop
        self._ready.set()
        await over.wait()
        # What was just accepted becomes a connection before its server closes, since in a closed
        # one that fails and leaves the socket open: github.com/python/cpython/issues/109564
        for door in self._doors:
            with contextlib.suppress(NotImplementedError):  # Windows' own loop
                loop.remove_reader(door.listener)
        for _ in range(3):
            await asyncio.sleep(0)
        for server in servers:
            server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        tasks = list(state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
