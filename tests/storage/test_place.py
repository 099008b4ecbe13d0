import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_magics.errors import (
    BadPlace,
    MissingExtra,
    NoCredentials,
    NoDrive,
    PlaceIsFile,
    PlaceIsFolder,
    PlaceNotFound,
)
from colab_magics.settings import Settings
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.mount import Drive, attach
from colab_magics.storage.place import expect_file, expect_folder, resolve


@pytest.fixture
def folder(tmp_path: Path, settings: Settings, unreachable: Callable[..., Any]) -> Drive:
    """A local folder, attached."""
    (tmp_path / "data/in").mkdir(parents=True)
    (tmp_path / "data/in/a.txt").write_text("a")
    return attach(str(tmp_path / "data"), settings=settings, open_emulator=unreachable)


@pytest.mark.parametrize(
    ("typed", "path", "shown"),
    [
        ("inbox/a.txt", "inbox/a.txt", "My Drive/inbox/a.txt"),
        ("My Drive/inbox", "inbox", "My Drive/inbox"),
        ("My Drive", "", "My Drive"),
        ("", "", "My Drive"),
        (" inbox/ ", "inbox", "My Drive/inbox"),
        ("inbox/../outbox/./b", "outbox/b", "My Drive/outbox/b"),
        ("gdrive://inbox/a b.txt", "inbox/a b.txt", "My Drive/inbox/a b.txt"),
        ("id:1aB_-x", "id:1aB_-x", "id:1aB_-x"),
        ("id:1aB_-x/deep/er", "id:1aB_-x/deep/er", "id:1aB_-x/deep/er"),
        ("https://drive.google.com/file/d/1aB_-x/view?usp=sharing", "id:1aB_-x", "id:1aB_-x"),
        ("https://drive.google.com/drive/folders/1aB_-x", "id:1aB_-x", "id:1aB_-x"),
        ("https://drive.google.com/drive/u/0/folders/1aB_-x?hl=de", "id:1aB_-x", "id:1aB_-x"),
        ("https://drive.google.com/open?id=1aB_-x", "id:1aB_-x", "id:1aB_-x"),
        ("https://drive.google.com/uc?export=download&id=1aB_-x", "id:1aB_-x", "id:1aB_-x"),
        ("https://docs.google.com/document/d/1aB_-x/edit#gid=0", "id:1aB_-x", "id:1aB_-x"),
        ("https://drive.usercontent.google.com/download?id=1aB_-x", "id:1aB_-x", "id:1aB_-x"),
        ("https://docs.google.com/spreadsheets/u/1/d/1aB_-x/edit", "id:1aB_-x", "id:1aB_-x"),
        ("https://docs.google.com/presentation/d/1aB_-x/view", "id:1aB_-x", "id:1aB_-x"),
        ("https://drive.google.com/uc?id=1aB_-x&export=download", "id:1aB_-x", "id:1aB_-x"),
        ("https://drive.google.com/drive/u/0/my-drive", "", "My Drive"),
        ("https://drive.google.com/drive/shared-drives", "Shared drives", "Shared drives"),
        ("Shared drives/Team/a", "Shared drives/Team/a", "Shared drives/Team/a"),
        ("*.txt", "*.txt", "My Drive/*.txt"),
    ],
)
def test_places_on_the_attached_drive(
    attached: Drive, settings: Settings, typed: str, path: str, shown: str
) -> None:
    """Every way to write one; nothing needs to be there."""
    place = resolve(typed, attached, settings=settings)

    assert (place.fs, place.path, place.drive) == (attached.fs, path, attached)
    assert str(place) == shown
    assert place.typed == typed
    assert place.local is None


def test_a_page_of_the_emulator_is_a_place(attached: Drive, settings: Settings) -> None:
    """Its addresses are read like Google's."""
    place = resolve(f"{attached.page}file/d/1aB_-x/view", attached, settings=settings)

    assert place.path == "id:1aB_-x"


