"""`CustomChart`: a table, and how it is drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from forebear.errors import InvalidInput, NotFound
from forebear.media.base import Keep, Media, Read, file_json
from forebear.media.table import Table
from forebear.plot.pictures import MIME, Picture
from forebear.plot.presets import preset_named
from forebear.plot.template import filled


class CustomChart(Media):
    """A table, which of its columns are drawn, and how: by a preset, or by a Vega-Lite specification of your own."""

    kind = "custom-chart"

    def __init__(
        self,
        id: str,
        data: Table,
        fields: Mapping[str, Any],
        string_fields: Mapping[str, Any] | None = None,
        split_table: bool = False,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe a chart.

        Args:
            id: Name of the preset, such as ``"forebear/line"``, or a name of your own with ``template``.
            data: What is drawn.
            fields: Column of ``data`` for each part of the chart, such as ``{"x": "epoch", "y": "loss"}``.
            string_fields: Texts in the chart, such as ``{"title": "Loss"}``.
            split_table: Log the table into a section of its own.
            template: A Vega-Lite specification without data, in which ``${field:x}`` stands for the column of ``x``
                and ``${string:title}`` for a text.

        Raises:
            NotFound: there is no such preset or column.
            InvalidInput: a part of the preset has no column, or one that it cannot draw.
        """
        if not isinstance(data, Table):
            raise InvalidInput(f"a chart draws a forebear.Table, not a {type(data).__name__}", code="chart-table")
        self.id = id
        self.table = data
        self.fields = dict(fields)
        self.string_fields = {name: str(text) for name, text in (string_fields or {}).items() if text is not None}
        self.split_table = bool(split_table)
        self.template = dict(template) if template is not None else None
        for column in self.fields.values():
            self.table.get_column(column)
        if self.template is None:
            preset_named(id).check(self.table, self.fields)

    def spec(self) -> dict[str, Any]:
        """Return the complete Vega-Lite specification with its data: at most 10,000 points, and a note if it has more.

        Cost: one pass over the columns that are drawn.
        """
        if self.template is not None:
            return filled(self.template, self.table, self.fields, self.string_fields)
        return preset_named(self.id).spec(self.table, self.fields, self.string_fields)

    def to_svg(self) -> str:
        """Return the chart as an SVG picture.

        Raises:
            Unsupported: the package vl-convert-python is not installed.
        """
        return Picture(self.spec()).to_svg()

    def to_png(self, scale: float = 2.0) -> bytes:
        """Return the chart as a PNG picture.

        Args:
            scale: Pixels for each unit of the chart; 2 is sharp on a dense screen.

        Raises:
            Unsupported: the package vl-convert-python is not installed.
        """
        return Picture(self.spec()).to_png(scale)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the chart to a file: ``.svg`` or ``.png``, ``.html``, or its specification as ``.json``.

        Raises:
            InvalidInput: the path ends in something else.
        """
        Picture(self.spec()).save(path)

    def table_key(self, key: str) -> str:
        """Return the key under which the table is logged when the chart is logged under ``key``."""
        return f"Custom Chart Tables/{key}_table" if self.split_table else f"{key}_table"

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return the chart, after handing its table and its specification to ``keep``."""
        return self.described(keep, self.table.to_json(keep))

    def described(self, keep: Keep, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the chart, its table kept as ``table`` already, after handing its specification to ``keep``."""
        kept = keep(msgspec.json.encode(self.spec()), "charts", ".vl.json")
        value = file_json(self.kind, kept) | {
            "id": self.id,
            "table": dict(table),
            "fields": self.fields,
            "string_fields": self.string_fields,
            "split_table": self.split_table,
        }
        return value if self.template is None else value | {"template": self.template}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the chart that `to_json` kept."""
        return cls(
            value["id"],
            Table.from_json(value["table"], read),
            value["fields"],
            value["string_fields"],
            value["split_table"],
            value.get("template"),
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {MIME: self.spec(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        drawn = ", ".join(f"{name}={column!r}" for name, column in self.fields.items())
        return f"CustomChart({self.id!r}, {len(self.table)} rows, {drawn})"


def plot_table(
    vega_spec_name: str | Mapping[str, Any],
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of a table by a preset or by a Vega-Lite specification.

    Args:
        vega_spec_name: Name of a preset, a specification as a mapping, or the path of a JSON file that holds one.
        data_table: What is drawn.
        fields: Column for each ``${field:…}`` of the specification.
        string_fields: Text for each ``${string:…}``.
        split_table: Log the table into a section of its own.

    Raises:
        NotFound: there is no such preset, file or column.
        InvalidInput: the file holds no specification.
    """
    if isinstance(vega_spec_name, Mapping):
        return CustomChart("custom", data_table, fields, string_fields, split_table, vega_spec_name)
    name = os.fspath(vega_spec_name)
    if not name.endswith(".json"):
        return CustomChart(name, data_table, fields, string_fields, split_table)
    try:
        template = msgspec.json.decode(Path(name).read_bytes())
    except OSError as err:
        raise NotFound(f"the specification {name!r} cannot be read: {err.strerror}", code="no-spec") from err
    except msgspec.DecodeError as err:
        raise InvalidInput(f"{name!r} holds no Vega-Lite specification: {err}", code="chart-spec") from err
    if not isinstance(template, dict):
        raise InvalidInput(f"{name!r} holds no Vega-Lite specification, which is a JSON object", code="chart-spec")
    return CustomChart(Path(name).stem, data_table, fields, string_fields, split_table, template)


def visualize(id: str, value: Table) -> CustomChart:
    """Return a chart of a table whose columns have the names that the preset ``id`` asks for."""
    preset = preset_named(id)
    fields = {name: name for name in (*preset.needs, *preset.takes) if name in value.columns}
    return CustomChart(id, value, fields)
