"""Whether PyDrive2's own test suite, as it was published, passes against the emulator's v2."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from witness.programs import Programs
from witness.suites import counts_of
from witness.world import World

pytestmark = pytest.mark.third_party
KEY_FILE = "/tmp/pydrive2/credentials.json"


@pytest.fixture
def source(programs: Programs, world: World, tmp_path: Path) -> Path:
    """Its source, set up as its README says; only where the key is differs, to be this test's.

    What its environment gives it, it still writes to where the README has it, and reads nowhere.
    """
    copied = tmp_path / "pydrive2"
    shutil.copytree(programs.sources["pydrive2"], copied)
    key = str(world.service_account())
    for path in (copied / "pydrive2" / "test" / "settings").glob("*.yaml"):
        path.write_text(path.read_text().replace(KEY_FILE, key))
    return copied


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (("file", "filelist"), "50 tests, 0 failures, 0 errors, 0 skipped"),
        (("fs",), "15 tests, 0 failures, 0 errors, 0 skipped"),
        # The one that is skipped is so by its authors: Google no longer gives P12 keys.
        (("apiattr", "drive", "oauth"), "10 tests, 0 failures, 0 errors, 1 skipped"),
    ],
)
def test_its_suite_passes(
    world: World, programs: Programs, source: Path, names: tuple[str, ...], counts: str
) -> None:
    """As its continuous integration runs it: all that needs no human hand."""
    files = [f"pydrive2/test/test_{name}.py" for name in names]
    key = (world.home / "service_account.json").read_text()
    # Left out: threads of its that look for a folder and then make it make two of it now and then.
    words = ("-m", "not manual", "-k", "not test_concurrent_operations", *files)
    got = counts_of(world, programs.python, source, *words, GDRIVE_USER_CREDENTIALS_DATA=key)

    assert got == counts
