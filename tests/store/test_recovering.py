"""A catalog that is made anew takes the place of the lost one only once all of it is in its file."""

from __future__ import annotations

from pathlib import Path

import pysqlite3
import pytest

import forebear
from forebear.api.checking.recovering import recover_store
from forebear.errors import StorageFailure
from forebear.store.opening import CATALOG_FILE
from forebear.store.recovering import recovering
from forebear.store.shared import close_stores


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    """A store with one version, whose catalog is gone."""
    store = tmp_path / "store"
    with forebear.init(project="p", store=str(store), settings={"silent": True}) as run:
        draft = forebear.Artifact("ds", "dataset")
        draft.add(b"content", "a.txt")
        run.log_artifact(draft)
    close_stores()
    for path in store.glob(f"{CATALOG_FILE}*"):
        path.unlink()
    return store


def test_a_catalog_whose_log_is_still_beside_it_is_not_put_in_place(lost: Path) -> None:
    with pytest.raises(StorageFailure, match="free some space"), recovering(lost) as opened:  # noqa: PT012 - its end
        # As where a disk is full: the last one who closes cannot bring the log into the file.
        reader = pysqlite3.connect(lost / f"{CATALOG_FILE}.recovering")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM projects").fetchall()
        assert opened.is_new
    reader.close()
    assert not (lost / CATALOG_FILE).exists()
    recover_store(lost)
    assert forebear.Api(str(lost), project="p").artifact("ds:v0").read("a.txt") == b"content"
