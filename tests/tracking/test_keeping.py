"""Files of media values: where they go, what they are called, and that each content is written once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.media.base import Media, file_json
from forebear.media.html import Html
from forebear.media.table import Table
from forebear.names import check_collection_name
from forebear.store.paths import check_inner_path
from forebear.tracking import keeping
from forebear.tracking.keeping import safe_key, table_collection

if TYPE_CHECKING:
    from forebear.media.base import Keep

KEYS = [
    "loss",
    "val/img",
    "a b:c*d?",
    "../../etc",
    "..",
    ".",
    "/",
    "",
    "x" * 500,
    "schön",
    "a/../b",
    "a//b",
    "con.",
    "a\\b",
]
#: Nothing but the test writes to the journal.
ALONE = {"x_disable_meta": True, "x_disable_stats": True}


class Blob(Media):
    """A value that is one file, given as bytes or as the path of one."""

    kind = "blob-file"

    def __init__(self, content: bytes | Path) -> None:
        self.content = content

    def to_json(self, keep: Keep) -> dict[str, Any]:
        return file_json(self.kind, keep(self.content, "blobs", ".bin"))


@pytest.mark.parametrize("key", KEYS)
def test_any_key_gives_a_path_and_a_name_of_an_artifact(key: str) -> None:
    assert check_inner_path(f"media/images/{safe_key(key)}_0_ab.png")
    assert check_collection_name(table_collection("it", key))
    assert re.fullmatch(r"[\w.\-/]*", safe_key(key), re.ASCII)


def files(run: Any) -> dict[str, Any]:
    return {file.path: file for file in run.store.catalog.run_files(run.key) if file.path.startswith("media/")}


def test_small_contents_go_through_the_journal_once() -> None:
    with forebear.init(project="p", settings=ALONE) as run:
        written = []
        real = run.journal.blob
        run.journal.blob = lambda digest, content: (written.append(content), real(digest, content))
        Path("small").write_bytes(b"one")
        run.log({"a": Blob(b"one"), "b": Blob(Path("small")), "c": Blob(bytearray(b"two"))})
        run.log({"a": Blob(b"one")})
        assert written == [b"one", b"two"]
        Path("small").unlink()
    found = files(run)
    assert sorted(run.store.read(file.digest) for file in found.values()) == [b"one", b"one", b"one", b"two"]
    assert run.summary["a"]["path"] in found


def test_large_contents_go_into_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_JOURNAL_BYTES", 1_000)
    Path("large").write_bytes(b"x" * 5_000)
    with forebear.init(project="p", settings=ALONE) as run:
        run.log({"a": Blob(Path("large")), "b": Blob(b"y" * 5_000)})
        assert run.store.read(bytes.fromhex(run.summary["a"]["digest"])) == b"x" * 5_000
        assert sum(file.size for file in run.journal.files()) < 5_000
        Path("large").unlink()
    assert {run.store.read(file.digest) for file in files(run).values()} == {b"x" * 5_000, b"y" * 5_000}


def test_what_was_written_is_not_remembered_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_REMEMBERED", 2)
    with forebear.init(project="p") as run:
        for number in (0, 1, 2, 0):
            run.log({"a": Blob(bytes([number]))})
    assert len(files(run)) == 4


def test_media_inside_lists_and_dictionaries_are_kept() -> None:
    with forebear.init(project="p") as run:
        run.log({"cells": [{"page": Html("<p>1</p>"), "n": 1}, [Html("<p>2</p>")]]})
    kept = run.summary["cells"]
    assert {kept[0]["page"]["path"], kept[1][0]["path"]} == set(files(run))


def test_a_changed_immutable_table_is_noted_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    with forebear.init(project="p", id="it") as run:
        table = Table(columns=["a"], data=[[1]])
        run.log({"t": table})
        table.add_data(2)
        run.log({"t": table})
        assert run.summary["t"]["nrows"] == 1
    assert "it is IMMUTABLE" in capsys.readouterr().err
    assert len(forebear.Api(project="p").artifacts("run-it-t")) == 1


def test_a_child_writes_what_its_parent_wrote_to_another_journal() -> None:
    with forebear.init(project="p", id="it") as run:
        run.log({"t": Table(columns=["a"], data=[[1]])})
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run.log({"of_child": Table(columns=["a"], data=[[1]])}, step=10)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    collections = {found.name for found in forebear.Api(project="p").collections()}
    assert collections == {"run-it-t", "run-it-of_child"}
