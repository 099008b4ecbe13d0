"""Does Tab offer places, and never stand in the way of typing? In a real kernel."""

from __future__ import annotations

import time

import pytest
from harness.kernel import Kernel

from colab_magics.emulator import Emulator
from colab_magics.magics.offering import Word, last_word
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.tree import FOLDER

NAMES = ["a.txt", "a b.txt", "🎉 party.txt", "it's.txt", "-x", 'say "hi"', "new\nline"]


@pytest.fixture
def filled(drive: Emulator) -> Emulator:
    """A Drive with a folder that holds difficult names, and one below it."""
    api = DriveAPI(url=drive.url, settings=Settings())
    folder = api.create("my data", api.root_id(), mime_type=FOLDER)
    for name in NAMES:
        api.create(name, folder.id, b"x")
    api.create("sub", folder.id, mime_type=FOLDER)
    api.create("model.bin", api.root_id(), b"x")
    api.close()
    return drive


@pytest.fixture
def typing(bare_kernel: Kernel, filled: Emulator) -> Kernel:
    """A kernel with that Drive attached."""
    bare_kernel.run(f"%load_ext colab_magics\n%drive_mount {filled.url}")
    bare_kernel.run("open('local file.txt', 'w').close(); open('loc.txt', 'w').close()")
    return bare_kernel


def completed(kernel: Kernel, typed: str) -> list[str]:
    """The lines that choosing each offered completion makes of what was typed."""
    matches, start, end = kernel.completions(typed)

    assert end == len(typed)
    return sorted(typed[:start] + match for match in matches)


def test_places_are_completed(typing: Kernel) -> None:
    """Folders with "/", blanks in quotes, whatever IPython takes for the token."""
    assert completed(typing, "%drive_ls m") == ['%drive_ls "my data/', "%drive_ls model.bin"]
    assert completed(typing, "%drive_get mod") == ["%drive_get model.bin"]
    assert completed(typing, "%%on_drive_change mod") == ["%%on_drive_change model.bin"]
    assert completed(typing, "x = %drive_rm mod") == ["x = %drive_rm model.bin"]
    assert completed(typing, '%drive_link "my da') == ['%drive_link "my data/']
    assert completed(typing, "%drive_link my\\ da") == ["%drive_link my\\ data/"]
    assert completed(typing, "%drive_ls --sort name mod") == ["%drive_ls --sort name model.bin"]
    assert completed(typing, '%drive_ls "my data/a') == [
        '%drive_ls "my data/a b.txt"',
        '%drive_ls "my data/a.txt"',
    ]
    assert completed(typing, '%drive_ls "my data/🎉') == ['%drive_ls "my data/🎉 party.txt"']
    assert completed(typing, '%drive_ls "my data/it') == ['%drive_ls "my data/it\'s.txt"']
    assert completed(typing, "%drive_ls 'my data/s") == [
        "%drive_ls 'my data/say \"hi\"'",
        "%drive_ls 'my data/sub/",
    ]


def test_everything_in_a_folder_is_offered(typing: Kernel) -> None:
    """But what could not be typed: control characters."""
    lines = completed(typing, '%drive_ls "my data/')

    assert len(lines) == len(NAMES)  # one can not be typed, and there is a folder
    assert not [line for line in lines if "new" in line]


def test_files_of_this_machine_are_completed(typing: Kernel) -> None:
    """What is sent is here, and where a fetch goes to."""
    assert completed(typing, "%drive_put loc") == [
        '%drive_put "local file.txt"',
        "%drive_put loc.txt",
    ]
    assert completed(typing, "%drive_put loc.txt mod") == ["%drive_put loc.txt model.bin"]
    assert completed(typing, "%drive_get model.bin ./loc.") == ["%drive_get model.bin ./loc.txt"]
    assert completed(typing, "%drive_ls ./loc.") == ["%drive_ls ./loc.txt"]


def test_options_and_their_values_are_completed(typing: Kernel) -> None:
    """As before, for the new magics too."""
    assert completed(typing, "%drive_ls --so") == ["%drive_ls --sort"]
    assert completed(typing, "%drive_ls --sort t") == ["%drive_ls --sort time"]
    assert completed(typing, "%drive_rm --re") == ["%drive_rm --recursive", "%drive_rm --restore"]
    assert completed(typing, "%drive_link --role w") == ["%drive_link --role writer"]
    assert completed(typing, "%watches pa") == ["%watches pause"]


def test_python_is_completed_as_before(typing: Kernel) -> None:
    """Our matcher keeps out of what is not ours."""
    typing.run("drivers = [1]")

    assert "drivers" in typing.complete("driv")


def test_a_drive_that_does_not_answer_does_not_hold_up_typing(
    typing: Kernel, filled: Emulator
) -> None:
    """Nothing is offered, soon; and when the answer came, the next Tab offers it."""
    typing.complete("driv")  # what IPython itself loads at the first Tab is not counted
    filled.faults.add(path="/drive/v3/", latency=3.0)
    started = time.monotonic()
    first = completed(typing, '%drive_ls "my data/su')
    took = time.monotonic() - started
    filled.faults.clear()
    typing.wait_for(
        lambda: completed(typing, '%drive_ls "my data/su') == ['%drive_ls "my data/sub/'],
        "the names to be known",
    )

    assert not [line for line in first if "sub" in line]
    assert took < 1.0


def test_without_a_drive_nothing_is_offered(bare_kernel: Kernel) -> None:
    """And nothing is said."""
    bare_kernel.run("%load_ext colab_magics")

    assert not [match for match in bare_kernel.complete("%drive_ls mo") if "model" in match]
    assert "Traceback" not in bare_kernel.stderr()


@pytest.mark.parametrize(
    ("typed", "words", "word"),
    [
        ("", [], Word("", "", "")),
        ("a ", ["a"], Word("", "", "")),
        ("a b", ["a"], Word("b", "b", "")),
        ('"a b', [], Word('"a b', "a b", '"')),
        ('"a b"c d', ["a bc"], Word("d", "d", "")),
        ("a\\ b", [], Word("a\\ b", "a b", "")),
        ("--sort time 'x", ["--sort", "time"], Word("'x", "x", "'")),
    ],
)
def test_the_word_before_the_cursor(typed: str, words: list[str], word: Word) -> None:
    """Read as a shell would."""
    assert last_word(typed) == (words, word)


@pytest.mark.parametrize(
    ("word", "value", "token", "text"),
    [
        (Word("my", "my", ""), "my data/", "my", '"my data/'),
        (Word('"my da', "my da", '"'), "my data/", "da", "data/"),
        (Word("a,b", "a,b", ""), "a,b c", "b", "b\\ c"),
        (Word("it", "it", ""), "it's", "it", "\"it's"),
        (Word("'it", "it", "'"), "it's", "it", None),
        (Word('"x', "x", '"'), 'x"y', "x", 'x\\"y'),
    ],
)
def test_what_replaces_the_token(word: Word, value: str, token: str, text: str | None) -> None:
    """So that the whole word means the value."""
    assert word.followed_by(value, token, end=False) == text
