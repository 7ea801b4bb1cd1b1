"""A check finds what is wrong and whom it hits, and a repair loses nothing that can still be read."""

from __future__ import annotations

import os
import random
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import forebear
from forebear.api.checking.walking import Walk
from forebear.blobs import writer
from forebear.blobs.digest import digest_of
from forebear.blobs.pack import PackWriter
from forebear.errors import CorruptData, InvalidInput
from forebear.records.content import Recipe
from forebear.store import near_equal
from forebear.store.checking.aside import aside, put_aside
from forebear.store.records import read_records
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles
from tests.api.checking.conftest import LARGE, WEIGHTS, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
FILES = {"a.txt": b"a" * 99, "large.bin": LARGE, "m.weights": WEIGHTS}


def contents(scene: Scene) -> dict[str, bytes]:
    version = scene.api.artifact("ds:v0")
    return {file.path: version.read(file.path) for file in version.files()}


def test_a_sound_store_is_sound_however_deep_one_looks(scene: Scene) -> None:
    for options in ({}, {"read_data": True}, {"read_data": "100%"}, {"repair": True}, {"rebuild_index": True}):
        found = scene.api.fsck(**options)
        assert (found.ok, found.troubles, found.left) == (True, [], [])
        assert (found.versions, found.records, found.unknown_objects) == (2, 2, 0)
    assert found.objects == len([name for name in scene.store.objects.names() if not name.startswith("versions/")])
    assert scene.api.fsck(read_data=True).read_bytes == found.bytes
    assert contents(scene) == FILES


def test_an_empty_store_is_sound(empty: Scene) -> None:
    with forebear.init(project="p", settings={"store": str(empty.root), "silent": True}):
        pass
    assert empty.api.fsck(read_data=True, repair=True).ok


def test_what_is_hit_is_named(scene: Scene) -> None:
    name = scene.flip(LARGE)
    assert scene.api.fsck().ok  # nothing is read of it
    (trouble,) = scene.api.fsck(read_data=True).troubles
    assert (trouble.kind, trouble.name) == ("damaged-object", name)
    assert trouble.versions == ("local/p/ds:v0", "local/p/ds:v1")
    assert trouble.aliases == ("local/p/ds:prod", "local/p/ds:latest")
    assert set(trouble.runs) >= {"local/p/maker", "local/p/user"}
    assert trouble.files == ("large.bin of ds:v0", "large.bin of ds:v1")


def test_a_missing_object_is_found_without_reading(scene: Scene) -> None:
    name = scene.where(LARGE)
    scene.path(name).unlink()
    (trouble,) = scene.api.fsck().troubles
    assert (trouble.kind, trouble.name) == ("missing-object", name)
    assert "local/p/ds:prod" in trouble.aliases


def test_a_file_of_a_run_is_hit(empty: Scene) -> None:
    Path("notes.txt").write_text("notes" * 30)
    with forebear.init(project="p", id="r", settings={"store": str(empty.root), "silent": True}) as run:
        run.save("notes.txt", policy="now")
    empty.flip(b"notes" * 30)
    (trouble,) = empty.api.fsck(read_data=True).troubles
    assert (trouble.runs, trouble.versions) == (("local/p/r",), ())
    found = empty.api.fsck(read_data=True, repair=True)
    assert [(each.kind, each.runs) for each in found.left] == [("missing-blob", ("local/p/r",))]


def test_a_share_of_the_data_is_read_and_parts_make_up_the_whole(scene: Scene) -> None:
    whole = scene.api.fsck(read_data=True)
    parts = [scene.api.fsck(read_data=f"{part}/3") for part in (1, 2, 3)]
    assert sum(part.read_objects for part in parts) == whole.read_objects == whole.objects
    assert sum(part.read_bytes for part in parts) == whole.read_bytes
    assert scene.api.fsck(read_data="0.0001%").read_objects == 0


@pytest.mark.parametrize("share", ["", "5", "0%", "101%", "-1%", "0/3", "4/3", "1/0", "x%", "5 %"])
def test_what_is_no_share_is_refused(scene: Scene, share: str) -> None:
    with pytest.raises(InvalidInput, match="5%"):
        scene.api.fsck(read_data=share)


