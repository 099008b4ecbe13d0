"""What exactly does a watch look at: one file, a folder with all below it, or a pattern?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from colab_magics.errors import BadPlace

if TYPE_CHECKING:
    from colab_magics.storage.place import Place

_MAGIC = re.compile(r"[*?\[]")
_WILD = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[(?P<not>[!^])?(?P<set>\]?[^\]]*)\]|.", re.DOTALL)
_HALF_DONE = (".part", ".tmp", ".swp", ".crdownload", "~")


@dataclass(frozen=True, slots=True)
class Target:
    """What a watch looks at.

    Attributes:
        place: what the user named.
        kind: ``file``, ``folder`` (all below it) or ``glob``.
        path: the whole path or pattern: absolute for local files, else inside its drive.
        root: the path of the deepest folder that holds everything looked at.
        missing: there was nothing to see when the watch began.
    """

    place: Place
    kind: Literal["file", "folder", "glob"]
    path: str
    root: str
    missing: bool = False
    _regex: re.Pattern[str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, place: Place, known: Callable[[str], str | None] | None = None) -> Target:
        """Find out what a place means as something to watch.

        Args:
            known: says ``file``, ``folder`` or nothing of a path without asking its drive, or
                None if it can not.

        Raises:
            PlaceNotFound: neither the place nor the folder it would be in exists.
            BadPlace: it is no pattern.
        """
        path = place.path.rstrip("/") or place.path[:1]
        kind = known(path) if known else None
        if kind == "folder" or (kind is None and place.is_folder()):
            return cls(place, "folder", path, path)
        if kind == "file" or (kind is None and place.exists()):
            return cls(place, "file", path, _parent(path))
        magic = _MAGIC.search(path)
        root = _parent(path[: magic.start()] if magic else path)
        if root and not (known and known(root) == "folder"):
            from colab_magics.storage.place import expect_folder

            expect_folder(replace(place, path=root))
        if not magic:
            return cls(place, "file", path, root, missing=True)
        from colab_magics.storage.listing import compiled

        compiled(path)  # glob itself raises a ValueError in words of its own
        fs: Any = place.fs
        return cls(place, "glob", path, root, not fs.glob(path), _compile(path))

    @property
    def recursive(self) -> bool:
        """Whether folders below `root` are of interest."""
        rest = self.path[len(self.root) :].strip("/")
        return self.kind == "folder" or (self.kind == "glob" and ("/" in rest or "**" in rest))

    def matches(self, path: str) -> bool:
        """Whether the file at this path is one that is looked at."""
        if self.kind == "file":
            return path == self.path
        if self._regex is not None:
            if not self._regex.fullmatch(path):
                return False
            return unfinished(self.path) or not unfinished(path, below=self.root)
        return _is_below(path, self.root) and not unfinished(path, below=self.root)

    def looks_into(self, folder: str) -> bool:
        """Whether what is in this folder is looked at."""
        if folder == self.root:
            return True
        return self.recursive and _is_below(folder, self.root)

    def lies_below(self, folder: str) -> bool:
        """Whether this is one of the folders on the way to `root`."""
        return folder != self.root and _is_below(self.root, folder)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(folder.rstrip("/") + "/")


def unfinished(path: str, *, below: str | None = None) -> bool:
    """Whether a name is one that programs give to files that are theirs or not done yet.

    Args:
        below: look at all parts of the path under this folder, not at the last part only.
    """
    parts = path[len(below) :].strip("/").split("/") if below is not None else [path.split("/")[-1]]
    return any(
        part.startswith(".") or part == "__pycache__" or part.endswith(_HALF_DONE) for part in parts
    )


def _parent(path: str) -> str:
    head, slash, _ = path.rpartition("/")
    return head or (slash if path.startswith("/") else "")


def _compile(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression; only ``**`` goes across folders."""
    try:
        return re.compile(_TOKEN.sub(_regex_of, pattern))
    except re.error as exc:
        raise BadPlace(f"no pattern: {pattern!r} ({exc})") from None


def _regex_of(token: re.Match[str]) -> str:
    if token["set"]:
        inner = re.sub(r"([\\\[&~|])", r"\\\1", token["set"])
        return f"(?!/)[{'^' if token['not'] else ''}{inner}]"
    return _WILD.get(token[0]) or re.escape(token[0])
