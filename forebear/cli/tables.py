"""Text, CSV files and logged tables as `diff --path` compares them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from forebear.errors import InvalidInput

#: Bytes looked at to tell text from binary content, as git does.
_SNIFFED = 8_000
_TABLES = {".csv": ",", ".tsv": "\t"}
#: End of the name of a table that a run logged.
LOGGED_TABLE = ".table.json"
_INTEGER = re.compile(r"[+-]?\d+\Z")


class TableColumn(msgspec.Struct, frozen=True):
    """A column of a table: the narrowest type that all its cells have, and how many cells are empty."""

    name: str
    type: str
    empty: int


class TableShape(msgspec.Struct, frozen=True):
    """Columns in their order, and the number of rows below the head."""

    columns: tuple[TableColumn, ...]
    rows: int


def is_table(path: str) -> bool:
    """Whether a file of that name is compared as a table."""
    return path[path.rfind(".") :].lower() in _TABLES


def as_text(content: bytes) -> str | None:
    """Return content as text, or ``None`` if it is binary."""
    if b"\x00" in content[:_SNIFFED]:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def table_shape(path: str, text: str) -> TableShape:
    """Return the schema and row count of a table with a head line; its cells are looked at once.

    Raises:
        InvalidInput: the text cannot be read as a table.
    """
    separator = _TABLES[path[path.rfind(".") :].lower()]
    rows = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        head = next(reader, [])
        kinds = [""] * len(head)
        empty = [0] * len(head)
        for row in reader:
            if not row:
                continue
            rows += 1
            for index in range(len(head)):
                cell = row[index].strip() if index < len(row) else ""
                if not cell:
                    empty[index] += 1
                elif kinds[index] != "text":
                    kinds[index] = _wider(kinds[index], _kind(cell))
    except csv.Error as err:
        raise InvalidInput(f"{path} cannot be read as a table: {err}; --text compares it as text") from err
    columns = zip(head, kinds, empty, strict=True)
    return TableShape(tuple(TableColumn(name, kind or "empty", none) for name, kind, none in columns), rows)


class _LoggedTable(msgspec.Struct):
    columns: list[Any]
    data: list[Any]


def as_lines(path: str, text: str) -> str:
    """Return a table that a run logged as its columns and then a row a line, so that a difference is one of rows."""
    if not path.endswith(LOGGED_TABLE):
        return text
    try:
        table = msgspec.json.decode(text, type=_LoggedTable)
    except msgspec.MsgspecError:
        return text  # of another make, or with numbers that JSON has no form for: compared as it is
    return "".join(f"{msgspec.json.encode(row).decode()}\n" for row in (table.columns, *table.data))


def _kind(cell: str) -> str:
    if _INTEGER.match(cell):
        return "integer"
    try:
        float(cell)
        return "number"
    except ValueError:
        pass
    if cell.lower() in {"true", "false"}:
        return "boolean"
    # Everything that is a time begins with a year; asking datetime about each word of a text would be slow.
    if cell[:4].isdigit() and cell[4:5] == "-":
        try:
            datetime.fromisoformat(cell)
            return "time"
        except ValueError:
            pass
    return "text"


def _wider(kind: str, other: str) -> str:
    if kind in ("", other):
        return other
    return "number" if {kind, other} == {"integer", "number"} else "text"


def text_changes(old: str, new: str, old_name: str, new_name: str) -> Iterator[str]:
    """Yield a unified diff, its lines without their ends."""
    import difflib  # 6 ms

    before, after = old.splitlines(), new.splitlines()
    yield from difflib.unified_diff(before, after, old_name, new_name, lineterm="")
    if before == after and old != new:
        yield "\\ only the ends of lines differ"
