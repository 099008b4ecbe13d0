"""Which cells are registered, and how do changes, runs and results get to each other?"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import display

from colab_magics.clock import CLOCK, Clock
from colab_magics.display import clock_time
from colab_magics.errors import WatchFailed, WatchNotFound
from colab_magics.running.executor import Executor
from colab_magics.running.outputs import Handle, publish
from colab_magics.running.results import Results
from colab_magics.running.run import Options, safe_name
from colab_magics.running.watch import Watch
from colab_magics.running.worker import Worker
from colab_magics.settings import Settings
from colab_magics.watching.change import Change

from .cards import Drawer, watch_card

if TYPE_CHECKING:
    from colab_magics.storage.place import Place
    from colab_magics.watching.feed import Feeds

_CLOSE_SECONDS = 0.5
logger = logging.getLogger(__name__)


class Watches:
    """The watches of one kernel, with what they share: feeds, threads, a folder for copies."""

    def __init__(self, executor: Executor, settings: Settings, clock: Clock = CLOCK) -> None:
        self.executor, self.settings, self.clock = executor, settings, clock
        self.shell = executor.shell
        self.results = Results(settings, self._deliver, self.redraw, clock)
        self._all: dict[str, Watch] = {}
        self._feeds: Feeds | None = None
        self._drawer = Drawer(lambda: self, self._draw, clock)
        self._workers: dict[object, Worker] = {}
        self._spool: Path | None = None
        self._spooled = 0
        self._closed = False

    def __iter__(self) -> Iterator[Watch]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def register(
        self,
        place: Place,
        body: str,
        *,
        name: str,
        put: Place | None = None,
        now: bool = False,
        options: Options,
    ) -> Watch:
        """Register a cell; a watch of the same name from the same cell is replaced.

        Raises:
            WatchFailed: the name is taken by another cell, or threads do not work here.
            PlaceNotFound: nothing is, or could come to be, at the place.
        """
        from colab_magics.watching.feed import Feeds

        _refuse_gevent()
        parent = parent_of(self.shell)
        old = self._all.get(name)
        if old is not None and not _same_cell(old, parent, place.typed):
            raise WatchFailed(
                f"a watch named {name!r} exists already, on {old.place}; "
                f"choose another --name, or end it: %watches stop {name}"
            )
        self._feeds = self._feeds or Feeds(self.settings, self.clock)
        watch = Watch(
            name,
            place.typed,
            body,
            parent,
            options,
            executor=self.executor,
            settings=self.settings,
            spool=self._spool_of(name),
            fetch=lambda change, spool: self._fetch(place, change, spool),
            opened=self._open_run,
            changed=self.redraw,
            send=None if put is None else self.results.send,
            clock=self.clock,
        )
        watch.handle = Handle(self.shell, watch.parent, f"colab_magics-{os.urandom(6).hex()}")
        watch.put = put
        if put is not None:
            watch.ignored = lambda change: _same_file(place, change, put)
        # The new one listens before the old one ends: what happens now is not missed.
        watch.subscription = self._feeds.subscribe(place, watch.sink, every=options.every)
        self._guard(watch, place)
        for other in self._replaced(old, parent):
            self.stop(other)
            if _same_target(other, watch):
                other.hand_over(watch)
        self._all[name] = watch
        self._drawer.start()
        self.executor.taps.arm()
        self._worker_of(watch).add(watch)
        if now:
            watch.ask(_present(watch))
        return watch

    def _replaced(self, old: Watch | None, parent: dict[str, Any]) -> list[Watch]:
        """What the cell that registers now has registered when it ran before."""
        cell, message = _cell_id(parent), parent["header"].get("msg_id")
        return [
            watch
            for watch in self
            if watch is old
            or (
                cell
                and _cell_id(watch.parent) == cell
                and watch.parent["header"].get("msg_id") != message
            )
        ]

    def _guard(self, watch: Watch, place: Place) -> None:
        target = watch.subscription.target
        if place.local is not None:
            watch.trespass.matches = lambda path: bool(target.matches(path))
        api = getattr(place.fs, "api", None)
        if api is not None:
            watch.trespass.written_by = api.own_revisions.written_by
            watch.trespass.watched_ids = lambda: watch.seen_ids

    def _worker_of(self, watch: Watch) -> Worker:
        """The thread that runs a watch.

        One for all local places and one for each Drive, so that a slow fetch delays only what
        comes from the same place; a handler that runs beside a busy cell has its own.
        """
        place = watch.subscription.target.place
        key: object = "local" if place.local is not None else id(place.fs)
        name = "colab_magics-run" if place.local is not None else "colab_magics-run-remote"
        if watch.options.in_thread:
            key, name = watch, f"colab_magics-thread-{watch.name}"
        if key not in self._workers:
            self._workers[key] = Worker(name, self.clock, release=self.executor.release)
        return self._workers[key]

    def _fetch(self, place: Place, change: Change, spool: Path) -> Change:
        """A change with its copy on this machine; a local file is its own copy."""
        if place.local is not None:
            return replace(change, local=Path(change.place))
        spool.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=spool))
        target = folder / safe_name(change.name)
        try:
            size, version = _bring(place, change, target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return replace(change, local=target, version=version or change.version, size=size)

    def _deliver(self, watch: Watch, path: Path) -> tuple[str, int]:
        from colab_magics.storage.transfers.transfer import send

        receipt = send(path, watch.put)
        watch.result_id = receipt.id or ""
        return str(watch.put), receipt.size

    def present(self, watch: Watch) -> list[Change]:
        """What the place of a watch holds now, as changes; for a run that nobody triggered."""
        changes = _present(watch)
        if not changes:
            raise WatchFailed(f"nothing is at {watch.place} yet, so there is nothing to run for")
        return changes

    def find(self, name: str) -> Watch:
        """The watch of that name.

        Raises:
            WatchNotFound: there is none; the message says which there are.
        """
        watch = self._all.get(name)
        if watch is None:
            there = ", ".join(self._all) or "none; %%on_drive_change PLACE registers one"
            raise WatchNotFound(f"no watch named {name!r}; there is: {there}")
        return watch

    def stop(self, watch: Watch) -> None:
        """End a watch for good."""
        watch.stop()
        self._worker_of(watch).remove(watch)
        beside = self._workers.pop(watch, None)
        if beside is not None:
            beside.stop()
        if self._all.get(watch.name) is watch:
            del self._all[watch.name]
        self.redraw(watch)

    def redraw(self, watch: Watch) -> None:
        """Have the card of a watch brought up to date, in its own cell; from any thread."""
        if not self._closed:
            self._drawer.mark(watch)

    def _draw(self, watch: Watch) -> None:
        if self._closed or watch.handle is None:
            return
        wiped, watch.wiped = watch.wiped, False
        if wiped and self.executor.front is None:
            watch.handle.show(watch_card(watch))
        else:
            watch.handle.update(watch_card(watch))

    def _open_run(self, watch: Watch) -> None:
        """Main thread, a run begins: make room where its outputs will be."""
        card = watch_card(watch)
        if self.executor.front is not None and not watch.options.in_thread:
            watch.handle.update(card)
            text = f"▶ {clock_time(self.clock.time())} {watch.name}, run {watch.runs}"
            display({"text/plain": text}, raw=True)  # flushes what was printed before
            return
        # Replaces the last run's outputs, and the card with them, without a flicker.
        publish(self.shell, watch.parent, "clear_output", {"wait": True})
        watch.handle.show(card)
        watch.wiped = False

    def stats(self) -> list[Any]:
        """What the feeds cost."""
        return [] if self._feeds is None else self._feeds.stats()

    def _spool_of(self, name: str) -> Path:
        if self._spool is None:
            self._spool = Path(tempfile.mkdtemp(prefix="colab_magics-"))  # mode 0700
        self._spooled += 1
        return self._spool / f"{self._spooled}-{safe_name(name)}"

    def close(self) -> None:
        """Stop every thread; results that did not arrive are kept."""
        self._closed = True
        for watch in self:
            watch.stop()
        threads: list[Worker | Results | Drawer] = [*self._workers.values()]
        threads += [self.results, self._drawer]
        for thread in threads:
            thread.stop()
        end = self.clock.monotonic() + _CLOSE_SECONDS  # for all: a kernel that shuts down waits
        for thread in threads:
            thread.close(max(0.0, end - self.clock.monotonic()))
        if self._feeds is not None:
            self._feeds.close()
        if self.results.unsent:
            logger.warning("results that were not sent are kept in %s", self._spool)
        elif self._spool is not None:
            shutil.rmtree(self._spool, ignore_errors=True)

    def forget(self) -> None:
        """In a forked child: the parent's watches are not ours."""
        self._closed, self._all, self._feeds = True, {}, None


