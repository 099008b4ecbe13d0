"""Stands in for google.colab.auth.

The real `authenticate_user` installs application default credentials; this one names the file that
COLAB_STUB_CREDENTIALS holds as such.
"""

from __future__ import annotations

import os
from typing import Any

calls: list[dict[str, Any]] = []


def authenticate_user(clear_output: bool = True, project_id: str | None = None) -> None:
    """Sign the user of the notebook in."""
    calls.append({"clear_output": clear_output, "project_id": project_id})
    if named := os.environ.get("COLAB_STUB_CREDENTIALS"):
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = named
