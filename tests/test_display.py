"""Is what a person sees safe, aligned and true, as HTML and as text?"""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colab_magics.display import (
    Card,
    Link,
    Table,
    clean,
    clock_time,
    escape,
    plain,
    size,
    sparkline,
)

HOSTILE = "<b>&\x1b[31m\u202etxt\n"


class Reader(HTMLParser):
    """Which tags a piece of HTML has, whether they are closed, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b.txt", "a b.txt"),
        ("Ärger 日本 👩‍🚀", "Ärger 日本 👩‍🚀"),
        ("a\nb\tc", "a\\u000ab\\u0009c"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("\ud800", "\\ud800"),
        (7, "7"),
    ],
)
def test_a_name_is_shown_as_what_it_is(text: object, shown: str) -> None:
    """What moves the cursor, turns the text or breaks the line is spelled out."""
    assert clean(text) == shown


def test_a_long_text_is_cut_with_a_sign_of_it() -> None:
    assert clean("abcdef", 6) == "abcdef"
    assert clean("abcdefg", 6) == "abcde…"


def test_no_text_is_html() -> None:
    assert escape("<img src='x' onerror=\"y\">&") == (
        "&lt;img src=&#x27;x&#x27; onerror=&quot;y&quot;&gt;&amp;"
    )


@given(st.text())
def test_no_text_breaks_out_of_its_place(text: str) -> None:
    """Of whatever characters a name is made: one line, no tag, encodable."""
    card = Card(text, lines=[("name", text)])

    assert len(repr(card).splitlines()) == 2
    assert Reader(card._repr_html_()).tags == {"div", "b", "span"}
    card._repr_html_().encode()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "-"),
        (0, "0 B"),
        (820, "820 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (4200, "4.2 kB"),
        (999_499, "999 kB"),
        (999_600, "1 MB"),
        (8 * 1024 * 1024, "8.39 MB"),
        (1_300_000_000, "1.3 GB"),
        (2 * 10**12, "2 TB"),
    ],
)
def test_sizes_are_said(count: int | None, said: str) -> None:
    """No rounding makes `1000 kB` or `1e+03 kB`."""
    assert size(count) == said


def test_a_history_is_a_row_of_bars() -> None:
    """From zero to the highest, whatever the highest is."""
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([0.5, 0.25]) == "█▄"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_a_moment_is_shown_as_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-02:00")
    time.tzset()
    try:
        assert clock_time(1_000_000_000.7) == "03:46:40"
        assert clock_time(None) == "-"
    finally:
        monkeypatch.undo()
        time.tzset()


def table() -> Table:
    rows = [["a.txt", 3, "4.2 kB"], ["[red]b", 12, "0 B"]]
    return Table(["name", "runs", "size"], rows, "inbox", "two files", frozenset({1}))


def test_a_table_is_aligned_text() -> None:
    """Numbers to the right, and what looks like rich's markup is left as it is."""
    assert repr(table()) == (
        "inbox\n"
        "\n"
        "  name     runs   size\n"
        " ────────────────────────\n"
        "  a.txt       3   4.2 kB\n"
        "  [red]b     12   0 B\n"
        "\n"
        "two files"
    )


def test_a_table_is_html_with_the_same_words() -> None:
    reader = Reader(table()._repr_html_())

    assert reader.tags == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert reader.open == []
    assert reader.said == [
        *("inbox", "name", "runs", "size"),
        *("a.txt", "3", "4.2 kB", "[red]b", "12", "0 B", "two files"),
    ]


def test_a_table_aligns_numbers_in_html_too() -> None:
    html = table()._repr_html_()

    assert html.count("text-align:right") == 3
    assert html.count("text-align:left") == 6


def test_a_hostile_name_in_a_table_is_text() -> None:
    one = Table(["name"], [[HOSTILE]], HOSTILE, HOSTILE)

    assert repr(one).count(r"<b>&\u001b[31m\u202etxt\u000a") == 3
    assert "\x1b" not in repr(one)
    assert one._repr_html_().count(r"&lt;b&gt;&amp;\u001b[31m\u202etxt\u000a") == 3


def test_a_card_is_a_few_lines_of_text() -> None:
    card = Card("a.txt", "running", "transfer", [("bytes", "5 B"), ("to", "inbox")], 0.5)

    assert repr(card) == (
        "● a.txt  [transfer]\n  ███████████████░░░░░░░░░░░░░░░ 50%\n  bytes  5 B\n  to     inbox"
    )


def test_a_card_without_a_label_says_its_state() -> None:
    assert repr(Card("a.txt", "failed")) == "● a.txt  [failed]"
    assert "".join(Reader(Card("a.txt", "failed")._repr_html_()).said) == "a.txt● failed"


@pytest.mark.parametrize(
    ("state", "colour"),
    [("failed", "#dc4c4c"), ("ok", "#2e9e5b"), ("running", "#c98200"), ("unheard of", "#8a8a8a")],
)
def test_a_state_has_its_colour(state: str, colour: str) -> None:
    assert f"border-left:4px solid {colour}" in Card("a.txt", state)._repr_html_()


@pytest.mark.parametrize(("done", "width"), [(0.0, "0.0"), (0.333, "33.3"), (1.7, "100.0")])
def test_a_bar_is_never_wider_than_its_card(done: float, width: str) -> None:
    assert f"width:{width}%" in Card("a.txt", done=done)._repr_html_()


def test_a_bar_of_text_is_never_wider_than_a_full_one() -> None:
    """A file that grows while it is sent is more than done."""
    line = repr(Card("a.txt", done=1.7)).splitlines()[1]

    assert line.count("█") == 30


def test_nothing_is_drawn_where_nothing_is_counted() -> None:
    assert "height:6px" not in Card("a.txt")._repr_html_()
    assert repr(Card("a.txt")).count("\n") == 0


def test_text_has_no_colours_and_no_blanks_at_the_end() -> None:
    """It is kept in notebooks and compared by people."""
    assert plain("[bold red]one[/]   \n two ") == "one\n two"


def test_an_address_can_be_clicked() -> None:
    """It opens beside the notebook, and its page does not learn of it."""
    card = Card("a.txt", lines=[("link", Link("https://drive.example/a?b=1&c=2"))])

    assert (
        '<a href="https://drive.example/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">'
        "https://drive.example/a?b=1&amp;c=2</a>"
    ) in card._repr_html_()
    assert "https://drive.example/a?b=1&c=2" in repr(card)


@pytest.mark.parametrize("url", ["javascript:alert(1)", 'https://x/"><script>', "data:text/html,x"])
def test_an_address_is_never_code(url: str) -> None:
    """Only web pages become links, and nothing gets out of one."""
    shown = Card("a.txt", lines=[("link", Link(url))])._repr_html_()

    assert "<script" not in shown
    assert ("<a " in shown) == url.startswith("https://")


def test_lines_of_a_drawing_keep_their_blanks() -> None:
    """A tree in a proportional font, or folded, is none."""
    shown = Table(["name"], [["│   └── a"]], drawn=frozenset({0}))._repr_html_()

    assert "white-space:pre;font-family:var(--jp-code-font-family" in shown


def test_a_command_below_a_table_is_on_one_line() -> None:
    """So that it can be copied."""
    note = "4 of 130, 440 kB; page 1 of 33; more: %drive_ls 'data/older results' --rows 4 --page 2"

    assert repr(Table(["a"], [["b"]], note=note)).splitlines()[-1] == note
