"""Settings: the only module that reads the environment and the configuration files.

Precedence: argument > environment (``FOREBEAR_*``, then the ``WANDB_*`` name of the same meaning) > project file
(``.forebear/config.toml`` upward, else ``[tool.forebear]`` of the nearest ``pyproject.toml``) > user file
(``~/.config/forebear/config.toml``) > default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

import msgspec

from forebear.errors import InvalidInput
from forebear.names import check_run_id, check_scope_name

STORE_FOLDER = ".forebear"
#: Folder in it of the store that has runs which are to be sent to a store elsewhere.
OFFLINE_FOLDER = "offline"
DEFAULT_ENTITY = "local"
DEFAULT_PROJECT = "uncategorized"
#: For a store of this machine ``online`` and ``offline`` mean the same.
MODES = ("online", "offline", "disabled", "shared")
#: What ``resume`` may be.
RESUMES = ("allow", "must", "never", "auto")
#: What ``console`` may be; all but ``off`` take down what the process prints.
CONSOLES = ("auto", "wrap", "redirect", "off")

#: field → environment names, the first that is set wins.
ENVIRONMENT = {
    "store": ("FOREBEAR_STORE",),
    "entity": ("FOREBEAR_ENTITY", "WANDB_ENTITY"),
    "project": ("FOREBEAR_PROJECT", "WANDB_PROJECT"),
    "mode": ("FOREBEAR_MODE", "WANDB_MODE"),
    "dir": ("FOREBEAR_DIR", "WANDB_DIR"),
    "run_id": ("FOREBEAR_RUN_ID", "WANDB_RUN_ID"),
    "name": ("FOREBEAR_NAME", "WANDB_NAME"),
    "notes": ("FOREBEAR_NOTES", "WANDB_NOTES"),
    "tags": ("FOREBEAR_TAGS", "WANDB_TAGS"),
    "group": ("FOREBEAR_RUN_GROUP", "WANDB_RUN_GROUP"),
    "job_type": ("FOREBEAR_JOB_TYPE", "WANDB_JOB_TYPE"),
    "sweep_id": ("FOREBEAR_SWEEP_ID", "WANDB_SWEEP_ID"),
    "trial": ("FOREBEAR_TRIAL",),
    "agent_disable_flapping": ("FOREBEAR_AGENT_DISABLE_FLAPPING", "WANDB_AGENT_DISABLE_FLAPPING"),
    "agent_max_initial_failures": ("FOREBEAR_AGENT_MAX_INITIAL_FAILURES", "WANDB_AGENT_MAX_INITIAL_FAILURES"),
    "resume": ("FOREBEAR_RESUME", "WANDB_RESUME"),
    "resume_from": ("FOREBEAR_RESUME_FROM", "WANDB_RESUME_FROM"),
    "fork_from": ("FOREBEAR_FORK_FROM", "WANDB_FORK_FROM"),
    "reinit": ("FOREBEAR_REINIT", "WANDB_REINIT"),
    "allow_val_change": ("FOREBEAR_ALLOW_VAL_CHANGE", "WANDB_ALLOW_VAL_CHANGE"),
    "strict_step": ("FOREBEAR_STRICT_STEP",),
    "artifact_dir": ("FOREBEAR_ARTIFACT_DIR", "WANDB_ARTIFACT_DIR"),
    "cache_dir": ("FOREBEAR_CACHE_DIR", "WANDB_CACHE_DIR"),
    "cache_size": ("FOREBEAR_CACHE_SIZE",),
    "gc": ("FOREBEAR_GC",),
    "silent": ("FOREBEAR_SILENT", "WANDB_SILENT"),
    "quiet": ("FOREBEAR_QUIET", "WANDB_QUIET"),
    "console": ("FOREBEAR_CONSOLE", "WANDB_CONSOLE"),
    "save_code": ("FOREBEAR_SAVE_CODE", "WANDB_SAVE_CODE"),
    "code_dir": ("FOREBEAR_CODE_DIR", "WANDB_CODE_DIR"),
    "sync_tensorboard": ("FOREBEAR_SYNC_TENSORBOARD", "WANDB_SYNC_TENSORBOARD"),
    "disable_git": ("FOREBEAR_DISABLE_GIT", "WANDB_DISABLE_GIT"),
    "disable_code": ("FOREBEAR_DISABLE_CODE", "WANDB_DISABLE_CODE"),
    "x_disable_stats": ("FOREBEAR_DISABLE_STATS", "WANDB_X_DISABLE_STATS", "WANDB__DISABLE_STATS"),
    "x_stats_sampling_interval": ("FOREBEAR_STATS_SAMPLING_INTERVAL", "WANDB_X_STATS_SAMPLING_INTERVAL"),
    "x_disable_meta": ("FOREBEAR_DISABLE_META", "WANDB_X_DISABLE_META", "WANDB__DISABLE_META"),
    "x_disable_machine_info": ("FOREBEAR_DISABLE_MACHINE_INFO", "WANDB_X_DISABLE_MACHINE_INFO"),
    "x_save_requirements": ("FOREBEAR_SAVE_REQUIREMENTS", "WANDB_X_SAVE_REQUIREMENTS"),
    "x_label": ("FOREBEAR_LABEL", "WANDB_X_LABEL"),
    "x_primary": ("FOREBEAR_PRIMARY", "WANDB_X_PRIMARY"),
    "x_update_finish_state": ("FOREBEAR_UPDATE_FINISH_STATE", "WANDB_X_UPDATE_FINISH_STATE"),
}
_ENVIRONMENT_WORD = "environment"
_FILE_FIELDS = (
    "store", "entity", "project", "mode", "artifact_dir", "cache_dir", "cache_size", "gc", "silent", "quiet", "console",
    "save_code", "disable_git", "disable_code", "x_disable_stats", "x_stats_sampling_interval", "x_disable_meta",
    "x_disable_machine_info", "x_save_requirements",
)  # fmt: skip
#: Other names of fields: those of W&B's settings, today's and older ones.
_SYNONYMS = {
    "id": "run_id",
    "run_name": "name",
    "run_notes": "notes",
    "run_tags": "tags",
    "run_group": "group",
    "run_job_type": "job_type",
    "x_files_dir": "dir",
    "_disable_stats": "x_disable_stats",
    "_stats_sampling_interval": "x_stats_sampling_interval",
    "_stats_sample_rate_seconds": "x_stats_sampling_interval",
    "_disable_meta": "x_disable_meta",
    "_disable_machine_info": "x_disable_machine_info",
    "_save_requirements": "x_save_requirements",
}
#: Settings of W&B that mean nothing for a store without a server; they are taken, so that scripts run as they are.
_WITHOUT_MEANING = frozenset(
    {
        "anonymous", "api_key", "base_url", "app_url_override", "azure_account_url_to_access_key", "capture_loggers",
        "colab_url", "config_paths", "console_chunk_max_bytes", "console_chunk_max_seconds", "console_multipart",
        "credentials_file", "deployment", "disable_job_creation", "docker", "email", "files_dir", "finish_timeout",
        "finish_timeout_raises", "force", "git_commit", "git_remote", "git_remote_url", "git_root", "heartbeat_seconds",
        "host", "http_proxy", "https_proxy", "identity_token_file", "ignore_globs", "init_policy", "init_timeout",
        "insecure_disable_ssl", "job_name", "job_source", "label_disable", "launch", "launch_config_path",
        "login_timeout", "max_end_of_run_history_metrics", "max_end_of_run_summary_metrics", "monitor_gym",
        "organization", "problem", "program", "program_abspath", "program_relpath", "project_url", "relogin",
        "require", "resume_fname", "root_dir", "run_mode", "run_url", "save_files", "settings_system",
        "settings_workspace", "show_colors", "show_emoji", "show_errors", "show_info", "show_warnings", "stop_fn",
        "start_method", "start_time", "strict", "summary_errors", "summary_timeout", "summary_warnings",
        "sweep_param_path", "sweep_url", "symlink", "sync_dir", "sync_file", "sync_symlink_latest",
        "table_raise_on_max_row_limit_exceeded", "timespec", "username", "wandb_dir",
    }
)  # fmt: skip


class Settings:
    """What was settled for one run or one command.

    Made with the settings that somebody wants to differ; all others read as their defaults, and are looked up in the
    environment and in files when a run begins with it.

    Attributes:
        store: URL or folder of the store.
        entity: Person or team.
        project: Namespace of runs and artifacts.
        mode: One of `MODES`; ``offline`` keeps a run on this machine whose store is elsewhere, until ``forebear sync``.
        dir: Folder whose store and settings count, instead of the current one.
        run_id: Identity of the run in its project.
        sweep_id: Sweep that the run is a trial of.
        trial: ``number:attempt`` of the trial that this process was begun for by an agent.
        agent_disable_flapping: Let an agent go on whose first trials all fail at once.
        agent_max_initial_failures: Trials that may fail before the first that does not, until an agent gives up.
        resume: One of `RESUMES`; ``True`` means ``auto`` and ``False`` means ``never``.
        resume_from: ``id?_step=N``: go on with that run from there.
        fork_from: ``id?_step=N``: begin a run whose history goes on from there.
        strict_step: Refuse a step lower than the current one, instead of recording it.
        artifact_dir: Folder below which artifacts are downloaded by default.
        cache_dir: Folder of this machine for stores that are elsewhere: what is on its way there, and what was read.
        cache_size: Bytes of what was read that are kept for each such store.
        gc: Collect garbage now and then, at the end of a run.
        silent: Say nothing on standard error about runs.
        quiet: Say less.
        console: One of `CONSOLES`.
        save_code: Keep the code of the script that runs.
        code_dir: Folder whose code is kept.
        disable_git: Do not ask git about the code.
        disable_code: Keep nothing of the code.
        x_disable_stats: Do not measure the machine.
        x_stats_sampling_interval: Seconds between two measurements of the machine.
        x_disable_meta: Keep nothing about how the run was started.
        x_disable_machine_info: Keep nothing about the machine.
        x_save_requirements: Keep the list of installed packages.
        x_label: Name of this process among those that write to one run.
        x_primary: Whether this process is the one that the run belongs to.
        x_update_finish_state: Whether the end of this process is the end of a run that several write to.
    """

    store: str = ""
    entity: str = DEFAULT_ENTITY
    project: str = DEFAULT_PROJECT
    mode: str = "online"
    dir: str | None = None
    run_id: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    job_type: str | None = None
    sweep_id: str | None = None
    trial: str | None = None
    agent_disable_flapping: bool = False
    agent_max_initial_failures: int = 5
    resume: str | None = None
    resume_from: str | None = None
    fork_from: str | None = None
    reinit: str | bool | None = None
    allow_val_change: bool | None = None
    strict_step: bool = False
    artifact_dir: str = "artifacts"
    cache_dir: str | None = None
    cache_size: int = 10 * 1024**3
    gc: bool = True
    silent: bool = False
    quiet: bool = False
    console: str = "auto"
    save_code: bool = False
    code_dir: str | None = None
    sync_tensorboard: bool = False
    disable_git: bool = False
    disable_code: bool = False
    x_disable_stats: bool = False
    x_stats_sampling_interval: float = 15.0
    x_disable_meta: bool = False
    x_disable_machine_info: bool = False
    x_save_requirements: bool = True
    x_label: str | None = None
    x_primary: bool = True
    x_update_finish_state: bool = True

    #: Names of all settings.
    FIELDS: ClassVar[tuple[str, ...]] = tuple(ENVIRONMENT)

    def __init__(self, **given: Any) -> None:
        """Take in settings by name; those that are ``None`` do not count.

        Raises:
            InvalidInput: a name is unknown, or a value has the wrong form.
        """
        values, ignored = _by_field(given)
        vars(self).update(_checked(values), _ignored=ignored)

    _ignored: tuple[str, ...] = ()

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names that were given and mean nothing here, sorted."""
        return self._ignored

    def given(self) -> dict[str, Any]:
        """Return the settings that were given, without those that read as their defaults."""
        return {name: value for name, value in vars(self).items() if name != "_ignored"}

    def to_dict(self) -> dict[str, Any]:
        """Return all settings by name."""
        return {name: getattr(self, name) for name in self.FIELDS}

    def __getattr__(self, name: str) -> Any:
        if name in _SYNONYMS:
            return getattr(self, _SYNONYMS[name])
        if name in _WITHOUT_MEANING or (name.startswith("x_") and not name.startswith("__")):
            return None
        raise AttributeError(f"there is no setting {name!r}; there are {', '.join(self.FIELDS)}")

    def __setattr__(self, name: str, value: Any) -> None:
        values, ignored = _by_field({name: value})
        vars(self).update(_checked(values))
        if ignored:
            vars(self)["_ignored"] = tuple(sorted({*self._ignored, *ignored}))

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Settings) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in sorted(self.given().items()))})"


