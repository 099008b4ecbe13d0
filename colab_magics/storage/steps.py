"""Which files go where when several are fetched or sent?"""

# mypy: disallow-untyped-calls=False
# fsspec is not annotated.

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colab_magics.errors import (
    BadPlace,
    ColabMagicsError,
    DriveForbidden,
    PlaceIsFile,
    PlaceNotFound,
    in_words,
)

from .filesystem import DriveFileSystem
from .health import check_path
from .listing import is_pattern, local_name, matches, pattern_base
from .place import Place
from .transfers.transfer import Receipt, fetch, has_content, revision_of, send, tell_done
from .transfers.trees import fetch_tree, send_tree
from .tree import to_path


@dataclass(frozen=True)
class Step:
    """One file or folder on its way.

    Attributes:
        size: bytes as far as known before; 0 for a folder.
        run: does it; takes a callback.
    """

    source: str
    target: str
    size: int
    run: Callable[[Any], Arrival]


@dataclass(frozen=True)
class Arrival:
    """What came of one step.

    Attributes:
        same: files that were there already, with the very same content.
        failed: pairs of a file and why it did not arrive.
        left_out: pairs of what is no file to fetch, such as a Google document, and why.
        exported: how many of the files are exports, of which Drive tells neither size nor md5.
    """

    files: int
    size: int
    same: int = 0
    failed: Sequence[tuple[str, str]] = ()
    left_out: Sequence[tuple[str, str]] = ()
    exported: int = 0
    receipt: Receipt | None = None


def fetching(places: Sequence[Place], dest: str, *, export: str = "") -> list[Step]:
    """Say what goes where when places are fetched to `dest`; nothing is moved yet.

    Several, what a pattern matches, and a `dest` that ends in "/" go into the folder `dest`. A
    folder that is fetched alone becomes `dest`, so that the same line again goes on with it.

    Args:
        export: the format in which Google's own documents are written, such as ``pdf``.

    Raises:
        PlaceNotFound: one is not there; the message says what there is.
        PlaceIsFile: `dest` is a file, and must be a folder.
    """
    single = len(places) == 1 and not is_pattern(places[0])
    inside = not single or _names_folder(dest)
    target = Path(dest).expanduser()
    check_path(target)
    if inside and target.exists() and not target.is_dir():
        raise PlaceIsFile(f"'{dest}' is a file, not a folder to put several files into")
    if not single and not _names_folder(dest) and not target.is_dir():
        raise PlaceNotFound(f"several files need a folder; write {dest + '/'!r} to make one")
    steps = []
    for place in places:
        for one, name, info in _found(place):
            folder = info["type"] == "directory"
            within = inside or (not folder and target.is_dir())
            to = target / (name or local_name(one)) if within else target
            _check_kind(to, str(to))
            steps.append(
                _fetch_folder(one, to, export) if folder else _fetch_file(one, info, to, export)
            )
    return steps


def sending(sources: Sequence[str], place: Place) -> list[Step]:
    """Say what goes where when files of this machine are sent to a place; nothing is moved yet.

    A place that was typed as nothing, or with "/" at its end, is a folder that they go into, which
    need not be there yet; a single file goes into any folder that is there.

    Raises:
        PlaceNotFound: there is no such file on this machine.
        BadPlace: several files, and `place` is no folder.
    """
    files = [path for source in sources for path in _local(source)]
    inside = place.typed == "" or place.typed.endswith("/")
    if len(files) > 1 and not inside and not place.is_folder():
        raise BadPlace(f"several files need a folder; write '{place}/' to make one")
    steps = []
    for path in files:
        within = inside or len(files) > 1 or (path.is_file() and place.is_folder())
        name = path.resolve().name
        own = to_path(name) if isinstance(place.fs, DriveFileSystem) else name
        to = place.join(own) if within else place
        steps.append(_send_folder(path, to) if path.is_dir() else _send_file(path, to))
    return steps


def _names_folder(text: str) -> bool:
    return text.endswith("/") or text in (".", "..", "~") or text.endswith(("/.", "/.."))


def _found(place: Place) -> list[tuple[Place, str, dict[str, Any]]]:
    """The place; or what a pattern matches, each with its path below the pattern's folder."""
    if not is_pattern(place):
        return [(place, "", place.info())]
    base, found = pattern_base(place.path), []
    for info in matches(place, base):
        path = str(info["name"]).rstrip("/")
        if "**" in place.path and info["type"] == "directory":
            continue  # files alone are meant, each at its path
        one = replace(place, typed=path, path=path)
        found.append((one, path[len(base) :].lstrip("/"), info))
    if not found:
        raise PlaceNotFound(f"nothing matches '{place}'; %drive_ls shows what is there")
    return found


