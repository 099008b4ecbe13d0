import io
import random

import pytest

from colab_magics.emulator import Emulator
from colab_magics.errors import (
    DriveConflict,
    DriveForbidden,
    DriveUnreachable,
    PlaceIsFolder,
    PlaceNotFound,
    TransferDamaged,
)
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.tree import FOLDER, Node

BODY = random.Random(1).randbytes(1_500_000)


@pytest.fixture
def made(api: DriveAPI) -> Node:
    return api.create("a.bin", api.root_id(), BODY)


def fetched(api: DriveAPI, node: Node) -> bytes:
    target = io.BytesIO()
    api.fetch(node.id, target)
    return target.getvalue()


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (10, 20), (1_499_990, None), (1_499_990, 9_999_999), (0, 1_500_000), (5, 5), (9, 3)],
)
def test_a_part_is_that_part(api: DriveAPI, made: Node, start: int, end: int | None) -> None:
    """From start to before end, ended by the file's own end."""
    target = io.BytesIO()

    count = api.download(made.id, target, start=start, end=end)

    assert target.getvalue() == BODY[start:end]
    assert count == len(BODY[start:end])


def test_past_the_end_is_nothing(api: DriveAPI, made: Node) -> None:
    """Also in an empty file."""
    empty = api.create("empty", api.root_id(), b"")
    target = io.BytesIO()

    assert api.download(made.id, target, start=1_500_000) == 0
    assert api.download(made.id, target, start=2_000_000, end=2_000_001) == 0
    assert api.download(empty.id, target, start=0, end=10) == 0
    assert api.download(empty.id, target) == 0


def test_a_download_goes_behind_what_is_in_the_target(api: DriveAPI, made: Node) -> None:
    """Also when it must begin anew."""
    target = io.BytesIO(b"head")
    target.seek(4)

    api.fetch(made.id, target)

    assert target.getvalue() == b"head" + BODY


@pytest.mark.parametrize("count", [0, 1, 1000, 1_499_999])
def test_a_truncated_body_goes_on(api: DriveAPI, drive: Emulator, made: Node, count: int) -> None:
    """From where it was cut, not from the start."""
    drive.faults.add(path="/files/", query="alt=media", truncate=count, times=2)

    assert fetched(api, made) == BODY


def test_a_short_body_with_a_matching_length_is_noticed(
    api: DriveAPI, drive: Emulator, made: Node
) -> None:
    """The header lies in accord with the body; the file's size does not."""
    drive.faults.add(query="alt=media", truncate="short", times=2)

    assert fetched(api, made) == BODY


def test_a_flipped_byte_is_noticed(api: DriveAPI, drive: Emulator, made: Node) -> None:
    """Twice is mended; always is an error, and the target is never taken for whole."""
    drive.faults.add(query="alt=media", flip=True, times=2)

    assert fetched(api, made) == BODY

    drive.faults.add(query="alt=media", flip=True)

    with pytest.raises(TransferDamaged, match=r"'a.bin' arrived damaged"):
        fetched(api, made)


def test_a_range_that_is_ignored_is_no_damage(api: DriveAPI, drive: Emulator, made: Node) -> None:
    """200 and the whole file in place of 206 and a part: the part is cut out."""
    drive.faults.add(query="alt=media", ignore_range=True)
    target = io.BytesIO()

    assert fetched(api, made) == BODY
    assert api.download(made.id, target, start=1000, end=2000) == 1000
    assert target.getvalue() == BODY[1000:2000]


def test_a_range_that_is_ignored_after_a_cut_is_no_damage(
    api: DriveAPI, drive: Emulator, made: Node
) -> None:
    """The whole file comes again; what is there already is skipped, never doubled."""
    drive.faults.add(query="alt=media", truncate=700_000, nth=1)
    drive.faults.add(query="alt=media", ignore_range=True, nth=2)

    assert fetched(api, made) == BODY


def test_a_portal_in_place_of_bytes_is_noticed(api: DriveAPI, drive: Emulator, made: Node) -> None:
    """HTML with status 200 never becomes the file."""
    drive.faults.add(query="alt=media", body="<html>sign in</html>", times=2)

    assert fetched(api, made) == BODY


def test_a_dead_way_ends(api: DriveAPI, drive: Emulator, made: Node) -> None:
    """Nothing is tried for ever."""
    drive.faults.add(query="alt=media", cut="before")

    with pytest.raises(DriveUnreachable):
        fetched(api, made)
    assert len([entry for entry in drive.log if "alt=media" in (entry.query or "")]) == 6


@pytest.mark.parametrize("body", [b"x" * 1_500_000, b"longer" * 400_000, b"", b"short"])
def test_a_file_that_changes_meanwhile_is_fetched_anew(
    api: DriveAPI, outsider: DriveAPI, drive: Emulator, made: Node, body: bytes
) -> None:
    """The newer one, whole: of the same size, longer, empty or shorter; never parts of both."""

    class Target(io.BytesIO):
        changed = False

        def write(self, data: object) -> int:
            if not self.changed:
                self.changed = True
                outsider.update(made.id, body)
            return super().write(data)  # type: ignore[arg-type]

    target = Target()
    drive.faults.add(query="alt=media", truncate=700_000, nth=1)
    node = api.fetch(made.id, target)

    assert target.getvalue() == body
    assert (node.size, node.revision) == (len(body), outsider.get(made.id).revision)


def test_a_changed_size_is_noticed(api: DriveAPI, made: Node) -> None:
    """Parts of two revisions are never mixed where the caller knows the size."""
    with pytest.raises(DriveConflict, match="has changed while it was read"):
        api.download(made.id, io.BytesIO(), start=0, end=10, size=1_500_001)


def test_a_full_disk_is_not_drives_fault(api: DriveAPI, drive: Emulator, made: Node) -> None:
    """The target's own error comes through, and nothing is tried again."""

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left on device") as caught:
        api.fetch(made.id, Full())

    assert type(caught.value) is OSError
    assert len([entry for entry in drive.log if "alt=media" in (entry.query or "")]) == 1


def test_folders_and_lost_files_are_told_apart(api: DriveAPI, made: Node) -> None:
    """Each in its own words."""
    folder = api.create("f", api.root_id(), mime_type=FOLDER)
    api.delete(made.id)

    with pytest.raises(PlaceIsFolder, match="'f' is a folder, not a file"):
        fetched(api, folder)
    with pytest.raises(PlaceNotFound):
        fetched(api, made)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("downloadQuotaExceeded", "downloaded too often"),
        ("cannotDownloadAbusiveFile", "malware"),
        ("fileNotDownloadable", "Google document"),
    ],
)
def test_refused_downloads_have_their_own_words(
    api: DriveAPI, drive: Emulator, made: Node, reason: str, words: str
) -> None:
    """And are not tried again."""
    drive.faults.add(query="alt=media", reason=reason)

    with pytest.raises(DriveForbidden, match=words):
        fetched(api, made)
    assert len([entry for entry in drive.log if "alt=media" in (entry.query or "")]) == 1
