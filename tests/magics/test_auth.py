"""Does `%drive_auth` sign a notebook in and out: in real kernels, with a person who clicks?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from harness.consent import arrive, decide, link_in
from harness.kernel import Kernel

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI

Start = Callable[..., Kernel]
NAMES = ("GOOGLE_APPLICATION_CREDENTIALS", "COLAB_MAGICS_DRIVE_URL", "BROWSER", "DISPLAY")


@pytest.fixture
def start(
    start_kernel: Start, tmp_path: Path, strict: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Start:
    """Start kernels of one user, with the extension loaded."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def begin(**env: str) -> Kernel:
        usual = {
            "COLAB_MAGICS_CREDENTIALS_DIR": str(tmp_path / "config"),
            "COLAB_MAGICS_DRIVE_URL": strict.url,
        }
        kernel = start_kernel(**{**usual, **env})
        kernel.run("%load_ext colab_magics")
        return kernel

    return begin


def everything(kernel: Kernel) -> str:
    """All that a kernel has published, as text."""
    kernel.mark()
    return "\n".join(json.dumps(m.content, default=str) for m in kernel.messages)


def link_of(kernel: Kernel, mid: str) -> str:
    """The link that a cell shows, once it does."""
    return kernel.wait_for(
        lambda: link_in("\n".join(m.text for m in kernel.of(mid))), "the link of a sign-in"
    )


def send_new(kernel: Kernel) -> str:
    """A cell that sends a file which Drive does not have yet."""
    (kernel.folder / "a.txt").write_text(uuid.uuid4().hex)
    return "%drive_put a.txt"


def sign_in(kernel: Kernel, client_file: Path) -> str:
    """Sign in through the browser on this machine; the cell."""
    mid = kernel.send(f"%drive_auth --client-secrets {client_file} --no-browser")
    assert arrive(decide(link_of(kernel, mid))).status_code == 200
    assert kernel.wait(mid)["status"] == "ok", kernel.story()
    return mid


def test_a_notebook_signs_in_and_out(
    start: Start, strict: Emulator, client_file: Path, tmp_path: Path
) -> None:
    """The whole story: asked once, used by two kernels, forgotten by both."""
    first = start()
    assert "this Drive asks for a sign-in; run %drive_auth" in first.refused("%drive_mount")
    shown = first.shown(sign_in(first, client_file))
    assert "● user@drive.emulator  [signed in]" in shown
    first.run("%drive_mount")
    first.run(send_new(first))

    client_file.unlink()
    second = start()
    mid = second.run("%drive_auth")
    assert "● user@drive.emulator  [signed in]" in second.shown(mid)
    assert not link_in(everything(second))
    second.run("%drive_mount")
    assert "a.txt" in "\n".join(second.shown(second.run("%drive_ls")))

    gone = first.run("%drive_auth --forget")
    assert re.search("detached +the Drive that used it", "\n".join(first.shown(gone)))
    assert first.refused("%drive_ls").startswith("NoDrive: no Drive is attached;")
    assert second.refused("%drive_get a.txt b.txt").endswith(
        "nobody is signed in to Google Drive any more; run %drive_auth"
    )
    assert "nobody is signed in" in "\n".join(second.shown(second.run("%drive_auth")))
    assert list((tmp_path / "config").iterdir()) == []


def test_an_attached_drive_goes_on_after_a_new_sign_in(
    start: Start, strict: Emulator, client_file: Path
) -> None:
    """Without another `%drive_mount`; with the client of the first time."""
    kernel = start()
    sign_in(kernel, client_file)
    kernel.run("%drive_mount")
    kernel.run(send_new(kernel))
    strict.tokens.revoke()
    line = kernel.refused(send_new(kernel))
    assert "Google no longer accepts the saved sign-in" in line
    assert line.endswith("; run %drive_auth")

    mid = kernel.send("%drive_auth --no-browser")
    arrive(decide(link_of(kernel, mid)))
    assert kernel.wait(mid)["status"] == "ok", kernel.story()

    kernel.run(send_new(kernel))


def test_a_watch_goes_on_after_a_new_sign_in(
    start: Start, strict: Emulator, client_file: Path
) -> None:
    """It never asks from its thread: it says what is wrong, and waits; a change is not missed."""
    quick = {"POLL_ACTIVE_SECONDS": "0.2", "POLL_IDLE_SECONDS": "0.2", "POLL_MAX_SECONDS": "0.5"}
    kernel = start(**{f"COLAB_MAGICS_{name}": value for name, value in quick.items()})
    sign_in(kernel, client_file)
    outsider = DriveAPI(url=f"{strict.url}emulator/", settings=Settings())
    node = outsider.create("w.txt", outsider.root_id(), b"0")
    watch = "%%on_drive_change w.txt --debounce 0\nprint('saw', change.local.read_text())"
    kernel.run("%drive_mount")
    mid = kernel.run(watch)
    outsider.update(node.id, b"1")
    kernel.said(mid, "saw 1")

    strict.tokens.revoke()
    kernel.wait_for(
        lambda: "Google no longer accepts" in "\n".join(kernel.shown(mid)), "the trouble"
    )
    assert kernel.questions == []
    outsider.update(node.id, b"2")
    outsider.close()
    other = start()
    again = other.send("%drive_auth --no-browser")
    arrive(decide(link_of(other, again)))
    assert other.wait(again)["status"] == "ok", other.story()

    kernel.said(mid, "saw 2")


