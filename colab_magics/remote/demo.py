"""What does the main job look like? Runs the first example notebook, and is the outsider to it."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colab_magics.clock import spell
from colab_magics.errors import MissingExtra, PlaceNotFound
from colab_magics.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from colab_magics.storage.api import DriveAPI

NOTEBOOK = "01_cell_on_drive_change.ipynb"
_SEEDS = (
    "The king went into the forest\n",
    "A ship came over the sea\n",
    "In the night the moon\n",
)
_PATIENCE = 60.0


@dataclass
class Round:
    """One write by the outsider, and what came of it; times are seconds since the epoch."""

    seed: str
    written: float
    ran: float = 0.0
    shown: str = ""
    reply: str = ""
    replied: float = 0.0


@dataclass
class _Watcher:
    """What the running notebook puts out, as it comes."""

    serving: threading.Event = field(default_factory=threading.Event)
    began: list[float] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def see(self, message: dict[str, Any]) -> None:
        content, kind = message["content"], message["msg_type"]
        data = content.get("data", {}).get("text/plain", "")
        with self.changed:
            if kind == "display_data" and "%drive_serve" in data:
                self.serving.set()
            elif kind == "display_data" and data.startswith("▶"):
                self.began.append(_seconds(message["header"]["date"]))
            elif kind == "stream" and self.began:
                self.text.append(content["text"])
            self.changed.notify_all()

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        with self.changed:
            if not self.changed.wait_for(ready, _PATIENCE):
                raise TimeoutError(f"{what} did not come within {_PATIENCE:.0f} s")


def _seconds(date: Any) -> float:
    when = date if isinstance(date, datetime) else datetime.fromisoformat(date)
    return when.timestamp()


def run_demo() -> int:
    """Run the notebook in a real kernel and change its file from outside; 0 when all came back."""
    from rich.console import Console
    from rich.panel import Panel

    console = Console(highlight=False)
    with _stage() as (folder, emulator):
        console.print(f"[bold]1[/] a Drive is at {emulator.url} (open it in a browser)")
        console.print(f"[bold]2[/] {NOTEBOOK} starts in a kernel of its own ...")
        watcher = _Watcher()
        outcome: list[BaseException | None] = []
        thread = threading.Thread(
            target=_execute, args=(folder / NOTEBOOK, watcher, outcome), name="colab_magics-demo"
        )
        thread.start()
        while not watcher.serving.wait(0.1):
            if outcome and outcome[0] is not None:
                raise outcome[0]
        console.print("  its cell [bold]%%on_drive_change story/input1.txt[/] waits for the file")
        rounds = []
        for number, seed in enumerate(_SEEDS, 1):
            done = _round(emulator.url, watcher, number, seed)
            rounds.append(done)
            console.print(f"[bold]3.{number}[/] an outsider writes story/input1.txt")
            console.print(Panel(done.shown.strip(), title="the cell's new output"))
            console.print(Panel(done.reply.strip(), title="story/output1.txt came back"))
        thread.join(_PATIENCE)
        console.print(_summary(rounds))
        if outcome and outcome[0] is not None:
            raise outcome[0]
    return 0


def _round(url: str, watcher: _Watcher, number: int, seed: str) -> Round:
    """Be the outsider once: write, then wait for the run and for the file that comes back."""
    api = _outsider(url)
    folder = api.find(api.root_id(), "story")[0]
    before = {node.revision for node in api.find(folder.id, "output1.txt")}
    api.update(api.find(folder.id, "input1.txt")[0].id, seed.encode())
    done = Round(seed, time.time())
    watcher.wait(lambda: len(watcher.began) >= number, "the run")
    done.ran = watcher.began[number - 1]
    end = time.monotonic() + _PATIENCE
    pause = threading.Event()
    while not done.reply:
        for node in api.find(folder.id, "output1.txt"):
            if node.revision not in before and node.modified is not None:
                done.replied = node.modified.timestamp()
                done.reply = _content(api, node.id)
        if time.monotonic() > end:
            raise TimeoutError(f"story/output1.txt did not come within {_PATIENCE:.0f} s")
        pause.wait(0.05)
    watcher.wait(lambda: seed.strip() in "".join(watcher.text), "the cell's output")
    done.shown, watcher.text[:] = "".join(watcher.text), []
    return done


def _content(api: DriveAPI, file_id: str) -> str:
    import io

    target = io.BytesIO()
    api.download(file_id, target)
    return target.getvalue().decode()


def _outsider(url: str) -> DriveAPI:
    from colab_magics.storage.api import DriveAPI

    return DriveAPI(url=url, settings=Settings.load())


def _summary(rounds: list[Round]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title="Delays", title_justify="left")
    for header in ("written", "write to run", "run to result", "write to result"):
        table.add_column(header, justify="left" if header == "written" else "right")
    for one in rounds:
        table.add_row(
            one.seed.strip(),
            spell(max(0.0, one.ran - one.written)),
            spell(max(0.0, one.replied - one.ran)),
            spell(max(0.0, one.replied - one.written)),
        )
    return table


def _execute(path: Path, watcher: _Watcher, outcome: list[BaseException | None]) -> None:
    import nbformat as formats
    from nbclient import NotebookClient

    class Client(NotebookClient):
        def process_message(self, msg: Any, *args: Any, **kwargs: Any) -> Any:
            watcher.see(msg)
            return super().process_message(msg, *args, **kwargs)

    try:
        nbformat: Any = formats
        book = nbformat.read(path, as_version=4)
        client = Client(
            book, timeout=120, kernel_name="python3", resources={"metadata": {"path": path.parent}}
        )
        client.execute(stderr=subprocess.DEVNULL)  # a kernel's own warnings are no part of this
        nbformat.write(book, path)
        outcome.append(None)
    except BaseException as exc:
        outcome.append(exc)
        watcher.serving.set()


@contextmanager
def _stage() -> Iterator[tuple[Path, Any]]:
    """A folder with the notebook in it, and a Drive that the notebook's kernel finds."""
    for module, extra in (("nbclient", "demo"), ("ipykernel", "demo")):
        _require(module, extra)
    from colab_magics.emulator import Emulator

    folder = Path(tempfile.mkdtemp(prefix="colab_magics-demo-"))
    os.environ["COLAB_MAGICS_EMULATOR_ROOT"] = str(folder / "drive")
    shutil.copy(notebook_path(), folder / NOTEBOOK)
    try:
        with Emulator(folder / "drive") as emulator:
            api = _outsider(emulator.url)
            story = api.create("story", api.root_id(), mime_type=_folder_type())
            api.create("input1.txt", story.id, b"Once upon a time\n", mime_type="text/plain")
            yield folder, emulator
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder_type() -> str:
    from colab_magics.storage.tree import FOLDER

    return FOLDER


