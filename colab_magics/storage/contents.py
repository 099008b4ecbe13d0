"""What are the bytes of the file at a path of a Drive: all of them, some, or an export?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import has_magic
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.callbacks import DEFAULT_CALLBACK, Callback

from colab_magics.errors import DriveConflict, DriveForbidden, PlaceIsFolder, PlaceNotFound

from .browsing import DriveBrowser
from .exporting import format_type, formats
from .openfile import ReadFile
from .parallel import each
from .transfers.whole import published
from .tree import Node


class DriveReader(DriveBrowser):
    """Files of one Drive, to read."""

    def cat_file(
        self,
        path: str,
        start: int | None = None,
        end: int | None = None,
        export: str | None = None,
        **kwargs: Any,
    ) -> bytes:
        """The bytes of a file, or of a part of it; negative numbers count from its end.

        Args:
            export: what a Google document is to become, such as "csv"; `info` says what it can.
        """
        if export is not None:
            return self.export(path, export)[start:end]
        node, target = self._file(path), io.BytesIO()
        if start is None and end is None:
            self._fetch(node, target)
            return target.getvalue()
        try:
            return self._part(node, start, end)
        except DriveConflict:  # what was known of it is some seconds old
            return self._part(self._seen(self.api.get(node.id)), start, end)

    def _part(self, node: Node, start: int | None, end: int | None) -> bytes:
        target = io.BytesIO()
        first, last, _ = slice(start, end).indices(node.size or 0)
        with self.reading(node):
            self.api.download(node.id, target, start=first, end=last, size=node.size)
        return target.getvalue()

    def cat(
        self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any
    ) -> Any:
        """The bytes of a file; of several, by path, fetched a few at a time."""
        paths = self.expand_path(path, recursive=recursive)
        if not isinstance(path, list) and paths == [self._strip_protocol(path)]:
            return self.cat_file(paths[0], **kwargs)
        paths = [one for one in paths if not (recursive and self.isdir(one))]
        found = dict(zip(paths, self._several(zip(paths), on_error, kwargs), strict=True))
        if on_error == "omit":
            return {path: got for path, got in found.items() if not isinstance(got, Exception)}
        return found

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[Any]:
        """Parts of files, fetched a few at a time."""
        if max_gap is not None:
            raise NotImplementedError("ranges are not merged; leave max_gap out")
        starts = starts if isinstance(starts, list) else [starts] * len(paths)
        ends = ends if isinstance(ends, list) else [ends] * len(paths)
        return self._several(zip(paths, starts, ends, strict=True), on_error, kwargs)

    def _several(
        self, parts: Iterable[tuple[Any, ...]], on_error: str, options: dict[str, Any]
    ) -> list[Any]:
        """What `cat_file` gives for each; an error in its place, unless `on_error` is "raise"."""

        def one(part: tuple[Any, ...]) -> Any:
            try:
                return self.cat_file(*part, **options)
            except Exception as exc:
                if on_error == "raise":
                    raise
                return exc

        return each(one, parts, self.api.settings.parallel_files)

    def export(self, path: str, format: str) -> bytes:
        """A Google document in another format, such as "pdf"; `info` says in which it can be had.

        Raises:
            BadValue: it can not be had in that one, or is no Google document.
            DriveForbidden: it would be larger than the 10 MB that Drive exports.
        """
        node, target = self.node(path), io.BytesIO()
        self.api.export(node.id, format_type(node.mime_type, format, path), target)
        return target.getvalue()

    def get(
        self,
        rpath: Any,
        lpath: Any,
        recursive: bool = False,
        callback: Callback = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Fetch files and folders, as fsspec says; into `lpath` where that is a folder."""
        folder = isinstance(lpath, str) and (lpath.endswith("/") or os.path.isdir(lpath))
        goal = self._goal(rpath, lpath, folder)
        super().get(rpath, goal, recursive, callback, maxdepth, **kwargs)

    def _goal(self, source: Any, target: Any, folder: bool) -> Any:
        """Where what is copied goes, said so that fsspec gets it right.

        fsspec takes the name that goes into a folder from behind the last "/" of the source; what
        lies in My Drive has none.
        """
        if not isinstance(source, str) or not isinstance(target, str) or source.endswith("/"):
            return target
        names = [self._strip_protocol(source)]
        if has_magic(source):
            names = self.glob(source)
            folder = len(names) == 1 and self.isfile(names[0])
        if not folder or not names[0] or "/" in names[0]:
            return target
        return f"{target.rstrip('/')}/{names[0]}"

    def get_file(
        self,
        rpath: str,
        lpath: Any = None,
        callback: Callback = DEFAULT_CALLBACK,
        outfile: BinaryIO | None = None,
        export: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Fetch a file, verified; `lpath` is the old file or the whole new one, never a part.

        Args:
            export: what Google documents are to become; other files come as they are.
        """
        if outfile is None and hasattr(lpath, "write"):
            outfile = lpath
        if outfile is None and self.isdir(rpath):
            os.makedirs(lpath, exist_ok=True)
        elif export is not None and formats(self.node(rpath).mime_type):
            self._save(self.export(rpath, export), lpath, outfile)
        elif outfile is not None:
            self._fetch(self._file(rpath), outfile, callback)
        else:
            self.get_node(self._file(rpath), Path(lpath), callback=callback)

    def get_node(self, node: Node, target: Path, *, callback: Any = None) -> Node:
        """Fetch a file by its node, in one request if that is still right.

        Returns:
            The node of the revision that arrived.
        """
        with self.reading(node):
            return self._seen(self.api.fetch_file(node, target, callback=callback))

    def read_file(self, path: str, block_size: int | None = None, **options: Any) -> ReadFile:
        """Open a file for reading."""
        options.pop("size", None)  # fsspec's block cache tells it, as it was read from `info`
        block = block_size or self.api.settings.chunk_bytes
        return ReadFile(self, path, self._file(path), block_size=block, **options)

    def _file(self, path: str) -> Node:
        node = self.node(path)
        if node.folder:
            raise PlaceIsFolder(f"{path!r} is a folder, not a file")
        if node.size is None:
            known = ", ".join(formats(node.mime_type))
            rest = f"; export it as one of {known}" if known else " and can not be exported"
            raise DriveForbidden(f"{path!r} is a Google document, which has no bytes{rest}")
        return node

    def _fetch(self, node: Node, target: BinaryIO, callback: Any = None) -> Node:
        with self.reading(node):
            return self._seen(self.api.fetch(node, target, callback=callback))

    @contextmanager
    def reading(self, node: Node) -> Iterator[None]:
        """Take in that a file is gone, where Drive says so during the block."""
        try:
            yield
        except PlaceNotFound:
            self.lookup.known.forget(node.id)
            raise

    def _seen(self, node: Node) -> Node:
        """Take in what a fetch found out: another revision, in most cases not."""
        self.lookup.known.learn([node])
        return node

    def _save(self, content: bytes, lpath: Any, outfile: BinaryIO | None) -> None:
        if outfile is not None:
            outfile.write(content)
            return
        with published(Path(lpath)) as part:
            part.write_bytes(content)
