"""Stands in for google.colab.drive; set `failure` to make `mount` fail as the real one does."""

from __future__ import annotations

from typing import Any

calls: list[tuple[str, dict[str, Any]]] = []
failure: Exception | None = None


def mount(
    mountpoint: str,
    force_remount: bool = False,
    timeout_ms: int = 120000,
    readonly: bool = False,
) -> None:
    """Mount the user's Drive; here, only note it."""
    if " " in mountpoint:
        raise ValueError("Mountpoint must not contain a space.")
    calls.append(
        (
            "mount",
            {
                "mountpoint": mountpoint,
                "force_remount": force_remount,
                "timeout_ms": timeout_ms,
                "readonly": readonly,
            },
        )
    )
    if failure is not None:
        raise failure


def flush_and_unmount(timeout_ms: int = 24 * 60 * 60 * 1000) -> None:
    """Write everything back and unmount; here, only note it."""
    calls.append(("flush_and_unmount", {"timeout_ms": timeout_ms}))
