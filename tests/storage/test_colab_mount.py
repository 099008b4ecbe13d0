"""Is Colab's own mount made, watched and taken away as it should be? A real mount stands for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.fuse import needs_fuse
from harness.weak_mount import WeakMount

from colab_magics.emulator import Emulator
from colab_magics.errors import DriveError, NoDrive
from colab_magics.settings import Settings
from colab_magics.storage import colab_mount
from colab_magics.storage.mount import Drive, attach
from colab_magics.storage.place import resolve

STUB = Path(__file__).parents[1] / "stubs/google_colab_stub"
Opener = Callable[[], tuple[str, Callable[[], None]]]
pytestmark = needs_fuse


@pytest.fixture
def weak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeakMount]:
    """A mount where Colab's is, with a MyDrive in it."""
    source = tmp_path / "source"
    (source / "MyDrive").mkdir(parents=True)
    one = WeakMount(tmp_path, tmp_path / "content", source)
    monkeypatch.setattr(colab_mount, "COLAB_MOUNT", str(one.folder))
    monkeypatch.setattr(colab_mount, "COLAB_ROOT", str(one.folder / "MyDrive"))
    yield one
    one.close()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A machine that looks like Colab; gives the stub of google.colab.drive."""
    import sys

    monkeypatch.syspath_prepend(str(STUB))
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20261101-060000_RC00")
    from google.colab import drive

    drive.calls.clear()
    yield drive
    for name in [name for name in sys.modules if name.startswith("google.colab")]:
        del sys.modules[name]


def test_a_healthy_mount_is_told(
    weak: WeakMount, page: Any, drive: Emulator, settings: Settings, unreachable: Opener
) -> None:
    """Mounted by Colab, looked at by us."""
    one = attach(None, settings=Settings(drive_url=drive.url), open_emulator=unreachable)

    assert (one.kind, one.trouble) == ("colab", "")
    assert one.mountpoint == str(weak.folder / "MyDrive")
    assert [call[0] for call in page.calls] == ["mount"]
    one.close()


def test_a_dead_mount_is_told_and_the_api_goes_on(
    weak: WeakMount, page: Any, drive: Emulator, unreachable: Opener
) -> None:
    """Colab is not asked to look at it, which would hang; places below it are read and written."""
    weak.kill()
    one = attach(None, settings=Settings(drive_url=drive.url), open_emulator=unreachable)
    place = resolve(str(weak.folder / "MyDrive/a.txt"), one, settings=Settings())
    place.fs.pipe_file(place.path, b"written all the same")

    assert page.calls == []
    assert one.trouble == (
        f"the mount at {weak.folder} has died (errno 107); run %drive_mount --force-remount"
    )
    assert one.fs.cat_file("a.txt") == b"written all the same"
    attach(
        None,
        settings=Settings(drive_url=drive.url),
        open_emulator=unreachable,
        force_remount=True,
    ).close()
    assert page.calls[0][1]["force_remount"] is True
    one.close()


def test_a_file_that_the_mount_does_not_show_is_stale(
    weak: WeakMount, attached: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what Drive has had for a minute counts."""
    attached.fs.pipe_file("a.txt", b"hello")
    assert colab_mount.colab_health(attached.api).kind == "ok"
    monkeypatch.setattr(colab_mount, "_LATE", -colab_mount._LATE)
    found = colab_mount.colab_health(attached.api)

    assert (found.kind, found.text) == (
        "stale",
        "the mount does not show 'a.txt', which Drive has",
    )


def test_a_full_drive_is_told(weak: WeakMount, attached: Drive, drive: Emulator) -> None:
    """What is written to the mount does not reach Drive then, and nobody else says so."""
    attached.fs.pipe_file("a.txt", b"hello")
    drive.storage_limit = 5

    assert colab_mount.colab_health(attached.api).text == (
        "this Drive is full, so the mount can not send what is written there"
    )


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (
            ValueError("Mountpoint must not already contain files"),
            "/content/drive holds files of its own; move them away and run %drive_mount again",
        ),
        (
            type("MessageError", (Exception,), {})(
                "Error: credential propagation was unsuccessful"
            ),
            "Colab was not allowed to use your Drive; run %drive_mount again and allow it",
        ),
        (
            ValueError("mount failed: timeout during initial read of root folder"),
            "Drive did not answer in time, as with thousands of files in its top folder; run "
            "%drive_mount --force-remount",
        ),
        (
            ValueError("mount failed"),
            "Colab could not mount Drive (mount failed); run %drive_mount --force-remount",
        ),
    ],
)
def test_each_failure_is_one_line(
    weak: WeakMount, page: Any, monkeypatch: pytest.MonkeyPatch, failure: Exception, line: str
) -> None:
    """What to do, whatever class Colab has for it."""
    monkeypatch.setattr(page, "failure", failure)
    with pytest.raises(DriveError) as caught:
        colab_mount.mount_colab(force_remount=False, readonly=False)

    assert str(caught.value) == line


def test_a_failed_mount_leaves_the_api(
    weak: WeakMount, page: Any, drive: Emulator, unreachable: Opener, monkeypatch: Any
) -> None:
    """Attached, with the trouble told."""
    monkeypatch.setattr(page, "failure", ValueError("mount failed"))
    one = attach(None, settings=Settings(drive_url=drive.url), open_emulator=unreachable)

    assert one.fs.ls("") == []
    assert one.trouble == (
        "Colab could not mount Drive (mount failed); run %drive_mount --force-remount"
    )
    one.close()


def test_unmounting_flushes(
    weak: WeakMount, page: Any, drive: Emulator, unreachable: Opener
) -> None:
    """By Colab's own means; the Drive stays attached."""
    one = attach(None, settings=Settings(drive_url=drive.url), open_emulator=unreachable)

    assert one.unmount() == str(weak.folder / "MyDrive")
    assert page.calls[-1][0] == "flush_and_unmount"
    assert one.fs.ls("") == []
    with pytest.raises(NoDrive):
        one.unmount()
    one.close()


def test_only_a_cell_asks_the_page(page: Any) -> None:
    """On another thread Colab's messages to its page would be lost, or hang."""
    said: list[str] = []

    def ask() -> None:
        for call in (
            lambda: colab_mount.mount_colab(force_remount=True, readonly=False),
            colab_mount.unmount_colab,
        ):
            try:
                call()
            except DriveError as exc:
                said.append(str(exc))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert page.calls == []
    assert len(said) == 2
    assert "only a cell reaches" in said[0]


def test_nothing_mounted_is_told(attached: Drive) -> None:
    """With what mounts."""
    with pytest.raises(NoDrive) as caught:
        attached.unmount()

    assert str(caught.value) == (
        "no folder of this machine is mounted; %drive_mount --at DIR mounts one"
    )
