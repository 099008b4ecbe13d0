"""Places where files change, all driven by the same words."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place
from colab_magics.watching.change import Change
from colab_magics.watching.feed import Feeds, Subscription

FAST = Settings(
    poll_active_seconds=0.03,
    poll_idle_seconds=0.1,
    poll_max_seconds=0.5,
    relist_seconds=3.0,
    scan_seconds=0.05,
    retry_first_seconds=0.01,
    retry_wait_seconds=0.1,
    timeout_seconds=5.0,
)
DEADLINE = 10.0


class Heard:
    """What a watch was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.times: list[float] = []
        self.subscription: Subscription | None = None
        self._condition = threading.Condition()

    def __call__(self, changes: Sequence[Change]) -> None:
        with self._condition:
            self.changes.extend(changes)
            self.times.extend([time.monotonic()] * len(changes))
            self._condition.notify_all()

    def until(self, true: Callable[[], object], seconds: float = DEADLINE) -> None:
        """Wait until something is true of what was heard."""
        with self._condition:
            if not self._condition.wait_for(true, seconds):
                raise AssertionError(f"after {seconds} s only {self.said()}")

    def wait(self, *said: str, seconds: float = DEADLINE) -> None:
        """Wait until all of these were heard, as often as they are given."""
        self.until(lambda: all(self.said().count(one) >= said.count(one) for one in said), seconds)

    def said(self) -> list[str]:
        """Kinds and names, such as ``created a.txt``, in order."""
        return [f"{change.kind} {change.name}" for change in self.changes]

    def clear(self) -> None:
        """Forget what was heard."""
        with self._condition:
            self.changes.clear()
            self.times.clear()


class World(Protocol):
    """Somewhere to watch, with the two folders ``in`` and ``out``."""

    feeds: Feeds
    same_at_once: bool

    def place(self, path: str) -> Place: ...
    def write(self, path: str, text: str) -> None: ...
    def delete(self, path: str) -> None: ...
    def move(self, old: str, new: str) -> None: ...
    def swap(self, path: str, text: str) -> None: ...


def listen(world: World, path: str, *, every: float | None = None) -> Heard:
    """Watch a path of a world."""
    heard = Heard()
    heard.subscription = world.feeds.subscribe(world.place(path), heard, every=every)
    return heard


class DriveWorld:
    """The emulator, changed by an outsider."""

    def __init__(self, url: str, settings: Settings = FAST) -> None:
        self.api = DriveAPI(url=url, settings=settings)
        self.fs = DriveFileSystem(api=self.api, skip_instance_cache=True)
        self.outsider = DriveAPI(url=url, settings=FAST)
        self.ids: dict[str, str] = {"": self.outsider.root_id()}
        self.feeds = Feeds(settings)
        self.folder("in")
        self.folder("out")

    def place(self, path: str) -> Place:
        return Place(path, self.fs, path, None)

    def folder(self, path: str) -> str:
        above, _, name = path.rpartition("/")
        if path not in self.ids:
            parent = self.folder(above) if above else self.ids[""]
            mime = "application/vnd.google-apps.folder"
            self.ids[path] = self.outsider.create(name, parent, mime_type=mime).id
        return self.ids[path]

    def write(self, path: str, text: str) -> None:
        if path in self.ids:
            self.outsider.update(self.ids[path], text.encode())
        else:
            above, _, name = path.rpartition("/")
            self.ids[path] = self.outsider.create(name, self.folder(above), text.encode()).id

    def delete(self, path: str) -> None:
        self.outsider.update(self.ids.pop(path), trashed=True)

    def erase(self, path: str) -> None:
        self.outsider.delete(self.ids.pop(path))

    def move(self, old: str, new: str) -> None:
        (before, _, _), (after, _, name) = old.rpartition("/"), new.rpartition("/")
        self.ids[new] = self.ids.pop(old)
        if before == after:
            self.outsider.update(self.ids[new], name=name)
        else:
            to, away = self.folder(after), self.ids[before]
            self.outsider.update(self.ids[new], name=name, add_parent=to, remove_parent=away)
        for path in [path for path in self.ids if path.startswith(old + "/")]:
            self.ids[new + path[len(old) :]] = self.ids.pop(path)

    def swap(self, path: str, text: str) -> None:
        """Put another file of the same name there, then take the old one away."""
        old = self.ids.pop(path)
        self.write(path, text)
        self.outsider.update(old, trashed=True)

    def close(self) -> None:
        self.feeds.close()
        self.api.close()
        self.outsider.close()


class FolderWorld:
    """A folder of this machine."""

    def __init__(self, root: Path, settings: Settings = FAST) -> None:
        self.root = root
        self.feeds = Feeds(settings)
        for name in ("in", "out"):
            (root / name).mkdir(parents=True)

    def place(self, path: str) -> Place:
        return Place(path, LocalFileSystem(), str(self.root / path), None)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def delete(self, path: str) -> None:
        (self.root / path).unlink()

    def move(self, old: str, new: str) -> None:
        os.rename(self.root / old, self.root / new)

    def swap(self, path: str, text: str) -> None:
        """Write beside it and rename over it."""
        beside = self.root / f"{path}.part"
        beside.write_text(text)
        os.replace(beside, self.root / path)

    def close(self) -> None:
        self.feeds.close()


class MemoryWorld:
    """A filesystem that tells nothing of its changes."""

    def __init__(self, root: str, settings: Settings = FAST) -> None:
        self.fs = MemoryFileSystem()
        self.root = root
        self.feeds = Feeds(settings)
        for name in ("in", "out"):
            self.fs.makedirs(f"{root}/{name}")

    def place(self, path: str) -> Place:
        return Place(path, self.fs, f"{self.root}/{path}".rstrip("/"), None)

    def write(self, path: str, text: str) -> None:
        self.fs.pipe_file(f"{self.root}/{path}", text.encode())

    swap = write

    def delete(self, path: str) -> None:
        self.fs.rm_file(f"{self.root}/{path}")

    def move(self, old: str, new: str) -> None:
        self.fs.mv(f"{self.root}/{old}", f"{self.root}/{new}", recursive=True)

    def close(self) -> None:
        self.feeds.close()
        self.fs.rm(self.root, recursive=True)
