"""Does the command line do what it says, with exit codes a script can use?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from colab_magics.emulator import Emulator


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which nobody is signed in and no emulator runs."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COLAB_MAGICS", "GOOGLE_"))}
    return {
        **env,
        "COLAB_MAGICS_CREDENTIALS_DIR": str(tmp_path / "credentials"),
        "COLAB_MAGICS_EMULATOR_ROOT": str(tmp_path / "embedded"),
    }


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "colab_magics.remote.cli", *words]


def run(*words: str, env: dict[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*words), env=env, input=stdin, capture_output=True, timeout=60, check=False
    )


def test_a_file_goes_there_and_back(
    drive: Emulator, tmp_path: Path, environ: dict[str, str]
) -> None:
    """put, ls, get: each ends with 0, and the bytes are the same."""
    (tmp_path / "a.txt").write_bytes(b"hello")
    put = run("put", str(tmp_path / "a.txt"), "in/", "--drive", drive.url, env=environ)
    ls = run("ls", "in", "--drive", drive.url, "--json", env=environ)
    get = run("get", "in/a.txt", "-", "--drive", drive.url, env=environ)

    assert (put.returncode, ls.returncode, get.returncode) == (0, 0, 0)
    assert [(i["name"], i["size"]) for i in json.loads(ls.stdout)] == [("a.txt", 5)]
    assert get.stdout == b"hello"


def test_a_receipt_is_json_when_asked_for(
    drive: Emulator, tmp_path: Path, environ: dict[str, str]
) -> None:
    """What a script needs to go on: id, size, md5, revision."""
    done = run("put", "-", "in/b.txt", "--drive", drive.url, "--json", env=environ, stdin=b"hi")
    receipt = json.loads(done.stdout)

    assert receipt["size"] == 2
    assert receipt["md5"] == "49f68a5c8493ec2c0bf489821c21fc3b"
    assert sorted(receipt) == ["id", "md5", "revision", "seconds", "size"]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (
            ("ls", "nowhere"),
            1,
            "colab-magics: no file 'nowhere' in My Drive, which is empty",
        ),
        (("get", "no/such.txt"), 1, "colab-magics: no folder 'no' in My Drive, which is empty"),
        (("put", "/no/such/file"), 1, "colab-magics: no such file or directory: /no/such/file"),
        (("put", "-"), 2, "colab-magics: standard input has no name; give PLACE one"),
    ],
)
def test_what_can_not_be_done_is_one_line(
    drive: Emulator, environ: dict[str, str], words: tuple[str, ...], code: int, line: str
) -> None:
    """One line on stderr, nothing on stdout, and a code."""
    done = run(*words, "--drive", drive.url, env=environ)

    assert done.returncode == code
    assert done.stdout == b""
    assert done.stderr.decode().strip() == line


def test_nobody_signed_in_is_one_line(environ: dict[str, str]) -> None:
    """Without an account and without an emulator there is no Drive."""
    done = run("ls", env=environ)

    assert done.returncode == 1
    assert done.stderr.decode().startswith("colab-magics: nobody is signed in to Google Drive,")


def test_a_mistake_in_the_command_ends_with_2(environ: dict[str, str]) -> None:
    """As argparse does it."""
    assert run("nonsense", env=environ).returncode == 2
    assert run("ls", "--bogus", env=environ).returncode == 2


def test_the_emulator_is_found_by_other_commands(tmp_path: Path, environ: dict[str, str]) -> None:
    """`colab-magics emulator` in one terminal, `put` and `ls` in another; Ctrl+C ends it well."""
    from harness.waiting import wait_until

    root = Path(environ["COLAB_MAGICS_EMULATOR_ROOT"])
    process = subprocess.Popen(command("emulator"), env=environ, stdout=subprocess.PIPE)
    try:
        wait_until(lambda: (root / "emulator.json").exists(), "the emulator")
        put = run("put", "-", "c.txt", env=environ, stdin=b"x")
        ls = run("ls", "--json", env=environ)
        second = run("emulator", env=environ)
        process.send_signal(signal.SIGINT)

        assert put.returncode == 0, put.stderr
        assert [item["name"] for item in json.loads(ls.stdout)] == ["c.txt"]
        assert second.returncode == 1
        assert len(second.stderr.decode().strip().splitlines()) == 1
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
    assert (tmp_path / "embedded").exists()


def test_the_demo_shows_the_main_job(tmp_path: Path, environ: dict[str, str]) -> None:
    """The README's first command: a file changes, the cell runs, the result comes back; exit 0."""
    done = run("demo", env=environ)
    text = done.stdout.decode()

    assert done.returncode == 0, done.stderr.decode()
    assert text.count("the cell's new output") == 3
    assert text.count("story/output1.txt came back") == 3
    assert "modified story/input1.txt: A ship came over the sea" in text
    assert "write to run" in text
