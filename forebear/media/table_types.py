"""What the columns of a table hold: seen from their first cells, kept to from then on.

A column has a *kind* (``number``, ``string``, ``boolean``, ``timestamp``, ``list``, ``dictionary``, the kind of a media
class such as ``image-file``, or ``any``) and may be *optional*, which lets its cells be ``None``. A column without a
cell is ``unknown``. What is inside lists and dictionaries is not typed. NaN is a number, and passes for ``None`` in
other columns, as data frames use it.
"""

from __future__ import annotations

import datetime as dt
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

import msgspec

from forebear.errors import InvalidInput
from forebear.media.base import Media

ANY = "any"
UNKNOWN = "unknown"
PRIMARY_KEY = "primary-key"
FOREIGN_KEY = "foreign-key"
#: Kinds whose cells are of the kind of the first: keys are text or whole numbers.
OPEN = (UNKNOWN, PRIMARY_KEY, FOREIGN_KEY)
#: Lists in lists in lists: more than this is taken for a list that holds itself.
MAX_DEPTH = 64

#: Kind by exact class of a cell; media are looked up by their own word.
_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    dt.datetime: "timestamp",
    dt.date: "timestamp",
    list: "list",
    dict: "dictionary",
}
#: Classes of cells that JSON holds as they are (floats when they are finite).
PLAIN = frozenset({bool, int, float, str, type(None)})
_WORDS = {kind: kind for kind in (*_KINDS.values(), ANY, UNKNOWN)} | {
    "int": "number",
    "float": "number",
    "str": "string",
    "bool": "boolean",
    "date": "timestamp",
    "datetime": "timestamp",
    "dict": "dictionary",
    "tuple": "list",
    "object": ANY,
    "Any": ANY,
}


class ColumnType(msgspec.Struct, frozen=True):
    """Kind of a column's cells, and whether they may be ``None``."""

    kind: str = UNKNOWN
    optional: bool = True

    def __str__(self) -> str:
        return f"{self.kind} or None" if self.optional and self.kind != ANY else self.kind


