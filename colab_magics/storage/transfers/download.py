"""How do bytes get off Drive, so that a cut is mended and a wrong length is noticed?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colab_magics.errors import DriveConflict, DriveUnreachable
from colab_magics.storage.refusals import foreign, strange, translate
from colab_magics.storage.wire import Wire

if TYPE_CHECKING:
    import requests

_BLOCK = 256 * 1024
PROGRESS = 16 * 1024
"""Bytes that a try which was cut must have brought to count as none that failed."""
_DOWNLOAD = 200
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")


@dataclass(frozen=True)
class Source:
    """A file on Drive to take bytes from.

    Attributes:
        size: of the whole file, where known; another size means that it has changed.
    """

    wire: Wire
    file_id: str
    size: int | None
    doing: str
    resource_key: str = ""

    def ask(
        self, start: int, end: int | None, *, timeout: float | None = None
    ) -> requests.Response:
        """Ask once for the bytes from `start` to before `end`."""
        last = "" if end is None else str(end - 1)
        headers = {"Range": f"bytes={start}-{last}", "Accept-Encoding": "identity"}
        if self.resource_key:
            headers["X-Goog-Drive-Resource-Keys"] = f"{self.file_id}/{self.resource_key}"
        return self.wire.send(
            "GET",
            f"{self.wire.base}drive/v3/files/{self.file_id}?alt=media&supportsAllDrives=true",
            units=_DOWNLOAD,
            doing=self.doing,
            accept=(200, 206, 416),
            headers=headers,
            stream=True,
            timeout=timeout,
        )

    def total(self, answer: requests.Response, start: int) -> int | None:
        """The size of the whole file as an answer tells it; the answer is about `start`.

        Raises:
            DriveConflict: the file has another size by now.
        """
        if answer.status_code == 200:  # Range was ignored: the whole file, from its first byte
            length = answer.headers.get("content-length", "")
            found = int(length) if length.isdigit() else self.size
        else:
            match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
            if match is None:
                raise strange(self.doing)
            found = int(match[3])
            if answer.status_code == 206 and (match[1] is None or int(match[1]) != start):
                raise strange(self.doing)
        if self.size is not None and found is not None and found != self.size:
            page = answer.headers.get("content-type", "").startswith("text/html")
            if answer.status_code == 200 and page:
                raise strange(self.doing)  # most likely a network's sign-in page
            raise DriveConflict(f"{self.doing}: the file has changed while it was read")
        return found


@dataclass
class Download:
    """Part of a file, or all of it, on its way here over one connection.

    Attributes:
        end: where to stop; None for the file's end.
    """

    source: Source
    write: Callable[[bytes], object]
    start: int = 0
    end: int | None = None

    def run(self) -> int:
        """Fetch; gives the number of bytes, and raises unless it is the right one.

        Raises:
            DriveConflict: the file has another size than the source's.
        """
        self._got = 0
        if (self.end is not None and self.end <= self.start) or self.source.size == 0:
            return 0
        # Tries are counted anew after each that brought something: a long download may be cut often
        while not self.source.wire.tries(self._more):
            continue
        return self._got

    def _more(self) -> bool:
        """Go on from where it was cut; whether that was all."""
        offset = self.start + self._got
        answer = self.source.ask(offset, self.end)
        with answer:
            total = self.source.total(answer, offset)
            if answer.status_code == 416:
                return True  # nothing lies there
            stop = min((n for n in (total, self.end) if n is not None), default=None)
            before = self._got
            cut = self._copy(answer, stop, offset if answer.status_code == 200 else 0)
        if cut is None if stop is None else self.start + self._got == stop:
            return True
        if self._got < before + PROGRESS:
            raise cut or DriveUnreachable(f"{self.source.doing}: the answer was cut")
        return False

    def _copy(self, answer: requests.Response, stop: int | None, skip: int) -> Exception | None:
        """Write what arrives, up to `stop`; the error that ended it early, if one did."""
        blocks = answer.iter_content(_BLOCK)
        while stop is None or self.start + self._got < stop:
            try:
                block = next(blocks, b"")
            except foreign() as exc:
                return translate(exc, self.source.doing)
            if not block:
                return None
            skipped = min(skip, len(block))
            skip, block = skip - skipped, block[skipped:]
            if stop is not None:
                block = block[: stop - self.start - self._got]
            self.write(block)  # its own errors, such as a full disk, are not Drive's
            self._got += len(block)
        return None