def test_a_source_must_be_another_store_and_of_use(scene: Scene) -> None:
    other = scene.copy("other")
    with pytest.raises(InvalidInput, match="only for a repair"):
        scene.api.fsck(source=str(other.root))
    with pytest.raises(InvalidInput, match="the store itself"):
        scene.api.fsck(source=str(scene.root), repair=True)


# -- mending ----------------------------------------------------------------------------------------------------------


def test_what_is_sound_in_a_damaged_pack_is_kept_and_the_pack_is_put_aside(empty: Scene) -> None:
    files = {f"{number}.txt": b"%d" % number * 50 for number in range(20)}
    version = empty.log("ds", files)
    name = empty.flip(files["7.txt"])
    found = empty.api.fsck(read_data=True, repair=True)
    assert [trouble.files for trouble in found.left] == [("7.txt of ds:v0",)]
    assert empty.store.objects.size(name) is None
    assert empty.store.objects.size(aside(name)) is not None
    version = empty.api.artifact("ds")
    assert {path: version.read(path) for path in files if path != "7.txt"} == {
        path: content for path, content in files.items() if path != "7.txt"
    }
    with pytest.raises(CorruptData):
        version.read("7.txt")
    again = empty.api.fsck(read_data=True, repair=True)
    assert [trouble.kind for trouble in again.left] == ["missing-blob"]
    # The same files, logged again, are all that it takes.
    empty.log("ds", files)
    assert empty.api.fsck(read_data=True).ok
    assert empty.api.artifact("ds:v0").read("7.txt") == files["7.txt"]


def test_files_on_disk_that_look_unchanged_are_read_again_when_they_heal(empty: Scene) -> None:
    Path("data").mkdir()
    Path("data/x.bin").write_bytes(LARGE)
    settings = {"store": str(empty.root), "silent": True}
    with forebear.init(project="p", settings=settings) as run:
        run.log_artifact("data", name="ds", type="dataset")
    empty.path(empty.where(LARGE)).unlink()
    assert not empty.api.fsck(repair=True).ok
    with forebear.init(project="p", settings=settings) as run:
        assert run.log_artifact("data", name="ds", type="dataset").version == "v0"
    assert empty.api.fsck(read_data=True).ok


@pytest.mark.parametrize("content", [LARGE, b"a" * 99], ids=["loose", "packed"])
def test_another_copy_heals(scene: Scene, content: bytes) -> None:
    other = scene.copy("other")
    scene.flip(content)
    found = scene.api.fsck(read_data=True, repair=True, source=str(other.root))
    assert (found.ok, found.left) == (True, [])
    assert any(repair.kind == "healed" for repair in found.repairs)
    assert contents(scene) == FILES
    assert troubles(scene.store) == []


def test_a_copy_that_is_damaged_too_heals_what_it_can(scene: Scene) -> None:
    other = scene.copy("other")
    for place in (scene, other):
        place.flip(LARGE)
    scene.flip(b"a" * 99)
    found = scene.api.fsck(read_data=True, repair=True, source=str(other.root))
    assert [trouble.files for trouble in found.left] == [("large.bin of ds:v0",), ("large.bin of ds:v1",)]
    assert any(repair.kind == "not healed" for repair in found.repairs)
    assert scene.api.artifact("ds").read("a.txt") == b"a" * 99


def test_a_chunk_that_is_lost_comes_back_from_a_copy(scene: Scene) -> None:
    other = scene.copy("other")
    recipe = scene.store.catalog.locate([digest_of(WEIGHTS)])[digest_of(WEIGHTS)]
    assert isinstance(recipe, Recipe)
    chunk = scene.store.catalog.locate(recipe.parts)[recipe.parts[0]]
    path = scene.path(chunk.object)  # type: ignore[union-attr]
    path.write_bytes(path.read_bytes()[: chunk.offset + 5])  # type: ignore[union-attr]
    assert all(trouble.versions == ("local/p/ds:v0",) for trouble in scene.api.fsck().troubles)
    assert scene.api.fsck(repair=True, source=str(other.root)).ok
    assert contents(scene) == FILES
    scene.lose_index()
    assert contents(scene) == FILES


