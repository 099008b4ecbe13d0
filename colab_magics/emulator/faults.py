"""Which requests are to go wrong, and how?"""

from __future__ import annotations

import random
import re
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass
class Fault:
    """One rule: which requests, and what goes wrong with them.

    Attributes:
        method: Only requests with this method.
        path: Only requests in whose path this regular expression is found.
        query: Only requests in whose query string this regular expression is found.
        status: Answer with this status, and with Drive's body for it.
        reason: The reason in that body; alone it means a 403.
        effect: Do what was asked before the status is answered.
        retry_after: Seconds to put into a `Retry-After` header.
        latency: Seconds to wait before the request is looked at.
        rate: Bytes a second at which the body is taken and the answer is sent.
        cut: Reset the connection `before` anything is done or `after` it, without an answer.
        truncate: Send only so many bytes of the body and close, with the Content-Length of the
            whole; `short` sends half of it with a matching Content-Length.
        flip: Invert this byte of the body; True takes the middle one.
        body: Answer 200 and this text as HTML, as a captive portal does.
        empty: Answer a page of changes without changes, to be asked for again.
        ignore_range: Answer 200 and the whole file to a request for a range.
        stored: Keep only so many bytes of an upload's chunk, in whole units of 256 KiB, and
            answer 308 with the range that is there.
        nth: Begin with the nth request that fits (from 1); `times` is then 1.
        times: Go wrong so often at most.
        probability: Go wrong with this chance each time.
        id: Its number.
        matched: How many requests fitted.
        fired: How many of them went wrong.
    """

    id: int
    method: str | None = None
    path: str | None = None
    query: str | None = None
    status: int | None = None
    reason: str | None = None
    effect: bool = False
    retry_after: float | None = None
    latency: float = 0.0
    rate: int | None = None
    cut: Literal["before", "after"] | None = None
    truncate: int | Literal["short"] | None = None
    flip: int | bool | None = None
    body: str | None = None
    empty: bool = False
    ignore_range: bool = False
    stored: int | None = None
    nth: int | None = None
    times: int | None = None
    probability: float | None = None
    matched: int = 0
    fired: int = 0
    _path: re.Pattern[str] | None = field(default=None, repr=False)
    _query: re.Pattern[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse a rule that could not work."""
        if self.cut not in (None, "before", "after"):
            raise ValueError(f"cut is 'before' or 'after', not {self.cut!r}")
        whole = isinstance(self.truncate, int) and not isinstance(self.truncate, bool)
        if self.truncate is not None and self.truncate != "short" and not whole:
            raise ValueError(f"truncate is a number of bytes or 'short', not {self.truncate!r}")
        if self.status is not None and self.status not in range(200, 600):
            raise ValueError(f"status is between 200 and 599, not {self.status!r}")
        for name in ("retry_after", "latency", "rate", "stored", "nth", "times", "probability"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | float) or value < 0):
                raise ValueError(f"{name} is a number from 0, not {value!r}")
        if self.reason and self.status is None:
            self.status = 403
        if self.nth is not None and self.times is None:
            self.times = 1
        self._path, self._query = _pattern(self.path), _pattern(self.query)

    def fits(self, method: str, path: str, query: str) -> bool:
        """Say whether the rule is about this request."""
        if self.method and self.method.upper() != method:
            return False
        if self._path and not self._path.search(path):
            return False
        return not (self._query and not self._query.search(query))

    def fires(self, chance: random.Random) -> bool:
        """Count a request that fits, and say whether this one goes wrong."""
        self.matched += 1
        if self.nth is not None and self.matched < self.nth:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        if self.probability is not None and chance.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the rule and its counts as JSON."""
        rule = asdict(self)
        return {k: v for k, v in rule.items() if not k.startswith("_") and v is not None}


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None


class Faults:
    """The rules in force; each request that matters is shown to all of them.

    Args:
        seed: Where the chances of `probability` begin, so that a run can be repeated.
    """

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._next = 1
        self._chance = random.Random(seed)

    def seed(self, seed: int) -> None:
        """Begin the chances anew."""
        with self._lock:
            self._chance = random.Random(seed)

    def add(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        query: str | None = None,
        status: int | None = None,
        reason: str | None = None,
        effect: bool = False,
        retry_after: float | None = None,
        latency: float = 0.0,
        rate: int | None = None,
        cut: Literal["before", "after"] | None = None,
        truncate: int | Literal["short"] | None = None,
        flip: int | bool | None = None,
        body: str | None = None,
        empty: bool = False,
        ignore_range: bool = False,
        stored: int | None = None,
        nth: int | None = None,
        times: int | None = None,
        probability: float | None = None,
    ) -> int:
        """Add a rule and return its number; `Fault` says what each argument does."""
        rule = {k: v for k, v in locals().items() if k != "self"}
        with self._lock:
            fault = Fault(id=self._next, **rule)
            self._next += 1
            self._rules.append(fault)
            return fault.id

    def clear(self, fault_id: int | None = None) -> None:
        """Remove one rule, or all of them."""
        with self._lock:
            keep = [] if fault_id is None else [one for one in self._rules if one.id != fault_id]
            self._rules = keep

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules and how often they fitted and fired."""
        with self._lock:
            return [one.as_json() for one in self._rules]

    def match(self, method: str, path: str, query: str) -> list[Fault]:
        """Return the rules that fire for a request; each rule that fits counts it."""
        with self._lock:
            fitting = [one for one in self._rules if one.fits(method, path, query)]
            return [one for one in fitting if one.fires(self._chance)]
