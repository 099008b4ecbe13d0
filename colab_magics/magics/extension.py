"""What happens at `%load_ext` and `%unload_ext`?"""

from __future__ import annotations

import atexit
from typing import Any

from colab_magics.clock import seconds as seconds_of
from colab_magics.errors import Unloaded

from .auth import AuthMagics
from .completion import add_completion, remove_completion
from .drive import DriveMagics
from .files import FileMagics
from .notebook import Notebook
from .serving import serve_blocking, transformer
from .watch import WatchMagics

_CLASSES = (AuthMagics, DriveMagics, FileMagics, WatchMagics)


def load(shell: Any) -> None:
    """Register the magics; a second time, anew."""
    unload(shell)
    notebook = Notebook(shell)
    for kind in _CLASSES:
        shell.register_magics(kind(shell, notebook))
    shell.input_transformers_post.append(transformer)
    add_completion(shell, notebook, _CLASSES)
    atexit.register(notebook.close)


def unload(shell: Any) -> None:
    """Stop what runs, and leave the shell as it was before `load`."""
    remove_completion(shell)
    while transformer in shell.input_transformers_post:
        shell.input_transformers_post.remove(transformer)
    for kind in _CLASSES:
        magics = shell.magics_manager.registry.pop(kind.__name__, None)
        if magics is None:
            continue
        magics.notebook.close()
        atexit.unregister(magics.notebook.close)
        if magics in shell.configurables:
            shell.configurables.remove(magics)  # else %config talks to the dead instance
        for sort, names in magics.magics.items():
            for name in names:
                shell.magics_manager.magics[sort].pop(name, None)


def notebook_of(shell: Any) -> Notebook:
    """The notebook object of a shell.

    Raises:
        Unloaded: the extension is not loaded there.
    """
    registry = {} if shell is None else shell.magics_manager.registry
    magics = registry.get(WatchMagics.__name__)
    if magics is None:
        raise Unloaded("colab_magics is not loaded here; run %load_ext colab_magics")
    notebook: Notebook = magics.notebook
    return notebook


def serve(seconds: float | str | None = None, *, until_idle: float | str | None = None) -> None:
    """Run the watches' cells in the running cell, from a plain function; `%drive_serve` blocking.

    Cells that use `await` need a nested event loop (nest_asyncio); `%drive_serve` on a line of
    its own does not.

    Args:
        seconds: how long, as a number or like "2h"; until interrupted unless given.
        until_idle: stop when nothing has happened for so long.

    Raises:
        Unloaded: the extension is not loaded in this notebook.
        BadValue: a duration can not be read.
        WatchFailed: nothing is watched, or the event loop can not be nested (uvloop).
    """
    from IPython.core.getipython import get_ipython

    notebook = notebook_of(get_ipython())
    serve_blocking(notebook, _read(seconds), _read(until_idle))


def _read(duration: float | str | None) -> float | None:
    return None if duration is None else seconds_of(str(duration))
