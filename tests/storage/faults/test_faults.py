"""Nothing is lost: whatever request fails, in whatever way, Drive and disk stay right.

COLAB_MAGICS_FAULTS=long sweeps with every way also three times in a row and for ever, and lets
several requests of one action fail at random; COLAB_MAGICS_FAULTS_SEED repeats such a run.
"""

from __future__ import annotations

import os
import random

import pytest
from storage.faults.scenarios import BY_NAME, SCENARIOS, Scenario
from storage.faults.stage import Stage
from storage.faults.sweep import Sweep, often
from storage.faults.ways import ALWAYS, PAGE, WAYS

LONG = os.environ.get("COLAB_MAGICS_FAULTS") == "long"
SEED = int(os.environ.get("COLAB_MAGICS_FAULTS_SEED") or random.SystemRandom().randrange(10**6))
LASTING = ("503, wait 7 s", "reset, done")


@pytest.mark.timeout(1800 if LONG else 120)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost(stage: Stage, sweeps: list[Sweep], scenario: Scenario) -> None:
    """Each request of the action fails once, and for ever, in each way."""
    sweep = Sweep(scenario, stage)
    sweeps.append(sweep)
    sweep.run([way for way in WAYS if LONG or way.brief], times=1)
    lasting = [way for way in WAYS if LONG or way.name in LASTING]
    sweep.run(lasting, times=ALWAYS)
    if LONG:
        sweep.run(lasting, times=3)
        sweep.run_at_random(random.Random(f"{SEED} {scenario.name}"), cases=100)

    assert not sweep.wrong, sweep.story(SEED)


@pytest.mark.parametrize("fault", [{"body": PAGE}, {"cut": "before"}, {"truncate": 9}], ids=str)
def test_a_token_that_does_not_come(stage: Stage, fault: dict[str, object]) -> None:
    """The token has expired, and the way to a new one is broken: for a moment, or for good."""
    sweep = Sweep(BY_NAME["overwrite a small file"], stage)
    for times in (1, ALWAYS):
        for nth in range(1, len(sweep.requests) + 1):
            expired = {"status": 401, "nth": nth, "times": times}
            broken = {**fault, "path": "^/token", "times": times}
            what = f"request {nth}, no token {often(times)}"
            sweep.case(what, [broken, expired], times == 1, {})

    assert not sweep.wrong, sweep.story(SEED)
    assert sweep.failed == len(sweep.requests)
