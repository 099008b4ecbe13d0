"""What does a listing look like: a page of it as a table, and all of it as a value?"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Any, overload

from colab_magics.display import Table, size
from colab_magics.errors import BadPlace, MissingExtra

from .filesystem import DriveFileSystem
from .listing import Item, Sort, counted, listing, trashed
from .place import Place

ROWS = 100
"""Rows of a page: a browser draws thousands only with pain."""


class Listing(Sequence[Item]):
    """What was found: all of it as a value, a page of it to look at.

    Attributes:
        place: where it is, for a person.
        page: the one that is shown, from 1.
        ids: whether ids are shown.
    """

    def __init__(
        self,
        place: str,
        items: Sequence[Item],
        *,
        typed: str = "",
        page: int = 1,
        rows: int | None = ROWS,
        ids: bool = False,
    ) -> None:
        """Wrap what was found.

        Args:
            typed: what stood behind `%drive_ls`; to tell how to see more.
            rows: of a page; None for all on one.

        Raises:
            BadPlace: there is no such page.
        """
        self.place, self.page, self.ids, self._typed = place, page, ids, typed
        self._items, self._rows = tuple(items), rows or max(1, len(items))
        if page > (last := max(1, -(-len(items) // self._rows))):
            raise BadPlace(f"no page {page} of '{place}'; the last one is {last}")

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | Sequence[Item]:
        return self._items[at]

    def __len__(self) -> int:
        return len(self._items)

    @property
    def size(self) -> int:
        """Bytes of all files in it, without those in folders below."""
        return sum(item.size or 0 for item in self)

    def to_pandas(self) -> Any:
        """All of it as a pandas data frame, one row for each item.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas  # type: ignore[import-untyped]  # its stubs are a package of their own
        except ImportError:
            raise MissingExtra("a data frame needs pandas: pip install pandas") from None
        columns = list(Item.__dataclass_fields__)
        return pandas.DataFrame([[getattr(i, c) for c in columns] for i in self], columns=columns)

    def table(self) -> Table:
        """The page to look at."""
        start = (self.page - 1) * self._rows
        shown = self[start : start + self._rows]
        notes = any(item.note for item in shown)
        headers = ["name", "size", "modified", *["id"] * self.ids, *[""] * notes]
        rows = [
            [
                item.name + "/" * item.folder,
                "" if item.folder else size(item.size),
                _when(item.modified),
                *[item.id or "-"] * self.ids,
                *[item.note] * notes,
            ]
            for item in shown
        ]
        return Table(headers, rows, self.place, self._summary(len(shown)), frozenset({1}))

    def _summary(self, shown: int) -> str:
        if not len(self):
            return "empty"
        held = size(self.size)
        if shown == len(self):
            files = any(not item.folder for item in self)
            return f"{counted(len(self), 'entry')}{f' · {held}' * files}"
        last = -(-len(self) // self._rows)
        if self.page == last:
            return f"{shown} of {len(self):,}, {held}; page {last}, the last one"
        more = f"%drive_ls {self._typed} --page {self.page + 1}".replace("  ", " ")
        return f"{shown} of {len(self):,}, {held}; page {self.page} of {last}; more: {more}"

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def listed(
    place: Place,
    *,
    sort: Sort = "name",
    reverse: bool = False,
    page: int = 1,
    rows: int | None = None,
    everything: bool = False,
    ids: bool = False,
) -> Listing:
    """`listing`, with a page of it to look at."""
    items = listing(place, sort=sort, reverse=reverse)
    words = [shlex.quote(place.typed)] if place.typed else []
    words += [f"--sort {sort}"] * (sort != "name") + ["--reverse"] * reverse + ["--ids"] * ids
    return _paged(str(place), items, " ".join(words), page, rows, everything, ids)


def trash(
    place: Place,
    *,
    page: int = 1,
    rows: int | None = None,
    everything: bool = False,
) -> Listing:
    """What lies in the trash of the Drive that a place is on; last thrown away first.

    Raises:
        BadPlace: the place is not on a Drive.
    """
    if not isinstance(place.fs, DriveFileSystem):
        raise BadPlace(f"'{place}' is not on a Drive, so there is no trash")
    return _paged("Trash", trashed(place.fs), "--trashed", page, rows, everything, True)


def _paged(
    title: str,
    items: list[Item],
    typed: str,
    page: int,
    rows: int | None,
    everything: bool,
    ids: bool,
) -> Listing:
    shown = None if everything else rows or ROWS
    typed += f" --rows {rows}" * (rows is not None)
    return Listing(title, items, typed=typed, page=page, rows=shown, ids=ids)


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"