def test_a_resource_key_is_sent_along(attached: Drive, settings: Settings) -> None:
    """Old shared links need it."""
    made = attached.fs.api.create("a", attached.fs.api.root_id(), b"x")
    url = f"https://drive.google.com/file/d/{made.id}/view?resourcekey=0-abc"
    place = resolve(url, attached, settings=settings)

    assert attached.fs.api._keys == {made.id: "0-abc"}
    assert place.fs.cat_file(place.path) == b"x"
    assert place.name == "a"


@pytest.mark.parametrize("typed", ["../x", "a/../../x", "gdrive://../x", "id:1/../../x", "a\0b"])
def test_no_place_is_outside(attached: Drive, settings: Settings, typed: str) -> None:
    """ ".." never climbs out of a Drive."""
    with pytest.raises(BadPlace):
        resolve(typed, attached, settings=settings)


@pytest.mark.parametrize(
    "typed",
    [
        "https://drive.google.com/drive/recent",
        "https://drive.google.com/open?id=a/b",
        "https://docs.google.com/document/d/e/2PACX-1v/pub",
    ],
)
def test_an_address_without_an_id_is_told(attached: Drive, settings: Settings, typed: str) -> None:
    """One line, before anything is asked."""
    with pytest.raises(BadPlace):
        resolve(typed, attached, settings=settings)


def test_without_a_drive_relative_places_say_so(settings: Settings) -> None:
    """And what to do."""
    with pytest.raises(NoDrive) as caught:
        resolve("inbox/a.txt", None, settings=settings)

    assert str(caught.value) == (
        "no Drive is attached; run %drive_mount, or %drive_mount emulator to try it here"
    )


def test_an_id_without_a_drive_needs_a_sign_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unless the settings name an endpoint."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("COLAB_MAGICS_CREDENTIALS_DIR", str(tmp_path))

    with pytest.raises(NoCredentials):
        resolve("id:1aB", None, settings=settings)


def test_gdrive_is_the_api_whatever_is_attached(
    folder: Drive, attached: Drive, settings: Settings
) -> None:
    """With a folder attached, the Drive that the settings name."""
    there = Settings.load(drive_url=attached.page)
    place = resolve("gdrive://x", folder, settings=there)

    assert isinstance(place.fs, DriveFileSystem)
    assert place.fs.api.url == attached.page
    assert place.drive is None
    place.fs.api.close()
    DriveFileSystem.clear_instance_cache()


