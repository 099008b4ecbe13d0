"""Which settings are there, and who wins?"""

from __future__ import annotations

import ast
import inspect
from dataclasses import FrozenInstanceError, asdict, fields
from pathlib import Path
from typing import Any

import pytest

from colab_magics.errors import BadValue
from colab_magics.settings import Settings

DEFAULTS: dict[str, Any] = {
    "drive_url": "",
    "emulator_root": "",
    "credentials_dir": "",
    "sign_in_seconds": 300.0,
    "poll_active_seconds": 1.0,
    "poll_idle_seconds": 15.0,
    "poll_max_seconds": 60.0,
    "relist_seconds": 300.0,
    "fresh_seconds": 5.0,
    "scan_seconds": 2.0,
    "debounce_seconds": 0.5,
    "retry_attempts": 6,
    "retry_seconds": 90.0,
    "retry_first_seconds": 0.5,
    "retry_wait_seconds": 32.0,
    "timeout_seconds": 60.0,
    "chunk_bytes": 8388608,
    "connections": 4,
    "parallel_files": 8,
    "quota_units_per_minute": 325_000,
    "state_dir": "",
}


def test_nothing_set_gives_the_defaults() -> None:
    assert asdict(Settings.load({})) == DEFAULTS


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_can_come_from_the_environment(name: str) -> None:
    """As text that is read as what the default is."""
    kind = type(DEFAULTS[name])
    loaded = Settings.load({f"COLAB_MAGICS_{name.upper()}": "7"})

    assert asdict(loaded) == {**DEFAULTS, name: kind("7")}
    assert type(getattr(loaded, name)) is kind


def test_an_argument_wins_over_the_environment() -> None:
    environ = {"COLAB_MAGICS_POLL_IDLE_SECONDS": "7", "COLAB_MAGICS_SCAN_SECONDS": "9"}
    loaded = Settings.load(environ, poll_idle_seconds=5.0, scan_seconds=None)

    assert (loaded.poll_idle_seconds, loaded.scan_seconds) == (5.0, 9.0)


def test_this_process_own_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_MAGICS_RETRY_ATTEMPTS", "3")

    assert Settings.load().retry_attempts == 3


def test_an_empty_variable_sets_nothing() -> None:
    """As after `export COLAB_MAGICS_SCAN_SECONDS=`."""
    assert Settings.load({"COLAB_MAGICS_SCAN_SECONDS": ""}).scan_seconds == 2.0


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("SCAN_SECONDS", "soon", "COLAB_MAGICS_SCAN_SECONDS='soon' is not a number"),
        ("SCAN_SECONDS", "2s", "COLAB_MAGICS_SCAN_SECONDS='2s' is not a number"),
        ("CHUNK_BYTES", "1.5", "COLAB_MAGICS_CHUNK_BYTES='1.5' is not a number"),
        ("SCAN_SECONDS", "0", "COLAB_MAGICS_SCAN_SECONDS='0' must be more than 0"),
        ("RETRY_ATTEMPTS", "-1", "COLAB_MAGICS_RETRY_ATTEMPTS='-1' must be more than 0"),
        ("SCAN_SECONDS", "nan", "COLAB_MAGICS_SCAN_SECONDS='nan' must be more than 0"),
    ],
)
def test_a_wrong_value_is_said_in_one_line(name: str, text: str, line: str) -> None:
    """The line names the variable, since nobody sees where it was set."""
    with pytest.raises(BadValue) as caught:
        Settings.load({f"COLAB_MAGICS_{name}": text})

    assert str(caught.value) == line


def test_no_debounce_can_be_set_as_it_can_be_asked_for() -> None:
    assert Settings.load({"COLAB_MAGICS_DEBOUNCE_SECONDS": "0"}).debounce_seconds == 0.0


def test_an_infinite_duration_is_refused() -> None:
    """`Event.wait(inf)` raises an OverflowError, far from here."""
    with pytest.raises(BadValue):
        Settings.load({"COLAB_MAGICS_POLL_IDLE_SECONDS": "inf"})


def test_a_mistyped_argument_is_refused() -> None:
    with pytest.raises(TypeError):
        Settings.load({}, debounce=3.0)


def test_settings_can_not_be_changed() -> None:
    """They are shared by threads."""
    with pytest.raises(FrozenInstanceError):
        Settings().scan_seconds = 1.0  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    """One docstring line each, in the order of the fields."""
    body = ast.parse(inspect.getsource(Settings)).body[0]
    assert isinstance(body, ast.ClassDef)
    pairs = zip(body.body, body.body[1:], strict=False)
    told = [
        one.target.id
        for one, two in pairs
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and isinstance(two, ast.Expr)
    ]

    assert told == [field.name for field in fields(Settings)]


def test_the_emulators_folder_may_be_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")

    assert Settings(emulator_root="~/drive").emulator_folder() == Path("/somewhere/drive")


def test_the_emulators_folder_is_this_users_unless_set() -> None:
    folder = Settings().emulator_folder()

    assert folder.name == "emulator"
    assert folder.is_absolute()
    assert "colab_magics" in folder.parts
