"""Does the extension come and go without a trace, and live through what kernels live through?"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from harness.kernel import Kernel

SAY = "print('run', change.local.read_text())"
THREADS = "sorted(t.name for t in __import__('threading').enumerate())"
LISTENERS = (
    "[link for link in __import__('pathlib').Path('/proc/self/fd').iterdir() "
    "if link.is_symlink() and 'inotify' in __import__('os').readlink(link)]"
)


def test_loading_starts_nothing(bare_kernel: Kernel) -> None:
    """`%load_ext` starts no thread and shows nothing."""
    before = bare_kernel.eval(THREADS)
    mid = bare_kernel.run("%load_ext colab_magics")

    assert bare_kernel.eval(THREADS) == before
    assert bare_kernel.outputs(mid) == []


def test_unloading_leaves_no_thread(bare_kernel: Kernel, folder: Path) -> None:
    """After runs of all kinds, `%unload_ext` ends every thread and every watch."""
    before = bare_kernel.eval(THREADS)
    bare_kernel.run(f"%load_ext colab_magics\n%drive_mount {folder}")
    cell = bare_kernel.run(f"%%on_drive_change a.txt --debounce 0 --put out.txt\n{SAY}")
    beside = bare_kernel.run(
        f"%%on_drive_change a.txt --name beside --debounce 0 --in thread\n{SAY}"
    )
    (folder / "a.txt").write_text("1")
    bare_kernel.wait_for_runs(cell, 1)
    bare_kernel.said(beside, "run 1\n")
    bare_kernel.run("%unload_ext colab_magics")

    assert bare_kernel.eval(THREADS) == before
    assert bare_kernel.eval(LISTENERS) == []
    (folder / "a.txt").write_text("2")
    bare_kernel.settle(cell, quiet=0.5)
    assert bare_kernel.text(cell) == "run 1\n"


def test_after_unloading_a_magic_says_how_to_load(kernel: Kernel) -> None:
    """The magics are gone, or say in one line that the extension was unloaded."""
    kernel.run("%unload_ext colab_magics")
    line = kernel.refused("%watches")

    assert "%load_ext colab_magics" in line or "not found" in line


def test_reloading_gives_a_fresh_start(kernel: Kernel, folder: Path) -> None:
    """`%reload_ext`: the old watches are gone, new ones run once per change."""
    kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    kernel.run("%reload_ext colab_magics")
    kernel.run(f"%drive_mount {folder}")
    assert "a.txt" not in "\n".join(kernel.shown(kernel.run("%watches")))

    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)
    kernel.settle(cell, quiet=0.3)
    assert kernel.text(cell) == "run 1\n"


def test_reloading_many_times_leaves_nothing_behind(bare_kernel: Kernel, folder: Path) -> None:
    """Hooks, transformers and configurables do not pile up."""
    count = (
        "(len(get_ipython().configurables), len(get_ipython().input_transformers_cleanup), "
        "len(get_ipython().input_transformers_post), "
        "{k: len(v) for k, v in get_ipython().events.callbacks.items()})"
    )
    bare_kernel.run(f"%load_ext colab_magics\n%drive_mount {folder}")
    once = bare_kernel.eval(count)
    for _ in range(3):
        bare_kernel.run(f"%reload_ext colab_magics\n%drive_mount {folder}")
        bare_kernel.run(f"%%on_drive_change a.txt\n{SAY}")

    assert bare_kernel.eval(count) == once


@pytest.mark.parametrize("state", ["fresh", "after runs", "emulator", "changes waiting"])
def test_a_kernel_with_live_watches_ends_at_once(
    kernel: Kernel, folder: Path, state: str, tmp_path: Path
) -> None:
    """Shutdown takes less than a second and the exit code is 0: no thread holds it."""
    if state == "emulator":
        kernel.run(
            f"import os; os.environ['COLAB_MAGICS_EMULATOR_ROOT'] = {str(tmp_path / 'root')!r}\n"
            "%reload_ext colab_magics\n%drive_mount emulator"
        )
    pause = "--debounce 10s" if state == "changes waiting" else "--debounce 0"
    cell = kernel.run(f"%%on_drive_change a.txt {pause}\n{SAY}")
    kernel.run(f"%%on_drive_change b.txt --in thread {pause}\n{SAY}")
    if state != "emulator":
        (folder / "a.txt").write_text("1")
        (folder / "b.txt").write_text("1")
    if state == "after runs":
        kernel.wait_for_runs(cell, 1)
    seconds, code = kernel.shutdown()

    assert code == 0
    assert seconds < 1


def test_a_restarted_kernel_starts_clean(kernel: Kernel, folder: Path) -> None:
    """After a restart nothing of the old watches is there, and a new one works."""
    old = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    kernel.restart()
    kernel.run(f"%load_ext colab_magics\n%drive_mount {folder}")
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    (folder / "a.txt").write_text("1")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "run 1\n"
    assert kernel.text(old) == ""


FORK = """
import os, select, signal, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
codes = []
for n in range(10):
    child = os.fork()
    if child == 0:
        try:
            get_ipython().run_line_magic("unload_ext", "colab_magics")
            print("child", end="", flush=False)
            os._exit(0)
        finally:
            os._exit(1)
    end = time.monotonic() + 5
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.01)
    if found == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    codes.append(found[1] if found[0] else "hung")