def test_places_of_this_machine(
    attached: Drive, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absolute, from here, from home; whatever is attached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    found = {
        typed: resolve(typed, attached, settings=settings)
        for typed in ("/etc/hosts", "./a.txt", "./../a.txt", ".", "~/a.txt")
    }

    assert {typed: place.local for typed, place in found.items()} == {
        "/etc/hosts": Path("/etc/hosts"),
        "./a.txt": tmp_path / "a.txt",
        "./../a.txt": tmp_path.parent / "a.txt",
        ".": tmp_path,
        "~/a.txt": tmp_path / "home/a.txt",
    }
    assert {place.drive for place in found.values()} == {None}
    assert str(found["./a.txt"]) == str(tmp_path / "a.txt")
    assert found["./a.txt"].name == "a.txt"


def test_places_in_an_attached_folder(folder: Drive, settings: Settings, tmp_path: Path) -> None:
    """Relative ones are in it, absolute ones in it are known as such."""
    place = resolve("in/a.txt", folder, settings=settings)
    absolute = resolve(str(tmp_path / "data/in/a.txt"), folder, settings=settings)
    other = resolve(str(tmp_path / "database"), folder, settings=settings)

    assert place.local == tmp_path / "data/in/a.txt"
    assert (absolute.path, absolute.drive) == (place.path, folder)
    assert other.drive is None
    assert resolve("My Drive/in", folder, settings=settings).local == tmp_path / "data/in"
    assert resolve("", folder, settings=settings).local == tmp_path / "data"
    assert place.exists()
    assert not place.is_folder()
    with pytest.raises(BadPlace):
        resolve("../x", folder, settings=settings)


def test_a_path_below_colabs_mount_is_on_drive(attached: Drive, settings: Settings) -> None:
    """The mount is late; the API is not."""
    attached.mountpoint = "/content/drive/MyDrive"
    place = resolve("/content/drive/MyDrive/story/a.txt", attached, settings=settings)
    top = resolve("/content/drive/MyDrive", attached, settings=settings)

    assert (place.fs, place.path, place.drive) == (attached.fs, "story/a.txt", attached)
    assert top.path == ""
    assert resolve("/content/drive/MyDrive2/a", attached, settings=settings).drive is None


def test_a_path_below_any_mount_is_known_by_its_id(
    attached: Drive, settings: Settings, tmp_path: Path
) -> None:
    """The mount tells the id; what is still to be made is found by its folder's."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "plain.txt").touch()
    (mounted / "new.txt").touch()
    try:
        os.setxattr(mounted, "user.drive.id", b"1aB")
        os.setxattr(mounted / "new.txt", "user.drive.id", b"local-7")
    except OSError:
        pytest.skip("this file system keeps no attributes")
    found = [
        resolve(str(mounted / name), attached, settings=settings).path
        for name in ("", "to/be/made.txt", "plain.txt", "new.txt")
    ]

    assert found == [
        "id:1aB",
        "id:1aB/to/be/made.txt",
        str(mounted / "plain.txt"),
        str(mounted / "new.txt"),
    ]


def test_places_elsewhere_are_fsspecs(settings: Settings) -> None:
    """Any filesystem that is installed; others are told in one line."""
    place = resolve("memory://a/b.txt", None, settings=settings)

    assert (place.path, str(place), place.name) == ("/a/b.txt", "memory:///a/b.txt", "b.txt")
    assert place.local is None
    assert resolve("file:///etc/hosts", None, settings=settings).local == Path("/etc/hosts")
    with pytest.raises(BadPlace, match="no place: 'nonsense://x'"):
        resolve("nonsense://x", None, settings=settings)
    with pytest.raises(MissingExtra, match=r"s3:// need another package"):
        resolve("s3://bucket/x", None, settings=settings)


def test_what_is_expected_is_there(attached: Drive, settings: Settings) -> None:
    """Or an error of one line says what is."""
    attached.fs.pipe_file("story/a.txt", b"x")

    def at(typed: str) -> Any:
        return resolve(typed, attached, settings=settings)

    assert expect_file(at("story/a.txt"))["size"] == 1
    assert expect_folder(at("story"))["type"] == "directory"
    with pytest.raises(PlaceIsFolder, match=r"^'My Drive/story' is a folder; name a file in it$"):
        expect_file(at("story"))
    with pytest.raises(PlaceIsFile, match=r"^'My Drive/story/a.txt' is a file, not a folder$"):
        expect_folder(at("story/a.txt"))
    with pytest.raises(
        PlaceNotFound, match=r"^no file 'b.txt' in My Drive/story; there is: a.txt$"
    ):
        expect_file(at("story/b.txt"))


def test_what_is_expected_in_a_folder_is_there(
    folder: Drive, settings: Settings, tmp_path: Path
) -> None:
    """The same words for a folder of this machine."""
    with pytest.raises(PlaceNotFound) as caught:
        expect_file(resolve("in/b.txt", folder, settings=settings))

    assert str(caught.value) == f"no file 'b.txt' in {tmp_path}/data/in; there is: a.txt"

    with pytest.raises(PlaceNotFound) as caught:
        expect_file(resolve("im/b.txt", folder, settings=settings))

    assert str(caught.value) == f"no folder 'im' in {tmp_path}/data; there is: in"


def test_a_name_in_a_folder_is_a_place(attached: Drive, settings: Settings) -> None:
    """As for the result that a cell sends back."""
    place = resolve("story", attached, settings=settings).join("b.txt")

    assert (place.path, place.typed, place.name) == ("story/b.txt", "story/b.txt", "b.txt")
    assert resolve("", attached, settings=settings).join("b").path == "b"