def test_an_address_is_pasted_where_the_browser_is_elsewhere(
    start: Start, client_file: Path
) -> None:
    """Into a field that shows nothing; a kernel without a screen finds out by itself."""
    kernel = start()
    mid = kernel.send(f"%drive_auth --client-secrets {client_file}")
    address = decide(link_of(kernel, mid))
    question = kernel.asked()
    kernel.answer(address)

    assert question == {"prompt": "the address that the browser ended at: ", "password": True}
    assert kernel.wait(mid)["status"] == "ok", kernel.story()
    with pytest.raises(httpx.ConnectError):
        arrive(address)
    assert httpx.URL(address).params["code"] not in everything(kernel)


def test_the_link_does_not_stay_in_the_notebook(start: Start, client_file: Path) -> None:
    """A saved notebook holds the last form of each display."""
    kernel = start()
    mid = sign_in(kernel, client_file)
    (display,) = [m for m in kernel.outputs(mid) if m.type == "display_data"]
    (update,) = [m for m in kernel.outputs(mid) if m.type == "update_display_data"]

    assert 'rel="noopener noreferrer"' in display.content["data"]["text/html"]
    assert update.display_id == display.display_id
    assert update.content["data"]["text/plain"] == "● sign-in  [done]"


def test_options_are_completed(start: Start) -> None:
    """After the magic's name."""
    assert start().complete("%drive_auth --cl") == ["--client-secrets"]


def test_where_nobody_can_be_asked_a_line_says_what_to_do(start: Start, client_file: Path) -> None:
    """As under papermill: the cell fails, it does not hang."""
    kernel = start()
    mid = kernel.send(
        f"%drive_auth --client-secrets {client_file} --paste", stdin=False, stop_on_error=False
    )
    assert kernel.wait(mid)["status"] == "error"

    assert kernel.shown(mid)[-1] == (
        "NoCredentials: nobody can be asked here; sign in once in a notebook or with colab-magics "
        "auth in a terminal, or use --service-account"
    )


def test_the_stop_button_ends_the_wait(start: Start, client_file: Path) -> None:
    """And the little server behind it; the next try works."""
    kernel = start()
    mid = kernel.send(
        f"%drive_auth --client-secrets {client_file} --no-browser", stop_on_error=False
    )
    link = link_of(kernel, mid)
    kernel.interrupt()
    assert kernel.wait(mid)["status"] == "error"
    with pytest.raises(httpx.ConnectError):
        arrive(httpx.URL(link).params["redirect_uri"])

    names = "[t.name for t in __import__('threading').enumerate()]"
    assert "colab_magics-sign-in" not in kernel.eval(names)
    sign_in(kernel, client_file)


def test_a_browser_is_opened_where_there_is_one(
    start: Start, client_file: Path, tmp_path: Path
) -> None:
    """The system's browser gets the link; here, a program that follows it."""
    browser = tmp_path / "browser"
    tests = Path(__file__).parents[1]
    browser.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(tests)!r})\n"
        "from harness.consent import arrive, decide\narrive(decide(sys.argv[1]))\n"
    )
    browser.chmod(0o700)
    kernel = start(BROWSER=f"{browser} %s &")
    kernel.run(f"%drive_auth --client-secrets {client_file}", seconds=60)


def test_a_service_account_needs_nobody(start: Start, strict: Emulator, tmp_path: Path) -> None:
    """Also where there is no stdin, and in the next kernel."""
    key = tmp_path / "key.json"
    key.write_text(json.dumps(strict.service_account()))
    start().run(f"%drive_auth --service-account {key}")
    key.unlink()

    start().run("%drive_mount")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--client-secrets a --forget",
            "UsageError: give one of --client-secrets, --service-account, --secret, --forget",
        ),
        ("--client-secrets /no", "PlaceNotFound: no file '/no' on this machine"),
        ("--service-account {client}", "BadValue: {client} holds no key of a service account"),
        (
            "--secret",
            "NoCredentials: no sign-in is kept here that could become a Secret; run %drive_auth "
            "--client-secrets FILE or --service-account FILE first",
        ),
    ],
)
def test_mistakes_are_one_line(start: Start, client_file: Path, line: str, message: str) -> None:
    """Each says what to do."""
    kernel = start(COLAB_MAGICS_DRIVE_URL="") if line == "--secret" else start()

    assert kernel.refused("%drive_auth " + line.format(client=client_file)) == message.format(
        client=client_file
    )


