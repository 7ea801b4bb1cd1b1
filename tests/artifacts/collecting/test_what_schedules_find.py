"""The schedules can fail: each part of the protocol, taken away, loses something in some order of steps."""

from __future__ import annotations

import shutil
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from forebear.catalog import blob_index, collecting_table
from forebear.catalog.blob_index import BlobIndex
from forebear.catalog.collecting_table import CollectingTable
from forebear.store.leases import WriterLease
from tests.artifacts.collecting.schedules import Cut, Dice, Schedule
from tests.artifacts.collecting.test_interleavings import CASTS, World, prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["prepared"]
#: Schedules that are tried before a part counts as superfluous.
TRIES = 150


def no_garbage_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlobIndex, "firm", BlobIndex.known)


def nobody_touches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob_index, "touch", lambda db, digests: None)


def nothing_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob_index, "rescue", lambda db, digests: None)


def leases_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting_table, "WRITING", "nobody")


def names_are_not_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WriterLease, "settle", lambda self, name: None)


def one_look_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    throw_out = CollectingTable.throw_out

    def hasty(self: CollectingTable, epoch: int, *rest: Any) -> Any:
        return throw_out(self, epoch + 1, *rest)

    monkeypatch.setattr(CollectingTable, "throw_out", hasty)


BROKEN = (
    no_garbage_is_told,
    nobody_touches,
    nothing_comes_back,
    leases_mean_nothing,
    names_are_not_settled,
    one_look_is_enough,
)


def schedules() -> Iterator[tuple[Schedule, tuple[str, ...]]]:
    """Orders of steps, the likeliest to find something first."""
    for number in count():
        yield Cut("collector", number % 40 + 20, "again"), ("deleter", "collector", "again")
        yield Cut("patient", number % 8 + 1, "collector"), ("patient", "collector")
        yield Dice(number), CASTS[number % len(CASTS)]


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda each: each.__name__)
def test_each_part_is_needed(
    prepared: Path, memory_path: Path, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], None]
) -> None:
    monkeypatch.setattr("forebear.store.leases._LOOK_SECONDS", 0.0)
    break_it(monkeypatch)
    for number, (schedule, cast) in enumerate(schedules()):
        assert number < TRIES, "nothing was lost"
        folder = memory_path / str(number)
        shutil.copytree(prepared, folder)
        world = World(folder, schedule)
        try:
            if "deleter" not in cast or cast[0] == "deleter":
                world.deleter()
                cast = tuple(name for name in cast if name != "deleter")
            world.play(*cast)
            world.check()
        except AssertionError:
            return
        finally:
            world.place.close()
