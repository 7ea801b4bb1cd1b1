"""What people log as it is: pictures, figures, frames and arrays become media values, recognised without imports."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from forebear.media.arrays import is_array, size_of
from forebear.media.base import Media

if TYPE_CHECKING:
    from collections.abc import Callable

#: Types of these packages alone are looked at further: each comes with what `_MAKERS` says.
_ARRAYS = ("numpy", "torch", "jax", "jaxlib", "tensorflow", "cupy", "mxnet")
_FRAMES = ("pandas", "polars", "pyarrow")
_SIMPLE = frozenset({str, int, float, bool, type(None), dict})


def media_of(value: Any) -> Media | None:
    """Return ``value`` as a media value, or ``None`` when it is none.

    Recognised are PIL images and matplotlib figures, axes and ``pyplot`` itself (`Image`), figures of plotly and bokeh,
    data frames of pandas, polars and Arrow (`Table`), arrays and tensors of more than one number (`Histogram`), and
    lists of media, pictures and figures.

    Cost: about 1 µs where the answer is ``None``.

    Raises:
        InvalidInput: the value is of such a type, but cannot be kept: an empty picture, say.
    """
    if type(value) in _SIMPLE:
        return None
    if isinstance(value, Media):
        return value
    if isinstance(value, (list, tuple)):
        return _list(value)
    if isinstance(value, ModuleType):
        return _figure(value)
    maker = _maker(value)
    return maker(value) if maker is not None else None


def _maker(value: Any) -> Callable[[Any], Media | None] | None:
    """Return what makes a media value of ``value``, by the packages its type and the types above it come from."""
    for cls in type(value).__mro__[:-1]:
        maker = _MAKERS.get(cls.__module__.partition(".")[0])
        if maker is not None:
            return maker
    return None


def _list(values: list[Any] | tuple[Any, ...]) -> Media | None:
    # Of arrays in a list nobody knows whether they are pictures; they are left alone.
    if not values or not all(isinstance(value, Media) or _maker(value) in _IN_LISTS for value in values):
        return None
    from forebear.media.lists import list_of  # 5 ms that rows of numbers do not need

    items = [media_of(value) for value in values]
    found = [item for item in items if item is not None]
    return list_of(found) if len(found) == len(items) else None


def _picture(value: Any) -> Media | None:
    from forebear.media.image import Image  # 5 ms that rows of numbers do not need

    return Image(value) if hasattr(value, "convert") else None


def _figure(value: Any) -> Media | None:
    from forebear.media.figures import figure_of  # 5 ms that rows of numbers do not need
    from forebear.media.image import Image

    figure = figure_of(value)
    return Image(figure) if figure is not None else None


def _plotly(value: Any) -> Media | None:
    from forebear.media.plotly import Plotly  # few rows hold figures

    return Plotly(value) if hasattr(value, "to_plotly_json") and hasattr(value, "layout") else None


def _bokeh(value: Any) -> Media | None:
    from forebear.media.bokeh import Bokeh  # few rows hold figures

    return Bokeh(value) if hasattr(value, "add_root") or hasattr(value, "document") else None


def _frame(value: Any) -> Media | None:
    name = type(value).__name__
    if name in {"DataFrame", "Table", "RecordBatch"}:
        from forebear.media.table import Table  # few rows hold tables

        return Table(dataframe=value)
    if name == "Series":
        return _array(value.to_numpy())
    return _array(value)


def _array(value: Any) -> Media | None:
    if not is_array(value) or size_of(value) < 2 or not _is_number(value.dtype):
        return None
    from forebear.media.histogram import Histogram  # few rows hold arrays

    return Histogram(value)


def _is_number(dtype: Any) -> bool:
    """Whether a dtype of any library is one of real numbers."""
    kind = getattr(dtype, "kind", None)
    if isinstance(kind, str):
        return kind in "biuf" or str(dtype) == "bfloat16"
    name = str(dtype)
    return any(word in name for word in ("float", "int", "bool"))


_MAKERS: dict[str, Callable[[Any], Media | None]] = {
    "PIL": _picture,
    "matplotlib": _figure,
    "seaborn": _figure,
    "plotly": _plotly,
    "bokeh": _bokeh,
    **dict.fromkeys(_FRAMES, _frame),
    **dict.fromkeys(_ARRAYS, _array),
}
_IN_LISTS = (_picture, _figure, _plotly, _bokeh)
