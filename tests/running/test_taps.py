"""Is everything heard that is put out, each thread's by whom it concerns, and is nothing left?"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from harness.waiting import wait_until
from IPython.core.interactiveshell import InteractiveShell

from colab_magics.running.outputs import Record
from colab_magics.running.taps import Listener, Patch, Recorder, Taps, in_cell

PARENT: dict[str, Any] = {"header": {}, "metadata": {}}
Heard = list[tuple[str, str]]


def printed(text: str, name: str = "stdout") -> tuple[str, dict[str, str]]:
    return "stream", {"name": name, "text": text}


@pytest.fixture
def heard() -> Heard:
    return []


def to(heard: Heard) -> Listener:
    """Listen to the streams."""

    def listen(kind: str, content: dict[str, Any]) -> None:
        if kind == "stream":
            heard.append((content["name"], content["text"]))

    return listen


def nowhere(kind: str, content: dict[str, Any]) -> None:
    """Whatever is put out is of no interest."""


def writers() -> list[object]:
    """How both streams write now."""
    return [sys.stdout.write, sys.stderr.write]


@pytest.fixture
def unarmed(shell: InteractiveShell) -> Iterator[Taps]:
    """Of a shell that nobody has tapped yet."""
    one = Taps(shell)
    yield one
    one.disarm()


@pytest.fixture
def arm(unarmed: Taps) -> Iterator[Callable[[], Taps]]:
    """Tap the streams, as while there are watches; they write as before after the test.

    To be called by the test, since pytest's own streams are others then.
    """
    streams: list[Any] = []
    before: list[object] = []

    def tap() -> Taps:
        streams.extend([sys.stdout, sys.stderr])
        before.extend(writers())
        unarmed.arm()
        return unarmed

    yield tap
    unarmed.disarm()
    assert [stream.write for stream in streams] == before


@contextmanager
def handler(body: Callable[[], None], taps: Taps, listener: Listener) -> Iterator[threading.Event]:
    """A thread that is led to `listener`: it has begun; when the event is set, it does `body`."""
    begun, go = threading.Event(), threading.Event()

    def handle() -> None:
        with taps.led(listener):
            begun.set()
            go.wait(20)
            body()

    thread = threading.Thread(target=handle)
    thread.start()
    begun.wait(20)
    try:
        yield go
    finally:
        go.set()
        thread.join(20)


# -- one patch ------------------------------------------------------------------------------


class Thing:
    """Has a method."""

    def name(self) -> str:
        return "class"


def test_a_patch_leaves_no_attribute() -> None:
    thing = Thing()
    patch = Patch(thing, "name", lambda: "ours")

    assert thing.name() == "ours"
    patch.undo()
    assert vars(thing) == {}


def test_a_patch_puts_back_what_was_there() -> None:
    thing = Thing()
    thing.name = theirs = lambda: "theirs"  # type: ignore[method-assign]
    Patch(thing, "name", lambda: "ours").undo()

    assert thing.name is theirs


def test_a_patch_leaves_what_somebody_else_put_over_it() -> None:
    """Also when it is undone twice."""
    thing = Thing()
    patch = Patch(thing, "name", lambda: "ours")
    thing.name = theirs = lambda: "theirs"  # type: ignore[method-assign]
    patch.undo()
    patch.undo()

    assert thing.name is theirs


# -- the streams ----------------------------------------------------------------------------


def test_a_listener_hears_what_is_printed_as_it_is(
    arm: Callable[[], Taps], heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    taps = arm()
    with taps.listening(to(heard)):
        sys.stdout.write("a")
        sys.stderr.write("b")
    sys.stdout.write("c")

    assert heard == [("stdout", "a"), ("stderr", "b")]
    assert capsys.readouterr() == ("ac", "b")


def test_a_led_threads_prints_are_taken(
    arm: Callable[[], Taps], heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    taps = arm()
    with taps.led(to(heard)):
        count = sys.stdout.write("abc")
        sys.stderr.write("d")
    sys.stdout.write("e")

    assert count == 3
    assert heard == [("stdout", "abc"), ("stderr", "d")]
    assert capsys.readouterr() == ("e", "")


def test_the_streams_are_tapped_from_arming_on(unarmed: Taps, heard: Heard) -> None:
    """Loading the extension touches nothing; stopping twice does no harm."""
    before = writers()
    with unarmed.listening(to(heard)):
        sys.stdout.write("unarmed")
    assert writers() == before
    unarmed.arm()
    unarmed.arm()
    with unarmed.listening(to(heard)):
        sys.stdout.write("armed")
    unarmed.disarm()
    unarmed.disarm()

    assert heard == [("stdout", "armed")]
    assert writers() == before


def test_a_tap_may_be_armed_again(arm: Callable[[], Taps], heard: Heard) -> None:
    taps = arm()
    taps.disarm()
    taps.arm()
    with taps.listening(to(heard)):
        sys.stdout.write("again")

    assert heard == [("stdout", "again")]


def test_each_thread_is_led_to_its_own_place(
    arm: Callable[[], Taps], heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two handlers and the main thread print at the same time."""
    taps = arm()
    ready, go = threading.Barrier(3), threading.Event()
    kept: dict[str, Heard] = {"x": [], "y": []}

    def handle(name: str) -> None:
        with taps.led(to(kept[name])):
            ready.wait(20)
            go.wait(20)
            for _ in range(200):
                sys.stdout.write(name)

    threads = [threading.Thread(target=handle, args=(name,)) for name in kept]
    for thread in threads:
        thread.start()
    ready.wait(20)
    with taps.listening(to(heard)):
        go.set()
        for _ in range(200):
            sys.stdout.write("m")
        for thread in threads:
            thread.join(20)

    assert kept == {"x": [("stdout", "x")] * 200, "y": [("stdout", "y")] * 200}
    assert heard == [("stdout", "m")] * 200
    assert capsys.readouterr().out == "m" * 200


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_listeners_end_in_any_order(
    arm: Callable[[], Taps], order: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each hears what there is until its own end, and what is taken nobody else does."""
    taps = arm()
    heard: list[Heard] = [[], [], []]
    stacks = [ExitStack() for _ in heard]
    stacks[0].enter_context(taps.listening(to(heard[0])))
    stacks[1].enter_context(taps.led(to(heard[1])))
    stacks[2].enter_context(taps.listening(to(heard[2])))
    for ended in order:
        sys.stdout.write(str(ended))
        stacks[ended].close()
    sys.stdout.write("end")

    led = order[: order.index(1) + 1]
    assert heard[1] == [("stdout", str(one)) for one in led]
    assert heard[0] == [("stdout", str(n)) for n in order[len(led) : order.index(0) + 1]]
    assert heard[2] == [("stdout", str(n)) for n in order[len(led) : order.index(2) + 1]]
    assert capsys.readouterr().out == "".join(map(str, order[len(led) :])) + "end"


def test_listening_ends_with_an_error_too(arm: Callable[[], Taps], heard: Heard) -> None:
    taps = arm()
    with pytest.raises(ZeroDivisionError), taps.listening(to(heard)):
        sys.stdout.write(str(1 / 0))
    sys.stdout.write("later")

    assert heard == []


def test_a_logging_handler_that_holds_the_stream_is_heard(
    arm: Callable[[], Taps], heard: Heard
) -> None:
    """It was made before anybody listened."""
    taps = arm()
    handler = logging.StreamHandler(sys.stderr)
    with taps.listening(to(heard)):
        handler.emit(logging.makeLogRecord({"msg": "logged"}))

    assert heard == [("stderr", "logged\n")]


def test_a_stream_that_is_exchanged_meanwhile_gets_its_own_write_back(
    unarmed: Taps, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `contextlib.redirect_stdout` does in a cell: the tap is on the old one."""
    old, before = sys.stdout, sys.stdout.write
    unarmed.arm()
    with unarmed.listening(to(heard)):
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        sys.stdout.write("new")
        old.write("old")
    unarmed.disarm()

    assert heard == [("stdout", "old")]
    assert old.write == before
    monkeypatch.undo()


def test_a_write_that_somebody_else_has_put_there_is_put_back(
    shell: InteractiveShell, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trackers of experiments wrap `sys.stdout.write` in the same way."""
    theirs: list[str] = []
    stream = io.StringIO()
    stream.write = track = theirs.append  # type: ignore[method-assign, assignment]
    monkeypatch.setattr(sys, "stdout", stream)
    taps = Taps(shell)
    taps.arm()
    with taps.listening(to(heard)):
        sys.stdout.write("a")
    sys.stdout.write("b")
    taps.disarm()
    sys.stdout.write("c")

    assert heard == [("stdout", "a")]
    assert theirs == ["a", "b", "c"]
    assert stream.write is track  # type: ignore[comparison-overlap]


def test_a_write_that_somebody_else_puts_over_ours_stays(
    shell: InteractiveShell, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ours, underneath, passes everything on."""
    stream, theirs = io.StringIO(), []
    monkeypatch.setattr(sys, "stdout", stream)
    taps = Taps(shell)
    taps.arm()
    with taps.listening(to(heard)):
        ours = stream.write

        def track(text: str) -> int:
            theirs.append(text)
            return ours(text)

        stream.write = track  # type: ignore[method-assign, assignment]
        sys.stdout.write("a")
    taps.disarm()
    sys.stdout.write("b")

    assert stream.write is track  # type: ignore[comparison-overlap]
    assert (heard, theirs, stream.getvalue()) == ([("stdout", "a")], ["a", "b"], "ab")


# -- beside the user's cells, around which IPython 9 patches the streams, too ------------------


def test_a_handler_that_ends_during_a_users_cell_leaves_nothing(
    arm: Callable[[], Taps],
    shell: InteractiveShell,
    heard: Heard,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else the next recorded run hears everything twice."""
    taps = arm()
    begun, go = threading.Event(), threading.Event()

    def handle() -> None:
        with taps.led(nowhere):
            begun.set()
            go.wait(20)

    thread = threading.Thread(target=handle)
    thread.start()
    begun.wait(20)
    shell.user_ns.update(go=go, thread=thread)
    shell.run_cell("go.set(); thread.join(20)")
    with taps.listening(to(heard)):
        sys.stdout.write("once")

    assert heard == [("stdout", "once")]
    assert capsys.readouterr().out == "once"


def test_a_handler_that_outlives_a_users_cell_is_heard_to_its_end(
    arm: Callable[[], Taps],
    shell: InteractiveShell,
    heard: Heard,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It began while the cell ran; what it prints later is still its own."""
    taps = arm()
    begun, go = threading.Event(), threading.Event()

    def handle() -> None:
        with taps.led(to(heard)):
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


def test_a_handler_that_is_longer_than_a_cell_is_heard_in_it(
    arm: Callable[[], Taps],
    shell: InteractiveShell,
    heard: Heard,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It began before, and ends after; the cell's prints are the cell's."""
    taps = arm()
    with handler(lambda: print("handler"), taps, to(heard)):
        shell.run_cell("print('user')")

    assert "".join(text for _, text in heard) == "handler\n"
    assert capsys.readouterr().out == "user\n"


def test_overlaps_leave_no_growing_chain(
    arm: Callable[[], Taps],
    shell: InteractiveShell,
    heard: Heard,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Cells and handlers that overlap, each way, again and again: a print is one print."""
    taps = arm()

    def depth() -> int:
        """How many functions a written text passes."""
        count, write = 0, sys.stdout.write
        while closure := getattr(write, "__closure__", None):
            inner = [c.cell_contents for c in closure if callable(c.cell_contents)]
            write, count = next(one for one in inner if "write" in one.__name__), count + 1
        return count

    depths = []
    for _ in range(3):
        stack = ExitStack()
        go = stack.enter_context(handler(lambda: None, taps, nowhere))
        shell.user_ns.update(go=go, stack=stack, make=lambda: handler(print, taps, nowhere))
        shell.run_cell("go.set(); stack.close()")  # ends during a cell
        shell.run_cell(
            "later = make(); _ = later.__enter__()"
        )  # begins during a cell, and outlives it
        shell.run_cell("print(end='')")
        shell.user_ns["later"].__exit__(None, None, None)
        depths.append(depth())
    with taps.listening(to(heard)):
        sys.stdout.write("once")

    assert depths == [depths[0]] * 3
    assert heard == [("stdout", "once")]
    assert capsys.readouterr().out == "once"


def test_what_is_armed_in_a_cell_is_heard_in_later_ones(
    unarmed: Taps, shell: InteractiveShell, heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registering cell arms; its first handler may begin while that cell still runs."""
    shell.user_ns.update(taps=unarmed, handler=handler, nowhere=nowhere)
    shell.run_cell("taps.arm()\nwith handler(print, taps, nowhere): pass")
    with unarmed.led(to(heard)):
        sys.stdout.write("between")
    with unarmed.listening(to(heard)):
        shell.run_cell("print('cell', end='')")

    assert "".join(text for _, text in heard) == "betweencell"
    assert capsys.readouterr().out == "cell"


def test_what_is_disarmed_in_a_cell_passes_everything_on(
    arm: Callable[[], Taps],
    shell: InteractiveShell,
    heard: Heard,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As by `%unload_ext` while a handler is still busy."""
    taps = arm()
    with taps.listening(to(heard)):
        shell.user_ns["taps"] = taps
        shell.run_cell("taps.disarm(); print('a', end='')")
    shell.run_cell("print('b', end='')")

    assert capsys.readouterr().out == "ab"
    assert ("stdout", "b") not in heard
    for stream in (sys.stdout, sys.stderr):
        vars(stream).pop("write", None)


# -- displays and tracebacks ----------------------------------------------------------------


def test_a_foreign_traceback_is_called_and_stays(
    arm: Callable[[], Taps], shell: InteractiveShell
) -> None:
    """rich.traceback.install puts its own there, as an attribute of the shell."""
    taps = arm()
    shown: list[str] = []
    kinds: list[str] = []

    def theirs(etype: type, evalue: Exception, stb: Any) -> None:
        shown.append(etype.__name__)

    shell._showtraceback = theirs  # type: ignore[method-assign, assignment]
    with taps.listening(lambda kind, content: kinds.append(kind)):
        shell.run_cell("1 / 0")
    shell.run_cell("int('x')")

    assert shown == ["ZeroDivisionError", "ValueError"]
    assert kinds.count("error") == 1
    assert vars(shell)["_showtraceback"] is theirs
    del shell._showtraceback


def test_a_foreign_traceback_that_comes_meanwhile_stays_too(
    arm: Callable[[], Taps], shell: InteractiveShell
) -> None:
    """Installed by the very body that is recorded."""
    taps = arm()
    shown: list[str] = []

    def theirs(etype: type, evalue: Exception, stb: Any) -> None:
        shown.append(etype.__name__)

    with taps.listening(nowhere):
        shell._showtraceback = theirs  # type: ignore[method-assign, assignment]
    shell.run_cell("1 / 0")

    assert shown == ["ZeroDivisionError"]
    assert vars(shell)["_showtraceback"] is theirs
    del shell._showtraceback


def test_results_are_heard(arm: Callable[[], Taps], shell: InteractiveShell) -> None:
    taps = arm()
    data: list[Any] = []
    with taps.listening(lambda kind, content: data.append(content.get("data"))):
        shell.run_cell("6 * 7")

    assert {"text/plain": "42"} in data


# -- recording a run ------------------------------------------------------------------------


def test_a_recorder_notes_what_a_cell_prints_and_raises(
    arm: Callable[[], Taps], shell: InteractiveShell
) -> None:
    taps = arm()
    recorder = Recorder(taps)
    recorder.start()
    shell.run_cell("print('hello')")
    shell.run_cell("1 / 0")
    record = recorder.stop()
    shell.run_cell("print('later')")

    assert record.outputs[0] == printed("hello\n")
    _, error = next(one for one in record.outputs if one[0] == "error")
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert "later" not in str(record.outputs)


def test_a_recorder_leaves_the_shell_as_it_was(unarmed: Taps, shell: InteractiveShell) -> None:
    owners = (shell, shell.displayhook, shell.display_pub)
    before, attributes = writers(), [set(vars(owner)) for owner in owners]
    unarmed.arm()
    recorder = Recorder(unarmed)
    recorder.start()
    recorder.start()
    recorder.stop()
    recorder.stop()
    unarmed.disarm()

    assert [set(vars(owner)) for owner in owners] == attributes
    assert writers() == before


def test_each_record_is_one_runs_own(arm: Callable[[], Taps], shell: InteractiveShell) -> None:
    taps = arm()
    recorder = Recorder(taps)
    records = []
    for text in ("one", "two"):
        recorder.start()
        shell.run_cell(f"print('{text}')")
        records.append(recorder.stop().outputs)

    assert records == [[printed("one\n")], [printed("two\n")]]


# -- a handler's own cell -------------------------------------------------------------------


def test_a_handlers_prints_are_kept_and_not_the_main_threads(
    arm: Callable[[], Taps], capsys: pytest.CaptureFixture[str]
) -> None:
    taps = arm()
    record = Record()
    inside, outside = threading.Event(), threading.Event()

    def handle() -> None:
        with in_cell(taps, PARENT, record):
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


def test_a_handlers_error_is_kept_and_raised(arm: Callable[[], Taps]) -> None:
    taps = arm()
    record = Record()
    with pytest.raises(ZeroDivisionError), in_cell(taps, PARENT, record):
        1 / 0  # noqa: B018

    assert [(kind, content["ename"]) for kind, content in record.outputs] == [
        ("error", "ZeroDivisionError")
    ]


@pytest.fixture
def sent(shell: InteractiveShell) -> Iterator[list[tuple[str, Any]]]:
    """What goes over the wire of a kernel."""
    messages: list[tuple[str, Any]] = []

    def send(socket: object, kind: str, content: Any, **rest: Any) -> None:
        messages.append((kind, content))

    kernel = SimpleNamespace(ident="k", iopub_socket=None, session=SimpleNamespace(send=send))
    vars(shell)["kernel"] = kernel
    yield messages
    del vars(shell)["kernel"]


def test_a_handlers_prints_are_sent_together(
    arm: Callable[[], Taps], sent: list[tuple[str, Any]]
) -> None:
    """A thousand prints are not a thousand messages; the streams keep their order."""
    taps = arm()
    with in_cell(taps, PARENT, Record()):
        for number in range(1000):
            print(number, end=" ")
        print("trouble", file=sys.stderr)
        print("more")

    assert "".join(c["text"] for _, c in sent if c["name"] == "stdout") == (
        "".join(f"{number} " for number in range(1000)) + "more\n"
    )
    assert sent[-2:] == [printed("trouble\n", "stderr"), printed("more\n")]
    assert len(sent) < 10


def test_a_handlers_prints_do_not_wait_for_its_end(
    arm: Callable[[], Taps], sent: list[tuple[str, Any]]
) -> None:
    """They are sent within a moment, while it is busy; and no timer stays."""
    taps = arm()
    with in_cell(taps, PARENT, Record()):
        print("now")
        wait_until(lambda: sent, "it is sent", seconds=2.0)

    assert sent == [printed("now\n")]
    assert "colab_magics-flush" not in [thread.name for thread in threading.enumerate()]


def test_what_a_handler_printed_comes_before_its_error(
    arm: Callable[[], Taps], sent: list[tuple[str, Any]]
) -> None:
    taps = arm()
    with pytest.raises(ZeroDivisionError), in_cell(taps, PARENT, Record()):
        print("before", 1 / 0 if print("said") is None else "")

    assert sent[0] == printed("said\n")
    assert [kind for kind, _ in sent] == ["stream", "error"]


def test_what_a_handler_puts_out_by_hand_comes_in_order(
    arm: Callable[[], Taps], sent: list[tuple[str, Any]]
) -> None:
    """Its last line's value, say."""
    taps = arm()
    record, shown = Record(), {"data": {"text/plain": "42"}, "metadata": {}}
    with in_cell(taps, PARENT, record) as put:
        print("before")
        put("display_data", shown)
        print("after")

    assert sent == [printed("before\n"), ("display_data", shown), printed("after\n")]
    assert record.outputs == sent
