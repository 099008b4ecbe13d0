"""How are files and folders of a Drive made, moved and removed, without a look into them?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import math
from glob import has_magic
from typing import Any

from colab_magics.errors import BadPlace, DriveConflict, PlaceIsFile, PlaceIsFolder

from .contents import DriveReader
from .lookup import LISTING_SECONDS, Found
from .tree import FOLDER, SHARED_DRIVES, SHORTCUT, Node, to_name, to_path

_FOLDERS = "folders"  # they are made one after the other


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

    # Making

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Make a folder.

        Raises:
            DriveConflict: there is something already (it is a FileExistsError).
        """
        path = self._strip_protocol(path)
        self.api.may_write()
        with self.turns.of(_FOLDERS):
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
            with self.turns.of(_FOLDERS):
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
        return self._settled(self.api.create(to_name(last), parent.id, mime_type=FOLDER), path)

    def _settled(self, node: Node, path: str) -> Node:
        """Note what was made, written or moved; where it is in the trash, take it out of there.

        Another program may have put it there meanwhile, or the folder: that is made again then.
        """
        if node.trashed and node.parent and self.api.get(node.parent).trashed:
            self.lookup.removed(node.parent)
            folder, _ = self._place_for(path)
            node = self.api.update(node.id, add_parent=folder, remove_parent=node.parent)
        if node.trashed:
            node = self.api.update(node.id, trashed=False)
        return self.lookup.wrote(node)

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
        done: list[str] = []  # what is below them is gone with them, or was never theirs
        for one in self._strip_protocol(path if isinstance(path, list) else [path]):
            if _below(one, done):
                continue
            whole = maxdepth is None and self.lexists(one)
            matches = [one] if whole else self.expand_path(one, recursive, maxdepth)
            nodes = {match: self.lookup.found(match).own for match in matches}
            done += [match for match, node in nodes.items() if node.mime_type == SHORTCUT]
            for match in matches if whole or maxdepth is None else reversed(matches):
                if not _below(match, done):
                    self._rm_found(nodes[match], match, recursive and maxdepth is None, trash)
                    done += [match] if nodes[match].folder else []

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
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Move or rename a file or folder, whole; into `path2` where that is a folder.

        Args:
            path1: a path; or a list or a pattern, and all that it means goes into `path2`.

        Raises:
            DriveConflict, PlaceIsFile: a folder stands where it would be, or it is a folder and a
                file does.
            BadPlace: a folder was to be moved into itself.
        """
        self.api.may_write()
        if isinstance(path1, list) or (has_magic(path1) and not self.lexists(path1)):
            paths = self.expand_path(path1)
            into = path2 if isinstance(path2, list) else [f"{path2.rstrip('/')}/"] * len(paths)
            for one, to in zip(paths, into, strict=True):
                self.mv(one, to)
            return
        node = self.lookup.found(self._strip_protocol(path1)).own
        path, target = self._strip_protocol(path2), self._found(path2)
        inside = target is not None and target.node.folder and target.node.id != node.id
        if inside or path2.endswith("/"):
            path = f"{path}/{to_path(node.name)}".lstrip("/")
        target = self._found(path, LISTING_SECONDS)
        self._check_target(node, path, target)
        folder, name = self._place_for(path)
        if (folder, name) == (node.parent, node.name):
            return
        if folder == node.parent:
            moved = self.api.update(node.id, name=name)
        else:
            above = node.parent
            moved = self.api.update(node.id, name=name, add_parent=folder, remove_parent=above)
        self._settled(moved, path)
        if target is not None and target.own.id != node.id:
            self._remove(target.own, trash=True)

    def _check_target(self, node: Node, path: str, target: Found | None) -> None:
        """Refuse a move that would hide a folder, or bring one into itself."""
        if target is not None and target.own.id != node.id:
            if target.own.folder:
                raise DriveConflict(f"{path!r} is a folder already; it is not replaced")
            if node.folder:
                raise PlaceIsFile(f"{path!r} is a file; a folder does not take its place")
        above = path.rpartition("/")[0]
        while node.folder and above:
            found = self._found(above)
            if found is not None and node.id in (found.own.id, *found.above):
                raise BadPlace(f"{node.name!r} can not be moved into itself")
            above = above.rpartition("/")[0]


def _below(path: str, folders: list[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)
