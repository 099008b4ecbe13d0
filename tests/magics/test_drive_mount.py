"""Does `%drive_mount --at` make a folder of the Drive, and `%unload_ext` a plain one again?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.fuse import needs_fuse
from harness.waiting import wait_until

from colab_magics.magics.extension import notebook_of
from colab_magics.storage.health import mount_at

if TYPE_CHECKING:
    from harness.kernel import Kernel
    from IPython.core.interactiveshell import InteractiveShell

    from colab_magics.emulator import Emulator

pytestmark = needs_fuse


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_the_card_says_where_the_files_are(ours: InteractiveShell, drive: Emulator) -> None:
    """And whose Drive it is, how full, and that all is well."""
    card = ours.run_line_magic("drive_mount", f"{drive.url} --at 'a folder'")
    lines = dict(card.lines)

    assert lines["files"] == f"{Path.cwd()}/a folder"
    assert lines["health"] == "ok"
    assert lines["access"] == "read and write"
    assert "free" in str(lines["storage"])
    assert "@" in str(lines["account"])


def test_places_below_it_are_on_the_drive(ours: InteractiveShell, drive: Emulator) -> None:
    """What is written there is listed by our magics, and the other way round."""
    ours.run_line_magic("drive_mount", f"{drive.url} --at mnt")
    Path("mnt/a.txt").write_text("hello")
    place = notebook_of(ours).resolve("./mnt/sub/../a.txt")
    listed = ours.run_line_magic("drive_ls", "./mnt")

    assert (str(place), place.drive) == ("My Drive/a.txt", notebook_of(ours).drive)
    assert "a.txt" in repr(listed)


def test_mounting_again_keeps_it_unless_told_otherwise(
    ours: InteractiveShell, drive: Emulator
) -> None:
    """Run all, twice; what has a file open there goes on."""
    ours.run_line_magic("drive_mount", f"{drive.url} --at mnt")
    first = notebook_of(ours).drive
    assert first is not None
    pid = first.fuse.pid if first.fuse else 0
    with Path("mnt/a.txt").open("w") as stream:
        ours.run_line_magic("drive_mount", f"{drive.url} --at mnt")
        stream.write("hello")
    second = notebook_of(ours).drive
    assert second is not None
    kept = second.fuse.pid if second.fuse else 0
    assert Path("mnt/a.txt").read_text() == "hello"
    ours.run_line_magic("drive_mount", f"{drive.url} --at mnt --force-remount")
    third = notebook_of(ours).drive
    assert third is not None
    anew = third.fuse.pid if third.fuse else 0

    assert pid == kept != anew
    assert Path("mnt/a.txt").read_text() == "hello"


def test_unmounting_leaves_the_drive_attached(
    ours: InteractiveShell, drive: Emulator, said: Callable[[str], str]
) -> None:
    """The folder is a plain one again; a second time there is nothing to unmount."""
    ours.run_line_magic("drive_mount", f"{drive.url} --at mnt")
    Path("mnt/a.txt").write_text("hello")
    card = ours.run_line_magic("drive_mount", "--unmount")

    assert dict(card.lines) == {"files": str(Path.cwd() / "mnt")}
    assert os.listdir("mnt") == []
    assert "a.txt" in repr(ours.run_line_magic("drive_ls", ""))
    assert said("%drive_mount --unmount") == (
        "NoDrive: no folder of this machine is mounted; %drive_mount --at DIR mounts one"
    )


def test_unloading_unmounts(ours: InteractiveShell, drive: Emulator) -> None:
    """Nothing stays mounted."""
    ours.run_line_magic("drive_mount", f"{drive.url} --at mnt")
    folder = str(Path.cwd() / "mnt")
    assert mount_at(folder) is not None
    ours.run_line_magic("unload_ext", "colab_magics")

    assert mount_at(folder) is None
    assert os.listdir(folder) == []


def test_what_can_not_be_mounted_is_one_line(
    ours: InteractiveShell, drive: Emulator, said: Callable[[str], str]
) -> None:
    """And what was attached before stays attached."""
    ours.run_line_magic("drive_mount", drive.url)
    before = notebook_of(ours).drive
    Path("full").mkdir()
    Path("full/a.txt").touch()

    assert said(f"%drive_mount {drive.url} --at full") == (
        f"BadPlace: '{Path.cwd()}/full' is not empty; give an empty folder, or a new one"
    )
    assert said(f"%drive_mount {drive.url} --at full/a.txt/b") == (
        f"BadPlace: no folder can be made at '{Path.cwd()}/full/a.txt/b': not a directory; "
        "choose another one"
    )
    assert said("%drive_mount ./full --at mnt") == (
        f"BadPlace: '{Path.cwd()}/full' is a folder of this machine already; leave out --at"
    )
    assert notebook_of(ours).drive is before


def test_a_kernel_that_is_killed_leaves_no_mount(
    bare_kernel: Kernel, drive: Emulator, tmp_path: Path
) -> None:
    """A real one, with a map of a file there, which it reads while it holds the GIL."""
    folder = tmp_path / "mnt"
    bare_kernel.run(f"%load_ext colab_magics\n%drive_mount {drive.url} --at {folder}")
    bare_kernel.run(f"import mmap, os\nfile = open('{folder}/a.txt', 'w+b')\nfile.write(b'x' * 9)")
    bare_kernel.run("file.flush(); mapped = mmap.mmap(file.fileno(), 0)")

    assert bare_kernel.eval("bytes(mapped)") == b"x" * 9
    assert bare_kernel.eval(f"os.listdir('{folder}')") == ["a.txt"]
    bare_kernel.process.kill()
    wait_until(lambda: mount_at(str(folder)) is None, "it is unmounted", seconds=5)

    assert os.listdir(folder) == []


def test_a_kernel_that_is_restarted_leaves_no_mount(
    bare_kernel: Kernel, drive: Emulator, tmp_path: Path
) -> None:
    """What was closed is on Drive, and the new kernel can mount again."""
    folder = tmp_path / "mnt"
    mounting = f"%load_ext colab_magics\n%drive_mount {drive.url} --at {folder}"
    bare_kernel.run(mounting)
    bare_kernel.run(f"open('{folder}/a.txt', 'w').write('hello')")
    bare_kernel.restart()
    wait_until(lambda: mount_at(str(folder)) is None, "it is unmounted", seconds=5)
    bare_kernel.run(mounting)

    assert bare_kernel.eval(f"open('{folder}/a.txt').read()") == "hello"


def test_unmounting_finds_what_was_mounted_before(ours: InteractiveShell, drive: Emulator) -> None:
    """Attaching the Drive once more, without a folder, does not make the folder stay for ever."""
    ours.run_line_magic("drive_mount", f"{drive.url} --at one")
    ours.run_line_magic("drive_mount", f"{drive.url} --at two")
    ours.run_line_magic("drive_mount", drive.url)
    gone = [ours.run_line_magic("drive_mount", "--unmount").lines for _ in range(2)]

    assert gone == [[("files", f"{Path.cwd()}/two")], [("files", f"{Path.cwd()}/one")]]
    assert mount_at(f"{Path.cwd()}/one") is None
    assert mount_at(f"{Path.cwd()}/two") is None
