"""What a collection lets go, and when; what it leaves; and how things come back."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pysqlite3
import pytest

from forebear.artifacts.collecting.collecting import BUSY, NO_TIME, collect, delete_in_time
from forebear.artifacts.collecting.rules import AT_ONCE, Rules
from forebear.artifacts.collecting.undeleting import undelete
from forebear.blobs import chunking, writer
from forebear.blobs.digest import digest_of
from forebear.blobs.pack import PackWriter
from forebear.errors import Conflict, CorruptData, NotFound
from forebear.records.collecting import COLLECTING, WAITING, WRITING, Holder, Policy
from forebear.records.content import Location, Recipe
from forebear.store import leases, near_equal
from forebear.store.checking.index import scan
from tests.artifacts.collecting.places import DAY, Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Lets everything go in one call.
ALL = replace(AT_ONCE, trash_seconds=0)
LARGE = os.urandom(600_000)


def test_what_no_version_names_goes_in_its_time_and_not_before(place: Place) -> None:
    gone = place.log(a="one", large=LARGE)
    place.log(b="two")
    place.delete(gone)
    before = place.names()
    first = collect(place.store)
    assert (first.garbage.count, first.thrown_out.count, first.trashed.count) == (3, 0, 0)
    assert collect(place.store).thrown_out.count == 0
    place.clock.tick(DAY + 1)
    second = collect(place.store)
    assert (second.garbage.count, second.thrown_out.count, second.trashed.count) == (0, 3, 2)
    assert second.trash.count == 2
    assert place.names() == before
    place.clock.tick(7 * DAY - 1)
    assert collect(place.store).deleted.count == 0
    place.clock.tick(2)
    third = collect(place.store)
    assert (third.deleted.count, third.trash.count) == (2, 0)
    assert third.deleted.size == second.trashed.size > len(LARGE)
    assert len(place.names()) == len(before) - 2
    assert place.damage() == []


def test_what_is_named_stays_whatever_else_goes(place: Place) -> None:
    shared = place.log(a="shared", b="old", large=LARGE)
    place.log("model", a="shared", large=LARGE)
    file = place.keep_file("log.txt", b"old")
    place.delete(shared)
    assert place.log(c="new").number == 1
    report = collect(place.store, ALL)
    assert report.thrown_out.count == 1  # the page of the deleted one
    assert place.damage() == []
    assert place.store.read(file.digest) == b"old"
    assert collect(place.store, ALL).thrown_out.count == 0


def test_nothing_goes_from_an_empty_store_or_one_without_garbage(place: Place) -> None:
    assert collect(place.store, ALL).thrown_out.count == 0
    place.log(a="one")
    report = collect(place.store, ALL)
    assert (report.garbage.count, report.thrown_out.count, report.trashed.count, report.deleted.count) == (0, 0, 0, 0)


def test_the_same_content_is_logged_again_after_it_is_gone(place: Place, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "small.txt").write_text("unchanged")
    (tree / "large.bin").write_bytes(LARGE)
    old = 1_500_000_000
    for path in tree.iterdir():
        os.utime(path, (old, old))
    first = place.log_tree(tree)
    place.delete(first)
    assert collect(place.store, ALL).deleted.count > 0
    # The files are known by their fingerprints, and nothing but the commit notices that they are gone.
    again = place.log_tree(tree)
    assert (again.number, again.root) == (1, first.root)
    assert place.files(again) == {"small.txt": b"unchanged", "large.bin": LARGE}
    assert place.damage() == []


def test_a_version_on_top_of_one_that_is_gone_knows_what_changed(place: Place) -> None:
    place.log(a="one", b="two")
    tip = place.log(a="one", b="three")
    for version in place.live():
        place.delete(version)
    assert collect(place.store, ALL).deleted.count > 0
    version = place.log(a="one", c="four")
    assert version.number == tip.number + 1
    uses = {text: place.catalog.file_uses(digest(place, text)) for text in ("one", "three", "four")}
    assert {text: [(use.first, use.until) for use in found] for text, found in uses.items()} == {
        "one": [(0, None)],
        "three": [(1, 2)],
        "four": [(2, None)],
    }
    assert place.damage() == []


def digest(place: Place, text: str) -> bytes:
    return place.store.intake().add_bytes(text.encode())


def test_a_draft_that_counts_on_what_went_gets_it_back(place: Place) -> None:
    gone = place.log(a="one", large=LARGE)
    place.log(b="two")
    draft = place.draft(a="one", large=LARGE, c="three")
    place.delete(gone)
    report = collect(place.store, ALL)
    assert (report.thrown_out.count, report.deleted.count) == (3, 0)
    assert {thrown.state for thrown in place.catalog.trash()} != {WAITING}
    version = place.commit(draft)
    assert place.files(version) == {"a": b"one", "large": LARGE, "c": b"three"}
    assert place.catalog.trash() == []
    collect(place.store, ALL)
    assert place.damage() == []


def test_objects_of_a_draft_at_work_are_not_deleted(place: Place) -> None:
    draft = place.draft(a="one", large=LARGE)
    written = place.names()
    report = collect(place.store, ALL)
    assert (report.trashed.count, report.deleted.count) == (1, 0)
    assert place.names() == written
    place.commit(draft)
    assert place.catalog.leases() == []
    assert place.damage() == []


def test_objects_of_a_draft_that_nobody_logs_go(place: Place) -> None:
    draft = place.draft(large=LARGE)
    draft.intake.abort()
    assert collect(place.store, ALL).deleted.count == 1
    assert place.names() == set()


def test_objects_of_a_draft_whose_process_died_go(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Holder("here", 7, 1)
    monkeypatch.setattr(leases, "this_process", lambda: dead)
    draft = place.draft(large=LARGE)
    monkeypatch.undo()
    assert collect(place.store, ALL).deleted.count == 0
    monkeypatch.setattr(leases, "holder_is_gone", lambda holder: holder == dead)
    assert collect(place.store, ALL).deleted.count == 1
    with pytest.raises(Conflict) as raised:
        place.commit(draft)
    assert raised.value.code == "draft-expired"
    assert place.live() == []


def test_a_lease_that_ran_out_is_no_loss_while_the_objects_are_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "this_process", lambda: Holder("elsewhere", 7, 1))
    draft = place.draft(large=LARGE)
    monkeypatch.undo()
    place.clock.tick(2 * DAY)
    assert place.catalog.claim_condemned(60, 9) == []
    assert place.catalog.leases() == []
    version = place.commit(draft)
    assert place.files(version) == {"large": LARGE}


def test_a_lease_of_this_machine_does_not_run_out_while_its_process_lives(place: Place) -> None:
    draft = place.draft(large=LARGE)
    place.clock.tick(300 * DAY)
    assert collect(place.store, ALL).deleted.count == 0
    place.clock.tick(300 * DAY)
    assert collect(place.store, ALL).deleted.count == 0
    place.commit(draft)
    assert place.damage() == []


def test_leases_of_drafts_that_were_forgotten_end_with_the_next(place: Place) -> None:
    draft = place.draft(a="one")
    assert len(place.catalog.leases()) == 1
    del draft
    place.log(b="two")
    assert place.catalog.leases() == []


def test_one_collects_at_a_time(place: Place) -> None:
    place.log(a="one")
    place.delete(place.live()[0])
    lease = place.catalog.begin_lease(COLLECTING, Holder("elsewhere", 7), 60)
    assert lease is not None
    assert collect(place.store, ALL).unfinished == BUSY
    place.catalog.end_lease(lease.id)
    assert collect(place.store, ALL).deleted.count > 0
    assert place.catalog.leases() == []


def test_a_collection_without_time_leaves_all_as_it_was(place: Place) -> None:
    place.log(a="one")
    place.delete(place.live()[0])
    report = collect(place.store, replace(ALL, budget_seconds=-1))
    assert (report.unfinished, report.deleted.count) == (NO_TIME, 0)
    assert place.catalog.leases() == []
    assert collect(place.store, ALL).deleted.count > 0


def test_a_page_that_cannot_be_read_keeps_everything(place: Place) -> None:
    gone = place.log(a="one", large=LARGE)
    kept = place.log("model", b="two")
    place.delete(gone)
    location = place.catalog.locate([kept.root])[kept.root]
    path = place.objects.local_path(location.object)
    path.chmod(0o644)
    damaged = bytearray(path.read_bytes())
    damaged[location.offset] ^= 1
    path.write_bytes(damaged)
    before = place.names()
    with pytest.raises(CorruptData):
        collect(place.store, ALL)
    assert place.names() == before
    assert place.catalog.garbage() == 0
    assert place.catalog.leases() == []


def test_a_run_holds_what_its_journal_will_name(place: Place) -> None:
    place.keep_file("other", b"x")
    run = place.catalog.run("team", "digits", "r1")
    assert run is not None
    intake = place.store.intake()
    held = intake.add_bytes(LARGE)
    intake.register()
    place.catalog.hold(run.key, [held])
    collect(place.store, ALL)
    assert place.store.read(held) == LARGE
    place.catalog.delete_run(run.key)
    collect(place.store, ALL)
    assert place.catalog.known([held]) == set()


# -- objects of which little is needed ----------------------------------------------------------------------------


def test_a_pack_of_which_little_is_needed_is_written_anew(place: Place) -> None:
    files = {f"f{number}": os.urandom(10_000) for number in range(10)}
    whole = place.log(**files)
    (name,) = place.names()
    kept = place.log("model", f0=files["f0"])
    place.delete(whole)
    report = collect(place.store, replace(ALL, trash_seconds=DAY))
    assert (report.rewritten.count, report.trashed.count) == (1, 1)
    assert 80_000 < report.rewritten.size < 95_000
    assert [thrown.name for thrown in place.catalog.trash()] == [name]
    assert place.files(kept) == {"f0": files["f0"]}
    place.clock.tick(DAY + 1)
    assert collect(place.store, replace(ALL, trash_seconds=DAY)).deleted.count == 1
    assert name not in place.names()
    assert place.damage() == []
    again = collect(place.store, ALL)
    assert (again.rewritten.count, again.trashed.count) == (0, 0)


def test_a_pack_of_which_much_is_needed_stays(place: Place) -> None:
    files = {f"f{number}": os.urandom(10_000) for number in range(3)}
    whole = place.log(**files)
    place.log("model", f0=files["f0"])
    place.delete(whole)
    report = collect(place.store, ALL)
    assert (report.rewritten.count, report.thrown_out.count) == (0, 3)
    assert place.damage() == []


def test_a_pack_of_tiny_files_is_not_written_anew_for_ever(place: Place) -> None:
    place.log(**{f"f{number}": str(number) for number in range(50)})
    for _ in range(2):
        assert collect(place.store, ALL).rewritten.count == 0


def chunked(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def test_chunks_of_a_large_file_outlive_it(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (chunking, writer, near_equal):
        monkeypatch.setattr(module, "CHUNKED_BYTES", 1_000_000)
    base = chunked(1, 6_000_000)
    path = tmp_path / "weights.bin"

    def log(content: bytes, name: str) -> None:
        path.write_bytes(content)
        os.utime(path, (1, len(content)))
        draft = place.draft()
        draft.add_file(path, "weights.bin")
        place.commit(draft, name)

    log(base, "first")
    changed = base[:3_000_000] + b"inserted" + base[3_000_000:]
    log(changed, "second")
    first, second = sorted(place.live(), key=lambda version: version.name)
    assert len(dict(place.catalog.recipes())) == 1
    place.delete(first)
    report = collect(place.store, ALL)
    assert report.thrown_out.count >= 2
    assert place.files(second) == {"weights.bin": changed}
    # Now only a part of what the loose object holds is needed, and that part goes elsewhere.
    third = changed[:600_000]
    assert place.damage() == []
    log(third + chunked(2, 1_000_000) + changed[-100_000:], "third")
    place.delete(second)
    report = collect(place.store, ALL)
    assert place.damage() == []
    assert collect(place.store, ALL).thrown_out.count == 0


def test_recipes_move_with_the_pack_that_they_lie_in(place: Place) -> None:
    one, two, three = (os.urandom(40_000) for _ in range(3))
    draft = place.draft(one=one, two=two, rest=os.urandom(400_000))
    version = place.commit(draft)
    digests = {row[0]: row[2] for row in draft.rows()}
    whole = digest_of(one + two + three)
    located = place.catalog.locate([digests["one"], digests["two"]])
    places = {key: where for key, where in located.items() if isinstance(where, Location)}
    pack = PackWriter(place.objects.sink())
    pack.add(digest_of(three), three)
    pack.add_recipe(whole, Recipe(120_000, (digests["one"], digests["two"], digest_of(three))), places)
    place.catalog.add_objects([pack.finish()])
    again = place.log("joined", all=one + two + three)
    place.delete(version)
    report = collect(place.store, ALL)
    assert report.rewritten.count == 1
    assert place.files(again) == {"all": one + two + three}
    # The index can be made again from the objects alone: each recipe's pieces lie where its pack says.
    assert whole in scan(place.objects).recipes


# -- files that nobody knows --------------------------------------------------------------------------------------


def test_files_that_nobody_knows_go_through_the_trash(place: Place) -> None:
    place.log(a="one")
    stray = f"loose/ab/{'ab' * 32}"
    place.objects.put(stray, b"left by a writer that died")
    report = collect(place.store)
    assert (report.trashed.count, report.trashed.size) == (1, 26)
    place.clock.tick(7 * DAY + 1)
    assert collect(place.store).deleted.count == 1
    assert stray not in place.names()
    assert place.damage() == []


def test_deleting_ends_before_others_may_write_those_names(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, leases.DELETION_SECONDS / 2 + 1, 99.0])
    monkeypatch.setattr("forebear.artifacts.collecting.collecting.time.monotonic", lambda: next(times))
    deleted: list[str] = []

    def delete(name: str) -> bool:
        deleted.append(name)
        return True

    assert delete_in_time(delete, ["a", "b", "c"]) == ["a"] == deleted


def test_who_was_stopped_before_deleting_takes_nothing_that_was_logged_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.log(a="one")
    place.delete(place.live()[0])
    delete = place.catalog.delete_claimed
    stopped = []

    def later(name: str, *rest: Callable[[str], None]) -> bool:
        if not stopped:
            stopped.append(name)
            place.clock.tick(leases.DELETION_SECONDS + 1)
            place.log("again", a="one")
        return delete(name, *rest)

    monkeypatch.setattr(place.catalog, "delete_claimed", later)
    assert collect(place.store, ALL).deleted.count == 0
    assert stopped
    assert place.files(place.live()[0]) == {"a": b"one"}
    assert place.damage() == []


def test_nobody_writes_while_an_object_is_deleted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.log(a="one")
    place.delete(place.live()[0])
    other = pysqlite3.connect(place.folder / "catalog.db", timeout=0)
    refused = []
    delete = place.objects.delete

    def watched(name: str) -> None:
        with pytest.raises(pysqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        refused.append(name)
        delete(name)

    monkeypatch.setattr(place.objects, "delete", watched)
    assert collect(place.store, ALL).deleted.count == len(refused) > 0
    other.close()


def test_what_may_be_deleted_does_not_come_back_as_if_it_were_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = place.log(a="one")
    place.delete(version)

    def cut_off(name: str, delete: Callable[[str], None]) -> bool:
        delete(name)
        raise KeyboardInterrupt

    monkeypatch.setattr(place.catalog, "delete_claimed", cut_off)
    with pytest.raises(KeyboardInterrupt):
        collect(place.store, ALL)
    place.clock.tick(leases.DELETION_SECONDS + 1)
    names = [thrown.name for thrown in place.catalog.trash()]
    assert place.catalog.rescue_objects(names) == []
    with pytest.raises(CorruptData, match="cannot come back"):
        undelete(place.store, version)
    assert place.damage() == []


def test_a_deletion_that_was_cut_off_is_done_by_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.log(a="one", large=LARGE)
    place.delete(place.live()[0])

    def fail(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place.objects, "delete", fail)
    with pytest.raises(KeyboardInterrupt):
        collect(place.store, ALL)
    monkeypatch.undo()
    place.clock.tick(leases.DELETION_SECONDS + 1)
    collect(place.store, ALL)
    assert place.names() == set()
    assert place.catalog.trash() == []


def test_who_writes_what_was_being_deleted_waits_until_that_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_LOOK_SECONDS", 0.0)
    place.log(a="one")
    place.delete(place.live()[0])
    monkeypatch.setattr(place.objects, "delete", lambda name: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        collect(place.store, ALL)
    monkeypatch.undo()
    (thrown,) = place.catalog.trash()
    place.objects.delete(thrown.name)
    asked = 0
    real = place.catalog.rescue_objects

    def later(names: list[str]) -> list[str]:
        nonlocal asked
        asked += 1
        if asked == 3:
            place.catalog.forget_trash([thrown.name], timedelta(0))
        return real(names)

    monkeypatch.setattr(place.catalog, "rescue_objects", later)
    version = place.log("again", a="one")
    assert asked == 3
    assert place.files(version) == {"a": b"one"}
    assert place.damage() == []


# -- coming back --------------------------------------------------------------------------------------------------


def test_a_deleted_version_comes_back_until_its_files_are_gone(place: Place) -> None:
    gone = place.log(a="one", large=LARGE)
    place.log(b="two")
    place.delete(gone)
    undelete(place.store, gone)
    assert place.files(place.live()[1]) == {"a": b"one", "large": LARGE}
    place.delete(gone)
    collect(place.store, AT_ONCE)
    assert place.catalog.known([gone.root]) == set()
    undelete(place.store, gone)
    assert place.files(gone) == {"a": b"one", "large": LARGE}
    assert place.catalog.trash() == []
    with pytest.raises(NotFound):
        undelete(place.store, gone)
    collect(place.store, ALL)
    assert place.damage() == []
    place.delete(gone)
    collect(place.store, ALL)
    with pytest.raises(CorruptData) as raised:
        undelete(place.store, gone)
    assert raised.value.code == "version-gone"
    assert [version.number for version in place.live()] == [1]
    assert place.catalog.leases() == []


def test_a_version_that_lost_a_file_does_not_come_back_half(place: Place) -> None:
    gone = place.log(a="one", large=LARGE)
    place.delete(gone)
    collect(place.store, AT_ONCE)
    name = next(thrown.name for thrown in place.catalog.trash() if thrown.kind == "loose")
    place.catalog.condemn(timedelta(0), 99)
    assert name in place.catalog.claim_condemned(60, 99)
    with pytest.raises(CorruptData):
        undelete(place.store, gone)
    assert place.live() == []


# -- policies and dry runs ----------------------------------------------------------------------------------------


def test_a_policy_deletes_versions_and_then_their_content(place: Place) -> None:
    made = [place.log(a=str(number), large=LARGE[number:]) for number in range(4)]
    place.catalog.set_policy(made[0].collection_id, Policy(keep_last=2))
    place.catalog.pin_version(made[0].id, pinned=True)
    report = collect(place.store, ALL)
    assert report.versions == ["team/digits/data:v1"]
    assert [version.number for version in place.live()] == [3, 2, 0]
    assert report.deleted.size > len(LARGE) - 10
    assert place.damage() == []


def test_a_dry_run_says_what_would_go_and_changes_nothing(place: Place) -> None:
    made = [place.log(a=str(number), large=LARGE[number:]) for number in range(3)]
    gone = place.log("model", b="two")
    place.delete(gone)
    place.catalog.set_policy(made[0].collection_id, Policy(keep_last=1))
    before = place.names()
    report = collect(place.store, dry_run=True)
    assert report.dry_run
    assert report.versions == ["team/digits/data:v0", "team/digits/data:v1"]
    assert (report.garbage.count, report.trashed.count) == (8, 5)
    assert report.trashed.size > 2 * (len(LARGE) - 10)
    assert (place.names(), place.catalog.garbage(), place.catalog.trash()) == (before, 0, [])
    assert len(place.live()) == 3
    done = collect(place.store, replace(ALL, trash_seconds=DAY))
    assert done.versions == report.versions
    assert (done.thrown_out.count, done.trashed.size) == (report.garbage.count, report.trashed.size)
    assert place.catalog.leases() == []


def test_a_writer_of_another_machine_is_waited_for(place: Place) -> None:
    lease = place.catalog.begin_lease(WRITING, Holder("elsewhere", 1), DAY)
    assert lease is not None
    place.log(a="one")
    place.delete(place.live()[0])
    assert collect(place.store, ALL).deleted.count == 0
    place.catalog.end_lease(lease.id)
    assert collect(place.store, Rules(trash_seconds=0)).deleted.count == 1
