"""Reading half of the filesystem on Drive: what is at a path, and its bytes.

The root "" is My Drive; "My Drive/", "/" and "gdrive://" in front change nothing; ``id:ID`` and
``id:ID/name`` start at any file or folder. Where a folder holds several files of one name, the one
modified last is meant. How names that are no part of a path are written is said in `tree`.
"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import io
import os
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.spec import AbstractFileSystem

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import BadPlace, DriveForbidden, PlaceIsFile, PlaceIsFolder
from colab_magics.settings import Settings

from .api import DriveAPI
from .credentials import find_credentials
from .lookup import Lookup
from .openfile import ReadFile
from .tree import Node, Tree, to_path
from .whole import published


class _Endpoint:
    """Which Drive is meant when none is given: part of what fsspec keeps instances by."""

    def __get__(self, instance: object, owner: type) -> tuple[str, str]:
        settings = Settings.load()
        return settings.drive_url, settings.credentials_dir


class DriveReader(AbstractFileSystem):
    """Files of one Drive, to read.

    Attributes:
        api: the Drive itself, by ids.
        tree: what is known of it.
    """

    protocol = "gdrive"
    root_marker = ""
    _endpoint = _Endpoint()
    _extra_tokenize_attributes: tuple[str, ...] = ("_endpoint",)  # type: ignore[assignment]

    def __init__(
        self,
        url: str | None = None,
        api: DriveAPI | None = None,
        *,
        clock: Clock = CLOCK,
        **storage_options: Any,
    ) -> None:
        """Open a Drive: `api`, or the one at `url`, or the one that the settings name."""
        super().__init__(**storage_options)
        if api is None:
            settings = Settings.load(drive_url=url)
            credentials = None if settings.drive_url else find_credentials(settings)
            api = DriveAPI(url=settings.drive_url, credentials=credentials, settings=settings)
        self.api = api
        known = Tree()
        self.nodes: Tree = known
        self.lookup = Lookup(api, known, clock)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        text = os.fspath(path).removeprefix("gdrive://").strip("/")
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise BadPlace(f"no path on a Drive: {text!r}; it may not hold '..'")
        return "/".join(parts[1:] if parts[:1] == ["My Drive"] else parts)

    # Asking

    def node(self, path: str) -> Node:
        """The file or folder at a path, as Drive knows it.

        Raises:
            PlaceNotFound: there is none; the message says what there is.
        """
        return self.lookup.node(self._strip_protocol(path))

    def describe(self, node: Node, path: str) -> dict[str, Any]:
        """What `info` says of a node."""
        return {
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

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Facts about the file or folder at a path."""
        path = self._strip_protocol(path)
        return self.describe(self.lookup.node(path), path)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """What is in a folder, by name; of a file, the file itself."""
        path = self._strip_protocol(path)
        node = self.lookup.node(path)
        if not node.folder:
            found = [self.describe(node, path)]
        else:
            above = f"{path}/" if path else ""
            nodes = self.lookup.children(node)
            found = [self.describe(child, above + to_path(child.name)) for child in nodes]
        return found if detail else [entry["name"] for entry in found]

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Whether there is something; a Drive out of reach raises, it does not say no."""
        return self._find(path) is not None

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

    def invalidate_cache(self, path: str | None = None) -> None:
        """Ask Drive again from now on."""
        self.lookup.refresh()
        super().invalidate_cache(path)

    def _find(self, path: str) -> Node | None:
        try:
            return self.lookup.find(self._strip_protocol(path))
        except PlaceIsFile:
            return None

    # Reading

    def _file(self, path: str) -> Node:
        node = self.node(path)
        if node.folder:
            raise PlaceIsFolder(f"{path!r} is a folder, not a file")
        if node.size is None:
            raise DriveForbidden(f"{path!r} is a Google document, which has no bytes of its own")
        return node

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any
    ) -> bytes:
        """The bytes of a file, or of a part of it; negative numbers count from its end."""
        node, target = self._file(path), io.BytesIO()
        if start is None and end is None:
            self.api.fetch(node, target)
        else:
            first, last, _ = slice(start, end).indices(node.size or 0)
            self.api.download(node.id, target, start=first, end=last, size=node.size)
        return target.getvalue()

    def get_file(
        self,
        rpath: str,
        lpath: Any = None,
        callback: Callback = DEFAULT_CALLBACK,
        outfile: BinaryIO | None = None,
        **kwargs: Any,
    ) -> None:
        """Fetch a file, verified; `lpath` is the old file or the whole new one, never a part."""
        if outfile is None and hasattr(lpath, "write"):
            outfile = lpath
        if outfile is not None:
            self.api.fetch(self._file(rpath), outfile, callback=callback)
        elif self.isdir(rpath):
            os.makedirs(lpath, exist_ok=True)
        else:
            self.get_node(self._file(rpath), Path(lpath), callback=callback)

    def get_node(self, node: Node, target: Path, *, callback: Any = None) -> Node:
        """Fetch a file by its node, in one request if that is still right.

        Returns:
            The node of the revision that arrived.
        """
        with published(target) as part, part.open("w+b") as stream:
            return self.api.fetch(node, stream, callback=callback)

    def read_file(self, path: str, block_size: int | None = None, **options: Any) -> ReadFile:
        """Open a file for reading."""
        block = block_size or self.api.settings.chunk_bytes
        return ReadFile(self, path, self._file(path), block_size=block, **options)