def run_lab(*, port: int, browser: bool) -> int:
    """Open JupyterLab on the notebook, beside a Drive to play with, until interrupted."""
    _require("jupyterlab", "lab")
    token = secrets.token_urlsafe(24)
    port = _free(port)
    with _stage() as (folder, emulator):
        print(f"JupyterLab  http://127.0.0.1:{port}/lab/tree/{NOTEBOOK}?token={token}")
        print(f"the Drive   {emulator.url}  (open it in a second tab)")
        print("what to try:")
        print(
            "  1. in JupyterLab, run all cells but the last; the one with %%on_drive_change waits"
        )
        print("  2. in the Drive, open story/input1.txt, change it and save it")
        print("  3. the cell runs again by itself, and story/output1.txt appears in the Drive")
        print(
            f"or change the file by: colab-magics put FILE story/input1.txt --drive {emulator.url}"
        )
        print("Ctrl+C twice ends it all", flush=True)
        command = [sys.executable, "-m", "jupyterlab", str(folder / NOTEBOOK), "--log-level=ERROR"]
        command += [f"--port={port}", "--ServerApp.port_retries=0"]
        command += [] if browser else ["--no-browser"]
        command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        environ = {
            **os.environ,
            "JUPYTER_TOKEN": token,
        }  # not among the arguments: all can see those
        process = subprocess.Popen(command, cwd=folder, env=environ)
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            return 0


def _free(port: int) -> int:
    """That port of this machine, or another one if it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        taken: int = probe.getsockname()[1]
        return taken


def _require(module: str, extra: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtra(f"{module} is not installed; run: pip install 'colab_magics[{extra}]'")


def notebook_path() -> Path:
    """Where the example notebook is: in a checkout, or among the installed data files."""
    near = Path(__file__).parents[2] / "example_notebooks" / NOTEBOOK
    if near.exists():
        return near
    try:
        for entry in files("colab_magics") or []:
            if entry.name == NOTEBOOK:
                return Path(str(entry.locate()))
    except PackageNotFoundError:
        pass
    raise PlaceNotFound(f"{NOTEBOOK} was not installed; run the demo from a checkout")
