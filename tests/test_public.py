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

    assert callable(thing)
    assert not isinstance(thing, ModuleType)
    assert (thing.__doc__ or "").strip()


def test_every_name_is_offered_by_completion() -> None:
    """Before it was asked for, too."""
    program = "import colab_magics as c; print(set(c.__all__) <= set(dir(c)))"

    assert python(program) == "True"


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="dir() offers Any and annotations, too"
)
def test_nothing_else_is_offered_by_completion() -> None:
    """Underscores aside, what is not listed is not for the user."""
    program = """
import colab_magics as c
print([name for name in dir(c) if name not in c.__all__ and not name.startswith("_")])
"""

    assert python(program) == "[]"


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
