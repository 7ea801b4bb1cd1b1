"""What breaks between here and a server: the call completes or fails whole, and a repetition ends in the same state.

A store whose catalog, or whose bucket, is behind a proxy that breaks connections at any byte, or answers in its place.
"""

from __future__ import annotations

import itertools
import os
import threading
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import pytest

from forebear.blobs import retrying
from forebear.errors import ForebearError
from tests.faults.results import COMPLETED, FAILED_WHOLE, UNTRIED, injected
from tests.faults.steps import STEPS, CopySteps, DownloadSteps, LogSteps, Steps
from tests.faults.wire import END, IN, LATENCY, OUT, RESET, Break, wire
from tests.proxy import Fault, Request, proxy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.faults.wire import Wire
    from tests.proxy import Proxy
    from tests.team import Team

#: Set by ``make faults``.
EVERY = bool(os.environ.get("EVERY_KILL"))
#: Bytes at which each direction of an operation is broken.
CUTS = 12 if EVERY else 1
#: Operations that speak to the bucket.
TO_BUCKET = (LogSteps, DownloadSteps, CopySteps)

pytestmark = [pytest.mark.server, pytest.mark.timeout(900 if EVERY else 120)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, team_servers: Team) -> None:
    """Repeat at once: what is tried is whether, not when."""
    monkeypatch.setattr(retrying, "_FIRST_DELAY_SECONDS", 0.002)
    team_servers.enter(monkeypatch)


def each(
    steps: Steps, place: str, faults: Iterable[Any], arm: Callable[[Any], None], disarm: Callable[[], int]
) -> None:
    """Do an operation, which was done once, with each fault; ``disarm`` ends one and tells how often it was met."""
    for number, fault in enumerate(faults, 1):
        steps.arrange(number)
        with injected("network", f"{steps.name} on {place}", str(fault)) as case:
            arm(fault)
            try:
                steps.do(number)
                outcome = COMPLETED
            except ForebearError:
                outcome = FAILED_WHOLE
            finally:
                met = disarm()
            if outcome == FAILED_WHOLE:
                steps.do(number)
            steps.check(number)
            case.outcome = outcome if met else UNTRIED
    steps.close()


# -- at any byte ------------------------------------------------------------------------------------------------------


def breaks(steps: Steps, line: Wire) -> Iterator[Break]:
    """At bytes of both directions that are spread over what an operation sends and gets; the last one is late."""
    line.disarm()
    steps.arrange(0)
    steps.do(0)
    passed = dict(line.passed)
    steps.check(0)
    hows = (RESET, END)
    for way in (OUT, IN):
        for index in range(CUTS):
            at = passed[way] * (2 * index + 1) // (2 * CUTS)
            how = hows[(index + (way == IN)) % 2]
            yield Break(how, way, at, more=index % 3 if way == IN else 0)
        yield Break(LATENCY, way, 0)


def break_each(steps: Steps, place: str, line: Wire) -> None:
    faults = list(breaks(steps, line))

    def disarm() -> int:
        met = line.broken
        line.disarm()
        return met

    each(steps, place, faults, line.arm, disarm)


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_postgresql(kind: type[Steps], team_servers: Team, memory_path: Path) -> None:
    with wire(team_servers.database) as (line, url):
        place = f"{url}?blobs={memory_path / 'blobs'}&schema=w{uuid.uuid4().hex}"
        break_each(kind(place, memory_path / "own"), "PostgreSQL", line)


def bucket_store(folder: Path, endpoint: str) -> str:
    """A store with its catalog in a folder and its blobs in a bucket."""
    return f"{folder / 'store'}?blobs=s3://team/{uuid.uuid4().hex}&endpoint_url={quote(endpoint, safe=':/')}"


@pytest.mark.parametrize("kind", TO_BUCKET, ids=lambda kind: kind.__name__)
def test_s3(kind: type[Steps], team_servers: Team, memory_path: Path) -> None:
    with wire(team_servers.s3.url) as (line, url):
        break_each(kind(bucket_store(memory_path, url), memory_path / "own"), "S3", line)


# -- at any request ---------------------------------------------------------------------------------------------------

FAULTS = {
    "500": Fault(status=500),
    "503": Fault(status=503),
    "429 with Retry-After": Fault(status=429, headers={"Retry-After": "0"}),
    "answer lost": Fault(late=True),
    "truncated body": Fault(cut_answer=100),
    "body that is too short": Fault(shorten=100),
    "request cut": Fault(cut_request=50),
}


class Case(NamedTuple):
    """A fault, and the requests of an operation that meet it: the first of them, and how many."""

    fault: str
    number: int
    times: int

    def __str__(self) -> str:
        return f"{self.fault} at request {self.number} of an operation, {self.times} times"


class Requests:
    """Breaks requests of an operation."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy, self.lock, self.met = proxy, threading.Lock(), 0

    def arm(self, case: Case) -> None:
        came = itertools.count()
        self.met = 0

        def decide(request: Request) -> Fault | None:
            with self.lock:
                if not case.number <= next(came) < case.number + case.times:
                    return None
                self.met += 1
                return FAULTS[case.fault]

        self.proxy.fault = decide

    def disarm(self) -> int:
        self.proxy.reset()
        return self.met


@pytest.mark.parametrize("kind", TO_BUCKET, ids=lambda kind: kind.__name__)
def test_s3_answers(kind: type[Steps], team_servers: Team, memory_path: Path) -> None:
    with proxy_of(team_servers.s3) as (proxy, endpoint):
        steps = kind(bucket_store(memory_path, endpoint.url), memory_path / "own")
        steps.arrange(0)
        proxy.reset()
        steps.do(0)
        count = len(proxy.requests)
        assert count
        numbers = sorted({0, count // 2, count - 1}) if EVERY else [count // 2]
        cases = [Case(fault, number, times) for fault in FAULTS for number in numbers for times in (1, 3)]
        requests = Requests(proxy)
        each(steps, "S3", cases if EVERY else cases[::3], requests.arm, requests.disarm)