@pytest.fixture
def near(empty: Scene, monkeypatch: pytest.MonkeyPatch) -> tuple[Scene, bytes, bytes]:
    """A large file, and another one that is made of its chunks and a few new ones."""
    for module in (writer, near_equal):
        for bound in ("CHUNKED_BYTES", "FAR_SMALL_BYTES"):
            monkeypatch.setattr(module, bound, 2 * MIB)
    base = random.Random(3).randbytes(6 * MIB)
    second = base[:MIB] + b"inserted" + base[MIB:]
    settings = {"store": str(empty.root), "silent": True}
    for name, content in (("base", base), ("second", second)):
        Path("large").write_bytes(content)
        with forebear.init(project="p", settings=settings) as run:
            artifact = forebear.Artifact(name, "dataset")
            artifact.add_file("large")
            run.log_artifact(artifact)
    assert isinstance(empty.store.catalog.locate([digest_of(second)])[digest_of(second)], Recipe)
    return empty, base, second


def damage_at(scene: Scene, content: bytes, offset: int) -> None:
    path = scene.path(scene.where(content))
    stored = bytearray(path.read_bytes())
    stored[offset] ^= 1
    path.write_bytes(stored)


def test_a_file_made_of_chunks_outlives_the_file_that_they_came_from(near: tuple[Scene, bytes, bytes]) -> None:
    scene, base, second = near
    damage_at(scene, base, MIB)  # in the chunk that the other file has not
    (trouble,) = scene.api.fsck(read_data=True).troubles
    assert trouble.versions == ("local/p/base:v0",)
    found = scene.api.fsck(read_data=True, repair=True)
    assert [each.versions for each in found.left] == [("local/p/base:v0",)]
    assert scene.api.artifact("second").read("large") == second
    scene.sql("DELETE FROM recipes")
    scene.sql("DELETE FROM slices")
    scene.sql("DELETE FROM objects")
    assert [each.versions for each in scene.api.fsck(rebuild_index=True).troubles] == [("local/p/base:v0",)]
    assert scene.api.artifact("second").read("large") == second


def test_a_large_file_with_bytes_behind_its_end_is_written_again(near: tuple[Scene, bytes, bytes]) -> None:
    scene, base, second = near
    name = scene.where(base)
    scene.sql('UPDATE slices SET "offset" = "offset" + 1 WHERE "offset" = (SELECT max("offset") FROM slices)')
    with scene.path(name).open("ab") as file:
        file.write(b"more")
    assert not scene.api.fsck().ok
    assert scene.api.fsck(repair=True).objects > 0
    assert scene.store.objects.size(name) == len(base)
    assert scene.api.artifact("base").read("large") == base
    found = scene.api.fsck(repair=True)  # the recipe that named the wrong range is the only loss
    assert {each.versions for each in found.left} <= {("local/p/second:v0",)}


def test_an_index_that_is_made_again_keeps_the_chunks_that_only_it_knew(near: tuple[Scene, bytes, bytes]) -> None:
    scene, base, second = near
    catalog = scene.store.catalog
    before = {digest: recipe.parts for digest, recipe in catalog.recipes()}
    held = catalog.known(part for parts in before.values() for part in parts)
    for _ in range(2):
        assert scene.api.fsck(rebuild_index=True).ok
        assert {digest: recipe.parts for digest, recipe in scene.store.catalog.recipes()} == before
        assert scene.store.catalog.known(held) == held
    assert scene.api.artifact("second").read("large") == second
    assert scene.api.fsck(read_data=True).ok


def test_a_chunk_that_two_files_share_hits_both_and_heals_both(near: tuple[Scene, bytes, bytes]) -> None:
    scene, base, second = near
    other = scene.copy("other")
    damage_at(scene, base, 5 * MIB)
    (trouble,) = scene.api.fsck(read_data=True).troubles
    assert trouble.versions == ("local/p/base:v0", "local/p/second:v0")
    found = scene.api.fsck(read_data=True, repair=True, source=str(other.root))
    assert found.ok
    assert scene.api.artifact("base").read("large") == base
    assert scene.api.artifact("second").read("large") == second
    assert troubles(scene.store) == []


