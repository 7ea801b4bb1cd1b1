"""Collecting by itself: once a day, bounded, and without a word where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.artifacts.collecting import collecting
from forebear.artifacts.collecting.automatic import BUDGET_SECONDS, EVERY, collect_now_and_then
from forebear.artifacts.collecting.rules import DAY_SECONDS, Rules
from forebear.errors import StorageFailure

if TYPE_CHECKING:
    import pytest

    from tests.artifacts.collecting.places import Place


def test_it_is_done_once_a_day_whoever_does_it(place: Place) -> None:
    place.log(a="one")
    place.delete(place.live()[0])
    assert not collect_now_and_then(place.store)
    for day in range(4):
        place.clock.tick(EVERY.total_seconds() - 1)
        assert not collect_now_and_then(place.store)
        place.clock.tick(1)
        assert collect_now_and_then(place.store)
        assert not collect_now_and_then(place.store)
        assert (place.catalog.garbage(), len(place.catalog.trash())) == ((2, 0) if day == 0 else (0, 1))
    for _ in range(7):
        place.clock.tick(EVERY.total_seconds())
        collect_now_and_then(place.store)
    assert place.names() == set()


def test_it_is_bounded_and_as_patient_as_by_hand(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Rules] = []
    monkeypatch.setattr(collecting, "collect", lambda store, rules: asked.append(rules))
    collect_now_and_then(place.store)
    place.clock.tick(EVERY.total_seconds())
    assert collect_now_and_then(place.store)
    (rules,) = asked
    assert (rules.budget_seconds, rules.grace_seconds, rules.trash_seconds, rules.looks) == (
        BUDGET_SECONDS, DAY_SECONDS, 7 * DAY_SECONDS, 1,
    )  # fmt: skip


def test_what_goes_wrong_is_no_trouble_for_the_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(store: object, rules: object) -> None:
        raise StorageFailure("the disk is away", code="storage-failure")

    monkeypatch.setattr(collecting, "collect", fail)
    collect_now_and_then(place.store)
    place.clock.tick(EVERY.total_seconds())
    assert not collect_now_and_then(place.store)
