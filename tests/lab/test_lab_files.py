"""Does a person see, in JupyterLab, how a transfer goes and what a folder holds?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from harness.lab import NotebookPage

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.tree import FOLDER

Open = Callable[..., NotebookPage]
LOAD = "%load_ext colab_magics\n%drive_mount {drive}"


@pytest.fixture
def slow(drive: Emulator) -> Iterator[Emulator]:
    """A Drive with a folder of three files that take some seconds to fetch."""
    api = DriveAPI(url=drive.url, settings=Settings())
    folder = api.create("big", api.root_id(), mime_type=FOLDER)
    for number in range(3):
        api.create(f"<i>{number}.bin", folder.id, bytes(900_000))
    api.close()
    drive.faults.add(query="alt=media", rate=300_000)
    yield drive
    drive.faults.clear()


@pytest.mark.timeout(180)
def test_a_transfer_is_one_card_from_its_bar_to_its_receipt(
    open_notebook: Open, slow: Emulator
) -> None:
    """In place, and kept in the saved notebook; the stop button leaves a card that says how on."""
    notebook = open_notebook(LOAD.format(drive=slow.url), "%drive_get big", "%drive_get big")
    notebook.run(0)
    notebook.start(1)
    moving = notebook.wait_for_output(1, "transfer")
    notebook.interrupt()
    stopped = notebook.wait_for_output(1, "interrupted; run it again")
    notebook.run(2, seconds=60)
    (done,) = notebook.outputs(2)
    saved = str(notebook.save("fetched")["cells"][2]["outputs"])

    assert len(moving) == 1
    assert "of 3" in moving[0]
    assert "so far" in stopped[0]
    assert "3 files" in done
    assert "fetched" in saved
    assert "transfer" not in saved


@pytest.mark.timeout(120)
def test_a_listing_is_a_table_of_texts(open_notebook: Open, slow: Emulator) -> None:
    """Names are read as they are, whatever they look like."""
    notebook = open_notebook(LOAD.format(drive=slow.url), "%drive_ls big", "%drive_ls big --tree")
    for number in range(3):
        notebook.run(number)

    assert "<i>0.bin" in notebook.outputs(1)[0]
    assert "900 kB" in notebook.outputs(1)[0]
    assert "3 entries · 2.7 MB" in notebook.outputs(1)[0]
    assert "└── <i>2.bin" in notebook.outputs(2)[0]
    assert notebook.cell(1).locator("td i").count() == 0
