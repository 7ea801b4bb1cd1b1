"""Checks, repairs and recoveries of a store whose catalog is in PostgreSQL and whose blobs are in S3."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import forebear
from forebear.api.checking.recovering import recover_store
from forebear.api.copying.copying import copy_store
from forebear.errors import CorruptData
from forebear.store.checking.aside import aside, really
from forebear.store.shared import close_stores, shared_store
from forebear.testing.soundness import troubles
from tests.faults.results import DETECTED, SILENT, injected

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.store.store import Store
    from tests.team import Team

pytestmark = pytest.mark.server
FILES = {f"{number}.txt": b"content %d" % number * 40 for number in range(30)}


@pytest.fixture
def url(team_servers: Team, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of the team with two versions."""
    team_servers.enter(monkeypatch)
    monkeypatch.setenv("FOREBEAR_SILENT", "1")
    found = team_servers.url(uuid.uuid4().hex)
    with forebear.init(project="p", id="maker", settings={"store": found}) as run:
        for more in ({}, {"more.txt": b"more" * 40}):
            artifact = forebear.Artifact("ds", "dataset")
            for path, content in {**FILES, **more}.items():
                artifact.add(content, path)
            run.log_artifact(artifact, aliases=["prod"] if more else None)
    return found


def api(url: str) -> forebear.Api:
    return forebear.Api(url, project="p")


def overwrite(store: Store, name: str, content: bytes) -> None:
    """Put other bytes in the place of an object, as a broken bucket would have them."""
    objects = really(store.objects)
    objects.delete(name)
    objects.put(name, content)
    store.objects.forget(name)  # type: ignore[attr-defined]


def pack_of(store: Store) -> tuple[str, bytes]:
    """The pack that most files are in."""
    stored = max(store.catalog.objects(), key=lambda stored: len(stored.slices))
    return stored.name, really(store.objects).read(stored.name)


def read(url: str) -> dict[str, Any]:
    version = api(url).artifact("ds:v0")
    return {file.path: version.read(file.path) for file in version.files()}


def read_what_can_be(url: str) -> dict[str, bytes]:
    """The files that are handed out; the others are refused."""
    found = {}
    version = api(url).artifact("ds:v0")
    for path in FILES:
        with contextlib.suppress(CorruptData):
            found[path] = version.read(path)
    return found


def test_a_sound_store_is_sound(url: str) -> None:
    for options in ({}, {"read_data": True, "repair": True}, {"rebuild_index": True}):
        found = api(url).fsck(**options)
        assert (found.ok, found.troubles) == (True, [])
    assert (found.versions, found.records) == (2, 2)


@pytest.mark.parametrize("damage", ["flip", "cut", "extend", "delete", "end"])
def test_damage_is_found_named_and_healed_from_another_store(url: str, tmp_path: Path, damage: str) -> None:
    store = shared_store(url)
    copy_store(store, shared_store(str(tmp_path / "copy")))
    name, content = pack_of(store)
    changed = {
        "flip": content[:40] + bytes([content[40] ^ 1]) + content[41:],
        "cut": content[: len(content) // 2],
        "extend": content + b"x",
        "end": content[:-1] + b"x",
        "delete": b"",
    }[damage]
    with injected("damage", "pack in a bucket", damage) as case:
        if damage == "delete":
            really(store.objects).delete(name)
            store.objects.forget(name)  # type: ignore[attr-defined]
        else:
            overwrite(store, name, changed)
        case.outcome = SILENT
        assert all(content == FILES[path] for path, content in read_what_can_be(url).items())
        (trouble, *_) = api(url).fsck(read_data=True).troubles
        assert trouble.name == name
        assert damage in {"extend", "end"} or "local/p/ds:v0" in trouble.versions
        found = api(url).fsck(read_data=True, repair=True, source=str(tmp_path / "copy"))
        assert (found.ok, found.left) == (True, [])
        assert read(url) == FILES
        assert troubles(shared_store(url)) == []
        assert damage == "delete" or really(store.objects).size(aside(name)) == len(changed)
        case.outcome = DETECTED


def test_a_lost_schema_comes_back_from_the_bucket(url: str, team_servers: Team) -> None:
    api(url).move_alias("ds:v0", "old")
    store_id = shared_store(url).id
    close_stores()
    with psycopg.connect(team_servers.database, autocommit=True) as connection:
        (schema,) = (part.partition("=")[2] for part in url.split("&") if part.startswith("schema="))
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE'.encode())
    with pytest.raises(CorruptData, match="forebear recover"):
        api(url)
    done = recover_store(url)
    assert (done.new_catalog, done.versions, done.runs, done.damaged) == (True, 2, 1, {})
    assert shared_store(url).id == store_id
    assert read(url) == FILES
    versions = {version.version: version.aliases for version in api(url).artifacts("ds")}
    assert versions == {"v0": ["old"], "v1": ["latest", "prod"]}
    assert troubles(shared_store(url)) == []
    assert recover_store(url).versions == 0