def load_settings(
    overrides: Mapping[str, Any] | Settings | None = None, *, cwd: Path | None = None, ignored: Iterable[str] = ()
) -> Settings:
    """Return the settings in force below ``cwd``; ``overrides`` that are ``None`` do not count.

    Args:
        cwd: Folder that counts as the current one; by default what ``dir`` says, else the current one.
        ignored: Names that were given elsewhere and mean nothing, for `Settings.ignored`.

    Raises:
        InvalidInput: a value has the wrong form; the message says where it was found.
    """
    found: dict[str, Any] = {}
    without_meaning = set(ignored)
    if isinstance(overrides, Settings):
        without_meaning |= set(overrides.ignored)
    folder = _folder(overrides, cwd)
    for _, values in _sources(overrides, folder):
        named, more = _by_field(values)
        found |= named
        without_meaning |= set(more)
    if "store" not in found:
        found["store"] = str(_default_store(folder))
    settings = Settings(**found)
    vars(settings)["_ignored"] = tuple(sorted(without_meaning))
    return settings


def setting_sources(overrides: Mapping[str, Any] | None = None, *, cwd: Path | None = None) -> dict[str, str]:
    """Return where each setting in force below ``cwd`` was found, in words; one that is not listed is a default."""
    found: dict[str, str] = {}
    for source, values in _sources(overrides, _folder(overrides, cwd)):
        for field in values:
            name = next((name for name in ENVIRONMENT.get(field, ()) if os.environ.get(name)), "")
            found[field] = f"{source} {name}" if source == _ENVIRONMENT_WORD else source
    return found