def test_a_recipe_that_makes_up_something_else_is_found_and_replaced(near: tuple[Scene, bytes, bytes]) -> None:
    scene, base, second = near
    other = scene.copy("other")
    recipe = scene.store.catalog.locate([digest_of(second)])[digest_of(second)]
    assert isinstance(recipe, Recipe)
    parts = b"".join([recipe.parts[1], recipe.parts[0], *recipe.parts[2:]])
    scene.sql("UPDATE recipes SET parts = ? WHERE digest = ?", parts, digest_of(second))
    assert scene.api.fsck().ok  # all chunks are there, and their sizes add up
    (trouble,) = scene.api.fsck(read_data=True).troubles
    assert (trouble.kind, trouble.versions) == ("bad-recipe", ("local/p/second:v0",))
    assert scene.api.fsck(read_data=True, repair=True, source=str(other.root)).ok
    assert scene.api.artifact("second").read("large") == second
    scene.sql("UPDATE recipes SET size = size + 1")
    assert [trouble.kind for trouble in scene.api.fsck().troubles] == ["bad-recipe"]


def test_a_blob_that_lies_elsewhere_too_hits_nobody_and_is_read_again(scene: Scene) -> None:
    other = scene.copy("other")
    # The same large file in another object: as a version of a store where files are packed.
    store = scene.store
    name = scene.where(LARGE)
    pack = PackWriter(store.objects.sink())
    pack.add(digest_of(LARGE), LARGE)
    store.catalog.add_objects([pack.finish()])
    scene.flip(LARGE)
    (trouble,) = scene.api.fsck(read_data=True).troubles
    assert (trouble.name, trouble.versions) == (name, ())
    assert scene.api.fsck(read_data=True, repair=True).ok
    assert contents(scene) == FILES
    assert other.api.fsck(read_data=True).ok


def test_a_repair_that_was_cut_off_goes_on(empty: Scene) -> None:
    files = {f"{number}.txt": b"%d" % number * 50 for number in range(20)}
    empty.log("ds", files)
    name = empty.flip(files["7.txt"])
    put_aside(empty.store.objects, name)  # and then the process was killed
    found = empty.api.fsck(repair=True)
    assert found.troubles[0].kind == "missing-object"
    assert [trouble.files for trouble in found.left] == [("7.txt of ds:v0",)]
    assert empty.api.artifact("ds").read("8.txt") == files["8.txt"]


def test_objects_that_the_index_lost_are_found_again(scene: Scene) -> None:
    name = scene.where(LARGE)
    scene.store.catalog.forget_objects([name])
    found = scene.api.fsck()
    assert (found.unknown_objects, found.unknown_bytes) == (1, len(LARGE))
    assert [trouble.kind for trouble in found.troubles] == ["missing-blob", "missing-blob"]
    found = scene.api.fsck(repair=True)
    assert found.ok
    assert ("index", name) in [(repair.kind, repair.name) for repair in found.repairs]
    assert contents(scene) == FILES


def test_what_nobody_needs_of_unknown_objects_is_no_trouble(scene: Scene) -> None:
    content = b"left by a writer that was killed" * 30
    scene.store.objects.put(f"loose/{digest_of(content).hex()[:2]}/{digest_of(content).hex()}", content)
    found = scene.api.fsck(repair=True)
    assert (found.ok, found.unknown_objects, found.repairs) == (True, 1, [])


@pytest.mark.parametrize("options", [{"rebuild_index": True}, {"repair": True}])
def test_the_index_comes_back_from_the_objects_alone(scene: Scene, options: dict[str, bool]) -> None:
    for table in ("slices", "recipes", "objects"):
        scene.sql(f"DELETE FROM {table}")
    assert "bad-manifest" in scene.kinds()
    found = scene.api.fsck(**options)
    assert found.ok
    assert contents(scene) == FILES
    assert scene.api.fsck(read_data=True).ok


