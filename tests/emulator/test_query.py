"""Which files a search means, and which searches are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colab_magics.emulator import Emulator
from colab_magics.emulator.errors import DriveError
from colab_magics.emulator.query import parse
from emulator.api import FOLDER, Api, error


@pytest.fixture
def shelf(api: Api) -> dict[str, Any]:
    """A folder `Box` with a text in it, and three files beside it."""
    box = api.folder("Box", properties={"kind": "store"})
    return {
        "box": box,
        "text": api.make(
            "Hello World.txt",
            mimeType="text/plain",
            parents=[box["id"]],
            modifiedTime="2026-01-02T03:04:05.000Z",
            appProperties={"state": "it's done"},
        ),
        "picture": api.make(
            "HelloWorld.png",
            mimeType="image/png",
            starred=True,
            modifiedTime="2026-03-01T00:00:00Z",
            createdTime="2025-01-01T00:00:00Z",
        ),
        "quoted": api.make("it's.txt", mimeType="text/plain", description="alpha beta"),
        "other": api.make("other", modifiedTime="2026-03-02T00:00:00Z"),
    }


ALL = ["Box", "Hello World.txt", "HelloWorld.png", "it's.txt", "other"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", ALL),
        ("   ", ALL),
        ("name = 'other'", ["other"]),
        ("name='OTHER'", ["other"]),
        ("name != 'other'", ALL[:-1]),
        (r"name = 'it\'s.txt'", ["it's.txt"]),
        ("name contains 'hello'", ["Hello World.txt", "HelloWorld.png"]),
        ("name contains 'world'", ["Hello World.txt"]),
        ("name contains 'orld'", []),
        ("name contains 'hello wor'", ["Hello World.txt"]),
        ("name contains 'txt'", ["Hello World.txt", "it's.txt"]),
        ("mimeType = 'image/png'", ["HelloWorld.png"]),
        ("mimeType != 'image/png' and not name = 'Box'", ["Hello World.txt", "it's.txt", "other"]),
        ("mimeType contains 'text/'", ["Hello World.txt", "it's.txt"]),
        (f"mimeType = '{FOLDER}'", ["Box"]),
        ("starred", ["HelloWorld.png"]),
        ("starred = false and name contains 'o'", ["other"]),
        ("starred != true and trashed = false", ["Box", "Hello World.txt", "it's.txt", "other"]),
        ("trashed", []),
        ("sharedWithMe", []),
        ("not sharedWithMe", ALL),
        ("'me' in owners", ALL),
        ("'user@drive.emulator' in writers", ALL),
        ("'somebody@else' in readers", []),
        ("visibility = 'limited'", ALL),
        ("visibility != 'limited'", []),
        ("modifiedTime < '2026-03-01T00:00:00' and modifiedTime > '2026-01-01'", ALL[1:2]),
        ("modifiedTime = '2026-03-01T01:00:00+01:00'", ["HelloWorld.png"]),
        ("modifiedTime != '2026-03-01T00:00:00Z' and starred", []),
        ("modifiedTime >= '2026-03-01T00:00:00.000Z' and modifiedTime <= '2026-03-02'", ALL[2::2]),
        ("createdTime < '2025-06-01T00:00:00'", ["HelloWorld.png"]),
        ("viewedByMeTime < '2025-06-01T00:00:00'", []),
        ("properties has {key='kind' and value='store'}", ["Box"]),
        (r"appProperties has { key='state' and value='it\'s done' }", ["Hello World.txt"]),
        ("appProperties has {key='state' and value='x'}", []),
        ("fullText contains 'beta'", ["it's.txt"]),
        ("name = 'other' or name = 'Box' and starred", ["other"]),
        ("(name = 'other' or name = 'Box') and not starred", ["Box", "other"]),
        ("not (name = 'other' or name = 'Box')", ALL[1:4]),
        ("not name = 'other' and not name = 'Box'", ALL[1:4]),
        ("'root' in parents", ["Box", "HelloWorld.png", "it's.txt", "other"]),
    ],
)
def test_a_search_finds(api: Api, shelf: dict[str, Any], q: str, found: list[str]) -> None:
    """Each form that a client sends means what Drive means by it."""
    assert sorted(api.names(q)) == found


def test_the_forms_of_other_clients_are_understood(api: Api, shelf: dict[str, Any]) -> None:
    """Parentheses everywhere, many parents, a blank at the end."""
    box, root = shelf["box"]["id"], api.file("root")["id"]
    inside = f"trashed=false and ('{root}' in parents) and (name='Box') and"

    assert api.names(f"{inside} (mimeType='{FOLDER}' or mimeType='a/b')") == ["Box"]
    assert api.names(f"'{box}' in parents and trashed = false ") == ["Hello World.txt"]
    assert sorted(api.names(f"('{box}' in parents or '{root}' in parents)")) == ALL


def test_a_search_below_a_folder_that_is_not_there_is_not_found(api: Api) -> None:
    """The real answer names no id."""
    answer = api.get("drive/v3/files", params={"q": "'1nothing' in parents"})

    assert error(answer) == (404, "notFound", "File not found: .")


@pytest.mark.parametrize(
    "q",
    [
        "nonsense",
        "name",
        "name =",
        "name = other",
        'name = "other"',
        "name = 'a",
        r"name = 'a\n'",
        "name = 'a' and",
        "and name = 'a'",
        "name = 'a' name = 'b'",
        "(name = 'a'",
        "name = 'a')",
        "name in 'a'",
        "id = 'x'",
        "id > 'x'",
        "size > '5'",
        "'x' in folders",
        "'x' = name",
        "trashed = 'true'",
        "trashed = maybe",
        "trashed > true",
        "mimeType > 'a'",
        "fullText = 'a'",
        "modifiedTime > 'yesterday'",
        "modifiedTime > '2026-13-01T00:00:00'",
        "modifiedTime contains '2026'",
        "properties has {key='k'}",
        "properties has {key='k' and value=5}",
        "properties has {value='v' and key='k'}",
        "properties = 'k'",
        "visibility = 'everybody'",
        "name = 'a' AND name = 'b'",
        "name = 'a';",
        "(" * 80 + "name = 'a'" + ")" * 80,
        "not " * 3000 + "starred",
        " or ".join(["starred"] * 5000),
    ],
)
def test_nonsense_is_refused(api: Api, q: str) -> None:
    """Every error of a search has one wording, and says that it is in `q`."""
    answer = api.request("GET", "drive/v3/files", params={"q": q})

    assert error(answer) == (400, "invalid", "Invalid Value")
    assert answer.json()["error"]["errors"][0]["location"] == "q"


@pytest.mark.parametrize("mark", ["<", "<=", ">", ">="])
def test_an_order_between_names_is_an_internal_error(api: Api, mark: str) -> None:
    """The real Drive breaks here, and so does this one."""
    answer = api.get("drive/v3/files", params={"q": f"name {mark} 'x'"})

    assert error(answer)[:2] == (500, "internalError")


def test_a_search_of_the_text_has_its_own_order(api: Api) -> None:
    """`orderBy` with `fullText` is refused."""
    params = {"q": "fullText contains 'a'", "orderBy": "name"}
    status, reason, message = error(api.get("drive/v3/files", params=params))

    assert (status, reason) == (400, "badRequest")
    assert message.startswith("Sorting is not supported for queries with fullText terms.")


# -- properties of the parser

NAMES = [
    "alpha",
    "Beta",
    "it's",
    "a\\b",
    "",
    "beta gamma",
    "\u00e9t\u00e9",
    "'; DROP TABLE files; --",
]
TEXTS = st.sampled_from(NAMES) | st.text(max_size=8)


def quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# A search as its text, and as a function that says of a name whether it is meant.
TERMS = st.one_of(
    st.builds(lambda t: (f"name = {quote(t)}", lambda n: n.casefold() == t.casefold()), TEXTS),
    st.builds(lambda t: (f"name!={quote(t)}", lambda n: n.casefold() != t.casefold()), TEXTS),
    st.just(("trashed=false", lambda n: True)),
    st.just(("starred", lambda n: False)),
)


def both(pair: Any) -> Any:
    (left, means), (right, says) = pair
    return (f"({left}) and ({right})", lambda n: means(n) and says(n))


def either(pair: Any) -> Any:
    (left, means), (right, says) = pair
    return (f"({left})or({right})", lambda n: means(n) or says(n))


def neither(one: Any) -> Any:
    return (f"not ({one[0]})", lambda n: not one[1](n))


def combine(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.tuples(inner, inner)
    return pairs.map(both) | pairs.map(either) | inner.map(neither)


QUICK = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUICK
@given(search=st.recursive(TERMS, combine, max_leaves=8))
def test_any_search_finds_what_it_says(named: Api, search: Any) -> None:
    """A search built at random finds the names that its meaning finds in Python."""
    q, means = search

    assert sorted(named.names(q)) == sorted(name for name in NAMES if means(name))


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Drive with one empty file of each name."""
    from emulator.api import client_of

    with Emulator(tmp_path_factory.mktemp("named")) as emulator, client_of(emulator) as api:
        for name in NAMES:
            api.make(name)
        yield api


PIECES = st.sampled_from(
    [
        "name",
        "=",
        "!=",
        "<",
        "contains",
        "in",
        "has",
        "and",
        "or",
        "not",
        "(",
        ")",
        "{",
        "}",
        "'a'",
        "'root'",
        "parents",
        "key",
        "value",
        "true",
        "false",
        "trashed",
        "starred",
        "modifiedTime",
        "'2026-01-01'",
        "properties",
        "mimeType",
        "fullText",
        "id",
        "'",
        "\\",
        "\\'",
        "é",
    ]
)


@QUICK
@given(q=st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=30))
def test_no_text_breaks_the_search(named: Api, q: str) -> None:
    """Any text is answered: found, refused, or the one internal error that Drive has."""
    answer = named.get("drive/v3/files", params={"q": q.replace("\x00", " ")})

    assert answer.status_code in (200, 400, 404, 500)
    if answer.status_code == 500:
        assert error(answer)[1] == "internalError"
        with pytest.raises(DriveError):
            parse(q, "root")
