"""A store copied into another is there as it was, once, and goes on."""

from __future__ import annotations

import os
from functools import partial
from itertools import count
from signal import SIGKILL
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from forebear.api.api import Api
from forebear.api.copying.copying import copy_store
from forebear.api.copying.planning import plan_copy
from forebear.errors import InvalidInput
from forebear.records.content import Location, Recipe
from forebear.records.lineage import EdgeKind
from forebear.records.runs import RunChanges
from forebear.records.sweeps import NewSweep
from forebear.store.shared import shared_store
from tests.api.copying.stores import begin, everything, log

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.store.store import Store

#: Collection of the table that the pipeline logs.
TABLE = "local/p/run-ingest-table:v0"


def test_everything_is_there_as_it_was(source: Store, target: Store) -> None:
    copied = copy_store(source, target)
    assert everything(target) == everything(source)
    assert copied.troubles == []
    assert copied.renumbered == []


def test_copying_again_changes_nothing(source: Store, target: Store) -> None:
    first = copy_store(source, target)
    before = everything(target)
    again = copy_store(source, target)
    assert everything(target) == before
    assert (again.runs_same, again.versions_same) == (first.runs, first.versions + first.versions_same)
    assert (again.runs, again.runs_changed, again.versions, again.versions_changed) == (0, 0, 0, 0)
    assert (again.moves, again.edges, again.sweeps, again.objects, again.bytes) == (0, 0, 0, 0, 0)


def test_what_is_new_since_is_copied(source: Store, target: Store) -> None:
    copy_store(source, target)
    with begin(source.address, "later") as run:
        run.use_artifact("data:v1")
        log(run, "data", {"part-0/000.txt": b"changed again"}, aliases=["prod"])
        run.log({"loss": 0.5})
    planned = plan_copy(source, target)
    copied = copy_store(source, target)
    assert everything(target) == everything(source)
    assert (copied.runs, copied.versions, copied.moves, copied.edges) == (1, 1, 2, 1)  # its origin came with it
    assert (planned.runs, planned.versions, planned.dry) == (1, 1, True)
    assert 0 < planned.bytes <= copied.bytes < 20_000


def test_a_run_that_is_going_on_is_copied_as_far_as_it_is(source: Store, target: Store) -> None:
    with begin(source.address, "live") as run:
        for step in range(100):
            run.log({"x": step})
        copy_store(source, target)
        there = target.catalog.run("local", "p", "live")
        assert there is not None
        assert there.state == "running"
        for step in range(100):
            run.log({"x": step, "y": 1})
    copied = copy_store(source, target)
    assert (copied.runs, copied.runs_changed) == (0, 1)
    assert everything(target) == everything(source)


def test_one_project_alone(source: Store, target: Store) -> None:
    copied = copy_store(source, target, project="q")
    assert [(project.name, project.collection_count) for project in target.catalog.projects()] == [("q", 1)]
    assert (copied.projects, copied.runs, copied.versions) == (1, 0, 1)
    assert copied.bytes < 10_000
    both = everything(source)
    assert everything(target)["versions"] == {k: v for k, v in both["versions"].items() if "/q/" in k}
    copy_store(source, target)
    assert everything(target) == both
    with pytest.raises(InvalidInput, match="no project"):
        copy_store(source, target, project="nowhere")


def test_a_store_that_comes_back_changes_nothing(source: Store, target: Store) -> None:
    before = everything(source)
    copy_store(source, target)
    copied = copy_store(target, source)
    assert everything(source) == before
    assert copied.troubles == []
    assert (copied.runs, copied.versions, copied.moves, copied.edges, copied.bytes) == (0, 0, 0, 0, 0)


def test_what_went_on_there_comes_back(source: Store, target: Store) -> None:
    copy_store(source, target)
    with begin(target.address, "there") as run:
        run.use_artifact("data:prod")
        log(run, "data", {"new": b"new"}, aliases=["prod"])
    copy_store(target, source)
    copied = copy_store(source, target)
    assert everything(source) == everything(target)
    assert (copied.runs, copied.versions, copied.bytes) == (0, 0, 0)


def test_files_that_resemble_others_stay_what_they_are_made_of(source: Store, target: Store) -> None:
    copy_store(source, target)
    assert any(isinstance(where, Recipe) for where in _places(source).values())
    assert stored_bytes(target) < stored_bytes(source) * 1.1
    assert {d: type(where) for d, where in _places(target).items()} == {
        d: type(where) for d, where in _places(source).items()
    }


