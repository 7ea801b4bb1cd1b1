from __future__ import annotations

import pytest

from forebear.api.runs import FIELDS, Runs
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import InvalidInput
from forebear.records.queries import Order, RunQuery
from forebear.records.runs import NewRun
from forebear.store.opening import open_store


@pytest.fixture
def store(tmp_path):
    store = open_store(str(tmp_path / "store"), create=True)
    for number in range(23):
        store.catalog.add_run(new_run(number))
    yield store
    store.close()


def new_run(number):
    return NewRun("team", "p", f"r{number}", "n", config={"n": number})


@pytest.fixture
def asked(monkeypatch):
    """Offset and limit of each question that the catalog was asked."""
    found = []
    ask = SqliteCatalog.find_runs

    def spy(self, query):
        found.append((query.offset, query.limit))
        return ask(self, query)

    monkeypatch.setattr(SqliteCatalog, "find_runs", spy)
    return found


def runs_of(store, per_page=4, **changes):
    return Runs(store, RunQuery("team", "p", **{"order": (Order("config.n"),), **changes}), per_page=per_page)


def numbers(runs):
    return [run.config["n"] for run in runs]


def test_runs_come_in_pages_that_grow(store, asked):
    runs = runs_of(store)
    assert asked == []
    assert runs.more
    assert numbers(runs) == list(range(23))
    assert asked == [(0, 4), (4, 8), (12, 16)]
    assert not runs.more
    assert numbers(runs) == list(range(23))
    assert len(asked) == 3


def test_the_number_is_counted_and_not_fetched(store, asked):
    runs = runs_of(store)
    assert len(runs) == runs.length == 23
    assert bool(runs)
    assert repr(runs) == "<Runs 23>"
    assert asked == []


def test_one_run_costs_the_pages_up_to_it(store, asked):
    runs = runs_of(store)
    assert runs[0].id == "r0"
    assert runs[3].id == "r3"
    assert asked == [(0, 4)]
    assert runs[4].id == "r4"
    assert len(asked) == 2
    assert runs[-1].id == "r22"
    with pytest.raises(IndexError, match="there are 23 runs, so none at 23"):
        runs[23]


@pytest.mark.parametrize(
    "piece", [slice(0, 3), slice(5), slice(2, 9, 3), slice(-2, None), slice(None), slice(None, None, -1), slice(30, 40)]
)
def test_pieces_are_those_of_a_list(store, piece):
    assert numbers(runs_of(store)[piece]) == list(range(23))[piece]


def test_a_short_piece_fetches_no_more_than_it_needs(store, asked):
    assert numbers(runs_of(store)[:4]) == [0, 1, 2, 3]
    assert asked == [(0, 4)]


def test_limits_and_offsets_of_the_question_hold(store):
    runs = runs_of(store, limit=10, offset=5)
    assert len(runs) == 10
    assert numbers(runs) == list(range(5, 15))
    assert len(runs) == 10
    assert numbers(runs_of(store, limit=0)) == []


def test_a_run_that_comes_meanwhile_makes_none_come_twice(store):
    runs = runs_of(store, order=(Order("created_at", descending=True),))
    seen = []
    for run in runs:
        seen.append(run.id)
        if len(seen) == 2:
            store.catalog.add_run(new_run(99))
    assert seen == [f"r{number}" for number in reversed(range(23))]


def test_a_page_has_a_run(store):
    with pytest.raises(InvalidInput, match="per_page=0"):
        runs_of(store, per_page=0)


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_table_of_runs(api, kind):
    table = api.runs().to_dataframe(kind)
    names = table.column_names if kind == "arrow" else list(table.columns)
    assert names[: len(FIELDS)] == list(FIELDS)
    assert {"config.lr", "config.net.layers", "summary.best.acc", "summary.loss"} <= set(names)
    values = table["config.lr"].to_pylist() if kind == "arrow" else list(table["config.lr"])
    assert values == pytest.approx([0.001, 0.01, 0.1, 1.0])
    ids = table["id"].to_pylist() if kind == "arrow" else list(table["id"])
    assert ids == list("abcd")


def test_histories_stand_below_one_another(api):
    runs = api.runs()
    table = runs.histories(samples=10, keys=["loss"], format="pandas")
    assert list(table.columns) == ["run_id", "_step", "loss"]
    assert sorted(set(table["run_id"])) == ["a", "b", "d"]
    assert table.groupby("run_id").size().max() <= 10
    rows = runs.histories(samples=10, keys=["loss"])
    assert [row["run_id"] for row in rows] == list(table["run_id"])
    assert rows[0] == {"run_id": "a", "_step": 0, "loss": 1.0}
    assert runs.histories(keys=["loss"], format="polars").height == 120
    assert runs.histories(keys=["loss"], format="arrow").num_rows == 120
    with pytest.raises(InvalidInput, match="there is no table of kind 'x'"):
        runs.histories(format="x")