def cache_folder(settings: Settings) -> Path:
    """Return the folder for what this machine keeps of stores that are elsewhere. Nothing is made."""
    if settings.cache_dir is not None:
        return Path(settings.cache_dir).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "forebear"


def offline_folder(settings: Settings) -> Path:
    """Return the folder of the store for runs that are to be sent to a store elsewhere. Nothing is made."""
    return _default_store(_folder(settings, None)) / OFFLINE_FOLDER


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of this process for one that it begins, with ``more`` in it."""
    return {**os.environ, **(more or {})}


def _folder(overrides: Mapping[str, Any] | Settings | None, cwd: Path | None) -> Path:
    if cwd is not None:
        return cwd
    given = overrides.given() if isinstance(overrides, Settings) else dict(overrides or {})
    named = given.get("dir") or _from_environment(("dir",)).get("dir")
    return Path(named).expanduser().absolute() if named else Path.cwd()


def _sources(overrides: Mapping[str, Any] | Settings | None, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the places where settings are found, those that count least first, and what each says."""
    user, project = _user_file(), _project_file(folder)
    given = overrides.given() if isinstance(overrides, Settings) else overrides or {}
    return [
        (str(user), _read_table(user, ()) if user.is_file() else {}),
        project,
        (_ENVIRONMENT_WORD, _from_environment()),
        ("option", {key: value for key, value in given.items() if value is not None}),
    ]


