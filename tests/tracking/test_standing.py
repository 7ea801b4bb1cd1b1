"""What a run amounts to, as its journal is taken: the same as the run says itself, beside what others write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.testing.builders import new_run
from forebear.testing.memory_catalog import MemoryCatalog
from forebear.tracking.journal.frames import Kind, Session, SummaryChange
from forebear.tracking.journal.reader import Piece, Rows
from forebear.tracking.metrics import Metrics, new_metric
from forebear.tracking.summarize import Summarizer
from forebear.tracking.taking import Standing

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord

SESSION = Session(entity="ada", project="digits", run_id="r1", run_key=1, time_base=5_000_000)
AXES = {"_step", "_runtime", "_timestamp"}


def record(**changes: Any) -> RunRecord:
    return msgspec.structs.replace(MemoryCatalog().add_run(new_run()), **changes)


def piece(*rows: tuple[int, dict[str, Any]], values: list[tuple[int, Any]] | None = None) -> Piece:
    """What a reader gives for rows in this order."""
    groups: dict[tuple[str, ...], Rows] = {}
    for seq, (step, named) in enumerate(rows):
        group = groups.setdefault(tuple(named), Rows(tuple(named), False, [], []))
        group.seqs.append(seq)
        group.rows.append([0, step, seq * 10, *named.values()])
    return Piece(0, 1, sorted(groups.values(), key=lambda group: group.seqs[-1]), values or [])


def summary_of(standing: Standing, theirs: dict[str, Any] | None = None) -> dict[str, Any]:
    found = standing.changes(record(summary=theirs or {})).get("summary", {})
    return {key: value for key, value in found.items() if key not in AXES}


ROWS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 9) | st.floats(0, 9), min_size=1),
    ),
    max_size=12,
)


@pytest.mark.parametrize("summary", [None, "min,max,first,last"])
@given(rows=ROWS, borders=st.sets(st.integers(0, 12), max_size=2))
def test_it_is_what_the_run_says_itself(
    summary: str | None, rows: list[tuple[int, dict[str, Any]]], borders: set[int]
) -> None:
    stored = Metrics()
    if summary:
        stored.define(new_metric("a", summary=summary))
    own = Summarizer(Metrics(stored.to_json()), time_base=SESSION.time_base)
    for seq, (step, named) in enumerate(rows):
        own.row(step, seq * 10, named)
    standing = Standing(record(metrics=stored.to_json()), SESSION)
    starts = sorted({0, *borders})
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        standing.take(piece(*rows[start:stop]))
    wanted = {key: value for key, value in own.value().items() if key not in AXES}
    assert summary_of(standing) == (wanted if rows else {})


def test_nothing_new_changes_nothing() -> None:
    assert Standing(record(summary={"a": 1}), SESSION).changes(record()) == {}


def test_what_was_written_is_not_written_again() -> None:
    standing = Standing(record(), SESSION)
    standing.take(piece((0, {"a": 1}), values=[(Kind.CONFIG, {"lr": 1}), (Kind.METRIC, {"name": "a"})]))
    changes = standing.changes(record())
    assert set(changes) == {"summary", "config", "metrics"}
    assert standing.changes(record()) == changes  # as long as nobody says that it was written
    standing.written(changes)
    assert standing.changes(record()) == {}


def test_others_keep_what_they_wrote_meanwhile() -> None:
    standing = Standing(record(summary={"old": 1, "ours": 0}), SESSION)
    standing.take(piece((0, {"ours": 1})))
    standing.written(standing.changes(record(summary={"old": 1, "ours": 0})))
    standing.take(piece((1, {"more": 2}), values=[(Kind.SUMMARY, SummaryChange(delete=[("old",)]))]))
    theirs = {"old": 1, "ours": 5, "theirs": 7}
    assert summary_of(standing, theirs) == {"ours": 5, "theirs": 7, "more": 2}


def test_what_others_took_out_stays_out() -> None:
    standing = Standing(record(summary={"a": 1, "b": 2}), SESSION)
    standing.take(piece((0, {"c": 3})))
    assert summary_of(standing, {"a": 1}) == {"a": 1, "c": 3}


def test_definitions_of_others_stay() -> None:
    standing = Standing(record(), SESSION)
    standing.take(piece(values=[(Kind.METRIC, {"name": "a", "summary": ["min"]})]))
    found = standing.changes(record(metrics={"b": {"summary": ["max"]}}))
    assert set(found["metrics"]) == {"a", "b"}


def test_rows_of_the_machine_are_no_part_of_it() -> None:
    standing = Standing(record(), SESSION)
    standing.take(Piece(0, 1, [Rows(("cpu",), True, [0], [[0, 0, 0, 5]])], []))
    assert summary_of(standing) == {}
