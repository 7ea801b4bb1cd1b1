from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.api.filters import parse_filter, parse_order, time_value
from forebear.errors import InvalidInput
from forebear.records.queries import And, Compare, Not, Or, Order, RunQuery
from forebear.records.runs import NewRun, RunChanges
from forebear.store.opening import open_store

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECONDS = 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("given_", "condition"),
    [
        (None, And(())),
        ({}, And(())),
        ({"state": "finished"}, Compare("state", "eq", "finished")),
        ({"config.lr": 0.1}, Compare("config.lr", "eq", 0.1)),
        ({"config": {"net": {"layers": 2}}}, Compare("config.net.layers", "eq", 2)),
        ({"summary_metrics.acc": {"$gt": 0.9}}, Compare("summary.acc", "gt", 0.9)),
        ({"summary.acc": {"$gte": 0.1, "$lt": 0.2}},
         And((Compare("summary.acc", "gte", 0.1), Compare("summary.acc", "lt", 0.2)))),
        ({"tags": "a"}, Compare("tags", "eq", "a")),
        ({"tags": {"$in": ["a", "b"]}}, Compare("tags", "in", ("a", "b"))),
        ({"tags": {"$all": ["a", "b"]}}, And((Compare("tags", "eq", "a"), Compare("tags", "eq", "b")))),
        ({"tags": {"$ne": "a"}}, Not(Compare("tags", "eq", "a"))),
        ({"tags": {"$nin": ["a"]}}, Not(Compare("tags", "in", ("a",)))),
        ({"group": None}, Compare("group", "eq", None)),
        ({"jobType": {"$exists": False}}, Not(Compare("job_type", "exists", True))),
        ({"job_type": {"$exists": True}}, Compare("job_type", "exists", True)),
        ({"name": "1a2b"}, Compare("id", "eq", "1a2b")),
        ({"displayName": {"$regex": "^brave"}}, Compare("name", "regex", "^brave")),
        ({"display_name": {"$regex": "^brave", "$options": "i"}}, Compare("name", "regex", "(?i)^brave")),
        ({"username": {"$not": {"$eq": "me"}}}, Not(Compare("user", "eq", "me"))),
        ({"createdAt": {"$gt": "2026-01-01"}}, Compare("created_at", "gt", MICROSECONDS)),
        ({"created_at": {"$lte": NEW_YEAR}}, Compare("created_at", "lte", MICROSECONDS)),
        ({"$or": [{"state": "failed"}, {"state": "crashed"}]},
         Or((Compare("state", "eq", "failed"), Compare("state", "eq", "crashed")))),
        ({"$nor": [{"state": "failed"}]}, Not(Or((Compare("state", "eq", "failed"),)))),
        ({"$not": {"state": "failed"}}, Not(Compare("state", "eq", "failed"))),
        ({"$and": [{"state": "failed"}, {}]}, And((Compare("state", "eq", "failed"), And(())))),
        ({"state": "failed", "group": "g"}, And((Compare("state", "eq", "failed"), Compare("group", "eq", "g")))),
    ],
)  # fmt: skip
def test_what_filters_say(given_, condition):
    assert parse_filter(given_) == condition


