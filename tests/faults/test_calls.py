"""Each call of the system by which an operation works on a store: the process is killed there, or the call fails.

A sample is tried always, all of them by ``make faults``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pytest

from tests.faults import tracing
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.results import COMPLETED, FAILED_WHOLE, REPEATED, injected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.tracing import Point


_T = TypeVar("_T")

#: Set by ``make faults``.
EVERY = bool(os.environ.get("EVERY_KILL"))
#: Tests that share the cases of one operation out between them, so that they run beside each other.
PARTS = 4 if EVERY else 1
#: Points of an operation that are tried in an ordinary test run.
KILLS, FAILURES = 2, 4
#: Failures of an operation that ``make faults`` tries.
ALL_FAILURES = 100

#: What can go wrong with a call, by the beginning of its name.
ERRORS = {
    "write": ("ENOSPC", "EIO"),
    "pwrite": ("ENOSPC", "EIO"),
    "copy_file_range": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "openat": ("EMFILE", "EACCES", "ENOSPC", "EIO"),
    "rename": ("EACCES", "ENOSPC", "EIO"),
    "link": ("EACCES", "ENOSPC", "EMFILE"),
    "unlink": ("EACCES", "EIO"),
    "mkdir": ("EACCES", "ENOSPC", "EIO"),
    "ftruncate": ("ENOSPC", "EIO"),
    "fallocate": ("ENOSPC", "EIO"),
    "fchmod": ("EACCES", "EIO"),
    "chmod": ("EACCES", "EIO"),
    "read": ("EIO",),
    "pread": ("EIO",),
    "getdents": ("EIO", "EACCES"),
}

pytestmark = [
    pytest.mark.debian("strace"),
    pytest.mark.timeout(1_800 if EVERY else 120),
]


@pytest.fixture
def note(memory_path: Path) -> Path:
    if not tracing.strace_works():
        pytest.skip("strace may not trace here")
    return memory_path / "note"


@pytest.fixture
def place(memory_path: Path, operation: Operation) -> Path:
    """A folder with what the operation needs, and nothing of it open in this process."""
    folder = memory_path / "place"
    folder.mkdir()
    assert_done(lambda: operation.prepare(folder))
    return folder


@contextlib.contextmanager
def copied(place: Path) -> Iterator[Path]:
    """Give a copy of a folder, for one case."""
    copy = place.with_name("case")
    shutil.copytree(place, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def assert_done(*works: Callable[[], object]) -> None:
    """Do one after the other, each in a child of its own; none of it may fail."""
    for work in works:
        ending = tracing.in_child(work)
        assert ending.code == tracing.DONE, ending.said


def points_of(operation: Operation, place: Path, calls: str, note: Path) -> list[Point]:
    with copied(place) as at:
        tracing.load_what_it_loads(lambda: operation.repeat(at))
    with copied(place) as at:
        return tracing.points(lambda: operation.ready(at), calls, at, note)


def spread(found: list[_T], count: int) -> list[_T]:
    """Return so many, each from the middle of a stretch as long as the others."""
    if len(found) <= count:
        return found
    return [found[(2 * index + 1) * len(found) // (2 * count)] for index in range(count)]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_it_is_killed(operation: Operation, place: Path, note: Path, part: int) -> None:
    found = points_of(operation, place, tracing.CHANGES, note)
    for point in spread(found, operation.most_kills if EVERY else KILLS)[part::PARTS]:
        with copied(place) as at:
            ending = tracing.killed_at(lambda at=at: operation.ready(at), point, note)
            if ending.code == tracing.DONE:
                continue  # another thread made that call this time
            assert ending.code == -signal.SIGKILL, (point, ending)
            with injected("kill", operation.name, f"SIGKILL at {point.name} {point.number}") as case:
                assert_done(
                    lambda at=at: operation.between(at),
                    lambda at=at: operation.repeat(at),
                    lambda at=at: operation.done(at),
                )
                case.outcome = REPEATED


class Failure(NamedTuple):
    point: Point
    error: str
    lasting: bool

    def __str__(self) -> str:
        return f"{self.error} at {self.point.name} {self.point.number}{' and after' if self.lasting else ''}"


def failures_of(found: list[Point], count: int) -> list[Failure]:
    """What is tried: so many, from all calls with all that can go wrong with them, once or from then on."""
    by_error: dict[tuple[str, bool], list[Failure]] = {}
    for point in found:
        for begins, errors in ERRORS.items():
            if point.name.startswith(begins):
                for error, lasting in itertools.product(errors, (False, True)):
                    by_error.setdefault((error, lasting), []).append(Failure(point, error, lasting))
    # The same number of each error, not of each call: there are ten times more that open than that write.
    each = -(-count // len(by_error))
    rounds = itertools.zip_longest(*(spread(some, max(2, each)) for some in by_error.values()))
    return [failure for some in rounds for failure in some if failure is not None][:count]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_call_of_it_fails(operation: Operation, place: Path, note: Path, part: int) -> None:
    found = points_of(operation, place, f"{tracing.CHANGES},{tracing.READS}", note)
    for failure in failures_of(found, ALL_FAILURES if EVERY else FAILURES)[part::PARTS]:
        with copied(place) as at:
            ending, failed = tracing.failing_at(
                lambda at=at: operation.ready(at),
                failure.point,
                failure.error,
                note,
                lasting=failure.lasting,
            )
            if not failed:
                continue  # another thread came first this time
            with injected("failing call", operation.name, str(failure)) as case:
                assert ending.code in {tracing.DONE, tracing.REFUSED}, f"{failure}: {ending.said}"
                if ending.code == tracing.DONE:
                    assert_done(lambda at=at: operation.done(at))
                    case.outcome = COMPLETED
                    continue
                assert_done(
                    lambda at=at: operation.between(at),
                    lambda at=at: operation.repeat(at),
                    lambda at=at: operation.done(at),
                )
                case.outcome = FAILED_WHOLE
