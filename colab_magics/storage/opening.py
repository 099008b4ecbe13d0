"""Which Drive does a filesystem stand for, in this process, in a copy of it, and in another one?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import os
import weakref
from typing import Any, ClassVar, TypeAlias

from fsspec.spec import AbstractFileSystem

from colab_magics.clock import CLOCK, Clock
from colab_magics.errors import BadPlace
from colab_magics.settings import Settings

from .address import read_address
from .api import DriveAPI
from .credentials import find_credentials
from .lookup import Lookup
from .tree import Tree
from .turns import Turns

_ById: TypeAlias = "weakref.WeakValueDictionary[int, OpenedDrive]"


class _Endpoint:
    """Which Drive is meant when none is given: part of what fsspec keeps instances by."""

    def __get__(self, instance: object, owner: type[OpenedDrive]) -> tuple[object, ...]:
        settings = Settings.load()
        lender = owner.attached_one()
        return settings.drive_url, settings.credentials_dir, lender and id(lender.api)


class _Shared:
    """What all filesystems of one Drive have together.

    fsspec makes one for each thread and each set of options. They must know of each other's writes,
    or each would make the folders of its first path again.
    """

    def __init__(self, api: DriveAPI, clock: Clock) -> None:
        self.api, self.nodes, self.turns = api, Tree(), Turns()
        self.lookup = Lookup(api, self.nodes, clock)


class OpenedDrive(AbstractFileSystem):
    """A Drive that paths mean something on.

    Attributes:
        api: the Drive itself, by ids.
        nodes: what is known of it.
        lookup: what finds out more.
        turns: who makes what is not there yet; two must not do so at once.
    """

    api: DriveAPI
    nodes: Tree
    lookup: Lookup
    turns: Turns
    _shared: _Shared

    protocol = "gdrive"
    root_marker = ""
    _attached: ClassVar[_ById] = weakref.WeakValueDictionary()
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
        """Open a Drive.

        Args:
            url: the address of its endpoint.
            api: the Drive. Without one or the other it is the attached one, else the one that the
                settings name, else that of who is signed in.
        """
        super().__init__(**storage_options)
        lender = None if api is not None or url else self.attached_one()
        self._borrowed = lender is not None
        if lender is not None:
            shared = lender._shared
        else:
            shared = _Shared(api, clock) if api is not None else _open(url, clock)
        self._shared = shared  # held: that is what keeps it in `_opened`
        self.api, self.nodes = shared.api, shared.nodes
        self.lookup, self.turns = shared.lookup, shared.turns
        _living[id(self)] = self

    def __reduce__(self) -> Any:
        make, (kind, args, options) = super().__reduce__()
        if self._borrowed:  # another process has not attached this one
            given = {"api": self.api} if self.api.readonly else {"url": self.api.url or None}
            options = {**options, **given}
        return make, (kind, args, options)

    def attach(self) -> None:
        """Be what ``gdrive://`` means in this process, until `detach`."""
        self._attached.pop(id(self), None)
        self._attached[id(self)] = self

    def detach(self) -> None:
        """Be that no longer; a second call does nothing."""
        self._attached.pop(id(self), None)
        kept: Any = type(self)._cache
        for key, fs in list(kept.items()):
            if fs.api is self.api:
                del kept[key]

    @classmethod
    def attached_one(cls) -> OpenedDrive | None:
        """The one that was attached last, if one is."""
        return next(reversed(list(cls._attached.values())), None)

    def unlock(self) -> None:
        """Have new locks: in a forked child, the old ones may be held by threads that are gone."""
        self.api.unlock()
        self.lookup.unlock()
        self.turns.unlock()

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        text = os.fspath(path)
        if page := read_address(text):
            return page[0]
        text = text.removeprefix("gdrive://").strip("/")
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise BadPlace(f"no path on a Drive: {text!r}; it may not hold '..'")
        return "/".join(parts[1:] if parts[:1] == ["My Drive"] else parts)


_opened: weakref.WeakValueDictionary[tuple[Settings, Clock], _Shared] = (
    weakref.WeakValueDictionary()
)
_opening = Turns()


def _open(url: str | None, clock: Clock) -> _Shared:
    settings = Settings.load(drive_url=url)
    key = settings, clock
    with _opening.of(key):
        shared = _opened.get(key)
        if shared is None:
            credentials = find_credentials(settings, settings.drive_url)
            api = DriveAPI(url=settings.drive_url, credentials=credentials, settings=settings)
            shared = _opened[key] = _Shared(api, clock)
        return shared


_living: _ById = weakref.WeakValueDictionary()


def _unlock_all() -> None:
    _opening.unlock()
    for fs in list(_living.values()):
        fs.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
