"""Stands in for Colab's own package: the same signatures, and a record of what was called."""

from . import auth, drive, userdata

__all__ = ["auth", "drive", "userdata"]
