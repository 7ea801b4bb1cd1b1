"""The charts that forebear draws by name. The names of W&B's presets for the same charts are known too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.errors import InvalidInput, NotFound
from forebear.plot import curves, matrices, series
from forebear.plot.data import need_numbers, type_of

if TYPE_CHECKING:
    from forebear.media.table import Table

Draw = Callable[["Table", Mapping[str, Any], Mapping[str, str]], dict[str, Any]]


class Preset(NamedTuple):
    """A chart by name.

    Attributes:
        draw: Makes the specification from table, fields and texts.
        needs: Fields that it must have.
        takes: Fields that it may have.
        numbers: Fields that must be numbers.
    """

    draw: Draw
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def check(self, table: Table, fields: Mapping[str, Any]) -> None:
        """Raise what is wrong with the fields for this chart."""
        missing = [name for name in self.needs if name not in fields]
        unknown = [name for name in fields if name not in self.needs + self.takes]
        if missing or unknown:
            wanted = ", ".join((*self.needs, *(f"{name} (may be left out)" for name in self.takes)))
            raise InvalidInput(
                f"the chart needs the fields {wanted}; got {', '.join(fields) or 'none'}", code="chart-fields"
            )
        for name, column in fields.items():
            type_of(table, column)
            if name in self.numbers:
                need_numbers(table, column, f"{name} of the chart")

    def spec(self, table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
        """Return the complete specification."""
        self.check(table, fields)
        return self.draw(table, fields, strings)


PRESETS = {
    "line": Preset(series.line, ("x", "y"), ("stroke",), ("y",)),
    "scatter": Preset(series.scatter, ("x", "y")),
    "bar": Preset(matrices.bar, ("label", "value"), (), ("value",)),
    "histogram": Preset(matrices.histogram, ("value",), (), ("value",)),
    "lineseries": Preset(series.line_series, ("step", "lineKey", "lineVal"), (), ("lineVal",)),
    "area-under-curve": Preset(curves.area, ("x", "y", "class"), ("area",), ("x", "y", "area")),
    "confusion_matrix": Preset(
        matrices.confusion_matrix, ("Actual", "Predicted", "nPredictions"), (), ("nPredictions",)
    ),
}


def preset_named(name: str) -> Preset:
    """Return the preset of a name: ``forebear/line``, or ``wandb/line/v0``.

    Raises:
        NotFound: there is none.
    """
    owner, _, rest = str(name).partition("/")
    found = PRESETS.get(rest.partition("/")[0]) if owner in ("forebear", "wandb") else None
    if found is None:
        known = ", ".join(f"forebear/{preset}" for preset in PRESETS)
        raise NotFound(
            f"there is no chart {name!r}; there are {known}, and plot_table takes a Vega-Lite specification too",
            code="no-chart",
        )
    return found
