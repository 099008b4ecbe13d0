import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from colab_magics.errors import (
    BadPlace,
    BadValue,
    DriveBusy,
    DriveError,
    DriveForbidden,
    DriveUnreachable,
    NoCredentials,
    PlaceIsFile,
    PlaceNotFound,
)
from colab_magics.settings import Settings
from colab_magics.storage.mount import attach
from colab_magics.storage.place import resolve
from colab_magics.storage.transfers.transfer import send

STUB = Path(__file__).parents[1] / "stubs/google_colab_stub"
Opener = Callable[[], tuple[str, Callable[[], None]]]


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch, nobody: Settings) -> Iterator[Any]:
    """A machine that looks like Colab; gives the stub of google.colab.drive."""
    monkeypatch.syspath_prepend(str(STUB))
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20261101-060000_RC00")
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    from google.colab import drive

    drive.calls.clear()
    yield drive
    for name in [name for name in sys.modules if name.startswith("google.colab")]:
        del sys.modules[name]


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings of somebody who is not signed in."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "COLAB_RELEASE_TAG", "TBE_RUNTIME_ADDR"):
        monkeypatch.delenv(name, raising=False)
    return Settings(credentials_dir=str(tmp_path / "nothing"), retry_attempts=1)


def test_the_emulator_is_opened_and_closed(drive: Emulator, settings: Settings) -> None:
    """Its page can be shown, and closing stops what was started."""
    stopped: list[bool] = []
    one = attach(
        "emulator",
        settings=settings,
        open_emulator=lambda: (drive.url, lambda: stopped.append(True)),
    )

    assert (one.kind, one.root, one.page) == ("emulator", "", drive.url)
    assert one.api is one.fs.api
    assert one.fs.ls("") == []

    one.close()
    one.close()

    assert stopped == [True]


def test_an_emulator_that_does_not_answer_is_stopped(drive: Emulator, settings: Settings) -> None:
    """Nothing is left behind by a failed attach."""
    stopped: list[bool] = []
    drive.faults.add(path="/files/root", status=503)

    with pytest.raises(DriveBusy):
        attach(
            "emulator",
            settings=Settings(retry_attempts=1),
            open_emulator=lambda: (drive.url, lambda: stopped.append(True)),
        )

    assert stopped == [True]


def test_an_address_is_attached(drive: Emulator, settings: Settings, unreachable: Opener) -> None:
    """Another Drive endpoint; plain http to this machine only."""
    one = attach(drive.url, settings=settings, open_emulator=unreachable)

    assert (one.kind, one.page) == ("drive", drive.url)
    one.close()
    with pytest.raises(BadValue, match="use https"):
        attach("http://example.org/", settings=settings, open_emulator=unreachable)
    with pytest.raises(DriveUnreachable):
        attach(
            "http://127.0.0.1:9/", settings=Settings(retry_attempts=1), open_emulator=unreachable
        )


def test_the_settings_name_an_endpoint(
    drive: Emulator, nobody: Settings, unreachable: Opener
) -> None:
    """Then no place and no sign-in is needed."""
    one = attach(None, settings=Settings(drive_url=drive.url), open_emulator=unreachable)

    assert (one.kind, one.api.url if one.api else "") == ("drive", drive.url)
    one.close()


def test_a_folder_is_attached(tmp_path: Path, settings: Settings, unreachable: Opener) -> None:
    """Files of this machine as the drive."""
    one = attach(str(tmp_path), settings=settings, open_emulator=unreachable)

    assert (one.kind, one.root, one.label) == ("folder", str(tmp_path), str(tmp_path))
    assert (one.api, one.page) == (None, None)
    one.close()


def test_what_can_not_be_attached_is_told(
    tmp_path: Path, settings: Settings, unreachable: Opener
) -> None:
    """One line, with what to do."""
    (tmp_path / "file").touch()
    expected = {
        str(tmp_path / "file"): (
            PlaceIsFile,
            f"'{tmp_path}/file' is a file; give a folder to attach",
        ),
        str(tmp_path / "nope"): (
            PlaceNotFound,
            f"no folder '{tmp_path}/nope' on this machine; make it first, "
            "or run %drive_mount emulator",
        ),
        "gs://bucket": (
            BadPlace,
            "'gs://bucket' can not be attached; give emulator, a folder of this machine, "
            "or nothing for Google Drive",
        ),
        "https://drive.google.com/drive/folders/1": (
            BadPlace,
            "'https://drive.google.com/drive/folders/1' is a page of Google Drive; "
            "run %drive_mount, then use the address as a place",
        ),
    }
    for text, (kind, message) in expected.items():
        with pytest.raises(kind) as caught:
            attach(text, settings=settings, open_emulator=unreachable)

        assert str(caught.value) == message


