"""What is at a path of a Drive, and what is below it? Nothing here touches bytes.

The root "" is My Drive; "My Drive/", "/" and "gdrive://" in front change nothing; "Shared drives"
holds those; ``id:ID`` and ``id:ID/name`` start at any file or folder. Where a folder holds several
files of one name, the one modified last is meant. A shortcut means what it leads to. How names that
are no part of a path are written is said in `tree`.
"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

from datetime import datetime
from typing import Any

from colab_magics.errors import PlaceIsFile, PlaceNotFound

from .exporting import formats
from .lookup import LISTING_SECONDS, Found
from .opening import OpenedDrive
from .parallel import Several
from .tree import Node, to_path


class DriveBrowser(OpenedDrive):
    """Files and folders of one Drive, to look at."""

    # One file or folder

    def node(self, path: str) -> Node:
        """The file or folder that a path means, as Drive knows it.

        Raises:
            PlaceNotFound: there is none; the message says what there is.
        """
        return self.lookup.node(self._strip_protocol(path))

    def describe(self, node: Node, path: str) -> dict[str, Any]:
        """What `info` says of a node."""
        facts: dict[str, Any] = {
            "name": path,
            "size": 0 if node.folder else node.size,  # None: a Google document, which has no bytes
            "type": "directory" if node.folder else "file",
            "id": node.id,
            "md5": node.md5,
            "mtime": node.modified,
            "created": node.created,
            "revision": node.revision,
            "mimetype": node.mime_type,
        }
        if exportable := formats(node.mime_type):
            facts["exportable"] = exportable
        if node.shared:
            facts["shared"] = True
        return facts

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Facts about the file or folder at a path.

        Of a shortcut, about what it leads to; ``shortcut`` is its own id. One that leads nowhere
        is of the type "link".
        """
        path = self._strip_protocol(path)
        return self._facts(self.lookup.found(path), path)

    def _facts(self, found: Found, path: str) -> dict[str, Any]:
        facts = self.describe(found.node, path)
        if found.shortcut is not None:
            facts["shortcut"] = found.shortcut.id
        if found.trouble:
            facts["type"] = "link"
        return facts

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Whether there is something; a Drive out of reach raises, it does not say no."""
        return self._find(path) is not None

    def lexists(self, path: str, **kwargs: Any) -> bool:
        """Whether there is something, be it a shortcut that leads nowhere."""
        return self._found(path) is not None

    def isdir(self, path: str) -> bool:
        """Whether there is a folder."""
        node = self._find(path)
        return node is not None and node.folder

    def isfile(self, path: str) -> bool:
        """Whether there is a file."""
        node = self._find(path)
        return node is not None and not node.folder

    def created(self, path: str) -> datetime | None:
        """When the file was made."""
        return self.node(path).created

    def modified(self, path: str) -> datetime | None:
        """When the file was last changed."""
        return self.node(path).modified

    def checksum(self, path: str) -> str:
        """The md5 of the content; of a Google document its version."""
        node = self.node(path)
        return node.md5 or node.revision

    def ukey(self, path: str) -> str:
        """A text that changes when the content does."""
        node = self.node(path)
        return f"{node.id}:{node.revision}"

    def duplicates(self, path: str) -> list[dict[str, Any]]:
        """All that have this name in this folder, the one that the path means first, by id."""
        own = self.lookup.found(self._strip_protocol(path)).own
        twins = self.lookup.twins(own.parent, own.name) if own.parent else []
        nodes = [own, *(node for node in twins if node.id != own.id)]
        return [self.describe(node, f"id:{node.id}") for node in nodes]

    def _found(self, path: str, within: float | None = None) -> Found | None:
        try:
            return self.lookup.find(self._strip_protocol(path), within=within)
        except (PlaceIsFile, PlaceNotFound):  # a file or a broken shortcut on the way
            return None

    def _find(self, path: str) -> Node | None:
        found = self._found(path)
        return None if found is None or found.trouble else found.node

    # Folders

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """What is in a folder, by name; of a file, the file itself."""
        path = self._strip_protocol(path)
        found = self.lookup.found(path, within=self._listing_seconds)
        inside = self._inside((path, found)) if found.target().folder else [(path, found)]
        return [self._facts(one, name) if detail else name for name, one in inside]

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **kwargs: Any,
    ) -> Any:
        """All files below a path, by name; folders are listed several at a time.

        A shortcut to a folder is entered, unless it leads back to where it lies.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        path = self._strip_protocol(path)
        top = self._found(path, self._listing_seconds)
        found: dict[str, Found] = {}
        if top is not None and top.node.folder:
            found = self._below(path, top, maxdepth)
            if path and withdirs:
                found[path] = top
        elif top is not None:
            found[path] = top
        names = sorted(name for name, one in found.items() if withdirs or not one.node.folder)
        return {name: self._facts(found[name], name) for name in names} if detail else names

    def du(
        self,
        path: str,
        total: bool = True,
        maxdepth: int | None = None,
        withdirs: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Bytes of all files below a path, or of each; Google's own documents count as none."""
        infos = self.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True)
        sizes = {name: info["size"] or 0 for name, info in infos.items()}
        return sum(sizes.values()) if total else sizes

    def invalidate_cache(self, path: str | None = None) -> None:
        """Ask Drive again from now on."""
        self.lookup.refresh()
        super().invalidate_cache(path)

    @property
    def _listing_seconds(self) -> float:
        return min(LISTING_SECONDS, self.api.settings.fresh_seconds)

    def _below(self, path: str, top: Found, depth: int | None) -> dict[str, Found]:
        found: dict[str, Found] = {}
        level = [(path, top)]
        with Several(self.api.settings.parallel_files) as several:
            while level and depth != 0:
                inside = [one for folder in several.each(self._inside, level) for one in folder]
                found.update(inside)
                level = [(name, one) for name, one in inside if one.node.folder]
                depth = None if depth is None else depth - 1
        return found

    def _inside(self, folder: tuple[str, Found]) -> list[tuple[str, Found]]:
        path, found = folder
        above = f"{path}/" if path else ""
        return [(above + to_path(one.own.name), one) for one in self.lookup.children(found)]
