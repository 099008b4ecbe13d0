"""A JupyterLab and a browser for the tests of this folder, or a reason why not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.lab import Lab, NotebookPage, browser, chromium


def missing() -> str:
    """What keeps these tests from running here; empty when nothing does."""
    for package in ("jupyterlab", "playwright"):
        if not importlib.util.find_spec(package):
            return f"{package} is not installed: pip install 'colab_magics[test]'"
    if chromium() is None:
        return "no chromium is installed: apt install chromium, or set CHROMIUM to its path"
    return ""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab."""
    if reason := missing():
        pytest.skip(reason)
    server = Lab(tmp_path_factory.mktemp("lab") / "notebooks").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def context(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A running browser."""
    size = {"width": 1300, "height": 1600}
    with browser(tmp_path_factory.mktemp("chromium"), viewport=size) as one:
        yield one


@pytest.fixture
def open_notebook(
    lab: Lab, context: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """Write a notebook of the given cells and open it in the browser."""
    page = context.new_page()
    request.node.pages = [page]
    name = f"{request.node.name}.ipynb".replace("[", "-").replace("]", "")

    def open_it(*cells: str) -> NotebookPage:
        lab.write(name, cells)
        return NotebookPage(page, lab, name).open()

    yield open_it
    page.close()
    lab.end_kernels()
