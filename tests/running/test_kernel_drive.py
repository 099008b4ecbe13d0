"""Does it all work when the files are on a Drive, over HTTP?"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.busy import Busy
from harness.kernel import Kernel
from harness.waiting import wait_until


class Outsider:
    """Somebody who changes files through the Drive's REST API, knowing nothing of this package."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> Any:
        """One request; the answer as JSON, or as bytes where it is none."""
        request = urllib.request.Request(
            self.url + path,
            data=body,
            method=method,
            headers={"Content-Type": kind, "Authorization": "Bearer outsider"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            data = answer.read()
            return json.loads(data) if "json" in answer.headers["Content-Type"] else data

    def make_folder(self, name: str) -> str:
        """Make a folder at the top; its id."""
        meta = {"name": name, "mimeType": "application/vnd.google-apps.folder"}
        answer = self.call("POST", "/drive/v3/files", json.dumps(meta).encode())
        return str(answer["id"])

    def put(self, name: str, text: str, *, parent: str = "root") -> str:
        """Make a file; its id."""
        meta = json.dumps({"name": name, "parents": [parent]})
        body = (
            f"--x\r\nContent-Type: application/json\r\n\r\n{meta}\r\n"
            f"--x\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--x--"
        )
        path = "/upload/drive/v3/files?uploadType=multipart"
        return str(self.call("POST", path, body.encode(), "multipart/related; boundary=x")["id"])

    def change(self, file_id: str, text: str) -> None:
        """Give a file another content."""
        path = f"/upload/drive/v3/files/{file_id}?uploadType=media"
        self.call("PATCH", path, text.encode(), "text/plain")

    def read(self, name: str) -> str | None:
        """Content of the file of that name, if there is one."""
        query = urllib.parse.quote(f"name = '{name}' and trashed = false")
        files = self.call("GET", f"/drive/v3/files?q={query}")["files"]
        if not files:
            return None
        data = self.call("GET", f"/drive/v3/files/{files[0]['id']}?alt=media")
        return data.decode() if isinstance(data, bytes) else str(data)


@pytest.fixture
def outsider(drive: Any) -> Outsider:
    """An outsider at this test's Drive."""
    return Outsider(drive.url)


@pytest.fixture
def on_drive(start_kernel: Callable[..., Kernel], drive: Any) -> Kernel:
    """A kernel with colab_magics attached to this test's Drive, looking four times a second."""
    kernel: Kernel = start_kernel(COLAB_MAGICS_POLL_ACTIVE_SECONDS="0.25")
    kernel.run(f"%load_ext colab_magics\n%drive_mount {drive.url}")
    return kernel


def test_a_file_changes_the_cell_runs_the_result_is_back(
    on_drive: Kernel, outsider: Outsider
) -> None:
    """The main job: seed text in, cell runs, result read back through the API by its writer."""
    story = outsider.make_folder("story")
    seed = outsider.put("input1.txt", "once", parent=story)
    cell = on_drive.run(
        "%%on_drive_change story/input1.txt --debounce 0 --put story/output1.txt\n"
        "text = change.local.read_text()\n"
        "open('output1.txt', 'w').write(text + ' upon a time');"
    )
    before = on_drive.mark()
    outsider.change(seed, "twice")

    wait_until(lambda: outsider.read("output1.txt") == "twice upon a time", "the result on Drive")
    on_drive.wait_for_runs(cell, 1)
    assert on_drive.elsewhere(cell, since=before) == []


def test_a_change_has_drives_own_facts(on_drive: Kernel, outsider: Outsider) -> None:
    """Id and version are Drive's; the copy is complete and is not in the working directory."""
    seed = outsider.put("a.txt", "0")
    cell = on_drive.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "print(change.kind, change.name, change.place, change.id, change.local.read_text())\n"
        "print(change.local.is_relative_to('.'), change.time.tzinfo is not None)"
    )
    outsider.change(seed, "new")
    on_drive.wait_for_runs(cell, 1)

    assert on_drive.text(cell).splitlines() == [f"modified a.txt a.txt {seed} new", "False True"]


def test_a_file_that_appears_and_is_trashed(on_drive: Kernel, outsider: Outsider) -> None:
    """A watch of a folder sees its files come and go."""
    inbox = outsider.make_folder("inbox")
    cell = on_drive.run("%%on_drive_change inbox --debounce 0\nprint(change.kind, change.name)")
    file_id = outsider.put("one.txt", "1", parent=inbox)
    on_drive.said(cell, "created one.txt\n")
    outsider.call("PATCH", f"/drive/v3/files/{file_id}", b'{"trashed": true}')
    on_drive.said(cell, "deleted one.txt\n")


def test_a_change_during_a_users_cell_runs_after_it_with_the_last_state(
    on_drive: Kernel, outsider: Outsider, busy: Busy
) -> None:
    """Five revisions while the kernel is busy: one run, which sees the fifth."""
    seed = outsider.put("a.txt", "0")
    cell = on_drive.run("%%on_drive_change a.txt --debounce 0\nprint(change.local.read_text())")
    users = on_drive.send(busy.cell())
    on_drive.said(users, "busy")
    for number in range(1, 6):
        outsider.change(seed, f"revision {number}")
        on_drive.settle(users, quiet=0.2)
    on_drive.settle(users, quiet=0.7)
    busy.free()
    on_drive.wait_for_runs(cell, 1)
    on_drive.settle(cell, quiet=0.8)

    assert on_drive.text(cell) == "revision 5\n"


def test_a_cell_that_writes_its_own_file_on_drive_is_stopped(
    on_drive: Kernel, outsider: Outsider
) -> None:
    """The loop goes through the Drive here: `%drive_put` into the watched file."""
    seed = outsider.put("a.txt", "0")
    cell = on_drive.run(
        "%%on_drive_change a.txt --debounce 0\n"
        "import pathlib\n"
        "pathlib.Path('again.txt').write_text(change.local.read_text() + '+')\n"
        "%drive_put again.txt a.txt"
    )
    outsider.change(seed, "1")
    on_drive.wait_for(
        lambda: any("writes the file it watches" in m.text for m in on_drive.outputs(cell)),
        "a card that says why it was paused",
        seconds=30,
    )

    assert 2 <= len(on_drive.runs(cell)) <= 7


def test_files_go_and_come(on_drive: Kernel, outsider: Outsider, tmp_path: Path) -> None:
    """`%drive_put`, `%drive_ls` and `%drive_get` against the same Drive that an outsider sees."""
    on_drive.run("open('here.txt', 'w').write('content');")
    on_drive.run("%drive_put here.txt there.txt")
    assert outsider.read("there.txt") == "content"

    listed = on_drive.run("%drive_ls")
    assert "there.txt" in "\n".join(on_drive.shown(listed))

    on_drive.run("%drive_get there.txt back.txt")
    assert (on_drive.folder / "back.txt").read_text() == "content"


def test_a_drive_that_does_not_answer_is_one_line(
    start_kernel: Callable[..., Kernel], drive: Any
) -> None:
    """Nobody listens at the address: said in one line, within the retries' time."""
    kernel = start_kernel(COLAB_MAGICS_RETRY_SECONDS="1", COLAB_MAGICS_RETRY_ATTEMPTS="2")
    url = drive.url
    drive.stop()
    kernel.run("%load_ext colab_magics")
    line = kernel.refused(f"%drive_mount {url}")

    assert "DriveUnreachable" in line


def test_the_embedded_drive_needs_no_account(
    start_kernel: Callable[..., Kernel], tmp_path: Path
) -> None:
    """`%drive_mount emulator` gives a Drive that any program on this machine can use."""
    kernel = start_kernel(
        COLAB_MAGICS_EMULATOR_ROOT=str(tmp_path / "root"), COLAB_MAGICS_POLL_ACTIVE_SECONDS="0.25"
    )
    kernel.run("%load_ext colab_magics\nplace = %drive_mount emulator")
    outsider = Outsider(
        kernel.eval(
            "get_ipython().run_line_magic('drive_mount', 'emulator') and "
            "__import__('re').search(r'http://[^ ]+', repr(place)).group()"
        )
    )
    seed = outsider.put("a.txt", "0")
    cell = kernel.run("%%on_drive_change a.txt --debounce 0\nprint(change.local.read_text())")
    outsider.change(seed, "1")
    kernel.wait_for_runs(cell, 1)

    assert kernel.text(cell) == "1\n"


def test_two_kernels_see_each_others_files(start_kernel: Callable[..., Kernel], drive: Any) -> None:
    """One kernel's `--put` is another kernel's change."""
    first = start_kernel(COLAB_MAGICS_POLL_ACTIVE_SECONDS="0.25")
    second = start_kernel(COLAB_MAGICS_POLL_ACTIVE_SECONDS="0.25")
    for kernel in (first, second):
        kernel.run(f"%load_ext colab_magics\n%drive_mount {drive.url}")
    outsider = Outsider(drive.url)
    seed = outsider.put("a.txt", "0")
    first.run(
        "%%on_drive_change a.txt --debounce 0 --put b.txt\n"
        "open('b.txt', 'w').write(change.local.read_text() + ' by the first');"
    )
    cell = second.run("%%on_drive_change b.txt --debounce 0\nprint(change.local.read_text())")
    outsider.change(seed, "made")
    second.said(cell, "made by the first\n")
