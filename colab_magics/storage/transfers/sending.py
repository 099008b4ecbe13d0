"""How does a file's content become that of one file on Drive, verified, also after a kill?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from colab_magics.errors import DriveConflict, PlaceNotFound, TransferDamaged
from colab_magics.settings import Settings
from colab_magics.storage.tree import FIELDS, Node
from colab_magics.storage.wire import Wire

from .body import Body, Origin, body_of
from .unfinished import Begun, Claim, Unfinished
from .upload import Upload

_BYTES = "application/octet-stream"

Source = BinaryIO | bytes | Path


class Sending:
    """Content of one Drive's files on its way there.

    Args:
        get: finds a node by its id.
        draw: draws an id for a new file.
    """

    def __init__(
        self,
        wire: Wire,
        settings: Settings,
        get: Callable[[str], Node],
        draw: Callable[[], str],
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._get = get
        self._draw = draw
        self._unfinished = Unfinished(settings.state_folder() / "uploads")

    def create(self, metadata: dict[str, Any], source: Source, doing: str, callback: Any) -> Node:
        """Make the file that `metadata` describes; with an id, that file and no other is meant.

        Raises:
            DriveConflict: the id is another file's.
        """
        with body_of(source, doing) as body:
            upload = self._upload("POST", "", metadata, {}, body, doing, callback)
            try:
                node = Node.read(upload.run())
            except DriveConflict:
                node = self._get(metadata["id"])
                if not _is(node, metadata) or node.md5 != body.md5():
                    raise
            return self._verified(node, body, doing)

    def make(self, metadata: dict[str, Any], source: Source, doing: str, callback: Any) -> Node:
        """Make a file; one, however often this is called after a kill."""
        where = f"in/{metadata['parents'][0]}/{metadata['name']}"
        with body_of(source, doing) as body, self._claim(body.origin, where) as claim:
            node = None
            if claim.found is not None:
                node = self._made(metadata, claim.found, body, claim, doing, callback)
                if node is not None and (node.trashed or not _is(node, metadata)):
                    node = None  # it is elsewhere by now, so this is another file
            while node is None:
                begun = Begun(self._draw(), makes=True)
                claim.keep(begun)
                node = self._made(metadata, begun, body, claim, doing, callback)
            node = self._verified(node, body, doing)
            claim.forget()
            return node

    def update(
        self,
        id: str,
        metadata: dict[str, Any],
        query: Mapping[str, str],
        source: Source,
        doing: str,
        callback: Any,
    ) -> Node:
        """Give a file new content."""
        plain = not query and set(metadata) <= {"mimeType"}
        with (
            body_of(source, doing) as body,
            self._claim(body.origin if plain else None, f"id/{id}") as claim,
        ):
            begun, node = claim.found, None
            if begun is None and claim.made(id):
                node = self._get(id)  # an earlier process made it, and never heard that it had
                node = node if node.md5 == body.md5() else None
            if node is None:
                begun = begun or Begun(id, makes=False)
                claim.keep(begun)
                upload = self._upload("PATCH", id, metadata, query, body, doing, callback)
                node = self._finished(upload, begun, claim)
                node = self._verified(node, body, doing)
            elif callback is not None:
                callback.set_size(body.size)
                callback.absolute_update(body.size)
            claim.forget()
            return node

    def _claim(self, origin: Origin | None, target: str) -> AbstractContextManager[Claim]:
        # Asked for each time: another account may have signed in on the same wire.
        account = f"{self._wire.base}\0{self._wire.account}"
        return self._unfinished.claim(origin, account, target)

    def _made(
        self,
        metadata: dict[str, Any],
        begun: Begun,
        body: Body,
        claim: Claim,
        doing: str,
        callback: Any,
    ) -> Node | None:
        """The file, made now or by an earlier try; None where that is gone for good."""
        metadata = {**metadata, "id": begun.file_id}
        upload = self._upload("POST", "", metadata, {}, body, doing, callback)
        try:
            return self._finished(upload, begun, claim)
        except DriveConflict:
            try:
                return self._get(begun.file_id)  # most likely an earlier try, its answer was lost
            except PlaceNotFound:
                return None

    def _finished(self, upload: Upload, begun: Begun, claim: Claim) -> Node:
        """Run an upload that may have been begun before."""
        upload.session = begun.session
        upload.began = lambda session: claim.keep(replace(begun, session=session))
        node = Node.read(upload.run())
        # What an earlier process finished may have been changed by somebody since.
        return self._get(node.id) if upload.resumed else node

    def _upload(
        self,
        method: str,
        id: str,
        metadata: dict[str, Any],
        query: Mapping[str, str],
        body: Body,
        doing: str,
        callback: Any,
    ) -> Upload:
        return Upload(
            wire=self._wire,
            method=method,
            path=f"files/{id}" if id else "files",
            query={"fields": FIELDS, "supportsAllDrives": "true", **query},
            metadata=metadata,
            mime_type=metadata.get("mimeType", _BYTES),
            body=body,
            parts=self._settings.chunk_bytes,
            doing=doing,
            callback=callback,
        )

    def _verified(self, node: Node, body: Body, doing: str) -> Node:
        """The node once Drive holds the very bytes of `body`; they are sent anew if it does not."""
        md5 = body.md5()
        if node.md5 in (None, md5):
            return node
        node = Node.read(self._upload("PATCH", node.id, {}, {}, body, doing, None).run())
        if node.md5 not in (None, md5):
            raise TransferDamaged(f"{doing}: Drive twice got other bytes than were sent; try again")
        return node


def _is(node: Node, metadata: Mapping[str, Any]) -> bool:
    """Whether a node is the file that was to be made, where it was to be made."""
    return bool(node.name == metadata["name"] and metadata["parents"][0] in (node.parent, "root"))
