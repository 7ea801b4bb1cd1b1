"""Conformance of a catalog's answers to questions about runs: examples, and a comparison with the reference model."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebear.catalog.codec import to_micros
from forebear.errors import InvalidInput
from forebear.records.history import HistoryBatch
from forebear.records.queries import OPERATORS, RUN_FIELDS, And, Compare, Condition, Not, Or, Order, RunQuery
from forebear.records.runs import CRASHED, FINISHED, NewRun, RunChanges, RunOrigin
from forebear.testing.builders import ENTITY, PROJECT, Author, ManualClock, Tick, new_run
from forebear.testing.memory_catalog import MemoryCatalog

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

LONG = "w" * 500
#: Keys that have broken one query language or another.
KEYS = (
    "lr",
    "opt",
    "opt.name",
    "opt.lr",
    "a b",
    "it's",
    'say "x"',
    "%",
    "?",
    "{}",
    "; DROP TABLE runs",
    "$[0]",
    "",
    "ü",
)
TEXTS = ("", "a", "A", "b", "ab", "1", "true", "null", "%", "'", "é", LONG + "a", LONG + "b", LONG[:-1], "a\0b", "a\nb")
NUMBERS: tuple[float, ...] = (0, 1, -1, 1.0, -0.0, 0.5, 1e-12, 2**53, 2**53 + 1, 2**70, math.inf, -math.inf, math.nan)

scalars = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.booleans(), st.none())
values = st.one_of(scalars, scalars, st.sampled_from([[], [1], ["a"], {}]))
fields = st.one_of(
    st.sampled_from(KEYS).map("config.{}".format),
    st.sampled_from(KEYS).map("summary.{}".format),
    st.sampled_from(RUN_FIELDS),
)
patterns = st.sampled_from(["", "a", "^a", "b$", "^$", "[0-9]", "(?i)A", "w{500}a", "\\.", "é|b"])


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    """A field compared with a value that it may well have."""
    field, op = draw(fields), draw(st.sampled_from(OPERATORS))
    likely = st.one_of(values, st.sampled_from([FINISHED, "r3", "team", "anna", 0, 1_767_225_600_000_000]))
    if op in ("in", "nin"):
        return Compare(field, op, draw(st.lists(likely, max_size=4)))
    if op == "regex":
        return Compare(field, op, draw(patterns))
    return Compare(field, op, draw(st.booleans() if op == "exists" else likely))


conditions: st.SearchStrategy[Condition] = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)
orders = st.lists(st.builds(Order, fields, st.booleans()), max_size=2).map(tuple)
queries = st.builds(
    RunQuery,
    entity=st.sampled_from([None, None, ENTITY, "anna", "nobody"]),
    project=st.sampled_from([None, None, PROJECT, "other"]),
    where=conditions,
    order=st.one_of(st.just(RunQuery().order), orders),
    limit=st.sampled_from([None, 0, 1, 3, 100]),
    offset=st.sampled_from([0, 0, 1, 5]),
)

#: Runs that the property asks about. They are drawn by lot, the same each time: what matters is the questions.
RUNS = 60


def populate(catalog: Catalog, clock: ManualClock) -> None:
    """Register the runs that the property asks about: the same in each catalog."""
    lot = Random(20260101)
    for number in range(RUNS):
        clock.tick(lot.choice([0.0, 1.0, -1.0]))
        run = catalog.add_run(_drawn_run(lot, number))
        summary = _drawn_document(lot)
        if lot.random() < 0.5:
            catalog.update_run(run.key, RunChanges(summary=summary, state=FINISHED, exit_code=0, ended_at=clock.now))
        else:
            catalog.append_history(HistoryBatch(run.key, f"j{number}", 0, 1, summary=summary))


def _drawn_run(lot: Random, number: int) -> NewRun:
    some = (None, *TEXTS)
    return new_run(
        f"r{number}",
        entity=lot.choice([ENTITY, ENTITY, "anna"]),
        project=lot.choice([PROJECT, PROJECT, "other"]),
        name=lot.choice(TEXTS),
        notes=lot.choice(some),
        group=lot.choice(some),
        sweep=lot.choice(some),
        tags=tuple(lot.sample(TEXTS, lot.randrange(4))),
        config=_drawn_document(lot),
        origin=RunOrigin(user=lot.choice([None, "anna", LONG + "a"]), git_commit=lot.choice(some)),
    )


def _drawn_document(lot: Random) -> dict[str, Any]:
    def value() -> Any:
        return lot.choice([*NUMBERS, *TEXTS, True, False, None, [], [1], ["a"], {}])

    def inner() -> dict[str, Any]:
        return {key: value() for key in lot.sample(["name", "lr", "deep.er"], lot.randrange(3))}

    return {key: inner() if lot.random() < 0.2 else value() for key in lot.sample(KEYS, lot.randrange(8))}


class QuerySuite:
    """What every catalog promises of questions about runs."""

    @pytest.fixture
    def zoo(self, catalog: Catalog, clock: ManualClock) -> tuple[Catalog, MemoryCatalog]:
        """The catalog and the reference model with the same runs in both."""
        model_clock = ManualClock(clock.now)
        model = MemoryCatalog(model_clock)
        populate(model, model_clock)
        populate(catalog, clock)
        return catalog, model

    def test_answers_are_those_of_the_model(self, zoo: tuple[Catalog, MemoryCatalog]) -> None:
        catalog, model = zoo

        @settings(max_examples=300, deadline=None)
        @given(query=queries)
        def compare(query: RunQuery) -> None:
            assert [run.id for run in catalog.find_runs(query)] == [run.id for run in model.find_runs(query)]
            assert catalog.count_runs(query) == model.count_runs(query)

        compare()

    # -- examples -------------------------------------------------------------------------------------------------

    def test_without_a_condition_all_runs_come_newest_first(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        for name in "abc":
            author.run(name)
            tick()
        assert self.found(catalog) == "cba"
        assert self.found(catalog, order=(Order("id"),)) == "abc"
        assert self.found(catalog, order=()) == "cba"
        assert self.found(catalog, limit=2) == "cb"
        assert self.found(catalog, limit=2, offset=2) == "a"
        assert self.found(catalog, offset=1) == "ba"
        assert self.found(catalog, offset=9) == ""
        assert catalog.count_runs(RunQuery(limit=1, offset=1)) == 3

    def test_records_are_whole(self, catalog: Catalog, author: Author) -> None:
        run = author.run("a", tags=("x",), config={"lr": 0.1}, sweep="s1", origin=RunOrigin(user="anna"))
        assert catalog.find_runs(RunQuery()) == [run]

    def test_scopes(self, catalog: Catalog, author: Author) -> None:
        author.run("a")
        author.run("b", project="other")
        author.run("c", entity="anna")
        assert self.found(catalog, entity=ENTITY) == "ba"
        assert self.found(catalog, entity=ENTITY, project=PROJECT) == "a"
        assert self.found(catalog, project=PROJECT) == "ca"
        assert self.found(catalog, entity="nobody") == ""
        assert self.found(catalog, entity=ENTITY, project="nothing") == ""

    def test_numbers_and_texts_never_equal(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"x": 1})
        author.run("b", config={"x": "1"})
        author.run("c", config={"x": 1.0})
        assert self.found(catalog, "config.x", "eq", 1) == "ca"
        assert self.found(catalog, "config.x", "eq", "1") == "b"
        assert self.found(catalog, "config.x", "ne", "1") == "ca"
        assert self.found(catalog, "config.x", "gte", 0) == "ca"
        assert self.found(catalog, "config.x", "gte", "") == "b"

    def test_a_boolean_is_a_number_to_numbers_and_itself_to_booleans(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"x": True})
        author.run("b", config={"x": 1})
        author.run("c", config={"x": False})
        author.run("d", config={"x": "true"})
        assert self.found(catalog, "config.x", "eq", 1) == "ba"
        assert self.found(catalog, "config.x", "eq", True) == "a"
        assert self.found(catalog, "config.x", "in", [False, "true"]) == "dc"
        assert self.found(catalog, "config.x", "lt", 0.5) == "c"
        assert self.found(catalog, "config.x", "ne", False) == "dba"

    def test_what_is_not_there_is_not_equal(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"x": 1})
        author.run("b", config={"x": None})
        author.run("c", config={"x": [1]})
        author.run("d")
        assert self.found(catalog, "config.x", "ne", 1) == "dcb"
        assert self.found(catalog, "config.x", "nin", [1, 2]) == "dcb"
        assert self.found(catalog, "config.x", "exists", True) == "cba"
        assert self.found(catalog, "config.x", "exists", False) == "d"
        assert self.found(catalog, "config.x", "eq", None) == "db"
        assert self.found(catalog, "config.x", "in", [None, 1]) == "dba"
        assert self.found(catalog, "config.x", "ne", None) == "ca"
        assert self.found(catalog, "config.x", "eq", [1]) == ""
        assert self.found(catalog, "config.nothing", "eq", None) == "dcba"

    def test_an_object_is_there_and_equals_nothing(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"opt": {"name": "adam", "lr": 0.1}})
        assert self.found(catalog, "config.opt", "exists", True) == "a"
        assert self.found(catalog, "config.op", "exists", True) == ""
        assert self.found(catalog, "config.opt", "eq", None) == ""
        assert self.found(catalog, "config.opt.name", "regex", "^ad") == "a"

    def test_nan_equals_nothing_and_infinities_are_numbers(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"x": math.nan})
        author.run("b", config={"x": math.inf})
        author.run("c", config={"x": -math.inf})
        author.run("d", config={"x": 10**400})
        assert self.found(catalog, "config.x", "eq", math.nan) == ""
        assert self.found(catalog, "config.x", "exists", True) == "dcba"
        assert self.found(catalog, "config.x", "gt", 1e300) == "db"
        assert self.found(catalog, "config.x", "eq", -math.inf) == "c"
        assert self.found(catalog, order=(Order("config.x"),)) == "cdba"

    def test_long_texts_equal_where_they_are_equal(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"x": LONG + " one"})
        author.run("b", config={"x": LONG + " two"})
        author.run("c", config={"x": LONG})
        assert self.found(catalog, "config.x", "eq", LONG + " one") == "a"
        assert self.found(catalog, "config.x", "ne", LONG + " one") == "cb"
        assert self.found(catalog, "config.x", "regex", "two$") == "b"
        assert self.found(catalog, "config.x", "eq", LONG) == "c"

    def test_tags_compare_one_by_one(self, catalog: Catalog, author: Author) -> None:
        author.run("a", tags=("x", "y"))
        author.run("b", tags=("y",))
        author.run("c")
        assert self.found(catalog, "tags", "eq", "x") == "a"
        assert self.found(catalog, "tags", "in", ["x", "y"]) == "ba"
        assert self.found(catalog, "tags", "ne", "x") == "cb"
        assert self.found(catalog, "tags", "regex", "^y") == "ba"
        assert self.found(catalog, "tags", "exists", False) == "c"
        catalog.update_run(catalog.find_runs(RunQuery(limit=1))[0].key, RunChanges(tags=("x",)))
        assert self.found(catalog, "tags", "eq", "x") == "ca"

    def test_fields_of_the_run(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        origin = RunOrigin(user="anna", host="box", program="train.py", git_commit="c0ffee")
        first = author.run("a", name="fox", group="g", job_type="train", notes="n", sweep="s", origin=origin)
        ended = tick()
        catalog.update_run(first.key, RunChanges(state=CRASHED, exit_code=3, ended_at=ended))
        author.run("b", name="owl")
        asked = {
            "id": "a",
            "name": "fox",
            "state": CRASHED,
            "group": "g",
            "job_type": "train",
            "notes": "n",
            "created_at": to_micros(first.created_at),
            "ended_at": to_micros(ended),
            "user": "anna",
            "host": "box",
            "program": "train.py",
            "commit": "c0ffee",
            "sweep": "s",
            "exit_code": 3,
        }
        for field, value in asked.items():
            assert self.found(catalog, field, "eq", value) == "a", field
            assert self.found(catalog, field, "ne", value) == "b", field
        assert self.found(catalog, "created_at", "gt", to_micros(first.created_at)) == "b"
        assert self.found(catalog, "entity", "eq", ENTITY) == self.found(catalog, "project", "eq", PROJECT) == "ba"
        catalog.update_run(first.key, RunChanges(origin=RunOrigin(user="otto")))
        assert self.found(catalog, "user", "eq", "anna") == ""
        assert self.found(catalog, "user", "exists", True) == "a"

    def test_answers_follow_what_is_written(self, catalog: Catalog, author: Author) -> None:
        run = author.run("a", config={"x": 1, "y": {"z": 2}})
        catalog.update_run(run.key, RunChanges(config={"x": "one"}, summary={"acc": 0.5}))
        assert self.found(catalog, "config.x", "eq", 1) == ""
        assert self.found(catalog, "config.x", "eq", "one") == "a"
        assert self.found(catalog, "config.y", "exists", True) == ""
        catalog.append_history(HistoryBatch(run.key, "j", 0, 1, summary={"acc": 0.9, "loss": 1}, config={"x": 2}))
        assert self.found(catalog, "summary.acc", "gt", 0.8) == "a"
        assert self.found(catalog, "config.x", "eq", 2) == "a"
        assert catalog.runs_by_key([run.key])[run.key].summary == {"acc": 0.9, "loss": 1}

    def test_order_puts_what_has_no_value_last(self, catalog: Catalog, author: Author) -> None:
        for name, config in [("a", {"x": 2}), ("b", {}), ("c", {"x": 1}), ("d", {"x": "t"}), ("e", {"x": [0]})]:
            author.run(name, config=config)
        assert self.found(catalog, order=(Order("config.x"),)) == "cadeb"
        assert self.found(catalog, order=(Order("config.x", descending=True),)) == "daceb"
        assert self.found(catalog, order=(Order("config.x", descending=True),), limit=3, offset=1) == "ace"
        assert self.found(catalog, order=(Order("config.nothing"), Order("id"))) == "abcde"

    def test_and_or_not(self, catalog: Catalog, author: Author) -> None:
        for name, x, y in [("a", 1, 1), ("b", 1, 2), ("c", 2, 1)]:
            author.run(name, config={"x": x, "y": y})
        x1, y1 = Compare("config.x", "eq", 1), Compare("config.y", "eq", 1)
        assert self.matching(catalog, And((x1, y1))) == "a"
        assert self.matching(catalog, Or((x1, y1))) == "cba"
        assert self.matching(catalog, Not(Or((x1, Not(y1))))) == "c"
        assert self.matching(catalog, And(())) == "cba"
        assert self.matching(catalog, Or(())) == ""

    def test_wide_conditions_are_answered(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"x": 7})
        many = tuple(Compare("config.x", "eq", number) for number in range(2000))
        assert self.matching(catalog, Or(many)) == "a"
        assert self.matching(catalog, And(tuple(map(Not, many[8:])))) == "a"
        assert self.found(catalog, "config.x", "in", list(range(5000))) == "a"

    @pytest.mark.parametrize("field", ["nothing", "config", "summary", "", "Config.x", "id; --", "r.key"])
    def test_unknown_fields_are_refused(self, catalog: Catalog, field: str) -> None:
        for query in (RunQuery(where=Compare(field, "eq", 1)), RunQuery(order=(Order(field),))):
            with pytest.raises(InvalidInput, match="is unknown") as refusal:
                catalog.find_runs(query)
            assert refusal.value.code == "unknown-field"

    @pytest.mark.parametrize(
        ("op", "value", "code"),
        [
            ("like", "a", "unknown-operator"),
            ("regex", "(", "bad-pattern"),
            ("regex", 1, "bad-pattern"),
            ("in", "ab", "bad-query"),
            ("nin", 1, "bad-query"),
            ("in", list(range(20_000)), "bad-query"),
        ],
    )
    def test_what_cannot_be_answered_is_refused(self, catalog: Catalog, op: str, value: Any, code: str) -> None:
        query = RunQuery(where=Not(And((Compare("config.x", op, value),))))
        for ask in (catalog.find_runs, catalog.count_runs):
            with pytest.raises(InvalidInput) as refusal:
                ask(query)
            assert refusal.value.code == code

    def test_half_a_surrogate_pair_is_found_by_nothing_but_itself(self, catalog: Catalog, author: Author) -> None:
        author.run("a", config={"x": "b", "\udc00": "\ud800" + LONG})
        author.run("b", config={"x": "a\0" + LONG + "end"})
        for query in (RunQuery(entity="\ud800"), RunQuery(project="\ud800"), RunQuery("\ud800", "\ud800")):
            assert catalog.find_runs(query) == []
        for field in ("config.x", "tags", "state", "id", "user"):
            assert self.found(catalog, field, "in", ["\ud800"]) == ""
            assert self.found(catalog, field, "regex", "\ud800") == ""
        assert self.found(catalog, "config.\udc00", "exists", True) == "a"
        assert self.found(catalog, "config.\udc00", "regex", "w$") == "a"
        assert self.found(catalog, "config.x", "regex", "^a\0w.*end$") == "b"

    def test_conditions_too_deep_are_refused(self, catalog: Catalog) -> None:
        deep: Condition = Compare("config.x", "eq", 1)
        for _ in range(5000):
            deep = Not(deep)
        with pytest.raises(InvalidInput, match="deep"):
            catalog.find_runs(RunQuery(where=deep))
        with pytest.raises(InvalidInput, match="below 0"):
            catalog.find_runs(RunQuery(limit=-1))

    # -- helpers --------------------------------------------------------------------------------------------------

    def matching(self, catalog: Catalog, condition: Condition) -> str:
        """Ids of the runs that fulfil a condition, newest first."""
        return "".join(run.id for run in catalog.find_runs(RunQuery(where=condition)))

    def found(self, catalog: Catalog, *compared: Any, **query: Any) -> str:
        """Ids of the runs whose field compares so, or of all."""
        where = Compare(*compared) if compared else And(())
        return "".join(run.id for run in catalog.find_runs(RunQuery(where=where, **query)))
