"""How does a process serve a folder as a Drive until it is told to end?"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from .server import Emulator


def serve(
    root: str | Path,
    port: int = 0,
    host: str = "127.0.0.1",
    *,
    tls_cert: str | Path | None = None,
    tls_key: str | Path | None = None,
    tls_port: int = 0,
    ready: Callable[..., object] | None = None,
) -> None:
    """Serve a folder until SIGINT or SIGTERM comes; call this from the main thread.

    Args:
        root: The folder that holds the Drive.
        port: The TCP port; 0 takes a free one.
        host: A loopback name.
        tls_cert: A PEM file with a certificate, to serve over TLS as well.
        tls_key: A PEM file with its private key.
        tls_port: The TCP port for TLS; 0 takes a free one.
        ready: Called once it answers: with its address, and with the one over TLS if it has one.
    """
    emulator = Emulator(
        root, port=port, host=host, tls_cert=tls_cert, tls_key=tls_key, tls_port=tls_port
    )
    over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {number: signal.signal(number, end) for number in numbers}
    try:
        with emulator:
            if ready:
                ready(emulator.url, *([emulator.tls_url] if tls_cert else []))
            over.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
