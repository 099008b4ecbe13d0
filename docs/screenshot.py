"""Make the pictures of the README: in JupyterLab, a cell that a change ran again, and files.

Needs chromium and `pip install -e '.[test]'`; run it from anywhere:

    python docs/screenshot.py

It opens the first example notebook on a Drive of its own, runs it, changes the file as an outsider
through the REST API, and waits for the output and the result. Then it lists a folder, fetches it
over a line that is slow enough to watch, and asks for a link. Each scene is taken in the light and
in the dark theme.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from harness.lab import Lab, NotebookPage, browser, chromium  # noqa: E402
from harness.waiting import wait_until  # noqa: E402

from colab_magics.emulator import Emulator  # noqa: E402
from colab_magics.settings import Settings  # noqa: E402
from colab_magics.storage.api import DriveAPI  # noqa: E402
from colab_magics.storage.tree import FOLDER  # noqa: E402

NOTEBOOK = ROOT / "example_notebooks" / "01_cell_on_drive_change.ipynb"
IMAGES = ROOT / "docs" / "images"
THEMES = {"": "JupyterLab Light", "_dark": "JupyterLab Dark"}
WIDTH, SCALE = 1010, 1.4
"""CSS pixels of the page, and pixels of the picture per CSS pixel."""
ONLY_THE_NOTEBOOK = """
    .jp-SideBar, #jp-bottom-panel, #jp-main-statusbar, .jp-Notebook-footer,
    .jp-cell-toolbar, .jp-Toolbar, .jp-Collapser { display: none !important; }
    .jp-Notebook { padding: 12px 16px !important; }
"""
FILES = ["%drive_ls data", "%drive_get data", "%drive_link data/labels.csv --share anyone"]
FROM, UNTIL = "The cell that runs again", "%%on_drive_change"


def call(url: str, method: str = "GET", body: bytes | None = None, kind: str = "") -> object:
    """One request of Drive's REST API."""
    headers = {"Authorization": "Bearer outsider", "Content-Type": kind or "application/json"}
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        data = answer.read()
        return json.loads(data) if "json" in answer.headers["Content-Type"] else data


def make_story(drive: str, text: str) -> str:
    """Make story/input1.txt; its id."""
    folder = {"name": "story", "mimeType": "application/vnd.google-apps.folder"}
    parent = call(f"{drive}drive/v3/files", "POST", json.dumps(folder).encode())
    meta = {"name": "input1.txt", "parents": [parent["id"]]}  # type: ignore[index]
    made = call(f"{drive}drive/v3/files", "POST", json.dumps(meta).encode())
    file_id: str = made["id"]  # type: ignore[index]
    change(drive, file_id, text)
    return file_id


def change(drive: str, file_id: str, text: str) -> None:
    """Write the file as a web application would."""
    url = f"{drive}upload/drive/v3/files/{file_id}?uploadType=media"
    call(url, "PATCH", text.encode(), "text/plain")


def result(drive: str) -> bool:
    """Whether the result is on the Drive."""
    query = urllib.parse.quote("name = 'output1.txt' and trashed = false")
    return bool(call(f"{drive}drive/v3/files?q={query}")["files"])  # type: ignore[index]


def take_change(theme: str, target: Path, folder: Path) -> None:
    """A cell that has run again because a file changed."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    numbers = [n for n, cell in enumerate(cells) if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    first = next(n for n, source in enumerate(sources) if source.startswith(FROM))
    watch = next(n for n, source in enumerate(sources) if source.startswith(UNTIL))
    with stage(theme, folder, NOTEBOOK.read_text()) as (emulator, page):
        story = make_story(emulator.url, "Once upon a time")
        for number in [n for n in numbers if n <= watch]:
            page.run(number)
        change(emulator.url, story, "One day the king went into the forest")
        page.wait_for_output(watch, "One day the king")
        wait_until(lambda: result(emulator.url), "the result on the Drive")
        page.wait_for_output(watch, "sent at")
        picture(page, first, watch, target)


def take_files(theme: str, target: Path, folder: Path) -> None:
    """A folder that is listed and fetched, and the link of a file."""
    lines = ["%load_ext colab_magics\n%drive_mount emulator", *FILES]
    with stage(theme, folder, notebook(lines)) as (emulator, page):
        fill(emulator.url)
        for number in (0, 1, 3):
            page.run(number)
        emulator.faults.add(query="alt=media", rate=2_000_000)
        page.start(2)
        page.wait_for_output(2, " left")
        picture(page, 1, 3, target)


def fill(drive: str) -> None:
    """Make a folder as somebody who trains has it."""
    api = DriveAPI(url=drive, settings=Settings())
    data = api.create("data", api.root_id(), mime_type=FOLDER)
    shards = api.create("shards", data.id, mime_type=FOLDER)
    for number in range(6):
        api.create(f"part-{number:02}.parquet", shards.id, os.urandom(2_100_000))
    api.create("labels.csv", data.id, b"id,label\n" * 31_000)
    api.create("résumé of runs.md", data.id, b"# Runs\n" * 700)
    document = "application/vnd.google-apps.document"
    api.create("Plan", data.id, b"Train, then sleep.", mime_type=document)
    api.close()


def notebook(lines: list[str]) -> str:
    """A notebook with these cells."""
    cells = [nbformat.v4.new_code_cell(line) for line in lines]
    return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))


@contextmanager
def stage(theme: str, folder: Path, text: str) -> Iterator[tuple[Emulator, NotebookPage]]:
    """A Drive, and a notebook that is open in JupyterLab."""
    emulator = Emulator(folder / "drive").start()
    environ = {"COLAB_MAGICS_EMULATOR_ROOT": str(folder / "drive")}
    lab = Lab(folder / "notebooks", env=environ, theme=theme).start()
    (lab.folder / "notebook.ipynb").write_text(text)
    view = {"width": WIDTH, "height": 1800}
    try:
        with browser(folder / "browser", viewport=view, device_scale_factor=SCALE) as context:
            yield emulator, NotebookPage(context.new_page(), lab, "notebook.ipynb").open()
    finally:
        lab.stop()
        emulator.stop()


def picture(page: NotebookPage, first: int, last: int, target: Path) -> None:
    """Take the cells from `first` to `last`, without what stands around them."""
    page.page.keyboard.press("Escape")
    page.page.add_style_tag(content=ONLY_THE_NOTEBOOK)
    page.page.mouse.move(0, 0)
    top, bottom = page.cell(first).bounding_box(), page.cell(last).bounding_box()
    assert top is not None
    assert bottom is not None
    area = {
        "x": bottom["x"] - 6,
        "y": top["y"] - 2,
        "width": bottom["width"] + 12,
        "height": bottom["y"] + bottom["height"] - top["y"] + 10,
    }
    page.page.screenshot(path=target, clip=area)  # type: ignore[arg-type]


def main() -> None:
    """Take every picture."""
    if chromium() is None:
        raise SystemExit("no chromium is installed: apt install chromium, or set CHROMIUM")
    IMAGES.mkdir(parents=True, exist_ok=True)
    scenes = {"cell_on_drive_change": take_change, "files_on_drive": take_files}
    for name, take in scenes.items():
        for suffix, theme in THEMES.items():
            with tempfile.TemporaryDirectory() as folder:
                target = IMAGES / f"{name}{suffix}.png"
                take(theme, target, Path(folder))
                print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
