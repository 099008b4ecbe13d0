"""The magics that run cells when files change."""

from __future__ import annotations

import ast
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from colab_magics.display import Card, Table
from colab_magics.errors import WatchFailed
from colab_magics.running.outputs import bundle
from colab_magics.running.run import Options
from colab_magics.running.watch import Watch

from .arguments import argument, count, duration, magic_arguments, parsed, positive
from .cards import watch_card, watches_table
from .notebook import Notebook
from .registry import Watches, parent_of
from .serving import serve_blocking

if TYPE_CHECKING:
    from colab_magics.storage.place import Place

VERBS = ("list", "show", "pause", "resume", "stop", "run", "retry")


@magics_class
class WatchMagics(Magics):
    """Cells that run again."""

    def __init__(self, shell: Any, notebook: Notebook) -> None:
        super().__init__(shell=shell)
        self.notebook = notebook

    @property
    def watching(self) -> Watches:
        """What is registered."""
        return self.notebook.watches

    def _result_place(self, put: str | None) -> Place | None:
        from colab_magics.storage.listing import result_place

        return None if put is None else result_place(self.notebook.resolve(put))

    @cell_magic
    @magic_arguments()
    @argument("place", help="The file, folder or pattern to watch.")
    @argument("--name", help="The watch's name (default: PLACE).")
    @argument("--every", type=positive, help="Most time between looks, such as 5s.")
    @argument("--debounce", type=duration, help="How long a file must be still (default: 0.5s).")
    @argument("--batch", action="store_true", help="One run for all that changed: `changes`.")
    @argument("--now", action="store_true", help="Run at once, too, for what is there.")
    @argument("--in", dest="where", choices=["main", "thread"], default="main",
              help="'thread': beside a busy cell, for short handlers.")  # fmt: skip
    @argument("--put", metavar="FILE", help="Place to which a good run's ./FILE is sent.")
    @argument("--retries", type=count, default=0, help="Runs after a failed one (default: 0).")
    @argument("--timeout", type=positive, help="Longest run, such as 30s; then interrupted.")
    @parsed
    def on_drive_change(self, args: Namespace, cell: str) -> None:
        """Run this cell again whenever PLACE changes.

        `change` is bound in the cell: .kind (created, modified, deleted), .place, .name, .id,
        .version, .time, .size, and .local, the path of the fetched copy.
        """
        if not cell.strip():
            raise UsageError("%%on_drive_change: the cell is empty; write below what shall run")
        if not args.place.strip():
            raise UsageError("%%on_drive_change: name the file, folder or pattern to watch")
        if args.where == "thread" and args.timeout:
            raise UsageError("--timeout can not stop a thread; leave it out, or --in thread")
        check_syntax(self.shell, cell)
        put = self._result_place(args.put)
        watch = self.watching.register(
            self.notebook.resolve(args.place),
            cell,
            name=args.name or args.place,
            put=put,
            now=args.now,
            options=_options(args, put, self.notebook.settings.debounce_seconds),
        )
        display(watch_card(watch), display_id=watch.handle.display_id)

    @line_magic
    @magic_arguments()
    @argument("verb", nargs="?", default="list", help=f"One of: {', '.join(VERBS)}.")
    @argument("name", nargs="?", help="Which watch; may be left out while there is only one.")
    @parsed
    def watches(self, args: Namespace) -> Table | Card | None:
        """Show what is registered and how it runs; show a last run again; control it.

        list: all of them. show: the outputs of the last run, here. pause, resume, stop. run: run
        now. retry: run again for the changes of a failed run, or send again a result that is kept.
        """
        if args.verb not in VERBS:
            raise UsageError(f"%watches {args.verb}: no such verb; there is: {', '.join(VERBS)}")
        if args.verb == "list":
            session = parent_of(self.shell)["header"].get("session", "")
            return watches_table(self.watching, self.watching.stats(), session)
        watch = self._one(args.name)
        result: Card | None = getattr(self, f"_{args.verb}")(watch)
        return result

    def _one(self, name: str | None) -> Watch:
        there = list(self.watching)
        if name is None and len(there) == 1:
            return there[0]
        if name is None:
            names = ", ".join(watch.name for watch in there) or "none"
            raise UsageError(f"%watches: which one? there is: {names}")
        return self.watching.find(name)

    def _show(self, watch: Watch) -> None:
        if watch.last is None:
            raise WatchFailed(f"{watch.name} has not run yet, so there is nothing to show")
        display(bundle(watch_card(watch)), raw=True)
        watch.last.record.replay()

    def _pause(self, watch: Watch) -> Card:
        watch.pause()
        return watch_card(watch)

    def _resume(self, watch: Watch) -> Card:
        watch.resume()
        return watch_card(watch)

    def _stop(self, watch: Watch) -> Card:
        self.watching.stop(watch)
        return watch_card(watch)

    def _run(self, watch: Watch) -> Card:
        if watch.mode == "paused":
            raise WatchFailed(f"{watch.name} is paused; %watches resume {watch.name} lets it run")
        watch.ask(self.watching.present(watch))
        return watch_card(watch)

    def _retry(self, watch: Watch) -> Card:
        if self.watching.results.again(watch.name):
            return watch_card(watch)
        if watch.last is None or watch.last.status == "ok":
            raise WatchFailed(f"the last run of {watch.name} did not fail; %watches run runs it")
        watch.ask(watch.last.changes)
        return watch_card(watch)

    @line_magic
    @magic_arguments()
    @argument("--for", dest="seconds", type=positive, help="Serve so long, such as 2h.")
    @argument("--until-idle", type=positive, help="Serve until nothing happened for so long.")
    @parsed
    def drive_serve(self, args: Namespace) -> None:
        """Stay here and run the watches' cells in this one, until interrupted.

        Alone on a line of a cell it is an `await`; inside a function it blocks.
        """
        serve_blocking(self.notebook, args.seconds, args.until_idle)


def _options(args: Namespace, put: Place | None, debounce: float) -> Options:
    return Options(
        debounce=debounce if args.debounce is None else args.debounce,
        every=args.every,
        batch=args.batch,
        in_thread=args.where == "thread",
        retries=args.retries,
        timeout=args.timeout,
        result=None
        if args.put is None
        else Path(args.put.rstrip("/").rpartition("/")[2]).resolve(),
    )


def check_syntax(shell: Any, cell: str) -> None:
    """Find a mistake in the cell now rather than at its first run.

    Raises:
        UsageError: one line that names the line and the mistake.
    """
    try:
        text = shell.transform_cell(cell)
        compile(text, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as exc:
        # The magic's own line is the first of what the user sees.
        where = f"line {exc.lineno + 1}" if exc.lineno else "the cell"
        source = (exc.text or "").strip()
        raise UsageError(f"syntax error in {where}: {exc.msg}: {source}") from None
    except ValueError as exc:
        raise UsageError(f"the cell can not be read: {exc}") from None
