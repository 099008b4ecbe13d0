"""Stands in for google.colab.userdata: the notebook's secrets."""

from __future__ import annotations

secrets: dict[str, str] = {}
failures: dict[str, Exception] = {}
calls: list[str] = []


class SecretNotFoundError(Exception):
    """There is no secret of that name."""


class NotebookAccessError(Exception):
    """This notebook may not read that secret."""


class TimeoutException(Exception):
    """The page did not answer."""


def get(key: str) -> str:
    """Give the secret of that name."""
    calls.append(key)
    if key in failures:
        raise failures[key]
    try:
        return secrets[key]
    except KeyError:
        raise SecretNotFoundError(f"Secret {key} does not exist.") from None
