"""Is what a run puts out kept whole and within bounds, and is an error told from its cell on?"""

from __future__ import annotations

from typing import Any, cast

import pytest
from harness.cells import cell
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from colab_magics.errors import PlaceNotFound
from colab_magics.running.outputs import Record, bundle, describe
from colab_magics.running.threaded import run_in_thread
from colab_magics.running.turn import Turn

PARENT: dict[str, Any] = {"header": {}, "metadata": {}}


def printed(text: str, name: str = "stdout") -> tuple[str, dict[str, str]]:
    return "stream", {"name": name, "text": text}


def displayed(text: str, display_id: str = "") -> dict[str, Any]:
    transient = {"display_id": display_id} if display_id else {}
    return {"data": {"text/plain": text}, "metadata": {}, "transient": transient}


# -- what is kept of a run ------------------------------------------------------------------


def test_prints_in_a_row_are_one_output() -> None:
    """Until the other stream, or a display, comes between."""
    record = Record()
    for name, text in (("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")):
        record.add(*printed(text, name))
    record.add("display_data", displayed("picture"))
    record.add(*printed("e"))

    assert record.outputs == [
        printed("ab"),
        printed("c", "stderr"),
        printed("d"),
        ("display_data", displayed("picture")),
        printed("e"),
    ]
    assert not record.cut


def test_what_is_kept_does_not_change_with_its_message() -> None:
    """The kernel's message goes on to the front end as it was."""
    record, first = Record(), {"name": "stdout", "text": "a"}
    record.add("stream", first)
    record.add(*printed("b"))

    assert first == {"name": "stdout", "text": "a"}


def test_a_run_keeps_a_thousand_outputs() -> None:
    record = Record()
    for number in range(1005):
        record.add("display_data", displayed(str(number)))

    assert len(record.outputs) == 1000
    assert record.outputs[-1] == ("display_data", displayed("999"))
    assert record.cut


def test_a_run_keeps_sixteen_megabytes() -> None:
    """Of text, of pictures, and of many small prints together."""
    for add in (
        lambda record: record.add(*printed("x" * 2**20)),
        lambda record: record.add("display_data", displayed("x" * 2**20)),
    ):
        record = Record()
        for _ in range(16):
            add(record)
        assert not record.cut
        add(record)

        assert record.cut
        assert sum(len(str(content)) for _, content in record.outputs) < 17 * 2**20


def test_figures_of_data_count_too() -> None:
    """A plotly figure is a MIME bundle whose value is a dictionary."""
    record = Record()
    figure = {"application/vnd.plotly.v1+json": {"data": [{"y": ["x" * 2**20]}]}}
    for _ in range(20):
        record.add("display_data", {"data": figure, "metadata": {}})

    assert record.cut


def test_updates_count_too() -> None:
    record = Record()
    for number in range(20):
        record.add("display_data", displayed("", f"id{number}"))
        record.add("update_display_data", displayed("x" * 2**20, f"id{number}"))

    assert sum(len(str(content)) for _, content in record.outputs) < 17 * 2**20


def test_a_display_that_is_updated_counts_once() -> None:
    """A progress bar may be updated for ever: little is kept, so nothing need be cut."""
    record = Record()
    record.add("display_data", displayed("", "bar"))
    for number in range(20):
        record.add("update_display_data", displayed(f"{number}" + "x" * 2**20, "bar"))

    assert not record.cut


def test_tracebacks_count_too() -> None:
    record = Record()
    for _ in range(20):
        record.add("error", {"ename": "E", "evalue": "", "traceback": ["x" * 2**20]})

    assert record.cut


def test_clearing_forgets_what_was_there() -> None:
    """Also its size: a progress bar that clears its cell may do so for ever."""
    record = Record()
    for _ in range(40):
        record.add("clear_output", {"wait": True})
        record.add(*printed("x" * 2**20))

    assert record.outputs == [printed("x" * 2**20)]
    assert record.cleared
    assert not record.cut


def test_clearing_makes_a_cut_whole() -> None:
    """What was cut would not be there any more: nothing is missing."""
    record = Record()
    for number in range(1005):
        record.add("display_data", displayed(str(number)))
    record.add("clear_output", {"wait": False})
    record.add(*printed("all there is"))

    assert not record.cut


