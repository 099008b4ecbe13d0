"""The page at `/`, in a real browser, and who may use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_magics.emulator import Emulator
from emulator.api import Api, error

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154"
    "789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    if not CHROMIUM.exists():
        pytest.skip("/usr/bin/chromium is not here")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, emulator: Emulator) -> Iterator[Any]:
    """The page, open; the test fails if a script of it fails or anything is blocked."""
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    troubles: list[str] = []
    opened.on("pageerror", lambda one: troubles.append(str(one)))
    opened.on("console", lambda one: troubles.append(one.text) if one.type == "error" else None)
    opened.goto(emulator.url)
    opened.wait_for_selector("#nothing:not([hidden]), tbody tr")
    yield opened
    context.close()
    assert troubles == []


def names(page: Any) -> list[str]:
    return list(page.locator("tbody .name span").all_inner_texts())


def test_documents_and_shortcuts_show_what_they_stand_for(page: Any, api: Api) -> None:
    """A document as its text, which is not edited here; a shortcut as what it leads to."""
    google = "application/vnd.google-apps."
    path = "upload/drive/v3/files?uploadType=multipart"
    head = f'{{"name": "notes", "mimeType": "{google}document"}}'
    body = f"--x\n\n{head}\n--x\nContent-Type: text/plain\n\nsome words\n--x--"
    headers = {"Content-Type": "multipart/related; boundary=x"}
    notes = api.ok("POST", path, content=body.encode(), headers=headers)
    folder = api.folder("data")
    api.make("inside", parents=[folder["id"]])
    for name, target in (("to notes", notes["id"]), ("to data", folder["id"])):
        api.make(name, mimeType=f"{google}shortcut", shortcutDetails={"targetId": target})
    page.wait_for_selector("tbody tr:nth-child(4)")

    for name in ("notes", "to notes"):
        page.click(f"tbody .name:has(span:text-is('{name}'))")
        page.wait_for_selector("dialog textarea")
        assert page.input_value("dialog textarea") == "some words"
        assert page.is_hidden("#viewer-save")
        assert page.get_attribute("#viewer-download", "download") == "notes.txt"
        page.click("#viewer-close")
    page.click("tbody .name:has(span:text-is('to data'))")
    page.wait_for_selector("tbody .name:has(span:text-is('inside'))")


def test_a_person_uploads_reads_and_edits_a_file(page: Any, api: Api) -> None:
    """Upload by the button, look inside, change it and save: the same file, a new revision."""
    file = {"name": "seed.txt", "mimeType": "text/plain", "buffer": b"Once upon"}
    page.set_input_files("#files", files=[file])
    page.click("button.name:has-text('seed.txt')")
    page.wait_for_selector("textarea")
    assert page.input_value("textarea") == "Once upon"
    page.fill("textarea", "Once upon a time")
    page.click("#viewer-save")
    page.wait_for_selector("#said:has-text('Saved')")
    (found,) = api.ok("GET", "drive/v3/files", fields="*")["files"]

    assert (found["name"], found["mimeType"]) == ("seed.txt", "text/plain")
    assert api.bytes_of(found["id"]) == b"Once upon a time"


def test_a_file_of_the_same_name_gets_new_bytes(page: Any, api: Api) -> None:
    """As on Drive's own page: a second upload is a change, not a second file."""
    before = api.make("seed.txt", b"one", mimeType="text/plain")
    file = {"name": "seed.txt", "mimeType": "text/plain", "buffer": b"two"}
    page.set_input_files("#files", files=[file])
    page.wait_for_selector("#said:has-text('Uploaded')")

    assert api.names() == ["seed.txt"]
    assert api.bytes_of(before["id"]) == b"two"


