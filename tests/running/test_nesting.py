"""Can a plain function wait for a coroutine, with and without a running loop?

In Pythons of their own, since nesting patches asyncio for good.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from colab_magics.running.nesting import nested


def python(program: str) -> list[str]:
    """The lines that a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


HEAD = """
import asyncio
from colab_magics.running.nesting import nested

async def slow(value):
    await asyncio.sleep(0.01)
    return value
"""


def test_without_a_loop_a_coroutine_gets_one() -> None:
    assert python(f"{HEAD}\nprint(nested(slow('done'), needs_loop=True))") == ["done"]


def test_inside_a_running_loop_a_coroutine_is_waited_for() -> None:
    """Other tasks of the loop go on meanwhile, and the loop works as before afterwards."""
    program = f"""{HEAD}
import threading
async def ticking(tick):
    for _ in range(3):
        await asyncio.sleep(0)
    print("tick")
    tick.set()

async def waiting(tick):
    await tick.wait()
    return "nested"

async def main():
    tick = asyncio.Event()
    task = asyncio.ensure_future(ticking(tick))
    print(nested(waiting(tick), needs_loop=True))
    print(nested(slow("again"), needs_loop=True))
    await asyncio.sleep(0.01)
    print(task.done())

asyncio.new_event_loop().run_until_complete(main())
"""

    assert python(program) == ["tick", "nested", "again", "True"]


def test_nesting_may_be_nested() -> None:
    program = f"""{HEAD}
async def inner():
    return nested(slow("deep"), needs_loop=True)

async def main():
    print(nested(inner(), needs_loop=True))

asyncio.new_event_loop().run_until_complete(main())
"""

    assert python(program) == ["deep"]


def test_an_error_comes_out_as_it_is() -> None:
    program = f"""{HEAD}
async def failing():
    await asyncio.sleep(0)
    raise LookupError("no")

async def main():
    try:
        nested(failing(), needs_loop=True)
    except LookupError as exc:
        print(repr(exc))

asyncio.new_event_loop().run_until_complete(main())
"""

    assert python(program) == ["LookupError('no')"]


def test_an_interrupted_coroutine_does_not_go_on_later() -> None:
    """The interrupt comes out of `nested`, and the coroutine has ended by then."""
    program = f"""{HEAD}
import signal, threading
async def interrupted():
    threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
    try:
        for _ in range(2000):
            await asyncio.sleep(0.01)
    finally:
        print("ended")

async def main():
    try:
        nested(interrupted(), needs_loop=True)
    except KeyboardInterrupt:
        print("interrupted", len(asyncio.all_tasks()))

asyncio.new_event_loop().run_until_complete(main())
"""

    assert python(program) == ["ended", "interrupted 1"]


def test_a_coroutine_that_saves_itself_keeps_its_value() -> None:
    """A run that answers the interrupt by ending well has ended well."""
    program = f"""{HEAD}
import signal, threading
async def saved():
    threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
    try:
        for _ in range(2000):
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        return "saved"

async def main():
    print(nested(saved(), needs_loop=True))

asyncio.new_event_loop().run_until_complete(main())
"""

    assert python(program) == ["saved"]


def test_what_does_not_wait_needs_no_loop() -> None:
    """So plain cells run without a patched loop; with or without one that runs."""
    program = """
import asyncio, sys
from colab_magics.running.nesting import nested

async def quick():
    return "quick"

async def main():
    print(nested(quick(), needs_loop=False))
    print([name for name in sys.modules if name.startswith("nest_asyncio")])

print(nested(quick(), needs_loop=False))
asyncio.run(main())
"""

    assert python(program) == ["quick", "quick", "[]"]


def test_an_error_of_what_does_not_wait_comes_out_as_it_is() -> None:
    async def failing() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        nested(failing(), needs_loop=False)


def test_waiting_where_none_was_promised_is_said() -> None:
    """Better than a body that never goes on."""

    async def waiting() -> None:
        await asyncio.sleep(0)

    coroutine = waiting()
    with pytest.raises(AssertionError, match="a cell without await has waited"):
        nested(coroutine, needs_loop=False)
    coroutine.close()


def test_a_loop_that_can_not_be_nested_is_refused_in_one_line() -> None:
    """uvloop's is written in C; the line says what works instead."""
    pytest.importorskip("uvloop")
    program = f"""{HEAD}
import uvloop
from colab_magics.errors import WatchFailed
async def main():
    try:
        nested(slow("never"), needs_loop=True)
    except WatchFailed as exc:
        print(exc)

uvloop.new_event_loop().run_until_complete(main())
"""
    line, *rest = python(program)

    assert line.endswith("; use %drive_serve, which needs no nested loop")
    assert "uvloop" in line
    assert rest == []
