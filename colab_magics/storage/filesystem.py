"""Google Drive as an fsspec filesystem (``gdrive://``): paths outside, ids inside.

What paths look like is said in `browsing`, what `open` promises in `openfile`.
"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import mimetypes
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.callbacks import DEFAULT_CALLBACK, Callback

from colab_magics.errors import (
    BadPlace,
    DriveConflict,
    DriveForbidden,
    PlaceIsFolder,
    PlaceNotFound,
)

from .arranging import DriveArranger
from .lookup import LISTING_SECONDS
from .openfile import WriteFile, WriteText
from .room import scratch
from .transfers.sending import Source
from .tree import Node


class DriveFileSystem(DriveArranger):
    """Files of one Drive: everything that fsspec knows.

    A file that is overwritten keeps its id, and is whole or as it was before; what is removed goes
    to the trash; parent folders are made as needed.
    """

    def publish(
        self,
        path: str,
        source: BinaryIO | bytes | Path,
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
        with self.turns.of((folder, name)):
            node = self._writable(path, exclusive, within=0 if exclusive else LISTING_SECONDS)
            done = self._replaced(node, source, callback) if node is not None else None
            if done is None:
                kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                done = self.api.create(name, folder, source, mime_type=kind, callback=callback)
            return self._settled(done, path)

    def _writable(self, path: str, exclusive: bool, within: float | None = None) -> Node | None:
        """The file at a path that may be written, None if there is nothing yet."""
        found = self.lookup.find(path, within=within)
        if found is None:
            return None
        if found.node.folder:
            raise PlaceIsFolder(f"{path!r} is a folder, not a file")
        if exclusive:
            raise DriveConflict(f"{path!r} exists already")
        node = found.target()
        if node.size is None:
            raise DriveForbidden(f"{path!r} is a Google document; write to a file of another name")
        return node

    def _replaced(self, node: Node, source: Source, callback: Any) -> Node | None:
        """The file with new content; None if it is not there any more, for whatever reason.

        A stream that can be read only once goes into the file wherever that is by now.
        """
        stream = None if isinstance(source, bytes | Path) else source
        start = stream.tell() if stream is not None and stream.seekable() else None
        once = stream is not None and start is None
        try:
            done = self.api.update(node.id, source, mime_type=node.mime_type, callback=callback)
            if once or (done.parent, done.name) == (node.parent, node.name):
                return done
            self.lookup.wrote(done)
        except PlaceNotFound:
            self.lookup.removed(node.id)
            if once:
                raise
        if stream is not None and start is not None:
            stream.seek(start)
        return None

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open a file; see `openfile` for what writing promises.

        Args:
            kwargs: `export` is what a Google document is to become, such as "csv"; `cache_type`
                is one of fsspec's block caches.
        """
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
        export: str | None = None,
        **kwargs: Any,
    ) -> Any:
        if mode == "rb" and export is not None:
            file = tempfile.SpooledTemporaryFile(max_size=self.api.settings.chunk_bytes)  # noqa: SIM115
            file.write(self.export(path, export))
            file.seek(0)
            return file
        if mode == "rb":
            return self.read_file(path, block_size, cache_options=cache_options, **kwargs)
        if mode not in ("wb", "ab", "xb"):
            raise BadPlace(f"no way to open a file on Drive: {mode!r}; use r, w, a or x")
        self.api.may_write()
        self._writable(path, exclusive=mode == "xb", within=0 if mode == "xb" else None)
        return WriteFile(self, path, mode, autocommit)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        """Write bytes to a file; mode "create" refuses an existing one."""
        self._put(path, bytes(value), exclusive=mode == "create")

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
        self._put(rpath, Path(lpath), callback=callback, exclusive=mode == "create")

    def _put(
        self, path: str, source: Path | bytes, *, exclusive: bool, callback: Any = None
    ) -> None:
        """Write a whole file: now, or in a transaction at its end."""
        if not self._intrans:
            self.publish(path, source, callback=callback, exclusive=exclusive)
            return
        with self.open(path, "xb" if exclusive else "wb") as file:
            if isinstance(source, bytes):
                file.write(source)
            else:
                with source.open("rb") as stream:
                    shutil.copyfileobj(stream, file)

    def touch(self, path: str, truncate: bool = True, **kwargs: Any) -> None:
        """Make a file empty; without `truncate`, set the time of one that is there to now."""
        node = None if truncate else self._find(path)
        if node is None:
            self.pipe_file(path, b"")
        else:
            self.lookup.wrote(self.api.update(node.id, modified=datetime.now(UTC)))

    def copy(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        on_error: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Copy files and folders, as fsspec says; into `path2` where that is a folder."""
        folder = isinstance(path2, str) and (path2.endswith("/") or self.isdir(path2))
        goal = self._goal(path1, path2, folder)
        super().copy(path1, goal, recursive, maxdepth, on_error, **kwargs)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy a file within Drive; over an existing one, that keeps its id."""
        self.api.may_write()
        source, target = self.node(path1), self._find(path2)
        if source.folder:
            self.makedirs(path2, exist_ok=True)
        elif target is not None:
            with scratch(f"copy {path1!r}") as copy:
                self._fetch(self._file(path1), copy)
                copy.seek(0)
                self.publish(path2, copy)
        else:
            folder, name = self._place_for(self._strip_protocol(path2))
            self._settled(self.api.copy(source, name, folder), self._strip_protocol(path2))
