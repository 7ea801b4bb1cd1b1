"""What is sent to other machines: the settings that belong there, functions as bytes, and no secret in sight."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forebear.errors import InvalidInput, Unsupported
from forebear.settings import Settings, load_settings
from forebear.sweeps.engines.errand import Errand, errand_for, library, packed
from tests.sweeps.engines import functions

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord

SECRET = "postgresql://anna:geheim@db/ml?blobs=s3://bucket/x"


def made(sweep: SweepRecord, settings: Settings) -> Errand:
    return errand_for(sweep, settings, count=3, jobs=2, function=b"\x80\x00\n")


def test_settings_go_along_but_not_those_of_this_run_or_machine(
    grid: SweepRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_RUN_GROUP", "night")
    monkeypatch.setenv("FOREBEAR_TAGS", "a,b")
    monkeypatch.setenv("FOREBEAR_RUN_ID", "mine")
    monkeypatch.setenv("FOREBEAR_CACHE_DIR", "/local")
    found = made(grid, load_settings()).environment
    assert found["FOREBEAR_STORE"] == os.environ["FOREBEAR_STORE"]
    assert (found["FOREBEAR_RUN_GROUP"], found["FOREBEAR_TAGS"]) == ("night", "a,b")
    assert (found["FOREBEAR_SILENT"], found["FOREBEAR_CONSOLE"]) == ("true", "off")
    assert "FOREBEAR_CACHE_DIR" not in found
    # What the other machine has of these would make a trial's run another one.
    assert found["FOREBEAR_RUN_ID"] == found["WANDB_RUN_ID"] == found["FOREBEAR_TRIAL"] == ""
    with monkeypatch.context() as elsewhere:
        for name, value in found.items():
            elsewhere.setenv(name, value)
        assert (load_settings().run_id, load_settings().group) == (None, "night")


def test_a_store_beside_the_working_folder_is_named_in_full(grid: SweepRecord) -> None:
    assert made(grid, Settings(store="here")).environment["FOREBEAR_STORE"] == os.path.abspath("here")


def test_a_password_goes_along_and_is_never_shown(grid: SweepRecord) -> None:
    errand = made(grid, Settings(store=SECRET))
    assert "geheim" in errand.environment["FOREBEAR_STORE"]
    assert repr(errand) == f"<Errand of an agent of local/p/{grid.id}>"
    assert "geheim" not in f"{errand} {errand!r} {(errand,)}"


def test_an_errand_is_the_same_on_the_other_side(grid: SweepRecord) -> None:
    errand = made(grid, Settings(store=SECRET))
    assert msgspec.json.decode(msgspec.json.encode(errand), type=Errand) == errand
    assert pickle.loads(pickle.dumps(errand)) == errand


def test_a_function_becomes_bytes() -> None:
    assert pickle.loads(packed(functions.train, "pickle")) is functions.train


def closure() -> Callable[[], Any]:
    lock = threading.Lock()
    return lambda: lock


@pytest.mark.parametrize("pickler", ["pickle", "cloudpickle"])
def test_a_function_that_cannot_be_sent_is_refused_with_the_reason(pickler: str) -> None:
    if pickler != "pickle":
        pytest.importorskip(pickler, reason=f"{pickler} comes with distributed and submitit")
    with pytest.raises(InvalidInput, match="the function closure.* cannot be sent to other machines: ") as caught:
        packed(closure(), pickler)
    assert caught.value.code == "unpicklable-function"
    assert "Make what cannot be copied" in str(caught.value)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(InvalidInput, match="function 3 cannot be called"):
        packed(3, "pickle")  # type: ignore[arg-type]


def test_a_missing_library_is_named_with_its_extra() -> None:
    with pytest.raises(Unsupported, match=r"--on dask needs the package no_such_package .*forebear\[dask\]") as caught:
        library("no_such_package", "dask")
    assert caught.value.code == "engine-not-installed"