def test_wrong_places_in_the_index_are_put_right(scene: Scene) -> None:
    scene.sql('UPDATE slices SET "offset" = "offset" + 1 WHERE digest = ?', digest_of(b"a" * 99))
    scene.sql("UPDATE slices SET size = 5, stored = 5 WHERE digest = ?", digest_of(LARGE))
    assert scene.kinds() == ["index-mismatch", "index-mismatch"]
    assert scene.api.fsck(repair=True).ok
    assert contents(scene) == FILES


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("UPDATE aliases SET version_id = 4711 WHERE alias = 'prod'", "aliases"),
        ("INSERT INTO edges (source, target, kind, at) VALUES (4000, 3, 0, 1)", "edges"),
        ("INSERT INTO edges (source, target, kind, at) VALUES (2, 4001, 0, 1)", "edges"),
        ("UPDATE collections SET next_number = 1", "collections"),
        ("UPDATE slices SET object_id = 4711 WHERE length(digest) = 32 AND size = 99", "slices"),
        ("DELETE FROM slices WHERE digest IN (SELECT substr(parts, 1, 32) FROM recipes)", "recipes"),
        ("UPDATE file_spans SET collection_id = 4711", "file_spans"),
        ("INSERT INTO history_columns (block_id, key_id, kind, data) VALUES (4711, 1, 0, x'00')", "history_columns"),
    ],
)
def test_rows_that_refer_to_what_is_not_there_are_told_and_mended(scene: Scene, damage: str, kind: str) -> None:
    other = scene.copy("other")
    scene.sql(damage)
    found = scene.api.fsck()
    assert f"{kind}: " in " ".join(trouble.name for trouble in found.troubles if trouble.kind == "dangling-row")
    assert scene.api.fsck(repair=True, source=str(other.root)).ok
    assert contents(scene) == FILES
    scene.log("ds", {"more": b"more"})
    assert troubles(scene.store) == []


def test_a_catalog_that_says_other_totals_than_its_manifest_is_told(scene: Scene) -> None:
    scene.sql("UPDATE versions SET size = size + 1 WHERE number = 0")
    scene.store.catalog.unrecorded_versions(1)
    assert "wrong-totals" in scene.kinds()


def test_records_are_written_again(scene: Scene) -> None:
    names = sorted(scene.store.objects.names("versions/"))
    scene.store.objects.delete(names[0])
    scene.path(names[-1]).write_bytes(b"{}")
    found = scene.api.fsck(repair=True)
    assert sorted(trouble.kind for trouble in found.troubles) == ["damaged-record", "missing-record"]
    assert found.ok
    assert scene.api.fsck().records == 2


def test_records_that_newer_ones_replace_go_with_a_repair(scene: Scene) -> None:
    version = scene.api.artifact("ds:v0")
    for text in ("one", "two", "three"):
        version.description = text
        version.save()
    assert len(list(scene.store.objects.names("versions/"))) == 5
    assert scene.api.fsck(repair=True).ok
    assert len(list(scene.store.objects.names("versions/"))) == 2
    assert scene.api.fsck().outdated_records == 0


def test_versions_that_only_records_know_are_told(scene: Scene) -> None:
    old = scene.copy("old")
    scene.log("ds", {"third": b"3"})
    close_stores()
    (scene.root / "catalog.db").write_bytes((old.root / "catalog.db").read_bytes())
    found = scene.api.fsck()
    assert [(trouble.kind, trouble.name) for trouble in found.troubles] == [("unknown-version", "local/p/ds:v2")]


def test_a_catalog_that_cannot_be_read_ends_the_check_with_advice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise CorruptData("database disk image is malformed", code="corrupt-catalog")

    monkeypatch.setattr(type(scene.store.catalog), "collections", fail)
    found = scene.api.fsck(repair=False)
    assert [(trouble.kind, trouble.words) for trouble in found.troubles] == [
        ("corrupt-catalog", "database disk image is malformed")
    ]


def test_a_check_while_others_write_finds_nothing(scene: Scene) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []
    store = scene.store

    def write() -> None:
        number = 0
        try:
            while not stop.is_set():
                artifact = forebear.Artifact("busy", "dataset")
                artifact.add(b"%d" % number * 100, "x")
                artifact.commit(store, "local", "p")
                number += 1
        except BaseException as err:  # told by the thread that waits
            failures.append(err)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            assert [trouble for trouble in scene.api.fsck(read_data=True, repair=True).troubles] == []
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert troubles(store) == []


