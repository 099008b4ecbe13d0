"""Each request of an action fails, one after the other, in each way: what comes of it?"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from storage.faults.judge import (
    REAL_SECONDS,
    WAITED_SECONDS,
    Wrong,
    expect,
    judge_end,
    judge_failure,
    judge_success,
)
from storage.faults.scenarios import Scenario
from storage.faults.stage import Stage
from storage.faults.ways import ALWAYS, WAYS, Way

from colab_magics.emulator.meter import LogEntry

Rule = dict[str, Any]
AT_RANDOM = "several at random"
_RUNS = (1, 1, 2, 4, ALWAYS)  # how often in a row one of several faults strikes


class Sweep:
    """All cases of one scenario.

    Attributes:
        counts: cases by way and by how often in a row it struck.
        failed: how many of them ended with an error, as they should.
        waited: the most seconds that one of them waited between tries, on a clock that jumps.
        wrong: the cases in which something was, in words.
    """

    def __init__(self, scenario: Scenario, first: Stage) -> None:
        self.scenario = scenario
        self.counts: Counter[tuple[str, int]] = Counter()
        self.failed = 0
        self.waited = 0.0
        self.wrong: list[str] = []
        self._first = first
        self.requests = self._without_faults()

    def _without_faults(self) -> list[LogEntry]:
        stage = self._first.set_up(self.scenario.before, self.scenario.local)
        result = self.scenario.act(stage)
        requests = list(stage.drive.log)
        judge_success(stage, self.scenario, result)
        judge_end(stage)
        return requests

    def run(self, ways: Iterable[Way], times: int) -> None:
        """Let each request that can fail in a way do so, `times` in a row."""
        for way, nth in self._cases(ways):
            rule = {**way.fault, "nth": nth, "times": times}
            what = f"request {nth} that it fits: {way}, {often(times)}"
            key, must_heal = (way.name, times), times <= way.heals
            self.counts[key] += self.case(what, [rule], must_heal, way.settings)

    def run_at_random(self, chance: random.Random, cases: int) -> None:
        """Let up to four requests of one action fail, each in a way of its own."""
        ways = [way for way in WAYS if self._fitting(way)]
        for _ in range(cases):
            struck = []
            for way in chance.choices(ways, k=chance.randint(2, 4)):
                nth = chance.randint(1, len(self._fitting(way)) + 1)
                struck.append((way, nth, chance.choice(_RUNS)))
            rules = [{**way.fault, "nth": nth, "times": times} for way, nth, times in struck]
            what = ", ".join(f"{nth}: {way} {often(times)}" for way, nth, times in struck)
            settings = {name: value for way, _, _ in struck for name, value in way.settings.items()}
            self.counts[AT_RANDOM, 1] += self.case(f"at random, {what}", rules, False, settings)

    def story(self, seed: int) -> str:
        """What was wrong."""
        some = [*self.wrong[:40], *(["..."] if len(self.wrong) > 40 else [])]
        return "\n".join([f"{len(self.wrong)} cases went wrong, with the seed {seed}:", *some])

    def _cases(self, ways: Iterable[Way]) -> Iterator[tuple[Way, int]]:
        """Each way with each number of a request among those that it fits."""
        for way in ways:
            fitting = self._fitting(way)
            for nth, request in enumerate(fitting, 1):
                if way.worth(request):
                    yield way, nth

    def _fitting(self, way: Way) -> list[LogEntry]:
        if "flip" in way.fault and not self.scenario.hashed:
            return []
        return [request for request in self.requests if way.fits(request)]

    def case(
        self, what: str, rules: list[Rule], must_heal: bool, settings: Mapping[str, Any]
    ) -> bool:
        """Act once while these rules are in force, and judge; whether one of them struck.

        Connections that work side by side may need one request less than last time.
        """
        scenario, struck = self.scenario, True
        stage = self._first.set_up(scenario.before, scenario.local, **settings)
        try:
            struck = self._act(stage, rules, must_heal)
            judge_end(stage)
        except AssertionError as exc:
            self.wrong.append(f"{what}: {exc}")
        except Exception as exc:
            self.wrong.append(f"{what}: afterwards, {type(exc).__name__}: {exc}")
        finally:
            stage.close()
        return struck

    def _act(self, stage: Stage, rules: list[Rule], must_heal: bool) -> bool:
        result, error = None, None
        for rule in rules:
            stage.drive.faults.add(**rule)
        begun = time.monotonic()
        try:
            result = self.scenario.act(stage)
        except Exception as exc:
            error = exc
        took = time.monotonic() - begun
        _settled(stage)
        struck = any(rule["fired"] for rule in stage.drive.faults.rules())
        stage.drive.faults.clear()
        waited = sum(stage.clock.waits)
        self.waited = max(self.waited, waited)
        if struck and len(rules) == 1 and (least := rules[0].get("retry_after")):
            longest = max(stage.clock.waits, default=0)
            expect(longest >= least, f"waited {longest:.1f} s, and was told to wait {least} s")
        expect(took < REAL_SECONDS, f"took {took:.1f} s")
        expect(waited < WAITED_SECONDS, f"waited {waited:.0f} s between tries")
        if error is None:
            judge_success(stage, self.scenario, result)
            return struck
        self.failed += 1
        if must_heal:
            raise Wrong(f"failed, though it was to be mended: {type(error).__name__}: {error}")
        judge_failure(stage, self.scenario, error)
        if self.scenario.again:  # who asks again gets what was asked for
            stage.clock.advance(stage.settings.fresh_seconds)  # another client may have written
            judge_success(stage, self.scenario, self.scenario.act(stage), first=False)
        return struck


def _settled(stage: Stage) -> None:
    """Wait for requests that the client gave up on, but the Drive may still carry out."""
    rules = stage.drive.faults.rules()
    end = time.monotonic() + max((rule["latency"] for rule in rules), default=0) * 1.5
    while len(stage.drive.log) < rules[0]["matched"] and time.monotonic() < end:
        time.sleep(0.01)


def often(times: int) -> str:
    return {1: "once", ALWAYS: "for ever"}.get(times, f"{times} times")


def table(sweeps: list[Sweep]) -> list[str]:
    """The counts: a line for each way, a column for each scenario."""
    lines = [
        f"{n:>2} {one.scenario.name}: {len(one.requests)} requests" for n, one in _numbered(sweeps)
    ]
    keys = list(dict.fromkeys(key for sweep in sweeps for key in sweep.counts))
    rows = [
        (f"{way}, {often(times)}", [one.counts[way, times] for one in sweeps])
        for way, times in keys
    ]
    rows.append(("cases", [one.counts.total() for one in sweeps]))
    rows.append(("of these ended with an error", [one.failed for one in sweeps]))
    rows.append(("went wrong", [len(one.wrong) for one in sweeps]))
    wide = max(len(name) for name, _ in rows)
    lines += ["", " " * wide + "".join(f"{n:>5}" for n, _ in _numbered(sweeps)) + "   all"]
    for name, row in rows:
        lines.append(f"{name:<{wide}}" + "".join(f"{n:>5}" for n in row) + f"{sum(row):>6}")
    longest = max(one.waited for one in sweeps)
    return [
        *lines,
        "",
        f"the longest waited {longest:.0f} s between its tries, on a clock that jumps",
    ]


def _numbered(sweeps: list[Sweep]) -> Iterator[tuple[int, Sweep]]:
    return zip(range(1, len(sweeps) + 1), sweeps, strict=True)
