"""What came of a run of somebody else's test suite?"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from witness.world import World


def counts_of(world: World, python: Path, source: Path, *words: str, **environ: str) -> str:
    """Run pytest in the source of a suite; return pytest's counts, as `29 tests, 0 failures, …`.

    Args:
        world: Where it runs.
        python: The interpreter that has the suite's package.
        source: The folder of its source, where its own configuration of pytest is.
        words: More arguments for pytest.
        environ: What its authors have it told by the environment.
    """
    report = world.home / "report.xml"
    command = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}")
    world.run(*command, *words, cwd=source, PYTHONDONTWRITEBYTECODE="1", **environ)
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    names = ("tests", "failures", "errors", "skipped")
    return ", ".join(f"{suite.attrib[name]} {name}" for name in names)
