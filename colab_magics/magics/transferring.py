"""How does a transfer look while it goes on, when it ends, and when it is interrupted?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IPython.display import display

from colab_magics.display import Card
from colab_magics.errors import DriveError
from colab_magics.progress import Progress
from colab_magics.running.outputs import Handle, bundle

from .arguments import Interrupted
from .notebook import Notebook
from .registry import parent_of

if TYPE_CHECKING:
    from colab_magics.storage.moving import Moved
    from colab_magics.storage.steps import Step

_STAYS = "what is there stays"


class Live:
    """One display in the running cell that goes from progress to the result, in place.

    Attributes:
        shown: whether anything was drawn: what is quick shows its result only.
    """

    def __init__(self, shell: Any) -> None:
        self.shell, self.parent = shell, parent_of(shell)
        self.shown = False
        self._handle = Handle(shell, self.parent, f"colab_magics-{os.urandom(6).hex()}")

    def show(self, thing: object) -> None:
        """Draw it, in place of what was drawn before."""
        if getattr(self.shell, "kernel", None) is None:
            return  # a terminal can not draw anew; the result follows
        draw = self._handle.update if self.shown else self._handle.show
        self.shown = True  # first: an interrupt between drawing and this would leave the bar there
        draw(thing)


def moved(notebook: Notebook, steps: Sequence[Step], word: str) -> Moved:
    """Take steps of a transfer, and show how it goes.

    Raises:
        DriveError: a part did not arrive; the card says which one.
    """
    from colab_magics.storage.moving import move, title_of

    live, title = Live(notebook.shell), title_of(steps)
    progress = Progress(title, live.show, notebook.clock)
    try:
        done = move(steps, word, callback=progress)
    except KeyboardInterrupt:
        _leave(live, progress, "paused", "interrupted", ("go on", f"run it again; {_STAYS}"))
        raise Interrupted(f"interrupted; run it again to go on: {_STAYS}") from None
    except Exception as exc:
        _leave(live, progress, "failed", "failed", ("error", str(exc)))
        raise
    if live.shown:
        live.show(done)
    if done.failed:
        if not live.shown:
            display(done)
        raise DriveError(done.shortfall)
    return _drawn(done, live) if live.shown else done


def _leave(
    live: Live, progress: Progress, state: str, label: str, last: tuple[str, object]
) -> None:
    """Do not leave a bar that moves no more."""
    if live.shown:
        live.show(Card(progress.title, state, label, [("so far", progress.so_far()), last]))


def _drawn(done: Moved, live: Live) -> Moved:
    """The same result, which the cell that drew it does not draw a second time."""
    from colab_magics.storage.moving import Moved

    class Drawn(Moved):
        """A result that stands in its cell already."""

        def _ipython_display_(self) -> None:
            if parent_of(live.shell)["header"].get("msg_id") != live.parent["header"].get("msg_id"):
                display(bundle(self), raw=True)

        def __reduce__(self) -> tuple[Any, ...]:
            return Moved, tuple(vars(self).values())  # pickle does not find a class in a function

    return Drawn(**vars(done))
