"""What goes wrong under a run: a full disk, a store that is busy, a clock that jumps, values of 20 MB, many keys."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.errors import StorageFailure
from forebear.store.shared import close_stores
from forebear.tracking import recorder
from forebear.tracking.history.reading import read_rows
from tests.tracking.journaled import wait_until

QUIET = {"x_disable_stats": True, "x_disable_meta": True, "console": "off"}


def values(run_id: str, key: str = "a") -> list[Any]:
    api = forebear.Api(project="p")
    return [row[key] for row in read_rows(api.store, api.run(run_id).record, keys=[key])]


def test_a_full_disk_stops_no_training_and_loses_nothing_once_there_is_room() -> None:
    script = f"""
import resource, signal, forebear
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
run = forebear.init(project="p", id="it", settings={QUIET!r})
for number in range(10):
    run.log({{"a": number}})
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
for number in range(10, 500):
    run.log({{"a": number}})
run.summary["note"] = "while it was full"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for number in range(500, 510):
    run.log({{"a": number}})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr.count("cannot write what the run logs") == 1
    assert "Traceback" not in done.stderr
    assert values("it") == list(range(510))
    assert forebear.Api(project="p").run("it").record.summary["note"] == "while it was full"


def test_a_disk_that_is_full_to_the_end_is_told_with_what_was_lost() -> None:
    script = f"""
import resource, signal, forebear
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
run = forebear.init(project="p", id="it", settings={QUIET!r})
for number in range(10):
    run.log({{"a": number}})
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
for number in range(10, 500):
    run.log({{"a": number}})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.count("warning") == 1
    assert "490 rows and 0 files that waited in memory are lost" in done.stderr
    assert values("it") == list(range(10))
    assert forebear.Api(project="p").run("it").state == "crashed"


def test_an_end_without_room_may_be_repeated_and_then_nothing_is_lost(small_disk: Path) -> None:
    """The whole store is on a real disk without room: journal, catalog, log and media."""
    run = forebear.init(project="p", id="it", store=small_disk / "store", settings={"x_disable_stats": True})
    run.log({"a": 0})
    ballast = small_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4_096)
    for number in range(1, 3_000):
        run.log({"a": number})
    run.log({"image": forebear.Image([[0, 255], [255, 0]])})
    run.config.update({"late": True})
    run.summary["late"] = True
    with pytest.raises(forebear.StorageFailure, match="No space left|full"):
        run.finish()
    assert run.state == "running"
    ballast.unlink()
    run.finish()
    found = forebear.Api(store=small_disk / "store", project="p").run("it")
    assert [row["a"] for row in found.scan_history(keys=["a"])] == list(range(3_000))
    assert (found.state, found.config, found.summary["late"]) == ("finished", {"late": True}, True)
    (image,) = [file for file in found.files() if file.name.endswith(".png")]
    assert Path(image.download(str(small_disk / "out"))).read_bytes().startswith(b"\x89PNG")
    close_stores()


def test_a_store_that_is_busy_holds_no_training_up() -> None:
    import pysqlite3

    with forebear.init(project="p", id="it", settings=QUIET) as run:
        other = pysqlite3.connect(str(Path(run.store.url) / "catalog.db"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        for number in range(2_000):
            run.log({"a": number})
        assert time.monotonic() - begun < 5, "rows go to the journal, which waits for nobody"
        assert run.summary["a"] == 1_999
        other.execute("ROLLBACK")
        other.close()
    assert values("it") == list(range(2_000))


def test_a_store_that_is_away_for_a_while(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(recorder, "LONGEST_WAIT", 0.01)
    with forebear.init(project="p", id="it", settings=QUIET) as run:
        run.log({"a": 0})
        store = Path(run.store.url)
        away = store.rename(store.with_name("away"))
        for number in range(1, 500):
            run.log({"a": number})
        run.config.update({"late": True})
        wait_until(lambda: "the catalog takes nothing for now" in told(capfd), "the warning")
        for number in range(500, 1_000):
            run.log({"a": number})
        draft = forebear.Artifact("data", "dataset")
        with pytest.raises(forebear.StorageFailure, match="No such file"):
            draft.add(b"content", "file")
        assert not store.exists(), "nothing is made in its place"
        away.rename(store)
    assert values("it") == list(range(1_000))
    assert forebear.Api(project="p").run("it").config == {"late": True}
    assert (told(capfd).count("warning"), _told.clear()) == (1, None)


def test_a_run_that_begins_to_log_while_its_store_is_away(capfd: pytest.CaptureFixture[str]) -> None:
    with forebear.init(project="p", id="it", settings=QUIET) as run:
        store = Path(run.store.url)
        away = store.rename(store.with_name("away"))
        for number in range(100):
            run.log({"a": number})
        assert not store.exists(), "what is written to another place would not be found"
        away.rename(store)
    assert values("it") == list(range(100))
    assert capfd.readouterr().err.count("cannot write what the run logs") == 1


_told: list[str] = []


def told(capfd: pytest.CaptureFixture[str]) -> str:
    """All that was said on standard error until now."""
    _told.append(capfd.readouterr().err)
    return "".join(_told)


def test_a_clock_that_goes_backwards_disturbs_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time_ns
    with forebear.init(project="p", id="it", settings=QUIET) as run:
        run.log({"a": 0})
        monkeypatch.setattr(time, "time_ns", lambda: real() - 3_600_000_000_000)
        run.log({"a": 1})
    with forebear.init(project="p", id="it", resume="must", settings=QUIET) as run:
        run.log({"a": 2})
        run.log({"a": 3}, step=2)
    assert values("it") == [0, 1, 3]
    rows = list(read_rows(run.store, run.store.catalog.runs_by_key([run.key])[run.key]))
    assert [row["_runtime"] for row in rows] == sorted(row["_runtime"] for row in rows)


def test_large_values_and_many_keys() -> None:
    with forebear.init(project="p", id="it", settings=QUIET) as run:
        run.log({"a": "x" * 20_000_000})
        for number in range(5_000):
            run.log({f"k{number}": number})
        run.log({f"wide/{number}": number for number in range(5_000)})
    found = forebear.Api(project="p").run("it").record.summary
    assert (len(found["a"]), found["k4999"], found["wide/4999"]) == (20_000_000, 4_999, 4_999)
    assert values("it", "k17") == [17]


def test_keys_that_never_come_again() -> None:
    """So many that a block for each, or a look at each for each row, would take minutes."""
    with forebear.init(project="p", id="it", settings=QUIET) as run:
        for number in range(20_000):
            run.log({f"sample/{number}": number, "loss": number / 2})
    found = forebear.Api(project="p").run("it")
    assert len(found.summary) == 20_000 + 4
    rows = list(found.scan_history())
    assert [row["loss"] for row in rows] == [number / 2 for number in range(20_000)]
    assert all(row[f"sample/{row['_step']}"] == row["_step"] for row in rows)
    assert [row["sample/77"] for row in found.scan_history(keys=["sample/77"])] == [77]
    assert len(found.history(keys=["sample/5", "loss"], samples=100)) <= 100
    assert len(found.store.catalog.history(run.key).blocks) < 20


def test_rows_of_so_many_keys_that_one_fills_a_block() -> None:
    row = {f"weight/{number}": number / 3 for number in range(100_000)}
    with forebear.init(project="p", id="it", settings=QUIET) as run:
        for _ in range(2):
            run.log(row)
    found = forebear.Api(project="p").run("it")
    assert values("it", "weight/99999") == [33_333.0] * 2
    assert len(found.history_keys) == 100_000


def test_nothing_but_nan() -> None:
    nan = float("nan")
    with forebear.init(project="p", id="it", settings=QUIET) as run:
        run.define_metric("b", summary="min,mean")
        for _ in range(100):
            run.log({"a": nan, "b": nan})
    assert all(value != value for value in values("it"))
    assert len(values("it")) == 100


def test_an_end_may_be_called_with_patience_while_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    run = forebear.init(project="p", id="it", settings=QUIET)
    run.log({"a": 1})
    catalog, calls = run.store.catalog, 0
    update = catalog.update_run

    def away_at_first(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise StorageFailure("the catalog is away")
        return update(*args, **options)

    def patiently(call: Any) -> None:
        for _ in range(3):
            with suppress(StorageFailure):
                return call()
        raise AssertionError("it was called three times, and never came to its end")

    monkeypatch.setattr(catalog, "update_run", away_at_first)
    run.end_by(patiently)
    run.finish()
    assert calls == 3
    assert forebear.Api(project="p").run("it").state == "finished"
    assert values("it") == [1]
