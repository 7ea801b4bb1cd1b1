"""From whatever people keep settings in to a plain dictionary, and from that to what a catalog can hold."""

from __future__ import annotations

import enum
import math
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from forebear.artifacts.artifact import Artifact
from forebear.errors import InvalidInput, Unsupported

#: File of the current folder whose values hold where `init` is told nothing else.
DEFAULTS_FILE = "config-defaults.yaml"
#: Deeper nesting is a circle.
MAX_DEPTH = 64
#: Integers that JSON readers and databases take for what they are.
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
#: Keys of a YAML file that say something about the file.
_NOT_SETTINGS = ("wandb_version", "_wandb")


def config_from(given: Any) -> dict[str, Any]:
    """Return the settings that something holds, as plain values; artifacts stay what they are.

    Args:
        given: A mapping, an argparse namespace, a dataclass, a model with ``model_dump``, flags of absl, the path of
            a YAML or JSON file, or ``None``.

    Raises:
        InvalidInput: it is none of them, a key is no text, or it is nested in a circle.
    """
    if given is None:
        return {}
    if isinstance(given, (str, os.PathLike)):
        return config_from(_read_file(Path(given)))
    found = _mapping_of(given)
    if found is None:
        raise InvalidInput(
            f"a config is a dictionary, a namespace, a dataclass or the path of a YAML file, not a "
            f"{type(given).__name__}",
            code="invalid-config",
        )
    for key in found:
        if not isinstance(key, str):
            raise InvalidInput(f"the config has the key {key!r}; keys are strings", code="invalid-config")
    return {str(key): _plain(value, key, 1) for key, value in found.items()}


def chosen(values: Mapping[str, Any], include: Iterable[str] | None, exclude: Iterable[str] | None) -> dict[str, Any]:
    """Return the values of ``include`` alone, or all but those of ``exclude``.

    Raises:
        InvalidInput: both were given.
    """
    if include and exclude:
        raise InvalidInput(
            "give config_include_keys or config_exclude_keys, not both: one of them says it all", code="invalid-config"
        )
    if include:
        wanted = set(include)
        return {key: value for key, value in values.items() if key in wanted}
    unwanted = set(exclude or ())
    return {key: value for key, value in values.items() if key not in unwanted}


def config_defaults(folder: Path) -> dict[str, Any]:
    """Return what `DEFAULTS_FILE` of a folder says; nothing where there is none."""
    file = folder / DEFAULTS_FILE
    return config_from(file) if file.is_file() else {}


def _mapping_of(given: Any) -> Mapping[Any, Any] | None:
    """Return what an object that stands for settings holds, or ``None`` if it is no such object."""
    if isinstance(given, Mapping):
        return given
    if isinstance(given, type):
        return None
    if hasattr(given, "__dataclass_fields__"):
        return {name: getattr(given, name) for name in given.__dataclass_fields__ if hasattr(given, name)}
    # pydantic, absl.flags, ml_collections: asked for by what they can do, so that nobody's package is imported.
    for method in ("model_dump", "flag_values_dict", "to_dict"):
        read = getattr(given, method, None)
        if callable(read):
            found = read()
            return found if isinstance(found, Mapping) else None
    if type(given).__name__ in {"Namespace", "SimpleNamespace"}:
        found = vars(given)
        return dict(found)
    return None


def _read_file(file: Path) -> Mapping[Any, Any]:
    try:
        import yaml  # 15 ms, only for settings in a file
    except ImportError as err:
        raise Unsupported(
            f"reading {file} needs PyYAML; install it with: pip install pyyaml", code="missing-package"
        ) from err
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as err:
        raise InvalidInput(
            f"a config that is a text names a YAML file; {file}: {err.strerror}", code="invalid-config"
        ) from err
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise InvalidInput(f"{file} is not valid YAML: {err}", code="invalid-config") from err
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidInput(f"{file} holds a {type(found).__name__}, not settings by name", code="invalid-config")
    return {key: _unwrapped(value) for key, value in found.items() if key not in _NOT_SETTINGS}


def _unwrapped(value: Any) -> Any:
    """A setting of a YAML file may come with words: ``{desc: …, value: …}``."""
    return (
        value["value"]
        if isinstance(value, dict) and "value" in value and not value.keys() - {"value", "desc"}
        else value
    )


def _plain(value: Any, where: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidInput(
            f"config {where!r} is nested more than {MAX_DEPTH} deep, or in a circle", code="invalid-config"
        )
    if value is None or type(value) in {bool, int, float, str} or isinstance(value, Artifact):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value, where, depth + 1)
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, where, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return [_plain(item, where, depth + 1) for item in sorted(value, key=repr)]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if hasattr(value, "dtype") and callable(getattr(value, "tolist", None)):
        return _plain(value.tolist(), where, depth + 1)
    found = _mapping_of(value)
    if found is not None:
        return {str(key): _plain(item, where, depth + 1) for key, item in found.items()}
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"{value.__module__}.{value.__qualname__}"
    # A device, a dtype, an optimizer: what it says of itself is better than a training that does not start.
    return str(value)


def storable(values: Mapping[str, Any], reference: Callable[[Artifact, str], Any]) -> dict[str, Any]:
    """Return plain settings as JSON can hold them: numbers that it has no form for become text.

    Args:
        reference: Says what stands for an artifact, given the key that it is at.
    """
    return {key: _stored(value, key, reference) for key, value in values.items()}


def _stored(value: Any, key: str, reference: Callable[[Artifact, str], Any]) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _stored(item, str(name), reference) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_stored(item, key, reference) for item in value]
    if isinstance(value, Artifact):
        return reference(value, key)
    if type(value) is float and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if type(value) is int and not _MIN_INT <= value <= _MAX_INT:
        return str(value)
    if type(value) is str:
        # Half a surrogate pair has no UTF-8, so no database would take it.
        return value.encode("utf-8", "replace").decode()
    return value
