"""Is what this package offers what it lists, and is importing it quick?"""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import colab_magics


def python(program: str) -> str:
    """What a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_list_is_sorted_and_has_each_name_once() -> None:
    assert colab_magics.__all__ == sorted(set(colab_magics.__all__))


@pytest.mark.parametrize("name", colab_magics.__all__)
def test_every_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    thing = getattr(colab_magics, name)

    assert callable(thing) or isinstance(thing, ModuleType)
    assert (thing.__doc__ or "").strip()


def test_the_emulator_is_its_module() -> None:
    """Before anybody has imported it, and the same one afterwards."""
    program = """
import colab_magics as c
before = c.emulator
import colab_magics.emulator
from colab_magics import emulator
print(before is emulator is c.emulator, emulator.__name__, callable(emulator.Emulator))
"""

    assert python(program) == "True colab_magics.emulator True"
    assert [name for name in colab_magics.__all__ if _is_module(name)] == ["emulator"]


def _is_module(name: str) -> bool:
    return isinstance(getattr(colab_magics, name), ModuleType)


@pytest.mark.parametrize(
    "asked", ["", "c.watch; c.emulator; c.DriveFileSystem"], ids=["before", "after"]
)
def test_completion_offers_the_list_and_the_version(asked: str) -> None:
    """Before a name was asked for, too, and nothing that is not for the user."""
    program = f"""
import colab_magics as c
{asked}
print(dir(c) == sorted([*c.__all__, "__version__"]))
"""

    assert python(program) == "True"


def test_a_star_imports_the_list() -> None:
    program = "from colab_magics import *; print(sorted(n for n in dir() if n[0] != '_'))"

    assert python(program) == str(colab_magics.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """So that `hasattr` and `from colab_magics import x` fail as they do elsewhere."""
    with pytest.raises(AttributeError) as caught:
        _ = colab_magics.no_such_thing  # type: ignore[attr-defined, unused-ignore]

    assert str(caught.value) == "module 'colab_magics' has no attribute 'no_such_thing'"


def test_importing_brings_nothing_heavy() -> None:
    """Loading the extension is a part of every notebook's start."""
    program = """
import sys
import colab_magics
heavy = ("IPython", "googleapiclient", "google.auth", "starlette", "watchdog", "fsspec", "rich",
         "requests", "httplib2", "sqlite3", "asyncio", "uvicorn", "psutil")
print([name for name in heavy if name in sys.modules])
"""

    assert python(program) == "[]"


def test_importing_starts_no_thread() -> None:
    program = "import threading, colab_magics; print(threading.active_count())"

    assert python(program) == "1"
