"""Vega-Lite specifications of people's own, with places for columns and texts.

``${field:x}`` stands for the column that the chart has for ``x``, ``${string:title}`` for a text, and
``${string:title:Loss}`` for a text with a default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput
from forebear.plot.data import rows_of, type_of
from forebear.plot.sampling import drawn, sample_note
from forebear.plot.style import CONFIG, FRAME

if TYPE_CHECKING:
    from forebear.media.table import Table

_PLACE = re.compile(r"\$\{(field|string):([^}:]+)(?::([^}]*))?\}")
#: Characters with a meaning in the name of a field.
_SPECIAL = re.compile(r"([.\[\]\\'\"])")


def filled(
    template: Mapping[str, Any], table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]
) -> dict[str, Any]:
    """Return the complete specification: places filled, data in it (at most 10,000 rows, drawn at random).

    Raises:
        InvalidInput: a place has no column or text.
    """
    body: dict[str, Any] = _fill(dict(template), fields, strings)
    columns = {str(column): column for column in (fields.values() or table.columns)}
    for column in columns.values():
        type_of(table, column)
    rows = rows_of(table, columns)
    shown = drawn(rows)
    named = body.get("data")
    name = named.get("name", "table") if isinstance(named, dict) else "table"
    spec: dict[str, Any] = FRAME | {"config": CONFIG} | body | {"data": {"name": name}}
    spec["datasets"] = {**body.get("datasets", {}), name: shown}
    return spec | _noted(spec, sample_note(len(shown), len(rows), "rows, drawn at random"))


def _noted(spec: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    if not notes:
        return {}
    title = spec.get("title", " ")
    title = title if isinstance(title, dict) else {"text": title}
    before = title.get("subtitle", [])
    return {"title": title | {"subtitle": ([before] if isinstance(before, str) else list(before)) + notes}}


def _fill(part: Any, fields: Mapping[str, Any], strings: Mapping[str, str], key: str = "") -> Any:
    if isinstance(part, Mapping):
        return {_fill(name, fields, strings): _fill(value, fields, strings, name) for name, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_fill(item, fields, strings, key) for item in part]
    if not isinstance(part, str) or "${" not in part:
        return part

    def put(place: re.Match[str]) -> str:
        kind, name, default = place.groups()
        if kind == "field" and name in fields:
            # The name of a field is a path into the row; elsewhere, as in a title, it is text.
            return _SPECIAL.sub(r"\\\1", str(fields[name])) if key == "field" else str(fields[name])
        if kind == "string" and (name in strings or default is not None):
            return strings.get(name, default or "")
        given = list(fields if kind == "field" else strings)
        raise InvalidInput(
            f"the specification has a place {place[0]}, but the {kind}s given are {given}", code="chart-spec"
        )

    return _PLACE.sub(put, part)
