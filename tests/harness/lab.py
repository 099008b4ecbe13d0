"""Open a notebook in a real JupyterLab in a real browser, run its cells, read what is seen."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.kernel import free_ports
from harness.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

BROWSER_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "notebook-extension/tracker": {
        "autoStartDefaultKernel": True,  # no question about the kernel on a slow machine
        "windowingMode": "none",  # cells out of sight exist too
    },
}


def chromium() -> str | None:
    """Path of the browser: $CHROMIUM, or the system's; None when there is none."""
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


class Lab:
    """A JupyterLab of this very Python, with settings and folders of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        kernel_args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        theme: str = "JupyterLab Light",
    ) -> None:
        """Prepare; `start` starts it.

        Args:
            folder: where the notebooks are.
            kernel_args: further arguments of the kernel's command.
            env: variables on top of this process's own.
            theme: JupyterLab's name of it.
        """
        self.folder = folder
        self.private = Path(f"{folder}.lab")
        self.log = self.private / "log.txt"
        self.token = secrets.token_hex(16)
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_kernelspec(kernel_args)
        for name, values in SETTINGS.items():
            self._write_settings(name, values)
        self._write_settings("apputils-extension/themes", {"theme": theme})
        (self.port,) = free_ports(1)

    def _write_kernelspec(self, kernel_args: Sequence[str]) -> None:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {
            "argv": [*command, *kernel_args],
            "display_name": "Python 3",
            "language": "python",
        }
        path = self.private / "data" / "kernels" / "python3" / "kernel.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(spec))

    def _write_settings(self, name: str, values: Mapping[str, object]) -> None:
        path = self.private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def start(self) -> Lab:
        """Start the server and wait until it answers."""
        environ = {
            **os.environ,
            "IPYTHONDIR": str(self.private / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.private / "config"),
            "JUPYTER_PREFER_ENV_PATH": "0",  # our kernel, not that of the environment
            "JUPYTER_DATA_DIR": str(self.private / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.private / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.private / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.private / "workspaces"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **self._env,
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}"]
        command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.folder}"]
        command += [f"--IdentityProvider.token={self.token}", "--LabApp.collaborative=False"]
        command += ["--LabApp.expose_app_in_browser=True"]  # for `wait_for_kernel`
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, "JupyterLab to answer", seconds=60)
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"JupyterLab did not start:\n{self.log.read_text()[-4000:]}")
        try:
            self.call("GET", "/api/status")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def call(self, method: str, path: str) -> Any:
        """One request of the server's REST API."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            data = answer.read()
        return json.loads(data) if data else None

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """Write a notebook of code cells."""
        content = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for number, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def address(self, name: str) -> str:
        """Where the browser finds a notebook, alone on its page."""
        return f"http://127.0.0.1:{self.port}/doc/tree/{name}?token={self.token}&reset"

    def end_kernels(self) -> None:
        """End every running notebook's kernel."""
        for session in self.call("GET", "/api/sessions"):
            self.call("DELETE", f"/api/sessions/{session['id']}")

    def stop(self) -> None:
        """End the server and its kernels."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.end_kernels()
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)


@contextmanager
def browser(user_data: Path, **options: Any) -> Iterator[BrowserContext]:
    """A headless Chromium with a profile of its own.

    Args:
        options: of playwright's ``launch_persistent_context``.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(user_data),
            executable_path=chromium(),
            headless=True,
            args=BROWSER_ARGUMENTS,
            **options,
        )
        yield context
        context.close()


class NotebookPage:
    """A notebook on a page, as a person sees it."""

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page, self.lab, self.name = page, lab, name

    def open(self) -> NotebookPage:
        """Open the notebook and wait until its kernel is ready."""
        self.page.goto(self.lab.address(self.name))
        self.wait_for_kernel()
        return self

    def reload(self) -> None:
        """Reload the page, as a person does who lost the connection."""
        self.page.reload()
        self.wait_for_kernel()

    def wait_for_kernel(self, *, seconds: float = 60.0) -> None:
        """Wait until the page is connected to an idle kernel.

        The page's own indicator says "idle" before that, and a cell that is started then gets a
        kernel of its own: JupyterLab ends the one it was about to connect to.
        """
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=seconds * 1000)
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
                const kernel = context?.isReady && context.session?.kernel;
                return kernel?.connectionStatus === "connected" && kernel.status === "idle";
            }""",
            timeout=seconds * 1000,
        )

    def cell(self, number: int) -> Locator:
        """A cell, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def start(self, number: int) -> None:
        """Put a cell into the kernel's queue, without waiting for it."""
        before = self.prompt(number)
        for _ in range(10):
            if dialogs := self.page.locator(".jp-Dialog-content").all_inner_texts():
                raise AssertionError(f"a dialog is in the way: {dialogs[0]!r}")
            self.cell(number).locator(".cm-content").first.click()
            self.page.keyboard.press("Control+Enter")
            # A page that is still loading takes the focus away, and the keys go nowhere.
            try:
                wait_until(lambda: self.prompt(number) != before, "", seconds=2.0)
            except AssertionError:
                continue
            return
        raise AssertionError(f"cell {number} can not be started; it shows {before}")

    def run(self, number: int, *, seconds: float = 30.0) -> None:
        """Run a cell to its end."""
        self.start(number)
        self.wait_for_prompt(number, seconds=seconds)

    def wait_for_prompt(self, number: int, *, seconds: float = 30.0) -> None:
        """Wait until a cell has ended: its prompt shows a number, no star."""
        wait_until(
            lambda: self.prompt(number).strip("[]: ").isdigit(),
            f"cell {number} to end; it shows {self.outputs(number)}",
            seconds=seconds,
        )

    def prompt(self, number: int) -> str:
        """The prompt beside a cell, such as ``[2]:`` or ``[*]:``."""
        return self.cell(number).locator(".jp-InputPrompt").first.inner_text().strip()

    def outputs(self, number: int) -> list[str]:
        """What a person reads under a cell, output by output; a picture is ``<image>``."""
        seen: list[str] = self.cell(number).evaluate(
            """cell => [...cell.querySelectorAll(".jp-OutputArea-output")].map(
                output => output.querySelector("img") ? "<image>" : output.innerText.trim())"""
        )
        return seen

    def wait_for_output(self, number: int, text: str, *, seconds: float = 30.0) -> list[str]:
        """Wait until a text can be read under a cell; all its outputs then."""

        def look() -> list[str] | None:
            outputs = self.outputs(number)
            return outputs if any(text in output for output in outputs) else None

        return wait_until(look, f"{text!r} under cell {number}", seconds=seconds) or []

    def interrupt(self) -> None:
        """Press the stop button of the toolbar."""
        self.page.locator('[data-jp-item-name="interrupt"] jp-button').click()

    def save(self, containing: str) -> dict[str, Any]:
        """Save the notebook and wait until its file contains a text; the file's content."""
        self.page.keyboard.press("Control+s")
        path = self.lab.folder / self.name
        wait_until(lambda: containing in path.read_text(), f"{containing!r} in {path.name}")
        content: dict[str, Any] = json.loads(path.read_text())
        return content
