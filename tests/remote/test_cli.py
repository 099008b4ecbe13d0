"""Does the command line do what it says, with exit codes a script can use?"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI

if TYPE_CHECKING:
    from harness.certificates import Certificates

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
    assert receipt["paths"] == ["My Drive/in/b.txt"]
    assert sorted(receipt) == sorted(
        [
            "id",
            "md5",
            "revision",
            "seconds",
            "size",
            "files",
            "skipped",
            "failed",
            "left_out",
            "paths",
        ]
    )


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (
            ("ls", "nowhere"),
            1,
            "colab-magics: no file 'nowhere' in My Drive, which is empty",
        ),
        (("get", "no/such.txt"), 1, "colab-magics: no folder 'no' in My Drive, which is empty"),
        (("put", "/no/such/file"), 1, "colab-magics: no file at '/no/such/file' on this machine"),
        (("put", "-"), 2, "colab-magics: standard input has no name; give PLACE one"),
        (("put", "-", "My Drive"), 2, "colab-magics: standard input has no name; give PLACE one"),
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


def test_folders_and_several_files_go_there_and_back(
    drive: Emulator, tmp_path: Path, environ: dict[str, str]
) -> None:
    """put, ls --tree, get, in the words of the magics; what is equal is skipped."""
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "sub/c.txt"):
        (tmp_path / "d" / name).write_text(name)
    at = ("--drive", drive.url)
    put = run("put", str(tmp_path / "d"), "in/", *at, env=environ)
    tree = run("ls", "in", "--tree", *at, env=environ)
    document = run("ls", "in", "--tree", "--json", *at, env=environ)
    two = run("get", "in/d/a.txt", "in/d/b.txt", f"{tmp_path}/two/", "--json", *at, env=environ)
    back = run("get", "in/d", str(tmp_path / "back"), *at, env=environ)

    assert (put.returncode, back.returncode) == (0, 0), put.stderr + back.stderr
    assert tree.stdout.decode().splitlines()[-1] == "3 files, 19 B, in 2 folders below it"
    assert json.loads(document.stdout)["folders"][0]["folders"][0]["name"] == "sub"
    assert json.loads(two.stdout)["files"] == 2
    assert (tmp_path / "back" / "sub" / "c.txt").read_text() == "sub/c.txt"


def test_what_is_removed_comes_back(drive: Emulator, environ: dict[str, str]) -> None:
    """rm says how; --json has the id."""
    at = ("--drive", drive.url)
    run("put", "-", "a.txt", *at, env=environ, stdin=b"x")
    gone = run("rm", "a.txt", "--json", *at, env=environ)
    (entry,) = json.loads(gone.stdout)
    empty = run("ls", "--json", *at, env=environ)
    back = run("rm", "--restore", f"id:{entry['id']}", *at, env=environ)
    there = run("ls", "--json", *at, env=environ)

    assert json.loads(empty.stdout) == []
    assert back.returncode == 0
    assert [item["name"] for item in json.loads(there.stdout)] == ["a.txt"]


def test_a_document_goes_to_standard_output_in_the_format_asked_for(
    drive: Emulator, environ: dict[str, str]
) -> None:
    """It has no bytes of its own; without a format, that is said."""
    api = DriveAPI(url=drive.url, settings=Settings())
    api.create("report", api.root_id(), mime_type="application/vnd.google-apps.document")
    api.close()
    at = ("--drive", drive.url)
    got = run("get", "report", "-", "--export", "pdf", *at, env=environ)
    none = run("get", "report", "-", *at, env=environ)

    assert got.stdout.startswith(b"%PDF")
    assert (none.returncode, none.stdout) == (1, b"")
    assert none.stderr.startswith(b"colab-magics: ")


def test_a_file_is_shared_when_asked(drive: Emulator, environ: dict[str, str]) -> None:
    """link says who can open it."""
    at = ("--drive", drive.url)
    run("put", "-", "a.txt", *at, env=environ, stdin=b"x")
    alone = run("link", "a.txt", "--json", *at, env=environ)
    shared = run("link", "a.txt", "--share", "anyone", "--json", *at, env=environ)

    assert json.loads(alone.stdout)["access"] == ["only you"]
    assert "anyone with the link may read" in json.loads(shared.stdout)["access"]


def test_a_transfer_shows_itself_on_a_terminal(
    drive: Emulator, tmp_path: Path, environ: dict[str, str]
) -> None:
    """A bar on stderr while it runs, and one line that stays; stdout is untouched by it."""
    pty = pytest.importorskip("pty")
    (tmp_path / "big.bin").write_bytes(os.urandom(400_000))
    run("put", str(tmp_path / "big.bin"), "--drive", drive.url, env=environ)
    drive.faults.add(query="alt=media", rate=400_000)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command("get", "big.bin", str(tmp_path / "got.bin"), "--drive", drive.url),
        env={**environ, "TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    stdout, _ = process.communicate(timeout=60)
    seen = os.read(master, 1 << 20).decode(errors="replace")
    os.close(master)

    assert process.returncode == 0
    assert "big.bin" in seen
    assert "/s" in seen
    assert stdout.decode().count("\n") == 1
    assert "\x1b" not in stdout.decode()


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


def test_the_emulator_serves_tls_when_given_a_certificate(
    certificates: Certificates, environ: dict[str, str]
) -> None:
    """Both addresses are printed; `find` and the other commands go on with the plain one."""
    tls = ("--tls-cert", str(certificates.cert), "--tls-key", str(certificates.key))
    with subprocess.Popen(command("emulator", *tls), env=environ, stdout=subprocess.PIPE) as served:
        assert served.stdout
        try:
            first, second = served.stdout.readline().decode(), served.stdout.readline().decode()
            put = run("put", "-", "c.txt", env=environ, stdin=b"x")
            trust = ssl.create_default_context(cafile=certificates.authority)
            url = second.removeprefix("over TLS it is at ").strip()
            with urllib.request.urlopen(f"{url}drive/v3/files", context=trust) as answer:
                names = [one["name"] for one in json.load(answer)["files"]]
        finally:
            served.terminate()

    assert first.startswith("a Drive is at http://127.0.0.1:")
    assert url.startswith("https://127.0.0.1:")
    assert put.returncode == 0, put.stderr
    assert names == ["c.txt"]
    assert served.returncode == 0


def test_a_certificate_that_can_not_be_used_is_one_line(
    certificates: Certificates, environ: dict[str, str]
) -> None:
    """A half of the pair is a mistake in the command; a pair that does not fit is not done."""
    cert, wrong = str(certificates.cert), str(certificates.other_key)
    half = run("emulator", "--tls-cert", cert, env=environ)
    port = run("emulator", "--tls-port", "0", env=environ)
    unfit = run("emulator", "--tls-cert", cert, "--tls-key", wrong, env=environ)
    missing = run("emulator", "--tls-cert", "/no.pem", "--tls-key", wrong, env=environ)

    assert (half.returncode, port.returncode) == (2, 2)
    assert half.stderr.decode() == "colab-magics: TLS needs both --tls-cert and --tls-key\n"
    assert (unfit.returncode, missing.returncode) == (1, 1)
    said = f"colab-magics: the TLS key {wrong} does not belong to the certificate {cert}\n"
    assert unfit.stderr.decode() == said
    assert missing.stderr.decode() == (
        "colab-magics: the TLS certificate /no.pem can not be read: no such file or directory\n"
    )


def test_the_demo_shows_the_main_job(tmp_path: Path, environ: dict[str, str]) -> None:
    """The README's first command: a file changes, the cell runs, the result comes back; exit 0."""
    done = run("demo", env=environ)
    text = done.stdout.decode()

    assert done.returncode == 0, done.stderr.decode()
    assert text.count("the cell's new output") == 3
    assert text.count("story/output1.txt came back") == 3
    assert "modified story/input1.txt: A ship came over the sea" in text
    assert "write to run" in text


def test_what_to_run_is_a_command_of_a_terminal(drive: Emulator, environ: dict[str, str]) -> None:
    """The magics are for notebooks."""
    run("put", "-", "in/a.txt", "--drive", drive.url, env=environ, stdin=b"hello")
    gone = run("rm", "in/a.txt", "--drive", drive.url, env=environ)
    again = run("rm", "b.txt", "--restore", "--drive", drive.url, env=environ)
    auth = run("auth", env=environ)

    assert b"undo  colab-magics rm --restore id:" in gone.stdout
    assert again.stderr == (
        b"colab-magics: no 'My Drive/b.txt' in the trash; "
        b"colab-magics ls --trashed shows what is there\n"
    )
    assert b"colab-magics auth --client-secrets FILE" in auth.stdout