def _present(watch: Watch) -> list[Change]:
    from colab_magics.watching.present import present

    return present(watch.subscription.target)


def _bring(place: Place, change: Change, target: Path) -> tuple[int | None, str]:
    """Fetch the file of a change; its size and version, which may be newer than the change's."""
    from colab_magics.storage.filesystem import DriveFileSystem
    from colab_magics.storage.transfers.transfer import fetch

    if isinstance(place.fs, DriveFileSystem):
        node = place.fs.nodes.get(change.id)
        if node is not None and node.revision == change.version:
            node = place.fs.get_node(node, target)  # one request, since the hash is known
            return node.size, node.revision
    receipt = fetch((place.fs, f"id:{change.id}" if change.id else change.place), target)
    return receipt.size, receipt.revision


def _refuse_gevent() -> None:
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        raise WatchFailed(
            "gevent has patched threading, so nothing runs while the kernel is idle; "
            "restart the kernel and register watches before gevent.monkey.patch_all()"
        )


def parent_of(shell: Any) -> dict[str, Any]:
    """The message that runs the present cell."""
    parent = getattr(shell, "parent_header", None) or {}
    return {
        "header": dict(parent.get("header") or {}),
        "metadata": dict(parent.get("metadata") or {}),
    }


def _same_cell(old: Watch, parent: dict[str, Any], typed: str) -> bool:
    """Front ends send a cell's id; where one does not, the same place is the same cell."""
    mine, theirs = _cell_id(parent), _cell_id(old.parent)
    return mine == theirs if mine and theirs else typed == old.place


def _cell_id(parent: dict[str, Any] | Any) -> str | None:
    """The id that JupyterLab, VS Code or Colab gives the running cell, if one does."""
    metadata = parent.get("metadata") or {}
    cell = metadata.get("cellId") or (metadata.get("colab") or {}).get("cell_id")
    return cell if isinstance(cell, str) else None


def _same_target(old: Watch, new: Watch) -> bool:
    """Whether what one watch has waiting is what the other one watches."""
    was, now = old.subscription.target, new.subscription.target
    return was.path == now.path and was.kind == now.kind and was.place.fs is now.place.fs


def _same_file(place: Place, change: Change, target: Place) -> bool:
    """Whether a change is of the file that this watch itself sends back."""
    if place.local is not None or target.local is not None:
        return target.local is not None and Path(change.place) == target.local
    return place.fs is target.fs and change.place.strip("/") == target.path.strip("/")
