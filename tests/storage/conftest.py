"""A Drive to talk to: the emulator over HTTP, a client, its filesystem, and a clock that jumps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_magics.clock import Clock
from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.mount import Drive, attach


class JumpingClock(Clock):
    """A clock that jumps over every wait, and remembers how long each would have been."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._jumped = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return super().monotonic() + self._jumped

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._jumped += seconds


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def settings() -> Settings:
    return Settings(timeout_seconds=5.0, chunk_bytes=256 * 1024)


@pytest.fixture
def api(drive: Emulator, settings: Settings, clock: JumpingClock) -> Iterator[DriveAPI]:
    client = DriveAPI(url=drive.url, settings=settings, clock=clock)
    yield client
    client.close()


@pytest.fixture
def outsider(drive: Emulator, settings: Settings) -> Iterator[DriveAPI]:
    """Somebody else's client of the same Drive."""
    client = DriveAPI(url=drive.url, settings=settings)
    yield client
    client.close()


@pytest.fixture
def fs(api: DriveAPI, clock: JumpingClock) -> DriveFileSystem:
    return DriveFileSystem(api=api, clock=clock, skip_instance_cache=True)


@pytest.fixture
def attached(
    drive: Emulator, settings: Settings, open_emulator: Callable[..., Any]
) -> Iterator[Drive]:
    """The emulator, attached as %drive_mount does."""
    one = attach("emulator", settings=settings, open_emulator=open_emulator)
    yield one
    one.close()


@pytest.fixture
def open_emulator(drive: Emulator) -> Callable[[], tuple[str, Callable[[], None]]]:
    return lambda: (drive.url, lambda: None)


@pytest.fixture
def unreachable() -> Callable[[], tuple[str, Callable[[], None]]]:
    """For attach() calls that must not start an emulator."""

    def never() -> tuple[str, Callable[[], None]]:
        raise AssertionError("an emulator was started")

    return never


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    path.write_bytes(b"from this machine")
    return path
