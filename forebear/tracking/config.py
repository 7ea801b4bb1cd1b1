"""The settings of a run: a dictionary whose keys are also attributes, kept as they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from forebear.artifacts.metadata import normal_metadata


class Config(MutableMapping[str, Any]):
    """Settings by name. Every change is told to the run, which writes them down."""

    def __init__(self, values: Mapping[str, Any], changed: Callable[[], None]) -> None:
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_changed", changed)

    _values: dict[str, Any]
    _changed: Callable[[], None]

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._merge({key: value})

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            raise AttributeError(f"the config has no {key!r}; it has {', '.join(self._values) or 'nothing'}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def update(self, *values: Any, **named: Any) -> None:
        """Take in several settings at once."""
        self._merge(dict(*values, **named))

    def setdefaults(self, values: Mapping[str, Any]) -> None:
        """Take in the settings that are not there yet."""
        self._merge({key: value for key, value in values.items() if key not in self._values})

    def as_dict(self) -> dict[str, Any]:
        """Return a plain copy."""
        return dict(self._values)

    def _merge(self, values: Mapping[str, Any]) -> None:
        normal = normal_metadata(values)
        if normal:
            self._values.update(normal)
            self._changed()

    def __repr__(self) -> str:
        return repr(self._values)
