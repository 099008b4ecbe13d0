"""How are files and folders of a Drive made, moved and removed, without a look into them?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import math
import threading
from typing import Any

from colab_magics.errors import BadPlace, DriveConflict, PlaceIsFile, PlaceIsFolder

from .contents import DriveReader
from .lookup import LISTING_SECONDS
from .tree import FOLDER, SHARED_DRIVES, Node, to_name


class DriveArranger(DriveReader):
    """Files of one Drive, to put in order.

    What is moved keeps its id; what is removed goes to the trash; parent folders are made as
    needed. All but reading means a shortcut itself, never what it leads to.
    """

    def __init__(self, *args: Any, trash: bool = True, **options: Any) -> None:
        """Open a Drive.

        Args:
            trash: whether what is removed goes to the trash; False: it is deleted for good.
        """
        super().__init__(*args, trash=trash, **options)
        self.trash = trash
        self._making_folders = threading.RLock()

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        super().unlock()
        self._making_folders = threading.RLock()

    # Making

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Make a folder.

        Raises:
            DriveConflict: there is something already (it is a FileExistsError).
        """
        path = self._strip_protocol(path)
        self.api.may_write()
        with self._making_folders:
            if self.lookup.find(path, within=LISTING_SECONDS) is not None:
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

    def _folder(self, path: str) -> Node:
        """The folder at a path, made with those above it if need be."""
        found = self.lookup.find(path)  # mostly it is there: no lock for that
        if found is None:
            with self._making_folders:
                found = self.lookup.find(path, within=LISTING_SECONDS)
                node = self._made(path) if found is None else found.target()
        else:
            node = found.target()
        if not node.folder:
            raise PlaceIsFile(f"{path!r} is a file, not a folder")
        return node

    def _made(self, path: str) -> Node:
        above, _, last = path.rpartition("/")
        if path.startswith("id:") and not above:
            self.lookup.node(path)  # raises: an id can not be made
        if above == SHARED_DRIVES:
            raise BadPlace(f"no shared drive {last!r}; Drive's own page makes them")
        parent = self._folder(above)
        return self.lookup.wrote(self.api.create(to_name(last), parent.id, mime_type=FOLDER))

    def _place_for(self, path: str) -> tuple[str, str]:
        """The id of the folder that a path lies in, made if need be, and the path's own name."""
        above, _, last = path.rpartition("/")
        if not last:
            raise PlaceIsFolder("My Drive is a folder, not a file")
        if last.startswith("id:") and not above:
            node = self.lookup.node(path)
            return node.parent or "", node.name
        if above == SHARED_DRIVES:
            raise BadPlace(f"{path!r} can only be a shared drive; name a file in one")
        return self._folder(above).id, to_name(last)

    # Removing

    def rmdir(self, path: str) -> None:
        """Remove a folder that is empty."""
        found = self.lookup.found(self._strip_protocol(path), within=0)
        if not found.target().folder:
            raise PlaceIsFile(f"{path!r} is a file, not a folder")
        if found.shortcut is None and self.lookup.children(found):
            raise PlaceIsFolder(f"{path!r} is not empty; remove it with recursive=True")
        self._remove(found.own)

    def rm_file(self, path: str, trash: bool | None = None) -> None:
        """Remove a file; `trash` as for `rm`."""
        node = self.lookup.found(self._strip_protocol(path)).own
        if node.folder:
            raise PlaceIsFolder(f"{path!r} is a folder; remove it with recursive=True")
        self._remove(node, trash)

    _rm = rm_file

    def rm(
        self,
        path: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        trash: bool | None = None,
    ) -> None:
        """Remove files, and with `recursive` folders whole.

        Args:
            trash: False deletes for good; None: as the filesystem was opened.
        """
        gone: list[str] = []  # with all that is in them
        for one in path if isinstance(path, list) else [path]:
            whole = maxdepth is None and self.lexists(one)
            matches = [one] if whole else self.expand_path(one, recursive, maxdepth)
            for match in matches if whole or maxdepth is None else reversed(matches):
                if any(match.startswith(f"{folder}/") for folder in gone):
                    continue
                node = self.lookup.found(self._strip_protocol(match)).own
                self._rm_found(node, match, recursive and maxdepth is None, trash)
                gone += [match] if node.folder else []

    def _rm_found(self, node: Node, path: str, recursive: bool, trash: bool | None) -> None:
        if node.folder and not recursive:
            self.rmdir(path)
        else:
            self._remove(node, trash)

    def _remove(self, node: Node, trash: bool | None = None) -> None:
        if node.id in (self.api.root_id(), SHARED_DRIVES) or node.id == node.drive:
            raise BadPlace(f"{node.name or 'My Drive'} itself can not be removed")
        if self.trash if trash is None else trash:
            self.lookup.removed(node.id, self.api.update(node.id, trashed=True).version)
        else:
            self.api.delete(node.id)
            self.lookup.removed(node.id, math.inf)

    # Moving

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
        node = self.lookup.found(self._strip_protocol(path1)).own
        path, target = self._strip_protocol(path2), self._found(path2)
        if target is not None and target.node.folder and target.node.id != node.id:
            folder, name = target.node.id, node.name
            target = self._found(f"{path}/{path1.rstrip('/').rpartition('/')[2]}".lstrip("/"))
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
        if target is not None and target.own.id != node.id and not target.own.folder:
            self._remove(target.own, trash=True)
