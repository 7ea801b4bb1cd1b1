"""A catalog that is lost is made again from what lies beside it: every name that a record holds comes back."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import forebear
from forebear.api.checking.recovering import recover_store
from forebear.errors import CorruptData, NotFound
from forebear.records.artifacts import COMMITTED
from forebear.store.records import read_records
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles
from tests.api.checking.conftest import LARGE, WEIGHTS, Scene


def facts(scene: Scene) -> dict[str, Any]:
    """What records hold of a store: every version by its number, and where every alias stands."""
    catalog = scene.store.catalog
    found: dict[str, Any] = {}
    for collection in catalog.collections():
        whole = catalog.whole_versions(collection.id)
        runs = catalog.runs_by_key({each.origin for each in whole if each.origin is not None})
        for version, origin in whole:
            run = None if origin is None else runs[origin].id
            found[version.qualified_name] = (
                *(version.type, version.root, version.size, version.file_count, version.state, version.created_at),
                *((version.description, version.metadata, version.tags, run) if version.state == COMMITTED else ()),
            )
            found |= {f"{collection.qualified_name}:{alias}": version.number for alias in version.aliases}
        found[collection.qualified_name] = collection.next_number
    return found


def recovered(scene: Scene) -> Any:
    close_stores()
    return recover_store(scene.root)


def test_a_lost_catalog_comes_back(scene: Scene) -> None:
    scene.log("other", {"x": b"x"}, "maker", description="Words", metadata={"n": [1, None, "ü"]}, tags=["t", "u"])
    before = facts(scene)
    store_id = scene.store.id
    scene.lose_catalog()
    with pytest.raises(CorruptData, match="forebear recover --store"):
        _ = scene.api
    done = recover_store(scene.root)
    assert (done.new_catalog, done.records, done.versions, done.versions_same, done.damaged) == (True, 3, 3, 0, {})
    assert facts(scene) == before
    assert scene.store.id == store_id
    api = scene.api
    version = api.artifact("ds:prod")
    assert {path: version.read(path) for path in ("a.txt", "large.bin", "m.weights")} == {
        "a.txt": b"a" * 99,
        "large.bin": LARGE,
        "m.weights": WEIGHTS,
    }
    assert version.logged_by().id == "maker"
    assert "survived the loss" in api.run("maker").record.notes
    assert troubles(scene.store) == []
    assert api.fsck(read_data=True).ok
    # What is logged next goes on where it was.
    assert scene.log("ds", {"next": b"n"}).version == "v2"
    assert scene.log("ds", {"next": b"n"}).version == "v2"


def test_recovering_again_changes_nothing(scene: Scene) -> None:
    scene.lose_catalog()
    recover_store(scene.root)
    before = facts(scene)
    done = recovered(scene)
    assert (done.new_catalog, done.versions, done.versions_same, done.objects, done.aliases) == (False, 0, 2, 0, 0)
    assert facts(scene) == before


def test_a_sound_catalog_is_left_as_it_is(scene: Scene) -> None:
    content = (scene.root / "catalog.db").stat().st_ino
    done = recovered(scene)
    assert (done.new_catalog, done.versions, done.kept) == (False, 0, None)
    assert (scene.root / "catalog.db").stat().st_ino == content


def test_aliases_come_back_where_they_stood_last(scene: Scene) -> None:
    api = scene.api
    api.move_alias("ds:v1", "prod")
    api.move_alias("ds:v0", "old")
    api.move_alias("ds:v0", "gone")
    api.remove_alias("ds", "gone")
    version = api.artifact("ds:v0")
    version.description, version.tags = "later", ["late"]
    version.save()
    before = facts(scene)
    assert before["local/p/ds:prod"] == 1
    scene.lose_catalog()
    assert recover_store(scene.root).aliases == 3
    assert facts(scene) == before


def test_deleted_versions_keep_their_numbers_and_stay_deleted(scene: Scene) -> None:
    scene.log("ds", {"third": b"3"})
    for name in ("ds:v2", "ds:v0"):
        scene.api.artifact(name).delete(delete_aliases=True)
    before = facts(scene)
    scene.lose_catalog()
    done = recover_store(scene.root)
    assert (done.versions, done.deleted) == (3, 2)
    assert facts(scene) == before
    assert scene.api.artifact("ds").version == "v1"
    with pytest.raises(NotFound, match="deleted"):
        scene.api.artifact("ds:v0")
    assert scene.log("ds", {"fourth": b"4"}).version == "v3"


def test_a_damaged_catalog_is_kept_beside_the_new_one(scene: Scene) -> None:
    before = facts(scene)
    close_stores()
    noise = os.urandom(50_000)
    for _ in range(2):
        (scene.root / "catalog.db").write_bytes(noise)
        done = recovered(scene)
        assert done.new_catalog
        assert Path(done.kept).read_bytes() == noise
        assert facts(scene) == before
        close_stores()
    assert sorted(path.name for path in scene.root.glob("catalog.db.*")) == [
        "catalog.db.damaged-1",
        "catalog.db.damaged-2",
    ]


def test_a_backup_of_the_catalog_is_brought_up_to_date(scene: Scene) -> None:
    with forebear.init(project="p", id="rich", config={"lr": 1}, settings={"store": str(scene.root)}) as run:
        run.log({"loss": 0.5})
    old = scene.copy("old")
    scene.log("ds", {"third": b"3"}, aliases=["prod"])
    scene.log("new", {"x": b"x"})
    before = facts(scene)
    scene.lose_catalog()
    shutil.copy(old.root / "catalog.db", scene.root)
    done = recovered(scene)
    assert (done.new_catalog, done.versions, done.versions_same) == (False, 2, 2)
    assert facts(scene) == before
    assert scene.api.run("rich").config == {"lr": 1}
    assert troubles(scene.store) == []


def test_a_number_that_was_given_a_second_time_is_told(scene: Scene) -> None:
    old = scene.copy("old")
    lost = scene.log("ds", {"third": b"3"}).digest
    scene.lose_catalog()
    shutil.copy(old.root / "catalog.db", scene.root)
    assert scene.log("ds", {"another": b"third"}).version == "v2"
    done = recovered(scene)
    assert [(each.number, each.number_there) for each in done.renumbered] == [(2, 3)]
    assert scene.api.artifact("ds:v3").digest == lost
    assert recovered(scene).versions == 0
    assert scene.api.fsck(repair=True).troubles == []


def test_records_of_the_first_kind_are_understood(scene: Scene) -> None:
    """They had no digest in their names and did not follow changes."""
    scene.log("ds", {"third": b"3"})
    before = facts(scene)
    for name in list(scene.store.objects.names("versions/")):
        fields = msgspec.json.decode(scene.store.objects.read(name))
        del fields["state"], fields["written_at"]
        scene.store.objects.put(f"{name.rpartition('-')[0]}.json", msgspec.json.encode(fields))
        scene.store.objects.delete(name)
    scene.lose_catalog()
    assert recover_store(scene.root).versions == 3
    assert facts(scene) == before
    assert scene.api.fsck(read_data=True, repair=True).ok


def test_of_equal_versions_of_the_first_kind_the_earlier_one_was_deleted(scene: Scene) -> None:
    records = read_records(scene.store.objects).newest
    first = next(record for record in records.values() if record.number == 0)
    later = first.created_at + timedelta(days=1)
    again = msgspec.to_builtins(first) | {"number": 2, "aliases": ["latest"], "created_at": later}
    del again["state"], again["written_at"]
    name = f"versions/local/p/ds/v2-{first.root[:16]}.json"
    scene.store.objects.put(name, msgspec.json.encode(again))
    scene.lose_catalog()
    assert recover_store(scene.root).deleted == 1
    assert scene.api.artifact("ds:v2").digest == first.root
    with pytest.raises(NotFound):
        scene.api.artifact("ds:v0")


def test_runs_that_were_deleted_stay_so(scene: Scene) -> None:
    run = scene.api.run("maker")
    run.delete()
    version = scene.api.artifact("ds:v0")
    version.description = "recorded again, with what is left of its run"
    version.save()
    scene.lose_catalog()
    assert recover_store(scene.root).damaged == {}
    assert [each.id for each in scene.api.runs()] != []
    with pytest.raises(NotFound):
        scene.api.run("maker")
    assert troubles(scene.store) == []


def test_damaged_records_are_told_and_the_others_come_back(scene: Scene) -> None:
    names = sorted(scene.store.objects.names("versions/"))
    content = bytearray(scene.path(names[0]).read_bytes())
    content[20] ^= 1
    scene.path(names[0]).write_bytes(content)
    scene.lose_catalog()
    done = recover_store(scene.root)
    assert list(done.damaged) == [names[0]]
    assert done.versions == 1
    assert scene.api.artifact("ds").version == "v1"


def test_versions_whose_manifest_is_gone_come_back_by_name_and_heal(scene: Scene) -> None:
    other = scene.copy("other")
    root = bytes.fromhex(scene.api.artifact("ds:v0").digest)
    page = scene.store.read(root)
    scene.flip(page)
    before = facts(scene)
    scene.lose_catalog()
    done = recover_store(scene.root)
    assert list(done.damaged) == ["local/p/ds:v0"]
    assert facts(scene) == before
    found = scene.api.fsck(repair=True, source=str(other.root))
    assert found.ok
    assert troubles(scene.store) == []


def test_a_mark_that_is_lost_is_written_anew(scene: Scene) -> None:
    before, store_id = facts(scene), scene.store.id
    for lost in (["store.json"], ["store.json", "catalog.db"]):
        close_stores()
        for name in lost:
            (scene.root / name).unlink()
        recover_store(scene.root)
        assert facts(scene) == before
    assert scene.store.id != store_id  # nothing tells it any more


@pytest.mark.parametrize("there", [False, True], ids=["no folder", "empty folder"])
def test_where_no_store_is_none_is_made(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "none").mkdir()
    with pytest.raises(NotFound, match="no store"):
        recover_store(tmp_path / "none")
    assert not (tmp_path / "none" / "catalog.db").exists()


def test_a_recovery_that_was_cut_off_leaves_what_was_there_and_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = facts(scene)
    close_stores()
    noise = os.urandom(20_000)
    (scene.root / "catalog.db").write_bytes(noise)
    for path in scene.root.glob("catalog.db-*"):
        path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("forebear.api.checking.recovering.read_records", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            recover_store(scene.root)
    assert (scene.root / "catalog.db").read_bytes() == noise
    assert recover_store(scene.root).new_catalog
    assert facts(scene) == before
    assert not list(scene.root.glob("*.recovering*"))


def _cut_off(_: object) -> None:
    raise KeyboardInterrupt


def test_blobs_apart_from_the_catalog(tmp_path: Path, home: Path) -> None:
    url = f"{tmp_path / 'catalog'}?blobs={tmp_path / 'blobs'}"
    with forebear.init(project="p", settings={"store": url, "silent": True}) as run:
        artifact = forebear.Artifact("ds", "dataset")
        artifact.add(b"x", "x")
        digest = run.log_artifact(artifact).digest
    close_stores()
    shutil.rmtree(tmp_path / "catalog")
    assert recover_store(url).versions == 1
    assert forebear.Api(str(tmp_path / "catalog"), project="p").artifact("ds").digest == digest


def test_a_journal_that_was_left_is_taken_after_a_recovery(scene: Scene) -> None:
    """Its run is known again by its versions alone, or not at all."""
    run = forebear.init(project="p", id="open", settings={"store": str(scene.root), "silent": True})
    run.log({"loss": 1.0})
    run.finish()
    scene.lose_catalog()
    recover_store(scene.root)
    assert scene.log("ds", {"more": b"m"}).version == "v2"
    assert troubles(scene.store) == []


# -- anything that people do ------------------------------------------------------------------------------------------

NAMES = ("a", "b.c", "d-e")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("log"), st.sampled_from(NAMES), st.integers(0, 4), st.sampled_from(["", "prod", "x"])),
        st.tuples(st.just("move"), st.sampled_from(NAMES), st.integers(0, 4), st.sampled_from(["prod", "x"])),
        st.tuples(st.just("remove"), st.sampled_from(NAMES), st.integers(0, 4), st.sampled_from(["prod", "x"])),
        st.tuples(st.just("describe"), st.sampled_from(NAMES), st.integers(0, 4), st.text(max_size=5)),
        st.tuples(st.just("delete"), st.sampled_from(NAMES), st.integers(0, 4), st.just("")),
    ),
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_was_done_its_names_come_back(empty: Scene, steps: list[tuple[str, str, int, str]]) -> None:
    scene = Scene(empty.root.parent / os.urandom(8).hex())
    with forebear.init(project="p", id="r", settings={"store": str(scene.root), "silent": True}) as run:
        for step in steps:
            do(scene, run, *step)
    before = facts(scene)
    scene.lose_catalog()
    recover_store(scene.root)
    assert facts(scene) == before
    assert troubles(scene.store) == []
    close_stores()
    shutil.rmtree(scene.root)


def do(scene: Scene, run: Any, what: str, name: str, number: int, word: str) -> None:
    api = scene.api
    if what == "log":
        artifact = forebear.Artifact(name, "dataset")
        artifact.add(b"%d" % number, "x")
        run.log_artifact(artifact, aliases=[word] if word else None)
        return
    try:
        version = api.artifact(f"{name}:v{number}")
        if what == "move":
            api.move_alias(version.name, word)
        elif what == "remove":
            api.remove_alias(name, word)
        elif what == "delete":
            version.delete(delete_aliases=True)
        else:
            version.description, version.tags = word, [f"t{number}"]
            version.save()
    except NotFound:
        return