def _places(store: Store) -> dict[bytes, object]:
    version = Api(store.address, project="p").artifact("data:v1")
    return dict(store.catalog.locate(entry.digest for entry in version.manifest.entries.values()))


def stored_bytes(store: Store) -> int:
    return sum(stored.size for stored in store.catalog.objects())


# -- what changed since -----------------------------------------------------------------------------------------------


def test_words_about_a_version_follow(source: Store, target: Store) -> None:
    copy_store(source, target)
    here, there = (Api(store.address, project="p").artifact("data:v1") for store in (source, target))
    there.tags = ["theirs"]
    here.description, here.metadata, here.tags = "now described", {"n": 2}, ["mine"]
    here.save()
    there.save()
    assert plan_copy(source, target).versions_changed == 1
    assert copy_store(source, target).versions_changed == 1
    found = Api(target.address, project="p").artifact("data:v1")
    assert (found.description, found.metadata, sorted(found.tags)) == ("now described", {"n": 2}, ["mine", "theirs"])
    assert copy_store(source, target).versions_changed == 0


def test_words_that_changed_there_alone_stay(source: Store, target: Store) -> None:
    copy_store(source, target)
    there = Api(target.address, project="p").artifact("data:v1")
    there.description = "theirs"
    there.save()
    copy_store(source, target)
    assert Api(target.address, project="p").artifact("data:v1").description == "theirs"


def test_what_is_deleted_here_stays_there_and_the_other_way_round(source: Store, target: Store) -> None:
    copy_store(source, target)
    Api(source.address, project="p").artifact("data:v0").delete(delete_aliases=True)
    Api(target.address, project="p").artifact("data:v1").delete(delete_aliases=True)
    Api(target.address, project="p").run("train").delete()
    copied = copy_store(source, target)
    assert [(t.kind, t.name) for t in copied.troubles] == [("deleted", "local/p/data:v0")]
    numbers = [version.version for version in Api(target.address, project="p").artifacts("data")]
    assert numbers == ["v0"]
    assert target.catalog.run("local", "p", "train") is None
    assert copied.versions == 0


def test_a_run_that_went_on_there_stays_as_it_is_there(source: Store, target: Store) -> None:
    copy_store(source, target)
    with begin(target.address, "train", resume="must") as run:
        run.log({"acc": 1000})
    there = everything(target)
    run = source.catalog.run("local", "p", "train")
    source.catalog.update_run(run.key, RunChanges(notes="changed"))
    copied = copy_store(source, target)
    assert [(t.kind, t.name) for t in copied.troubles] == [("newer", "local/p/train")]
    assert plan_copy(source, target).troubles[0].kind == "newer"
    assert everything(target) == there


# -- names that are taken ---------------------------------------------------------------------------------------------


def test_numbers_that_are_taken(source: Store, target: Store) -> None:
    with begin(target.address, "theirs") as run:
        log(run, "data", {"their": b"file"}, aliases=["prod"])
        log(run, "data", {"only.txt": b"a mistake"})
    copied = copy_store(source, target)
    numbers = {(each.collection, each.number): each.number_there for each in copied.renumbered}
    assert numbers == {("local/p/data", 0): 2, ("local/p/data", 1): 3, ("local/p/data", 2): 4}
    here, there = everything(source), everything(target)
    for number, theirs in ((0, 2), (1, 3)):
        one, other = here["versions"][f"local/p/data:v{number}"], there["versions"][f"local/p/data:v{theirs}"]
        assert replace(one[0], number=theirs, aliases=()) == replace(other[0], aliases=())
        assert one[1:] == other[1:]
    # Where both stores moved an alias, the later move counts.
    assert Api(target.address, project="p").artifact("data:prod").version == "v0"
    assert Api(target.address, project="p").artifact("data:old").version == "v2"
    again = copy_store(source, target)
    assert again.renumbered == copied.renumbered
    assert everything(target) == there
    with begin(source.address, "next") as run:
        log(run, "data", {"next": b"one"}, aliases=["prod"])
    copied = copy_store(source, target)
    assert Api(target.address, project="p").artifact("data:prod").version == "v5"
    assert copied.versions == 1


