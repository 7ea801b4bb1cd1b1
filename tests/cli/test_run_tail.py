from __future__ import annotations

import threading

import pytest

import forebear
from forebear.api.api import Api
from forebear.cli import run_following
from forebear.cli.layout import plain
from forebear.cli.output import Screen
from forebear.cli.run_following import LogSince, RowsSince
from forebear.cli.views.run_tail import TailView


@pytest.fixture
def live(cli):
    cli("init")
    run = forebear.init(id="live", settings={"console": "off"})
    yield run
    run.finish()


def test_the_last_rows(cli, pipeline):
    answer = cli("run", "tail", pipeline["train"], "-n", "2", "-k", "l*")
    assert answer.lines == ["    28  loss 0.034483", "    29  loss 0.033333"]
    assert cli("run", "tail", pipeline["train"], "-n", "1", "--json").json()["_step"] == 29
    assert cli("run", "tail", pipeline["train"], "-n", "2", "-q").lines == ["28", "29"]
    assert cli("run", "tail", pipeline["train"], "-n", "0").out == ""
    assert len(cli("run", "tail", pipeline["train"]).lines) == 10


def test_with_what_was_printed(cli, pipeline):
    answer = cli("run", "tail", pipeline["train"], "-n", "1", "--log", "-k", "loss")
    assert answer.lines == ["│ done", "    29  loss 0.033333"]


def test_following_a_run_that_is_over_ends_at_once(cli, pipeline):
    answer = cli("run", "tail", "-f", pipeline["train"], "-n", "1", "-k", "loss")
    assert answer.lines == ["    29  loss 0.033333", f"run {pipeline['train']} finished"]


def test_following_a_run_to_its_end(cli, live, monkeypatch):
    monkeypatch.setattr(run_following, "POLL_SECONDS", 0.01)
    seen = threading.Event()
    next_rows = RowsSince.next

    def spy(self, **how):
        found = list(next_rows(self, **how))
        seen.set()
        return found

    monkeypatch.setattr(RowsSince, "next", spy)

    def train():
        for step in range(50):
            live.log({"x": step})
            if step == 10:
                seen.wait(60)
        live.finish(1)

    training = threading.Thread(target=train)
    training.start()
    answer = cli("run", "tail", "live", "-f", "-n", "1000")
    training.join()
    *rows, end = answer.lines
    assert [row.split() for row in rows] == [[str(step), "x", str(step)] for step in range(50)]
    assert end == "run live failed"


def test_a_row_waits_until_its_step_is_whole(live):
    rows = RowsSince(Api().run("live"))
    live.log({"a": 1}, step=0)
    assert list(rows.next(everything=False)) == []
    live.log({"b": 2}, step=0)
    assert list(rows.next(everything=False)) == []
    assert [set(row) - {"_runtime", "_timestamp"} for row in rows.next(everything=False)] == [{"_step", "a", "b"}]
    assert list(rows.next(everything=False)) == []
    live.log({"a": 3}, step=1)
    live.log({"a": 4}, step=2)
    assert [row["a"] for row in rows.next(everything=False)] == [3]
    assert [row["a"] for row in rows.next(everything=True)] == [4]
    assert list(rows.next(everything=True)) == []


def test_a_metric_that_comes_later_is_found(live):
    rows = RowsSince(Api().run("live"), ["late*"])
    live.log({"a": 1})
    assert list(rows.next(everything=True)) == []
    live.log({"late/x": 2})
    assert [row["late/x"] for row in rows.next(everything=True)] == [2]


def test_only_whole_lines_are_shown(live):
    run = Api().run("live")
    log = LogSince(run)
    assert log.next() == []
    path = run_following.log_path(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("one\ntw")
    assert log.next() == ["one"]
    path.write_text("one\ntwo\nthree\n")
    assert log.next() == ["two", "three"]


def test_a_narrow_terminal_leaves_metrics_out(cli, pipeline):
    row = {"_step": 7, "first": 1.0, "second": 2.0, "image": {"_type": "image-file"}}
    view = TailView(Api().run(pipeline["train"]).record, [row])
    assert [plain(spans) for spans in view.lines(Screen(20, None))] == ["     7  first 1"]
    assert [plain(spans) for spans in view.lines(Screen(None, None))] == [
        "     7  first 1  second 2  image image-file"
    ]  # fmt: skip