class Refused(Exception):
    """A cell that does not fit; whoever knows its row and column says so."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        self.reason = reason


def column_type(dtype: Any, optional: bool) -> ColumnType:
    """Return the type that a caller asks for.

    Args:
        dtype: ``None`` for whatever comes first; a kind; a Python, numpy or media class; ``X | None``; ``typing.Any``.
        optional: Whether cells may be ``None``.

    Raises:
        InvalidInput: there is no such type.
    """
    if isinstance(dtype, ColumnType):
        return dtype
    if dtype is None:
        return ColumnType(UNKNOWN, optional)
    if isinstance(dtype, types.UnionType) or typing.get_origin(dtype) is typing.Union:
        members = [member for member in typing.get_args(dtype) if member is not types.NoneType]
        if len(members) == 1:
            return column_type(members[0], optional or type(None) in typing.get_args(dtype))
    kind = _kind_of_class(dtype)
    if kind is None:
        raise InvalidInput(
            f"{dtype!r} is no type of a column; there are {', '.join(sorted(set(_WORDS.values())))} and the classes of "
            "values such as int, str, datetime or forebear.Image",
            code="column-type",
        )
    return ColumnType(kind, optional)


def _kind_of_class(dtype: Any) -> str | None:
    if dtype is typing.Any or dtype is object:
        return ANY
    if isinstance(dtype, str):
        return _WORDS.get(dtype)
    if isinstance(dtype, type):
        if issubclass(dtype, Media):
            return dtype.kind
        for base in dtype.__mro__:
            if base in _KINDS:
                return _KINDS[base]
    # A class or dtype of numpy or pandas says what it is by its name.
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", "")
    for start, kind in _STARTS.items():
        if str(name).lower().startswith(start):
            return kind
    return None


_STARTS = {
    "int": "number",
    "uint": "number",
    "float": "number",
    "bool": "boolean",
    "str": "string",
    "datetime64": "timestamp",
    "ndarray": "list",
    "tuple": "list",
    "object": ANY,
}


def kind_of(cls: type) -> str | None:
    """Return the kind of cells of exactly this class; ``None`` for ``NoneType`` and what is not plain yet."""
    kind = _KINDS.get(cls)
    return cls.kind if kind is None and issubclass(cls, Media) else kind


def plain_column(values: list[Any]) -> list[Any]:
    """Return the cells as Python values that a table holds; the same list when they are so already.

    Raises:
        Refused: a cell has no such form.

    Cost: about 50 ns a plain cell.
    """
    if PLAIN.issuperset(map(type, values)):
        return values
    found = []
    for row, value in enumerate(values):
        try:
            found.append(value if type(value) in PLAIN else plain_cell(value))
        except InvalidInput as err:
            raise Refused(row, err.message) from err
    return found


def plain_cell(value: Any, depth: int = 0) -> Any:
    """Return a cell as numbers, text, booleans, times, lists, dictionaries and media.

    Scalars and arrays of numpy and torch become numbers and lists; decimals become floats, paths and UUIDs text. What
    could change later is copied, except for media.

    Raises:
        InvalidInput: there is no such form of it.
    """
    if type(value) in PLAIN or isinstance(value, Media):
        return value
    if depth > MAX_DEPTH:
        raise InvalidInput(f"lists more than {MAX_DEPTH} deep, or a list that holds itself", code="table-cell")
    if isinstance(value, Mapping):
        return {_key(key): plain_cell(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [item if type(item) in PLAIN else plain_cell(item, depth + 1) for item in value]
    if isinstance(value, (str, int, float)):
        # Enumerations, and numpy's floats and text, which are Python's too.
        return str.__str__(value) if isinstance(value, str) else int(value) if isinstance(value, int) else float(value)
    if isinstance(value, dt.date):
        return _plain_time(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (UUID, PurePath)):
        return str(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    return _plain_array(value, depth)


def _plain_time(value: dt.date) -> dt.date | None:
    if type(value) in (dt.date, dt.datetime):
        return value
    if value != value:  # pandas' NaT
        return None
    # A Timestamp of pandas would warn of nanoseconds, which Python's times do not have.
    if hasattr(value, "to_pydatetime"):
        return typing.cast("dt.datetime", value.to_pydatetime(warn=False))
    raise InvalidInput(f"a {type(value).__name__}, which is no time of Python's datetime", code="table-cell")


def _plain_array(value: Any, depth: int) -> Any:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "M":
        # Finer or coarser units would come back as bare numbers.
        value = value.astype("datetime64[us]")
    plain = value.tolist() if callable(getattr(value, "tolist", None)) and kind not in ("m", "c") else None
    if plain is None and kind != "M":
        raise InvalidInput(_refusal(value), code="table-cell")
    return plain if kind in ("i", "u", "f", "b", "U") else plain_cell(plain, depth + 1)


def _refusal(value: Any) -> str:
    name = type(value).__name__
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes, which a table does not hold: decode them to text, or wrap them in Image, Html, …"
    if type(value).__module__.partition(".")[0] in ("PIL", "matplotlib"):
        return f"a {name}: wrap it in forebear.Image"
    if isinstance(value, dt.timedelta) or name == "timedelta64":
        return f"the time span {value}: convert it to a number, such as seconds"
    return f"a {name}, which a table does not hold: convert it to text, numbers, times, lists or media"


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidInput(f"a dictionary with the key {key!r}: keys are text", code="table-cell")
    return str(key)


def settle(asked: ColumnType, values: Sequence[Any]) -> ColumnType:
    """Return the type of a column of type ``asked`` once it holds ``values``, which are plain.

    Raises:
        Refused: a value does not fit.

    Cost: about 30 ns a cell.
    """
    if asked.kind == ANY:
        return asked
    kind = asked.kind
    if kind in OPEN:
        kind = next((_kind(value) for value in values if not _is_gap(value)), kind)
    classes = set(map(type, values))
    gaps = asked.optional or type(None) not in classes
    classes.discard(type(None))
    if not gaps or any(kind_of(cls) != kind for cls in classes):
        # Rare: NaN among text, or an error to be found.
        for row, value in enumerate(values):
            _check(value, row, kind, asked.optional)
    return ColumnType(kind, asked.optional) if asked.kind == UNKNOWN else asked


def _check(value: Any, row: int, kind: str, optional: bool) -> None:
    if _is_gap(value):
        if optional or (kind == "number" and value is not None):
            return
        reason = f"but the column holds {kind} and is not optional; pass optional=True to Table, or a value"
        raise Refused(row, f"{value}, {reason}")
    if _kind(value) != kind:
        reason = f"but the column holds {kind}; pass allow_mixed_types=True to Table where cells of a column may differ"
        raise Refused(row, f"{_shown(value)}, {reason}")


def _kind(value: Any) -> str:
    return kind_of(type(value)) or UNKNOWN


def _is_gap(value: Any) -> bool:
    """Whether it is ``None`` or NaN."""
    return value is None or (type(value) is float and value != value)


def _shown(value: Any) -> str:
    text = repr(value)
    return f"the {type(value).__name__} {text if len(text) <= 60 else text[:57] + '…'}"


def is_finite(values: Iterable[Any]) -> bool:
    """Whether no float among plain values is NaN or infinite."""
    return all(math.isfinite(value) for value in values if type(value) is float)
