"""How is Drive mounted on Colab, by Colab's own program, and how is that mount watched?"""

# mypy: disallow-untyped-calls=False
# google.colab is not annotated.

from __future__ import annotations

import itertools
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

from colab_magics.errors import ColabMagicsError, DriveError

from .api import DriveAPI
from .health import Health, mount_at, probe

COLAB_MOUNT = "/content/drive"
COLAB_ROOT = f"{COLAB_MOUNT}/MyDrive"
_WAIT_MS = 120_000
_LATE = timedelta(seconds=60)  # DriveFS may need so long to show what others wrote
_LOOKED_AT = 20  # files of the top folder that are compared
# What google.colab.drive says, and what to do; it has no classes for any of this.
_ADVICE = (
    (
        "already contain files",
        f"{COLAB_MOUNT} holds files of its own; move them away and run %drive_mount again",
    ),
    (
        "credential propagation",
        "Colab was not allowed to use your Drive; run %drive_mount again and allow it",
    ),
    (
        "timeout",
        "Drive did not answer in time, as with thousands of files in its top folder; run "
        "%drive_mount --force-remount",
    ),
)


def mount_colab(*, force_remount: bool, readonly: bool) -> None:
    """Mount the user's Drive as Colab does; a dialog may come up in the page.

    Raises:
        DriveError: it was not mounted, and what to do.
    """
    _needs_a_cell()
    if not force_remount and mount_at(COLAB_MOUNT) is not None:
        health = probe(COLAB_MOUNT)
        if not health.usable:  # google.colab would look at it, and hang
            raise DriveError(f"{health.text}; run %drive_mount --force-remount")
    from google.colab import drive

    try:
        drive.mount(
            COLAB_MOUNT, force_remount=force_remount, timeout_ms=_WAIT_MS, readonly=readonly
        )
    except Exception as exc:  # ValueError, or a class of its messages to the page that is private
        said = str(exc) or type(exc).__name__
        for words, advice in _ADVICE:
            if words in said.lower():
                raise DriveError(advice) from exc
        raise DriveError(
            f"Colab could not mount Drive ({said}); run %drive_mount --force-remount"
        ) from exc


def unmount_colab() -> None:
    """Let Colab's mount finish what it has not sent, and take it away.

    Raises:
        DriveError: it did not come to an end.
    """
    _needs_a_cell()
    from google.colab import drive

    try:
        drive.flush_and_unmount(timeout_ms=10 * _WAIT_MS)
    except Exception as exc:  # as above
        raise DriveError(
            f"Colab could not unmount Drive ({str(exc) or type(exc).__name__}); what was written "
            "may not be on Drive: look with %drive_ls"
        ) from exc


def colab_health(api: DriveAPI | None) -> Health:
    """How Colab's mount is; with an API beside it, also whether it shows what Drive has."""
    expected: dict[str, int] = {}
    full = ""
    if api is not None:
        try:
            expected = _settled(api)
            about = api.about()
            if about.limit is not None and about.usage >= about.limit:
                full = "this Drive is full, so the mount can not send what is written there"
        except ColabMagicsError:
            expected = {}  # nothing to compare with; the mount itself can still be looked at
    health = probe(COLAB_ROOT, expected=expected, mountpoint=COLAB_MOUNT)
    return Health("full", full) if full and health.kind == "ok" else health


def _settled(api: DriveAPI) -> dict[str, int]:
    """Files of the top folder that have not changed for a while, with their sizes."""
    since = (datetime.now(UTC) - _LATE).strftime("%Y-%m-%dT%H:%M:%S")
    found = api.list(
        f"'{api.root_id()}' in parents and trashed = false and modifiedTime < '{since}'",
        order_by="modifiedTime desc",
    )
    nodes = list(itertools.islice(found, _LOOKED_AT))
    names = Counter(node.name for node in nodes)
    return {
        node.name: node.size
        for node in nodes
        if node.size is not None and "/" not in node.name and names[node.name] == 1
    }


def _needs_a_cell() -> None:
    if threading.current_thread() is not threading.main_thread():
        raise DriveError(
            "Colab's mount needs the page, which only a cell reaches; run %drive_mount"
        )
