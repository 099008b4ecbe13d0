"""Google Drive as an fsspec filesystem (``gdrive://``): paths outside, ids inside.

What paths look like is said in `browsing`, what `open` promises in `openfile`.
"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import mimetypes
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.callbacks import DEFAULT_CALLBACK, Callback

from colab_magics.errors import BadPlace, DriveConflict, PlaceIsFile, PlaceIsFolder

from .browsing import DriveReader
from .openfile import WriteFile, WriteText
from .tree import FOLDER, Node, to_name


class DriveFileSystem(DriveReader):
    """Files of one Drive.

    A file that is overwritten keeps its id; what is removed goes to the trash; parent folders are
    made as needed.

    Attributes:
        api: the Drive itself, by ids.
        tree: what is known of it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._making_folders = threading.RLock()
        # Two threads that write one new path must not make two files.
        self._writing = [threading.RLock() for _ in range(64)]

    def publish(
        self,
        path: str,
        source: BinaryIO | bytes,
        *,
        callback: Any = None,
        exclusive: bool = False,
    ) -> Node:
        """Put content at a path, whole and verified.

        Args:
            exclusive: refuse when there is a file already.
        """
        path = self._strip_protocol(path)
        self.api.may_write()
        folder, name = self._place_for(path)
        with self._writing[hash((folder, name)) % len(self._writing)]:
            node = self.lookup.find(path)
            if node is not None and node.folder:
                raise PlaceIsFolder(f"{path!r} is a folder, not a file")
            if node is not None and exclusive:
                raise DriveConflict(f"{path!r} exists already")
            if node is not None:
                kind = node.mime_type
                done = self.api.update(node.id, source, mime_type=kind, callback=callback)
            else:
                kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                done = self.api.create(name, folder, source, mime_type=kind, callback=callback)
            return self.lookup.wrote(done)

    def _place_for(self, path: str) -> tuple[str, str]:
        """The id of the folder that a path lies in, made if need be, and the path's own name."""
        above, _, last = path.rpartition("/")
        if not last:
            raise PlaceIsFolder("My Drive is a folder, not a file")
        if last.startswith("id:") and not above:
            node = self.lookup.node(path)
            return node.parent or "", node.name
        return self._folder(above).id, to_name(last)

    def _folder(self, path: str) -> Node:
        """The folder at a path, made with those above it if need be."""
        with self._making_folders:
            node = self.lookup.find(path)
            if node is None:
                if path.startswith("id:") and "/" not in path:
                    node = self.lookup.node(path)  # raises: an id can not be made
                above, _, last = path.rpartition("/")
                parent = self._folder(above)
                made = self.api.create(to_name(last), parent.id, mime_type=FOLDER)
                node = self.lookup.wrote(made)
        if not node.folder:
            raise PlaceIsFile(f"{path!r} is a file, not a folder")
        return node

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open a file; see `openfile` for what writing promises."""
        if "b" in mode or "r" in mode or compression:
            return super().open(path, mode, block_size, cache_options, compression, **kwargs)
        names = ("encoding", "errors", "newline")
        text = {name: kwargs.pop(name) for name in names if name in kwargs}
        binary = mode.replace("t", "") + "b"
        return WriteText(super().open(path, binary, block_size, cache_options, **kwargs), **text)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        if mode == "rb":
            return self.read_file(path, block_size, cache_options=cache_options, **kwargs)
        if mode not in ("wb", "ab", "xb"):
            raise BadPlace(f"no way to open a file on Drive: {mode!r}; use r, w, a or x")
        self.api.may_write()
        node = self.lookup.find(path)
        if node is not None and node.folder:
            raise PlaceIsFolder(f"{path!r} is a folder, not a file")
        if node is not None and mode == "xb":
            raise DriveConflict(f"{path!r} exists already")
        return WriteFile(self, path, mode, autocommit)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        """Write bytes to a file; mode "create" refuses an existing one."""
        self.publish(path, bytes(value), exclusive=mode == "create")

    def put_file(
        self,
        lpath: Any,
        rpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **kwargs: Any,
    ) -> None:
        """Send a file of this machine."""
        if os.path.isdir(lpath):
            self.makedirs(rpath, exist_ok=True)
            return
        with Path(lpath).open("rb") as source:
            self.publish(rpath, source, callback=callback, exclusive=mode == "create")

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Make a folder.

        Raises:
            DriveConflict: there is something already (it is a FileExistsError).
        """
        path = self._strip_protocol(path)
        self.api.may_write()
        with self._making_folders:
            if self.lookup.find(path) is not None:
                raise DriveConflict(f"{path or 'My Drive'!r} exists already")
            if not create_parents:
                self.lookup.node(path.rpartition("/")[0])
            self._folder(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder and those above it."""
        if exist_ok:
            self.api.may_write()
            self._folder(self._strip_protocol(path))
        else:
            self.mkdir(path)

    def rmdir(self, path: str) -> None:
        """Trash a folder that is empty."""
        node = self.node(path)
        if not node.folder:
            raise PlaceIsFile(f"{path!r} is a file, not a folder")
        if self.lookup.children(node):
            raise PlaceIsFolder(f"{path!r} is not empty; remove it with recursive=True")
        self._trash(node)

    def rm_file(self, path: str) -> None:
        """Put a file into the trash."""
        node = self.node(path)
        if node.folder:
            raise PlaceIsFolder(f"{path!r} is a folder; remove it with recursive=True")
        self._trash(node)

    _rm = rm_file

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Put files, and with `recursive` folders whole, into the trash."""
        for one in path if isinstance(path, list) else [path]:
            node = self._find(one)
            if node is not None and node.folder and recursive and maxdepth is None:
                self._trash(node)
            elif node is not None and node.folder:
                self.rmdir(one)
            elif node is not None:
                self._trash(node)
            else:
                super().rm(one, recursive=recursive, maxdepth=maxdepth)  # a glob, or nothing

    def _trash(self, node: Node) -> None:
        if node.id == self.api.root_id():
            raise BadPlace("My Drive itself can not be removed")
        self.api.update(node.id, trashed=True)
        self.lookup.removed(node.id)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy a file within Drive; over an existing one, that keeps its id."""
        self.api.may_write()
        source, target = self.node(path1), self._find(path2)
        if source.folder:
            self.makedirs(path2, exist_ok=True)
        elif target is not None:
            self.publish(path2, self.cat_file(path1))
        else:
            folder, name = self._place_for(self._strip_protocol(path2))
            self.lookup.wrote(self.api.copy(source.id, name, folder))

    def mv(
        self,
        path1: str,
        path2: str,
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Move or rename a file or folder, whole; into `path2` where that is a folder."""
        self.api.may_write()
        node, target = self.node(path1), self._find(path2)
        path = self._strip_protocol(path2)
        if target is not None and target.folder and target.id != node.id:
            folder, name = target.id, node.name
            target = self.lookup.find(f"{path}/{path1.rstrip('/').rpartition('/')[2]}".lstrip("/"))
        elif path2.endswith("/"):
            folder, name = self._folder(path).id, node.name
        else:
            folder, name = self._place_for(path)
        if (folder, name) == (node.parent, node.name):
            return
        if folder == node.parent:
            moved = self.api.update(node.id, name=name)
        else:
            above = node.parent
            moved = self.api.update(node.id, name=name, add_parent=folder, remove_parent=above)
        self.lookup.wrote(moved)
        if target is not None and target.id != node.id and not target.folder:
            self._trash(target)
