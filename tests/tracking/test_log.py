"""`log`: which step a row belongs to, what a value becomes, and what is refused."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forebear
from forebear.errors import Conflict, ForebearError, InvalidInput
from forebear.media.histogram import Histogram
from forebear.media.html import Html
from forebear.media.image import Image
from forebear.media.table import Table
from forebear.tracking.history.reading import read_rows
from forebear.tracking.journal import writer
from forebear.tracking.keeping import MAX_JOURNAL_BYTES
from forebear.tracking.metrics import Metrics, new_metric
from forebear.tracking.rows import plain_row
from forebear.tracking.summarize import Summarizer

if TYPE_CHECKING:
    from forebear.tracking.run import Run

AXES = ("_step", "_runtime", "_timestamp")


def rows(run: Run) -> dict[int, dict[str, Any]]:
    """The rows of a run by step, without their axes."""
    found = {}
    for row in read_rows(run.store, run.store.catalog.runs_by_key([run.key])[run.key]):
        assert row["_step"] not in found, "rows of one step are one"
        found[row["_step"]] = {key: value for key, value in row.items() if key not in AXES}
    return found


# -- steps ------------------------------------------------------------------------------------------------------------


def test_each_call_is_a_step() -> None:
    with forebear.init(project="p") as run:
        assert run.step == 0
        for value in range(3):
            run.log({"a": value})
        assert (run.step, run.starting_step, run.resumed) == (3, 0, False)
        assert rows(run) == {0: {"a": 0}, 1: {"a": 1}, 2: {"a": 2}}
    assert rows(run) == {0: {"a": 0}, 1: {"a": 1}, 2: {"a": 2}}


def test_what_is_not_committed_is_merged_and_readable_at_once() -> None:
    with forebear.init(project="p") as run:
        run.log({"a": 1, "b": 1}, commit=False)
        run.log({"b": 2}, commit=False)
        assert run.step == 0
        assert rows(run) == {0: {"a": 1, "b": 2}}
        run.log({"c": 3})
        run.log({"a": 9}, commit=False)
    assert rows(run) == {0: {"a": 1, "b": 2, "c": 3}, 1: {"a": 9}}


def test_a_step_that_is_named_stays_open() -> None:
    with forebear.init(project="p") as run:
        run.log({"a": 1}, step=5)
        run.log({"b": 2}, step=5)
        assert run.step == 5
        run.log({"c": 3})
        assert run.step == 6
        run.log({"d": 4}, step=10, commit=True)
        assert run.step == 11
    assert rows(run) == {5: {"a": 1, "b": 2, "c": 3}, 10: {"d": 4}}


def test_a_lower_step_is_recorded_at_its_place() -> None:
    with forebear.init(project="p") as run:
        run.log({"a": 1}, step=10, commit=True)
        run.log({"a": 2, "b": 2}, step=3)
        run.log({"b": 7}, step=3, commit=True)
        assert run.step == 11
        run.log({"a": 3})
    assert rows(run) == {3: {"a": 2, "b": 7}, 10: {"a": 1}, 11: {"a": 3}}
    assert run.summary["a"] == 3


def test_a_lower_step_can_be_refused() -> None:
    with forebear.init(project="p", settings=forebear.Settings(strict_step=True)) as run:
        run.log({"a": 1}, step=10)
        run.log({"b": 1}, step=10)
        with pytest.raises(InvalidInput, match="step 3 is lower than the current one, 10"):
            run.log({"a": 2}, step=3)
        with pytest.raises(InvalidInput, match="step 3 is lower"):
            run.log({"a": [1, 2]}, step=3)
    assert rows(run) == {10: {"a": 1, "b": 1}}


def test_an_empty_row_is_a_step_without_a_row() -> None:
    with forebear.init(project="p") as run:
        run.log({})
        run.log({"a": {}}, commit=False)
        assert run.step == 1
        run.log({"a": 1})
    assert rows(run) == {1: {"a": 1}}


@pytest.mark.parametrize(("step", "meant"), [(np.int64(4), 4), (4.0, 4), (True, 1), (-3, -3)])
def test_steps_of_other_types_are_integers(step: Any, meant: int) -> None:
    with forebear.init(project="p") as run:
        run.log({"a": 1}, step=step)
    assert rows(run) == {meant: {"a": 1}}


@pytest.mark.parametrize("step", ["4", 4.5, float("nan"), [1], 2**70, object()])
def test_what_is_no_step_is_refused(step: Any) -> None:
    with forebear.init(project="p") as run:
        with pytest.raises(InvalidInput, match="step"):
            run.log({"a": 1}, step=step)
        run.log({"a": 2})
    assert rows(run) == {0: {"a": 2}}


def test_rows_have_times() -> None:
    before = time.time()
    with forebear.init(project="p") as run:
        run.log({"a": 1})
        run.log({"a": 2})
        found = list(read_rows(run.store, run.record))
    assert before - 0.01 <= found[0]["_timestamp"] <= found[1]["_timestamp"] <= time.time() + 0.01
    assert 0 <= found[0]["_runtime"] <= found[1]["_runtime"] < 60
    assert found[1]["_timestamp"] - found[0]["_timestamp"] == pytest.approx(
        found[1]["_runtime"] - found[0]["_runtime"], abs=1e-5
    )
    assert run.summary["_timestamp"] == pytest.approx(found[1]["_timestamp"], abs=2e-6)


#: What a call may be: step, whether it is over, values by key.
CALLS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 6)),
        st.sampled_from([None, True, False]),
        st.dictionaries(st.sampled_from("abc"), st.one_of(st.integers(-9, 9), st.floats()), max_size=3),
    ),
    max_size=12,
)


class Model:
    """Rows by step, as the documentation of `log` says."""

    def __init__(self) -> None:
        self.step = 0
        self.rows: dict[int, dict[str, Any]] = {}
        self.last: dict[str, tuple[int, Any]] = {}

    def log(self, step: int | None, commit: bool | None, values: dict[str, Any]) -> None:
        at = self.step if step is None else step
        over = commit if commit is not None else step is None
        if values:
            self.rows.setdefault(at, {}).update(values)
        for key, value in values.items():
            if at >= self.last.get(key, (at, None))[0]:
                self.last[key] = (at, value)
        if at >= self.step:
            self.step = at + 1 if over else at


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal in any order of their keys, NaN equal to NaN, and 1 not to 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return repr(one) == repr(other)


@given(calls=CALLS)
def test_steps_and_rows_are_those_of_the_model(calls: list[Any]) -> None:
    model = Model()
    with forebear.init(project="p", settings={"silent": True}, reinit="create_new") as run:
        for step, commit, values in calls:
            run.log(dict(values), step=step, commit=commit)
            model.log(step, commit, values)
            assert run.step == model.step
        summary = {key: value for key, value in run.summary.items() if not key.startswith("_")}
        assert same(summary, {key: value for key, (_, value) in model.last.items()})
    assert same(rows(run), model.rows)


# -- values -----------------------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1


class Count(int):
    """An integer of somebody's own."""


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (1.5, 1.5),
        (True, True),
        (None, None),
        ("text", "text"),
        (float("inf"), float("inf")),
        (-float("inf"), -float("inf")),
        (2**63 - 1, 2**63 - 1),
        (2**64, float(2**64)),
        (-(2**2000), -float("inf")),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array(3), 3),
        (np.array([2.5]), 2.5),
        (np.array([[4]]), 4),
        (np.str_("t"), "t"),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([]), []),
        (Colour.RED, 1),
        (Count(3), 3),
        (decimal.Decimal("0.5"), 0.5),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.timedelta(seconds=1.5), 1.5),
        (Path("a/b"), "a/b"),
        (b"bytes", "bytes"),
        ("half \ud800 a pair", "half ? a pair"),
        ([1, 2.5, "x", None], [1, 2.5, "x", None]),
        ((1, (2, 3)), [1, [2, 3]]),
        ([{"a": np.float32(1)}], [{"a": 1.0}]),
        ([np.arange(3)], [[0, 1, 2]]),
        ({"b", "a"}, ["a", "b"]),
        ("x" * 1_000_000, "x" * 1_000_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_become_plain(value: Any, meant: Any) -> None:
    with forebear.init(project="p") as run:
        run.log({"a": value})
        (row,) = rows(run).values()
        assert row == {"a": meant}
        assert type(row["a"]) is type(meant)
        assert run.summary["a"] == meant
    assert rows(run) == {0: {"a": meant}}


def test_nan_is_kept() -> None:
    with forebear.init(project="p") as run:
        run.log({"a": math.nan, "b": np.float32("nan"), "c": 1})
        run.log({"a": 1.0})
        run.log({"a": math.nan})
        assert math.isnan(run.summary["a"])
    found = rows(run)
    assert math.isnan(found[0]["a"])
    assert math.isnan(found[0]["b"])
    assert found[1] == {"a": 1.0}
    assert math.isnan(found[2]["a"])


def test_nested_dictionaries_become_dotted_names() -> None:
    with forebear.init(project="p") as run:
        run.log({"train": {"loss": 1, "acc": {"top1": 0.5}}, "a.b": 2})
        run.log({"train": {"loss": 0.5}, "train.loss": 0.25})
        assert run.summary["train"]["acc"]["top1"] == run.summary["train.acc.top1"] == 0.5
        assert run.summary.train.loss == 0.25
    assert rows(run) == {0: {"train.loss": 1, "train.acc.top1": 0.5, "a.b": 2}, 1: {"train.loss": 0.25}}


def test_arrays_of_several_numbers_are_histograms() -> None:
    values = np.array([1.0, 2.0, 2.0, 3.0])
    assert plain_row({"h": values}, lambda key, media: {key: media}) == {"h": {"h": Histogram(values)}}
    with forebear.init(project="p") as run:
        run.log({"h": values})
    assert rows(run)[0]["h"]["_type"] == "histogram"


def test_media_are_values_and_files() -> None:
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    with forebear.init(project="p", id="it") as run:
        run.log({"sample": Image(pixels), "val/many": [Image(pixels), Image(pixels)]})
        run.log({"sample": Image(pixels)})
    found = rows(run)
    assert found[0]["sample"]["_type"] == "image-file"
    assert found[0]["val/many"]["count"] == 2
    files = {file.path: file for file in run.store.catalog.run_files(run.key) if file.path.startswith("media/")}
    assert found[0]["sample"]["path"] in files
    assert found[1]["sample"]["path"] in files
    assert found[0]["sample"]["path"].startswith("media/images/sample_0_")
    assert found[0]["val/many"]["filenames"][0].startswith("media/images/val/many_0_")
    assert len({file.digest for file in files.values()}) == 1, "the same picture is one blob"
    png = run.store.read(next(iter(files.values())).digest)
    assert png.startswith(b"\x89PNG")


def test_large_media_go_to_the_store_at_once() -> None:
    text = "<p>" + "x" * (MAX_JOURNAL_BYTES + 1) + "</p>"
    with forebear.init(project="p", settings={"x_disable_meta": True}) as run:
        run.log({"page": Html(text, inject=False)})
        assert sum(file.size for file in run.journal.files()) < 10_000
    (kept,) = [file for file in run.store.catalog.run_files(run.key) if "page" in file.path]
    assert run.store.read(kept.digest).decode() == text


def test_a_table_is_a_version_of_an_artifact_too() -> None:
    with forebear.init(project="p", id="it") as run:
        table = Table(columns=["a", "b"], data=[[1, "x"]], log_mode="INCREMENTAL")
        run.log({"val/preds": table})
        table.add_data(2, "y")
        run.log({"val/preds": table})
        run.log({"val/preds": table})
    found = rows(run)
    assert (found[0]["val/preds"]["nrows"], found[1]["val/preds"]["nrows"]) == (1, 2)
    assert found[2]["val/preds"] == found[1]["val/preds"]
    versions = forebear.Api(project="p").artifacts("run-it-val_preds")
    assert [(version.type, version.version) for version in versions] == [("run_table", "v1"), ("run_table", "v0")]
    assert {version.name for version in run.logged_artifacts()} == {"run-it-val_preds:v0", "run-it-val_preds:v1"}
    newest = {file.path for file in versions[0].files()}
    assert found[0]["val/preds"]["path"] in newest, "a part of an incremental table has the parts before it beside it"


def test_an_incremental_table_goes_on_in_a_resumed_run() -> None:
    for number in range(2):
        with forebear.init(project="p", id="it", resume="allow") as run:
            run.log({"t": Table(columns=["a"], data=[[number]], log_mode="INCREMENTAL")})
    assert rows(run)[1]["t"]["nrows"] == 2
    newest = forebear.Api(project="p").artifact("run-it-t:latest")
    assert {rows(run)[0]["t"]["path"], rows(run)[1]["t"]["path"]} <= {file.path for file in newest.files()}


# -- what is refused --------------------------------------------------------------------------------------------------


def circle() -> dict[str, Any]:
    made: dict[str, Any] = {"a": 1}
    made["self"] = made
    return made


def inner_circle() -> dict[str, Any]:
    items: list[Any] = []
    items.append(items)
    return {"a": items}


@pytest.mark.parametrize(
    "data", [None, 5, "text", [("a", 1)], {1: 2}, {"a": {2: 3}}, {"a": object()}, {"a": 1j}, {None: 1}]
)
def test_what_is_no_row_is_a_type_error(data: Any) -> None:
    with forebear.init(project="p") as run:
        with pytest.raises(TypeError) as caught:
            run.log(data)
        assert isinstance(caught.value, InvalidInput)
        run.log({"a": 1})
    assert rows(run) == {0: {"a": 1}}


@pytest.mark.parametrize("make", [circle, inner_circle])
def test_a_circle_is_refused(make: Any) -> None:
    with forebear.init(project="p") as run, pytest.raises(InvalidInput, match="in a circle"):
        run.log(make())


def test_before_init_and_after_finish_nothing_can_be_logged() -> None:
    run = forebear.init(project="p")
    run.log({"a": 1})
    run.finish()
    for data in ({"a": 2}, {"a": [1]}, {}):
        with pytest.raises(Conflict, match="is finished, so it cannot log"):
            run.log(data)
    with pytest.raises(Conflict):
        run.summary["a"] = 3
    with pytest.raises(Conflict):
        run.define_metric("a")
    assert rows(run) == {0: {"a": 1}}


def test_the_dictionary_that_was_logged_stays_the_callers() -> None:
    with forebear.init(project="p") as run:
        data = {"a": 1, "n": {"b": 2}}
        run.log(data)
        assert data == {"a": 1, "n": {"b": 2}}
        data["a"] = 5
        assert run.summary["a"] == 1


def test_a_metric_may_change_its_type() -> None:
    values = [1, 2.5, "three", None, [4], True]
    with forebear.init(project="p") as run:
        for value in values:
            run.log({"a": value})
    assert [row["a"] for row in rows(run).values()] == values


# -- from several sides -----------------------------------------------------------------------------------------------


def test_threads_log_and_no_row_is_lost() -> None:
    with forebear.init(project="p") as run:
        together = threading.Barrier(4)

        def work(thread: int) -> None:
            together.wait()
            for number in range(200):
                run.log({f"t{thread}": number})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert run.step == 800
    found = rows(run)
    assert len(found) == 800
    for thread in range(4):
        assert [row[f"t{thread}"] for row in found.values() if f"t{thread}" in row] == list(range(200))


def test_tasks_of_asyncio_log() -> None:
    async def work(run: Run, task: int) -> None:
        for number in range(5):
            run.log({f"t{task}": number})
            await asyncio.sleep(0)

    async def main() -> Run:
        with forebear.init(project="p") as run:
            await asyncio.gather(*(work(run, task) for task in range(3)))
        return run

    assert len(rows(asyncio.run(main()))) == 15


# -- axes -------------------------------------------------------------------------------------------------------------


def test_rows_get_the_axis_of_their_metrics() -> None:
    with forebear.init(project="p") as run:
        run.define_metric("epoch")
        run.define_metric("val/*", step_metric="epoch")
        run.define_metric("raw", step_metric="epoch", step_sync=False)
        run.log({"val/acc": 0.1})
        run.log({"epoch": 3})
        run.log({"val/acc": 0.2})
        run.log({"val/acc": 0.3, "epoch": 4})
        run.log({"raw": 1})
        run.log({"val/acc": [1, 2]})
    assert list(rows(run).values()) == [
        {"val/acc": 0.1},
        {"epoch": 3},
        {"val/acc": 0.2, "epoch": 3},
        {"val/acc": 0.3, "epoch": 4},
        {"raw": 1},
        {"val/acc": [1, 2], "epoch": 4},
    ]
    assert forebear.Api(project="p").run(run.id).record.metrics["val/*"] == {"step_metric": "epoch"}


# -- cost -------------------------------------------------------------------------------------------------------------


def test_a_row_of_numbers_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    with forebear.init(project="p") as run:
        data = {"a": 1.0, "b": 2.0}
        run.log(data)
        calls: list[int] = []
        real = writer._write

        def counted(descriptor: int, content: bytes) -> int:
            calls.append(len(content))
            return real(descriptor, content)

        monkeypatch.setattr(writer, "_write", counted)
        for _ in range(10):
            run.log(data)
        assert len(calls) == 10


def test_every_error_of_log_is_one_of_forebear() -> None:
    with forebear.init(project="p") as run:
        for data in (object(), {"a": object()}, {1: 1}):
            with pytest.raises(ForebearError):
                run.log(data)  # type: ignore[arg-type]


def test_a_summary_of_many_sets_of_keys_forgets_no_order() -> None:
    summarizer = Summarizer(Metrics())
    for number in range(5_000):
        summarizer.row(number, number, {f"k{number}": number, "shared": number})
    summarizer.row(10, 5_000, {"k4999": "late", "k5": "late"})
    assert summarizer.get("k4999") == 4999
    assert summarizer.get("k5") == "late"
    assert (summarizer.get("shared"), summarizer.last_step) == (4999, 4999)


def test_a_definition_that_holds_for_many_keys_is_looked_up_once() -> None:
    metrics = Metrics()
    metrics.define(new_metric("a/*", step_metric="x"))
    assert metrics.of("a/b") is metrics.of("a/c")
    assert metrics.of("b") is None


def test_who_follows_a_run_sees_what_was_written() -> None:
    seen: list[Any] = []

    def follow(row: Any) -> None:
        seen.append(row)
        if row.get("stop"):
            raise RuntimeError("enough")

    with forebear.init(settings={"silent": True}) as run:
        run.log({"before": 1})
        run.at_log(follow)
        run.log({"a": {"b": 1}})
        forebear.log({"c": 2}, step=5)
        with pytest.raises(RuntimeError, match="enough"):
            run.log({"stop": 1})
        assert run.summary["stop"] == 1
    assert seen == [{"a": {"b": 1}}, {"c": 2}, {"stop": 1}]
