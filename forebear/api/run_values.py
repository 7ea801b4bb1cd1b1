"""Config and summary of a recorded run as dictionaries that are changed and then kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class SummaryValues(dict[str, Any]):
    """The summary of a run; what is set in it is kept by `update`, or by the run's."""

    def __init__(self, values: Mapping[str, Any], save: Callable[[], None]) -> None:
        super().__init__(values)
        self._save = save

    @property
    def _json_dict(self) -> dict[str, Any]:
        """A plain copy, by the name under which scripts that export runs ask W&B for it."""
        return dict(self)

    def update(self, *args: Any, **values: Any) -> None:
        """Set values as `dict.update` does, and keep all that was set so far."""
        super().update(*args, **values)
        self._save()


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, keys joined by dots; empty dictionaries and lists are values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value and "_type" not in value:
            found |= flattened(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