def test_files_are_dropped_into_a_folder(page: Any, api: Api) -> None:
    """Make a folder by the dialog, go into it by keyboard, drop two files."""
    page.click("#fresh")
    page.fill("#name", "inbox")
    page.keyboard.press("Enter")
    page.wait_for_selector("a.name:has-text('inbox')")
    page.focus("a.name")
    page.keyboard.press("Enter")
    page.wait_for_selector("#crumbs [aria-current]:has-text('inbox')")
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            for (const name of ["a.txt", "b.txt"]) data.items.add(new File([name], name));
            dispatchEvent(new DragEvent("dragenter", { dataTransfer: data }));
            dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
        }"""
    )
    page.wait_for_selector("button.name:has-text('b.txt')")
    folder = api.ok("GET", "drive/v3/files", params={"q": "name = 'inbox'"})["files"][0]

    assert names(page) == ["a.txt", "b.txt"]
    assert sorted(api.names(f"'{folder['id']}' in parents")) == ["a.txt", "b.txt"]


def test_what_others_do_shows_by_itself(page: Any, api: Api, emulator: Emulator) -> None:
    """Neither faults nor lags nor the quota hold it back, and it does not show in the log."""
    emulator.lag(listing=60, feed=60)
    emulator.faults.add(path="^/drive/v3/files", method="GET", status=503)
    created = api.ok("POST", "drive/v3/files", json={"name": "theirs.txt"})
    page.wait_for_selector("button.name:has-text('theirs.txt')")
    api.ok("PATCH", f"drive/v3/files/{created['id']}", json={"name": "renamed.txt"})
    page.wait_for_selector("button.name:has-text('renamed.txt')")

    assert [entry.method for entry in emulator.log] == ["POST", "PATCH"]


def test_the_trash_is_emptied_and_restored(page: Any, api: Api) -> None:
    """Delete goes to the trash."""
    for name in ("kept.txt", "gone.txt"):
        api.make(name)
    for name in ("kept.txt", "gone.txt"):
        page.click(f"[aria-label='Delete: {name}']")
        page.wait_for_selector(f"[aria-label='Delete: {name}']", state="detached")
    page.click("a[href='#trash']")
    page.click("[aria-label='Restore: kept.txt']")
    page.wait_for_selector("[aria-label='Restore: kept.txt']", state="detached")
    page.click("#empty")
    page.wait_for_selector("#nothing:not([hidden])")

    assert api.names() == ["kept.txt"]


def test_a_picture_is_shown_and_a_file_downloaded(page: Any, api: Api) -> None:
    """A picture inline; the download has the file's name and bytes."""
    api.make("dot.png", PNG, mimeType="image/png")
    page.wait_for_selector(f"td.number:has-text('{len(PNG)} bytes')")
    page.click("button.name:has-text('dot.png')")
    picture = page.locator("#viewer-body img")
    assert picture.evaluate("img => img.decode().then(() => img.naturalWidth)") == 1
    with page.expect_download() as waiting:
        page.click("#viewer-download")

    assert waiting.value.suggested_filename == "dot.png"
    assert Path(waiting.value.path()).read_bytes() == PNG


@pytest.mark.parametrize(
    "name",
    ["<img src=x onerror=alert(1)>", "\"'><script>document.title='x'</script>", "it's \\ a\nname"],
)
def test_a_name_is_only_ever_text(page: Any, api: Api, name: str) -> None:
    """In the table, the crumbs and the viewer."""
    folder = api.folder(name)
    api.make(name, b"<b>hi</b>", mimeType="text/html", parents=[folder["id"]])
    page.wait_for_selector("a.name")
    page.click("a.name")
    page.wait_for_selector("button.name")
    page.click("button.name")
    page.wait_for_selector("textarea")

    assert page.inner_text("#viewer-title") == name.replace("\n", " ")
    assert page.input_value("textarea") == "<b>hi</b>"
    assert page.title() == "Emulated Drive"
    assert page.locator("main img, main script, dialog script, dialog b").count() == 0


def test_a_file_can_not_run_in_the_pages_origin(browser: Any, api: Api, emulator: Emulator) -> None:
    """An HTML file with a script, opened by its address, is a download and nothing more."""
    file = api.make("evil.html", b"<script>document.title='ran'</script>", mimeType="text/html")
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(emulator.url)
    with opened.expect_download():
        opened.evaluate(f"location.href = '/drive/v3/files/{file['id']}?alt=media'")

    assert opened.title() == "Emulated Drive"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_can_be_read(browser: Any, emulator: Emulator, scheme: str) -> None:
    """Text on its ground has a contrast of 4.5 at least."""
    context = browser.new_context(color_scheme=scheme)
    opened = context.new_page()
    opened.goto(emulator.url)
    found = opened.evaluate(
        """() => [[".note", "body"], ["th", "table"], ["#pick", "#pick"], ["h1", "body"]].map(
            ([text, ground]) => [getComputedStyle(document.querySelector(text)).color,
                getComputedStyle(document.querySelector(ground)).backgroundColor])"""
    )
    context.close()
    for text, ground in found:
        bright, dim = sorted((luminance(text), luminance(ground)), reverse=True)

        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, ground)


def luminance(colour: str) -> float:
    parts = [int(one) / 255 for one in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_page_allows_nothing_inline(api: Api) -> None:
    """No script, style or handler in the document, and a policy that would refuse one."""
    answer = api.get("")
    policy = answer.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert " on" + "click" not in answer.text
    assert "<style" not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script type="module" src=')


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "drive/v3/files"),
        ("POST", "upload/drive/v3/files?uploadType=media"),
        ("POST", "emulator/drive/v3/files"),
        ("POST", "emulator/faults"),
        ("DELETE", "emulator/log"),
        ("DELETE", "drive/v3/files/trash"),
        ("GET", "drive/v3/files"),
    ],
)
def test_pages_of_other_origins_are_refused(api: Api, method: str, path: str) -> None:
    """Neither a page elsewhere nor a name that was bent to this machine gets in."""
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = api.request(method, path, headers=headers)

        assert error(answer)[:2] == (403, "forbidden")
    assert api.names() == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]", "LOCALHOST:80"])
def test_names_of_this_machine_are_let_in(api: Api, host: str) -> None:
    """Whatever the port: a tunnel may have another."""
    assert api.get("", headers={"Host": host}).status_code == 200


def test_google_names_reach_the_api_but_not_the_controls(api: Api) -> None:
    """Through a proxy, clients ask for www.googleapis.com."""
    headers = {"Host": "www.googleapis.com"}

    assert api.get("drive/v3/files", headers=headers).status_code == 200
    assert api.get("emulator/health", headers=headers).status_code == 403
