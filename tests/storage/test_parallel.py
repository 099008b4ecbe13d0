import threading

import pytest

from colab_magics.storage.parallel import each
from colab_magics.storage.turns import Turns


def test_answers_come_in_the_order_of_the_questions() -> None:
    """However long each takes, and on no more threads than allowed."""
    names: set[str] = set()
    first = threading.Event()

    def do(number: int) -> int:
        names.add(threading.current_thread().name)
        if number == 0:
            first.wait(10)
        if number == 1:
            first.set()
        return number * number

    assert each(do, range(50), 4) == [number * number for number in range(50)]
    assert 2 <= len(names) <= 4


def test_an_error_ends_what_has_not_begun() -> None:
    """The first one is raised."""
    begun: list[int] = []

    def do(number: int) -> None:
        begun.append(number)
        if number == 2:
            raise ZeroDivisionError
        threading.Event().wait(0.01)

    with pytest.raises(ZeroDivisionError):
        each(do, range(1000), 2)
    assert len(begun) < 1000


def test_one_thing_needs_no_thread() -> None:
    """It is done here."""
    assert each(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]


def test_those_who_want_the_same_take_turns_and_others_do_not_wait() -> None:
    """And nothing is kept of a thing that nobody works on."""
    turns, inside = Turns(), threading.Event()
    order: list[str] = []

    def second() -> None:
        with turns.of("a"):
            order.append("second")
        inside.set()

    with turns.of("a"), turns.of("a"):  # who has it may enter again
        thread = threading.Thread(target=second)
        thread.start()
        with turns.of("b"):
            order.append("other")
        assert not inside.wait(0.05)
        order.append("first")
    thread.join(5)

    assert order == ["other", "first", "second"]
    assert turns._held == {}
