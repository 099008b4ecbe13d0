"""When is what Drive refused sent again? By this mount, in a thread of its own, or by the next."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from .opened import OpenFile
from .spool import Spool, beside

if TYPE_CHECKING:
    from colab_magics.settings import Settings

    from .files import OpenFiles
    from .view import View

logger = logging.getLogger(__name__)
_TIMES = 10  # the first wait after a refusal, in first waits of one call


class Resender:
    """Sends what was refused until Drive takes it."""

    def __init__(self, files: OpenFiles, view: View, spool: Spool, settings: Settings) -> None:
        self._files, self._view, self._spool = files, view, spool
        self._first = _TIMES * settings.retry_first_seconds
        self._most = settings.retry_seconds
        self._stop = threading.Event()

    def adopt(self) -> None:
        """Take over what earlier mounts could not send; what is there by now is not overwritten."""
        for copy, about in self._spool.kept():
            if not about.whole:
                continue  # it was told when that happened
            mine = self._spool.adopt(copy)
            if mine is None:
                continue
            path, entry = about.path, self._view.entry(about.path)
            if (entry.revision if entry else "") != about.base:
                path, entry = beside(path), None
            file = OpenFile(path, entry)
            file.stream, file.copy = os.open(mine, os.O_RDWR), mine
            file.changed, file.trouble = True, about.why
            self._files.adopt(file)

    def run(self) -> None:
        """Try again and again until `stop`, less and less often."""
        wait = 0.0
        while not self._stop.wait(wait):
            good = self.send()
            wait = self._first if good else min(max(2 * wait, self._first), self._most)

    def send(self) -> bool:
        """Try each file once; whether Drive has all of them now."""
        good = True
        for file in self._files.refused():
            try:
                self._files.publish(file)
                logger.info("%s is on Drive now", file.path)
            except OSError:
                good = False
            self._files.settle(file)
        return good

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()
