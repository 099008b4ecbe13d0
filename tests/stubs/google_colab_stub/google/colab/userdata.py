"""Stands in for google.colab.userdata: the notebook's secrets."""

from __future__ import annotations

secrets: dict[str, str] = {}


class SecretNotFoundError(Exception):
    """There is no secret of that name."""


class NotebookAccessError(Exception):
    """This notebook may not read that secret."""


def get(key: str) -> str:
    """Give the secret of that name."""
    try:
        return secrets[key]
    except KeyError:
        raise SecretNotFoundError(f"Secret {key} does not exist.") from None