def test_a_version_that_is_logged_while_records_are_read_lacks_none(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter([True])

    def read_and_log(objects: Any) -> Any:
        found = read_records(objects)
        if next(calls, False):
            scene.log("ds", {"meanwhile": b"m"})
        return found

    monkeypatch.setattr("forebear.api.checking.recorded.read_records", read_and_log)
    assert scene.api.fsck().troubles == []


def test_a_version_whose_record_is_still_to_come_lacks_none(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    unrecorded = scene.store.catalog.unrecorded_versions
    calls = iter([True])

    def ask_and_log(limit: int) -> Any:
        found = unrecorded(limit)
        if next(calls, False):
            with monkeypatch.context() as patch:
                patch.setattr(type(scene.store), "write_records", lambda self, **options: None)
                scene.log("ds", {"meanwhile": b"m"})
        return found

    monkeypatch.setattr(scene.store.catalog, "unrecorded_versions", ask_and_log)
    assert scene.api.fsck().troubles == []
    assert next(calls, "asked") == "asked"
    assert len(unrecorded(9)) == 1


def test_a_version_that_is_deleted_and_collected_meanwhile_is_no_loss(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = Walk.below
    scene.api.artifact("ds:v1").delete()
    third = scene.log("ds", {"third": b"3" * 99})

    def collect_and_walk(self: Walk, root: bytes) -> Any:
        if root.hex() == third.digest:
            third.delete()
            scene.store.catalog.forget_objects([scene.where(b"3" * 99), scene.where(scene.store.read(root))])
        return below(self, root)

    monkeypatch.setattr(Walk, "below", collect_and_walk)
    assert scene.api.fsck().troubles == []


def test_what_was_thrown_out_and_is_needed_is_taken_back(scene: Scene) -> None:
    """Collection never does this; should it ever, nothing is lost for as long as the trash is kept."""
    catalog = scene.store.catalog
    catalog.note_garbage(catalog.begin_epoch().number, [digest_of(LARGE)])
    assert catalog.throw_out(catalog.begin_epoch().number, timedelta(0), 9).blobs == 1
    found = scene.api.fsck()
    assert {trouble.kind for trouble in found.troubles} == {"missing-blob"}
    found = scene.api.fsck(repair=True)
    assert found.ok
    assert [repair.kind for repair in found.repairs] == ["trash"]
    assert contents(scene) == FILES


def test_progress_is_told(scene: Scene) -> None:
    told: list[tuple[int, int]] = []
    found = scene.api.fsck(read_data=True, progress=lambda objects, size: told.append((objects, size)))
    assert (sum(each[0] for each in told), sum(each[1] for each in told)) == (found.objects, found.bytes)


# -- anything at once -------------------------------------------------------------------------------------------------

DAMAGES: dict[str, Callable[[bytearray, random.Random], Any]] = {
    "flip": lambda content, rng: content.__setitem__(at := rng.randrange(len(content)), content[at] ^ 4),
    "cut": lambda content, rng: content.__delitem__(slice(rng.randrange(len(content)), None)),
    "extend": lambda content, rng: content.extend(rng.randbytes(7)),
    "noise": lambda content, rng: content.__setitem__(slice(None), rng.randbytes(len(content))),
}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_whatever_is_damaged_at_once_comes_back_from_a_copy(whole: Scene, data: st.DataObject, seed: int) -> None:
    rng = random.Random(seed)
    scene = whole.copy(f"copy-{os.urandom(8).hex()}")
    names = sorted(scene.store.objects.names())
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)):
        way = data.draw(st.sampled_from(["delete", *DAMAGES]))
        path = scene.path(name)
        if way == "delete":
            path.unlink()
            continue
        content = bytearray(path.read_bytes())
        DAMAGES[way](content, rng)
        path.write_bytes(content)
    found = scene.api.fsck(read_data=True, repair=True, source=str(whole.root))
    assert found.troubles != []
    assert found.left == []
    assert contents(scene) == FILES
    assert troubles(scene.store) == []
    close_stores()
    shutil.rmtree(scene.root)


@pytest.fixture
def whole(scene: Scene) -> Scene:
    return scene
