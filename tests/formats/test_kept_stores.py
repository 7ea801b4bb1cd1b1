"""Stores that earlier forms of forebear wrote: every later one reads them, verifies them and goes on with them."""

from __future__ import annotations

import math
import tarfile
from pathlib import Path

import pytest

import forebear
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.names import parse_time
from forebear.store.shared import shared_store
from forebear.sweeps.declaration import read_declaration

HERE = Path(__file__).parent
KEPT = sorted(HERE.glob("store-*.tar.gz"))

#: Digests never change, whatever the format of the store: they are what people wrote into papers.
DATA_V0 = "2ccad635075a13e33be640b26f3ff9cf7c00989c14685cb5d8cbab33e00b562a"
DATA_V1 = "f856c1c3b5c5a61d3bca0d892fb1cd3420aecda2cd41dede87efe8fa5bc4fd0f"


def unpacked(archive: Path, root: Path) -> Path:
    with tarfile.open(archive) as packed:
        packed.extractall(root, filter="data")
    return root


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An unpacked copy of a kept store."""
    return unpacked(request.param, tmp_path / "store")


@pytest.fixture(params=[path for path in KEPT if path.name != "store-1.tar.gz"], ids=lambda path: path.name)
def tracked(request: pytest.FixtureRequest, tmp_path: Path) -> forebear.Api:
    """A kept store that has histories, read through its `Api`."""
    return forebear.Api(str(unpacked(request.param, tmp_path / "store")), project="kept")


def test_there_is_a_store_of_every_format() -> None:
    assert [path.name for path in KEPT] == [f"store-{number}.tar.gz" for number in (1, 2, 3, 4)]


def test_versions_files_and_digests_are_as_they_were(store: Path, tmp_path: Path) -> None:
    api = forebear.Api(str(store), project="kept")
    first, second = api.artifact("data:v0"), api.artifact("data:prod")
    assert (first.digest, second.digest, second.version) == (DATA_V0, DATA_V1, "v1")
    assert (first.metadata, first.description, first.tags) == ({"rows": 12}, "kept for ever", ["small"])
    first.verify()
    second.verify()
    folder = first.download(tmp_path / "out", path_prefix="part-0")
    assert (Path(folder) / "part-0" / "00.txt").read_text() == "image 0\n" * 20
    assert first.get_entry("elsewhere").ref_target() == "https://example.org/readme"
    assert [change.path for change in api.diff("data:v0", "data:v1").changed] == ["part-0/00.txt"]


def test_lineage_and_history_are_as_they_were(store: Path) -> None:
    api = forebear.Api(str(store), project="kept")
    model = api.artifact("model")
    maker = model.logged_by()
    assert maker is not None
    assert (maker.id, maker.config, maker.state) == ("train-1", {"lr": 0.5}, "finished")
    assert [used.name for used in maker.used_artifacts()] == ["data:v0"]
    moves = api.alias_history("data", "prod")
    assert [move.number for move in moves] == [0, 1]
    then = f"data:prod@{moves[0].at.isoformat()}"
    assert api.artifact(then).version == "v0"
    assert parse_time("2026-01-01") < moves[0].at
    assert model.get("weights") == {"weights": [1, 2, 3]}


def test_histories_are_as_they_were(tracked: forebear.Api) -> None:
    run = tracked.run("track-1")
    rows = list(run.scan_history())
    assert [row["_step"] for row in rows] == list(range(105))
    before, after = rows[:100], rows[100:]
    assert [row["loss"] for row in before] == [1 / (step + 1) for step in range(100)]
    assert [row["count"] for row in before] == list(range(100))
    assert {type(row["even"]) for row in before} == {bool}
    assert (rows[10]["word"], rows[10]["nested.x"]) == ("step 10", -10)
    assert math.isnan(rows[10]["strange"])
    assert "word" not in rows[11]
    assert [row["loss"] for row in after] == [-1.0] * 5
    assert rows[0]["_timestamp"] <= rows[99]["_timestamp"] <= rows[104]["_timestamp"]


def test_a_fork_still_begins_with_what_it_went_on_from(tracked: forebear.Api) -> None:
    rows = list(tracked.run("track-2").scan_history())
    assert [row["loss"] for row in rows] == [*(1 / (step + 1) for step in range(50)), -2.0]


def test_rows_of_many_sets_of_keys_are_as_they_were(tmp_path: Path) -> None:
    run = forebear.Api(str(unpacked(HERE / "store-3.tar.gz", tmp_path / "store")), project="kept").run("track-3")
    rows = list(run.scan_history())
    assert [(row["all"], row[f"only.{row['_step']}"]) for row in rows] == [(step, step / 2) for step in range(100)]
    assert [row["only.7"] for row in run.scan_history(keys=["only.7"])] == [3.5]
    assert len(run.history_keys) == 101


def test_kept_stores_say_nothing_of_the_machine_that_made_them(store: Path) -> None:
    for run in forebear.Api(str(store)).runs("kept"):
        assert (run.record.origin.host, run.record.origin.user) == ("kept", "ada")
        assert run.record.origin.program == "/home/ada/make_store.py"


def test_values_are_still_found(tracked: forebear.Api) -> None:
    for filters in ({"config.opt.name": "adam"}, {"summary_metrics.loss": {"$lt": -0.5}, "config.lr": 0.1}):
        assert "track-1" in [run.id for run in tracked.runs("kept", filters=filters)]


def test_sweeps_are_as_they_were(tmp_path: Path) -> None:
    store = shared_store(str(unpacked(HERE / "store-3.tar.gz", tmp_path / "store")))
    waiting, kept = store.catalog.sweeps(project="kept")
    assert (waiting.state, waiting.next_number, read_declaration(waiting.config).point(0)) == (
        "pending",
        0,
        {"lr": 0.6743512303220082},
    )
    assert (kept.name, kept.state, kept.limit, kept.exhausted) == ("kept sweep", "finished", 7, True)
    trials = store.catalog.trials(kept.key)
    assert [trial.state for trial in trials] == ["finished"] * 3 + ["pruned"] * 2 + ["failed", "pruned"]
    assert [trial.params for trial in trials] == [read_declaration(kept.config).grid.point(n) for n in range(7)]
    assert [trial.values for trial in trials[2:5]] == [{"loss": 4 / 3}, {"loss": 2.5}, {"loss": 2.5}]
    assert math.isnan(trials[6].values["loss"])
    assert trials[5].error == "RuntimeError: kept failure"
    runs = store.catalog.runs_by_key([trial.run_key for trial in trials if trial.run_key])
    assert {run.sweep for run in runs.values()} == {kept.id}
    assert {report.iteration for report in store.catalog.trial_reports(kept.key)} == {2, 3}


def test_the_store_goes_on(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "more.txt"
    file.write_text("more")
    with forebear.init(project="kept", store=str(store), settings={"silent": True}) as run:
        draft = run.use_artifact("data:v1").new_draft()
        draft.add_file(file)
        assert run.log_artifact(draft).version == "v2"
    draft.verify()


def test_a_store_of_a_later_form_is_refused_with_advice(store: Path) -> None:
    driver = SqliteDriver(store / "catalog.db")
    driver.execute("PRAGMA user_version = 999")
    driver.close()
    with pytest.raises(forebear.Unsupported, match="pip install -U forebear"):
        forebear.Api(str(store))
    mark = store / "store.json"
    mark.write_text(mark.read_text().replace('"format":1', '"format":999'))
    with pytest.raises(forebear.Unsupported, match="pip install -U forebear"):
        forebear.Api(str(store))
