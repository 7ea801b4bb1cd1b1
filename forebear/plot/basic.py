"""Charts of one table: lines, points, bars and histograms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput
from forebear.media.table import Table
from forebear.plot.custom_chart import CustomChart

if TYPE_CHECKING:
    from forebear.media.table_columns import Column


def line(
    table: Table, x: Column, y: Column, stroke: Column | None = None, title: str = "", split_table: bool = False
) -> CustomChart:
    """Return a line chart.

    Args:
        table: What is drawn.
        x: Column along the bottom: numbers, times or text.
        y: Column of numbers.
        stroke: Column whose values each get a line of their own.
        split_table: Log the table into a section of its own.

    Raises:
        NotFound: there is no such column.
        InvalidInput: a column cannot be drawn.
    """
    fields = {"x": x, "y": y} | ({"stroke": stroke} if stroke is not None else {})
    return CustomChart("forebear/line", table, fields, {"title": title}, split_table)


def scatter(table: Table, x: Column, y: Column, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a point for each row of a table; of more than 10,000 rows as many are drawn at random.

    Raises:
        NotFound: there is no such column.
        InvalidInput: a column cannot be drawn.
    """
    return CustomChart("forebear/scatter", table, {"x": x, "y": y}, {"title": title}, split_table)


def bar(table: Table, label: Column, value: Column, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a bar for each label, in the order of the table; several values of one label are added up.

    Raises:
        NotFound: there is no such column.
        InvalidInput: ``value`` holds no numbers.
    """
    return CustomChart("forebear/bar", table, {"label": label, "value": value}, {"title": title}, split_table)


def histogram(table: Table, value: Column, title: str = "", split_table: bool = False) -> CustomChart:
    """Return how many values of a column fall into each of about 30 bins of round width; all rows are counted.

    Raises:
        NotFound: there is no such column.
        InvalidInput: ``value`` holds no numbers.
    """
    return CustomChart("forebear/histogram", table, {"value": value}, {"title": title}, split_table)


def line_series(
    xs: Sequence[Any],
    ys: Sequence[Sequence[float]],
    keys: Sequence[Any] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Return several lines, given as lists.

    Args:
        xs: One list that all lines share, or a list of lists, one a line.
        ys: A list of numbers a line.
        keys: Name of each line; ``line_0``, ``line_1``, … without it.
        xname: Title of the axis along the bottom.
        split_table: Log the table into a section of its own.

    Raises:
        InvalidInput: there are not as many xs as ys, or keys as lines.
    """
    heights = [_values(y, f"ys[{number}]") for number, y in enumerate(_values(ys, "ys"))]
    across = _values(xs, "xs")
    shared = not any(_is_list(x) for x in across)
    places = [across] * len(heights) if shared else [_values(x, f"xs[{number}]") for number, x in enumerate(across)]
    names = [f"line_{number}" for number in range(len(heights))] if keys is None else list(keys)
    for found, what in ((places, "xs"), (names, "keys")):
        if len(found) != len(heights):
            raise InvalidInput(f"{what} has {len(found)} items for {len(heights)} lines in ys", code="chart-data")
    rows = []
    for number, (x_values, y_values, name) in enumerate(zip(places, heights, names, strict=True)):
        if len(x_values) != len(y_values):
            raise InvalidInput(
                f"line {number} ({name}) has {len(x_values)} xs and {len(y_values)} ys; give one x for each y",
                code="chart-data",
            )
        rows += [[x, str(name), y] for x, y in zip(x_values, y_values, strict=True)]
    table = Table(columns=["step", "lineKey", "lineVal"], data=rows)
    fields = {str(name): name for name in table.columns}
    return CustomChart("forebear/lineseries", table, fields, {"title": title, "xname": xname}, split_table)


def _values(given: Any, what: str) -> list[Any]:
    plain = given.tolist() if callable(getattr(given, "tolist", None)) else given
    if isinstance(plain, (str, bytes)) or not isinstance(plain, Iterable):
        raise InvalidInput(f"{what} is {plain!r:.60}; give a list", code="chart-data")
    return list(plain)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, range)) or bool(getattr(value, "shape", ()))
