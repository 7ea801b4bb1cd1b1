"""Catalogs with the story of a small project in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from forebear.catalog.sqlite import SqliteCatalog
from forebear.testing.builders import Author, ManualClock
from forebear.testing.memory_catalog import MemoryCatalog

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Catalog]:
    if request.param == "memory":
        yield MemoryCatalog(clock)
        return
    with closing(SqliteCatalog(tmp_path / "catalog.db", clock=clock)) as catalog:
        yield catalog


@pytest.fixture
def author(catalog: Catalog) -> Author:
    return Author(catalog)


@pytest.fixture
def story(author: Author, clock: ManualClock) -> SimpleNamespace:
    """Two trainings on one split of ``raw:v0``, an evaluation of the second, and then a corrected ``raw:v1``.

    ::

        ingest → raw:v0 → prepare ⇉ train-set → train-a → model:v0
                                            ↘ train-b → model:v1 → evaluate → scores
                                  ⇉ test-set ───────────────────↗
        ingest-again → raw:v1
    """
    s = SimpleNamespace()

    def run(name: str, *uses: object, **fields: object) -> object:
        clock.tick()
        made = author.run(name, *uses, **fields)
        setattr(s, name.replace("-", "_"), made)
        return made

    def version(label: str, type: str, run: object, *contents: str) -> None:
        clock.tick()
        name, _, number = label.partition("_v")
        made = author.version(*contents, name=name.replace("_", "-"), type=type, run=run)
        assert made.number == int(number or 0)
        setattr(s, label, made)

    version("raw_v0", "dataset", run("ingest", job_type="ingest"), "cat", "dog")
    prepare = run("prepare", s.raw_v0, job_type="prepare")
    version("train_set", "dataset", prepare, "cat")
    version("test_set", "dataset", prepare, "dog")
    version("model_v0", "model", run("train-a", s.train_set, job_type="train"), "weights a")
    version("model_v1", "model", run("train-b", s.train_set, job_type="train"), "weights b")
    version("scores", "predictions", run("evaluate", s.model_v1, s.test_set, job_type="evaluate"), "0.9")
    s.before_correction = clock.tick()
    version("raw_v1", "dataset", run("ingest-again", job_type="ingest"), "cat", "corrected dog")
    clock.tick()
    return s
