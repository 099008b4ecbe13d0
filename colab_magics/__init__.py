"""A notebook that keeps working when the machine does not; `%load_ext colab_magics`."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0.dev0"

__all__ = [
    "DriveFileSystem",
    "emulator",
    "load_ipython_extension",
    "serve",
    "unload_ipython_extension",
    "watch",
]

_HOMES = {
    "DriveFileSystem": "colab_magics.storage.filesystem",
    "serve": "colab_magics.magics.extension",
    "watch": "colab_magics.watching.feed",
}


def load_ipython_extension(shell: Any) -> None:
    """Called by `%load_ext colab_magics`: registers magics; starts no thread, asks no network."""
    from colab_magics.magics.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Called by `%unload_ext colab_magics`: stops every thread and takes the magics away."""
    from colab_magics.magics.extension import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first asked for, so that loading stays quick."""
    from importlib import import_module

    if name == "emulator":
        return import_module("colab_magics.emulator")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