def test_an_updated_display_is_kept_where_it_stands() -> None:
    record = Record()
    record.add("display_data", displayed("0 %", "bar"))
    record.add(*printed("text"))
    record.add("update_display_data", displayed("99 %", "bar"))

    assert record.outputs == [("display_data", displayed("99 %", "bar")), printed("text")]


def test_an_update_of_another_runs_display_is_kept_as_one() -> None:
    """It is all that this run knows of it."""
    record = Record()
    record.add("display_data", displayed("no id"))
    record.add("update_display_data", displayed("99 %", "bar"))

    assert [kind for kind, _ in record.outputs] == ["display_data", "update_display_data"]


def test_a_record_is_put_out_again(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """Streams to their streams, displays as displays, a traceback to stderr."""
    record, publisher = Record(), cast("CapturingDisplayPublisher", shell.display_pub)
    record.add(*printed("out\n"))
    record.add(*printed("err\n", "stderr"))
    record.add("display_data", displayed("picture"))
    record.add("error", {"ename": "E", "evalue": "", "traceback": ["line 1", "E: no"]})
    record.replay()

    assert capsys.readouterr() == ("out\n", "err\nline 1\nE: no\n")
    assert [one["data"] for one in publisher.outputs] == [{"text/plain": "picture"}]


def test_a_record_that_was_cut_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Record([printed("a\n")], cut=True).replay()

    assert capsys.readouterr() == ("a\n", "(more was put out than is kept here)\n")


# -- tracebacks -----------------------------------------------------------------------------


def test_a_handlers_traceback_begins_in_its_cell(shell: InteractiveShell, tmp_path) -> None:
    """Our own frames above it are not the user's business; the user's own are all there."""
    watch = cell(shell, "def f():\n    return 1 / 0\nf()", tmp_path)
    turn = Turn(watch.body, PARENT, begin=lambda: None)
    run_in_thread(watch.executor, turn)
    (kind, error) = turn.record.outputs[0]
    frames = [line.strip() for line in error["traceback"] if line.startswith("  File ")]

    assert (kind, turn.error) == ("error", "ZeroDivisionError: division by zero")
    assert [frame.rpartition(", ")[2] for frame in frames] == ["in <module>", "in f"]
    assert "colab_magics" not in "\n".join(frames)
    assert error["traceback"][-1] == "ZeroDivisionError: division by zero"
    assert "    return 1 / 0" in error["traceback"]


def test_our_frames_below_the_users_are_kept(shell: InteractiveShell, tmp_path) -> None:
    """Where the user's code calls ours, the way down is a part of the story."""
    watch = cell(shell, "from colab_magics.clock import spell\nspell('soon')", tmp_path)
    turn = Turn(watch.body, PARENT, begin=lambda: None)
    run_in_thread(watch.executor, turn)
    lines = turn.record.outputs[0][1]["traceback"]
    frames = [line.strip() for line in lines if line.startswith("  File ")]

    assert [frame.rpartition(", ")[2] for frame in frames] == ["in <module>", "in spell"]


def test_an_error_of_ours_is_one_line() -> None:
    error = describe(PlaceNotFound("no folder at 'in'"))

    assert error == {
        "ename": "PlaceNotFound",
        "evalue": "no folder at 'in'",
        "traceback": ["PlaceNotFound: no folder at 'in'"],
    }


def test_a_cause_is_told_too() -> None:
    try:
        try:
            int("x")
        except ValueError as cause:
            raise RuntimeError("no number") from cause
    except RuntimeError as exc:
        lines = describe(exc)["traceback"]

    assert "ValueError: invalid literal for int() with base 10: 'x'" in lines
    assert lines[-1] == "RuntimeError: no number"


def test_cards_are_sent_as_text_and_html() -> None:
    class Shown:
        def __repr__(self) -> str:
            return "text"

        def _repr_html_(self) -> str:
            return "<b>html</b>"

    assert bundle(Shown()) == {"text/plain": "text", "text/html": "<b>html</b>"}
    assert bundle(7) == {"text/plain": "7"}
