"""The columns of a table: their names, what each holds, and how rows from anywhere become rows of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forebear.errors import InvalidInput, NotFound
from forebear.media.table_types import ANY, ColumnType, Refused, column_type, kind_of, plain_column, settle

Column = str | int
Row = list[Any]


class Columns:
    """Names and types of columns; the types grow from ``unknown`` to what the cells are."""

    def __init__(self, names: Iterable[Column], dtype: Any = None, optional: bool | Sequence[bool] = True) -> None:
        """Hold columns of the types asked for: see `forebear.media.table.Table`."""
        self.names: list[Column] = []
        self.types: dict[Column, ColumnType] = {}
        #: Classes of the cells of the last row that fitted, if any row of just these classes fits.
        self._usual: tuple[type, ...] | None = None
        for name in names:
            self.check_new(name)
            self.names.append(name)
        types = [dtype.get(name) for name in self.names] if isinstance(dtype, Mapping) else dtype
        for name, wanted, free in zip(
            self.names, self._one_each(types, "dtype"), self._one_each(optional, "optional"), strict=True
        ):
            self.types[name] = column_type(wanted, bool(free))

    def _one_each(self, given: Any, what: str) -> list[Any]:
        if not isinstance(given, (list, tuple)):
            return [given] * len(self.names)
        if len(given) != len(self.names):
            raise InvalidInput(
                f"{what} has {len(given)} items for {len(self.names)} columns; give one for each of {self.names}",
                code="table-columns",
            )
        return list(given)

    def check_new(self, name: object) -> None:
        """Raise `InvalidInput` if ``name`` cannot be one more column."""
        if not isinstance(name, (str, int)) or isinstance(name, bool):
            raise InvalidInput(f"the column name {name!r} is neither text nor a whole number", code="table-columns")
        if str(name) in map(str, self.names):
            raise InvalidInput(f"there are two columns {name!r}; give each a name of its own", code="table-columns")

    def index(self, name: Column) -> int:
        """Return the place of a column.

        Raises:
            NotFound: there is no such column.
        """
        if name not in self.types:
            raise NotFound(f"the table has no column {name!r}; it has {self.names}", code="no-column")
        return self.names.index(name)

    def set_type(self, name: Column, type: ColumnType, cells: list[Any]) -> None:
        """Give a column a type that its cells have; nothing changes when one has not."""
        before = self.types[name]
        self.types[name] = type
        self._usual = None
        try:
            self.fit(name, cells)
        except InvalidInput:
            self.types[name] = before
            raise

    def append(self, name: Column, cells: list[Any], optional: bool) -> list[Any]:
        """Add a column and return its cells as plain values; nothing changes when one does not fit."""
        self.check_new(name)
        mixed = bool(self.types) and all(known.kind == ANY for known in self.types.values())
        self.types[name] = ColumnType(ANY) if mixed else ColumnType(optional=optional)
        try:
            plain = self.fit(name, cells)
        except InvalidInput:
            del self.types[name]
            raise
        self.names.append(name)
        self._usual = None
        return plain

    # -- cells --------------------------------------------------------------------------------------------------

    def fit(self, name: Column, cells: list[Any], first: int = 0) -> list[Any]:
        """Return cells as plain values, after the column has taken their type; the same list if they are plain.

        Args:
            first: Number of the row of the first cell, for messages.

        Raises:
            InvalidInput: a cell does not fit.
        """
        try:
            plain = plain_column(cells)
            self.types[name] = settle(self.types[name], plain)
        except Refused as err:
            raise InvalidInput(f"row {first + err.row}, column {name!r}: got {err.reason}", code="table-cell") from err
        return plain

    def fit_row(self, cells: tuple[Any, ...], number: int) -> Row:
        """Return one more row as plain values; a refused row leaves no trace.

        Cost: under 1 µs for a row whose cells are of the classes of the row before, 2 µs a cell otherwise.
        """
        classes = tuple(map(type, cells))
        if classes == self._usual:
            return list(cells)
        before = dict(self.types)
        try:
            row = [self.fit(name, [cell], number)[0] for name, cell in zip(self.names, cells, strict=True)]
        except InvalidInput:
            self.types = before
            raise
        usual = all(
            cls is type(None) or (cls in _SCALARS and kind_of(cls) == self.types[name].kind)
            for name, cls in zip(self.names, classes, strict=True)
        )
        self._usual = classes if usual else None
        return row

    def fit_rows(self, rows: list[Row], first: int = 0) -> None:
        """Make the cells of rows plain, in place, and take their types.

        Raises:
            InvalidInput: a row is too long or too short, or a cell does not fit.
        """
        for number, row in enumerate(rows):
            if len(row) != len(self.names):
                raise InvalidInput(
                    f"row {first + number} has {len(row)} cells for the {len(self.names)} columns {self.names}; "
                    "give one for each, or other columns=[…]",
                    code="table-row",
                )
        for index, name in enumerate(self.names):
            cells = [row[index] for row in rows]
            plain = self.fit(name, cells, first)
            if plain is not cells:
                for row, cell in zip(rows, plain, strict=True):
                    row[index] = cell

    def rows_of(self, source: Any) -> list[Row]:
        """Return new rows of what iterates over rows: lists, tuples, arrays, or mappings from column to cell.

        Raises:
            InvalidInput: it is no such thing.
        """
        if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
            raise InvalidInput(
                f"data is a {type(source).__name__}; give a list of rows, an array or a data frame", code="table-data"
            )
        return [self._row(number, row) for number, row in enumerate(source)]

    def _row(self, number: int, row: Any) -> Row:
        if isinstance(row, Mapping):
            if set(row) != set(self.names):
                raise InvalidInput(
                    f"row {number} is a mapping with {list(row)}, but the columns are {self.names}", code="table-row"
                )
            return [row[name] for name in self.names]
        if isinstance(row, (str, bytes)) or not isinstance(row, Iterable):
            raise InvalidInput(f"row {number} is {row!r:.60}; a row is a list of cells", code="table-row")
        return list(row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and (self.names, self.types) == (other.names, other.types)

    __hash__ = None  # type: ignore[assignment]  # columns change


#: Classes of which one object fits wherever another does.
_SCALARS = (bool, int, float, str)