def test_scalars_of_numpy_are_numbers():
    numpy = pytest.importorskip("numpy")
    assert parse_filter({"config.lr": numpy.float32(0.5)}) == Compare("config.lr", "eq", 0.5)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ([], "a filter is a dictionary such as {'config.lr': {'$lt': 0.1}}, not []"),
        ({1: 2}, "a field of a filter is text, not 1"),
        (
            {"acc": 1},
            "there is no field 'acc' to filter or sort runs by; there are config.<key>, summary_metrics.<key>",
        ),
        ({"config": 1}, "there is no field 'config'"),
        ({"config.": 1}, "there is no field 'config.'"),
        ({"config.lr": {"$near": 1}}, "there is no operator '$near' here; there are $eq, $ne, $gt, $gte"),
        ({"config.lr": {"$gt": 1, "lt": 2}}, "there is no operator 'lt' here"),
        ({"$xor": []}, "there is no operator '$xor' here; there are $and, $or, $nor, $not"),
        ({"$or": {"state": "failed"}}, "$or takes a list of filters"),
        ({"$and": [1]}, "a filter is a dictionary"),
        ({"config.lr": {"$in": "abc"}}, "$in takes a list of values for config.lr, not 'abc'"),
        ({"config.lr": {"$gt": None}}, "$gt compares config.lr with a number or text, not with None"),
        ({"config.lr": {"$gt": [1]}}, "$gt compares config.lr with a number or text, not with [1]"),
        (
            {"tags": ["a"]},
            "tags is compared with one value at a time, not with ['a']; $in asks for one of several, $all",
        ),
        ({"config.lr": object}, "config.lr is compared with a number, text or a boolean"),
        ({"state": {"$regex": "("}}, "'(' is no regular expression"),
        ({"state": {"$regex": 1}}, "$regex takes a pattern for text"),
        ({"created_at": {"$regex": "2026"}}, "$regex takes a pattern for text"),
        ({"state": {"$regex": "a", "$options": "q"}}, "$options are letters of 'imsx', not 'q'"),
        ({"created_at": {"$gt": "soon"}}, "'soon' is not a time"),
        ({"created_at": {"$gt": True}}, "True is not a time"),
    ],
)
def test_what_is_refused(given_, said):
    with pytest.raises(InvalidInput) as caught:
        parse_filter(given_)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("given_", "microseconds"),
    [
        ("2026-01-01", MICROSECONDS),
        ("2026-01-01T01:00+01:00", MICROSECONDS),
        (NEW_YEAR, MICROSECONDS),
        (datetime(2026, 1, 1), MICROSECONDS),
        (date(2026, 1, 1), MICROSECONDS),
        (MICROSECONDS / 1e6, MICROSECONDS),
    ],
)
def test_times(given_, microseconds):
    assert time_value(given_) == microseconds


@pytest.mark.parametrize(
    ("given_", "orders"),
    [
        ("+created_at", [Order("created_at")]),
        ("-created_at", [Order("created_at", descending=True)]),
        ("config.lr", [Order("config.lr")]),
        ("+config.lr.value", [Order("config.lr")]),
        ("-summary_metrics.acc, +name", [Order("summary.acc", descending=True), Order("id")]),
        (["-state", "displayName"], [Order("state", descending=True), Order("name")]),
        ("", []),
        (None, []),
    ],
)
def test_orders(given_, orders):
    assert parse_order(given_) == tuple(orders)


def test_an_order_by_what_is_not_there():
    with pytest.raises(InvalidInput, match="there is no field 'speed'"):
        parse_order("-speed")


# -- against a naive reading of the same filter, and a real catalog ----------------------------------------------------

VALUES = [None, True, False, 0, 1, -2, 2.5, "a", "b", "ab", "1", [1], {}]
KEYS = ["x", "y", "n.z"]
OPERATIONS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex"]


def nested(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        *above, last = key.split(".")
        place = found
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return found


scalars = st.sampled_from([value for value in VALUES if not isinstance(value, (list, dict))])
comparable = scalars.filter(lambda value: value is not None)
documents = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(nested)
tag_lists = st.lists(st.sampled_from(["a", "b", "ab"]), unique=True)


@st.composite
def statements(draw) -> dict[str, Any]:
    field = draw(st.sampled_from([*(f"config.{key}" for key in KEYS), *(f"config.{key}.value" for key in KEYS),
                                  *(f"summary_metrics.{key}" for key in KEYS), "tags", "group"]))  # fmt: skip
    operator = draw(st.sampled_from([None, *OPERATIONS]))
    if operator is None:
        return {field: draw(scalars)}
    if operator in ("$in", "$nin"):
        return {field: {operator: draw(st.lists(scalars, max_size=3))}}
    if operator == "$exists":
        return {field: {operator: draw(st.booleans())}}
    if operator == "$regex":
        return {field: {operator: draw(st.sampled_from(["a", "^b", "b$", "[0-9]", ""]))}}
    operand = draw(scalars if operator in ("$eq", "$ne") else comparable)
    return {field: {operator: operand}}


def joined(inner):
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda parts: {"$and": parts}),
        several.map(lambda parts: {"$or": parts}),
        several.map(lambda parts: {"$nor": parts}),
        inner.map(lambda part: {"$not": part}),
    )


