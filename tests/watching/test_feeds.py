"""What every feed must tell, whatever it is that it watches."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from colab_magics.errors import ColabMagicsError, PlaceNotFound
from colab_magics.watching.change import Change
from colab_magics.watching.feed import watch
from watching.worlds import FAST, Heard, World, listen


def test_a_file_that_appears_in_a_folder_is_created(world: World) -> None:
    """A new file is one change with its place, name, version, size and an aware time."""
    heard = listen(world, "in")
    world.write("in/a.txt", "one")
    heard.wait("created a.txt")

    (change,) = heard.changes
    assert change.place == world.place("in/a.txt").path
    assert (change.name, change.size, change.local) == ("a.txt", 3, None)
    assert change.version
    assert change.time.tzinfo is not None


def test_a_file_that_is_written_again_is_modified_with_another_version(world: World) -> None:
    """New content is a new version; the place stays."""
    world.write("in/a.txt", "one")
    heard = listen(world, "in/a.txt")
    world.write("in/a.txt", "two")
    heard.wait("modified a.txt")
    world.write("in/a.txt", "three")
    heard.wait("modified a.txt", "modified a.txt")

    assert heard.said() == ["modified a.txt"] * 2
    assert heard.changes[0].version != heard.changes[1].version
    assert heard.changes[1].size == 5


def test_a_file_that_goes_is_deleted(world: World) -> None:
    """A deleted file is told once, without a size."""
    world.write("in/a.txt", "one")
    heard = listen(world, "in/a.txt")
    world.delete("in/a.txt")
    heard.wait("deleted a.txt")

    assert [change.size for change in heard.changes] == [None]


def test_what_was_there_before_is_not_told(world: World) -> None:
    """Watching begins with what is there as known."""
    world.write("in/old.txt", "one")
    heard = listen(world, "in")
    world.write("in/new.txt", "two")
    heard.wait("created new.txt")

    assert heard.said() == ["created new.txt"]


def test_a_renamed_file_is_a_deleted_and_a_created_one(world: World) -> None:
    """Both names are told of, with the size of the new one."""
    world.write("in/a.txt", "one")
    heard = listen(world, "in")
    world.move("in/a.txt", "in/b.txt")
    heard.wait("deleted a.txt", "created b.txt")

    assert sorted(heard.said()) == ["created b.txt", "deleted a.txt"]


def test_a_file_that_is_moved_out_is_deleted(world: World) -> None:
    """For a watch of the folder it is gone."""
    world.write("in/a.txt", "one")
    heard = listen(world, "in")
    world.move("in/a.txt", "out/a.txt")
    heard.wait("deleted a.txt")

    assert heard.said() == ["deleted a.txt"]


def test_a_file_that_is_moved_in_is_created(world: World) -> None:
    """For a watch of the folder it is new, whatever its age."""
    world.write("out/a.txt", "one")
    heard = listen(world, "in")
    world.move("out/a.txt", "in/a.txt")
    heard.wait("created a.txt")

    assert heard.said() == ["created a.txt"]


def test_a_folder_is_watched_with_all_below_it(world: World) -> None:
    """Folders made later count, too."""
    world.write("in/deep/er/a.txt", "one")
    heard = listen(world, "in")
    world.write("in/deep/er/a.txt", "two")
    world.write("in/new/folder/b.txt", "three")
    heard.wait("modified a.txt", "created b.txt")
    world.write("in/new/folder/b.txt", "four")
    heard.wait("modified b.txt")

    assert world.place("in/new/folder/b.txt").path in {change.place for change in heard.changes}


def test_a_folder_that_is_moved_in_brings_its_files(world: World) -> None:
    """All that is in it is created, and watched from then on."""
    world.write("out/pack/a.txt", "one")
    world.write("out/pack/sub/b.txt", "two")
    heard = listen(world, "in")
    world.move("out/pack", "in/pack")
    heard.wait("created a.txt", "created b.txt")
    world.write("in/pack/sub/b.txt", "more")
    heard.wait("modified b.txt")

    assert heard.said()[-1] == "modified b.txt"


def test_a_folder_that_is_moved_out_takes_its_files_along(world: World) -> None:
    """All that was in it is deleted."""
    world.write("in/pack/a.txt", "one")
    world.write("in/pack/sub/b.txt", "two")
    heard = listen(world, "in")
    world.move("in/pack", "out/pack")
    heard.wait("deleted a.txt", "deleted b.txt")

    assert sorted(heard.said()) == ["deleted a.txt", "deleted b.txt"]


def test_a_renamed_folder_moves_its_files(world: World) -> None:
    """The old places are deleted and the new ones created."""
    world.write("in/pack/a.txt", "one")
    heard = listen(world, "in")
    world.move("in/pack", "in/other")
    heard.wait("deleted a.txt", "created a.txt")

    places = {change.kind: change.place for change in heard.changes}
    assert places["deleted"] == world.place("in/pack/a.txt").path
    assert places["created"] == world.place("in/other/a.txt").path


def test_a_pattern_tells_only_of_what_matches(world: World) -> None:
    """One star stays within a folder."""
    heard = listen(world, "in/*.txt")
    world.write("in/a.csv", "no")
    world.write("in/sub/a.txt", "no")
    world.write("in/b.txt", "yes")
    heard.wait("created b.txt")

    assert heard.said() == ["created b.txt"]


def test_two_stars_go_across_folders(world: World) -> None:
    """``**`` is any number of folders, none among them."""
    heard = listen(world, "in/**/*.txt")
    world.write("in/a.txt", "yes")
    world.write("in/x/y/b.txt", "yes")
    world.write("in/x/y/b.csv", "no")
    heard.wait("created a.txt", "created b.txt")

    assert sorted(heard.said()) == ["created a.txt", "created b.txt"]


def test_a_file_that_does_not_exist_yet_can_be_watched(world: World) -> None:
    """Its folder must be there; the file comes later."""
    heard = listen(world, "in/later.txt")
    assert heard.subscription is not None
    assert heard.subscription.target.missing
    world.write("in/other.txt", "no")
    world.write("in/later.txt", "yes")
    heard.wait("created later.txt")

    assert heard.said() == ["created later.txt"]


def test_a_folder_that_does_not_exist_is_an_error_of_one_line(world: World) -> None:
    """It says which folder is missing, and leaves nothing behind."""
    with pytest.raises((PlaceNotFound, ColabMagicsError)) as caught:
        listen(world, "nowhere/a.txt")

    assert "nowhere" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert world.feeds.stats() == []


def test_two_watches_are_told_each_of_its_own(world: World) -> None:
    """They share a feed, and not their changes."""
    one, both = listen(world, "in/a.txt"), listen(world, "in")
    world.write("in/b.txt", "two")
    both.wait("created b.txt")
    world.write("in/a.txt", "one")
    one.wait("created a.txt")
    both.wait("created a.txt")

    assert one.said() == ["created a.txt"]
    assert sum(stats.watches for stats in world.feeds.stats()) == 2


def test_a_file_that_is_replaced_as_a_whole_is_modified(world: World) -> None:
    """As editors and sync programs do it: another file takes its name."""
    world.write("in/a.txt", "one")
    heard = listen(world, "in/a.txt")
    world.swap("in/a.txt", "two, longer")
    heard.until(lambda: heard.changes and heard.changes[-1].size == 11)

    assert heard.said()[-1] == "modified a.txt"


def test_unfinished_and_hidden_names_are_passed_over(world: World) -> None:
    """Unless somebody asks for one by its own name."""
    heard, named = listen(world, "in"), listen(world, "in/b.part")
    for name in (".hidden", "b.part", "c.tmp", "d.swp", "e~", ".ipynb_checkpoints/f.txt"):
        world.write(f"in/{name}", "no")
    world.write("in/a.txt", "yes")
    heard.wait("created a.txt")
    named.wait("created b.part")

    assert heard.said() == ["created a.txt"]


def test_a_closed_watch_hears_no_more(world: World) -> None:
    """Closing one leaves the other."""
    first, second = listen(world, "in"), listen(world, "in")
    assert first.subscription is not None
    first.subscription.close()
    first.subscription.close()
    world.write("in/a.txt", "one")
    second.wait("created a.txt")

    assert first.said() == []


def test_the_last_close_ends_the_threads_and_a_new_watch_works(world: World) -> None:
    """No thread is left at once, and watching can begin anew."""
    for number in range(3):
        heard = listen(world, "in")
        assert heard.subscription is not None
        world.write("in/a.txt", f"text {number}{'.' * number}")
        heard.until(lambda heard=heard: heard.changes)
        heard.subscription.close()
        names = [thread.name for thread in threading.enumerate()]

        assert not [name for name in names if name.startswith("colab_magics-watch")]


def test_a_sink_that_fails_harms_nobody(world: World) -> None:
    """The error is logged; that watch and all others go on."""
    calls: list[int] = []

    def broken(changes: object) -> None:
        calls.append(1)
        raise RuntimeError("a bug in a handler")

    world.feeds.subscribe(world.place("in"), broken)
    heard = listen(world, "in")
    world.write("in/a.txt", "one")
    heard.wait("created a.txt")
    world.write("in/b.txt", "one")
    heard.wait("created b.txt")

    assert len(calls) >= 1


def test_a_burst_is_one_set_with_the_last_state(world: World) -> None:
    """`watch` waits until a file is still, and then tells of it once."""
    world.write("in/a.txt", "0")
    stop = threading.Event()
    found: list[set[Change]] = []
    began = threading.Event()

    def follow() -> None:
        source: Iterator[set[Change]] = watch(
            world.place("in"), stop_event=stop, debounce=0.5, settings=FAST
        )
        for changes in source:
            found.append({change for change in changes if change.name == "a.txt"})
            began.set()
            if found[-1]:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    number = 0
    while not began.wait(0.1):  # the watch has begun when it tells of this
        number += 1
        world.write(f"in/begin{number}.txt", "")
    for size in range(1, 15):
        world.write("in/a.txt", "x" * size)
    thread.join(10)
    stop.set()

    sizes = [change.size for changes in found for change in changes]
    assert sizes == [14]


def test_watch_ends_when_its_stop_event_is_set(world: World) -> None:
    """Without a change, and soon."""
    stop = threading.Event()
    stop.set()

    assert list(watch(world.place("in"), stop_event=stop, settings=FAST)) == []


def test_stats_say_what_it_costs(world: World) -> None:
    """One row for each feed in use."""
    heard: Heard = listen(world, "in")
    world.write("in/a.txt", "one")
    heard.wait("created a.txt")
    (stats,) = world.feeds.stats()

    assert stats.watches == 1
    assert stats.problem == ""
    assert stats.interval > 0
