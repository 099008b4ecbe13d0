"""fsspec's own suite for filesystems: over the Drive, and over a folder as a place uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem, make_path_posix
from fsspec.spec import AbstractFileSystem
from fsspec.tests import abstract

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import resolve


class Beside(abstract.AbstractFixtures):
    @pytest.fixture(scope="class")
    @classmethod
    def local_fs(cls) -> AbstractFileSystem:
        """As fsspec's own, which before 2026 is written in a way that pytest 9 warns of."""
        return LocalFileSystem(auto_mkdir=True)


class OnDrive(Beside):
    @pytest.fixture(scope="class")
    @classmethod
    def fs(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AbstractFileSystem]:
        with Emulator(tmp_path_factory.mktemp("drive")) as emulator:
            api = DriveAPI(url=emulator.url, settings=Settings())
            yield DriveFileSystem(api=api, skip_instance_cache=True)
            api.close()

    @pytest.fixture
    def fs_path(self) -> str:
        return "suite"

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)


class InAFolder(Beside):
    @pytest.fixture
    def fs(self) -> AbstractFileSystem:
        place = resolve("./anything", None, settings=Settings())
        assert isinstance(place.fs, LocalFileSystem)
        place.fs.auto_mkdir = True
        return place.fs

    @pytest.fixture
    def fs_path(self, tmp_path: Path) -> str:
        return str(tmp_path)

    @pytest.fixture
    def fs_sanitize_path(self) -> Callable[[str], str]:
        return make_path_posix


class TestCopyOnDrive(abstract.AbstractCopyTests, OnDrive):
    pass


class TestGetFromDrive(abstract.AbstractGetTests, OnDrive):
    pass


class TestPutOnDrive(abstract.AbstractPutTests, OnDrive):
    pass


class TestOpenOnDrive(abstract.AbstractOpenTests, OnDrive):
    pass


class TestPipeToDrive(abstract.AbstractPipeTests, OnDrive):
    pass


class TestCopyInAFolder(abstract.AbstractCopyTests, InAFolder):
    pass


class TestGetFromAFolder(abstract.AbstractGetTests, InAFolder):
    pass


class TestPutInAFolder(abstract.AbstractPutTests, InAFolder):
    pass


class TestOpenInAFolder(abstract.AbstractOpenTests, InAFolder):
    pass


class TestPipeToAFolder(abstract.AbstractPipeTests, InAFolder):
    pass
