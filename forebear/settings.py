"""Settings: the only module that reads the environment and the configuration files.

Precedence: argument > environment (``FOREBEAR_*``, then the ``WANDB_*`` name of the same meaning) > project file
(``.forebear/config.toml`` upward, else ``[tool.forebear]`` of the nearest ``pyproject.toml``) > user file
(``~/.config/forebear/config.toml``) > default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from forebear.errors import InvalidInput
from forebear.names import check_run_id, check_scope_name

STORE_FOLDER = ".forebear"
DEFAULT_ENTITY = "local"
DEFAULT_PROJECT = "uncategorized"
#: ``shared`` and ``online`` are accepted for scripts written for a server; a local store treats both as ``offline``.
MODES = ("online", "offline", "disabled", "shared")

#: field → environment names, the first that is set wins.
ENVIRONMENT = {
    "store": ("FOREBEAR_STORE",),
    "entity": ("FOREBEAR_ENTITY", "WANDB_ENTITY"),
    "project": ("FOREBEAR_PROJECT", "WANDB_PROJECT"),
    "mode": ("FOREBEAR_MODE", "WANDB_MODE"),
    "run_id": ("FOREBEAR_RUN_ID", "WANDB_RUN_ID"),
    "name": ("FOREBEAR_NAME", "WANDB_NAME"),
    "notes": ("FOREBEAR_NOTES", "WANDB_NOTES"),
    "tags": ("FOREBEAR_TAGS", "WANDB_TAGS"),
    "group": ("FOREBEAR_RUN_GROUP", "WANDB_RUN_GROUP"),
    "job_type": ("FOREBEAR_JOB_TYPE", "WANDB_JOB_TYPE"),
    "artifact_dir": ("FOREBEAR_ARTIFACT_DIR", "WANDB_ARTIFACT_DIR"),
    "silent": ("FOREBEAR_SILENT", "WANDB_SILENT"),
}
_ENVIRONMENT_WORD = "environment"
_FILE_FIELDS = ("store", "entity", "project", "mode", "artifact_dir", "silent")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What was settled for one run or one command.

    Attributes:
        store: URL or folder of the store.
        artifact_dir: Folder below which artifacts are downloaded by default.
    """

    store: str
    entity: str = DEFAULT_ENTITY
    project: str = DEFAULT_PROJECT
    mode: str = "offline"
    run_id: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    job_type: str | None = None
    artifact_dir: str = "artifacts"
    silent: bool = False


def load_settings(overrides: Mapping[str, Any] | None = None, *, cwd: Path | None = None) -> Settings:
    """Return the settings in force below ``cwd``; ``overrides`` that are ``None`` do not count.

    Raises:
        InvalidInput: a value has the wrong form; the message says where it was found.
    """
    folder = Path.cwd() if cwd is None else cwd
    found: dict[str, Any] = {}
    for _, values in _sources(overrides, folder):
        found |= values
    unknown = sorted(set(found) - set(Settings.__struct_fields__))
    if unknown:
        raise InvalidInput(
            f"unknown setting {unknown[0]!r}; there are {', '.join(Settings.__struct_fields__)}", code="unknown-setting"
        )
    if "store" not in found:
        found["store"] = str(_default_store(folder))
    return _checked(found)


def setting_sources(overrides: Mapping[str, Any] | None = None, *, cwd: Path | None = None) -> dict[str, str]:
    """Return where each setting in force below ``cwd`` was found, in words; one that is not listed is a default."""
    found: dict[str, str] = {}
    for source, values in _sources(overrides, Path.cwd() if cwd is None else cwd):
        for field in values:
            name = next((name for name in ENVIRONMENT.get(field, ()) if os.environ.get(name)), "")
            found[field] = f"{source} {name}" if source == _ENVIRONMENT_WORD else source
    return found


def _sources(overrides: Mapping[str, Any] | None, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the places where settings are found, those that count least first, and what each says."""
    user, project = _user_file(), _project_file(folder)
    return [
        (str(user), _read_table(user, ()) if user.is_file() else {}),
        project,
        (_ENVIRONMENT_WORD, _from_environment()),
        ("option", {key: value for key, value in (overrides or {}).items() if value is not None}),
    ]


def _checked(found: dict[str, Any]) -> Settings:
    if isinstance(found.get("tags"), str):
        found["tags"] = tuple(tag.strip() for tag in found["tags"].split(",") if tag.strip())
    if isinstance(found.get("silent"), str):
        found["silent"] = found["silent"].strip().lower() in {"1", "true", "yes", "on"}
    try:
        settings = msgspec.convert(found, Settings)
    except msgspec.ValidationError as err:
        raise InvalidInput(f"settings: {err}", code="invalid-setting") from err
    check_scope_name("entity", settings.entity)
    check_scope_name("project", settings.project)
    if settings.run_id is not None:
        check_run_id(settings.run_id)
    if settings.mode not in MODES:
        raise InvalidInput(f"mode {settings.mode!r} is unknown; there are {', '.join(MODES)}", code="invalid-setting")
    return settings


def _from_environment() -> dict[str, Any]:
    found = {}
    for field, names in ENVIRONMENT.items():
        value = next((os.environ[name] for name in names if os.environ.get(name)), None)
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