def test_nobody_signed_in_is_told(nobody: Settings, unreachable: Opener) -> None:
    """With the two ways to go on."""
    with pytest.raises(NoCredentials) as caught:
        attach(None, settings=nobody, open_emulator=unreachable)

    assert str(caught.value) == (
        "nobody is signed in to Google Drive; run %drive_auth, or %drive_mount emulator to try "
        "it here"
    )


@pytest.mark.parametrize("place", ["emulator", "folder"])
def test_a_readonly_drive_refuses_writes(
    tmp_path: Path, source: Path, settings: Settings, open_emulator: Opener, place: str
) -> None:
    """Through its filesystem and through ours; reading goes on."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a.txt").write_bytes(b"a")
    text = place if place == "emulator" else str(tmp_path / "folder")
    writable = attach(text, settings=settings, open_emulator=open_emulator)
    path = resolve("a.txt", writable, settings=settings).path
    writable.fs.pipe_file(path, b"a")
    writable.close()
    one = attach(text, settings=settings, open_emulator=open_emulator, readonly=True)
    other = path.replace("a.txt", "b.txt")
    writes = [
        lambda: send(source, resolve("b.txt", one, settings=settings)),
        lambda: send(source, resolve("new/b.txt", one, settings=settings)),
        lambda: one.fs.pipe_file(other, b"b"),
        lambda: one.fs.open(other, "wb"),
        lambda: one.fs.open(path, "ab"),
        lambda: one.fs.rm(path),
        lambda: one.fs.rm_file(path),
        lambda: one.fs.mv(path, other),
        lambda: one.fs.cp_file(path, other),
        lambda: one.fs.makedirs(other),
        lambda: one.fs.touch(other),
    ]
    for write in writes:
        with pytest.raises(DriveForbidden, match="run its %drive_mount line without --readonly"):
            write()

    assert one.readonly
    assert one.fs.cat_file(path) == b"a"
    one.close()


def test_on_colab_its_own_mount_is_used(
    colab: Any, drive: Emulator, nobody: Settings, unreachable: Opener
) -> None:
    """Called as Colab's documentation has it; the API serves our own reads and writes."""
    one = attach(
        None, settings=Settings(drive_url=drive.url), open_emulator=unreachable, readonly=True
    )

    assert colab.calls == [
        (
            "mount",
            {
                "mountpoint": "/content/drive",
                "force_remount": False,
                "timeout_ms": 120000,
                "readonly": True,
            },
        )
    ]
    assert (one.kind, one.mountpoint) == ("colab", "/content/drive/MyDrive")
    assert one.api is one.fs.api
    assert one.readonly
    assert resolve("/content/drive/MyDrive/a", one, settings=nobody).path == "a"
    one.close()


def test_on_colab_without_a_sign_in_the_mount_serves(
    colab: Any, nobody: Settings, unreachable: Opener
) -> None:
    """Files of the mount, as a folder of this machine."""
    settings = Settings(drive_url="http://127.0.0.1:9/", retry_attempts=1)
    one = attach(None, settings=settings, open_emulator=unreachable, force_remount=True)

    assert colab.calls[0][1]["force_remount"] is True
    assert (one.kind, one.api, one.root) == ("colab", None, "/content/drive/MyDrive")
    assert resolve("a.txt", one, settings=nobody).local == Path("/content/drive/MyDrive/a.txt")
    one.close()


def test_a_mount_that_fails_is_told_in_one_line(
    colab: Any, nobody: Settings, unreachable: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colab's own words, and what to do."""
    monkeypatch.setattr(colab, "failure", ValueError("mount failed"))

    with pytest.raises(DriveError) as caught:
        attach(None, settings=nobody, open_emulator=unreachable)

    assert str(caught.value) == (
        "Colab could not mount Drive (mount failed); run %drive_mount --force-remount"
    )


def test_on_colab_the_emulator_is_still_the_emulator(
    colab: Any, settings: Settings, open_emulator: Opener
) -> None:
    """A place that is given wins."""
    one = attach("emulator", settings=settings, open_emulator=open_emulator)

    assert one.kind == "emulator"
    assert colab.calls == []
    one.close()
