"""How long after a writer's close() does each kind of watcher know? A table in milliseconds.

Run it with `python benchmarks/watchers.py [WRITES]`; Linux only. All watchers see the same number
of writes, in interleaved rounds, so that a busy minute of the machine hits each of them. The
result decides which library `colab_magics/watching/os_events.py` uses. A figure below zero means
that the watcher knew before the writer had come back from close().
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from colab_magics.settings import Settings
from colab_magics.storage.place import Place
from colab_magics.watching.feed import Feeds

ROUNDS = 10
TIMEOUT = 5.0
IN_CLOSE_WRITE = 8


class Bell:
    """When was it last told?"""

    def __init__(self) -> None:
        self.at = 0.0
        self._rung = threading.Event()

    def ring(self, at: float | None = None) -> None:
        """Note that it was told, now or at another time."""
        self.at = time.monotonic() if at is None else at
        self._rung.set()

    def clear(self) -> None:
        """Wait for the next time."""
        self._rung.clear()

    def wait(self) -> bool:
        """Whether it was told soon enough."""
        return self._rung.wait(TIMEOUT)


Start = Callable[[Path, Bell], Callable[[], None]]


def raw_inotify(folder: Path, bell: Bell) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init()
    libc.inotify_add_watch(descriptor, os.fsencode(folder), IN_CLOSE_WRITE)
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            os.read(descriptor, 4096)
            bell.ring()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()

    def stop() -> None:
        over.set()
        (folder / "end").write_text("")
        thread.join()
        os.close(descriptor)

    return stop


def inotifywait_to_bash(folder: Path, bell: Bell) -> Callable[[], None]:
    # The shell's own clock (CLOCK_REALTIME), moved onto ours.
    script = (
        f"inotifywait -q -m -e close_write --format x '{folder}' 2>&1 | "
        "while read -r line; do echo $EPOCHREALTIME; done"
    )
    process = subprocess.Popen(
        ["bash", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    offset = time.time() - time.monotonic()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            bell.ring(float(line) - offset)

    threading.Thread(target=read, daemon=True).start()

    def stop() -> None:
        os.killpg(process.pid, 15)
        process.wait()

    return stop


def watchdog(folder: Path, bell: Bell) -> Callable[[], None]:
    from watchdog.events import FileClosedEvent, FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    class Handler(FileSystemEventHandler):
        def on_closed(self, event: FileSystemEvent) -> None:
            bell.ring()

    observer = Observer()
    observer.schedule(Handler(), str(folder), recursive=True, event_filter=[FileClosedEvent])
    observer.start()

    def stop() -> None:
        observer.stop()
        observer.join()

    return stop


def watchfiles(folder: Path, bell: Bell) -> Callable[[], None]:
    from watchfiles import watch

    over = threading.Event()

    def follow() -> None:
        # Its defaults (step=50, debounce=1600) are slower by their length; these are the least.
        for _ in watch(folder, step=1, debounce=1, rust_timeout=100, stop_event=over):
            bell.ring()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()

    def stop() -> None:
        over.set()
        thread.join()

    return stop


def ours(folder: Path, bell: Bell) -> Callable[[], None]:
    feeds = Feeds(Settings())
    feeds.subscribe(Place("", LocalFileSystem(), str(folder), None), lambda changes: bell.ring())
    return feeds.close


WATCHERS: dict[str, Start] = {
    "raw inotify (ctypes)": raw_inotify,
    "inotifywait -m | bash": inotifywait_to_bash,
    "watchdog": watchdog,
    "watchfiles, step=1 debounce=1": watchfiles,
    "colab_magics FolderFeed": ours,
}


def measure(start: Start, folder: Path, writes: int) -> list[float]:
    """Seconds from close() to the callback, for each of some writes; missed ones are infinite."""
    bell = Bell()
    stop = start(folder, bell)
    time.sleep(0.3)  # until all of them listen
    delays = []
    for number in range(writes):
        bell.clear()
        with (folder / "a.txt").open("w") as writer:
            writer.write(str(number))
        closed = time.monotonic()
        delays.append(bell.at - closed if bell.wait() else float("inf"))
        time.sleep(0.005)
    stop()
    return delays


def main() -> None:
    writes = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    here = {
        name: start
        for name, start in WATCHERS.items()
        if start is not inotifywait_to_bash or shutil.which("inotifywait")
    }
    delays: dict[str, list[float]] = {name: [] for name in here}
    for _ in range(ROUNDS):
        for name, start in here.items():
            with tempfile.TemporaryDirectory() as folder:
                delays[name] += measure(start, Path(folder), writes // ROUNDS)
    print(f"{writes} writes each, milliseconds from close() to the callback\n")
    print(f"{'':32}{'p50':>8}{'p95':>8}{'missed':>8}")
    for name, found in delays.items():
        ordered = sorted(found)
        half, most = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
        missed = ordered.count(float("inf"))
        print(f"{name:32}{half * 1000:8.3f}{most * 1000:8.3f}{missed:8}")


if __name__ == "__main__":
    main()
