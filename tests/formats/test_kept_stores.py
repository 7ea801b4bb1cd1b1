"""Stores that earlier forms of forebear wrote: every later one reads them, verifies them and goes on with them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

import forebear
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.names import parse_time

HERE = Path(__file__).parent
KEPT = sorted(HERE.glob("store-*.tar.gz"))

#: Digests never change, whatever the format of the store: they are what people wrote into papers.
DATA_V0 = "2ccad635075a13e33be640b26f3ff9cf7c00989c14685cb5d8cbab33e00b562a"
DATA_V1 = "f856c1c3b5c5a61d3bca0d892fb1cd3420aecda2cd41dede87efe8fa5bc4fd0f"


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An unpacked copy of a kept store."""
    root = tmp_path / "store"
    with tarfile.open(request.param) as archive:
        archive.extractall(root, filter="data")
    return root


def test_there_is_a_store_of_every_format() -> None:
    assert [path.name for path in KEPT] == ["store-1.tar.gz"]


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
