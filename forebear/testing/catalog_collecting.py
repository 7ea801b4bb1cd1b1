"""Conformance of what a catalog does with garbage: leases, trash, policies, and how things come back."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from forebear.catalog.collecting_port import BeingDeleted, LeaseLost
from forebear.catalog.port import MissingBlobs
from forebear.errors import Conflict, NotFound
from forebear.records.collecting import (
    COLLECTING,
    CONDEMNED,
    DELETING,
    WAITING,
    WRITING,
    Holder,
    Lease,
    Policy,
    Sparse,
    ThrownOut,
)
from forebear.records.content import PACK, Recipe, StoredObject
from forebear.records.history import HistoryBatch, RunFile
from forebear.records.runs import RunChanges
from forebear.testing.builders import Author, ManualClock, Tick, digest_of, loose, new_version, pack, root_of

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

ME = Holder("here", 7, 123)
DAY = 86_400.0
NOW = timedelta(0)


def lease(catalog: Catalog, purpose: str = WRITING, seconds: float = DAY) -> Lease:
    """Begin a lease."""
    begun = catalog.begin_lease(purpose, ME, seconds)
    assert begun is not None
    return begun


def digests(*texts: str) -> list[bytes]:
    """Digests of contents."""
    return [digest_of(text) for text in texts]


def throw_out(catalog: Catalog, clock: ManualClock, *texts: str) -> ThrownOut:
    """Note contents as garbage, and take them out of the index in the next epoch."""
    catalog.note_garbage(catalog.begin_epoch().number, digests(*texts))
    return catalog.throw_out(catalog.begin_epoch().number, NOW, 1_000)


def states(catalog: Catalog) -> dict[str, int]:
    """State of each object in the trash."""
    return {thrown.name: thrown.state for thrown in catalog.trash()}


def into_trash(catalog: Catalog, clock: ManualClock, stored: StoredObject, *texts: str) -> None:
    """Register an object that holds these contents, and let it go to the trash."""
    catalog.add_objects([stored])
    throw_out(catalog, clock, *texts)
    assert catalog.retire(stored.name)


def named_files(run_key: int, *texts: str) -> HistoryBatch:
    """What a journal brings that names files."""
    at = datetime(2026, 1, 1).astimezone()
    files = tuple(RunFile(text, digest_of(text), len(text), at) for text in texts)
    return HistoryBatch(run_key=run_key, journal="j", start=0, end=1, files=files)


class LeaseSuite:
    """What every catalog promises of leases."""

    def test_a_lease_is_there_until_it_is_ended(self, catalog: Catalog, clock: ManualClock) -> None:
        first, second = lease(catalog), lease(catalog, COLLECTING, 60)
        assert (first.begun_at, first.until) == (clock(), clock() + timedelta(days=1))
        assert catalog.leases() == [first, second]
        catalog.end_lease(first.id)
        catalog.end_lease(first.id)
        assert catalog.leases() == [second]

    def test_a_renewed_lease_is_valid_from_now(self, catalog: Catalog, tick: Tick) -> None:
        begun = lease(catalog, seconds=10)
        now = tick(20)
        assert catalog.renew_lease(begun.id, 30)
        assert catalog.leases()[0].until == now + timedelta(seconds=30)
        assert not catalog.renew_lease("unknown", 30)

    def test_one_who_wants_to_be_alone_waits_for_the_other(self, catalog: Catalog, tick: Tick) -> None:
        lease(catalog, WRITING)
        assert catalog.begin_lease(COLLECTING, ME, 10, alone=True) is not None
        assert catalog.begin_lease(COLLECTING, ME, 10, alone=True) is None
        tick(11)
        assert catalog.begin_lease(COLLECTING, ME, 10, alone=True) is not None

    def test_a_commit_ends_its_lease_and_needs_it(self, catalog: Catalog) -> None:
        begun = lease(catalog)
        catalog.commit_version(new_version(["a"], objects=[pack("p", "a")], lease=begun.id))
        assert catalog.leases() == []
        with pytest.raises(LeaseLost):
            catalog.commit_version(new_version(["b"], name="other", objects=[pack("q", "b")], lease=begun.id))
        assert catalog.collection("team", "digits", "other") is None
        assert catalog.known(digests("a", "b")) == set(digests("a"))

    def test_objects_that_are_registered_end_their_lease(self, catalog: Catalog) -> None:
        begun = lease(catalog)
        catalog.add_objects([], lease=begun.id, keep_lease=True)
        assert catalog.leases() == [begun]
        catalog.add_objects([pack("p", "a")], lease=begun.id)
        assert catalog.leases() == []
        with pytest.raises(LeaseLost):
            catalog.add_objects([pack("q", "b")], lease=begun.id)
        assert catalog.known(digests("b")) == set()

    def test_a_commit_that_is_refused_keeps_its_lease(self, catalog: Catalog) -> None:
        begun = lease(catalog)
        with pytest.raises(MissingBlobs):
            catalog.commit_version(new_version(["a"], needs=digests("a"), lease=begun.id))
        assert catalog.leases() == [begun]

    def test_a_run_holds_what_it_will_name(self, catalog: Catalog, author: Author) -> None:
        catalog.add_objects([pack("p", "a", "b")])
        run = author.run()
        catalog.hold(run.key, digests("a", "b"))
        catalog.hold(run.key, digests("a"))
        assert set(catalog.named_by_runs()) == set(digests("a", "b"))
        with pytest.raises(MissingBlobs):
            catalog.hold(run.key, digests("absent"))
        with pytest.raises(NotFound):
            catalog.hold(run.key + 99, digests("a"))

    def test_what_is_named_or_whose_run_ended_is_held_no_longer(self, catalog: Catalog, author: Author) -> None:
        catalog.add_objects([pack("p", "a", "b")])
        run = author.run()
        catalog.hold(run.key, digests("a", "b"))
        assert catalog.append_history(named_files(run.key, "a"))
        catalog.forget_run_files(run.key, ["a"])
        assert set(catalog.named_by_runs()) == set(digests("b"))
        catalog.begin_epoch()
        assert set(catalog.named_by_runs()) == set(digests("b"))
        catalog.update_run(run.key, RunChanges(state="finished"))
        catalog.begin_epoch()
        assert set(catalog.named_by_runs()) == set()

    def test_a_run_that_crashed_holds_for_a_while_what_its_journal_may_bring(
        self, catalog: Catalog, author: Author, tick: Tick
    ) -> None:
        catalog.add_objects([pack("p", "a")])
        run = author.run()
        catalog.hold(run.key, digests("a"))
        catalog.update_run(run.key, RunChanges(state="crashed"))
        tick(29 * DAY)
        catalog.hold(run.key, digests("a"))
        catalog.begin_epoch()
        assert set(catalog.named_by_runs()) == set(digests("a"))
        tick(DAY)
        catalog.begin_epoch()
        assert set(catalog.named_by_runs()) == set()


class GarbageSuite:
    """What every catalog promises of blobs that nobody names."""

    def test_epochs_are_counted(self, catalog: Catalog, author: Author) -> None:
        first = catalog.begin_epoch()
        version = author.version("a", objects=[pack("p", "a")])
        second = catalog.begin_epoch()
        assert second.number == first.number + 1
        assert (first.last_version, second.last_version) == (0, version.id)

    def test_roots_are_those_of_live_versions_and_of_all_new_ones(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a"), author.version("a", "b")
        catalog.delete_version(first.id)
        assert catalog.roots() == [root_of(["a", "b"])]
        assert set(catalog.roots(after=0)) == {root_of(["a"]), root_of(["a", "b"])}
        assert catalog.roots(after=first.id) == [second.root]
        assert catalog.roots(after=second.id) == []

    def test_what_is_held_are_slices_and_recipes(self, catalog: Catalog) -> None:
        assert list(catalog.held()) == []
        catalog.add_objects([pack("p", "one", "two")])
        catalog.add_recipes({digest_of("onetwo"): Recipe(6, tuple(digests("one", "two")))})
        assert sorted(catalog.held()) == sorted(digests("one", "two", "onetwo"))

    def test_garbage_goes_in_the_next_epoch_and_not_before_its_time(
        self, catalog: Catalog, clock: ManualClock, tick: Tick
    ) -> None:
        catalog.add_objects([pack("p", "a", "b", "c")])
        epoch, noted = catalog.begin_epoch().number, clock()
        tick()
        assert catalog.note_garbage(epoch, digests("a", "b")) == 2
        assert catalog.note_garbage(epoch, digests("b")) == 0
        assert catalog.garbage() == 2
        assert set(catalog.noted_garbage()) == set(digests("a", "b"))
        assert catalog.throw_out(epoch, NOW, 10) == ThrownOut(0, 0)
        epoch = catalog.begin_epoch().number
        assert catalog.throw_out(epoch, clock() - noted + timedelta(seconds=1), 10) == ThrownOut(0, 0)
        assert catalog.throw_out(epoch, clock() - noted, 1) == ThrownOut(1, 1)
        assert catalog.throw_out(epoch, clock() - noted, 10) == ThrownOut(1, 1)
        assert catalog.known(digests("a", "b", "c")) == set(digests("c"))
        assert catalog.garbage() == 0

    def test_what_is_spared_is_no_garbage(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "one", "two", "three")])
        catalog.add_recipes({digest_of("onetwo"): Recipe(6, tuple(digests("one", "two")))})
        catalog.note_garbage(catalog.begin_epoch().number, digests("one", "two", "three", "onetwo"))
        catalog.spare(digests("onetwo"))
        assert set(catalog.noted_garbage()) == set(digests("three"))

    def test_pages_noted_as_garbage_vouch_for_nothing(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "a", "b")])
        assert catalog.firm(digests("a", "b", "c")) == set(digests("a", "b"))
        catalog.note_garbage(catalog.begin_epoch().number, digests("a"))
        assert catalog.firm(digests("a", "b", "c")) == set(digests("b"))
        with pytest.raises(MissingBlobs) as raised:
            catalog.commit_version(new_version(["x"], trusts=digests("a", "b")))
        assert raised.value.digests == digests("a")
        catalog.commit_version(new_version(["x"], trusts=digests("b"), needs=digests("a")))
        assert catalog.garbage() == 0

    @pytest.mark.parametrize("how", ["commit", "objects", "recipe", "file", "hold"])
    def test_who_counts_on_a_blob_keeps_it(
        self, catalog: Catalog, author: Author, clock: ManualClock, how: str
    ) -> None:
        catalog.add_objects([pack("p", "a", "b")])
        run = author.run()
        catalog.note_garbage(catalog.begin_epoch().number, digests("a", "b"))
        if how == "commit":
            catalog.commit_version(new_version(["a"], needs=digests("a")))
        elif how == "objects":
            catalog.add_objects([pack("q", "a")])
        elif how == "recipe":
            catalog.add_recipes({digest_of("aa"): Recipe(2, tuple(digests("a", "a")))})
        elif how == "file":
            assert catalog.append_history(named_files(run.key, "a"))
        else:
            catalog.hold(run.key, digests("a"))
        assert set(catalog.noted_garbage()) == set(digests("b"))
        assert catalog.throw_out(catalog.begin_epoch().number, NOW, 10).blobs == 1
        assert catalog.known(digests("a", "b")) == set(digests("a"))

    def test_garbage_without_a_blob_is_thrown_out_too(self, catalog: Catalog, clock: ManualClock) -> None:
        assert throw_out(catalog, clock, "never", "there") == ThrownOut(2, 0)
        assert catalog.trash() == []

    def test_nothing_is_asked_of_nothing(self, catalog: Catalog, clock: ManualClock) -> None:
        catalog.spare([])
        assert catalog.note_garbage(1, []) == 0
        assert catalog.rescue([]) == set()
        assert catalog.rescue_objects([]) == []
        assert catalog.note_strays([]) == 0
        catalog.forget_trash([], NOW)
        assert catalog.trash() == []


class TrashSuite:
    """What every catalog promises of objects on their way out."""

    @pytest.mark.parametrize("how", ["commit", "recipe", "file", "hold", "rescue"])
    def test_who_counts_on_a_blob_gets_it_back(
        self, catalog: Catalog, author: Author, clock: ManualClock, how: str
    ) -> None:
        run = author.run()
        into_trash(catalog, clock, pack("p", "a", "b"), "a", "b")
        assert states(catalog) == {"pack/p": WAITING}
        assert list(catalog.objects()) == []
        if how == "commit":
            catalog.commit_version(new_version(["a"], needs=digests("a")))
        elif how == "recipe":
            catalog.add_recipes({digest_of("aa"): Recipe(2, tuple(digests("a", "a")))})
        elif how == "file":
            assert catalog.append_history(named_files(run.key, "a"))
        elif how == "hold":
            catalog.hold(run.key, digests("a"))
        else:
            assert catalog.rescue(digests("a", "z")) == set(digests("a"))
        assert catalog.trash() == []
        assert catalog.known(digests("a", "b")) == set(digests("a"))
        assert catalog.rescue(digests("a", "b")) == set(digests("a", "b"))
        assert list(catalog.objects()) == [pack("p", "a", "b")]

    def test_a_refused_commit_brings_nothing_back(self, catalog: Catalog, clock: ManualClock) -> None:
        into_trash(catalog, clock, pack("p", "a"), "a")
        with pytest.raises(MissingBlobs) as raised:
            catalog.commit_version(new_version(["a"], needs=digests("a", "lost")))
        assert raised.value.digests == digests("lost")
        assert states(catalog) == {"pack/p": WAITING}
        assert catalog.known(digests("a")) == set()

    def test_a_recipe_comes_back_with_its_parts(self, catalog: Catalog, clock: ManualClock) -> None:
        recipe = Recipe(6, tuple(digests("one", "two")))
        home = StoredObject("pack/q", PACK, 3, pack("q", "two").slices, {digest_of("onetwo"): recipe})
        catalog.add_objects([pack("p", "one"), home])
        throw_out(catalog, clock, "one", "two", "onetwo")
        assert catalog.retire("pack/p")
        assert catalog.retire("pack/q")
        assert {thrown.name: thrown.blobs for thrown in catalog.trash()} == {"pack/p": 1, "pack/q": 2}
        catalog.commit_version(new_version(["onetwo"], needs=digests("onetwo")))
        assert catalog.locate(digests("onetwo")) == {digest_of("onetwo"): recipe}
        assert catalog.known(digests("one", "two")) == set(digests("one", "two"))
        assert catalog.trash() == []
        assert catalog.recipes_at("pack/q") == {digest_of("onetwo"): recipe}

    def test_parts_of_a_recipe_that_stayed_come_back_with_it(self, catalog: Catalog, clock: ManualClock) -> None:
        catalog.add_objects([pack("p", "one", "two")])
        catalog.add_recipes({digest_of("onetwo"): Recipe(6, tuple(digests("one", "two")))})
        throw_out(catalog, clock, "one", "two")
        catalog.commit_version(new_version(["onetwo"], needs=digests("onetwo")))
        assert catalog.known(digests("one", "two")) == set(digests("one", "two"))

    def test_an_object_that_is_written_anew_is_out_of_the_trash(self, catalog: Catalog, clock: ManualClock) -> None:
        into_trash(catalog, clock, pack("p", "a"), "a")
        committed = catalog.commit_version(new_version(["a"], objects=[pack("p", "a")]))
        assert committed.version.added_bytes == 1
        assert catalog.trash() == []
        assert list(catalog.objects()) == [pack("p", "a")]

    def test_an_object_stays_while_something_lies_in_it_alone(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "a", "b"), pack("q", "a")])
        assert not catalog.retire("pack/p")
        assert not catalog.retire("pack/unknown")
        assert catalog.retire("pack/q")
        assert catalog.locate(digests("a"))[digest_of("a")].object == "pack/p"  # type: ignore[union-attr]
        catalog.add_objects([pack("r", "a", "b")])
        assert catalog.retire("pack/p")
        assert catalog.known(digests("a", "b")) == set(digests("a", "b"))
        assert states(catalog) == {"pack/p": WAITING, "pack/q": WAITING}

    def test_an_object_stays_while_recipes_lie_in_it_alone(self, catalog: Catalog) -> None:
        whole, recipe = digest_of("onetwo"), Recipe(6, tuple(digests("one", "two")))
        catalog.add_objects([pack("p", "one", "two"), StoredObject("pack/q", PACK, 9, [], {whole: recipe})])
        assert not catalog.retire("pack/q")
        assert catalog.sparse(0.5, 9) == []
        assert catalog.recipes_at("pack/p") == catalog.recipes_at("pack/q") == {whole: recipe}
        catalog.add_objects([StoredObject("pack/r", PACK, 9, [], {whole: recipe})])
        assert catalog.retire("pack/q")
        catalog.add_recipes({whole: recipe})
        assert not catalog.retire("pack/r")

    def test_a_recipe_of_unknown_place_gets_one(self, catalog: Catalog) -> None:
        whole, recipe = digest_of("onetwo"), Recipe(6, tuple(digests("one", "two")))
        catalog.add_objects([pack("p", "one", "two"), StoredObject("pack/q", PACK, 9, [])])
        catalog.add_recipes({whole: recipe})
        assert [each.name for each in catalog.sparse(0.5, 9)] == ["pack/q"]
        catalog.place_recipes("pack/q", [whole, digest_of("unknown")])
        catalog.place_recipes("pack/p", [whole])
        assert catalog.sparse(0.5, 9) == []
        assert catalog.recipes_at("pack/unknown") == {}

    def test_sparse_objects_come_emptiest_first(self, catalog: Catalog, clock: ManualClock) -> None:
        much = "x" * 1000
        catalog.add_objects([pack("full", much), pack("half", much + "1", much + "2"), pack("none", "a")])
        big = StoredObject("pack/big", PACK, 9_000, pack("big", "b" * 100, much + "3").slices)
        catalog.add_objects([big])
        throw_out(catalog, clock, "a", much + "1", much + "3")
        assert catalog.sparse(0.25, 9) == [Sparse("pack/none", PACK, 1, 0), Sparse("pack/big", PACK, 9_000, 100)]
        assert [each.name for each in catalog.sparse(0.25, 1)] == ["pack/none"]
        assert [each.name for each in catalog.sparse(0.9, 9)] == ["pack/none", "pack/big", "pack/half"]

    def test_files_that_nobody_knows_go_to_the_trash(self, catalog: Catalog, clock: ManualClock) -> None:
        into_trash(catalog, clock, pack("t", "t"), "t")
        catalog.add_objects([pack("p", "a")])
        strays = [("pack/p", PACK, 1), ("pack/t", PACK, 1), ("pack/s", PACK, 5)]
        names = ["pack/s", *(name for name, _, _ in strays)]
        assert catalog.strays(names) == ["pack/s"]
        assert catalog.strays([]) == []
        assert catalog.note_strays(strays) == 1
        assert catalog.strays(names) == []
        assert catalog.note_strays(strays) == 0
        assert states(catalog) == {"pack/s": WAITING, "pack/t": WAITING}
        catalog.add_objects([pack("s", "s")])
        assert states(catalog) == {"pack/t": WAITING}

    def test_the_trash_is_condemned_in_its_time(self, catalog: Catalog, clock: ManualClock, tick: Tick) -> None:
        catalog.note_strays([("pack/a", PACK, 1)])
        first = clock()
        tick()
        catalog.note_strays([("pack/b", PACK, 1)])
        assert catalog.condemn(clock() - first + timedelta(seconds=1), 9) == 0
        assert catalog.condemn(clock() - first, 9) == 1
        assert states(catalog) == {"pack/a": CONDEMNED, "pack/b": WAITING}
        assert catalog.condemn(NOW, 0) == 0
        assert catalog.condemn(NOW, 1) == 1
        assert catalog.claim_condemned(10, 1) == ["pack/a"]
        assert states(catalog) == {"pack/a": DELETING, "pack/b": CONDEMNED}
        catalog.forget_trash(["pack/a", "pack/b"], NOW)
        assert states(catalog) == {"pack/b": CONDEMNED}

    def test_what_a_writer_may_have_seen_is_not_deleted(self, catalog: Catalog, clock: ManualClock, tick: Tick) -> None:
        before = lease(catalog)
        catalog.note_strays([("pack/a", PACK, 1)])
        catalog.condemn(NOW, 9)
        after = lease(catalog)
        assert before.doomed == frozenset()
        assert after.doomed == {"pack/a"}
        lease(catalog, COLLECTING)
        assert catalog.claim_condemned(10, 9) == []
        catalog.end_lease(before.id)
        assert catalog.claim_condemned(10, 9) == ["pack/a"]
        assert lease(catalog).doomed == {"pack/a"}
        assert catalog.claim_condemned(10, 9) == []
        tick(11)
        assert catalog.claim_condemned(10, 9) == ["pack/a"]

    def test_a_lease_that_ran_out_protects_nothing(self, catalog: Catalog, clock: ManualClock, tick: Tick) -> None:
        begun = lease(catalog, seconds=10)
        catalog.note_strays([("pack/a", PACK, 1)])
        catalog.condemn(NOW, 9)
        tick(11)
        assert catalog.claim_condemned(10, 9) == ["pack/a"]
        assert catalog.leases() == []
        assert not catalog.renew_lease(begun.id, 10)

    def test_what_is_being_deleted_does_not_come_back(self, catalog: Catalog, clock: ManualClock) -> None:
        into_trash(catalog, clock, pack("p", "a"), "a")
        catalog.condemn(NOW, 9)
        assert catalog.claim_condemned(10, 9) == ["pack/p"]
        assert catalog.rescue(digests("a")) == set()
        with pytest.raises(MissingBlobs):
            catalog.commit_version(new_version(["a"], needs=digests("a")))
        with pytest.raises(BeingDeleted) as raised:
            catalog.commit_version(new_version(["a"], objects=[pack("p", "a"), pack("q", "b")]))
        assert raised.value.names == ["pack/p"]
        assert catalog.known(digests("a", "b")) == set()
        catalog.forget_trash(["pack/p"], NOW)
        catalog.add_objects([pack("p", "a")])
        assert catalog.known(digests("a")) == set(digests("a"))

    def test_what_is_condemned_still_comes_back(self, catalog: Catalog, clock: ManualClock) -> None:
        into_trash(catalog, clock, pack("p", "a"), "a")
        catalog.condemn(NOW, 9)
        assert catalog.rescue(digests("a")) == set(digests("a"))
        assert catalog.trash() == []

    def test_objects_about_to_be_deleted_may_stay(self, catalog: Catalog, clock: ManualClock, tick: Tick) -> None:
        catalog.note_strays([("pack/a", PACK, 1), ("pack/b", PACK, 1), ("pack/c", PACK, 1)])
        tick()
        catalog.condemn(NOW, 2)
        assert catalog.claim_condemned(10, 1) == ["pack/a"]
        assert catalog.rescue_objects(["pack/a", "pack/b", "pack/c", "pack/unknown"]) == ["pack/a"]
        assert states(catalog) == {"pack/a": DELETING, "pack/b": WAITING, "pack/c": WAITING}
        assert {thrown.name: thrown.at for thrown in catalog.trash()}["pack/b"] == clock()
        tick(11)
        assert catalog.rescue_objects(["pack/a"]) == []
        assert states(catalog)["pack/a"] == WAITING

    def test_only_what_is_claimed_is_deleted(self, catalog: Catalog, clock: ManualClock, tick: Tick) -> None:
        catalog.note_strays([("pack/a", PACK, 1), ("pack/b", PACK, 1)])
        tick()
        catalog.condemn(NOW, 9)
        deleted: list[str] = []
        assert catalog.claim_condemned(10, 1) == ["pack/a"]
        assert [catalog.delete_claimed(name, deleted.append) for name in ("pack/a", "pack/b", "pack/c")] == [
            True,
            False,
            False,
        ]
        tick(11)
        assert catalog.rescue_objects(["pack/a"]) == []
        assert not catalog.delete_claimed("pack/a", deleted.append)
        assert deleted == ["pack/a"]

    def test_what_may_be_deleted_already_does_not_come_back(
        self, catalog: Catalog, clock: ManualClock, tick: Tick
    ) -> None:
        into_trash(catalog, clock, pack("p", "a"), "a")
        catalog.condemn(NOW, 9)
        assert catalog.claim_condemned(10, 9) == ["pack/p"]
        tick(11)
        assert catalog.rescue_objects(["pack/p"]) == []
        assert catalog.rescue(digests("a")) == set()
        catalog.add_objects([pack("p", "a")])
        assert catalog.known(digests("a")) == set(digests("a"))

    def test_recipes_of_which_parts_were_deleted_are_gone(self, catalog: Catalog, clock: ManualClock) -> None:
        into_trash(catalog, clock, pack("p", "one"), "one")
        catalog.add_objects([pack("q", "two")])
        catalog.add_recipes({digest_of("twotwo"): Recipe(6, tuple(digests("two", "two")))})
        throw_out(catalog, clock, "two")
        assert catalog.retire("pack/q")
        catalog.condemn(NOW, 9)
        assert catalog.claim_condemned(10, 9) == ["pack/p", "pack/q"]
        catalog.forget_trash(["pack/p", "pack/q"], NOW)
        assert catalog.known(digests("one", "two", "twotwo")) == set()
        assert catalog.trash() == []

    def test_single_blobs_are_forgotten_after_a_while(self, catalog: Catalog, clock: ManualClock, tick: Tick) -> None:
        catalog.add_objects([pack("p", "a", "b", "c")])
        throw_out(catalog, clock, "a")
        tick()
        writer = lease(catalog)
        tick()
        throw_out(catalog, clock, "b")
        tick()
        catalog.forget_trash([], NOW)
        assert catalog.rescue(digests("a", "b")) == set(digests("b"))
        throw_out(catalog, clock, "b")
        catalog.end_lease(writer.id)
        tick()
        catalog.forget_trash([], NOW)
        assert catalog.rescue(digests("a", "b", "c")) == set(digests("c"))

    def test_blobs_of_an_object_that_was_forgotten_do_not_come_back(self, catalog: Catalog, clock: ManualClock) -> None:
        catalog.add_objects([pack("p", "a", "b")])
        throw_out(catalog, clock, "a")
        catalog.forget_objects(["pack/p"])
        assert catalog.rescue(digests("a", "b")) == set()
        with pytest.raises(MissingBlobs):
            catalog.commit_version(new_version(["a"], needs=digests("a")))

    def test_more_blobs_than_a_transaction_takes(self, catalog: Catalog, clock: ManualClock) -> None:
        texts = [str(number) for number in range(5_000)]
        catalog.add_objects([pack("p", *texts), pack("q", "kept")])
        catalog.note_garbage(catalog.begin_epoch().number, digests(*texts[:10]))
        assert catalog.note_garbage(catalog.begin_epoch().number, digests(*texts, *texts[:5])) == 4_990
        assert catalog.throw_out(catalog.begin_epoch().number, NOW, 10_000).blobs == 5_000
        assert catalog.retire("pack/p")
        catalog.condemn(NOW, 9)
        assert catalog.claim_condemned(10, 9) == ["pack/p"]
        catalog.forget_trash(["pack/p"], NOW)
        assert catalog.trash() == []
        assert catalog.rescue(digests(*texts, "kept")) == set(digests("kept"))

    def test_a_loose_object_and_its_chunks_go_apart(self, catalog: Catalog, clock: ManualClock) -> None:
        big = loose("big", size=1000)
        chunks = [part._replace(digest=digest_of("head"), stored=400, size=400) for part in big.slices]
        catalog.add_objects([StoredObject(big.name, big.kind, 1000, [*big.slices, *chunks])])
        assert throw_out(catalog, clock, "big") == ThrownOut(1, 1000)
        assert catalog.sparse(0.5, 9) == [Sparse(big.name, "loose", 1000, 400)]
        assert not catalog.retire(big.name)
        assert catalog.slices_at(big.name) == chunks
        assert catalog.slices_at("unknown") == []
        assert catalog.rescue(digests("big")) == set(digests("big"))


class KeepingSuite:
    """What every catalog promises of policies, pins, and versions that go and come back."""

    def test_policies_are_kept_by_collection(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a"), author.version("b", name="model", type="model")
        assert catalog.policies() == {}
        catalog.set_policy(first.collection_id, Policy(keep_last=3))
        catalog.set_policy(second.collection_id, Policy(max_age_days=1.5, keep_aliased=False))
        catalog.set_policy(first.collection_id, Policy(keep_last=2))
        assert catalog.policies() == {
            first.collection_id: Policy(keep_last=2),
            second.collection_id: Policy(max_age_days=1.5, keep_aliased=False),
        }
        catalog.set_policy(first.collection_id, None)
        assert list(catalog.policies()) == [second.collection_id]
        with pytest.raises(NotFound):
            catalog.set_policy(99, Policy(keep_last=2))

    def test_a_pinned_version_is_not_deleted(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        author.version("b")
        catalog.pin_version(version.id, pinned=True)
        catalog.pin_version(version.id, pinned=True)
        assert catalog.pins(version.collection_id) == {version.id}
        with pytest.raises(Conflict) as raised:
            catalog.delete_version(version.id, delete_aliases=True)
        assert raised.value.code == "version-pinned"
        assert catalog.drop_versions([version.id], keep_aliased=True) == []
        catalog.pin_version(version.id, pinned=False)
        assert catalog.pins(version.collection_id) == set()
        catalog.delete_version(version.id)
        with pytest.raises(NotFound):
            catalog.pin_version(version.id, pinned=True)

    def test_a_policy_leaves_what_is_named(self, catalog: Catalog, author: Author) -> None:
        made = [author.version(str(i), aliases=("prod",) if i == 1 else ()) for i in range(4)]
        ids = [version.id for version in made]
        assert catalog.drop_versions([*ids, 99], keep_aliased=True) == [ids[0], ids[2]]
        assert catalog.drop_versions(ids, keep_aliased=False) == [ids[1]]
        assert [version.number for version in catalog.versions(made[0].collection_id)] == [3]
        with pytest.raises(NotFound):
            author.resolve("data:prod")

    def test_deleted_versions_are_listed_and_come_back(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        first = author.version("a", objects=[pack("p", "a")], aliases=("prod",))
        second = author.version("b", objects=[pack("q", "b")])
        author.version("c")
        catalog.delete_version(second.id)
        gone = tick()
        catalog.delete_version(first.id, delete_aliases=True)
        listed = catalog.deleted_versions(first.collection_id)
        assert [key for key, _ in listed] == [first.id, second.id]
        assert listed[0][1] == gone
        assert catalog.deleted_versions(99) == []
        assert catalog.deleted_versions() == listed
        catalog.restore_version(first.id, digests("a"))
        assert author.resolve("data:v0").aliases == ()
        assert [key for key, _ in catalog.deleted_versions()] == [second.id]
        with pytest.raises(NotFound):
            catalog.restore_version(first.id, [])

    def test_a_version_comes_back_with_its_blobs_or_not_at_all(
        self, catalog: Catalog, author: Author, clock: ManualClock
    ) -> None:
        first = author.version("a", objects=[pack("p", "a")])
        author.version("b")
        catalog.delete_version(first.id)
        throw_out(catalog, clock, "a")
        assert catalog.retire("pack/p")
        with pytest.raises(MissingBlobs):
            catalog.restore_version(first.id, digests("a", "lost"))
        assert catalog.known(digests("a")) == set()
        catalog.restore_version(first.id, digests("a"))
        assert catalog.known(digests("a")) == set(digests("a"))
        assert [v.number for v in catalog.versions(first.collection_id)] == [1, 0]

    def test_contents_of_the_newest_version_are_known_when_it_is_gone(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a", "b")
        author.version("x", name="other")
        assert catalog.tip_contents(version.collection_id) == set(digests("a", "b"))
        newest = author.version("b", "c")
        catalog.delete_version(newest.id)
        assert catalog.tip_contents(version.collection_id) == set(digests("b", "c"))
        assert catalog.tip_contents(99) == set()

    def test_one_collects_now_and_then(self, catalog: Catalog, tick: Tick) -> None:
        hour = timedelta(hours=1)
        assert not catalog.collect_due(hour)
        tick(3599)
        assert not catalog.collect_due(hour)
        tick(1)
        assert catalog.collect_due(hour)
        assert not catalog.collect_due(hour)


class CollectingSuite(LeaseSuite, GarbageSuite, TrashSuite, KeepingSuite):
    """All of `forebear.catalog.collecting_port.CollectingPort`."""