def test_the_same_content_is_the_same_version(source: Store, target: Store) -> None:
    files = {"a.txt": b"shared"}
    for store, name in ((target, "theirs"), (source, "mine")):
        with begin(store.address, name, project="r") as run:
            log(run, "shared", files)
            log(run, "shared", {"of": name.encode()})
    copied = copy_store(source, target, project="r")
    assert [(each.number, each.number_there) for each in copied.renumbered] == [(1, 2)]
    api = Api(target.address, project="r")
    version = api.artifact("shared:v0")
    assert version.logged_by().id == "theirs"
    kinds = {edge.kind for edge in target.catalog.all_edges(EdgeKind)}
    assert EdgeKind.REPRODUCED in kinds


def test_an_id_that_is_taken_is_left_out_and_told(source: Store, target: Store) -> None:
    with begin(target.address, "train") as run:
        run.log({"theirs": 1})
    copied = copy_store(source, target)
    told = [(trouble.kind, trouble.name) for trouble in copied.troubles]
    assert told == [("conflict", "local/p/train"), ("conflict", "local/p/fork")]  # which goes on from it
    assert [t.name for t in plan_copy(source, target).troubles] == ["local/p/train", "local/p/fork"]
    there = everything(target)
    assert there["runs"].keys() == {"local/p/train", "local/p/ingest", "local/p/again"}
    assert there["versions"]["local/p/model:v0"][1] is None  # nobody here made it


def test_another_type_is_left_out_and_told(source: Store, target: Store) -> None:
    with begin(target.address, "theirs") as run:
        log(run, "model", {"a": b"b"}, type="weights")
    copied = copy_store(source, target)
    assert [(trouble.kind, trouble.name) for trouble in copied.troubles] == [("conflict", "local/p/model")]
    assert "weights" in copied.troubles[0].words


def test_another_sweep_is_left_out_and_told(source: Store, target: Store) -> None:
    target.catalog.add_sweep(NewSweep("local", "p", "sweep", None, {}))
    assert [(t.kind, t.name) for t in copy_store(source, target).troubles] == [("conflict", "local/p/sweep")]


# -- damage -----------------------------------------------------------------------------------------------------------


def test_damage_is_told_and_the_rest_is_copied(source: Store, target: Store) -> None:
    medium = Api(source.address, project="p").artifact("data:v0").get_entry("medium.bin").digest
    damage(source, f"loose/{medium[:2]}/{medium}")
    copied = copy_store(source, target)
    assert [(t.kind, t.name) for t in copied.troubles] == [("damaged", "local/p/data:v0")]
    there = everything(target)["versions"]
    here = {name: said for name, said in there.items() if name != "local/p/data:v0"}
    assert set(here) == {"local/p/data:v1", "local/p/data:v2", "local/p/model:v0", "local/q/orphan:v0", TABLE}


def test_of_a_damaged_pack_what_is_sound_is_copied(source: Store, target: Store) -> None:
    changed = Api(source.address, project="p").artifact("data:v1").get_entry("part-0/000.txt").digest
    where = _places(source)[bytes.fromhex(changed)]
    assert isinstance(where, Location)
    damage(source, where.object, where.offset)
    copied = copy_store(source, target)
    assert [(t.kind, t.name) for t in copied.troubles] == [("damaged", "local/p/data:v1")]
    assert target.damaged(part.digest for stored in target.catalog.objects() for part in stored.slices) == {}


def damage(store: Store, name: str, offset: int = 0) -> None:
    path = store.objects.local_path(name)
    assert path is not None
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(content)


# -- cut off ----------------------------------------------------------------------------------------------------------


def test_a_copy_that_was_killed_goes_on_where_it_was(source: Store, target: Store, tmp_path: Path) -> None:
    """Killed again and again, each time with one object more: all of it arrives."""
    whole = copy_store(source, shared_store(str(tmp_path / "whole")))
    kills = 0
    while kill_after_two_objects(source.address, target.address):
        kills += 1
        assert kills <= whole.objects
    assert everything(target) == everything(source)
    assert kills >= 4
    assert stored_bytes(target) == stored_bytes(shared_store(str(tmp_path / "whole")))


def kill_after_two_objects(source: str, target: str) -> bool:
    """Copy in a process that is killed when it has sent twice; tell whether it was."""
    sent = count(1)
    child = os.fork()
    if child == 0:
        try:
            kill = partial(os.kill, os.getpid(), SIGKILL)
            copy_store(shared_store(source), shared_store(target), progress=lambda *_: next(sent) == 2 and kill())
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -SIGKILL}
    return status != 0
