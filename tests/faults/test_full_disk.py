"""Each operation on a disk on which so much room is left: it completes or fails whole, and is then repeated."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.faults import tracing
from tests.faults.conftest import mounted
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.results import COMPLETED, FAILED_WHOLE, injected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Set by ``make faults``.
EVERY = bool(os.environ.get("EVERY_KILL"))
DISK_BYTES = 32 * 1024 * 1024
KIB = 1024
#: KiB that are left.
LEFT = (0, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if EVERY else (0, 64)

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of `DISK_BYTES`."""
    with mounted(tmp_path / "disk", DISK_BYTES) as folder:
        yield folder


def fill(disk: Path, left: int) -> Path:
    """Take all room of a disk but for so many bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while (room := shutil.disk_usage(disk).free - left) > 0:
            with contextlib.suppress(OSError):  # somebody else took some of it meanwhile
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)
    return ballast


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_it_goes_on_once_there_is_room(operation: Operation, disk: Path, tmp_path: Path) -> None:
    place, at = tmp_path / "place", disk / "at"
    place.mkdir()
    done(lambda: operation.prepare(place))
    for left in LEFT:
        shutil.copytree(place, at)
        with injected("full disk", operation.name, f"full disk at {left} KiB of room") as case:

            def ready() -> Callable[[], object]:
                work = operation.ready(at)
                fill(disk, left * KIB)  # noqa: B023 - it is called before the loop goes on
                return work

            child = tracing.Child(ready)
            child.go()
            ending = child.wait()
            assert ending.code in {tracing.DONE, tracing.REFUSED}, ending.said
            assert ending.code == tracing.DONE or "free some space" in ending.said, ending.said
            (disk / "ballast").unlink()
            if ending.code == tracing.REFUSED:
                done(lambda: operation.between(at))
                done(lambda: operation.repeat(at))
            done(lambda: operation.done(at))
            case.outcome = COMPLETED if ending.code == tracing.DONE else FAILED_WHOLE
        shutil.rmtree(at)


def done(work: Callable[[], object]) -> None:
    """Do something in a child; it may not fail."""
    ending = tracing.in_child(work)
    assert ending.code == tracing.DONE, ending.said
