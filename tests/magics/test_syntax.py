"""Are `%drive_serve` and cells with mistakes read rightly?"""

from __future__ import annotations

from colab_magics.magics.serving import transformer

MAGIC = "get_ipython().run_line_magic('drive_serve', '--for 3')\n"
AWAITED = (
    "await __import__('colab_magics.magics.serving', fromlist=['line'])"
    ".line(get_ipython(), '--for 3')\n"
)


def test_serve_on_a_line_of_its_own_becomes_an_await() -> None:
    """So no loop has to be nested."""
    assert transformer(["x = 1\n", MAGIC]) == ["x = 1\n", AWAITED]


def test_serve_in_a_block_becomes_an_await() -> None:
    """Blocks at the top level may await."""
    assert transformer(["if True:\n", "    " + MAGIC]) == ["if True:\n", "    " + AWAITED]


def test_serve_in_a_function_is_left_as_it_is() -> None:
    """A plain function can not await: there the magic blocks."""
    lines = ["def f():\n", "    " + MAGIC]

    assert transformer(lines) == lines


def test_help_of_serve_is_left_as_it_is() -> None:
    """`%drive_serve --help` serves nothing."""
    lines = ["get_ipython().run_line_magic('drive_serve', '--help')\n"]

    assert transformer(lines) == lines


def test_other_cells_are_left_as_they_are() -> None:
    """Text that only mentions the magic is no call of it."""
    lines = ["print(\"run_line_magic('drive_serve', '')\")\n"]

    assert transformer(lines) == lines
