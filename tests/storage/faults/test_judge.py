"""Would a lost, doubled or damaged file be found out? The sweep and its judge, tried on worse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from storage.faults.judge import Wrong, judge_error, judge_failure, judge_success
from storage.faults.scenarios import BY_NAME, Scenario
from storage.faults.stage import Stage
from storage.faults.sweep import Sweep
from storage.faults.ways import WAYS, Way

from colab_magics.errors import DriveUnreachable
from colab_magics.storage import api
from colab_magics.storage.transfers.fetching import Fetching

CREATE = BY_NAME["create a small file"]
OVERWRITE = BY_NAME["overwrite a small file"]
FETCH = BY_NAME["fetch a small file over another"]
FAILED = DriveUnreachable("no answer")


def way(name: str) -> list[Way]:
    return [one for one in WAYS if one.name == name]


def acted(stage: Stage, scenario: Scenario) -> tuple[Stage, object]:
    one = stage.set_up(scenario.before, scenario.local)
    return one, scenario.act(one)


def test_a_create_without_an_id_makes_two_files(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that draws no id before it creates is caught by each lost answer of a create."""
    monkeypatch.setattr(api, "_takes_id", lambda mime_type: False)
    sweep = Sweep(CREATE, stage)
    sweep.run(way("reset, done"), times=1)

    assert len(sweep.wrong) == 1
    assert "there is more than one ['in/new.txt']" in sweep.wrong[0]


def test_a_client_that_checks_no_hash_takes_wrong_bytes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One flipped byte of a download."""
    monkeypatch.setattr(Fetching, "_expect", lambda *given: None)
    sweep = Sweep(FETCH, stage)
    sweep.run(way("byte flipped"), times=1)

    assert sweep.wrong == ["request 1 that it fits: byte flipped, once: on disk: ['a.txt']"]


def test_a_client_that_tries_once_is_told_so(stage: Stage) -> None:
    """A single 429 anywhere must not reach the user."""
    sweep = Sweep(OVERWRITE, stage)
    requests = len(sweep.requests)
    for nth in range(1, requests + 1):
        rules = [{"status": 429, "nth": nth}]
        sweep.case("once", rules, True, {"retry_attempts": 1})

    assert len(sweep.wrong) == requests
    assert all("failed, though it was to be mended: DriveBusy" in text for text in sweep.wrong)


def _double(stage: Stage) -> None:
    stage.truth.make({"a.txt": b"new"}, inside=folder(stage))


def _damage(stage: Stage) -> None:
    stage.truth.write(stage.ids["in/a.txt"], b"nEw")


def _extra(stage: Stage) -> None:
    stage.truth.make({"other.txt": b""})


def _replace(stage: Stage) -> None:
    stage.truth.delete(stage.ids["in/a.txt"])
    stage.truth.make({"a.txt": b"new"}, inside=folder(stage))


def _delete(stage: Stage) -> None:
    stage.truth.delete(stage.ids["in/a.txt"])


def _trash(stage: Stage) -> None:
    stage.truth.trash(stage.ids["in/a.txt"])


def _litter(stage: Stage) -> None:
    (stage.local / ".1234.part").write_bytes(b"n")


def folder(stage: Stage) -> str:
    return stage.ids["in"]


@pytest.mark.parametrize(
    ("tamper", "success", "failure"),
    [
        (_double, "there is more than one ['in/a.txt']", "there is more than one ['in/a.txt']"),
        (_damage, "'in/a.txt' has wrong bytes", "'in/a.txt' is neither old nor new"),
        (_extra, "'other.txt']", "'other.txt' is neither old nor new"),
        (_replace, "'in/a.txt' has another id", "'in/a.txt' is gone, past the trash"),
        (_delete, "there is ['in'], not", "'in/a.txt' is lost"),
        (_trash, "there is ['in'], not", "'in/a.txt' is lost"),
        (_litter, "on disk: ['.1234.part']", None),
    ],
)
def test_what_is_wrong_on_the_drive_is_seen(
    stage: Stage, tamper: Callable[[Stage], None], success: str, failure: str | None
) -> None:
    """After an overwrite that went well, and after one that is said to have failed."""
    one, result = acted(stage, OVERWRITE)
    tamper(one)

    with pytest.raises(Wrong) as caught:
        judge_success(one, OVERWRITE, result)
    assert success in str(caught.value)
    if failure is not None:
        with pytest.raises(Wrong) as caught:
            judge_failure(one, OVERWRITE, FAILED)
        assert failure in str(caught.value)
    one.close()


def test_a_view_that_lags_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The filesystem believes in a file that is not there any more."""
    one, result = acted(stage, CREATE)
    monkeypatch.setattr(one.fs, "info", lambda path: {"id": "an old one"})

    with pytest.raises(Wrong, match=r"info of 'in' says an old one, not "):
        judge_success(one, CREATE, result)
    one.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("socket"), "OSError is none of our errors"),
        (DriveUnreachable("two\nlines"), "no single line"),
        (DriveUnreachable("PUT http://127.0.0.1/?upload_id=1"), "tells too much"),
        (DriveUnreachable("no answer", token="ya29.x"), "tells too much"),
    ],
)
def test_an_error_must_be_one_clear_line(error: Exception, words: str) -> None:
    with pytest.raises(Wrong) as caught:
        judge_error(error)

    assert words in str(caught.value)
