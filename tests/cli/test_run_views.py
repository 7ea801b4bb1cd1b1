"""How results about runs look: columns, groups, metrics and rows, at several widths."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from forebear.api.histories import HistoryTable
from forebear.cli.asking import agreed
from forebear.cli.curves import Metric, matching
from forebear.cli.grouping import Aggregate, Group
from forebear.cli.layout import plain, width_of
from forebear.cli.output import Screen
from forebear.cli.views.run_columns import RunRow, columns_for, titles_of, took, value_of
from forebear.cli.views.run_compare import CompareView, Line, Section
from forebear.cli.views.run_groups import GroupsView
from forebear.cli.views.run_history import HistoryView
from forebear.cli.views.run_metrics import metric_lines
from forebear.cli.views.run_tail import EndedView
from forebear.cli.views.runs import RunsView
from forebear.errors import InvalidInput
from forebear.records.runs import RunOrigin, RunRecord

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_run(run_id="r1", **changes):
    fields = {
        "key": 1,
        "entity": "team",
        "project": "p",
        "id": run_id,
        "name": f"name of {run_id}",
        "job_type": "train",
        "group": None,
        "notes": None,
        "tags": ("a", "b"),
        "state": "finished",
        "config": {"lr": 0.1, "net": {"layers": 2}, "dotted.key": 7, "flag": True},
        "origin": RunOrigin(user="me", git_commit="0123456789abcdef", host="here"),
        "created_at": NOW - timedelta(minutes=5),
        "ended_at": NOW - timedelta(minutes=2),
        "exit_code": 0,
        "error": None,
        "summary": {"acc": 0.5, "loss": math.nan},
    }
    return RunRecord(**{**fields, **changes})


def shown(view, width=None):
    return [plain(spans) for spans in view.lines(Screen(width, NOW))]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("config.lr", 0.1),
        ("config.net.layers", 2),
        ("config.net", {"layers": 2}),
        ("config.dotted.key", 7),
        ("config.nix.nix", None),
        ("config.lr.nix", None),
        ("summary.acc", 0.5),
        ("tags", "a b"),
        ("user", "me"),
        ("commit", "0123456789abcdef"),
        ("started", NOW - timedelta(minutes=5)),
        ("state", "finished"),
    ],
)
def test_values_of_fields(field, value):
    assert value_of(a_run(), field) == value


def test_heads_of_columns():
    assert titles_of(["job_type", "config.lr", "summary.acc"]) == {
        "job_type": "JOB TYPE",
        "config.lr": "lr",
        "summary.acc": "acc",
    }
    assert list(titles_of(["config.x", "summary.x"]).values()) == ["config.x", "summary.x"]
    with pytest.raises(InvalidInput, match="there is no column 'path2'; there are id, state, "):
        columns_for(["path2"], qualified=False)


@pytest.mark.parametrize(
    ("state", "ended", "text"),
    [
        ("finished", NOW, "5 min 0 s"),
        ("running", None, "5 min 0 s"),
        ("crashed", None, "–"),
        ("failed", NOW, "5 min 0 s"),
    ],
)
def test_how_long_it_took(state, ended, text):
    assert took(a_run(ended_at=ended), state, NOW) == text


def test_every_column_of_a_run():
    fields = ["id", "state", "tags", "user", "host", "commit", "exit_code", "notes", "group", "project", "summary.loss"]
    view = RunsView([RunRow(a_run(), "finished", 1, 2)], where="p", qualified=True, filtered=False, fields=fields)
    assert shown(view)[1].split() == ["team/p/r1", "finished", "a", "b", "me", "here", "0123456789ab", "0", "–", "–",
                                      "p", "nan"]  # fmt: skip


def test_a_narrow_list_keeps_the_first_values_longest():
    fields = ["id", "state", "job_type", "name", "started", "took", "in", "out", "config.lr", "summary.acc"]
    view = RunsView([RunRow(a_run(), "finished", 1, 2)], where="p", qualified=False, filtered=False, fields=fields)
    heads = {width: shown(view, width)[0].split() for width in (120, 40, 25)}
    assert heads[120] == ["ID", "STATE", "JOB", "TYPE", "NAME", "STARTED", "TOOK", "IN", "OUT", "lr", "acc"]
    assert heads[40] == ["ID", "STATE", "STARTED", "lr", "acc"]
    assert heads[25] == ["ID", "STATE", "lr", "acc"]
    assert all(len(line) <= width for width in heads for line in shown(view, width))


def test_groups_at_several_widths():
    groups = [
        Group(("a long name of a model", 0.1), 1_200, (Aggregate(1_200, 0.5, 0.25, 0.75), Aggregate(2, 1, 1, 1))),
        Group((None, None), 1, (None, None)),
    ]
    view = GroupsView(groups, ["config.model", "config.lr"], ["summary.acc", "summary.loss"], where="p", filtered=False)
    wide = shown(view)
    assert wide[0].split() == ["model", "lr", "RUNS", "acc", "MIN", "…", "MAX", "loss", "MIN", "…", "MAX"]
    assert wide[1].split()[-7:] == ["0.5", "0.25", "…", "0.75", "1", "1", "(2)"]
    assert wide[2].split() == ["–", "–", "1", "–", "–"]
    for width in (30, 50, 80):
        assert all(width_of(spans) <= width for spans in view.lines(Screen(width, NOW)))
    assert list(view.names()) == ["a long name of a model\t0.1", "–\t–"]


def test_metrics_of_every_kind():
    metrics = [
        Metric("loss", 3, 0.5, 0.5, 2.0, [2.0, math.nan, 0.5]),
        Metric("nan", 2, math.nan, None, None, [math.nan, math.nan]),
        Metric("flag", 2, True, False, True, [False, True]),
        Metric("image", 2, {"_type": "image-file", "path": "x.png"}, None, None, [None, None]),
        Metric("word\n", 1, "a\tb", None, None, [None]),
    ]
    rows = [plain(spans).split() for spans in metric_lines(metrics, None)][1:]
    assert rows[0] == ["loss", "█×▁", "0.5", "0.5", "2", "3"]
    assert rows[1] == ["nan", "××", "nan", "–", "–", "2"]
    assert rows[2] == ["flag", "▁█", "true", "0", "1", "2"]
    assert rows[3] == ["image", "image-file", "–", "–", "2"]
    assert rows[4] == [r"word\n", r"a\tb", "–", "–", "1"]
    for width in (30, 50, 99, 100):
        assert all(width_of(spans) <= width for spans in metric_lines(metrics, width))


@pytest.mark.parametrize(
    ("patterns", "found"),
    [([], ["b", "val/a"]), (["*"], ["_own", "b", "val/a"]), (["val/*", "b"], ["b", "val/a"]), (["nix"], [])],
)
def test_which_metrics_are_meant(patterns, found):
    assert matching(["val/a", "b", "_own"], patterns) == found


def test_rows_of_a_history():
    table = HistoryTable(
        {"_step": range(3), "_runtime": [0.0, 61.0, 4000.0], "x": [1, None, {"_type": "html-file"}]}, 9
    )
    assert [line.split() for line in shown(HistoryView(a_run(), table))] == [
        ["STEP", "TIME", "x"],
        ["0", "0.0", "s", "1"],
        ["1", "1", "min", "1", "s", "–"],
        ["2", "1", "h", "6", "min", "html-file"],
        [],
        ["3", "rows", "of", "9;", "--samples", "0", "shows", "all"],
    ]


def test_what_is_only_in_one_run_differs():
    sections = [Section("config", [Line("only", [1, None]), Line("same", [math.nan, math.nan])])]
    curve = Metric("loss", 2, 1.0, 0.0, 1.0, [0.0, 1.0])
    view = CompareView([a_run("a"), a_run("b")], sections, {"loss": [curve, None]}, everything=False)
    lines = shown(view)
    assert [line.split() for line in lines if "only" in line or "loss" in line] == [
        ["only", "1", "–"],
        ["loss", "▁█", "–"],
    ]
    assert lines[-1] == "1 value equal in all of them; --all shows them"


def test_the_end_of_a_run():
    assert shown(EndedView(a_run(error="ValueError: boom"), "failed")) == ["run r1 failed  ValueError: boom"]
    assert shown(EndedView(a_run(), "finished"), 15) == ["run r1 finished"]


def test_nobody_is_asked_without_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(InvalidInput, match="There is no terminal to ask; say --yes"):
        agreed("sure?")


@pytest.mark.parametrize(
    ("answer", "said"), [("y\n", True), ("YES\n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_only_yes_is_yes(monkeypatch, capsys, answer, said):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: answer, raising=False)
    assert agreed("sure?") is said
    assert capsys.readouterr().err == "sure? [y/N]: "
