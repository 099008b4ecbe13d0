"""Was anything lost, doubled, damaged or left half done?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from harness.waiting import wait_until
from storage.faults.scenarios import Scenario
from storage.faults.stage import File, Stage, Tree, md5

from colab_magics.errors import ColabMagicsError, PlaceNotFound

REAL_SECONDS = 10.0
WAITED_SECONDS = 300.0
"""Deadlines of one action: by the wall, and by what its waits between tries add up to."""
_SECRET = re.compile(r"https?://|upload_id|ya29|refresh|Bearer|AEnB2U")


class Wrong(AssertionError):
    """Something that may not be."""


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


def judge_success(stage: Stage, scenario: Scenario, result: Any, *, first: bool = True) -> None:
    """The action said that it went well: all of it is there, once, and nothing else is.

    Args:
        first: whether nothing was tried before; what was begun then is kept on record for a week.
    """
    files = stage.truth.files()
    living = once_each(files)
    expect_same(living, scenario.after)
    trashed = Counter((file.path, file.md5) for file in files if file.trashed)
    wanted = Counter((path, hash_of(content)) for path, content in scenario.trash.items())
    expect(trashed == wanted, f"the trash holds {sorted(trashed)}, not {sorted(wanted)}")
    for path, was in scenario.keeps.items():
        expect(living[path].id == stage.ids[was], f"{path!r} has another id than {was!r} had")
    arrives = scenario.local if scenario.arrives is None else scenario.arrives
    expect(on_disk(stage.local) == hashes(arrives), f"on disk: {sorted(on_disk(stage.local))}")
    kept = on_disk(stage.state)
    expect(not (first and kept), f"left in the state folder: {sorted(kept)}")
    judge_view(stage, scenario, living)
    scenario.result(stage, result)


def judge_failure(stage: Stage, scenario: Scenario, error: BaseException) -> None:
    """The action said that it failed: each file is whole, as it was or as it was to be."""
    judge_error(error)
    files = stage.truth.files()
    living = once_each(files, scenario.unsettled)
    for path, file in living.items():
        states = [tree[path] for tree in (scenario.before, scenario.after) if path in tree]
        expect(any(file.holds(state) for state in states), f"{path!r} is neither old nor new")
    for path in set(scenario.before) & set(scenario.after) - scenario.unsettled:
        expect(path in living, f"{path!r} is lost")
    kept = {file.id for file in files}
    for path in scenario.before:
        expect(stage.ids[path] in kept, f"{path!r} is gone, past the trash")
    for file in files:
        if file.trashed:
            expect(file.path in scenario.trash, f"{file.path!r} was trashed")
    fresh = scenario.local if scenario.arrives is None else scenario.arrives
    old, new = hashes(scenario.local), hashes(fresh)
    for name, found in on_disk(stage.local).items():
        if ".part" not in name:  # what a download that was broken off goes on with
            expect(found in (old.get(name), new.get(name)), f"{name!r} on disk is a third thing")
    expect(set(old) <= set(on_disk(stage.local)), "a file on this machine is lost")
    judge_view(stage, scenario, living)


def judge_error(error: BaseException) -> None:
    """It is one of ours, one line, and tells no secret."""
    expect(isinstance(error, ColabMagicsError), f"{type(error).__name__} is none of our errors")
    text = str(error)
    expect(text != "" and "\n" not in text, f"no single line: {text!r}")
    expect(not _SECRET.search(text + repr(vars(error))), f"tells too much: {text!r}")


def judge_view(stage: Stage, scenario: Scenario, living: Mapping[str, File]) -> None:
    """The filesystem that acted sees what is there: first what it remembers, then what it asks."""
    stage.drive.faults.clear()
    stage.drive.quota.reset()
    for path in sorted({*scenario.before, *scenario.after} - scenario.unsettled):
        try:
            seen = stage.fs.info(path)["id"]
        except PlaceNotFound:
            seen = None
        there = living[path].id if path in living else None
        expect(seen == there, f"info of {path!r} says {seen}, not {there}")
    found = stage.fs.find("", withdirs=True, detail=True)
    seen_files = {path: (info["id"], info["md5"]) for path, info in found.items() if path}
    truth = {path: (file.id, file.md5) for path, file in living.items()}
    for path in scenario.unsettled & set(truth):
        truth[path] = seen_files.get(path, truth[path])
    expect(seen_files == truth, f"the filesystem sees {seen_files}, not {truth}")


def judge_end(stage: Stage) -> None:
    """Nothing of the client is left running."""
    stage.close()
    wait_until(lambda: not stage.strangers(), f"threads to end: {stage.strangers()}", seconds=5)


def once_each(files: list[File], unsettled: Set[str] = frozenset()) -> dict[str, File]:
    """What is not in the trash, by path; no path twice, but for unsettled ones."""
    counts = Counter(file.path for file in files if not file.trashed)
    double = [path for path, count in counts.items() if count > 1 and path not in unsettled]
    expect(not double, f"there is more than one {double}")
    return {file.path: file for file in files if not file.trashed}


def expect_same(living: Mapping[str, File], tree: Tree) -> None:
    expect(set(living) == set(tree), f"there is {sorted(living)}, not {sorted(tree)}")
    for path, content in tree.items():
        expect(living[path].holds(content), f"{path!r} has wrong bytes")


def on_disk(folder: Path) -> dict[str, str]:
    """The hashes of all files in a folder of this machine."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): md5(path.read_bytes()) for path in paths}


def hash_of(content: bytes | None) -> str | None:
    return None if content is None else md5(content)


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: md5(content) for name, content in files.items()}
