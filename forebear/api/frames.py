"""Columns as a table of pandas, polars or Arrow, whichever of them is installed."""

from __future__ import annotations

import importlib.util
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from forebear.errors import InvalidInput, Unsupported

KINDS = ("pandas", "polars", "arrow")
#: Kind → the module it needs and what installs that.
_MODULES = {
    "pandas": ("pandas", "'forebear[frames]'"),
    "polars": ("polars", "polars"),
    "arrow": ("pyarrow", "'forebear[frames]'"),
}

#: The values of one column, one a row; ``None`` where a row has none.
Values = Sequence[Any]


def has(kind: str) -> bool:
    """Whether tables of a kind can be made here."""
    return importlib.util.find_spec(_MODULES[kind][0]) is not None


def frame(columns: Mapping[str, Values], kind: str) -> Any:
    """Return columns of equal length as a ``pandas.DataFrame``, ``polars.DataFrame`` or ``pyarrow.Table``.

    pandas keeps any value as it is. polars and Arrow know one type a column: where values differ in type, or are
    dictionaries or lists, the column becomes text, JSON for what was no text.

    Raises:
        InvalidInput: there is no such kind.
        Unsupported: the library is not installed.
    """
    if kind not in KINDS:
        raise InvalidInput(f"there is no table of kind {kind!r}; there are {', '.join(KINDS)}", code="unknown-format")
    if not has(kind):
        raise Unsupported(
            f"a table of kind {kind!r} needs a package that is not installed: pip install {_MODULES[kind][1]}",
            code="missing-extra",
        )
    return {"pandas": _pandas, "polars": _polars, "arrow": _arrow}[kind](columns)


def _pandas(columns: Mapping[str, Values]) -> Any:
    import pandas  # 400 ms that nobody who asks for no DataFrame waits for

    return pandas.DataFrame({name: _buffered(values) for name, values in columns.items()}, columns=list(columns))


def _polars(columns: Mapping[str, Values]) -> Any:
    import polars  # 150 ms, likewise

    return polars.DataFrame({name: _buffered(uniform(values)) for name, values in columns.items()}, strict=False)


def _arrow(columns: Mapping[str, Values]) -> Any:
    import pyarrow  # 60 ms, likewise

    return pyarrow.table({name: _buffered(uniform(values)) for name, values in columns.items()})


def _buffered(values: Values) -> Any:
    """Return values that lie in one buffer as an array over it, without making an object of each."""
    if not isinstance(values, (array, range)) or importlib.util.find_spec("numpy") is None:
        return values if isinstance(values, list) or hasattr(values, "dtype") else list(values)
    import numpy  # loaded with pandas anyway

    if isinstance(values, range):
        return numpy.arange(values.start, values.stop, values.step)
    return numpy.frombuffer(values, dtype=values.typecode)


def uniform(values: Values) -> Values:
    """Return values of one type: as they are, else numbers as floats, else text, JSON for what is no text."""
    if isinstance(values, (array, range)) or hasattr(values, "dtype"):
        return values
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {float} or kinds <= {str} or kinds <= {bool}:
        return values
    if kinds <= {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return values
    if kinds <= {int, float}:
        try:
            return [None if value is None else float(value) for value in values]
        except OverflowError:
            return [None if value is None else str(value) for value in values]
    if len(kinds) == 1 and hasattr(next(iter(kinds)), "isoformat"):
        return values
    return [None if value is None else value if isinstance(value, str) else json_text(value) for value in values]


def json_text(value: Any) -> str:
    """Return a value as JSON."""
    return msgspec.json.encode(value).decode()