def _check_kind(path: Path, typed: str) -> None:
    """Refuse a pipe, which never ends, and a device, which a fetched file would replace."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise BadPlace(f"'{typed}' is neither a file nor a folder")


def _local(source: str) -> list[Path]:
    path = Path(source).expanduser()
    check_path(path)
    _check_kind(path, source)
    if path.exists() or path.is_symlink():
        return [path]
    found = sorted(glob.glob(str(path), recursive=True))
    if not found:
        what = "nothing matches" if glob.has_magic(source) else "no file at"
        raise PlaceNotFound(f"{what} {source!r} on this machine")
    files = [Path(one) for one in found]
    return [one for one in files if "**" not in source or one.is_file()]


def _fetch_file(place: Place, info: dict[str, Any], target: Path, export: str) -> Step:
    formats = list(info.get("exportable") or ())
    if info.get("size", 0) is None or formats:
        return _export(place, target, export, formats)
    known, md5 = info.get("size") or 0, info.get("md5") or ""

    def run(callback: Any) -> Arrival:
        if has_content(target, known, md5):
            tell_done(callback, known)
            receipt = Receipt(info.get("id"), known, md5, revision_of(info), seconds=0.0)
            return Arrival(1, 0, same=1, receipt=receipt)
        target.parent.mkdir(parents=True, exist_ok=True)
        receipt = fetch(place, target, callback=callback)
        return Arrival(1, receipt.size, receipt=receipt)

    return Step(str(place), str(target), known, run)


def _export(place: Place, target: Path, wanted: str, formats: list[str]) -> Step:
    wanted = wanted.lstrip(".").lower() or target.suffix.lstrip(".").lower()
    if wanted not in formats:
        known = " ".join(formats) or "none that can be fetched"
        raise DriveForbidden(
            f"'{place}' is a Google document, which has no bytes of its own; "
            f"add --export FORMAT, one of: {known}"
        )
    target = target.with_name(target.name + _ending(target, wanted))

    def run(callback: Any) -> Arrival:
        fs: Any = place.fs
        target.parent.mkdir(parents=True, exist_ok=True)
        options = {} if callback is None else {"callback": callback}
        fs.get_file(place.path, str(target), export=wanted, **options)
        return Arrival(1, target.stat().st_size, exported=1)

    return Step(str(place), str(target), 0, run)


def _ending(target: Path, format: str) -> str:
    """What a name still lacks to be that of an export."""
    return "" if target.suffix.lstrip(".").lower() == format else f".{format}"


def _exported(place: Place, target: Path, wanted: str) -> Arrival | None:
    """What came of a document in a folder; None where it can not be had in that format.

    Nor where another file of the folder has the name that it would get, and would be replaced.
    """
    formats = list(place.info().get("exportable") or ())
    if (format := wanted.lstrip(".").lower()) not in formats:
        return None
    ending = _ending(target, format)
    if ending and replace(place, path=place.path + ending).exists():
        return None
    return _export(place, target, wanted, formats).run(None)


def _fetch_folder(place: Place, target: Path, export: str) -> Step:
    if target.exists() and not target.is_dir():
        raise PlaceIsFile(f"'{target}' is a file here, so no folder can become it")

    def run(callback: Any) -> Arrival:
        done = fetch_tree(place, target, callback=callback)
        failed, left_out, exported = [*done.failed], [], dict[str, int]()
        for path, why in done.left_out:
            new = bool(export) and path not in exported  # else another file of that name
            try:
                got = _exported(place.join(path), target / path, export) if new else None
            except (ColabMagicsError, OSError) as exc:  # all else has arrived
                failed.append((path, in_words(exc)))
                continue
            if got is None:
                left_out.append((path, why))
            else:
                exported[path] = got.size
        files = done.files + done.skipped + len(exported)
        size = done.size + sum(exported.values())
        return Arrival(files, size, done.skipped, failed, left_out, len(exported))

    return Step(f"{place}/", f"{target}/", 0, run)


def _send_file(source: Path, place: Place) -> Step:
    known = source.stat().st_size

    def run(callback: Any) -> Arrival:
        info = place.info() if place.exists() else {}
        same = info.get("type") == "file" and info.get("md5")
        if same and has_content(source, info.get("size"), info["md5"]) and _still(place, info):
            tell_done(callback, known)
            receipt = Receipt(info.get("id"), known, info["md5"], revision_of(info), seconds=0.0)
            return Arrival(1, 0, same=1, receipt=receipt)
        receipt = send(source, place, callback=callback)
        return Arrival(1, receipt.size, receipt=receipt)

    return Step(str(source), str(place), known, run)


def _send_folder(source: Path, place: Place) -> Step:
    def run(callback: Any) -> Arrival:
        done = send_tree(source, place, callback=callback)
        return Arrival(done.files + done.skipped, done.size, done.skipped, done.failed)

    return Step(f"{source}/", f"{place}/", 0, run)


def _still(place: Place, info: dict[str, Any]) -> bool:
    """Ask Drive itself whether a file is as is known: that may be seconds old."""
    fs = place.fs
    if not isinstance(fs, DriveFileSystem):
        return True
    try:
        now, known = fs.api.get(str(info["id"])), fs.node(place.path)
    except PlaceNotFound:
        return False
    facts = (now.md5, now.name, now.parent, now.trashed)
    return facts == (known.md5, known.name, known.parent, False)
