"""Charts kept as data plus a Vega-Lite specification: `forebear.plot`.

Each function returns a `CustomChart` for `run.log`. Modules are imported when a name is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forebear.plot.basic import bar as bar
    from forebear.plot.basic import histogram as histogram
    from forebear.plot.basic import line as line
    from forebear.plot.basic import line_series as line_series
    from forebear.plot.basic import scatter as scatter
    from forebear.plot.classification import confusion_matrix as confusion_matrix
    from forebear.plot.classification import pr_curve as pr_curve
    from forebear.plot.classification import roc_curve as roc_curve
    from forebear.plot.custom_chart import CustomChart as CustomChart
    from forebear.plot.custom_chart import plot_table as plot_table
    from forebear.plot.custom_chart import visualize as visualize

#: Public name → the module that owns it.
_OWNERS = {
    "CustomChart": "custom_chart",
    "bar": "basic",
    "confusion_matrix": "classification",
    "histogram": "basic",
    "line": "basic",
    "line_series": "basic",
    "plot_table": "custom_chart",
    "pr_curve": "classification",
    "roc_curve": "classification",
    "scatter": "basic",
    "visualize": "custom_chart",
}

__all__ = [
    "CustomChart",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]


def __getattr__(name: str) -> Any:
    if name in _OWNERS:
        value = getattr(import_module(f"forebear.plot.{_OWNERS[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'forebear.plot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
