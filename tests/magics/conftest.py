"""A shell with the magics, and a Drive for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from colab_magics.emulator import Emulator


@pytest.fixture
def ours(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    """A shell with the extension loaded, in a folder of its own, with nobody signed in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("COLAB_MAGICS_CREDENTIALS_DIR", str(tmp_path / "credentials"))
    monkeypatch.setenv("COLAB_MAGICS_EMULATOR_ROOT", str(tmp_path / "embedded"))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    shell.run_line_magic("load_ext", "colab_magics")
    yield shell
    shell.run_line_magic("unload_ext", "colab_magics")


@pytest.fixture
def attached(ours: InteractiveShell, drive: Emulator) -> InteractiveShell:
    """The same, with a Drive attached."""
    ours.run_line_magic("drive_mount", drive.url)
    return ours


@pytest.fixture
def said(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """What a cell that fails prints, stdout and stderr together."""

    def run(code: str) -> str:
        capsys.readouterr()
        result = shell.run_cell(code)
        captured = capsys.readouterr()

        assert not result.success
        return (captured.out + captured.err).strip()

    return run
