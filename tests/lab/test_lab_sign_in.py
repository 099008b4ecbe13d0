"""Does a person sign in from a real JupyterLab, and leave no secret in the notebook?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.lab import NotebookPage

from colab_magics.emulator import Emulator

Open = Callable[..., NotebookPage]

LOAD = """
import os
os.environ["COLAB_MAGICS_CREDENTIALS_DIR"] = {config!r}
%load_ext colab_magics
"""


def kept(tmp_path: Path) -> dict[str, Any]:
    """The sign-in that was kept."""
    (path,) = (tmp_path / "config").glob("token*.json")
    info: dict[str, Any] = json.loads(path.read_text())
    return info


@pytest.mark.timeout(180)
def test_a_click_signs_in(
    open_notebook: Open, strict: Emulator, client_file: Path, tmp_path: Path
) -> None:
    """The link under the cell, Allow on the consent page, back to a plain page; the cell ends."""
    notebook = open_notebook(
        LOAD.format(config=str(tmp_path / "config")),
        f"%drive_auth --client-secrets {client_file} --no-browser",
        f"%drive_mount {strict.url}",
    )
    notebook.run(0)
    notebook.start(1)
    notebook.wait_for_output(1, "this cell goes on by itself")
    with notebook.page.context.expect_page() as opened:
        notebook.cell(1).locator("a").click()
    tab = opened.value
    tab.get_by_role("button", name="Allow").click()
    tab.get_by_text("You can close this tab.").wait_for()
    assert tab.evaluate("window.opener") is None
    tab.close()
    notebook.wait_for_prompt(1)
    assert "user@drive.emulator" in " ".join(notebook.outputs(1))
    notebook.run(2)
    assert "attached" in " ".join(notebook.outputs(2))

    saved = str(notebook.save("signed in")["cells"])
    info = kept(tmp_path)
    for secret in (info["refresh_token"], info["client_secret"], "/o/oauth2/v2/auth?"):
        assert secret not in saved


@pytest.mark.timeout(180)
def test_a_pasted_address_is_not_in_the_notebook(
    open_notebook: Open, client_file: Path, tmp_path: Path
) -> None:
    """The next page does not load, but its address is there; the field shows dots."""
    notebook = open_notebook(
        LOAD.format(config=str(tmp_path / "config")),
        f"%drive_auth --client-secrets {client_file} --paste",
    )
    notebook.run(0)
    notebook.start(1)
    notebook.wait_for_output(1, "copy the whole address")
    with notebook.page.context.expect_page() as opened:
        notebook.cell(1).locator("a").click()
    tab = opened.value
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.url))
    with tab.expect_event("requestfailed"):
        tab.get_by_role("button", name="Allow").click()
    address = sent[-1]
    tab.close()
    field = notebook.cell(1).locator("input.jp-Stdin-input")
    assert field.get_attribute("type") == "password"
    field.fill(address)
    field.press("Enter")
    notebook.wait_for_prompt(1)
    assert "user@drive.emulator" in " ".join(notebook.outputs(1))

    notebook.cell(1).locator(".cm-content").first.click()  # the field took the focus with it
    saved = str(notebook.save("signed in")["cells"])
    code = parse_qs(urlsplit(address).query)["code"][-1]
    assert len(code) > 20
    assert code not in saved
    assert kept(tmp_path)["refresh_token"] not in saved
