"""Collecting a store whose catalog is in PostgreSQL and whose blobs are in a bucket."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from forebear.artifacts.collecting.collecting import collect
from forebear.artifacts.collecting.rules import AT_ONCE
from forebear.artifacts.collecting.undeleting import undelete
from forebear.artifacts.commit import Labels, commit_draft
from forebear.artifacts.draft import Draft
from forebear.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forebear.records.artifacts import Version
    from forebear.store.store import Store
    from tests.team import Team

pytestmark = pytest.mark.server
ALL = replace(AT_ONCE, trash_seconds=0)


@pytest.fixture
def stores(
    team_servers: Team, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[list[Store]]:
    """One store, opened twice."""
    team_servers.enter(monkeypatch)
    url = team_servers.url(request.node.nodeid)
    opened = [open_store(url), open_store(url)]
    yield opened
    for store in opened:
        store.close()


def log(draft: Draft, name: str = "data") -> Version:
    return commit_draft(draft, Labels("team", "digits", name, "dataset"), None).version


def draft(store: Store, **files: bytes) -> Draft:
    made = Draft(store)
    for path, content in files.items():
        made.add_bytes(content, path)
    return made


def objects(store: Store) -> set[str]:
    return {*store.objects.names("loose/"), *store.objects.names("pack/")}


def test_what_nobody_names_goes_and_comes_back_from_the_trash(stores: list[Store]) -> None:
    mine, theirs = stores
    large, small = os.urandom(17 * 1024 * 1024), os.urandom(50_000)
    gone = log(draft(mine, large=large, small=small))
    kept = log(draft(mine, small=small, other=b"other"))
    mine.catalog.delete_version(gone.id)
    waiting = draft(theirs, again=large)
    before = objects(mine)
    report = collect(mine, ALL)
    assert report.thrown_out.count > 0
    assert (report.deleted.count, objects(mine)) == (0, before)
    log(waiting, "again")
    undelete(mine, gone)
    mine.catalog.delete_version(gone.id)
    collect(mine, ALL)
    for store in stores:
        assert (
            store.damaged([version.root for each in store.catalog.collections() for version in live(store, each.id)])
            == {}
        )
    again = live(theirs, theirs.catalog.collection("team", "digits", "again").id)[0]  # type: ignore[union-attr]
    mine.catalog.delete_version(again.id)
    assert collect(theirs, ALL).deleted.size > len(large)
    assert len(objects(mine)) < len(before)
    assert mine.damaged([kept.root]) == {}
    assert mine.catalog.leases() == []


def live(store: Store, collection_id: int) -> list[Version]:
    return store.catalog.versions(collection_id)
