"""The fixtures of all tests: a real kernel, a real shell, a Drive."""

from __future__ import annotations

import atexit
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.kernel import KERNELS, Kernel

if TYPE_CHECKING:
    from harness.certificates import Certificates
    from IPython.core.interactiveshell import InteractiveShell

    from colab_magics.emulator import Emulator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show a failed test what its kernels published and wrote to stderr, and what a page showed."""
    report = yield
    if report.failed and report.when == "call":
        for kernel in getattr(item, "kernels", ()):
            report.sections.append(("messages of the kernel", kernel.story()))
            report.sections.append(("stderr of the kernel", kernel.stderr()[-8000:]))
        for page in getattr(item, "pages", ()):
            path = Path(tempfile.gettempdir(), f"{item.name}.png")
            page.screenshot(path=path)
            report.sections.append(("picture of the page", str(path)))
    return report


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves a record of its uploads with this machine's user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own_state"))


@pytest.fixture
def start_kernel(
    request: pytest.FixtureRequest, tmp_path: Path, kernel_class: str
) -> Iterator[Callable[..., Kernel]]:
    """Start kernels, each in a folder of its own; all end with the test."""
    kernels: list[Kernel] = []
    request.node.kernels = kernels

    def start(**env: str) -> Kernel:
        folder = tmp_path / f"kernel{len(kernels) or ''}"
        kernels.append(Kernel(folder, kernel_args=KERNELS[kernel_class], env=env))
        return kernels[-1].start()

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture(scope="session", params=sorted(KERNELS, reverse=True))
def kernel_class(request: pytest.FixtureRequest) -> str:
    """Which kernel class runs: ipykernel's own, and Colab's where it can be had."""
    name: str = request.param
    return name


@pytest.fixture
def bare_kernel(start_kernel: Callable[..., Kernel]) -> Kernel:
    """A kernel in which nothing has run yet."""
    return start_kernel()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that serves as the drive, with one file in it."""
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.txt").write_text("0")
    return path


@pytest.fixture
def kernel(bare_kernel: Kernel, folder: Path) -> Kernel:
    """A kernel with colab_magics loaded and `folder` attached as the drive."""
    bare_kernel.run(f"%load_ext colab_magics\n%drive_mount {folder}")
    return bare_kernel


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Emulator]:
    """A Google Drive in this process, over HTTP."""
    from colab_magics.emulator import Emulator

    emulator = Emulator(tmp_path / "emulator")
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Emulator]:
    """A Drive that demands a live token."""
    from colab_magics.emulator import Emulator

    with Emulator(tmp_path / "strict", require_auth=True) as emulator:
        yield emulator


@pytest.fixture
def client_file(strict: Emulator, tmp_path: Path) -> Path:
    """What Google's console lets one download, for `strict`."""
    path = tmp_path / "client.json"
    path.write_text(json.dumps(strict.client_secrets()))
    return path


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate for Google's names and this machine's, and the authority behind it."""
    from harness.certificates import issue

    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A real IPython shell in this process; `shell.display_pub.outputs` has what it displayed."""
    from IPython import version_info
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor" if version_info[0] < 9 else "nocolor"
    InteractiveShell.clear_instance()
    one = InteractiveShell.instance(config=config)
    one.display_pub = CapturingDisplayPublisher(shell=one, parent=one)
    yield one
    atexit.unregister(one.atexit_operations)  # hundreds of them took a minute when all tests end
    one.atexit_operations()
    InteractiveShell.clear_instance()
