"""Conformance of a catalog's histories, branches and files of runs, and of how runs are deleted."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from forebear.errors import NotFound
from forebear.records.history import Branch, Column, HistoryBatch, HistoryBlock, KeyInfo, RunFile, Span, Stream
from forebear.records.lineage import Direction, EdgeKind
from forebear.records.queries import Compare, RunQuery
from forebear.records.runs import DELETED, RunChanges, RunOrigin, RunRecord
from forebear.testing.builders import ENTITY, PROJECT, Author, Tick, digest_of, node

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

AT = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
#: More keys than one statement takes.
MANY = 2_500


def block(*keys: str, steps: tuple[int, int] = (0, 9), seq: int = 0, **changes: Any) -> HistoryBlock:
    """A block of ten rows that have ``keys``; its bytes mean nothing to a catalog."""
    fields: dict[str, Any] = {
        "stream": Stream.HISTORY,
        "branch": 0,
        "writer": "",
        "time_base": 1_767_225_600_000_000,
        "rows": 10,
        "first_seq": seq,
        "first_step": steps[0],
        "last_step": steps[1],
        "axis": b"axis\0" + bytes([seq % 256]),
        "columns": {key: Column(1, b"\0\xff" + key.encode()) for key in keys},
    }
    return HistoryBlock(**{**fields, **changes})


def batch(run: RunRecord, *blocks: HistoryBlock, journal: str = "j", at: int = 0, **changes: Any) -> HistoryBatch:
    """A batch of ten bytes of a journal."""
    return HistoryBatch(run.key, journal, at, at + 10, blocks, **changes)


def fork(parent: RunRecord, step: int = 5, branch: int = 0) -> Branch:
    """A branch that goes on from a step of a run."""
    return Branch(number=99, parent_run=parent.key, parent_branch=branch, fork_step=step, at=AT)


def bare(blocks: tuple[HistoryBlock, ...]) -> list[HistoryBlock]:
    """Blocks without the ids that are the catalog's own."""
    fields = [field for field in HistoryBlock.__struct_fields__ if field != "id"]
    return [HistoryBlock(**{field: getattr(each, field) for field in fields}) for each in blocks]


