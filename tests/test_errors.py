"""Is every error what the tree says, and does it keep its facts?"""

from __future__ import annotations

import builtins
import copy
import pickle
import re

import pytest

from colab_magics import errors
from colab_magics.errors import ColabMagicsError, DriveBusy, DriveError, PlaceNotFound

_LINE = re.compile(r"(?P<indent>[│ ]*)[├└]── (?P<name>\w+) +(?:\((?P<builtin>\w+)\) +)?\S")


def drawn() -> dict[str, tuple[str, str | None]]:
    """Each error of the tree at the top of the module: its parent, its builtin."""
    found, last = {}, {-1: "ColabMagicsError"}
    for line in (errors.__doc__ or "").splitlines():
        if match := _LINE.fullmatch(line[: line.rfind("  ") + 3]):
            depth = len(match["indent"]) // 4
            last[depth] = match["name"]
            found[match["name"]] = (last[depth - 1], match["builtin"])
    return found


def family(root: type[ColabMagicsError]) -> list[type[ColabMagicsError]]:
    """A class and all below it, in this package."""
    below = [one for kind in root.__subclasses__() for one in family(kind)]
    return [kind for kind in (root, *below) if kind.__module__ == errors.__name__]


KINDS = family(ColabMagicsError)


def test_the_drawn_tree_is_the_real_one() -> None:
    """Parents and builtins alike, and nothing is left out."""
    real = {}
    for kind in KINDS[1:]:
        parent, *builtin = kind.__bases__
        real[kind.__name__] = (parent.__name__, builtin[0].__name__ if builtin else None)

    assert drawn() == real
    assert all(name is None or hasattr(builtins, name) for _, name in real.values())


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_its_message_and_keeps_its_facts(kind: type[ColabMagicsError]) -> None:
    """Also those that are an OSError, which has arguments of its own."""
    error = kind("no folder at 'in'; %drive_ls shows what is there", place="in", status=404)

    assert str(error) == "no folder at 'in'; %drive_ls shows what is there"
    assert (error.place, error.status) == ("in", 404)  # type: ignore[attr-defined]
    assert error.facts == {"place": "in", "status": 404}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_the_way_to_another_process(kind, again) -> None:
    error = kind("Drive is busy", reason="userRateLimitExceeded", retry_after=3.5)
    other = again(error)

    assert type(other) is kind
    assert str(other) == "Drive is busy"
    assert (other.reason, other.retry_after) == ("userRateLimitExceeded", 3.5)


def test_a_notebook_shows_one_line() -> None:
    error = PlaceNotFound("no folder at 'in'")

    assert error._render_traceback_() == ["PlaceNotFound: no folder at 'in'"]


def test_what_drive_did_not_say_is_none() -> None:
    """An error without an answer has these, too; one error's facts are not another's."""
    DriveBusy("slow down", status=429, reason="rateLimitExceeded", retry_after=2.0)
    error = DriveError("no answer")

    assert (error.status, error.reason, error.retry_after) == (None, "", None)
