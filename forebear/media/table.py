"""`Table`: rows and columns of values, text, times and media.

A table that is logged in a run becomes an artifact of type ``run_table``; `forebear.media.table_files` says what is
written then, by the table's ``log_mode``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from forebear.errors import Conflict, CorruptData, InvalidInput, NotFound
from forebear.media import table_frames
from forebear.media.base import Keep, Media, Read, file_json
from forebear.media.table_columns import Column, Columns
from forebear.media.table_files import FOLDER, IMMUTABLE, INCREMENTAL, LOG_MODES, SUFFIX, Logs
from forebear.media.table_json import Stored, decode, encode
from forebear.media.table_types import ANY, FOREIGN_KEY, PRIMARY_KEY, ColumnType, column_type
from forebear.media.table_view import html_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

#: Names of the columns of a table that is given none.
DEFAULT_COLUMNS = ("Input", "Output", "Expected")


class RowIndex(int):
    """Number of a row that knows its table."""

    table: Table

    @classmethod
    def of(cls, table: Table, number: int) -> Self:
        """Return the index of a row of ``table``."""
        index = cls(number)
        index.table = table
        return index

    def get_row(self) -> dict[Column, Any]:
        """Return the row as a mapping from column to cell."""
        return dict(zip(self.table.columns, self.table.data[self], strict=True))


class Table(Media):
    """A table whose columns each hold cells of one kind: numbers, text, booleans, times, lists, dictionaries or media.

    ``columns`` and ``data`` (a list of rows) may be read; rows and columns are added with the methods, which check
    them. Not safe for several threads that add.
    """

    kind = "table-file"

    def __init__(
        self,
        columns: Sequence[Column] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | Sequence[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: str = IMMUTABLE,
    ) -> None:
        """Begin a table.

        Args:
            columns: Names, each once. With a data frame: those of its columns that are wanted, in this order.
            data: A list of rows, an array of two dimensions, a pandas or polars data frame, or an Arrow table.
            rows: An old name of ``data``.
            dataframe: A data frame or Arrow table; its columns become the table's.
            dtype: Type of all columns, or a list of one a column, or a mapping by name: a class such as ``int``,
                ``str`` or ``forebear.Image``, or a word such as ``"number"``. ``None``: the type of the first cell.
            optional: Whether cells may be ``None``; one answer, or a list of one a column.
            allow_mixed_types: Let a column hold cells of any kinds.
            log_mode: ``IMMUTABLE``, ``MUTABLE`` or ``INCREMENTAL``: what logging it again means.

        Raises:
            InvalidInput: a row has another length than the list of columns, a cell does not fit its column, or an
                argument is none of these. The message names row and column.
        """
        if log_mode not in LOG_MODES:
            raise InvalidInput(f"log_mode is one of {', '.join(LOG_MODES)}, not {log_mode!r}", code="log-mode")
        self.log_mode = log_mode
        self.data: list[list[Any]] = []
        #: What was logged of it, and how often rows, columns or types changed.
        self.logs = Logs()
        self.changes = 0
        self._foreign: dict[str, tuple[Table, Column]] = {}
        source = next((given for given in (dataframe, data, rows) if given is not None), None)
        wide = table_frames.columns_of(source)
        if dataframe is not None and wide is None:
            raise InvalidInput(
                f"dataframe is a {type(dataframe).__name__}; give a pandas or polars data frame or an Arrow table",
                code="table-data",
            )
        names = list(columns) if columns is not None else list(wide if wide is not None else DEFAULT_COLUMNS)
        self._columns = Columns(names, ANY if allow_mixed_types else dtype, optional)
        if wide is not None:
            self._take_columns(wide)
        elif source is not None:
            self.data = table_frames.rows_of(source) or self._columns.rows_of(source)
            self._columns.fit_rows(self.data)

    def _take_columns(self, wide: Mapping[Column, list[Any]]) -> None:
        missing = [name for name in self.columns if name not in wide]
        if missing:
            raise NotFound(f"the frame has no column {missing[0]!r}; it has {list(wide)}", code="no-column")
        chosen = [self._columns.fit(name, wide[name]) for name in self.columns]
        self.data = [list(row) for row in zip(*chosen, strict=True)]

    # -- filling it ---------------------------------------------------------------------------------------------

    def add_data(self, *data: Any) -> None:
        """Add a row, one argument a column.

        Raises:
            InvalidInput: there are more or fewer arguments than columns, or one does not fit its column.
        """
        if len(data) != len(self.columns):
            raise InvalidInput(
                f"a row of this table has {len(self.columns)} cells, {self.columns}; got {len(data)}: "
                f"{', '.join(map(repr, data))[:120]}",
                code="table-row",
            )
        self.data.append(self._columns.fit_row(data, len(self.data)))
        self.changes += 1

    def add_row(self, *row: Any) -> None:
        """Add a row; an old name of `add_data`."""
        self.add_data(*row)

    def add_column(self, name: Column, data: Any, optional: bool = False) -> None:
        """Add a column.

        Args:
            data: As many cells as there are rows: a list, an array or a series. Any number when the table has no
                column yet.
            optional: Whether cells may be ``None``.

        Raises:
            InvalidInput: the name is taken, or there are more or fewer cells than rows.
            Conflict: parts of the table are logged already.
        """
        self._check_whole("add a column")
        cells = list(data.tolist()) if callable(getattr(data, "tolist", None)) else list(data)
        rows = self.data if self.columns else [[] for _ in cells]
        if len(cells) != len(rows):
            raise InvalidInput(
                f"column {name!r} has {len(cells)} cells for {len(rows)} rows; give one for each", code="table-column"
            )
        for row, cell in zip(rows, self._columns.append(name, cells, optional), strict=True):
            row.append(cell)
        self.data = rows
        self.changes += 1

    def add_computed_columns(self, fn: Callable[[int, dict[Column, Any]], Mapping[Column, Any]]) -> None:
        """Add the columns that ``fn`` computes from each row.

        Args:
            fn: Given the number of a row and the row as a mapping, returns the new cells by column; the same columns
                for every row.

        Raises:
            InvalidInput: ``fn`` returns other columns for another row.
        """
        self._check_whole("add columns")
        computed: dict[Column, list[Any]] = {}
        for number, row in self.iterrows():
            cells = fn(number, dict(zip(self.columns, row, strict=True)))
            if number and set(cells) != set(computed):
                raise InvalidInput(
                    f"row {number}: fn returns the columns {list(cells)}, but {list(computed)} for row 0",
                    code="table-column",
                )
            for name, cell in cells.items():
                computed.setdefault(name, []).append(cell)
        for name, values in computed.items():
            self.add_column(name, values, optional=True)

    def cast(self, col_name: Column, dtype: Any, optional: bool = False) -> None:
        """Give a column another type, if its cells are of it.

        Args:
            dtype: As in the constructor; ``None`` for the type of the first cell.
            optional: Whether cells may be ``None``.

        Raises:
            NotFound: there is no such column.
            InvalidInput: a cell is not of the type; the message names its row.
        """
        self._columns.set_type(col_name, column_type(dtype, optional), self.get_column(col_name))
        self.changes += 1

    def set_pk(self, col_name: Column) -> None:
        """Say that a column identifies the rows. Its cells are text or whole numbers, each once."""
        cells = self.get_column(col_name)
        try:
            if len(set(cells)) != len(cells):
                raise InvalidInput(f"column {col_name!r} has a value twice, so it identifies no row", code="table-key")
        except TypeError as err:
            raise InvalidInput(f"column {col_name!r} holds what cannot be a key: {err}", code="table-key") from err
        self._columns.set_type(col_name, ColumnType(PRIMARY_KEY, optional=False), cells)
        self.changes += 1

    def set_fk(self, col_name: Column, table: Table, table_col: Column) -> None:
        """Say that the cells of a column are those of column ``table_col`` of another table.

        The other table is kept with this one.
        """
        table.get_column(table_col)
        self._columns.set_type(col_name, ColumnType(FOREIGN_KEY), self.get_column(col_name))
        self._foreign[str(col_name)] = (table, table_col)
        self.changes += 1

    def _check_whole(self, what: str) -> None:
        if self.log_mode == INCREMENTAL and self.logs:
            raise Conflict(
                f"cannot {what}: parts of this INCREMENTAL table are logged with the columns {self.columns}; "
                "log a new table, or use log_mode='MUTABLE'",
                code="incremental-table",
            )

    # -- reading it ---------------------------------------------------------------------------------------------

    @property
    def columns(self) -> list[Column]:
        """Names of the columns."""
        return self._columns.names

    @property
    def column_types(self) -> dict[Column, ColumnType]:
        """What each column holds, so far."""
        return dict(self._columns.types)

    def __len__(self) -> int:
        return len(self.data)

    def iterrows(self) -> Iterator[tuple[RowIndex, list[Any]]]:
        """Yield the number and the cells of each row; the number knows its table."""
        for number in range(len(self.data)):
            yield self.index_ref(number), self.data[number]

    def index_ref(self, index: int) -> RowIndex:
        """Return the number of a row as a value that knows its table."""
        if not 0 <= index < len(self.data):
            raise NotFound(f"the table has no row {index}; it has {len(self.data)}, counted from 0", code="no-row")
        return RowIndex.of(self, index)

    def get_index(self) -> list[RowIndex]:
        """Return the numbers of all rows, each of which knows its table."""
        return [RowIndex.of(self, number) for number in range(len(self.data))]

    def get_column(self, name: Column, convert_to: str | None = None) -> Any:
        """Return the cells of a column: a list, or with ``convert_to="numpy"`` an array.

        ``None`` among numbers is NaN in the array; media and mixed cells make an array of objects.

        Raises:
            NotFound: there is no such column.
        """
        if convert_to not in (None, "numpy"):
            raise InvalidInput(f"convert_to is 'numpy' or None, not {convert_to!r}", code="convert-to")
        index = self._columns.index(name)
        cells = [row[index] for row in self.data]
        return cells if convert_to is None else table_frames.numpy_column(cells, self._columns.types[name])

    def _by_column(self) -> dict[Column, list[Any]]:
        return {name: [row[index] for row in self.data] for index, name in enumerate(self.columns)}

    def get_dataframe(self) -> pd.DataFrame:
        """Return the table as a pandas data frame; media are objects in it."""
        return table_frames.pandas_frame(self._by_column())

    def get_polars(self) -> pl.DataFrame:
        """Return the table as a polars data frame; media and mixed cells are objects in it."""
        return table_frames.polars_frame(self._by_column(), self._columns.types)

    def get_arrow(self) -> pa.Table:
        """Return the table as an Arrow table.

        Raises:
            Unsupported: a column holds media or cells of several kinds.
        """
        return table_frames.arrow_table(self._by_column(), self._columns.types)

    def __eq__(self, other: object) -> bool:
        """Whether columns, their types and all cells are equal; NaN equals NaN here, as it is the same cell."""
        if not isinstance(other, Table):
            return NotImplemented
        if self._columns != other._columns or len(self.data) != len(other.data):
            return False
        return self.data == other.data or _same(self.data, other.data)

    # Tables change, so equal ones cannot share a hash; they are told apart by identity in sets.
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Table({len(self.data)} rows, columns={self.columns})"

    def _repr_html_(self) -> str:
        return html_of(self.columns, self.data)

    # -- keeping it ---------------------------------------------------------------------------------------------

    def encoded(self, keep: Keep, first: int = 0, earlier: tuple[str, int] | None = None) -> bytes:
        """Return the JSON form of the rows from ``first`` on, their media handed to ``keep``.

        Args:
            earlier: Path of the part that holds the rows before, and how many rows there are up to it.

        Raises:
            InvalidInput: somebody put a cell or row into ``data`` that does not fit.
        """
        rows = self.data[first:] if first else self.data
        self._columns.fit_rows(rows, first)
        details = {
            name: {"table": table.to_json(keep), "column": column} for name, (table, column) in self._foreign.items()
        }
        return encode(self.columns, self._columns.types, rows, keep, details=details, earlier=earlier)

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return where the table's file is, after handing it and those of its media to ``keep``."""
        value = file_json(self.kind, keep(self.encoded(keep), FOLDER, SUFFIX))
        return value | {"ncols": len(self.columns), "nrows": len(self.data), "log_mode": self.log_mode}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the table that `to_json` or `log_table` kept; the parts of an incremental one are read as one."""
        path = value["path"]
        return cls.decoded(read(path), path, read, str(value.get("log_mode", IMMUTABLE)))

    @classmethod
    def decoded(cls, content: bytes, path: str, read: Read, log_mode: str = IMMUTABLE) -> Self:
        """Return the table whose JSON form is ``content``, found at ``path``.

        Raises:
            CorruptData: it is no table, or a part that it needs is not there.
        """
        parts = [decode(content, path, read)]
        seen = {path}
        while (before := parts[-1].before) is not None:
            if before in seen:
                raise CorruptData(f"the parts of the table {path!r} name each other in a circle", code="media-form")
            seen.add(before)
            parts.append(decode(read(before), before, read))
        table = cls(columns=parts[0].columns, log_mode=log_mode if log_mode in LOG_MODES else IMMUTABLE)
        table._restore(parts[::-1], read)
        return table

    def _restore(self, parts: list[Stored], read: Read) -> None:
        newest = parts[-1]
        if any(part.columns != newest.columns for part in parts):
            raise CorruptData("the parts of a table have different columns", code="media-form")
        self.data = [row for part in parts for row in part.data] if len(parts) > 1 else newest.data
        if newest.nrows != len(self.data):
            raise CorruptData(f"a table of {newest.nrows} rows has {len(self.data)} in its files", code="media-form")
        self._columns.types = {name: newest.type_of(name) for name in self.columns}
        for name, found in newest.column_types.items():
            if isinstance(found, dict) and "table" in found:
                self._foreign[name] = (Table.from_json(found["table"], read), found["column"])


def _same(mine: Any, theirs: Any) -> bool:
    """Whether two cells are equal; NaN is the same cell as NaN."""
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(_same(mine[key], theirs[key]) for key in mine)
    return bool(mine == theirs) or (mine != mine and theirs != theirs)
