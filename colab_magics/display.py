"""How is something shown to a person: cards and tables, as HTML with a plain text twin?

Every text that comes from outside goes through `clean`: names on Drive are data, never HTML and
never terminal codes. Colours are taken from the page (JupyterLab's variables, else what the text
inherits), so that dark and light themes both work, and styles are inline, so that a saved
notebook looks the same where it is read later.
"""

from __future__ import annotations

import html
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_BORDER = "1px solid rgba(128,128,128,.35)"
_FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5"
_DIM = "opacity:.72"
_MONO = "font-family:var(--jp-code-font-family,ui-monospace,monospace)"
# Mid tones: at least 3:1 against both white and near-black, as WCAG 2.1 asks of graphics.
COLOURS = {
    "waiting": "#2f8fd8",
    "running": "#c98200",
    "ok": "#2e9e5b",
    "failed": "#dc4c4c",
    "paused": "#8a8a8a",
}
_BARS = "▁▂▃▄▅▆▇█"


def clean(text: object, limit: int = 120) -> str:
    """Text that is safe to show: control and bidi characters escaped, cut at `limit`."""
    shown = "".join(c if _plain(c) else f"\\u{ord(c):04x}" for c in str(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _plain(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or char == "\u200d"


def escape(text: object, limit: int = 120) -> str:
    """`clean` text, made inert for HTML."""
    return html.escape(clean(text, limit), quote=True)


def size(count: int | None) -> str:
    """Say a number of bytes: ``0 B``, ``820 B``, ``4.2 kB``, ``1.3 GB`` (powers of 1000)."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def sparkline(values: Sequence[float]) -> str:
    """A number's history as a row of bars, from 0 to its highest value."""
    top = max(values, default=0.0)
    if top <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(7, int(v / top * 7.999))] for v in values)


def clock_time(when: float | None) -> str:
    """A moment (seconds since the epoch) as this machine's wall clock shows it."""
    return "-" if when is None else time.strftime("%H:%M:%S", time.localtime(when))


@dataclass
class Table:
    """Rows under headers, with a line below; what a magic returns when it found several things."""

    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    note: str = ""
    right: frozenset[int] = frozenset()
    """Numbers of the columns that are aligned to the right."""
    drawn: frozenset[int] = frozenset()
    """Numbers of the columns that hold lines drawn with characters: blanks and widths count."""

    def __repr__(self) -> str:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=box.SIMPLE_HEAD)
        for at, header in enumerate(self.headers):
            right = at in self.right
            table.add_column(header, justify="right" if right else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*(Text(clean(cell, 300)) for cell in row))
        # Not rich's own title and caption: those are folded at the width of the table, and a
        # command in them could not be copied.
        above = [clean(self.title, 200), ""] if self.title else []
        below = ["", clean(self.note, 400)] if self.note else []
        return "\n".join([*above, plain(table).strip("\n"), *below])

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th style="text-align:{self._align(at)};padding:2px 14px 2px 0;{_DIM};'
            f'font-weight:600">{escape(header)}</th>'
            for at, header in enumerate(self.headers)
        )
        body = "".join(f"<tr>{self._cells(row)}</tr>" for row in self.rows)
        title = f'<div style="font-weight:600">{escape(self.title, 200)}</div>'
        note = f'<div style="{_DIM}">{escape(self.note, 400)}</div>'
        return (
            f'<div style="{_FONT}">{title}<table style="border-collapse:collapse;margin:4px 0">'
            f'<thead><tr style="border-bottom:{_BORDER};background:none">{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>{note}</div>"
        )

    def _cells(self, row: Sequence[object]) -> str:
        return "".join(
            f'<td style="text-align:{self._align(at)};{self._spacing(at)}">{escape(cell, 300)}</td>'
            for at, cell in enumerate(row)
        )

    def _spacing(self, column: int) -> str:
        if column in self.drawn:
            return f"padding:0 14px 0 0;line-height:1.35;white-space:pre;{_MONO}"
        if column in self.right:
            return "padding:2px 14px 2px 0;white-space:nowrap;font-variant-numeric:tabular-nums"
        return "padding:2px 14px 2px 0;white-space:pre-wrap"

    def _align(self, column: int) -> str:
        return "right" if column in self.right else "left"


@dataclass(frozen=True)
class Link:
    """An address that can be clicked where there is HTML."""

    url: str

    def __str__(self) -> str:
        return self.url


def _html(text: object) -> str:
    if not isinstance(text, Link) or not text.url.startswith(("https://", "http://")):
        return escape(text, 400)
    shown, target = escape(text.url, 400), html.escape(text.url, quote=True)
    return f'<a href="{target}" target="_blank" rel="noopener noreferrer">{shown}</a>'


@dataclass
class Card:
    """One thing and how it is doing: a coloured state, a title, and a few lines below."""

    title: str
    state: str = "ok"
    """One of `COLOURS`."""
    label: str = ""
    """The word beside the title; empty: the state itself."""
    lines: Sequence[tuple[str, object]] = field(default_factory=list)
    """Pairs of a caption and a text."""
    done: float | None = None
    """From 0 to 1: draws a bar."""

    def __repr__(self) -> str:
        head = f"● {clean(self.title, 200)}  [{self.label or self.state}]"
        bar = (
            []
            if self.done is None
            else [f"  {'█' * round(self._share * 30):░<30} {self._share:.0%}"]
        )
        width = max((len(caption) for caption, _ in self.lines), default=0)
        rest = [f"  {caption:<{width}}  {clean(text, 400)}" for caption, text in self.lines]
        return "\n".join([head, *bar, *rest])

    def _repr_html_(self) -> str:
        colour = COLOURS.get(self.state, COLOURS["paused"])
        rows = "".join(
            f'<div style="display:flex;gap:10px"><span style="{_DIM};min-width:76px">'
            f"{escape(caption)}</span>"
            f'<span style="white-space:pre-wrap;overflow-wrap:anywhere">{_html(text)}</span>'
            "</div>"
            for caption, text in self.lines
        )
        return (
            f'<div style="{_FONT};border:{_BORDER};border-left:4px solid {colour};'
            'border-radius:4px;padding:6px 12px;margin:2px 0;max-width:860px">'
            f'<div style="display:flex;align-items:center;gap:8px"><b style="{_MONO}">'
            f"{escape(self.title, 200)}</b>"
            f'<span style="color:{colour};font-weight:600">● '
            f"{escape(self.label or self.state)}</span></div>{self._bar(colour)}{rows}</div>"
        )

    @property
    def _share(self) -> float:
        return min(1.0, max(0.0, self.done or 0.0))

    def _bar(self, colour: str) -> str:
        if self.done is None:
            return ""
        width = self._share * 100
        return (
            '<div style="background:rgba(128,128,128,.25);border-radius:3px;height:6px;'
            f'margin:6px 0"><div style="background:{colour};border-radius:3px;height:6px;'
            f'width:{width:.1f}%"></div></div>'
        )


def plain(renderable: Any, width: int = 110) -> str:
    """What rich would print, without colours; blanks at the ends of lines are cut."""
    from rich.console import Console

    console = Console(width=width, no_color=True, force_jupyter=False, force_terminal=False)
    with console.capture() as captured:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())
