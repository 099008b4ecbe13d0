"""Make the pictures of the README: a cell in JupyterLab that ran because a file changed on Drive.

Needs chromium and `pip install -e '.[test]'`; run it from anywhere:

    python docs/screenshot.py

It opens the first example notebook on a Drive of its own, runs it, changes the file as an outsider
through the REST API, waits for the output and the result, and takes one picture in the light and
one in the dark theme.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from harness.lab import Lab, NotebookPage, browser, chromium  # noqa: E402
from harness.waiting import wait_until  # noqa: E402

from colab_magics.emulator import Emulator  # noqa: E402

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


def take(theme: str, target: Path, folder: Path) -> None:
    """Play the scene and take one picture of it."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    numbers = [n for n, cell in enumerate(cells) if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    first = next(n for n, source in enumerate(sources) if source.startswith(FROM))
    watch = next(n for n, source in enumerate(sources) if source.startswith(UNTIL))
    emulator = Emulator(folder / "drive").start()
    environ = {"COLAB_MAGICS_EMULATOR_ROOT": str(folder / "drive")}
    lab = Lab(folder / "notebooks", env=environ, theme=theme).start()
    (lab.folder / NOTEBOOK.name).write_text(NOTEBOOK.read_text())
    try:
        story = make_story(emulator.url, "Once upon a time")
        view = {"width": WIDTH, "height": 1800}
        with browser(folder / "browser", viewport=view, device_scale_factor=SCALE) as context:
            page = NotebookPage(context.new_page(), lab, NOTEBOOK.name).open()
            for number in [n for n in numbers if n <= watch]:
                page.run(number)
            change(emulator.url, story, "One day the king went into the forest")
            page.wait_for_output(watch, "One day the king")
            wait_until(lambda: result(emulator.url), "the result on the Drive")
            page.wait_for_output(watch, "sent at")
            page.page.keyboard.press("Escape")
            page.page.add_style_tag(content=ONLY_THE_NOTEBOOK)
            page.page.mouse.move(0, 0)
            top, bottom = page.cell(first).bounding_box(), page.cell(watch).bounding_box()
            assert top is not None
            assert bottom is not None
            area = {
                "x": bottom["x"] - 6,
                "y": top["y"] - 2,
                "width": bottom["width"] + 12,
                "height": bottom["y"] + bottom["height"] - top["y"] + 10,
            }
            page.page.screenshot(path=target, clip=area)  # type: ignore[arg-type]
    finally:
        lab.stop()
        emulator.stop()


def main() -> None:
    """Take every picture."""
    if chromium() is None:
        raise SystemExit("no chromium is installed: apt install chromium, or set CHROMIUM")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for suffix, theme in THEMES.items():
        with tempfile.TemporaryDirectory() as folder:
            target = IMAGES / f"cell_on_drive_change{suffix}.png"
            take(theme, target, Path(folder))
            print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