class HistorySuite:
    """What every catalog promises of histories."""

    # -- what journals bring --------------------------------------------------------------------------------------

    def test_a_batch_is_taken_whole(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1", config={"lr": 1})
        given = block("loss", "a.b c'\"%", seq=3, writer="rank 1", steps=(-5, 2**40), stream=Stream.SYSTEM)
        file = RunFile("media/x.png", digest_of("x"), 2**33, AT)
        metrics = {"loss": {"summary": "min"}}
        assert catalog.append_history(
            batch(run, given, files=(file,), summary={"loss": 0.5}, metrics=metrics, lost_rows=2), durable=True
        )
        view = catalog.history(run.key, stream=Stream.SYSTEM)
        assert (bare(view.blocks), view.positions) == ([given], {"j": 10})
        assert view.blocks[0].id != 0
        assert catalog.history(run.key).blocks == ()
        assert catalog.run_files(run.key) == [file]
        found = catalog.runs_by_key([run.key])[run.key]
        assert (found.summary, found.metrics, found.config, found.lost_rows) == ({"loss": 0.5}, metrics, {"lr": 1}, 2)
        catalog.append_history(batch(run, at=10, config={"lr": 2}, lost_rows=1))
        found = catalog.runs_by_key([run.key])[run.key]
        assert (found.summary, found.metrics, found.config, found.lost_rows) == ({"loss": 0.5}, metrics, {"lr": 2}, 3)

    def test_a_batch_is_taken_once(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        first = batch(run, block("a"), summary={"n": 1})
        assert catalog.append_history(first)
        late = batch(run, block("a"), summary={"n": 2}, files=(RunFile("f", digest_of("f"), 1, AT),), lost_rows=1)
        assert not catalog.append_history(late)
        assert not catalog.append_history(batch(run, block("a"), at=20))
        assert len(catalog.history(run.key).blocks) == 1
        assert catalog.run_files(run.key) == []
        assert catalog.runs() == [catalog.runs_by_key([run.key])[run.key]]
        assert (catalog.runs()[0].summary, catalog.runs()[0].lost_rows) == ({"n": 1}, 0)
        assert catalog.append_history(batch(run, block("a"), at=10))
        assert catalog.journal_position("j") == 20
        assert len(catalog.history(run.key).blocks) == 2

    def test_journals_have_positions_of_their_own(self, catalog: Catalog, author: Author) -> None:
        one, other = author.run("r1"), author.run("r2")
        assert catalog.journal_position("j1") == 0
        catalog.append_history(batch(one, journal="j1"))
        catalog.append_history(batch(one, journal="j2"))
        catalog.append_history(batch(other, journal="j3"))
        assert catalog.history(one.key).positions == {"j1": 10, "j2": 10}
        catalog.forget_journals(iter(["j1", "j3", "unknown"]))
        assert (catalog.journal_position("j1"), catalog.journal_position("j2")) == (0, 10)
        assert catalog.history(other.key).positions == {}

    def test_a_batch_of_no_bytes_leaves_no_trace_of_its_journal(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        file = RunFile("f", digest_of("f"), 1, AT)
        assert catalog.append_history(HistoryBatch(run.key, "upload", 0, 0, files=(file,)))
        assert catalog.run_files(run.key) == [file]
        assert catalog.history(run.key).positions == {}

    def test_only_runs_that_are_there_take_rows(self, catalog: Catalog) -> None:
        with pytest.raises(NotFound):
            catalog.append_history(HistoryBatch(4711, "j", 0, 10))
        assert catalog.journal_position("j") == 0

    def test_values_keep_nan_and_infinities(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1", config={"a": math.inf, "n": None})
        catalog.append_history(batch(run, summary={"x": math.nan, "y": [-math.inf, None], "z": {"big": 2**70}}))
        found = catalog.runs_by_key([run.key])[run.key]
        assert found.config == {"a": math.inf, "n": None}
        assert math.isnan(found.summary["x"])
        assert (found.summary["y"], found.summary["z"]) == ([-math.inf, None], {"big": 2**70})

    def test_half_a_surrogate_pair_breaks_nothing(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1", config={"\ud800": "\udfff", "ok": 1})
        catalog.update_run(run.key, RunChanges(summary={"text": "a\ud800"}))
        found = catalog.runs_by_key([run.key])[run.key]
        assert (found.config["ok"], found.summary["text"]) == (1, "a\ud800")
        assert catalog.find_runs(RunQuery(where=Compare("config.ok", "eq", 1))) == [found]

    def test_what_may_change_of_a_run(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1", sweep="s1")
        assert (run.sweep, run.summary, run.metrics, run.branch, run.stop_requested) == ("s1", {}, {}, 0, False)
        origin = RunOrigin(git_remote="https://host/x", os="Linux", cpu_count=2, gpu="G", gpu_count=1)
        changes = RunChanges(
            group="g", job_type="eval", summary={"a": {"b": 1}}, metrics={"m": {}}, origin=origin, stop_requested=True
        )
        catalog.update_run(run.key, changes)
        found = catalog.runs_by_key([run.key])[run.key]
        assert (found.group, found.job_type, found.summary, found.metrics) == ("g", "eval", {"a": {"b": 1}}, {"m": {}})
        assert (found.origin, found.stop_requested, found.sweep) == (origin, True, "s1")

    # -- reading --------------------------------------------------------------------------------------------------

    def test_blocks_come_in_the_order_of_their_rows(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        catalog.append_history(batch(run, block("a", seq=30), block("b", seq=10)))
        catalog.append_history(batch(run, block("c", seq=20), block("d", seq=10), at=10))
        assert ["".join(each.columns) for each in catalog.history(run.key).blocks] == ["b", "d", "c", "a"]

    def test_only_what_was_asked_for_is_read(self, catalog: Catalog, author: Author) -> None:
        run, other = author.run("r1"), author.run("r2")
        catalog.append_history(batch(run, block("a", "b", seq=0), block("b", seq=1), block("c", seq=2), block(seq=3)))
        catalog.append_history(batch(run, block("a", seq=4, branch=1), at=10))
        catalog.append_history(batch(other, block("a"), journal="k"))

        def read(**asked: Any) -> list[str]:
            return ["".join(sorted(each.columns)) for each in catalog.history(run.key, **asked).blocks]

        assert read() == ["ab", "b", "c", ""]
        assert read(keys=iter(["a"])) == ["a"]
        assert read(keys=["b", "c", "nothing"]) == ["b", "b", "c"]
        assert read(keys=["nothing"]) == read(keys=[]) == []
        assert read(branch=1) == ["a"]
        assert read(branch=2) == read(stream=Stream.SYSTEM) == []
        assert catalog.history(4711).blocks == ()

    def test_steps_narrow_to_blocks_that_touch_them(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        catalog.append_history(batch(run, *(block(f"k{n}", seq=n, steps=(n * 10, n * 10 + 9)) for n in range(4))))

        def read(low: int | None, high: int | None) -> str:
            blocks = catalog.history(run.key, min_step=low, max_step=high).blocks
            return "".join(str(each.first_seq) for each in blocks)

        assert read(None, None) == "0123"
        assert read(10, None) == read(19, None) == "123"
        assert read(20, None) == "23"
        assert read(None, 20) == read(None, 11) == "01"
        assert read(None, 10) == "0"
        assert read(15, 25) == "12"
        assert read(40, None) == ""

    def test_keys_are_known_with_their_rows_and_steps(self, catalog: Catalog, author: Author) -> None:
        run, other, empty = author.run("r1"), author.run("r2"), author.run("r3")
        system = block("cpu", steps=(7, 7), seq=2, stream=Stream.SYSTEM)
        catalog.append_history(batch(run, block("b", "a"), block("b", steps=(90, 99), seq=1, branch=1), system))
        catalog.append_history(batch(other, block("a"), journal="k"))
        infos = [
            KeyInfo("a", Stream.HISTORY, 10, 0, 9),
            KeyInfo("b", Stream.HISTORY, 20, 0, 99),
            KeyInfo("cpu", Stream.SYSTEM, 10, 7, 7),
        ]
        asked = iter([run.key, other.key, empty.key, run.key])
        assert catalog.history_keys(asked) == {run.key: infos, other.key: infos[:1]}
        assert catalog.history_keys([]) == {}

    def test_a_column_may_be_of_some_rows_alone(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        whole = block("a", "b", steps=(0, 9))
        some = Column(5, b"x", Span(2, 3, 8))
        mixed = replace(whole, columns={"a": whole.columns["a"], "b": some}, first_seq=1)
        catalog.append_history(batch(run, whole, mixed))
        assert bare(catalog.history(run.key).blocks) == [whole, mixed]
        assert catalog.history(run.key, keys=["b"]).blocks[1].columns == {"b": some}
        infos = [KeyInfo("a", Stream.HISTORY, 20, 0, 9), KeyInfo("b", Stream.HISTORY, 12, 0, 9)]
        assert catalog.history_keys([run.key]) == {run.key: infos}
        assert catalog.history_keys([run.key], keys=iter(["b", "c"])) == {run.key: infos[1:]}
        assert catalog.history_keys([run.key], keys=["c"]) == {}
        assert catalog.replace_blocks(run.key, [catalog.history(run.key).blocks[0].id], [])
        assert catalog.history_keys([run.key], keys=["b"]) == {run.key: [KeyInfo("b", Stream.HISTORY, 2, 3, 8)]}

    def test_a_row_may_have_thousands_of_keys(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        names = [f"layer.{n}" for n in range(MANY)]
        given = block(*names)
        catalog.append_history(batch(run, given, summary=dict.fromkeys(names, 1.0)))
        assert bare(catalog.history(run.key).blocks) == [given]
        assert set(catalog.history(run.key, keys=names).blocks[0].columns) == set(names)
        assert [info.key for info in catalog.history_keys([run.key])[run.key]] == sorted(names)
        assert catalog.count_runs(RunQuery(where=Compare(f"summary.layer.{MANY - 1}", "eq", 1))) == 1

    # -- merging --------------------------------------------------------------------------------------------------

    def test_blocks_are_replaced_together(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        catalog.append_history(batch(run, block("a", seq=0), block("a", seq=1), block("a", seq=2)))
        first, second, third = (each.id for each in catalog.history(run.key).blocks)
        merged = block("a", seq=0, rows=20)
        assert catalog.replace_blocks(run.key, iter([first, second]), iter([merged]))
        assert bare(catalog.history(run.key).blocks) == [merged, block("a", seq=2)]
        assert not catalog.replace_blocks(run.key, [second, third], [merged])
        assert len(catalog.history(run.key).blocks) == 2
        assert catalog.replace_blocks(run.key, [third], [])
        catalog.append_history(batch(run, block("b", seq=9), at=10))
        assert third not in {each.id for each in catalog.history(run.key).blocks}
        assert not catalog.replace_blocks(run.key, [third], [])
        assert catalog.history_keys([run.key])[run.key][0].rows == 20

    def test_blocks_of_another_run_are_not_replaced(self, catalog: Catalog, author: Author) -> None:
        run, other = author.run("r1"), author.run("r2")
        catalog.append_history(batch(run, block("a")))
        (held,) = catalog.history(run.key).blocks
        assert not catalog.replace_blocks(other.key, [held.id], [])
        assert catalog.history(run.key).blocks == (held,)

    # -- branches -------------------------------------------------------------------------------------------------

    def test_a_fresh_run_forks_into_branch_0(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        parent, child = author.run("r1"), author.run("r2")
        now = tick()
        assert catalog.add_branch(child.key, fork(parent), kind=EdgeKind.FORKED) == 0
        assert catalog.branches(child.key) == [Branch(0, parent.key, 0, 5, now)]
        assert catalog.branches(parent.key) == []
        assert catalog.runs_by_key([child.key])[child.key].branch == 0
        (edge,) = catalog.all_edges(EdgeKind)
        assert (edge.source, edge.target, edge.kind, edge.at) == (node(parent), node(child), EdgeKind.FORKED, now)

    def test_a_rewound_run_goes_on_in_a_new_branch(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        assert catalog.add_branch(run.key, fork(run), kind=EdgeKind.REWOUND) == 1
        catalog.append_history(batch(run, block("a", branch=1)))
        assert catalog.add_branch(run.key, fork(run, 2, branch=1), kind=EdgeKind.REWOUND) == 2
        assert [(b.number, b.parent_branch, b.fork_step) for b in catalog.branches(run.key)] == [(1, 0, 5), (2, 1, 2)]
        assert catalog.runs_by_key([run.key])[run.key].branch == 2
        # The edge says that it was rewound, not how often.
        assert [(e.source, e.target) for e in catalog.all_edges([EdgeKind.REWOUND])] == [(node(run), node(run))]

    def test_a_run_that_has_rows_forks_into_the_next_branch(self, catalog: Catalog, author: Author) -> None:
        parent, child = author.run("r1"), author.run("r2")
        catalog.append_history(batch(child, block("a")))
        assert catalog.add_branch(child.key, fork(parent), kind=EdgeKind.FORKED) == 1
        assert catalog.add_branch(child.key, fork(parent), kind=EdgeKind.FORKED) == 2

    def test_branches_lead_from_runs_to_runs(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        with pytest.raises(NotFound):
            catalog.add_branch(4711, fork(run), kind=EdgeKind.FORKED)
        unknown = Branch(0, 4711, 0, 5, AT)
        with pytest.raises(NotFound):
            catalog.add_branch(run.key, unknown, kind=EdgeKind.FORKED)
        assert catalog.branches(run.key) == []
        assert list(catalog.all_edges(EdgeKind)) == []

    def test_forks_and_rewinds_are_not_walked(self, catalog: Catalog, author: Author) -> None:
        data = author.version("a")
        parent, child = author.run("r1", data), author.run("r2")
        catalog.add_branch(child.key, fork(parent), kind=EdgeKind.FORKED)
        catalog.add_branch(child.key, fork(child), kind=EdgeKind.REWOUND)
        model = author.version("m", name="model", run=child)
        assert catalog.walk(node(model), Direction.UPSTREAM) == {node(child): 1}
        assert catalog.walk(node(parent), Direction.DOWNSTREAM) == {}
        kinds = [EdgeKind.FORKED, EdgeKind.REWOUND]
        assert catalog.walk(node(parent), Direction.DOWNSTREAM, kinds=kinds) == {node(child): 1}
        assert len(list(catalog.edges([node(child)], Direction.UPSTREAM, kinds))) == 2
        # A use is feedback where the version was made from the run's data, not where histories are related.
        assert catalog.add_use(parent.key, model.id) == EdgeKind.USED

    # -- files ----------------------------------------------------------------------------------------------------

    def test_files_are_replaced_by_path_and_sorted(self, catalog: Catalog, author: Author) -> None:
        run, other = author.run("r1"), author.run("r2")
        b1, b2 = RunFile("b", digest_of("1"), 1, AT), RunFile("b", digest_of("2"), 2, AT)
        a = RunFile("a/ü", digest_of("1"), 1, AT)
        catalog.append_history(batch(run, files=(b1, a)))
        catalog.append_history(batch(other, files=(b1,), journal="k"))
        assert catalog.run_files(run.key) == [a, b1]
        catalog.append_history(batch(run, files=(b1, b2), at=10))
        assert catalog.run_files(run.key) == [a, b2]
        catalog.forget_run_files(run.key, iter(["b", "nothing"]))
        assert catalog.run_files(run.key) == [a]
        assert catalog.run_files(other.key) == [b1]
        catalog.forget_run_files(4711, ["b"])

    # -- the end of a run -----------------------------------------------------------------------------------------

    def test_a_deleted_run_is_found_by_nothing(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1", tags=("t",), notes="n", config={"lr": 1}, origin=RunOrigin(user="anna"))
        kept = author.run("r2")
        catalog.append_history(batch(run, block("a"), files=(RunFile("f", digest_of("f"), 1, AT),), summary={"x": 1}))
        catalog.delete_run(run.key)
        assert catalog.runs() == catalog.find_runs(RunQuery()) == [kept]
        assert catalog.runs(states=[DELETED]) == []
        assert catalog.count_runs(RunQuery()) == 1
        assert catalog.run(ENTITY, PROJECT, "r1") is None
        assert catalog.projects()[0].run_count == 1
        assert catalog.history(run.key).blocks == ()
        assert catalog.history(run.key).positions == {}
        assert (catalog.run_files(run.key), catalog.history_keys([run.key])) == ([], {})
        for field, value in [("config.lr", 1), ("summary.x", 1), ("tags", "t"), ("user", "anna"), ("state", DELETED)]:
            assert catalog.find_runs(RunQuery(where=Compare(field, "eq", value))) == []

    def test_a_deleted_run_takes_nothing_more(self, catalog: Catalog, author: Author) -> None:
        run, other, version = author.run("r1"), author.run("r2"), author.version("a")
        catalog.delete_run(run.key)
        for refused in (
            lambda: catalog.delete_run(run.key),
            lambda: catalog.delete_run(4711),
            lambda: catalog.update_run(run.key, RunChanges(name="x")),
            lambda: catalog.append_history(batch(run, journal="new")),
            lambda: catalog.replace_blocks(run.key, [], [block("a")]),
            lambda: catalog.add_use(run.key, version.id),
            lambda: catalog.add_branch(other.key, fork(run), kind=EdgeKind.FORKED),
            lambda: author.version("b", run=run),
        ):
            with pytest.raises(NotFound):
                refused()

    def test_an_id_is_free_again_after_deletion(self, catalog: Catalog, author: Author) -> None:
        first = author.run("r1")
        catalog.delete_run(first.key)
        second = author.run("r1")
        assert second.key != first.key
        assert catalog.run(ENTITY, PROJECT, "r1") == second
        catalog.delete_run(second.key)
        ids = {run.id for run in catalog.runs_by_key([first.key, second.key]).values()}
        assert ids == {f"r1~{first.key}", f"r1~{second.key}"}

    def test_lineage_stays_whole_without_a_run(self, catalog: Catalog, author: Author) -> None:
        data = author.version("a")
        run = author.run("r1", data, name="fox", job_type="train", notes="secret", config={"key": "secret"})
        model = author.version("m", name="model", run=run)
        catalog.delete_run(run.key)
        assert catalog.walk(node(model), Direction.UPSTREAM) == {node(run): 1, node(data): 2}
        info = catalog.describe([node(run)])[node(run)]
        assert (info.id, info.label, info.type, info.state) == (
            f"{ENTITY}/{PROJECT}/r1~{run.key}",
            "fox",
            "train",
            DELETED,
        )
        left = catalog.runs_by_key([run.key])[run.key]
        assert (left.state, left.notes, left.config, left.origin) == (DELETED, None, {}, RunOrigin())
        assert author.resolve("model").number == 0

    def test_what_others_go_on_from_stays_until_they_are_gone(self, catalog: Catalog, author: Author) -> None:
        first, second, third = author.run("r1"), author.run("r2"), author.run("r3")
        catalog.append_history(batch(first, block("a"), files=(RunFile("f", digest_of("f"), 1, AT),)))
        catalog.add_branch(first.key, fork(first), kind=EdgeKind.REWOUND)
        catalog.add_branch(second.key, fork(first, branch=1), kind=EdgeKind.FORKED)
        catalog.append_history(batch(second, block("b"), journal="k"))
        catalog.add_branch(third.key, fork(second), kind=EdgeKind.FORKED)
        catalog.delete_run(first.key)
        catalog.delete_run(second.key)
        assert [len(catalog.history(run.key).blocks) for run in (first, second)] == [1, 1]
        assert (len(catalog.branches(first.key)), len(catalog.run_files(first.key))) == (1, 1)
        catalog.delete_run(third.key)
        for run in (first, second, third):
            assert catalog.history(run.key).blocks == ()
            assert (catalog.branches(run.key), catalog.run_files(run.key)) == ([], [])
