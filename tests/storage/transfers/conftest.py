"""Places on which all promises about moving bytes hold alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.mount import attach
from colab_magics.storage.place import Place, resolve


@pytest.fixture(params=["emulator", "folder", "memory"])
def at(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Settings, drive: Emulator
) -> Iterator[Callable[[str], Place]]:
    """Makes places: on a Drive, in a folder, in memory. All promises hold on each."""
    if request.param == "memory":
        memory = fsspec.filesystem("memory", skip_instance_cache=True)
        memory.store.clear()
        yield lambda name: Place(name, memory, f"/{name}", None)
        memory.store.clear()
        return
    (tmp_path / "folder").mkdir()
    text = "emulator" if request.param == "emulator" else str(tmp_path / "folder")
    one = attach(text, settings=settings, open_emulator=lambda: (drive.url, lambda: None))
    yield lambda name: resolve(name, one, settings=settings)
    one.close()
