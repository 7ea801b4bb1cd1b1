"""Tables from and to numpy, pandas, polars and Arrow, none of which is imported before a caller has or wants it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from forebear.errors import InvalidInput, Unsupported
from forebear.media.base import Media
from forebear.media.table_types import FOREIGN_KEY, PRIMARY_KEY, ColumnType

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Column = str | int

#: Kinds that numpy, polars and Arrow have types for; a column of any other is one of Python objects.
_NATIVE = ("number", "string", "boolean", "timestamp", "list", "dictionary", "unknown", PRIMARY_KEY, FOREIGN_KEY)


def columns_of(source: Any) -> dict[Column, list[Any]] | None:
    """Return the columns of a data frame, an Arrow table or a structured array; ``None`` when it is none of them.

    Raises:
        InvalidInput: two columns have one name.
    """
    module, name = type(source).__module__.partition(".")[0], type(source).__name__
    if module == "pandas" and name == "DataFrame":
        _check_unique(list(source.columns))
        return {_name(column): _from_pandas(source[column]) for column in source.columns}
    if module == "polars" and name in ("DataFrame", "LazyFrame"):
        frame = source.collect() if name == "LazyFrame" else source
        return {column: frame[column].to_list() for column in frame.columns}
    if module == "pyarrow" and name in ("Table", "RecordBatch"):
        _check_unique(source.column_names)
        return {column: source.column(column).to_pylist() for column in source.column_names}
    names = getattr(getattr(source, "dtype", None), "names", None)
    if names:
        return {column: source[column].tolist() for column in names}
    return None


def rows_of(source: Any) -> list[list[Any]] | None:
    """Return the rows of a numpy array or another of two dimensions; ``None`` when it is no array.

    Raises:
        InvalidInput: it has not two dimensions.
    """
    shape = getattr(source, "shape", None)
    if shape is None or not callable(getattr(source, "tolist", None)):
        return None
    if len(shape) != 2:
        raise InvalidInput(
            f"data is an array of shape {tuple(shape)}; a table is made of one with two dimensions, rows and columns",
            code="table-data",
        )
    return list(source.tolist())


def _check_unique(names: list[Any]) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"the frame has two columns {twice!r}; rename one of them", code="table-columns")


def _name(column: Any) -> Column:
    # Numpy's whole numbers are what pandas numbers columns with; several levels of names become one text.
    if isinstance(column, tuple):
        return ".".join(str(level) for level in column if str(level))
    return column if isinstance(column, (str, int)) else str(column)


def _from_pandas(series: Any) -> list[Any]:
    if series.dtype.kind in "iufb" and series.dtype.name.islower():
        return list(series.tolist())
    # Extensions, categories and times say "missing" in ways of their own.
    return [None if gap else value for value, gap in zip(series.tolist(), series.isna(), strict=True)]


def numpy_column(values: list[Any], type_: ColumnType) -> np.ndarray[Any, Any]:
    """Return cells as an array: of numbers, text, booleans or times where all are, of objects elsewhere."""
    import numpy as np  # 100 ms, only for people who ask for arrays

    if type_.kind == "number" and None in values:
        return np.array([np.nan if value is None else value for value in values])
    if type_.kind == "timestamp" and not any(getattr(value, "tzinfo", None) for value in values):
        return np.array(values, dtype="datetime64[us]")
    if type_.kind in ("string", "boolean") and None not in values:
        return np.array(values)
    try:
        return np.array(values) if type_.kind in ("number", "list") else _objects(values)
    except ValueError:  # lists of different lengths
        return _objects(values)


def _objects(values: list[Any]) -> np.ndarray[Any, Any]:
    import numpy as np  # loaded already

    array = np.empty(len(values), dtype=object)
    # Assigned one by one: numpy would look into lists and make them dimensions.
    for index, value in enumerate(values):
        array[index] = value
    return array


def pandas_frame(columns: Mapping[Column, list[Any]]) -> pd.DataFrame:
    """Return columns as a pandas data frame; media stay the objects they are."""
    pandas = _library("pandas", "frames")
    return cast("pd.DataFrame", pandas.DataFrame(dict(columns), columns=list(columns)))


def polars_frame(columns: Mapping[Column, list[Any]], types: Mapping[Column, ColumnType]) -> pl.DataFrame:
    """Return columns as a polars data frame; media and mixed cells are a column of Python objects."""
    polars = _library("polars", None)
    found = []
    for name, values in columns.items():
        if types[name].kind not in _NATIVE:
            found.append(polars.Series(str(name), values, dtype=polars.Object))
            continue
        try:
            found.append(polars.Series(str(name), _even(values), strict=True))
        except (TypeError, polars.exceptions.PolarsError):
            found.append(polars.Series(str(name), values, dtype=polars.Object))
    return cast("pl.DataFrame", polars.DataFrame(found))


def arrow_table(columns: Mapping[Column, list[Any]], types: Mapping[Column, ColumnType]) -> pa.Table:
    """Return columns as an Arrow table.

    Raises:
        Unsupported: a column holds media or cells of several kinds, for which Arrow has no type.
    """
    pa = _library("pyarrow", "frames")
    arrays = {}
    for name, values in columns.items():
        if any(isinstance(value, Media) for value in values):
            raise _no_arrow_type(name, f"holds {types[name].kind}")
        try:
            arrays[str(name)] = pa.array(_even(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as err:
            raise _no_arrow_type(name, f"does not fit one type ({err})") from err
    return pa.table(arrays)


def _no_arrow_type(name: Column, why: str) -> Unsupported:
    return Unsupported(
        f"column {name!r} {why}, for which Arrow has no type; use get_dataframe(), or leave the column out",
        code="no-arrow-type",
    )


def _even(values: list[Any]) -> list[Any]:
    """Cells of one class where Python mixes two: whole and other numbers, dates and times."""
    classes = set(map(type, values)) - {type(None)}
    if classes == {int, float}:
        return [value if value is None else float(value) for value in values]
    if classes == {dt.date, dt.datetime}:
        return [dt.datetime(v.year, v.month, v.day) if type(v) is dt.date else v for v in values]
    return values


def _library(name: str, extra: str | None) -> Any:
    from importlib import import_module  # cheap; what it imports takes 100 to 400 ms

    try:
        return import_module(name)
    except ImportError as err:
        how = f"pip install 'forebear[{extra}]'" if extra else f"pip install {name}"
        raise Unsupported(
            f"this needs the package {name}, which is not installed; {how} brings it", code="missing-extra"
        ) from err
