"""What does a user do with a Drive, and what must it leave behind?"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.faults.stage import CHUNK, Stage, Tree, md5

from colab_magics.errors import DriveError
from colab_magics.storage.sharing import link_of
from colab_magics.storage.transfers.transfer import fetch, send
from colab_magics.storage.transfers.trees import TreeReceipt, fetch_tree, send_tree

BIG = random.Random(1).randbytes(2 * CHUNK + 12_345)
BIGGER = random.Random(2).randbytes(CHUNK + 54_321)


@dataclass(frozen=True)
class Scenario:
    """One thing that a user does.

    Attributes:
        name: in words.
        act: does it.
        before: what lies on the Drive.
        after: what lies there when it went well.
        trash: what lies in the trash then.
        keeps: paths in `after` that are the same files as those paths in `before`.
        local: what lies on this machine's disk before.
        arrives: what lies there when it went well; otherwise each file is as before, or as here.
        result: checks what `act` returned.
        unsettled: paths that may be missing, or be there twice, when it failed midway: what takes
            two requests is not done at once on Drive.
        hashed: whether the bytes that arrive are compared with a hash; Drive has none for a part.
        again: whether it can be asked for again after a failure whose effect is not known.
    """

    name: str
    act: Callable[[Stage], Any]
    before: Tree = field(default_factory=dict)
    after: Tree = field(default_factory=dict)
    trash: Tree = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)
    local: Mapping[str, bytes] = field(default_factory=dict)
    arrives: Mapping[str, bytes] | None = None
    result: Callable[[Stage, Any], None] = lambda stage, result: None
    unsettled: frozenset[str] = frozenset()
    hashed: bool = True
    again: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", _with_folders(self.before))
        object.__setattr__(self, "after", _with_folders(self.after))


def _with_folders(tree: Tree) -> Tree:
    above = {path[:at]: None for path in tree for at, char in enumerate(path) if char == "/"}
    return {**above, **tree}


def _receipt(content: bytes) -> Callable[[Stage, Any], None]:
    def check(stage: Stage, result: Any) -> None:
        assert (result.size, result.md5) == (len(content), md5(content))
        assert result.id in {file.id for file in stage.truth.files() if file.holds(content)}

    return check


def _whole(moved: TreeReceipt) -> None:
    """An error for a folder of which not all has arrived, as for a file."""
    if moved.failed:
        raise DriveError(f"did not arrive: {moved.failed}")


def _equals(content: object) -> Callable[[Stage, Any], None]:
    def check(stage: Stage, result: Any) -> None:
        assert result == content

    return check


def _read_with_seeks(stage: Stage) -> list[bytes]:
    parts = []
    with stage.fs.open("in/big.bin", "rb", block_size=CHUNK) as file:
        for start, count in ((0, 10), (2 * CHUNK, 1000), (CHUNK - 5, 10), (len(BIG) - 7, 100)):
            file.seek(start)
            parts.append(file.read(count))
    return parts


def _append(stage: Stage) -> None:
    with stage.fs.open("in/log.txt", "ab") as file:
        file.write(b", two")


def _nested(stage: Stage) -> None:
    stage.fs.makedirs("a/b/empty", exist_ok=True)
    stage.fs.pipe_file("a/b/c/x.txt", b"deep")


def _trash_and_make_again(stage: Stage) -> None:
    if stage.fs.exists("in/a.txt") and stage.fs.cat_file("in/a.txt") == b"old":
        stage.fs.rm("in/a.txt")
    stage.fs.pipe_file("in/a.txt", b"new")


def _list_while_another_writes(stage: Stage) -> list[str]:
    """Page after page, and between two of them somebody else makes a file."""
    stage.notes.pop("late", None)
    names = []
    for node in stage.api.list(f"'{stage.ids['in']}' in parents and trashed = false"):
        names.append(node.name)
        if "late" not in stage.notes:
            made = {file.path for file in stage.truth.files()}
            stage.notes["late"] = "in/late.txt"
            if "in/late.txt" not in made:
                stage.truth.make({"late.txt": b"late"}, inside=stage.ids["in"])
    return names


def _all_listed(stage: Stage, names: list[str]) -> None:
    assert set(names) - {"late.txt"} == {f"{n}.txt" for n in range(5)}


def _catch_up(stage: Stage) -> set[tuple[str, str | None, bool]]:
    """Read the change log from the first token to its end, as a watch does."""
    token, seen = stage.notes["token"], {}
    while True:
        page = stage.api.changes(token)
        for entry in page.entries:
            node = entry.node
            seen[entry.file_id] = (
                entry.file_id,
                node.md5 if node else None,
                node.trashed if node else entry.removed,
            )
        token = page.next_token
        if page.last:
            return set(seen.values())


def _all_seen(stage: Stage, seen: set[tuple[str, str | None, bool]]) -> None:
    truth = {(file.id, file.md5, file.trashed) for file in stage.truth.files()}
    assert truth <= seen, f"changes were missed: {truth - seen}"


def _see_what_another_does(stage: Stage) -> dict[str, str | None]:
    """Look around; another client changes all sorts of things; look again some seconds later."""
    stage.fs.find("", detail=True)
    if "changed" not in stage.notes:
        stage.notes["changed"] = True
        stage.truth.write(stage.ids["in/a.txt"], b"new")
        stage.truth.trash(stage.ids["in/b.txt"])
        stage.truth.move(stage.ids["in/c.txt"], stage.ids["in"], stage.ids["out"])
        stage.truth.make({"d.txt": b"d"}, inside=stage.ids["in"])
    stage.clock.advance(stage.settings.fresh_seconds + 1)
    found = stage.fs.find("", detail=True)
    return {path: info["md5"] for path, info in found.items()}


def _stop_sharing(stage: Stage) -> None:
    stage.truth.share(stage.ids["in/a.txt"])
    link_of(stage.place("in/a.txt"), unsharing="anyone")


def _shared_with(*others: tuple[str, str]) -> Callable[[Stage, Any], None]:
    def check(stage: Stage, result: Any) -> None:
        assert stage.truth.shares(stage.ids["in/a.txt"]) == sorted([*others, ("user", "owner")])

    return check


def _send_big(stage: Stage) -> Any:
    return send(stage.local / "big.bin", stage.place("in/big.bin"))


MANY = {f"in/{n}.txt": f"{n}".encode() for n in range(5)}
TREE = {"a.txt": b"a", "sub/b.txt": b"new", "sub/deep/c.txt": b"c"}
SCENARIOS = [
    Scenario(
        "create a small file",
        lambda stage: stage.fs.pipe_file("in/new.txt", b"new"),
        before={"in": None},
        after={"in/new.txt": b"new"},
    ),
    Scenario(
        "overwrite a small file",
        lambda stage: stage.fs.pipe_file("in/a.txt", b"new"),
        before={"in/a.txt": b"old"},
        after={"in/a.txt": b"new"},
        keeps={"in/a.txt": "in/a.txt"},
    ),
    Scenario(
        "send a big new file",
        _send_big,
        before={"in": None},
        after={"in/big.bin": BIG},
        local={"big.bin": BIG},
        result=_receipt(BIG),
    ),
    Scenario(
        "send a big file over another",
        _send_big,
        before={"in/big.bin": BIGGER},
        after={"in/big.bin": BIG},
        keeps={"in/big.bin": "in/big.bin"},
        local={"big.bin": BIG},
        result=_receipt(BIG),
    ),
    Scenario(
        "fetch a small file over another",
        lambda stage: fetch(stage.place("in/a.txt"), stage.local / "a.txt"),
        before={"in/a.txt": b"from Drive"},
        after={"in/a.txt": b"from Drive"},
        local={"a.txt": b"mine"},
        arrives={"a.txt": b"from Drive"},
        result=_receipt(b"from Drive"),
    ),
    Scenario(
        "fetch a big file",
        lambda stage: fetch(stage.place("in/big.bin"), stage.local / "big.bin"),
        before={"in/big.bin": BIG},
        after={"in/big.bin": BIG},
        arrives={"big.bin": BIG},
        result=_receipt(BIG),
    ),
    Scenario(
        "read with seeks",
        _read_with_seeks,
        hashed=False,
        before={"in/big.bin": BIG},
        after={"in/big.bin": BIG},
        result=_equals([BIG[:10], BIG[2 * CHUNK :][:1000], BIG[CHUNK - 5 : CHUNK + 5], BIG[-7:]]),
    ),
    Scenario(
        "make folders and a file below",
        _nested,
        after={"a/b/empty": None, "a/b/c/x.txt": b"deep"},
    ),
    Scenario(
        "move to another folder",
        lambda stage: stage.fs.mv("in/a.txt", "out/b.txt"),
        before={"in/a.txt": b"a", "out": None},
        after={"in": None, "out/b.txt": b"a"},
        keeps={"out/b.txt": "in/a.txt"},
        again=False,
    ),
    Scenario(
        "move over another file",
        lambda stage: stage.fs.mv("in/a.txt", "out/b.txt"),
        before={"in/a.txt": b"a", "out/b.txt": b"b"},
        after={"in": None, "out/b.txt": b"a"},
        trash={"out/b.txt": b"b"},
        keeps={"out/b.txt": "in/a.txt"},
        unsettled=frozenset({"out/b.txt"}),
        again=False,
    ),
    Scenario(
        "copy",
        lambda stage: stage.fs.cp_file("in/a.txt", "out/b.txt"),
        before={"in/a.txt": b"a", "out": None},
        after={"in/a.txt": b"a", "out/b.txt": b"a"},
        keeps={"in/a.txt": "in/a.txt"},
    ),
    Scenario(
        "copy over another file",
        lambda stage: stage.fs.cp_file("in/a.txt", "out/b.txt"),
        before={"in/a.txt": b"a", "out/b.txt": b"b"},
        after={"in/a.txt": b"a", "out/b.txt": b"a"},
        keeps={"in/a.txt": "in/a.txt", "out/b.txt": "out/b.txt"},
    ),
    Scenario(
        "trash, and make the same path again",
        _trash_and_make_again,
        before={"in/a.txt": b"old"},
        after={"in/a.txt": b"new"},
        trash={"in/a.txt": b"old"},
        unsettled=frozenset({"in/a.txt"}),
    ),
    Scenario(
        "list pages while another writes",
        _list_while_another_writes,
        before=MANY,
        after={"in/late.txt": b"late", **MANY},
        result=_all_listed,
    ),
    Scenario(
        "append",
        _append,
        before={"in/log.txt": b"one"},
        after={"in/log.txt": b"one, two"},
        keeps={"in/log.txt": "in/log.txt"},
        again=False,
    ),
    Scenario(
        "catch up with the change log",
        _catch_up,
        before=MANY,
        after={**MANY},
        result=_all_seen,
    ),
    Scenario(
        "see what another client does",
        _see_what_another_does,
        before={"in/a.txt": b"old", "in/b.txt": b"b", "in/c.txt": b"c", "out": None},
        after={"in/a.txt": b"new", "in/d.txt": b"d", "out/c.txt": b"c"},
        trash={"in/b.txt": b"b"},
        keeps={"in/a.txt": "in/a.txt", "out/c.txt": "in/c.txt"},
        result=_equals({"in/a.txt": md5(b"new"), "in/d.txt": md5(b"d"), "out/c.txt": md5(b"c")}),
    ),
    Scenario(
        "send a folder",
        lambda stage: _whole(send_tree(stage.local / "tree", stage.place("in"))),
        before={"in/sub/b.txt": b"old"},
        after={f"in/{path}": content for path, content in TREE.items()},
        keeps={"in/sub/b.txt": "in/sub/b.txt"},
        local={f"tree/{path}": content for path, content in TREE.items()},
    ),
    Scenario(
        "fetch a folder",
        lambda stage: _whole(fetch_tree(stage.place("in"), stage.local / "tree")),
        before={f"in/{path}": content for path, content in TREE.items()},
        after={f"in/{path}": content for path, content in TREE.items()},
        local={"tree/sub/b.txt": b"old"},
        arrives={f"tree/{path}": content for path, content in TREE.items()},
    ),
    Scenario(
        "share a file with anyone",
        lambda stage: link_of(stage.place("in/a.txt"), "anyone"),
        before={"in/a.txt": b"a"},
        after={"in/a.txt": b"a"},
        result=_shared_with(("anyone", "reader")),
    ),
    Scenario(
        "stop sharing a file",
        _stop_sharing,
        before={"in/a.txt": b"a"},
        after={"in/a.txt": b"a"},
        result=_shared_with(),
    ),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
