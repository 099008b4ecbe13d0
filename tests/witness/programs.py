"""How do other people's programs come here? From the registry, into an environment of their own.

Nothing of them is part of this project, and nothing of this project is in that environment: their
entry points and ours would be in each other's way.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

# Taken from their source archives, which have their tests.
SUITES = {"gdrive_fsspec": "gdrive-fsspec==0.4.1", "pydrive2": "PyDrive2==1.21.3"}
OTHERS = (
    "PySocks",  # httplib2 knows no proxy without it
    "appdirs",  # PyDrive2's filesystem
    "funcy<2",  # the suite imports a module of the old one
    "pytest",
    "pytest-mock",
    "timeout-decorator",
    "tqdm",
)
_OFFLINE = re.compile(
    r"connection broken by|Could not fetch URL|Max retries exceeded|Read timed out", re.IGNORECASE
)


class Offline(Exception):
    """The package registry does not answer."""


@dataclass(frozen=True)
class Programs:
    """Where they are.

    Attributes:
        python: The interpreter of their environment.
        sources: The folder of each suite's source, by the name of its package.
    """

    python: Path
    sources: dict[str, Path]


def fetch(cache: Path) -> Programs:
    """Return the programs, from the cache if they are there.

    Raises:
        Offline: They are not there, and the registry can not be reached.
    """
    wanted = hashlib.sha256(
        "\n".join((sys.version, *SUITES.values(), *OTHERS)).encode()
    ).hexdigest()[:16]
    home = cache / wanted
    if not home.exists():
        unfinished = cache / f"{wanted}-{os.getpid()}"
        try:
            _install(unfinished)
            # Another run may have been quicker.
            if not home.exists():
                unfinished.rename(home)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    sources = {name: next(home.glob(f"{name}-*/")) for name in SUITES}
    return Programs(home / "env" / "bin" / "python", sources)


def _install(home: Path) -> None:
    venv.create(home / "env", with_pip=True)
    names = ",".join(suite.partition("==")[0] for suite in SUITES.values())
    places = ("--dest", home, "--no-deps", f"--no-binary={names}")
    _pip(home, "download", *places, *SUITES.values())
    for archive in home.glob("*.tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(home, filter="data")
        archive.rename(home / archive.name.lower())
    _pip(home, "install", *home.glob("*.tar.gz"), *OTHERS)


def _pip(home: Path, *words: str | Path) -> None:
    command = [home / "env" / "bin" / "python", "-m", "pip", "--timeout=15", "--retries=1", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and _OFFLINE.search(done.stdout + done.stderr):
        raise Offline("the package registry can not be reached")
    if done.returncode:
        raise RuntimeError(f"pip {words[0]} failed\n{done.stdout}\n{done.stderr}")
