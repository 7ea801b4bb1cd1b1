"""From rows to a summary: last values, aggregates, and what was set by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.tracking.metrics import Metrics, new_metric
from forebear.tracking.summarize import Summarizer

NAN = math.nan


def summarizer(**summaries: str) -> Summarizer:
    """A summarizer whose metrics have definitions: words of a summary, with ``maximize`` for a goal."""
    metrics = Metrics()
    for key, words in summaries.items():
        goal = "maximize" if "maximize" in words else None
        metrics.define(new_metric(key, summary=words.replace(",maximize", ""), goal=goal))
    return Summarizer(metrics)


def fed(made: Summarizer, *rows: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    """The summary after rows, without what it says of the run itself."""
    for runtime, (step, values) in enumerate(rows):
        made.row(step, runtime, values)
    return {key: value for key, value in made.value().items() if not key.startswith("_")}


def series(made: Summarizer, *values: Any) -> dict[str, Any]:
    return fed(made, *((step, {"a": value}) for step, value in enumerate(values)))


def test_the_last_value_counts() -> None:
    assert fed(summarizer(), (0, {"a": 1, "b": 1}), (1, {"a": 2}), (2, {"c": "x"})) == {"a": 2, "b": 1, "c": "x"}


def test_a_late_row_replaces_only_what_is_older_than_it() -> None:
    made = summarizer()
    rows = ((0, {"a": 1, "b": 1}), (10, {"a": 2}), (5, {"a": "late", "b": "late", "c": "late"}), (4, {"c": "later"}))
    assert fed(made, *rows) == {"a": 2, "b": "late", "c": "late"}
    made.row(5, 9, {"c": "same step"})
    assert made.get("c") == "same step"
    assert made.last_step == 10


def test_it_says_where_the_run_stands() -> None:
    made = Summarizer(Metrics(), time_base=1_000_000)
    assert made.value() == {}
    made.row(3, 500_000, {"a": 1})
    assert made.value() == {"a": 1, "_step": 3, "_runtime": 0.5, "_timestamp": 1.5}
    made.row(1, 900_000, {"a": 1})
    assert (made.get("_step"), made.get("_runtime")) == (3, 0.5)


def test_every_word_of_a_summary() -> None:
    every = "min,max,mean,first,last,best"
    assert series(summarizer(a=every), 4, 1, 7) == {
        "a": {"min": 1, "max": 7, "mean": 4.0, "first": 4, "last": 7, "best": 1}
    }
    assert series(summarizer(a="best,maximize"), 4, 7, 1) == {"a": {"best": 7}}
    assert series(summarizer(a="copy"), 4, 7) == {"a": 7}
    assert series(summarizer(a="none"), 4, 7) == {}
    assert series(summarizer(a="none,max"), 4, 7) == {"a": {"max": 7}}


def test_aggregates_pass_over_nan() -> None:
    found = series(summarizer(a="min,max,mean,first,last"), NAN, 3, NAN, 1, NAN)
    assert found == {"a": {"min": 1, "max": 3, "mean": 2.0, "first": 3, "last": 1}}
    infinite = series(summarizer(a="min,max,mean"), math.inf, 1, -math.inf)
    assert (infinite["a"]["min"], infinite["a"]["max"]) == (-math.inf, math.inf)
    nothing = series(summarizer(a="min,mean,last"), NAN, NAN)
    assert nothing["a"].keys() == {"min", "mean", "last"}
    assert all(math.isnan(value) for value in nothing["a"].values())


def test_of_a_step_the_last_value_counts_once() -> None:
    made = summarizer(a="mean,min,first")
    assert fed(made, (0, {"a": 100}), (0, {"a": 1}), (1, {"a": 3}))["a"] == {"mean": 2.0, "min": 1, "first": 1}


def test_aggregates_of_what_is_no_number() -> None:
    assert series(summarizer(a="min,first,last"), "x", "y") == {"a": {"first": "x", "last": "y"}}
    assert series(summarizer(a="min,mean"), None) == {}
    assert series(summarizer(a="mean"), True, False) == {"a": {"mean": 0.5}}


def test_what_is_set_by_hand_counts_more_than_rows() -> None:
    made = summarizer(b="max")
    fed(made, (0, {"a": 1, "b": 1, "c.d": 1}))
    made.change([(("a",), 9), (("new",), {"x": 1}), (("b", "note"), "good")], [("c.d",)])
    assert fed(made, (1, {"a": 2, "b": 5, "c.d": 2})) == {"a": 9, "b": {"max": 5, "note": "good"}, "new": {"x": 1}}
    made.delete(("new", "x"))
    made.delete(("a",))
    assert fed(made, (2, {"a": 3})) == {"b": {"max": 5, "note": "good"}, "new": {}}
    made.set(("a",), 1)
    assert made.get("a") == 1
    assert made.last("a") == 3


def test_values_of_rows_are_not_changed_by_hand() -> None:
    made = summarizer()
    value = {"_type": "x", "inner": {"y": 1}}
    made.row(0, 0, {"a": value})
    made.set(("a", "inner", "z"), 2)
    made.delete(("a", "_type"))
    assert made.get("a") == {"inner": {"y": 1, "z": 2}}
    assert value == {"_type": "x", "inner": {"y": 1}}


NUMBERS = st.one_of(st.integers(-100, 100), st.just(NAN), st.floats(-100, 100, width=16))


@given(
    before=st.lists(NUMBERS, max_size=5),
    after=st.lists(NUMBERS, max_size=5),
    words=st.lists(st.sampled_from(["min", "max", "mean", "first", "last", "best"]), min_size=1, unique=True),
)
def test_a_summary_can_be_gone_on_with(before: list[float], after: list[float], words: list[str]) -> None:
    """Stopping in between, and going on from the summary alone, comes to the same as not stopping."""
    definition = ",".join(words)
    whole = series(summarizer(a=definition), *before, *after)
    first = summarizer(a=definition)
    series(first, *before)
    metrics = Metrics()
    metrics.define(new_metric("a", summary=definition))
    second = Summarizer(Metrics(metrics.to_json(first.counts())), known=first.value())
    for number, value in enumerate(after):
        second.row(len(before) + number, 0, {"a": value})
    found = {key: value for key, value in second.value().items() if not key.startswith("_")}
    if not any(value == value for value in before):
        return  # of what never had a number, only NaN is known, and that is not gone on with
    assert found["a"].keys() == whole["a"].keys()
    for word, value in whole["a"].items():
        assert found["a"][word] == pytest.approx(value, abs=1e-9)


def test_how_many_values_a_mean_is_of_is_kept_only_where_there_is_one() -> None:
    made = summarizer(a="mean", b="max")
    fed(made, (0, {"a": 1, "b": 1}), (1, {"a": 2}))
    assert made.counts() == {"a": 2}
    assert made.value().keys() == {"a", "b", "_step", "_runtime", "_timestamp"}
    assert summarizer(b="max").counts() == {}


def test_a_definition_that_comes_late_begins_then() -> None:
    metrics = Metrics()
    made = Summarizer(metrics)
    made.row(0, 0, {"a": 100})
    metrics.define(new_metric("a", summary="max"))
    assert fed(made, (1, {"a": 1}))["a"] == {"max": 1}
