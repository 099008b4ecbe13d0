"""What is in a folder, and which file does a transfer mean?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from colab_magics.errors import PlaceIsFolder

from .place import Place


@dataclass(frozen=True)
class Item:
    """One file or folder of a listing; `size` and `md5` are None where the place tells none."""

    name: str
    path: str
    folder: bool
    size: int | None
    modified: datetime | None
    id: str | None
    md5: str | None
    revision: str | None


def listing(place: Place) -> list[Item]:
    """What a folder holds, what a pattern matches, or the one file; folders first, then by name.

    Raises:
        PlaceNotFound: nothing is there; the message says what there is.
    """
    fs: Any = place.fs
    if any(char in place.path for char in "*?["):
        infos = [fs.info(path) for path in fs.glob(place.path)]
    else:
        place.info()
        infos = fs.ls(place.path, detail=True)
    return sorted((_item(info) for info in infos), key=lambda item: (not item.folder, item.name))


def _item(info: dict[str, Any]) -> Item:
    path = str(info["name"]).rstrip("/")
    when = info.get("modified") or info.get("mtime")
    if isinstance(when, (int, float)):
        when = datetime.fromtimestamp(when).astimezone()
    return Item(
        path.rpartition("/")[2],
        path,
        info["type"] == "directory",
        None if info["type"] == "directory" else info.get("size"),
        when if isinstance(when, datetime) else None,
        info.get("id"),
        info.get("md5"),
        info.get("revision"),
    )


def local_target(dest: str, place: Place) -> Path:
    """The local file that a fetch writes: `dest`, or the file's own name in the folder `dest`."""
    target = Path(dest).expanduser()
    return target / place.name if target.is_dir() or dest.endswith("/") else target


def sent_to(place: Place, typed: str, name: str) -> Place:
    """The file that is written when a file `name` is sent to a place: in it, if it is a folder."""
    return place.join(name) if typed.endswith("/") or place.is_folder() else place


def result_place(place: Place) -> Place:
    """A place that results are sent to: a file, which need not be there yet.

    Raises:
        PlaceIsFolder: a folder is there.
    """
    if place.typed.endswith("/") or place.is_folder():
        raise PlaceIsFolder(f"'{place}' is a folder; name the file in it that --put shall write")
    return place
