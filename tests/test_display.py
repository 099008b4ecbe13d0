"""Is what a person sees safe, aligned and true, as HTML and as text?"""

from __future__ import annotations

import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from harness.clocks import StandingClock
from hypothesis import given
from hypothesis import strategies as st

from colab_magics.display import (
    Card,
    Progress,
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


@pytest.fixture
def shown() -> list[Card]:
    return []


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def progress(shown: list[Card], clock: StandingClock) -> Progress:
    """Of a transfer of 1000 bytes."""
    one = Progress("a.txt", shown.append, clock)
    one.set_size(1000)
    return one


def line(card: Card) -> object:
    return card.lines[0][1]


def test_what_is_quick_shows_no_progress(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    for _ in range(49):
        clock.move(0.01)
        progress.relative_update(20)

    assert shown == []


def test_progress_is_drawn_twice_a_second_at_most(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    for _ in range(100):
        clock.move(0.125)
        progress.relative_update(10)

    assert len(shown) == 25
    assert line(shown[0]) == "40 B of 1 kB · 80 B/s · 12.0 s left"
    assert shown[0].done == 0.04
    assert line(shown[-1]) == "1 kB of 1 kB · 80 B/s"
    assert shown[-1].done == 1.0


def test_progress_towards_an_unknown_end_has_no_bar(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    """A Google Doc's export has no size beforehand."""
    progress.set_size(None)
    clock.move(2.0)
    progress.absolute_update(5000)

    assert [line(card) for card in shown] == ["5 kB of - · 2.5 kB/s"]
    assert shown[0].done is None


def test_progress_that_has_not_moved_says_no_time(
    progress: Progress, shown: list[Card], clock: StandingClock
) -> None:
    clock.move(1.0)
    progress.absolute_update(0)

    assert line(shown[0]) == "0 B of 1 kB · 0 B/s"


def test_progress_listens_to_a_real_transfer(progress: Progress, tmp_path: Path) -> None:
    """fsspec calls it as its own callbacks."""
    fs = MemoryFileSystem()
    fs.pipe("/progress/a.txt", bytes(70_000))
    try:
        fs.get_file("/progress/a.txt", tmp_path / "b.txt", callback=progress)
    finally:
        fs.rm("/progress", recursive=True)

    assert (tmp_path / "b.txt").stat().st_size == 70_000
    assert (progress.value, progress.size) == (70_000, 70_000)
    assert progress.card().done == 1.0


def test_progress_counts_what_passes_through(progress: Progress) -> None:
    assert list(progress.wrap("abc")) == ["a", "b", "c"]
    assert progress.value == 3


def test_text_has_no_colours_and_no_blanks_at_the_end() -> None:
    """It is kept in notebooks and compared by people."""
    assert plain("[bold red]one[/]   \n two ") == "one\n two"
