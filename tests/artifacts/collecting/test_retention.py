"""Which versions a policy lets go: those that nothing keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from forebear.artifacts.collecting.retention import apply_policies, doomed_versions, expired
from forebear.errors import InvalidInput
from forebear.records.artifacts import COMMITTED, Version
from forebear.records.collecting import Policy, check_policy
from tests.artifacts.collecting.places import DAY, Place

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def version(number: int, *aliases: str) -> Version:
    """A version that is so many days old as it is from v9."""
    return Version(
        id=100 + number,
        entity="team",
        project="digits",
        name="data",
        type="dataset",
        number=number,
        root=bytes(32),
        size=1,
        file_count=1,
        state=COMMITTED,
        description=None,
        metadata={},
        created_at=NOW - timedelta(days=9 - number),
        aliases=aliases,
    )


VERSIONS = [version(9, "latest"), version(8), version(7, "prod"), *(version(number) for number in range(6, -1, -1))]


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        (Policy(keep_last=1), [0, 1, 2, 3, 4, 5, 6, 8]),
        (Policy(keep_last=5), [0, 1, 2, 3, 4]),
        (Policy(keep_last=10), []),
        (Policy(max_age_days=3), [0, 1, 2, 3, 4, 5]),
        (Policy(max_age_days=0), [0, 1, 2, 3, 4, 5, 6, 8]),
        (Policy(keep_last=2, max_age_days=5), [0, 1, 2, 3]),
        (Policy(keep_last=8, max_age_days=1), [0, 1]),
        (Policy(keep_last=1, keep_aliased=False), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ],
    ids=str,
)
def test_versions_go_that_nothing_keeps(policy: Policy, gone: list[int]) -> None:
    assert [each.number for each in expired(VERSIONS, set(), policy, NOW)] == gone
    pins = {100, 105}
    assert [each.number for each in expired(VERSIONS, pins, policy, NOW)] == [n for n in gone if n not in {0, 5}]


def test_nothing_goes_from_nothing() -> None:
    assert expired([], set(), Policy(keep_last=1), NOW) == []


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(keep_aliased=False),
        Policy(keep_last=0),
        Policy(keep_last=-1),
        Policy(max_age_days=-0.1),
        Policy(max_age_days=float("nan")),
        Policy(max_age_days=float("inf")),
    ],
    ids=str,
)
def test_policies_that_make_no_sense_are_refused(policy: Policy) -> None:
    with pytest.raises(InvalidInput):
        check_policy(policy)


def test_a_policy_speaks_for_its_collection_alone(place: Place) -> None:
    first = [place.log("data", a=str(number)) for number in range(3)]
    second = [place.log("model", b=str(number)) for number in range(3)]
    place.catalog.set_policy(first[0].collection_id, check_policy(Policy(keep_last=2)))
    assert apply_policies(place.store, place.clock()) == ["team/digits/data:v0"]
    assert apply_policies(place.store, place.clock()) == []
    place.catalog.set_policy(second[0].collection_id, check_policy(Policy(max_age_days=1)))
    assert apply_policies(place.store, place.clock()) == []
    place.clock.tick(DAY + 1)
    assert [each.number for each in doomed_versions(place.store, place.clock())[second[0].collection_id]] == [0, 1]
    assert apply_policies(place.store, place.clock()) == ["team/digits/model:v0", "team/digits/model:v1"]
    assert {v.label for v in place.live()} == {"data:v1", "data:v2", "model:v2"}


def test_what_gets_an_alias_in_the_meantime_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [place.log("data", a=str(number)) for number in range(3)]
    place.catalog.set_policy(made[0].collection_id, Policy(keep_last=1))
    versions = place.catalog.versions

    def named_meanwhile(collection_id: int) -> list[Version]:
        found = versions(collection_id)
        place.catalog.move_alias(made[0].id, "prod")
        return found

    monkeypatch.setattr(place.catalog, "versions", named_meanwhile)
    assert apply_policies(place.store, place.clock()) == ["team/digits/data:v1"]