def _by_field(given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what was given by the names of fields, and the names that mean nothing here."""
    found: dict[str, Any] = {}
    ignored = []
    for key, value in given.items():
        field = _SYNONYMS.get(key, key)
        if field in ENVIRONMENT:
            if value is not None:
                found[field] = value
        elif field in _WITHOUT_MEANING or field.startswith(("x_", "_")):
            ignored.append(key)
        else:
            raise InvalidInput(
                f"unknown setting {key!r}; there are {', '.join(Settings.FIELDS)}", code="unknown-setting"
            )
    return found, tuple(sorted(ignored))


def _checked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in their own types; only those that were found."""
    values = {field: _READERS[field](value) if field in _READERS else value for field, value in found.items()}
    try:
        form = msgspec.convert(values, _form(), strict=False)
    except msgspec.ValidationError as err:
        raise InvalidInput(f"settings: {err}", code="invalid-setting") from err
    checked = {field: getattr(form, field) for field in values}
    for field in ("entity", "project"):
        if field in checked:
            check_scope_name(field, checked[field])
    if checked.get("run_id") is not None:
        check_run_id(checked["run_id"])
    for field, allowed in (("mode", MODES), ("resume", RESUMES), ("console", CONSOLES)):
        if checked.get(field) is not None and checked[field] not in allowed:
            raise InvalidInput(
                f"{field} {checked[field]!r} is unknown; there are {', '.join(allowed)}", code="invalid-setting"
            )
    return checked


_forms: list[Any] = []


def _form() -> Any:
    """The types of the settings, as one record to convert to. Made once, because the annotations are text."""
    if not _forms:
        hints = get_type_hints(Settings)
        fields = [(name, hints[name], getattr(Settings, name)) for name in Settings.FIELDS]
        _forms.append(msgspec.defstruct("Settings", fields, kw_only=True))
    return _forms[0]


def _flag(value: Any) -> Any:
    """Read what a variable says as yes or no."""
    return value.strip().lower() in {"1", "true", "yes", "on"} if isinstance(value, str) else value


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _resume(value: Any) -> Any:
    text = str(value).strip().lower()
    return {"true": "auto", "1": "auto", "false": "never", "0": "never"}.get(text, text)


def _reinit(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)


def _console(value: Any) -> Any:
    if value is False:
        return "off"
    return {"wrap_raw": "wrap", "wrap_emu": "wrap", "iowrap": "wrap"}.get(value, value)


def _bytes(value: Any) -> Any:
    """Read a number of bytes, which may have a unit."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([kMGT]?)(i?)B?\s*", value) if isinstance(value, str) else None
    if found is None:
        return value
    power = " kMGT".index(found[2] or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def _mode(value: Any) -> Any:
    # The first names that W&B had for two of its modes.
    return {"dryrun": "offline", "run": "online"}.get(value, value) if isinstance(value, str) else value


_FLAGS = (
    "agent_disable_flapping", "allow_val_change", "strict_step", "silent", "quiet", "save_code", "sync_tensorboard",
    "disable_git", "disable_code", "x_disable_stats", "x_disable_meta", "x_disable_machine_info",
    "x_save_requirements", "x_primary", "x_update_finish_state", "gc",
)  # fmt: skip
_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_FLAGS, _flag),
    "tags": _words,
    "resume": _resume,
    "reinit": _reinit,
    "mode": _mode,
    "store": os.fspath,
    "dir": os.fspath,
    "cache_dir": os.fspath,
    "cache_size": _bytes,
    "console": _console,
}


def _from_environment(fields: Iterable[str] = tuple(ENVIRONMENT)) -> dict[str, Any]:
    found = {}
    for field in fields:
        value = next((os.environ[name] for name in ENVIRONMENT[field] if os.environ.get(name)), None)
        if value is not None:
            found[field] = value
    return found


def _default_store(folder: Path) -> Path:
    for parent in (folder, *folder.parents):
        candidate = parent / STORE_FOLDER
        if candidate.is_dir():
            return candidate
    return Path.home() / STORE_FOLDER


def _project_file(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the nearest file upward that has settings of the project, and what it says."""
    for parent in (folder, *folder.parents):
        config = parent / STORE_FOLDER / "config.toml"
        if config.is_file():
            return str(config), _read_table(config, ())
        project = parent / "pyproject.toml"
        if project.is_file():
            table = _read_table(project, ("tool", "forebear"))
            if table:
                return str(project), table
    return "", {}


def _user_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "forebear" / "config.toml"


def _read_table(file: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    if keys and f"[{'.'.join(keys)}]" not in text:
        return {}
    import tomllib  # 6 ms, and most folders have no such file

    try:
        table: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise InvalidInput(f"{file} is not valid TOML: {err}", code="invalid-setting") from err
    for key in keys:
        table = table.get(key, {})
    unknown = sorted(set(table) - set(_FILE_FIELDS))
    if unknown:
        raise InvalidInput(
            f"{file}: unknown setting {unknown[0]!r}; there are {', '.join(_FILE_FIELDS)}", code="unknown-setting"
        )
    if "store" in table and "://" not in table["store"]:
        # A relative store is relative to the file that names it, not to where a script happens to run.
        table["store"] = str((file.parent / table["store"]).resolve())
    found: dict[str, Any] = table
    return found
