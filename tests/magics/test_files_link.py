"""Does `%drive_link` say who can open a file, and share it only when asked?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from colab_magics.emulator import Emulator

Link = Callable[..., Any]


@pytest.fixture
def link(attached: InteractiveShell) -> Link:
    """`%drive_link a.txt` with options."""
    Path("a.txt").write_text("x")
    attached.run_line_magic("drive_put", "a.txt in/")
    return lambda options="", place="in/a.txt": attached.run_line_magic(
        "drive_link", f"{place} {options}"
    )


def shares(drive: Emulator) -> int:
    """How many requests there were that change who may do what."""
    return sum("permissions" in one.path and one.method != "GET" for one in drive.log)


def test_a_link_is_shown_and_nothing_is_shared(link: Link, drive: Emulator) -> None:
    """Private until told otherwise; the value has the address."""
    one = link()

    assert one.url.startswith("https://")
    assert one.id in one.url
    assert str(one) == one.url
    assert one.id in one.download
    assert one.access == ["only you"]
    assert repr(one).splitlines() == [
        "● My Drive/in/a.txt  [private]",
        f"  link      {one.url}",
        f"  download  {one.download}",
        "  open to   only you",
    ]
    assert f'<a href="{one.url}" target="_blank" rel="noopener noreferrer">' in one._repr_html_()
    assert shares(drive) == 0


def test_a_folder_has_a_link_but_no_download(link: Link) -> None:
    """Drive has no address that fetches a folder."""
    assert link(place="in").download is None


@pytest.mark.parametrize(
    ("options", "done", "access"),
    [
        (
            "--share anyone",
            "shared with anyone with the link, who may read",
            "anyone with the link may read",
        ),
        (
            "--share A@b.example --role writer",
            "shared with a@b.example, who may read and write; no mail was sent",
            "a@b.example may read and write",
        ),
        (
            "--share a@b.example --notify",
            "shared with a@b.example, who may read; Drive sends a mail",
            "a@b.example may read",
        ),
        (
            "--share domain:b.example --role commenter",
            "shared with everybody at b.example with the link, who may read and comment",
            "everybody at b.example with the link may read and comment",
        ),
    ],
)
def test_it_says_with_whom_it_is_shared(link: Link, options: str, done: str, access: str) -> None:
    """Exactly with whom, and what they may do."""
    one = link(options)

    assert one.done == [done]
    assert one.access == [access, "you own it"]
    assert link().access == [access, "you own it"]


def test_sharing_again_changes_the_role_and_adds_nobody(link: Link) -> None:
    """One line for each person."""
    link("--share a@b.example,c@d.example")
    one = link("--share a@b.example --role writer")

    assert one.access == [
        "a@b.example may read and write",
        "c@d.example may read",
        "you own it",
    ]


def test_sharing_twice_is_sharing_once(link: Link, drive: Emulator) -> None:
    """Run all, twice."""
    link("--share anyone")
    before = shares(drive)
    one = link("--share anyone")

    assert one.access == ["anyone with the link may read", "you own it"]
    assert shares(drive) == before


def test_what_was_shared_is_taken_away(link: Link) -> None:
    """And private again."""
    link("--share anyone,a@b.example")
    one = link("--unshare anyone")
    last = link("--unshare a@b.example")

    assert one.done == ["anyone with the link can no longer open it"]
    assert one.access == ["a@b.example may read", "you own it"]
    assert last.access == ["only you"]


def test_one_line_takes_away_and_gives(link: Link, drive: Emulator) -> None:
    """What was there is looked at once, and once more when all is done."""
    link("--share anyone")
    before = len(drive.log)
    one = link("--unshare anyone,anyone --share a@b.example,A@b.example")

    assert one.done == [
        "anyone with the link can no longer open it",
        "shared with a@b.example, who may read; no mail was sent",
    ]
    assert one.access == ["a@b.example may read", "you own it"]
    assert [(each.method, "permissions" in each.path) for each in list(drive.log)[before:]] == [
        ("GET", False),
        ("GET", True),
        ("DELETE", True),
        ("POST", True),
        ("GET", True),
    ]


def test_an_address_is_the_same_as_a_group_s_and_as_a_person_s(link: Link) -> None:
    """Which of them it is, Drive knows; it is given and taken away once."""
    given = link("--share a@b.example,group:a@b.example")
    taken = link("--unshare group:a@b.example,a@b.example")

    assert given.done == ["shared with a@b.example, who may read; no mail was sent"]
    assert taken.done == ["a@b.example can no longer open it"]
    assert taken.access == ["only you"]


def test_sharing_a_folder_says_that_all_in_it_is_shared(link: Link) -> None:
    """That is what Drive does."""
    one = link("--share anyone", place="in")

    assert one.done == [
        "shared with anyone with the link, who may read; the same for all that is in it"
    ]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (
            "%drive_link in/a.txt --unshare a@b.example",
            "PlaceNotFound: 'My Drive/in/a.txt' is not shared with a@b.example; now: only you",
        ),
        (
            "%drive_link in/a.txt --share anyone,bob",
            "BadValue: nobody is meant by 'bob'; write anyone, NAME@HOST, group:NAME@HOST or "
            "domain:HOST",
        ),
        (
            "%drive_link in/a.txt --share anyone,user@drive.emulator",
            "DriveForbidden: user@drive.emulator owns 'My Drive/in/a.txt'; that can be neither "
            "given nor taken away",
        ),
        (
            "%drive_link ./a.txt",
            "BadPlace: '{here}/a.txt' is not on a Drive, so it has no link",
        ),
    ],
)
def test_a_mistake_is_one_line_and_shares_nothing(
    link: Link, said: Callable[[str], str], drive: Emulator, code: str, line: str
) -> None:
    """Everybody named is looked at before anything is shared."""
    assert said(code) == line.format(here=Path.cwd())
    assert shares(drive) == 0


@pytest.mark.parametrize("reason", ["sharingRateLimitExceeded", "domainPolicy"])
def test_a_refusal_is_one_line(
    link: Link, said: Callable[[str], str], drive: Emulator, reason: str
) -> None:
    """Drive's word for it, what was tried, and nothing else."""
    drive.faults.add(method="POST", path="/permissions", status=403, reason=reason)
    (line,) = said("%drive_link in/a.txt --share anyone").splitlines()

    assert line.startswith("DriveForbidden: share 'My Drive/in/a.txt' with anyone with the link: ")
    assert reason in line


def test_a_read_only_drive_is_not_shared_from(
    attached: InteractiveShell, link: Link, drive: Emulator, said: Callable[[str], str]
) -> None:
    """--readonly: nobody is given anything."""
    attached.run_line_magic("drive_mount", f"{drive.url} --readonly")

    assert "attached read-only" in said("%drive_link in/a.txt --share anyone")
    assert shares(drive) == 0
