"""Is a transfer seen while it goes on, in one place, and what is left when it is interrupted?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.kernel import Kernel

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.tree import FOLDER

DRAWN = ("display_data", "update_display_data", "execute_result")


@pytest.fixture
def slow(drive: Emulator) -> Iterator[Emulator]:
    """A Drive with a folder of four files that take some seconds to fetch."""
    api = DriveAPI(url=drive.url, settings=Settings())
    folder = api.create("big", api.root_id(), mime_type=FOLDER)
    for number in range(4):
        api.create(f"{number}.bin", folder.id, bytes(600_000))
    api.close()
    drive.faults.add(query="alt=media", rate=300_000)
    yield drive
    drive.faults.clear()


@pytest.fixture
def attached(bare_kernel: Kernel, slow: Emulator) -> Kernel:
    bare_kernel.run(f"%load_ext colab_magics\n%drive_mount {slow.url}")
    return bare_kernel


def drawn(kernel: Kernel, mid: str) -> list[tuple[str, str | None, str]]:
    """What the cell drew: kind, display id, text."""
    found = [one for one in kernel.outputs(mid) if one.type in DRAWN]
    return [(one.type, one.display_id, one.text) for one in found]


def test_one_display_goes_from_progress_to_result(attached: Kernel) -> None:
    """Bytes, files, speed and time left; then the receipt, in the same place and once."""
    mid = attached.run("%drive_get big")
    seen = drawn(attached, mid)

    assert seen[0][0] == "display_data"
    assert {kind for kind, _, _ in seen[1:]} == {"update_display_data"}
    assert len({display_id for _, display_id, _ in seen}) == 1
    assert "[transfer]" in seen[0][2]
    assert " of 2.4 MB · " in seen[0][2]
    assert " of 4" in seen[0][2]
    assert "[fetched]" in seen[-1][2]
    assert "4 files" in seen[-1][2]


def test_the_value_is_drawn_again_when_it_is_asked_for(attached: Kernel) -> None:
    """Only the cell that shows it already does not show it twice."""
    attached.run("done = %drive_get big")
    mid = attached.run("done")

    assert "[fetched]" in drawn(attached, mid)[-1][2]
    assert attached.eval("(done.files, done.same)") == (4, 0)


def test_the_value_of_a_long_transfer_can_be_kept(attached: Kernel) -> None:
    """In a pickle, as that of a short one."""
    attached.run("import pickle\ndone = %drive_get big")
    attached.run("again = pickle.loads(pickle.dumps(done))")

    assert attached.eval("(again.files, again.bytes, again.paths == done.paths)") == (
        4,
        2_400_000,
        True,
    )


def test_an_interrupted_transfer_says_how_to_go_on(attached: Kernel, slow: Emulator) -> None:
    """One line, a card that no longer moves; the same line again brings the rest."""
    slow.faults.clear()
    slow.faults.add(query="alt=media", rate=50_000)  # it lasts, however late the interrupt is
    mid = attached.send("%drive_get big")
    attached.wait_for(lambda: drawn(attached, mid), "the card")
    attached.interrupt()
    reply = attached.wait(mid)
    last = drawn(attached, mid)[-1][2]
    slow.faults.clear()
    again = attached.run("%drive_get big")

    assert reply["status"] == "error"
    assert "[interrupted]" in last
    assert " of 2.4 MB, " in last
    assert " of 4 files" in last
    assert "run it again; what is there stays" in last
    (error,) = [one for one in attached.outputs(mid) if one.type == "error"]
    assert error.content["traceback"] == ["interrupted; run it again to go on: what is there stays"]
    assert "4 files" in drawn(attached, again)[-1][2]
    assert not list(Path(attached.eval("__import__('os').getcwd()"), "big").glob("*.part"))


AT_ONCE = """
from colab_magics.running.outputs import Handle
show = Handle.show
def show_and_interrupt(self, thing):
    show(self, thing)
    raise KeyboardInterrupt
Handle.show = show_and_interrupt
"""


def test_an_interrupt_the_moment_the_card_is_drawn_leaves_no_bar(attached: Kernel) -> None:
    """The card is out, the call that drew it has not come back yet."""
    attached.run(AT_ONCE)
    mid = attached.send("%drive_get big")
    attached.wait(mid)

    assert "[transfer]" in drawn(attached, mid)[0][2]
    assert "[interrupted]" in drawn(attached, mid)[-1][2]


def test_what_is_quick_draws_its_result_only(attached: Kernel, slow: Emulator) -> None:
    """No bar that flashes by."""
    slow.faults.clear()
    mid = attached.run("%drive_get big")

    assert [kind for kind, _, _ in drawn(attached, mid)] == ["execute_result"]


@pytest.mark.parametrize(
    ("code", "slowed"),
    [("%drive_ls big", "GET"), ("%drive_ls --tree", "GET"), ("%drive_rm big/0.bin", "PATCH")],
)
def test_the_stop_button_in_a_slow_call_is_one_line(
    attached: Kernel, slow: Emulator, code: str, slowed: str
) -> None:
    """None of the many calls below it are shown."""
    slow.faults.clear()
    slow.faults.add(method=slowed, latency=5.0)
    mid = attached.send(code)
    attached.wait_for(lambda: slow.faults.rules()[0]["fired"], "the call")
    attached.interrupt()
    attached.wait(mid)

    (error,) = [one for one in attached.outputs(mid) if one.type == "error"]
    assert error.content["traceback"] == ["interrupted before it ended; run it again"]
