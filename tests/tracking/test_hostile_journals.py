"""A journal that no forebear wrote leads nowhere, and keeps nobody else's from being taken."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forebear.api.recorded_run import RecordedRun
from forebear.api.run_files import live_path
from forebear.blobs.digest import digest_of
from forebear.errors import ForebearError, InvalidInput
from forebear.records.runs import RUNNING
from forebear.store.opening import open_store
from forebear.tracking.history.reading import read_rows
from forebear.tracking.identity import run_folder
from forebear.tracking.journal.frames import Kind, Session, SummaryChange, TableFrame, build
from forebear.tracking.journal.place import SUFFIX, time_of
from forebear.tracking.recovery import DAMAGED, recover_journals
from tests.store.payloads import payloads
from tests.tracking.journaled import JournaledRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forebear.store.store import Store

CONTENT = b"content"
DIGEST = digest_of(CONTENT)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> JournaledRun:
    made = JournaledRun(store)
    for path in made.journals:
        path.unlink()
    for file in made.journal.files():
        file.close()
    return made


def leave(run: JournaledRun, *frames: bytes, name: str = "1700000000000-aaaaaaaaaaaaaaaa") -> Path:
    """Leave a journal of these frames in the folder of a run, as if its process was gone."""
    session = Session(entity="ada", project="digits", run_id="r1", run_key=run.key, store_id=run.store.id)
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / (name + SUFFIX)
    path.write_bytes(build(Kind.SESSION, session) + b"".join(frames))
    return path


def row(step: int, loss: float) -> bytes:
    return build(Kind.NAMED_ROW, [step, step * 1_000, {"loss": loss}])


def test_files_whose_paths_lead_out_are_left_out_and_told(run: JournaledRun, tmp_path: Path) -> None:
    paths = [path for path in payloads() if path.isprintable() and len(path) < 100][::40]
    blob = build(Kind.BLOB, [DIGEST, CONTENT])
    named = [build(Kind.FILE, [path, DIGEST, len(CONTENT), 1]) for path in ["kept.txt", *paths]]
    leave(run, blob, *named, row(0, 1.0))
    (found,) = recover_journals(run.store)
    kept = {file.path for file in run.store.catalog.run_files(run.key)}
    assert "kept.txt" in kept
    assert kept <= {"kept.txt", *paths}
    assert not any(path.startswith("/") or ".." in path.split("/") for path in kept)
    assert len(found.notes) >= len(paths) - len(kept)
    recorded = RecordedRun(run.store, run.record)
    for number, file in enumerate(recorded.files()):
        file.download(tmp_path / "out" / str(number))
    escaped = {path for path in tmp_path.rglob("*escaped*") if tmp_path / "out" not in path.parents}
    assert not escaped
    assert not any("escaped" in path.name for path in tmp_path.parent.iterdir())
    assert [values["loss"] for values in read_rows(run.store, run.record, keys=["loss"])] == [1.0]


@pytest.mark.parametrize(
    "table",
    [
        TableFrame("../up", "run_table", {}, [("t", DIGEST, len(CONTENT))]),
        TableFrame("fine", "run_table", {}, [("../../t", DIGEST, len(CONTENT))]),
        TableFrame("fine", "run_table", {}, [("/t", DIGEST, len(CONTENT)), ("a\x00", DIGEST, 1)]),
        TableFrame("fine", "a/b", {}, [("t", DIGEST, len(CONTENT))]),
        TableFrame("fine", "run_table", {}, [("t", digest_of(b"nowhere"), 3)]),
        TableFrame("fine", "run_table", {}, [("t", DIGEST, 7)], aliases=("v3", "a:b")),
    ],
)
def test_a_table_that_is_none_is_told_and_rows_are_taken(run: JournaledRun, table: TableFrame) -> None:
    leave(run, build(Kind.BLOB, [DIGEST, CONTENT]), build(Kind.TABLE, table), row(0, 2.0))
    (found,) = recover_journals(run.store)
    assert "could not be kept" in " ".join(found.notes) or table.aliases
    assert [values["loss"] for values in read_rows(run.store, run.record, keys=["loss"])] == [2.0]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.METRIC, {"name": 5}),
        (Kind.METRIC, {"summary": [1]}),
        (Kind.SUMMARY, {"set": [[[], 1]]}),
        (Kind.SUMMARY, SummaryChange([(("a",), {"x": {1: 2}})], [("b", "c")])),
        (Kind.CONFIG, {"a": {("x", "y"): 1}}),
        (Kind.FILE, ["a", b"short", 1, 1]),
        (Kind.FILE, ["a", DIGEST, -1, 1]),
        (Kind.FILE, ["a", DIGEST, 1, 2**63]),
        (Kind.LOST, [-5, 2**63]),
        (Kind.NAMED_ROW, [2**63, 0, {"x": 1}]),
        (Kind.NAMED_ROW, [0, 0, {"x": {("a",): 1}}]),
        (Kind.ROW, []),
        (Kind.ROW, [[1], 0, 0]),
        (Kind.ROW, [{}, 0, 0]),
        (Kind.ROW, ["ab", 0, 0, 1]),
        (Kind.SESSION, {"entity": "x", "project": "y", "run_id": "z", "run_key": 2**63}),
    ],
)
def test_what_cannot_be_understood_is_damage_and_the_rest_is_taken(run: JournaledRun, kind: Kind, value: Any) -> None:
    leave(run, row(0, 1.0), build(kind, value), row(1, 0.5))
    (found,) = recover_journals(run.store)
    losses = [values["loss"] for values in read_rows(run.store, run.record, keys=["loss"])]
    assert losses == [1.0, 0.5] or (found.kept is not None and found.kept.suffix == DAMAGED)
    assert recover_journals(run.store) == []


def test_a_name_of_a_journal_says_no_time_that_no_clock_shows(run: JournaledRun, tmp_path: Path) -> None:
    for name in ("9" * 200, "99999999999999", "٣", "-1", "1e9"):
        assert time_of(tmp_path / f"{name}-aa{SUFFIX}") == 0
    path = leave(run, name="9" * 100 + "-a")
    path.write_bytes(row(0, 3.0))  # nobody says whose it is but its place
    (found,) = recover_journals(run.store)
    assert found.rows == 1


def test_a_live_file_is_one_of_the_run(run: JournaledRun) -> None:
    folder = run_folder(run.store.local, "ada", "digits", "r1")
    folder.mkdir(parents=True)
    (folder / "output.log").write_text("printed")
    record = run.record
    assert record.state == RUNNING
    assert live_path(run.store, record, "output.log") == folder / "output.log"
    for name in ("../../../../store.json", "/etc/passwd", "..", "a/../../x"):
        with pytest.raises(InvalidInput):
            live_path(run.store, record, name)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(Kind), _VALUES, st.integers(0, 2)), max_size=6))
def test_whatever_frames_say_the_journal_is_taken_or_put_aside(
    run: JournaledRun, frames: list[tuple[Kind, Any, int]]
) -> None:
    path = leave(run, *(build(kind, value, flags) for kind, value, flags in frames), row(0, 1.0))
    try:
        found = recover_journals(run.store)
    except ForebearError:
        pytest.fail("a journal kept others from being taken")
    assert len(found) == 1
    assert not path.exists()
    for kept in run.folder.glob("*.damaged"):
        kept.unlink()
