"""Every check of this project, each in a fresh environment: `nox`, or one: `nox -s types`."""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = [
    "lint",
    "layers",
    "types",
    "tests-newest",
    "tests-colab",
    "colab-unchanged",
    "tests-3.11",
    "without-extras",
    "notebooks",
]
DEV = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "dev")
COLAB = "tests/colab_constraints.txt"
TORCH = "torch==2.13.0"
# The main suite runs these; neither IPython nor the Python matters to them. Other people's programs
# have their own, and the rest talks to the embedded Drive, the disk and the kernel of this machine.
ELSEWHERE = (
    "-m",
    "not third_party",
    "--ignore=tests/emulator",
    "--ignore=tests/storage/faults",
    "--ignore=tests/storage/fuse",
    "--ignore=tests/storage/transfers/test_unfinished.py",
)
TWO = ("-n", "2", "--dist", "loadfile")  # pytest-xdist: kernels mostly wait
SHELL = "%load_ext colab_magics\n%drive_mount example_notebooks\n%drive_ls\n%watches"


def tool(name: str) -> str:
    """The requirement of a development tool, with its floor."""
    return next(line for line in DEV if line.startswith(name))


@nox.session
def lint(session: nox.Session) -> None:
    """Style: ruff's rules, and ruff's format."""
    session.install(tool("ruff"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def layers(session: nox.Session) -> None:
    """Imports point down: the contracts in setup.cfg."""
    session.install(tool("import-linter"))
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Types: mypy, strict."""
    session.install("-e", ".[test]", tool("mypy"), tool("types-requests"))
    session.run("mypy")


@nox.session(name="tests-newest")
def tests_newest(session: nox.Session) -> None:
    """The tests on the newest of everything."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(name="tests-colab")
def tests_colab(session: nox.Session) -> None:
    """The tests on what Google Colab ships, but for those that no version of Jupyter matters to."""
    session.install("-e", ".[test]", "pytest-xdist", "-c", COLAB)
    session.run("pytest", *TWO, *ELSEWHERE, *session.posargs)


@nox.session(name="colab-unchanged")
def colab_unchanged(session: nox.Session) -> None:
    """Installing this package into Colab's set changes nothing that is there."""
    session.install("pip", "-r", COLAB)
    before = _freeze(session)
    session.run("python", "-m", "pip", "install", ".")
    after = _freeze(session)
    if lost := before - after:
        session.error(f"pip replaced {', '.join(sorted(lost))}")
    session.log(f"pip added {', '.join(sorted(after - before))}")


def _freeze(session: nox.Session) -> set[str]:
    listed = session.run("python", "-m", "pip", "list", "--format=freeze", silent=True)
    return set(str(listed).split())


@nox.session(name="tests-3.11", python="3.11")
def tests_oldest(session: nox.Session) -> None:
    """The tests that need no browser, and one file of those that need a kernel, on Python 3.11."""
    session.install("-e", ".[test]", "pip", "pytest-xdist")
    # For torch.save and torch.load on gdrive://; pip knows of CPU builds that uv does not look for.
    session.run("python", "-m", "pip", "install", "-q", TORCH)
    chosen = ("--ignore=tests/lab", "-k", "not kernel or outputs")
    session.run("pytest", *TWO, *ELSEWHERE, *chosen, *session.posargs)


@nox.session(name="without-extras")
def without_extras(session: nox.Session) -> None:
    """The bare package loads and lists a folder in a plain IPython, without Jupyter."""
    session.install(".")
    session.run("python", "-W", "error", "-c", "import colab_magics")
    session.run("ipython", "--no-banner", "--colors=NoColor", "-c", SHELL)


@nox.session
def notebooks(session: nox.Session) -> None:
    """The example notebook does what it shows, by the README's first command."""
    session.install(".[demo]")
    session.chdir(Path(session.create_tmp()))
    session.run("colab-magics", "demo")
