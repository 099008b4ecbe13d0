"""Is a sign-in kept from others, whole, and out of places from which it would travel?"""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_magics.errors import NoCredentials
from colab_magics.settings import Settings
from colab_magics.storage.signin import token_file
from colab_magics.storage.signin.token_file import read_private, remove, token_path, write_private

INFO = {"refresh_token": "1//SECRET"}


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A process that shares everything, what is shared, or nothing."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "token.json"


def modes(*paths: Path) -> list[int]:
    return [stat.S_IMODE(one.stat().st_mode) for one in paths]


def test_the_umask_decides_nothing(tmp_path: Path, umask: int) -> None:
    """Folder 0700, file 0600, and the file before it has its name likewise."""
    path = tmp_path / "token.json"  # the folder is there: a umask of 0777 would lock us out of it
    tmp_path.chmod(0o700)
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        real = os.replace

        def spy(draft: Any, target: Any) -> None:
            seen.extend(modes(Path(draft)))
            real(draft, target)

        patch.setattr(os, "replace", spy)
        write_private(path, INFO)

    assert seen == [0o600]
    assert modes(tmp_path, path) == [0o700, 0o600]
    assert json.loads(read_private(path)) == INFO


def test_the_folder_is_made_for_this_user_only(path: Path) -> None:
    """Also where the umask would open it."""
    before = os.umask(0)
    try:
        write_private(path, INFO)
    finally:
        os.umask(before)

    assert modes(path.parent, path) == [0o700, 0o600]


def test_a_failed_write_leaves_what_was_there(path: Path) -> None:
    """And nothing beside it."""
    write_private(path, INFO)
    with pytest.raises(TypeError):
        write_private(path, {"refresh_token": object()})
    path.unlink()
    path.mkdir()
    with pytest.raises(NoCredentials) as caught:
        write_private(path, INFO)

    assert "can not be kept in" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert [one.name for one in path.parent.iterdir()] == ["token.json"]


def test_what_a_killed_process_left_goes_with_it(path: Path) -> None:
    """A draft holds the same secret."""
    write_private(path, INFO)
    (path.parent / ".token.json.0123456789abcdef").write_text("{}")
    remove(path)
    remove(path)

    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o710])
def test_a_folder_that_others_can_enter_gets_nothing(path: Path, mode: int) -> None:
    """With the command that mends it."""
    path.parent.mkdir(mode=0o700)
    path.parent.chmod(mode)

    with pytest.raises(NoCredentials) as caught:
        write_private(path, INFO)

    assert str(caught.value) == f"others can read {path.parent}; run: chmod 700 '{path.parent}'"
    assert list(path.parent.iterdir()) == []


def test_a_link_in_place_of_the_folder_gets_nothing(path: Path, tmp_path: Path) -> None:
    """It may lead to somebody else's."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.parent.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NoCredentials, match="is not this user's own"):
        write_private(path, INFO)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_place_of_the_file_is_replaced_not_followed(path: Path, tmp_path: Path) -> None:
    """What it points to stays as it is."""
    write_private(path, INFO)
    path.unlink()
    (tmp_path / "victim").write_text("untouched")
    path.symlink_to(tmp_path / "victim")
    write_private(path, INFO)

    assert (tmp_path / "victim").read_text() == "untouched"
    assert not path.is_symlink()


def test_a_git_work_tree_gets_nothing(path: Path, tmp_path: Path) -> None:
    """Unless git is told to leave the folder alone; git itself agrees."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(NoCredentials) as caught:
        write_private(path, INFO)
    assert "would publish a sign-in; put a .gitignore with the line * into it" in str(caught.value)
    assert not path.exists()

    path.parent.mkdir(mode=0o700)
    (path.parent / ".gitignore").write_text("*\n")
    write_private(path, INFO)
    status = ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"]

    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == ""


@pytest.mark.parametrize(
    "line",
    [
        "drive {} fuse rw 0 0",
        "gdrive: {} fuse.rclone rw 0 0",
        "google-drive-ocamlfuse {} fuse.google-drive-ocamlfuse rw 0 0",
    ],
)
def test_a_mounted_drive_gets_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Everybody who shares the folder could sign in."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\n{line.format(tmp_path)}\n")
    monkeypatch.setattr(token_file, "_SYSTEM_MOUNTS", mounts)

    with pytest.raises(NoCredentials, match="lies in cloud storage"):
        write_private(path, INFO)
    assert not path.exists()


def test_colabs_mount_gets_nothing() -> None:
    """By its path alone."""
    with pytest.raises(NoCredentials, match="lies in cloud storage"):
        write_private(Path("/content/drive/MyDrive/keys/token.json"), INFO)


def test_each_drive_has_its_own_file(tmp_path: Path) -> None:
    """A sign-in at an emulator does not replace Google's."""
    settings = Settings(credentials_dir=str(tmp_path))

    assert token_path(settings).name == "token.json"
    assert token_path(settings, "127.0.0.1:80").name == "token-127.0.0.1-80.json"
    assert token_path(settings, "[::1]:80").parent == tmp_path
