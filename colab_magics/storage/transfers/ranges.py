"""How is a large file fetched over several connections at once, each taking a range of it?"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from colab_magics.errors import ColabMagicsError, DriveUnreachable
from colab_magics.settings import Settings
from colab_magics.storage.refusals import foreign, strange, translate

from .crew import Crew
from .download import PROGRESS, Source
from .part import Part

if TYPE_CHECKING:
    import requests

_BLOCK = 128 * 1024
_NOTED = 1 << 20  # a record for each so many bytes is what a killed process may lose
_TELL_SECONDS = 0.1
_STALL_SECONDS = 5.0  # after which a range is given to a thread that has nothing to do
_SLOW_SECONDS = 3.0  # so is most of one that would take longer than this
_WORTH = 512 * 1024
_ANSWER_SECONDS = 20.0
_MOST_RESCUES = 2  # of one range: a way that is slow for everybody is not a stall


class RangesIgnored(Exception):
    """The server sends the whole file whatever range it is asked for."""


@dataclass(eq=False)
class _Range:
    """A stretch that one thread fetches: bytes before `at` are its own to write, or written."""

    at: int
    end: int
    began: float
    rescues: int = 0

    def __post_init__(self) -> None:
        self.start = self.noted = self.at
        self.moved = self.began


class Ranges:
    """One file on its way here over several connections.

    Every thread takes the next range of the gaps; one that finds none takes half of what another
    one has left, so that all end together. One more thread hashes what has arrived without a gap.
    """

    def __init__(self, source: Source, part: Part, settings: Settings) -> None:
        self._wire = source.wire
        self._source = source
        self._part = part
        self._clock = source.wire.clock
        self._connections = settings.connections
        self._least = settings.chunk_bytes
        self._most = 4 * settings.chunk_bytes
        self._crew = Crew("fetch", source.wire)
        self._gaps = deque(part.missing)
        self._active: list[_Range] = []
        self._left = sum(end - start for start, end in part.missing)
        self._whole = 0  # no gap before this byte
        self._islands: dict[int, int] = {}  # what is complete behind it, by its start
        self._hashed = False
        self._digest = hashlib.md5(usedforsecurity=False)
        at = 0
        for start, end in [*part.missing, (part.size, part.size)]:
            self._complete(at, start)
            at = end

    def run(self, tell: Callable[[int], object]) -> str:
        """Fetch what is missing, and give the md5 of the whole.

        Args:
            tell: is told how many bytes are here, by the calling thread.

        Raises:
            RangesIgnored: the server does not do ranges.
            DriveConflict: the file has another size by now.
        """
        with self._crew as crew:
            for _ in range(self._connections):
                crew.start(self._fetch)
            crew.start(self._hash)
            # A thread that still waits for what another one has brought is not waited for.
            while not crew.wait(_TELL_SECONDS) and not self._hashed:
                tell(self._part.size - self._left)
        tell(self._part.size)
        return self._digest.hexdigest()

    def _fetch(self) -> None:
        """What each thread does."""
        buffer = memoryview(bytearray(_BLOCK))
        while (mine := self._next()) is not None:
            try:
                # Tries are counted anew after each one that brought bytes.
                while not self._wire.tries(partial(self._more, mine, buffer)):
                    continue
            except ColabMagicsError:
                if mine.at < mine.end:
                    raise  # else another thread has what was left of it
            finally:
                with self._crew.news:
                    self._active.remove(mine)
                    self._crew.news.notify_all()

    def _next(self) -> _Range | None:
        """The next range for a thread; None when everything is here."""
        with self._crew.news:
            while not self._crew.stop.is_set() and self._left:
                found = self._fresh() or self._half() or self._rescued()
                if found is not None:
                    self._active.append(found)
                    return found
                self._crew.news.wait(0.5)
            return None

    def _fresh(self) -> _Range | None:
        """Of what nobody has begun; smaller towards the end, where all should end together."""
        if not self._gaps:
            return None
        start, end = self._gaps.popleft()
        left = end - start + sum(stop - begin for begin, stop in self._gaps)
        size = max(self._least, min(self._most, left // (2 * self._connections)))
        if end - start > size + self._least // 2:
            self._gaps.appendleft((start + size, end))
            end = start + size
        return _Range(start, end, self._clock.monotonic())

    def _half(self) -> _Range | None:
        """Half of what the range with the most to come has left."""
        longest = max(self._active, key=lambda one: one.end - one.at, default=None)
        if longest is None or longest.end - longest.at < self._least:
            return None  # a request costs quota, and the way there takes time
        middle = (longest.at + longest.end + 1) // 2
        end, longest.end = longest.end, middle
        return _Range(middle, end, self._clock.monotonic())

    def _rescued(self) -> _Range | None:
        """What is left of a range that does not move, or most of one that is slow."""
        now = self._clock.monotonic()
        for one in self._active:
            passed, left = now - one.began, one.end - one.at
            speed = (one.at - one.start) / max(passed, 0.001)
            slow = passed > 1.0 and left > max(_WORTH, _SLOW_SECONDS * speed)
            stalls = now - one.moved > _STALL_SECONDS
            if left and (slow or stalls) and one.rescues < _MOST_RESCUES:
                kept = 0 if stalls else int(speed)  # what it will bring in a second
                end, one.end = one.end, one.at + kept
                return _Range(one.end, end, now, one.rescues + 1)
        return None

    def _more(self, mine: _Range, buffer: memoryview) -> bool:
        """Ask for what is left of a range, once; whether that was all."""
        with self._crew.news:
            start, end = mine.at, mine.end
        if start >= end or self._crew.stop.is_set():
            return True
        answer = self._source.ask(start, end, timeout=_ANSWER_SECONDS)
        try:
            if answer.status_code == 200:
                raise RangesIgnored
            self._source.total(answer, start)
            if answer.status_code == 416:
                raise strange(self._source.doing)  # the size is right, and so is what was asked for
            cut = self._copy(answer, mine, end - start, buffer)
        finally:
            answer.close()
        with self._crew.news:
            if mine.at >= mine.end or self._crew.stop.is_set():
                return True
            if mine.at >= start + PROGRESS:
                return False
        raise cut or DriveUnreachable(f"{self._source.doing}: the answer was cut")

    def _copy(
        self, answer: requests.Response, mine: _Range, expected: int, buffer: memoryview
    ) -> Exception | None:
        """Write what arrives; the error that ended it early, if one did."""
        read = _reader(answer)
        while expected:
            try:
                count = read(buffer[: min(_BLOCK, expected)])
            except foreign() as exc:
                return translate(exc, self._source.doing)
            if not count:
                return None
            expected -= count
            if not self._store(mine, buffer[:count]):
                return None
        answer.raw.release_conn()  # all of it was read: the connection can be used again
        return None

    def _store(self, mine: _Range, block: memoryview) -> bool:
        """Write a block of a range; False when the range ends here, or is another thread's now."""
        with self._crew.news:
            start = mine.at
            block = block[: max(0, mine.end - start)]
            mine.at += len(block)
            mine.moved = self._clock.monotonic()
        self._part.write(start, block)
        with self._crew.news:
            done = start + len(block)
            if done - mine.noted >= _NOTED or done >= mine.end:
                self._part.note(mine.noted, done)
                mine.noted = done
            self._left -= len(block)
            self._complete(start, done)
            self._crew.news.notify_all()
            return done < mine.end and not self._crew.stop.is_set()

    def _complete(self, start: int, end: int) -> None:
        if end > start:
            self._islands[start] = end
        while (further := self._islands.pop(self._whole, None)) is not None:
            self._whole = further

    def _hash(self) -> None:
        """Follow what is here without a gap; it was just written, so it is in memory still."""
        at = 0
        while at < self._part.size:
            with self._crew.news:
                while self._whole <= at and not self._crew.stop.is_set():
                    self._crew.news.wait()
                whole = self._whole
            if self._crew.stop.is_set():
                return
            while at < whole and not self._crew.stop.is_set():
                block = self._part.read(at, min(1 << 20, whole - at))
                if not block:
                    raise DriveUnreachable(f"{self._source.doing}: the part was cut on this disk")
                self._digest.update(block)
                at += len(block)
        self._hashed = True


def _reader(answer: requests.Response) -> Callable[[memoryview], int]:
    """The way from the socket into a buffer without copies, where urllib3 shows it."""
    raw: Any = answer.raw
    direct = getattr(getattr(raw, "_fp", None), "readinto", None)
    if direct is not None and "content-encoding" not in answer.headers:
        return lambda view: int(direct(view) or 0)

    def copying(view: memoryview) -> int:
        block = raw.read(len(view), decode_content=True)
        view[: len(block)] = block
        return len(block)

    return copying
