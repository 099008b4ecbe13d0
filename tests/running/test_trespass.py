"""Is a cell that writes the file it watches caught, and nobody else?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colab_magics.running.trespass import Trespass
from colab_magics.storage.own import OwnRevisions


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    file = tmp_path / "a.txt"
    file.write_text("0")
    return file


@pytest.fixture
def trespass(watched: Path) -> Iterator[Trespass]:
    """Of a cell that watches `watched`."""
    one = Trespass()
    one.matches = lambda path: path == str(watched)
    yield one
    one.close()


def write_text(file: Path) -> None:
    file.write_text("1")


def append(file: Path) -> None:
    with file.open("a") as out:
        out.write("1")


def update(file: Path) -> None:
    with open(file, "r+b"):
        pass


def low_level(file: Path) -> None:
    os.close(os.open(file, os.O_WRONLY))


def as_bytes(file: Path) -> None:
    with open(os.fsencode(file), "wb"):
        pass


def relative(file: Path) -> None:
    before = Path.cwd()
    os.chdir(file.parent)
    try:
        with open("../" + file.parent.name + "/a.txt", "w"):
            pass
    finally:
        os.chdir(before)


def replace(file: Path) -> None:
    other = file.with_name("new")
    other.write_text("1")
    other.replace(file)


def rename(file: Path) -> None:
    other = file.with_name("new")
    other.write_text("1")
    os.rename(other, file)


def copy(file: Path) -> None:
    other = file.with_name("new")
    other.write_text("1")
    shutil.copy2(other, file)


@pytest.mark.parametrize(
    "write",
    [write_text, append, update, low_level, as_bytes, relative, replace, rename, copy],
)
def test_writing_the_watched_file_is_noticed(
    trespass: Trespass, watched: Path, write: Callable[[Path], None]
) -> None:
    """However it is written from Python, and at once: also if the file is closed later."""
    trespass.begin()
    write(watched)

    assert trespass.caught
    trespass.end()
    assert trespass.caught


def read(file: Path) -> None:
    assert file.read_text() == "0"


def read_low_level(file: Path) -> None:
    os.close(os.open(file, os.O_RDONLY))


def write_another(file: Path) -> None:
    (file.parent / "b.txt").write_text("1")


def move_away(file: Path) -> None:
    file.rename(file.with_name("c.txt"))


def write_to_a_descriptor(file: Path) -> None:
    ends = os.pipe()
    for end, mode in zip(ends, "rw", strict=True):
        with open(end, mode):
            pass


def in_another_thread(file: Path) -> None:
    thread = threading.Thread(target=write_text, args=(file,))
    thread.start()
    thread.join(20)


def in_another_process(file: Path) -> None:
    program = "import sys; open(sys.argv[1], 'w').write('1')"
    subprocess.run([sys.executable, "-c", program, str(file)], check=True)


@pytest.mark.parametrize(
    "act",
    [
        *(read, read_low_level, write_another, move_away, write_to_a_descriptor),
        *(in_another_thread, in_another_process),
    ],
)
def test_nothing_else_is_held_against_the_cell(
    trespass: Trespass, watched: Path, act: Callable[[Path], None]
) -> None:
    """Reading, other files, and whoever else writes the same file while the cell runs."""
    trespass.begin()
    act(watched)
    trespass.end()

    assert not trespass.caught


def test_only_a_runs_own_time_counts(trespass: Trespass, watched: Path) -> None:
    write_text(watched)
    trespass.begin()
    trespass.end()
    write_text(watched)

    assert not trespass.caught


def test_each_run_is_judged_anew(trespass: Trespass, watched: Path) -> None:
    trespass.begin()
    write_text(watched)
    trespass.end()
    trespass.begin()
    trespass.end()

    assert not trespass.caught


def test_a_watch_that_was_stopped_hears_nothing(trespass: Trespass, watched: Path) -> None:
    """Also when it is stopped from another thread while its cell runs."""
    trespass.begin()
    stopping = threading.Thread(target=trespass.close)
    stopping.start()
    stopping.join(20)
    write_text(watched)
    trespass.end()

    assert not trespass.caught


def test_two_cells_on_two_threads_are_told_apart(trespass: Trespass, watched: Path) -> None:
    """`--in thread`: the guilty one is caught, the other one is not."""
    other, begun, over = Trespass(), threading.Event(), threading.Event()
    other.matches = trespass.matches

    def run() -> None:
        other.begin()
        begun.set()
        over.wait(20)
        other.end()

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(20)
    trespass.begin()
    write_text(watched)
    trespass.end()
    over.set()
    thread.join(20)

    assert (trespass.caught, other.caught) == (True, False)


@pytest.fixture
def sent(trespass: Trespass) -> OwnRevisions:
    """What this process sent to Drive; the file of id `x` is watched."""
    revisions = OwnRevisions()
    trespass.written_by = revisions.written_by
    trespass.watched_ids = lambda: {"x"}
    return revisions


def test_a_cell_that_sends_the_watched_file_to_drive_is_caught(
    trespass: Trespass, sent: OwnRevisions
) -> None:
    trespass.begin()
    sent.add(("x", "2"))
    trespass.end()

    assert trespass.caught


def test_what_was_sent_before_or_of_other_files_is_not_held_against_it(
    trespass: Trespass, sent: OwnRevisions
) -> None:
    sent.add(("x", "1"))
    trespass.begin()
    sent.add(("y", "1"))
    trespass.end()

    assert not trespass.caught


def test_what_another_thread_sends_meanwhile_is_not_held_against_it(
    trespass: Trespass, sent: OwnRevisions
) -> None:
    """Such as an earlier result that is still on its way."""
    trespass.begin()
    thread = threading.Thread(target=sent.add, args=(("x", "2"),))
    thread.start()
    thread.join(20)
    trespass.end()

    assert not trespass.caught
