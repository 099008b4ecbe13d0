"""In which ways does a request fail?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from colab_magics.emulator.faults import Fault
from colab_magics.emulator.meter import LogEntry

ALWAYS = 10**9
STALL_SECONDS = 0.25


def _any(request: LogEntry) -> bool:
    return True


def _weighty(request: LogEntry) -> bool:
    return request.method != "GET" or "alt=media" in request.query


@dataclass(frozen=True)
class Way:
    """One way to fail.

    Attributes:
        fault: arguments of the emulator's `Faults.add`; a pattern in it says which requests can
            fail like that.
        heals: so many failures in a row must be mended without a word to the user.
        worth: whether it is worth the time to let a request fail like that.
        brief: whether it is in the short run too.
        settings: of the client, where the usual ones would make the case slow.
    """

    name: str
    fault: Mapping[str, Any]
    heals: int = 3
    worth: Callable[[LogEntry], bool] = _any
    brief: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, request: LogEntry) -> bool:
        """Whether a request can fail like that."""
        rule = Fault(id=0, **self.fault)
        return rule.fits(request.method, request.path, request.query)

    def __str__(self) -> str:
        return self.name


PAGE = "<!doctype html><title>Sign in</title><p>Welcome to this network"
WAYS = (
    Way("500", {"status": 500}, brief=False),
    Way("500, done", {"status": 500, "effect": True}),
    Way("503, wait 7 s", {"status": 503, "retry_after": 7}),
    Way("429", {"status": 429}, brief=False),
    Way("403 rate", {"reason": "userRateLimitExceeded"}, brief=False),
    Way("403 rate, done", {"reason": "userRateLimitExceeded", "effect": True}),
    Way("reset", {"cut": "before"}),
    Way("reset, done", {"cut": "after"}),
    Way("answer cut", {"truncate": 9}),
    Way("half an answer", {"truncate": "short"}, heals=2),
    Way("sign-in page", {"body": PAGE}),
    Way("sign-in page, done", {"body": PAGE, "effect": True}, brief=False),
    Way("401", {"status": 401}, heals=1),
    Way("stall", {"latency": STALL_SECONDS}, worth=_weighty, settings={"timeout_seconds": 0.1}),
    Way("byte flipped", {"flip": True, "query": "alt=media"}, heals=2),
    Way("range ignored", {"ignore_range": True, "query": "alt=media"}),
    Way("nothing stored", {"stored": 0, "method": "PUT", "query": "upload_id"}),
    Way("session 404", {"status": 404, "query": "upload_id"}, heals=2),
    Way("session 410", {"status": 410, "query": "upload_id"}, heals=2),
)
