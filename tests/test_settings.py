"""Settings: where they are found, what they may be, and how a script gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forebear.errors import InvalidInput
from forebear.settings import ENVIRONMENT, Settings, load_settings, setting_sources

#: For each setting a text as a variable would have it, and what it means.
SAMPLES: dict[str, tuple[str, Any]] = {
    "store": ("/data/store", "/data/store"),
    "entity": ("team", "team"),
    "project": ("p", "p"),
    "mode": ("shared", "shared"),
    "dir": ("/", "/"),
    "run_id": ("abc", "abc"),
    "name": ("a name", "a name"),
    "notes": ("words", "words"),
    "tags": ("a, b,", ("a", "b")),
    "group": ("g", "g"),
    "job_type": ("train", "train"),
    "sweep_id": ("s", "s"),
    "trial": ("3:1", "3:1"),
    "agent_max_initial_failures": ("7", 7),
    "resume": ("True", "auto"),
    "resume_from": ("abc?_step=1", "abc?_step=1"),
    "fork_from": ("abc?_step=1", "abc?_step=1"),
    "reinit": ("create_new", "create_new"),
    "artifact_dir": ("out", "out"),
    "cache_dir": ("/scratch/cache", "/scratch/cache"),
    "cache_size": ("20 GiB", 20 * 1024**3),
    "console": ("wrap", "wrap"),
    "code_dir": ("src", "src"),
    "x_stats_sampling_interval": ("0.5", 0.5),
    "x_label": ("rank-1", "rank-1"),
}


@pytest.mark.parametrize(
    ("field", "variable"), [(field, name) for field, names in ENVIRONMENT.items() for name in names]
)
def test_every_setting_can_be_given_by_each_of_its_variables(
    field: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, value = SAMPLES.get(field, ("on", True))
    monkeypatch.setenv(variable, text)
    assert getattr(load_settings(), field) == value
    assert setting_sources()[field] == f"environment {variable}"
    monkeypatch.setenv(variable, "")
    assert field not in setting_sources()


def test_our_variable_counts_more_than_theirs_and_an_argument_more_than_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    assert load_settings().project == "theirs"
    monkeypatch.setenv("FOREBEAR_PROJECT", "ours")
    assert load_settings().project == "ours"
    assert load_settings({"project": "mine"}).project == "mine"
    assert load_settings(Settings(project="mine")).project == "mine"
    assert load_settings(Settings(entity="e")).project == "ours", "a default of Settings is nothing that was said"
    assert load_settings({"project": None}).project == "ours"


def test_files_stand_behind_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = home / ".config" / "forebear" / "config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('project = "of-user"\nentity = "of-user"\nx_stats_sampling_interval = 3\n')
    Path("pyproject.toml").write_text('[tool.forebear]\nproject = "of-project"\nstore = "st"\n')
    settings = load_settings()
    assert (settings.project, settings.entity, settings.x_stats_sampling_interval) == ("of-project", "of-user", 3.0)
    assert settings.store == str(Path("st").resolve())
    monkeypatch.setenv("WANDB_ENTITY", "of-environment")
    assert load_settings().entity == "of-environment"
    Path("pyproject.toml").write_text('[tool.forebear]\nrun_id = "x"\n')
    with pytest.raises(InvalidInput, match="unknown setting 'run_id'"):
        load_settings()


def test_another_folder_may_count_instead_of_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x" / ".forebear").mkdir(parents=True)
    (tmp_path / "x" / "y").mkdir()
    store = str(tmp_path / "x" / ".forebear")
    assert load_settings({"dir": tmp_path / "x" / "y"}).store == store
    assert load_settings(Settings(dir=str(tmp_path / "x" / "y"))).store == store
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "x"))
    assert load_settings().store == store
    assert load_settings(cwd=tmp_path).store != store


def test_names_of_w_and_b_mean_the_same() -> None:
    settings = Settings(
        run_name="n", run_group="g", run_tags=["a"], run_job_type="j", _disable_stats=True, run_notes="w"
    )
    assert (settings.name, settings.group, settings.tags, settings.job_type) == ("n", "g", ("a",), "j")
    assert (settings.x_disable_stats, settings.notes) == (True, "w")
    assert (settings.run_name, settings.run_group, settings.run_tags) == ("n", "g", ("a",))
    assert Settings(run_id="i").run_id == "i"


def test_settings_that_mean_nothing_are_taken_and_named_and_others_are_refused() -> None:
    settings = load_settings(Settings(base_url="https://x", start_method="thread", x_executable="/bin/x", project="p"))
    assert settings.ignored == ("base_url", "start_method", "x_executable")
    assert (settings.project, settings.base_url) == ("p", None)
    with pytest.raises(InvalidInput, match="unknown setting 'colour'"):
        Settings(colour="red")
    with pytest.raises(AttributeError, match="no setting 'colour'"):
        _ = settings.colour


def test_a_setting_can_be_changed_and_is_checked() -> None:
    settings = Settings(project="p")
    settings.project = "q"
    settings.run_group = "g"
    assert settings.given() == {"project": "q", "group": "g"}
    assert settings == Settings(project="q", group="g")
    assert settings != Settings(project="q")
    assert settings.to_dict()["console"] == "auto"
    assert repr(settings) == "Settings(group='g', project='q')"
    with pytest.raises(InvalidInput):
        settings.mode = "fast"
    assert settings.mode == "online"


@pytest.mark.parametrize(
    "bad",
    [
        {"mode": "fast"},
        {"resume": "maybe"},
        {"console": "loud"},
        {"x_stats_sampling_interval": "often"},
        {"tags": 5},
        {"entity": "a/b"},
        {"run_id": "a b"},
        {"silent": "perhaps?", "x_primary": 3.5},
    ],
    ids=str,
)
def test_what_has_the_wrong_form_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Settings(**bad)


@pytest.mark.parametrize(
    ("given", "meant"),
    [(True, "auto"), (False, "never"), ("allow", "allow"), ("MUST", "must"), ("1", "auto"), ("false", "never")],
)
def test_resume_takes_booleans(given: Any, meant: str) -> None:
    assert Settings(resume=given).resume == meant


def test_old_words_for_modes_and_consoles_are_known() -> None:
    assert (Settings(mode="dryrun").mode, Settings(mode="run").mode) == ("offline", "online")
    assert Settings(console=False).console == "off"
    assert (Settings(reinit="true").reinit, Settings(reinit=False).reinit) == (True, False)


def test_files_that_are_no_toml_are_named(home: Path) -> None:
    Path(".forebear").mkdir()
    Path(".forebear/config.toml").write_text('project = "of-store"\n')
    assert load_settings().project == "of-store"
    assert setting_sources()["project"].endswith("config.toml")
    Path(".forebear/config.toml").write_text("project = \n")
    with pytest.raises(InvalidInput, match=r"config\.toml is not valid TOML"):
        load_settings()


def test_a_setting_without_meaning_can_be_set_later() -> None:
    settings = Settings()
    settings.base_url = "https://x"
    assert settings.ignored == ("base_url",)
    assert settings.given() == {}