LOG = """
import logging
logging.basicConfig(level=logging.DEBUG, filename="log.txt", force=True)
"""


def test_no_secret_leaves_the_kernel(
    start: Start, strict: Emulator, client_file: Path, tmp_path: Path
) -> None:
    """A whole session with every debug log on, with failures: all that came out is searched."""
    kernel = start(GOOGLE_SDK_PYTHON_LOGGING_SCOPE="google")  # google-auth's own switch
    kernel.run(LOG)
    mid = kernel.send(f"%drive_auth --client-secrets {client_file} --paste")
    address = decide(link_of(kernel, mid))
    kernel.answer(address)
    assert kernel.wait(mid)["status"] == "ok", kernel.story()
    (kept,) = (tmp_path / "config").glob("token*.json")
    info = json.loads(kept.read_text())
    kernel.run("drive = %drive_mount")
    kernel.run(send_new(kernel))
    kernel.run(
        "import pickle\n"
        "from colab_magics.magics.extension import notebook_of\n"
        "api = notebook_of(get_ipython()).drive.api\n"
        "fs = notebook_of(get_ipython()).drive.fs\n"
        "open('pickle', 'wb').write(pickle.dumps([api, fs]))\n"
        "token = api.credentials._inner.token\n"
        "open('repr.txt', 'w').write(repr([api, fs, api.credentials, vars(api)]))"
    )
    access = str(kernel.eval("token"))
    kernel.run("%drive_auth")
    kernel.run("%%capture seen\n%drive_auth")
    kernel.run("open('seen.txt', 'w').write(str(seen) + repr(vars(seen)))")
    kernel.refused("%drive_auth --client-secrets " + str(kept))
    command = Path(f"/proc/{kernel.process.pid}/cmdline").read_bytes().decode()
    strict.tokens.revoke(info["refresh_token"])
    for mode in ("Context", "Verbose", "Plain"):
        kernel.run(f"%xmode {mode}")
        kernel.refused(send_new(kernel))
    kernel.run(
        "import traceback\n"
        "try: api.about()\n"
        "except Exception as exc:\n"
        "    texts = [repr(exc), str(exc), repr(pickle.dumps(exc))]\n"
        "    while exc is not None:\n"
        "        texts += traceback.format_exception(exc) + [repr(exc.args)]\n"
        "        exc = exc.__context__\n"
        "    open('errors.txt', 'w').write(''.join(texts))"
    )
    kernel.run("%drive_auth --forget")
    kernel.run("%unload_ext colab_magics")
    files = {p.name: p.read_bytes() for p in kernel.folder.iterdir() if p.name != "a.txt"}
    private = [p for p in kernel.private.rglob("*") if p.is_file()]
    assert b"POST /token" in files["log.txt"]
    assert b"NoCredentials" in files["errors.txt"]
    assert any(p.name == "history.sqlite" for p in private)
    places = {
        **files,
        **{p.name: p.read_bytes() for p in private},
        "published": everything(kernel).encode(),
        "stderr": kernel.stderr().encode(),
        "command": command.encode(),
        "the Drive's log": repr(list(strict.log)).encode(),
    }
    secrets = {
        "refresh token": info["refresh_token"],
        "client secret": info["client_secret"],
        "access token": access,
        "code": str(httpx.URL(address).params["code"]),
    }
    assert all(len(secret) > 15 for secret in secrets.values())

    found = [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, data in places.items()
        for form in {secret, httpx.QueryParams(x=secret).__str__()[2:]}
        if form.encode() in data
    ]
    assert found == []


def test_a_terminal_signs_in_too(client_file: Path, strict: Emulator, tmp_path: Path) -> None:
    """`colab-magics auth`: what it keeps is what notebooks find."""
    environ = {name: value for name, value in os.environ.items() if name not in NAMES}
    environ |= {
        "COLAB_MAGICS_CREDENTIALS_DIR": str(tmp_path / "config"),
        "COLAB_MAGICS_DRIVE_URL": strict.url,
    }
    command = [sys.executable, "-m", "colab_magics.remote.cli", "auth"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    assert "nobody is signed in" in run().stdout
    refused = run("--client-secrets", str(client_file), "--paste")
    assert (refused.returncode, refused.stderr.strip()) == (
        1,
        "colab-magics: nobody can be asked here; run it in a terminal",
    )
    words = [*command, "--client-secrets", str(client_file), "--no-browser"]
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        link = next(found for line in process.stdout if (found := link_in(line)))
        arrive(decide(link))
        rest = process.stdout.read()

    assert process.returncode == 0
    assert re.search(r"user@drive.emulator  \[signed in\]", rest)
    assert "user@drive.emulator  [signed in]" in run().stdout
    assert "revoked and removed" in run("--forget").stdout
