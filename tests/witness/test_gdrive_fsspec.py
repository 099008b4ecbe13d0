"""Whether gdrive-fsspec's own test suite, as it was published, passes against the emulator."""

from __future__ import annotations

import json

import httpx
import pytest
from emulator.api import Api

from witness.programs import Programs
from witness.suites import counts_of
from witness.world import World

pytestmark = pytest.mark.third_party
# Two tests of its constructor, and two that talk to a Drive.
ALL = "4 tests, 0 failures, 0 errors, 0 skipped"


def run_suite(world: World, programs: Programs, **environ: str) -> str:
    """Run all of it, as its own continuous integration does; return pytest's counts."""
    source = programs.sources["gdrive_fsspec"]
    return counts_of(world, programs.python, source, "-m", "", **environ)


def test_its_suite_passes_without_an_account(world: World, programs: Programs) -> None:
    """On My Drive, anonymous."""
    require = {"require": False}
    httpx.post(f"{world.emulator.url}emulator/tokens", json=require, trust_env=False)

    assert run_suite(world, programs, GDRIVE_FSSPEC_CREDENTIALS_TYPE="anon") == ALL
    assert set(world.proxy.led) == {"www.googleapis.com"}
    assert {entry.method for entry in world.emulator.log} == {"GET", "POST", "PUT", "DELETE"}


def test_its_suite_passes_on_a_shared_drive(world: World, programs: Programs) -> None:
    """As its authors run it: as a service account, in a shared drive that it is a member of."""
    key, name = world.service_account(), "gdrivefs-testing"
    member = json.loads(key.read_text())["client_email"]
    with Api(base_url=f"{world.emulator.url}emulator/", trust_env=False, timeout=20) as api:
        made = api.ok("POST", "drive/v3/drives?requestId=1", json={"name": name})
        path = f"drive/v3/files/{made['id']}/permissions?supportsAllDrives=true"
        api.ok("POST", path, json={"type": "user", "role": "organizer", "emailAddress": member})
    counts = run_suite(
        world,
        programs,
        GDRIVE_FSSPEC_CREDENTIALS_TYPE="service_account",
        GDRIVE_FSSPEC_CREDENTIALS_PATH=str(key),
        GDRIVE_FSSPEC_DRIVE=name,
    )

    assert counts == ALL
    assert {"www.googleapis.com", "oauth2.googleapis.com"} <= set(world.proxy.led)
