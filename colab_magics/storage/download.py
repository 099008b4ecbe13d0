"""How do bytes get off Drive, so that a cut is mended and a wrong length is noticed?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colab_magics.errors import DriveConflict, DriveUnreachable

from .refusals import foreign, strange, translate
from .wire import Wire

if TYPE_CHECKING:
    import requests

_BLOCK = 256 * 1024
_DOWNLOAD = 200
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")


@dataclass
class Download:
    """Part of a file, or all of it, on its way here.

    Attributes:
        end: where to stop; None for the file's end.
        size: of the whole file, where known; another size means that it has changed.
    """

    wire: Wire
    file_id: str
    write: Callable[[bytes], object]
    start: int
    end: int | None
    size: int | None
    doing: str
    resource_key: str = ""

    def run(self) -> int:
        """Fetch; gives the number of bytes, and raises unless it is the right one.

        Raises:
            DriveConflict: the file has another size than `size`.
        """
        self._got = 0
        if (self.end is not None and self.end <= self.start) or self.size == 0:
            return 0
        # Tries are counted anew after each one that brought bytes: a long download may be cut often
        while not self.wire.tries(self._more):
            continue
        return self._got

    def _more(self) -> bool:
        """Go on from where it was cut; whether that was all."""
        offset = self.start + self._got
        last = "" if self.end is None else str(self.end - 1)
        headers = {"Range": f"bytes={offset}-{last}", "Accept-Encoding": "identity"}
        if self.resource_key:
            headers["X-Goog-Drive-Resource-Keys"] = f"{self.file_id}/{self.resource_key}"
        answer = self.wire.send(
            "GET",
            f"{self.wire.base}drive/v3/files/{self.file_id}?alt=media&supportsAllDrives=true",
            units=_DOWNLOAD,
            doing=self.doing,
            accept=(200, 206, 416),
            headers=headers,
            stream=True,
        )
        with answer:
            stop, skip = self._bounds(answer, offset)
            before = self._got
            cut = self._copy(answer, stop, skip)
        if cut is None if stop is None else self.start + self._got == stop:
            return True
        if self._got == before:
            raise cut or DriveUnreachable(f"{self.doing}: the answer was cut")
        return False

    def _bounds(self, answer: requests.Response, offset: int) -> tuple[int | None, int]:
        """Where this answer must end, and how much of it comes before what was asked for."""
        if answer.status_code == 200:  # Range was ignored: the whole file, from its first byte
            length = answer.headers.get("content-length", "")
            total = int(length) if length.isdigit() else self.size
            self._check(total)
            ends = [n for n in (total, self.end) if n is not None]
            return min(ends, default=None), offset
        match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if match is None:
            raise strange(self.doing)
        total = int(match[3])
        self._check(total)
        if answer.status_code == 416:
            return offset, 0  # nothing lies there
        if match[1] is None or int(match[1]) != offset:
            raise strange(self.doing)
        return (total if self.end is None else min(total, self.end)), 0

    def _check(self, total: int | None) -> None:
        if self.size is not None and total is not None and total != self.size:
            raise DriveConflict(f"{self.doing}: the file has changed while it was read")

    def _copy(self, answer: requests.Response, stop: int | None, skip: int) -> Exception | None:
        """Write what arrives, up to `stop`; the error that ended it early, if one did."""
        blocks = answer.iter_content(_BLOCK)
        while stop is None or self.start + self._got < stop:
            try:
                block = next(blocks, b"")
            except foreign() as exc:
                return translate(exc, self.doing)
            if not block:
                return None
            skipped = min(skip, len(block))
            skip, block = skip - skipped, block[skipped:]
            if stop is not None:
                block = block[: stop - self.start - self._got]
            self.write(block)  # its own errors, such as a full disk, are not Drive's
            self._got += len(block)
        return None
