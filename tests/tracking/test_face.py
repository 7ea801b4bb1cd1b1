"""The functions at module level: they speak to the current run, and say what to do where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.errors import Conflict
from forebear.tracking import face, login
from forebear.tracking.history.reading import read_rows


def test_they_speak_to_the_current_run() -> None:
    config, summary = face.current_config(), face.current_summary()
    with forebear.init(project="p", config={"lr": 0.1}) as run:
        assert face.current_config() is run.config
        assert face.current_summary() is run.summary
        face.define_metric("loss", summary="min")
        face.log({"loss": 2})
        face.log({"loss": 1}, step=5, commit=True)
        face.log({"loss": 3}, commit=False)
        assert (run.step, summary["loss"]["min"], config.lr) == (6, 1, 0.1)
        config.seed = 7
        config["more"] = 8
        summary["note"] = "x"
        assert ("seed" in config, len(config), sorted(config)) == (True, 3, ["lr", "more", "seed"])
        assert (run.config.seed, run.summary["note"]) == (7, "x")
        del summary["note"]
        assert "note" not in run.summary
        assert repr(config) == repr(run.config)
        face.mark_preempting()
        face.finish(3)
    assert [row["loss"] for row in read_rows(run.store, run.store.catalog.runs_by_key([run.key])[run.key])] == [2, 1, 3]
    assert forebear.Api(project="p").run(run.id).state == "failed"
    face.finish()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: face.log({"a": 1}), "no run to log to"),
        (lambda: face.define_metric("a"), "no run to define a metric of"),
        (lambda: face.save("x"), "no run to save files with"),
        (lambda: face.restore("x"), "no run to restore files of"),
        (lambda: face.watch(None), "no run to watch a model with"),
        (face.unwatch, "no run to stop watching with"),
        (lambda: face.alert("x"), "no run to alert with"),
        (face.log_code, "no run to log code with"),
        (face.mark_preempting, "no run to mark"),
        (lambda: face.current_config().lr, "no run whose config this could be"),
        (lambda: face.current_summary()["a"], "no run whose summary this could be"),
        (lambda: setattr(face.current_config(), "lr", 1), "no run whose config"),
        (lambda: face.current_summary().update({"a": 1}), "no run whose summary"),
    ],
)
def test_without_a_run_they_say_what_to_do(call: Any, words: str) -> None:
    with pytest.raises(Conflict, match=rf"{words}.*forebear\.init\(\)"):
        call()


def test_what_stands_for_a_config_can_be_looked_at() -> None:
    assert repr(face.current_config()) == "<config of no run>"
    assert not hasattr(face.current_config(), "lr")
    assert not hasattr(face.current_config(), "__wrapped__")
    assert getattr(face.current_summary(), "acc", 5) == 5


def test_a_login_succeeds_and_explains(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert login.login(key="secret", host="https://x", relogin=True) is True
    said = capsys.readouterr().err
    assert "no login is needed" in said
    assert "secret" not in said
    monkeypatch.setenv("WANDB_SILENT", "true")
    assert login.login() is True
    assert capsys.readouterr().err == ""
    assert not (Path.home() / ".forebear").exists()


def test_setup_and_teardown() -> None:
    assert login.setup().project == "uncategorized"
    assert login.setup(forebear.Settings(project="p")).project == "p"
    first = forebear.init(project="p")
    second = forebear.init(project="p", reinit="create_new")
    first.log({"a": 1})
    login.teardown(1)
    assert (first.state, second.state, forebear.run) == ("failed", "failed", None)
    assert forebear.Api(project="p").run(first.id).record.summary["a"] == 1


def test_files_code_and_alerts_reach_the_run() -> None:
    Path("notes.txt").write_text("words")
    Path("train.py").write_text("x = 1")
    with forebear.init(project="p") as run:
        face.save("notes.txt")
        face.alert("title", "text")
        code = face.log_code(".")
        assert code is not None
        assert [file.path for file in code.files()] == ["train.py"]
    assert {"notes.txt"} <= {file.path for file in run.store.catalog.run_files(run.key)}
    with face.restore("notes.txt", run_path=f"p/{run.id}", root="back") as restored:
        assert restored.read() == "words"
