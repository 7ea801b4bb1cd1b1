"""Conformance of a catalog's copies: what comes from another store is here as it was there, once."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from forebear.catalog.port import MissingBlobs, TipMoved
from forebear.errors import AlreadyExists, Conflict, NotFound
from forebear.records.artifacts import DELETED, Version
from forebear.records.copies import Adopted, AdoptedVersion, AliasStep, Copy
from forebear.records.history import Branch, HistoryBatch, Stream
from forebear.records.lineage import Edge, EdgeKind, FileUse
from forebear.records.queries import Compare, RunQuery
from forebear.records.runs import DELETED as RUN_DELETED
from forebear.records.runs import FINISHED, Project, RunChanges, RunOrigin, RunRecord
from forebear.records.sweeps import RUNNING, NewTrial, SweepChanges, TrialEnding
from forebear.testing.builders import ENTITY, PROJECT, Author, ManualClock, Tick, digest_of, loose, node, root_of
from forebear.testing.catalog_history import block
from forebear.testing.catalog_sweeps import new_sweep, offer
from forebear.testing.memory_catalog import MemoryCatalog

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

USED, LOGGED, REPRODUCED, FEEDBACK, FORKED, REWOUND = EdgeKind
SOURCE = "that store"


class There(Author):
    """Logs into another store, and hands on what it has."""

    def __init__(self, clock: ManualClock, target: Catalog) -> None:
        """Write into a store of its own that ``target`` copies."""
        super().__init__(MemoryCatalog(clock=clock))
        self.target = target

    def hand_on_run(self, run: RunRecord) -> int:
        """Let the target take a run as it stands, and return its key there."""
        record = self.catalog.runs_by_key([run.key])[run.key]
        return self.target.adopt_run(SOURCE, record, self.catalog.branches(run.key))

    def adopted(self, version: Version, **changes: Any) -> AdoptedVersion:
        """What the target needs to take a version onto the tip that it has."""
        collection = self.catalog.collection(version.entity, version.project, version.name)
        assert collection is not None
        whole = {each.version.id: each for each in self.catalog.whole_versions(collection.id)}[version.id]
        here = self.target.collection(version.entity, version.project, version.name)
        tip = here.tip if here else None
        mine, theirs = self._contents[version.root], frozenset[str]()
        if tip is not None:
            theirs = self._contents.get(tip, frozenset())
        fields: dict[str, Any] = {
            "steps": tuple(s for s in self.catalog.alias_steps(collection.id) if s.version_id == version.id),
            "tip": tip,
            "gained": [digest_of(text) for text in sorted(mine - theirs)],
            "lost": [digest_of(text) for text in sorted(theirs - mine)],
        }
        return AdoptedVersion(collection, whole.version, whole.origin, **{**fields, **changes})

    def hand_on(self, version: Version, **changes: Any) -> Adopted:
        """Let the target take a version."""
        return self.target.adopt_version(SOURCE, self.adopted(version, **changes))

    def knows(self, *contents: str) -> None:
        """Say what the target has by itself."""
        self._contents[root_of(contents)] = frozenset(contents)


class CopySuite:
    """What every catalog promises of copying."""

    @pytest.fixture
    def there(self, clock: ManualClock, catalog: Catalog) -> There:
        """Another store, that is copied."""
        return There(clock, catalog)

    # -- what goes ------------------------------------------------------------------------------------------------

    def test_all_versions_go_with_their_origins(self, catalog: Catalog, author: Author) -> None:
        run = author.run()
        first, second = author.version("a", run=run), author.version("b", tags=("x",))
        catalog.delete_version(first.id)
        whole = catalog.whole_versions(first.collection_id)
        assert [(w.version.number, w.version.state, w.origin) for w in whole] == [
            (0, DELETED, run.key),
            (1, second.state, None),
        ]
        assert whole[1].version == second
        assert catalog.whole_versions(4711) == []

    def test_moves_of_aliases_go_by_keys(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        run = author.run()
        first = author.version("a", run=run)
        at = tick()
        catalog.move_alias(first.id, "prod")
        later = tick()
        catalog.remove_alias(first.collection_id, "prod", run_key=run.key)
        assert catalog.alias_steps(first.collection_id) == [
            AliasStep("latest", first.id, first.created_at, run.key),
            AliasStep("prod", first.id, at, None),
            AliasStep("prod", None, later, run.key),
        ]

    def test_all_blocks_of_a_run_go(self, catalog: Catalog, author: Author) -> None:
        run, other = author.run("r1"), author.run("r2")
        blocks = (block("x", seq=5), block("y", stream=Stream.SYSTEM), block("z", branch=2))
        catalog.append_history(HistoryBatch(run.key, "j", 0, 10, blocks=blocks))
        catalog.append_history(HistoryBatch(other.key, "k", 0, 10, blocks=(block("q"),)))
        found = list(catalog.history_blocks(run.key))
        assert [replace(each, id=0) for each in found] == list(blocks)
        bare = list(catalog.history_blocks(run.key, bare=True))
        assert bare == [replace(each, columns={}) for each in found]
        assert list(catalog.history_blocks(run.key, ids=[found[2].id, found[0].id])) == [found[0], found[2]]
        assert list(catalog.history_blocks(other.key, ids=[found[0].id])) == []

    # -- projects and runs ----------------------------------------------------------------------------------------

    def test_a_project_keeps_the_earlier_time(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        early, later = tick(), tick()
        author.run()
        tick()
        new = Project(ENTITY, "new", later)
        catalog.adopt_projects([Project(ENTITY, PROJECT, early), new, replace(new, created_at=tick())])
        assert {each.name: each.created_at for each in catalog.projects()} == {PROJECT: early, "new": later}

    def test_a_run_comes_as_it_was(self, catalog: Catalog, there: There, tick: Tick) -> None:
        Author(catalog).run("other")
        run = there.run(tags=("x",), config={"lr": 0.1, "n": float("nan")}, job_type="train", group="g", notes="n",
                        origin=RunOrigin(user="ada"), sweep="s")  # fmt: skip
        changes = RunChanges(state=FINISHED, ended_at=tick(), exit_code=0, summary={"acc": 0.9}, metrics={"acc": {}})
        there.catalog.update_run(run.key, changes)
        tick()
        key = there.hand_on_run(run)
        expected = there.catalog.runs_by_key([run.key])[run.key]
        here = catalog.runs_by_key([key])[key]
        assert key != run.key
        assert repr(here) == repr(replace(expected, key=key))  # by text, for not-a-number is equal to nothing
        for field, value in [("config.lr", 0.1), ("summary.acc", 0.9), ("user", "ada"), ("tags", "x")]:
            assert [r.key for r in catalog.find_runs(RunQuery(where=Compare(field, "eq", value)))] == [key], field

    def test_a_run_that_went_on_is_brought_up_to_date(self, catalog: Catalog, there: There) -> None:
        run = there.run(config={"lr": 0.1}, tags=("x",))
        key = there.hand_on_run(run)
        catalog.mark_copied(SOURCE, {node(run): b"print"})
        there.catalog.update_run(run.key, RunChanges(config={"lr": 0.2}, tags=("y",), state=FINISHED))
        assert there.hand_on_run(run) == key
        assert catalog.copies(SOURCE) == {node(run): Copy(key * 2 + 1, None)}
        [here] = catalog.find_runs(RunQuery(where=Compare("config.lr", "eq", 0.2)))
        assert (here.key, here.tags, here.state) == (key, ("y",), FINISHED)
        assert catalog.count_runs(RunQuery(where=Compare("tags", "eq", "x"))) == 0

    def test_a_run_of_the_same_moment_is_the_same_run(self, catalog: Catalog, there: There, author: Author) -> None:
        here, run = author.run("r1"), there.run("r1", config={"a": 1})
        assert there.hand_on_run(run) == here.key
        assert catalog.runs_by_key([here.key])[here.key].config == {"a": 1}

    def test_another_run_of_that_id_stays(self, catalog: Catalog, there: There, author: Author, tick: Tick) -> None:
        here = author.run("r1")
        tick()
        with pytest.raises(AlreadyExists):
            there.hand_on_run(there.run("r1"))
        assert catalog.runs() == [here]
        assert catalog.copies(SOURCE) == {}

    def test_a_run_that_was_deleted_here_stays_so(self, catalog: Catalog, there: There) -> None:
        run = there.run("r1")
        key = there.hand_on_run(run)
        catalog.delete_run(key)
        assert there.hand_on_run(run) == key
        assert catalog.runs() == []

    def test_a_run_that_was_deleted_there_is_not_deleted_here(self, catalog: Catalog, there: There) -> None:
        run = there.run("r1")
        key = there.hand_on_run(run)
        there.catalog.delete_run(run.key)
        assert there.hand_on_run(run) == key
        assert [each.id for each in catalog.runs()] == ["r1"]

    def test_a_deleted_run_comes_as_a_node(self, catalog: Catalog, there: There, author: Author) -> None:
        author.run("r0")
        run = there.run("r1")
        there.catalog.delete_run(run.key)
        key = there.hand_on_run(run)
        assert there.hand_on_run(run) == key
        assert catalog.adopt_run("a third store", there.catalog.runs_by_key([run.key])[run.key]) == key
        assert catalog.runs_by_key([key])[key].state == RUN_DELETED
        assert catalog.describe([key * 2 + 1])[key * 2 + 1].id == f"{ENTITY}/{PROJECT}/r1~{key}"
        assert author.run("r1").id == "r1"

    def test_branches_come_with_their_numbers_and_times(self, catalog: Catalog, there: There, tick: Tick) -> None:
        parent, run = there.run("r1"), there.run("r2")
        at = tick()
        there.catalog.add_branch(run.key, Branch(0, parent.key, 0, 7, at), kind=FORKED)
        later = tick()
        there.catalog.add_branch(run.key, Branch(0, run.key, 0, 9, at), kind=REWOUND)
        with pytest.raises(NotFound):
            there.hand_on_run(run)
        assert catalog.copies(SOURCE) == {}
        above = there.hand_on_run(parent)
        for _ in range(2):
            key = there.hand_on_run(run)
            assert catalog.branches(key) == [Branch(0, above, 0, 7, at), Branch(1, key, 0, 9, later)]
        assert catalog.runs_by_key([key])[key].branch == 1

    def test_a_deleted_run_takes_rows_where_another_goes_on_from_it(self, catalog: Catalog, there: There) -> None:
        parent, run = there.run("r1"), there.run("r2")
        there.catalog.add_branch(run.key, Branch(0, parent.key, 0, 7, run.created_at), kind=FORKED)
        there.catalog.delete_run(parent.key)
        key = there.hand_on_run(parent)
        with pytest.raises(NotFound):
            catalog.replace_blocks(key, [], [block("x")])
        child = there.hand_on_run(run)
        assert catalog.replace_blocks(key, [], [block("x")])
        assert len(catalog.history(key).blocks) == 1
        catalog.delete_run(child)
        assert catalog.history(key).blocks == ()

    # -- versions -------------------------------------------------------------------------------------------------

    def test_a_version_comes_as_it_was(self, catalog: Catalog, there: There, tick: Tick) -> None:
        Author(catalog).version("z", name="other")
        run = there.run()
        key = there.hand_on_run(run)
        version = there.version("a", "b", run=run, metadata={"n": 1}, description="d", tags=("t",), aliases=("prod",))
        tick()
        adopted = there.hand_on(version, objects=[loose("a"), loose("b")], needs=[digest_of("a")], print=b"p")
        assert adopted.created
        expected = replace(version, id=adopted.version.id, collection_id=adopted.version.collection_id)
        assert adopted.version == expected == Author(catalog).resolve("data:prod")
        assert catalog.whole_versions(expected.collection_id) == [(expected, key)]
        theirs = there.catalog.collection(ENTITY, PROJECT, "data")
        assert theirs is not None
        assert catalog.collection(ENTITY, PROJECT, "data") == replace(theirs, id=expected.collection_id)
        assert catalog.alias_steps(expected.collection_id) == [
            AliasStep(alias, expected.id, version.created_at, key) for alias in ("latest", "prod")
        ]
        assert list(catalog.all_edges(EdgeKind)) == [Edge(key * 2 + 1, node(expected), LOGGED, version.created_at)]
        assert catalog.file_uses(digest_of("a")) == [FileUse(f"{ENTITY}/{PROJECT}/data", 0, None, (node(expected),))]
        assert catalog.copies(SOURCE)[node(version)] == Copy(node(expected), b"p")
        assert [each.id for each, _ in catalog.unrecorded_versions(9)][-1] == expected.id

    def test_a_version_comes_once(self, catalog: Catalog, there: There) -> None:
        version = there.version("a")
        first = there.hand_on(version)
        again = there.hand_on(version, tip=None, gained=[])
        assert (first.moves, again) == (1, Adopted(first.version, False, 0))
        assert len(catalog.alias_steps(first.version.collection_id)) == 1

    def test_versions_come_with_their_numbers_also_deleted_ones(self, catalog: Catalog, there: There) -> None:
        versions = [there.version("a"), there.version("b"), there.version("b", "c")]
        there.catalog.delete_version(versions[1].id)
        here = [there.hand_on(version).version for version in versions]
        assert [(v.number, v.state) for v in here] == [(0, "COMMITTED"), (1, DELETED), (2, "COMMITTED")]
        assert catalog.file_uses(digest_of("b"))[0].versions == (node(here[2]),)
        there.knows("b", "c")
        author = Author(catalog)
        author._contents = there._contents
        assert author.version("x").number == 3

    def test_a_deleted_version_takes_no_tip_and_needs_nothing(self, catalog: Catalog, there: There) -> None:
        first, second = there.version("a"), there.version("b")
        there.catalog.delete_version(second.id)
        here = there.hand_on(first).version
        gone = there.hand_on(second, tip=b"?" * 32, needs=[digest_of("nowhere")], gained=[], lost=[])
        assert gone.created
        collection = catalog.collection(ENTITY, PROJECT, "data")
        assert collection is not None
        assert (collection.tip, collection.next_number, collection.version_count) == (here.root, 2, 1)
        assert not there.hand_on(second).created

    def test_where_numbers_are_taken_the_next_ones_are_given(
        self, catalog: Catalog, there: There, author: Author, tick: Tick
    ) -> None:
        author.version("x")
        author.version("y")
        there.knows("y")
        tick()
        versions = [there.version("a"), there.version("b"), there.version("c")]
        assert [there.hand_on(version).version.number for version in versions] == [2, 3, 4]
        assert [use.first for use in catalog.file_uses(digest_of("y"))] == [1]
        assert catalog.file_uses(digest_of("y"))[0].until == 2

    def test_the_same_content_is_the_same_version(
        self, catalog: Catalog, there: There, author: Author, tick: Tick
    ) -> None:
        here = author.version("a", tags=("mine",), description="mine")
        tick()
        version = there.version("a", tags=("theirs",), description="theirs")
        adopted = there.hand_on(version, tip=None, gained=[])
        assert (adopted.created, adopted.version.id) == (False, here.id)
        assert (adopted.version.tags, adopted.version.description) == (("mine", "theirs"), "mine")

    def test_a_version_of_the_same_root_and_moment_is_the_same_also_deleted(
        self, catalog: Catalog, there: There, author: Author
    ) -> None:
        here = author.version("a")
        catalog.delete_version(here.id)
        adopted = there.hand_on(there.version("a"), tip=None, gained=[])
        assert (adopted.created, adopted.version.id, adopted.version.state) == (False, here.id, DELETED)

    def test_content_that_was_deleted_here_comes_anew(
        self, catalog: Catalog, there: There, author: Author, tick: Tick
    ) -> None:
        catalog.delete_version(author.version("a").id)
        tick()
        there.knows("a")
        adopted = there.hand_on(there.version("a"))
        assert (adopted.created, adopted.version.number) == (True, 1)

    def test_another_type_is_a_conflict(self, catalog: Catalog, there: There, author: Author) -> None:
        author.version("a", type="model")
        with pytest.raises(Conflict):
            there.hand_on(there.version("b"), tip=None, gained=[])
        assert catalog.copies(SOURCE) == {}

    def test_a_tip_that_moved_is_told(self, catalog: Catalog, there: There, author: Author) -> None:
        version = there.version("a")
        with pytest.raises(TipMoved):
            there.hand_on(version, tip=digest_of("other"))
        assert catalog.collections() == []

    def test_blobs_that_are_missing_are_told(self, catalog: Catalog, there: There) -> None:
        version = there.version("a")
        with pytest.raises(MissingBlobs):
            there.hand_on(version, objects=[loose("b")], needs=[digest_of("a"), digest_of("b")])
        assert catalog.collections() == []
        assert catalog.known([digest_of("b")]) == set()

    # -- aliases --------------------------------------------------------------------------------------------------

    def test_moves_come_by_their_times(self, catalog: Catalog, there: There, author: Author, tick: Tick) -> None:
        versions = [there.version("a"), there.version("b"), there.version("c")]
        here = [there.hand_on(version).version for version in versions]
        moments = [tick() for _ in range(4)]
        collection = here[0].collection_id
        catalog.move_alias(here[2].id, "prod")  # at the last of the moments
        steps = [
            AliasStep("prod", versions[0].id, moments[0], None),
            AliasStep("prod", versions[1].id, moments[1], None),
        ]
        assert catalog.adopt_steps(SOURCE, collection, steps) == 2
        assert catalog.adopt_steps(SOURCE, collection, [*steps, *steps]) == 0
        assert [author.at("prod", moment).number for moment in moments] == [0, 1, 1, 2]
        assert [move.number for move in catalog.alias_moves(collection, "prod")] == [0, 1, 2]
        assert author.resolve("data:prod").number == 2

    def test_an_alias_stands_where_its_last_move_says(
        self, catalog: Catalog, there: There, author: Author, tick: Tick
    ) -> None:
        version = there.version("a")
        here = there.hand_on(version).version
        catalog.move_alias(here.id, "old")
        run = there.run()
        key = there.hand_on_run(run)
        at = tick()
        steps = [AliasStep("old", None, at, run.key), AliasStep("new", version.id, at, 4711)]
        assert catalog.adopt_steps(SOURCE, here.collection_id, steps) == 2
        assert author.resolve("data").aliases == ("latest", "new")
        assert catalog.alias_steps(here.collection_id)[-2:] in (
            [AliasStep("old", None, at, key), AliasStep("new", here.id, at, None)],
            [AliasStep("new", here.id, at, None), AliasStep("old", None, at, key)],
        )

    def test_moves_to_versions_that_are_not_here_are_passed_over(
        self, catalog: Catalog, there: There, tick: Tick
    ) -> None:
        here = there.hand_on(there.version("a")).version
        unknown = there.version("b")
        assert catalog.adopt_steps(SOURCE, here.collection_id, [AliasStep("prod", unknown.id, tick(), None)]) == 0
        assert catalog.versions(here.collection_id)[0].aliases == ("latest",)

    def test_no_alias_stands_on_what_was_deleted_here(self, catalog: Catalog, there: There, tick: Tick) -> None:
        version = there.version("a")
        here = there.hand_on(version).version
        catalog.delete_version(here.id)
        catalog.adopt_steps(SOURCE, here.collection_id, [AliasStep("prod", version.id, tick(), None)])
        assert catalog.versions_by_id([here.id])[here.id].aliases == ()

    # -- lineage --------------------------------------------------------------------------------------------------

    def test_edges_come_with_kinds_and_times(self, catalog: Catalog, there: There, tick: Tick) -> None:
        first = there.run("r1")
        version = there.version("a", run=first)
        tick()
        second = there.run("r2")
        there.catalog.add_use(second.key, version.id, "training data")
        there.catalog.add_use(first.key, version.id)
        there.version("a", run=second)
        there.catalog.add_branch(second.key, Branch(0, first.key, 0, 1, tick()), kind=FORKED)
        unknown = there.run("r3", version)
        runs = {run.key: there.hand_on_run(run) for run in (first, second)}
        here = there.hand_on(version).version
        edges = list(there.catalog.all_edges(EdgeKind))
        assert sorted(edge.kind for edge in edges) == [USED, USED, LOGGED, REPRODUCED, FEEDBACK, FORKED]
        assert catalog.adopt_edges(SOURCE, edges) == 4  # one is there, and the end of one is not
        assert catalog.adopt_edges(SOURCE, edges) == 0
        nodes = {node(version): node(here), **{key * 2 + 1: mine * 2 + 1 for key, mine in runs.items()}}
        expected = [
            Edge(nodes[e.source], nodes[e.target], e.kind, e.at, e.use_as) for e in edges if e.target != node(unknown)
        ]
        assert sorted(catalog.all_edges(EdgeKind), key=repr) == sorted(expected, key=repr)

    def test_a_version_keeps_the_origin_that_it_has_here(
        self, catalog: Catalog, there: There, author: Author, tick: Tick
    ) -> None:
        mine = author.run("mine")
        here = author.version("a", run=mine)
        at = tick()
        run = there.run("theirs")
        version = there.version("a", run=run)
        there.hand_on_run(run)
        there.hand_on(version, tip=None, gained=[])
        catalog.adopt_edges(SOURCE, there.catalog.all_edges(EdgeKind))
        assert [(e.target, e.at) for e in catalog.all_edges([REPRODUCED])] == [(node(here), at)]
        assert [e.source for e in catalog.all_edges([LOGGED])] == [node(mine)]

    def test_a_use_that_would_close_a_circle_is_feedback(
        self, catalog: Catalog, there: There, author: Author, tick: Tick
    ) -> None:
        # There: m → a → w. Here: w → b → m, where w and m have the same content in both stores.
        mine = author.run("b", author.version("w", name="w"))
        author.version("m", name="m", run=mine)
        tick()
        m = there.version("m", name="m")
        run = there.run("a", m)
        w = there.version("w2", name="w2", run=run)
        author.run("c")
        there.hand_on_run(run)
        there.hand_on(m, tip=None, gained=[])
        here = there.hand_on(w).version
        catalog.add_use(mine.key, here.id)
        catalog.adopt_edges(SOURCE, there.catalog.all_edges(EdgeKind))
        kinds = {(e.source, e.target): e.kind for e in catalog.all_edges(EdgeKind)}
        assert kinds[node(author.resolve("m")), catalog.copies(SOURCE)[node(run)].node] == FEEDBACK

    # -- sweeps ---------------------------------------------------------------------------------------------------

    def test_a_sweep_comes_with_its_trials(self, catalog: Catalog, there: There, tick: Tick) -> None:
        Author(catalog).run("r0")
        run = there.run("r1")
        key = there.hand_on_run(run)
        sweep = there.catalog.add_sweep(new_sweep(config={"a": 1}, limit=5, retry=2), [NewTrial({"x": 9})])
        taken = there.catalog.take_trial(sweep.key, "agent", offer, silent_seconds=9).trial
        assert taken is not None
        there.catalog.begin_trial(sweep.key, taken.number, taken.attempt, run.key)
        there.catalog.report_trial(sweep.key, taken.number, taken.attempt, [(1, 0.5), (2, float("nan"))])
        there.catalog.update_sweep(sweep.key, SweepChanges(name="named"))

        def hand_on() -> bool:
            record = there.catalog.sweep(ENTITY, PROJECT, "s1")
            assert record is not None
            trials, reports = there.catalog.trials(sweep.key), there.catalog.trial_reports(sweep.key)
            return catalog.adopt_sweep(SOURCE, record, trials, reports)

        assert hand_on()
        here = catalog.sweep(ENTITY, PROJECT, "s1")
        assert here is not None
        assert replace(here, key=sweep.key) == there.catalog.sweep(ENTITY, PROJECT, "s1")
        for mine, theirs in zip(catalog.trials(here.key), there.catalog.trials(sweep.key), strict=True):
            assert replace(mine, sweep_key=0) == replace(theirs, sweep_key=0, run_key=theirs.run_key and key)
        assert repr(catalog.trial_reports(here.key)) == repr(there.catalog.trial_reports(sweep.key))
        tick()
        there.catalog.end_trial(sweep.key, taken.number, taken.attempt, TrialEnding("finished", {"loss": 1.0}))
        assert hand_on()
        assert hand_on()
        here = catalog.sweep(ENTITY, PROJECT, "s1")
        assert here is not None
        assert [trial.state for trial in catalog.trials(here.key)] == [t.state for t in there.catalog.trials(sweep.key)]

    def test_a_sweep_that_went_on_here_stays(self, catalog: Catalog, there: There, tick: Tick) -> None:
        record = there.catalog.add_sweep(new_sweep())
        assert catalog.adopt_sweep(SOURCE, record, [], [])
        here = catalog.sweep(ENTITY, PROJECT, "s1")
        assert here is not None
        catalog.take_trial(here.key, "agent", offer, silent_seconds=9)
        assert not catalog.adopt_sweep(SOURCE, record, [], [])
        assert [each.state for each in catalog.sweeps()] == [RUNNING]

    def test_another_sweep_of_that_id_stays(self, catalog: Catalog, there: There, tick: Tick) -> None:
        catalog.add_sweep(new_sweep())
        tick()
        with pytest.raises(AlreadyExists):
            catalog.adopt_sweep(SOURCE, there.catalog.add_sweep(new_sweep()), [], [])

    # -- what came ------------------------------------------------------------------------------------------------

    def test_prints_are_kept_by_source(self, catalog: Catalog, there: There) -> None:
        run = there.run()
        key = there.hand_on_run(run)
        catalog.mark_copied(SOURCE, {node(run): b"print", 4711: b"?"})
        assert catalog.copies(SOURCE) == {node(run): Copy(key * 2 + 1, b"print")}
        assert catalog.copies("another") == {}
