"""What is in a folder and in all those below it: how many files, how many bytes, in which tree?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

from colab_magics.display import Table, size

from .listing import Item, counted, listing
from .parallel import each
from .place import Place, expect_folder

MOST_FOLDERS = 500
"""Folders that are listed at most: each costs a request, and a page can not show more."""
_MOST_LINES = 300
_FILES_SHOWN = 8  # of one folder; a tree of thousands of files shows nothing


@dataclass
class Branch:
    """A folder of a tree.

    Attributes:
        item: the folder itself; None for the one the tree starts from.
        listed: whether it was looked into.
    """

    place: Place
    item: Item | None = None
    files: list[Item] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    listed: bool = False

    @property
    def whole(self) -> bool:
        """Whether this folder, and all that are below it, were listed."""
        return self.listed and all(branch.whole for branch in self.branches)

    @property
    def looked(self) -> int:
        """How many folders were looked into, this one included."""
        return self.listed + sum(branch.looked for branch in self.branches)

    @property
    def count(self) -> int:
        """How many files are in it and below it."""
        return len(self.files) + sum(branch.count for branch in self.branches)

    @property
    def folders(self) -> int:
        """How many folders are below it."""
        return len(self.branches) + sum(branch.folders for branch in self.branches)

    @property
    def size(self) -> int:
        """Bytes of all files in it and below it."""
        own = sum(item.size or 0 for item in self.files)
        return own + sum(branch.size for branch in self.branches)

    def as_json(self) -> dict[str, Any]:
        """All of it for a program."""
        own = {} if self.item is None else asdict(self.item)
        return {
            **own,
            "files": [asdict(item) for item in self.files],
            "folders": [branch.as_json() for branch in self.branches],
            "listed": self.listed,
        }

    def says(self) -> str:
        """What it holds, in words: ``at least 3 files, 1.2 MB, in 2 folders``."""
        least = "" if self.whole else "at least "
        below = f", in {counted(self.folders, 'folder')} below it" if self.folders else ""
        return f"{least}{counted(self.count, 'file')}, {size(self.size)}{below}"


def outline(place: Place, *, most: int = MOST_FOLDERS) -> Branch:
    """List a folder and those below it, several at once; one list for each folder.

    Args:
        most: folders that are listed; those beyond are in the tree, with nothing in them.

    Raises:
        PlaceNotFound, PlaceIsFile: there is no folder.
    """
    expect_folder(place)
    top = Branch(place)
    level, left = [top], most
    while level and left > 0:
        level, left = level[:left], left - len(level)
        each(_fill, level)
        level = [branch for one in level for branch in one.branches]
    return top


def _fill(branch: Branch) -> None:
    for item in listing(branch.place):
        if item.folder and not item.shortcut:  # one that leads back up would have no end
            place = replace(branch.place, typed=item.path, path=item.path)
            branch.branches.append(Branch(place, item))
        else:
            branch.files.append(item)
    branch.listed = True


class Outline:
    """A tree to look at; `top` has it as a value."""

    def __init__(self, top: Branch, depth: int) -> None:
        self.top, self.depth = top, depth

    def table(self) -> Table:
        """The tree, cut where it is deep or long."""
        lines = _lines(self.top, "", self.depth)
        rows = [*islice(lines, _MOST_LINES)]
        cut = next(lines, None) is not None
        note = self.top.says()
        if cut:
            note += f"; the first {_MOST_LINES} lines, %drive_ls FOLDER shows one in full"
        elif not self.top.whole:
            note += f"; {counted(self.top.looked, 'folder')} were looked into, so sums are too low"
        headers, places = ["name", "files", "size"], frozenset({1, 2})
        return Table(headers, rows, str(self.top.place), note, places, frozenset({0}))

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _lines(branch: Branch, before: str, depth: int) -> Iterator[list[Any]]:
    """The rows of what is in a folder, each with what is drawn before its name."""
    files = branch.files[:_FILES_SHOWN]
    more = branch.files[_FILES_SHOWN:]
    last = len(branch.branches) + len(files) + bool(more) - 1
    for number, inner in enumerate(branch.branches):
        end = number == last
        yield [
            f"{before}{_bend(end)}{inner.item.name if inner.item else ''}/",
            f"{inner.count:,}" + "+" * (not inner.whole),
            size(inner.size) + "+" * (not inner.whole),
        ]
        if depth > 1:
            yield from _lines(inner, before + ("    " if end else "│   "), depth - 1)
    for number, item in enumerate(files, len(branch.branches)):
        yield [f"{before}{_bend(number == last)}{item.name}", "", size(item.size)]
    if more:
        held = size(sum(item.size or 0 for item in more))
        yield [f"{before}{_bend(True)}… {counted(len(more), 'more file')}", f"{len(more):,}", held]


def _bend(end: bool) -> str:
    return "└── " if end else "├── "