print(codes)
"""


def test_a_forked_child_does_not_hang(kernel: Kernel, folder: Path) -> None:
    """Children forked while watches run end well, even by unloading; the parent's watches go on."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    (folder / "a.txt").write_text("1")
    forking = kernel.send(FORK)
    for number in range(2, 12):
        (folder / "a.txt").write_text(str(number))
        kernel.settle(forking, quiet=0.02)
    kernel.wait(forking, seconds=60)

    assert str([0] * 10) in kernel.text(forking)
    (folder / "a.txt").write_text("last")
    kernel.said(cell, "run last\n")


WORKERS = """
import multiprocessing, warnings
warnings.simplefilter("ignore", DeprecationWarning)
def square(x):
    return x * x
with multiprocessing.get_context("fork").Pool(20) as pool:
    result = pool.map_async(square, range(200)).get(timeout=20)
print(sum(result))
"""


def test_forked_workers_work_while_watches_run(kernel: Kernel, folder: Path) -> None:
    """Twenty forked workers, as a data loader starts them, while changes come in."""
    cell = kernel.run(f"%%on_drive_change a.txt --debounce 0\n{SAY}")
    working = kernel.send(WORKERS)
    for number in range(1, 20):
        (folder / "a.txt").write_text(str(number))
        kernel.settle(working, quiet=0.02)

    assert kernel.wait(working, seconds=60)["status"] == "ok"
    assert kernel.text(working).endswith("2646700\n")
    kernel.said(cell, "run 19\n")


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="gevent is not installed")
def test_gevents_patched_threads_are_refused(bare_kernel: Kernel, folder: Path) -> None:
    """Patched threads stand still in an idle kernel: one line says so, and the kernel lives."""
    bare_kernel.run("from gevent import monkey; monkey.patch_all()")
    mid = bare_kernel.send(f"%load_ext colab_magics\n%drive_mount {folder}", stop_on_error=False)
    bare_kernel.wait(mid)
    if bare_kernel.replies[mid]["status"] == "ok":
        mid = bare_kernel.send(f"%%on_drive_change a.txt\n{SAY}", stop_on_error=False)
        bare_kernel.wait(mid)

    (line,) = bare_kernel.shown(mid)
    assert "gevent" in line
    assert bare_kernel.text(bare_kernel.run("print('alive')")) == "alive\n"


def test_idle_watches_cost_nothing_to_speak_of(kernel: Kernel, folder: Path) -> None:
    """Three idle watches of local files use under 2 % of one core."""
    for name in ("a", "b", "c"):
        kernel.run(f"%%on_drive_change {name}.txt\n{SAY}")
    kernel.run("import time")
    used = "time.process_time()"
    before, began = kernel.eval(used), kernel.eval("time.monotonic()")
    idle = kernel.run("await __import__('asyncio').sleep(2)")
    after, ended = kernel.eval(used), kernel.eval("time.monotonic()")

    assert (after - before) / (ended - began) < 0.02 + 0.03  # asking and answering counts too
    assert kernel.outputs(idle) == []