filters = st.recursive(statements(), joined, max_leaves=5)
MISSING = object()


def looked_up(values: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(values, dict) or part not in values:
            return MISSING
        values = values[part]
    return values


def naive(given_: dict[str, Any], run: dict[str, Any]) -> bool:
    return all(_naive_entry(key, value, run) for key, value in given_.items())


def _naive_entry(key: str, value: Any, run: dict[str, Any]) -> bool:
    if key == "$and":
        return all(naive(part, run) for part in value)
    if key == "$or":
        return any(naive(part, run) for part in value)
    if key == "$nor":
        return not any(naive(part, run) for part in value)
    if key == "$not":
        return not naive(value, run)
    found = looked_up(run, key.replace("summary_metrics", "summary"))
    if found is MISSING and key.endswith(".value"):
        found = looked_up(run, key.removesuffix(".value"))
    found = found if key == "tags" else [found]
    operations = value if isinstance(value, dict) else {"$eq": value}
    return all(_naive_operation(name, operand, found) for name, operand in operations.items())


def _naive_operation(name: str, operand: Any, found: list[Any]) -> bool:
    if name == "$ne":
        return not _naive_operation("$eq", operand, found)
    if name == "$nin":
        return not _naive_operation("$in", operand, found)
    if name == "$in":
        return any(_naive_operation("$eq", each, found) for each in operand)
    if name == "$exists":
        return operand == any(value is not MISSING for value in found)
    if name == "$eq" and operand is None:
        return all(value is MISSING or value is None for value in found)
    return any(_naive_comparison(name, operand, value) for value in found)


def _naive_comparison(name: str, operand: Any, value: Any) -> bool:
    if name == "$regex":
        return isinstance(value, str) and re.search(operand, value) is not None
    if name == "$eq" and isinstance(operand, bool) and not isinstance(value, bool):
        return False  # while 1 finds true: as numbers, booleans are 0 and 1
    kinds = [str] if isinstance(operand, str) else [int, float]
    if not isinstance(value, tuple(kinds)):
        return False
    compare = {"$eq": "__eq__", "$gt": "__gt__", "$gte": "__ge__", "$lt": "__lt__", "$lte": "__le__"}[name]
    # A whole number does not know how to compare itself with a fraction.
    left, right = (value, operand) if isinstance(operand, str) else (float(value), float(operand))
    return bool(getattr(left, compare)(right))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    store = open_store(str(tmp_path_factory.mktemp("filters") / "store"), create=True)
    yield store.catalog
    store.close()


@given(st.lists(st.tuples(documents, documents, tag_lists, st.sampled_from([None, "a", "b"])), max_size=4), filters)
def test_filters_find_what_they_say(catalog, runs, given_):
    project = f"p{len(catalog.projects())}"
    described = {}
    for number, (config, summary, tags, group) in enumerate(runs):
        run = NewRun("team", project, str(number), "n", config=config, tags=tuple(tags), group=group)
        catalog.update_run(catalog.add_run(run).key, RunChanges(summary=summary))
        described[str(number)] = {"config": config, "summary": summary, "tags": tags,
                                  **({} if group is None else {"group": group})}  # fmt: skip
    query = RunQuery("team", project, parse_filter(given_), (Order("created_at"),))
    wanted = [name for name, run in described.items() if naive(given_, run)]
    assert [run.id for run in catalog.find_runs(query)] == wanted
    assert catalog.count_runs(query) == len(wanted)
