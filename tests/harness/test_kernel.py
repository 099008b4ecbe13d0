"""Does the kernel driver report what a notebook would show?"""

from __future__ import annotations

from harness.kernel import Kernel


def test_outputs_are_kept_in_order_under_their_cell(bare_kernel: Kernel) -> None:
    """Prints, displays and results of two cells do not mix."""
    one = bare_kernel.run("print('a'); display(1); 'r'")
    two = bare_kernel.run("print('b')")

    assert [(m.type, m.text) for m in bare_kernel.outputs(one)] == [
        ("stream", "a\n"),
        ("display_data", "1"),
        ("execute_result", "'r'"),
    ]
    assert bare_kernel.shown(two) == ["b"]


def test_eval_leaves_no_trace(bare_kernel: Kernel) -> None:
    """Asking for a value changes neither `_` nor `Out` nor the count."""
    bare_kernel.run("41")
    bare_kernel.run("{'a': (1, None)}")

    assert bare_kernel.eval("_") == {"a": (1, None)}
    assert bare_kernel.eval("list(range(3000))") == list(range(3000))
    assert bare_kernel.eval("dict(Out), get_ipython().execution_count") == (
        {1: 41, 2: {"a": (1, None)}},
        3,
    )


def test_interrupt_ends_the_running_cell(bare_kernel: Kernel) -> None:
    """A stop button press raises KeyboardInterrupt in the cell, and the next cell runs."""
    sleeping = bare_kernel.send("import time; print('in', flush=True); time.sleep(60)")
    bare_kernel.wait_for(lambda: bare_kernel.text(sleeping) == "in\n", "the cell to run")
    bare_kernel.interrupt(sleeping)

    assert bare_kernel.wait(sleeping, seconds=5)["ename"] == "KeyboardInterrupt"
    assert bare_kernel.shown(bare_kernel.run("print('next')")) == ["next"]


def test_cells_behind_a_failed_one_are_aborted(bare_kernel: Kernel) -> None:
    """Queued cells fall with a failed one, as in a notebook."""
    failing = bare_kernel.send("import time; time.sleep(0.2); 1/0")
    queued = bare_kernel.send("print('never')")

    assert bare_kernel.wait(failing)["ename"] == "ZeroDivisionError"
    assert bare_kernel.wait(queued)["status"] == "aborted"


def test_restart_empties_the_namespace(bare_kernel: Kernel) -> None:
    """After a restart the same client talks to a new process."""
    bare_kernel.run("x = 1")
    before = bare_kernel.process.pid
    bare_kernel.restart()

    assert bare_kernel.eval("'x' in globals()") is False
    assert bare_kernel.process.pid != before


def test_a_thread_that_blocks_shutdown_is_seen(bare_kernel: Kernel) -> None:
    """A kernel kept by a non-daemon thread for two seconds is reported as that slow."""
    bare_kernel.run(
        "import threading, time; threading.Thread(target=time.sleep, args=(2,)).start()"
    )
    seconds, code = bare_kernel.shutdown()

    assert seconds > 1.5
    assert code == 0


def test_a_kernel_with_nothing_loaded_ends_at_once(bare_kernel: Kernel) -> None:
    """The baseline of every claim about shutdown."""
    seconds, code = bare_kernel.shutdown()

    assert seconds < 1
    assert code == 0
