"""Is a run's output kept whole, within bounds, and is nothing left on the streams afterwards?"""

from __future__ import annotations

import io
import logging
import sys
import threading
from contextlib import ExitStack
from typing import Any, cast

import pytest
from harness.cells import cell
from IPython import version_info
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


# -- taps on the streams --------------------------------------------------------------------


@pytest.fixture
def heard() -> list[tuple[str, str]]:
    return []


def to(heard: list[tuple[str, str]]) -> Any:
    return lambda name, text: heard.append((name, text))


def writers() -> list[object]:
    """How both streams write now."""
    return [sys.stdout.write, sys.stderr.write]


def test_a_tee_hears_what_is_printed_as_it_is(
    heard: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = writers()
    with Streams().tee(to(heard)):
        sys.stdout.write("a")
        sys.stderr.write("b")
    sys.stdout.write("c")

    assert heard == [("stdout", "a"), ("stderr", "b")]
    assert capsys.readouterr() == ("ac", "b")
    assert writers() == before


def test_a_route_takes_what_is_printed(
    heard: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = writers()
    with Streams().route(to(heard)):
        count = sys.stdout.write("abc")
        sys.stderr.write("d")
    sys.stdout.write("e")

    assert count == 3
    assert heard == [("stdout", "abc"), ("stderr", "d")]
    assert capsys.readouterr() == ("e", "")
    assert writers() == before


def test_a_route_is_one_threads_own(
    heard: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two handlers and the main thread print at the same time, each to its own place."""
    before = writers()
    streams = Streams()
    ready, go = threading.Barrier(3), threading.Event()
    kept: dict[str, list[tuple[str, str]]] = {"x": [], "y": []}

    def handle(name: str) -> None:
        with streams.route(to(kept[name])):
            ready.wait(20)
            go.wait(20)
            for _ in range(200):
                sys.stdout.write(name)

    threads = [threading.Thread(target=handle, args=(name,)) for name in kept]
    for thread in threads:
        thread.start()
    ready.wait(20)
    with streams.tee(to(heard)):
        go.set()
        for _ in range(200):
            sys.stdout.write("m")
        for thread in threads:
            thread.join(20)

    assert kept == {"x": [("stdout", "x")] * 200, "y": [("stdout", "y")] * 200}
    assert heard == [("stdout", "m")] * 200
    assert capsys.readouterr().out == "m" * 200
    assert writers() == before


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_taps_end_in_any_order(order: tuple[int, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """The stream writes as before when the last one is over, and not sooner."""
    before = writers()
    streams, heard = Streams(), [[], [], []]  # type: ignore[var-annotated]
    stacks = [ExitStack() for _ in heard]
    stacks[0].enter_context(streams.tee(to(heard[0])))
    stacks[1].enter_context(streams.route(to(heard[1])))
    stacks[2].enter_context(streams.tee(to(heard[2])))
    for ended in order:
        sys.stdout.write(str(ended))
        assert writers() != before
        stacks[ended].close()
    sys.stdout.write("end")

    assert writers() == before
    routed = order[: order.index(1) + 1]
    assert heard[1] == [("stdout", str(one)) for one in routed]
    assert heard[0] == [("stdout", str(n)) for n in order[len(routed) : order.index(0) + 1]]
    assert heard[2] == [("stdout", str(n)) for n in order[len(routed) : order.index(2) + 1]]
    assert capsys.readouterr().out == "".join(map(str, order[len(routed) :])) + "end"


def test_a_tap_ends_with_an_error_too(heard: list[tuple[str, str]]) -> None:
    before = writers()
    with pytest.raises(ZeroDivisionError), Streams().tee(to(heard)):
        sys.stdout.write(str(1 / 0))

    assert writers() == before


def test_a_logging_handler_that_holds_the_stream_is_heard(heard: list[tuple[str, str]]) -> None:
    """It was made before anybody listened."""
    handler = logging.StreamHandler(sys.stderr)
    with Streams().tee(to(heard)):
        handler.emit(logging.makeLogRecord({"msg": "logged"}))

    assert heard == [("stderr", "logged\n")]


def test_a_stream_that_is_exchanged_meanwhile_gets_its_own_write_back(
    heard: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `contextlib.redirect_stdout` does in a cell: the tap is on the old one."""
    old, before = sys.stdout, sys.stdout.write
    with Streams().tee(to(heard)):
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        sys.stdout.write("new")
        old.write("old")

    assert heard == [("stdout", "old")]
    assert old.write == before


def test_a_write_that_somebody_else_has_put_there_is_put_back(
    heard: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trackers of experiments wrap `sys.stdout.write` in the same way."""
    theirs: list[str] = []
    stream = io.StringIO()
    stream.write = theirs.append  # type: ignore[method-assign, assignment]
    monkeypatch.setattr(sys, "stdout", stream)
    with Streams().tee(to(heard)):
        sys.stdout.write("a")
    sys.stdout.write("b")

    assert heard == [("stdout", "a")]
    assert theirs == ["a", "b"]


NEWER_IPYTHON = pytest.mark.xfail(
    version_info[0] >= 9,
    strict=True,
    raises=AssertionError,
    reason="IPython 9 patches the streams around each cell, too",
)


@NEWER_IPYTHON
def test_a_handler_that_ends_during_a_users_cell_leaves_nothing(
    shell: InteractiveShell, heard: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Else the next recorded run hears everything twice."""
    before = writers()
    streams, begun, go = Streams(), threading.Event(), threading.Event()

    def handle() -> None:
        with streams.route(lambda name, text: None):
            begun.set()
            go.wait(20)

    thread = threading.Thread(target=handle)
    thread.start()
    begun.wait(20)
    shell.user_ns.update(go=go, thread=thread)
    shell.run_cell("go.set(); thread.join(20)")
    with streams.tee(to(heard)):
        sys.stdout.write("once")

    assert heard == [("stdout", "once")]
    assert capsys.readouterr().out == "once"
    assert writers() == before


@NEWER_IPYTHON
def test_a_handler_that_outlives_a_users_cell_is_heard_to_its_end(
    shell: InteractiveShell, heard: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It began while the cell ran; what it prints later is still its own."""
    streams, begun, go = Streams(), threading.Event(), threading.Event()

    def handle() -> None:
        with streams.route(to(heard)):
            sys.stdout.write("during")
            begun.set()
            go.wait(20)
            sys.stdout.write("after")

    thread = threading.Thread(target=handle)
    shell.user_ns.update(begun=begun, thread=thread)
    shell.run_cell("thread.start(); _ = begun.wait(20)")
    go.set()
    thread.join(20)

    assert heard == [("stdout", "during"), ("stdout", "after")]
    assert capsys.readouterr().out == ""


# -- recording a run ------------------------------------------------------------------------


def test_a_recorder_notes_what_a_cell_prints_and_raises(shell: InteractiveShell) -> None:
    recorder = Recorder(shell, Streams())
    recorder.start()
    shell.run_cell("print('hello')")
    shell.run_cell("1 / 0")
    record = recorder.stop()
    shell.run_cell("print('later')")

    assert record.outputs[0] == printed("hello\n")
    _, error = next(one for one in record.outputs if one[0] == "error")
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert "later" not in str(record.outputs)


def test_a_recorder_leaves_the_shell_as_it_was(shell: InteractiveShell) -> None:
    before, attributes = writers(), (set(vars(shell)), set(vars(shell.displayhook)))
    recorder = Recorder(shell, Streams())
    recorder.start()
    recorder.start()
    recorder.stop()
    recorder.stop()

    assert (set(vars(shell)), set(vars(shell.displayhook))) == attributes
    assert writers() == before


def test_each_record_is_one_runs_own(shell: InteractiveShell) -> None:
    recorder = Recorder(shell, Streams())
    records = []
    for text in ("one", "two"):
        recorder.start()
        shell.run_cell(f"print('{text}')")
        records.append(recorder.stop().outputs)

    assert records == [[printed("one\n")], [printed("two\n")]]


def test_a_handlers_prints_are_kept_and_not_the_main_threads(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    before = writers()
    streams, record = Streams(), Record()
    inside, outside = threading.Event(), threading.Event()

    def handle() -> None:
        with in_cell(shell, PARENT, streams, record):
            print("handler")
            inside.set()
            outside.wait(20)

    thread = threading.Thread(target=handle)
    thread.start()
    inside.wait(20)
    print("main")
    outside.set()
    thread.join(20)

    assert record.outputs == [printed("handler\n")]
    assert capsys.readouterr().out == "main\n"
    assert writers() == before


def test_a_handlers_error_is_kept_and_raised(shell: InteractiveShell) -> None:
    before = writers()
    record = Record()
    with pytest.raises(ZeroDivisionError), in_cell(shell, PARENT, Streams(), record):
        1 / 0  # noqa: B018

    assert [(kind, content["ename"]) for kind, content in record.outputs] == [
        ("error", "ZeroDivisionError")
    ]
    assert writers() == before


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
