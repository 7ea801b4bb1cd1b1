"""Rows of numbers and digests in the binary form of COPY, packed by one call a row.

Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". psycopg without its C part takes four
times as long for each row, and a version of a million files has a million of them, twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

#: Object ids of types, and how a value of theirs is packed: bytes, and bigint, integer and smallint.
_BYTEA = 17
_INTEGERS = {20: "q", 23: "i", 21: "h"}
_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
#: Rows that are handed on together.
_ROWS = 4096


def packed_rows(rows: Sequence[Sequence[Any]], types: Sequence[int]) -> Iterator[bytes] | None:
    """Return what COPY takes, piece by piece; ``None`` where rows are not of one width, or hold anything else.

    Args:
        rows: At least one.
        types: Object ids of the columns' types.
    """
    codes = [_code(rows, at, kind) for at, kind in enumerate(types)]
    known = [code for code in codes if code is not None]
    if len(known) < len(codes):
        return None
    widths = [struct.calcsize(f">{code}") for code in known]
    return _packed(rows, struct.Struct(">h" + "".join(f"i{code}" for code in known)), widths)


def _code(rows: Sequence[Sequence[Any]], at: int, kind: int) -> str | None:
    """Return how the values of a column are packed, if there is one way for all."""
    column = list(map(itemgetter(at), rows))
    found = set(map(type, column))
    if kind in _INTEGERS:
        most = 1 << (8 * struct.calcsize(f">{_INTEGERS[kind]}") - 1)
        return _INTEGERS[kind] if found == {int} and min(column) >= -most and max(column) < most else None
    widths = set(map(len, column)) if kind == _BYTEA and found == {bytes} else set()
    return f"{widths.pop()}s" if len(widths) == 1 and widths != {0} else None


def _packed(rows: Sequence[Sequence[Any]], form: struct.Struct, widths: Sequence[int]) -> Iterator[bytes]:
    yield _BEGIN
    pack, count = form.pack, len(widths)
    # Lengths and values in turn, the values in places that each row fills anew.
    fields: list[Any] = [field for width in widths for field in (width, None)]
    for start in range(0, len(rows), _ROWS):
        pieces = []
        for row in rows[start : start + _ROWS]:
            fields[1::2] = row
            pieces.append(pack(count, *fields))
        yield b"".join(pieces)
    yield _END
