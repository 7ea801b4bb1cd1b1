"""Columns: the values of one key in a block, and the axis that all columns of a block share, as bytes and back.

The form is written down in ``docs/reference/journal-and-history-format.md``. Numbers are laid out byte by byte (all
first bytes, then all second bytes, …) before they are compressed: the upper bytes of one metric are much alike.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property
from itertools import accumulate, chain
from operator import lt, sub
from typing import Any, NamedTuple

import msgspec
import zstandard

from forebear.errors import CorruptData
from forebear.records.history import Column, Span
from forebear.tracking.history.sparse import Sparse

#: Higher levels take longer and save 1 % of measured metrics.
_LEVEL = 1
#: Largest column that a reader takes, in bytes before compression: a forged length must not take all memory.
MAX_COLUMN_BYTES = 1 << 30
#: Most rows of a block that a reader takes; a writer makes some thousands.
MAX_BLOCK_ROWS = 1 << 20
_WORD = 8
#: What goes wrong with bytes that no packer made; `msgspec.MsgspecError` is a `ValueError`.
_NOT_READ = (zstandard.ZstdError, ValueError, TypeError, IndexError, OverflowError, RecursionError)
_LITTLE = sys.byteorder == "little"
#: Compressing less than this makes more of it.
_WORTH_BYTES = 128


class Kind(IntEnum):
    """How the bytes of a column are read, after decompression."""

    FLOATS = 1
    """IEEE 754 numbers of 64 bits, byte by byte."""
    INTS = 2
    """Signed integers of 64 bits, byte by byte."""
    BOOLS = 3
    """One byte a value, 0 or 1."""
    MIXED = 4
    """A MessagePack array of any values."""
    FEW = 5
    """A MessagePack array of two arrays: the rows that have a value, ascending, and their values. Not compressed."""
    SOME = 6
    """The same, compressed."""


#: How a line of integers of an axis is kept: first value and stride; first value and differences; MessagePack array.
_EVEN, _DELTAS, _PLAIN = 0, 1, 2


class Axis(NamedTuple):
    """Sequence number, step and runtime (microseconds) of each row."""

    seqs: Sequence[int]
    steps: Sequence[int]
    runtimes: Sequence[int]


class StoredAxis:
    """An axis as it was stored; each line is read when somebody asks for it.

    Raises:
        CorruptData: from each line, where its bytes are not those of an axis.
    """

    def __init__(self, unpacker: Unpacker, data: bytes, rows: int) -> None:
        self._unpacker = unpacker
        self._rows = rows
        try:
            if not 0 <= rows <= MAX_BLOCK_ROWS:
                raise ValueError(f"a block of {rows} rows")
            self._lines = msgspec.msgpack.decode(data, type=tuple[list[Any], list[Any], list[Any]])
        except _NOT_READ as err:
            raise _corrupt(f"an axis cannot be read: {err}") from err

    @cached_property
    def seqs(self) -> Sequence[int]:
        """See `Axis`."""
        return self._unpacker.line(self._lines[0], self._rows)

    @cached_property
    def steps(self) -> Sequence[int]:
        """See `Axis`."""
        return self._unpacker.line(self._lines[1], self._rows)

    @cached_property
    def runtimes(self) -> Sequence[int]:
        """See `Axis`."""
        return self._unpacker.line(self._lines[2], self._rows)


class Packer:
    """Makes columns and axes. Not safe for threads: it reuses the state of the compressor."""

    def __init__(self) -> None:
        self._compress = zstandard.ZstdCompressor(level=_LEVEL).compress

    def column(self, values: Sequence[Any]) -> Column:
        """Return plain values as a column; a value that changes its type is kept as it is."""
        if isinstance(values, array):
            return Column(Kind.FLOATS if values.typecode == "d" else Kind.INTS, self._words(values))
        types = set(map(type, values))
        if types == {float}:
            return Column(Kind.FLOATS, self._words(array("d", values)))
        if types == {bool}:
            return Column(Kind.BOOLS, self._compress(bytes(values)))
        if types == {int}:
            try:
                return Column(Kind.INTS, self._words(array("q", values)))
            except OverflowError:  # above 2**63 - 1, which MessagePack can say
                pass
        return Column(Kind.MIXED, self._compress(msgspec.msgpack.encode(values)))

    def sparse(self, values: Sparse, steps: Sequence[int]) -> Column:
        """Return the plain values of some rows as a column; ``steps`` are those of all rows of the block."""
        data = msgspec.msgpack.encode((values.rows, values.values))
        theirs = [steps[row] for row in values.rows]
        span = Span(len(theirs), min(theirs), max(theirs))
        if len(data) < _WORTH_BYTES:
            return Column(Kind.FEW, data, span)
        return Column(Kind.SOME, self._compress(data), span)

    def axis(self, axis: Axis) -> bytes:
        """Return an axis as bytes."""
        return msgspec.msgpack.encode([self._line(numbers) for numbers in axis])

    def _line(self, numbers: Sequence[int]) -> list[Any]:
        first = numbers[0] if numbers else 0
        deltas = list(map(sub, numbers[1:], numbers))
        try:
            if len(set(deltas)) <= 1:
                return [_EVEN, first, *array("q", deltas[:1] or [0])]
            return [_DELTAS, first, self._words(array("q", deltas))]
        except OverflowError:  # differences of more than 64 bits
            return [_PLAIN, self._compress(msgspec.msgpack.encode(numbers))]

    def _words(self, numbers: array[Any]) -> bytes:
        data = numbers.tobytes()
        places = range(_WORD) if _LITTLE else reversed(range(_WORD))
        return self._compress(b"".join([data[place::_WORD] for place in places]))


class Unpacker:
    """Reads what `Packer` made. Not safe for threads.

    Raises:
        CorruptData: from each method, where bytes are not what a packer makes or do not have that many values.
    """

    def __init__(self) -> None:
        self._decompress = zstandard.ZstdDecompressor().decompress

    def column(self, column: Column, rows: int) -> Sequence[Any]:
        """Return the values of a column: an array of numbers where they are all floats or all integers.

        Those of some rows come as `Sparse`.
        """
        try:
            return self._column(column, rows)
        except _NOT_READ as err:
            raise _corrupt(f"a column of kind {column.kind} cannot be read: {err}") from err

    def axis(self, data: bytes, rows: int) -> StoredAxis:
        """Return an axis."""
        return StoredAxis(self, data, rows)

    def line(self, line: list[Any], rows: int) -> Sequence[int]:
        """Return one line of integers of an axis."""
        try:
            return self._line(line, rows)
        except _NOT_READ as err:
            raise _corrupt(f"an axis cannot be read: {err}") from err

    def _column(self, column: Column, rows: int) -> Sequence[Any]:
        if not 0 <= rows <= MAX_BLOCK_ROWS:
            raise ValueError(f"a block of {rows} rows")
        if column.kind == Kind.FLOATS:
            return self._words("d", column.data, rows)
        if column.kind == Kind.INTS:
            return self._words("q", column.data, rows)
        if column.kind == Kind.FEW:
            return _sparse(column.data, rows)
        data = self._plain(column.data, rows if column.kind == Kind.BOOLS else None)
        if column.kind == Kind.SOME:
            return _sparse(data, rows)
        values: list[Any]
        if column.kind == Kind.BOOLS:
            values = [byte != 0 for byte in data]
        elif column.kind == Kind.MIXED:
            values = msgspec.msgpack.decode(data, type=list[Any])
        else:
            raise ValueError("a newer forebear wrote it")
        return _checked(values, rows)

    def _line(self, line: list[Any], rows: int) -> Sequence[int]:
        form = line[0]
        if form == _EVEN:
            _, first, stride = line
            if type(first) is not int or type(stride) is not int:
                raise ValueError("its numbers are none")
            return range(first, first + stride * rows, stride) if stride else [first] * rows
        if form == _DELTAS:
            if type(line[1]) is not int:
                raise ValueError("its first number is none")
            return list(accumulate(self._words("q", line[2], rows - 1), initial=line[1]))
        if form == _PLAIN:
            return _checked(msgspec.msgpack.decode(self._plain(line[1]), type=list[int]), rows)
        raise ValueError(f"form {form!r} is not known")

    def _words(self, code: str, data: bytes, rows: int) -> array[Any]:
        planes = self._plain(data, rows * _WORD)
        whole = bytearray(len(planes))
        for place in range(_WORD):
            whole[place::_WORD] = planes[place * rows : (place + 1) * rows]
        numbers = array(code)
        numbers.frombytes(whole)
        if not _LITTLE:
            numbers.byteswap()
        return numbers

    def _plain(self, data: bytes, size: int | None = None) -> bytes:
        """Return the content of a frame, of ``size`` bytes where that is known."""
        told = zstandard.frame_content_size(data)
        if not 0 <= told <= MAX_COLUMN_BYTES:
            raise ValueError("its length is not told, or too much")
        if size is not None and told != size:
            raise ValueError(f"{told} bytes instead of {size}")
        return self._decompress(data)


def joined(pieces: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Return values one after the other: an array where all are arrays of one kind."""
    if len(pieces) == 1:
        return pieces[0]
    arrays = [piece for piece in pieces if isinstance(piece, array)]
    if len(arrays) == len(pieces) and len({piece.typecode for piece in arrays}) == 1:
        return array(arrays[0].typecode, b"".join(arrays))
    return list(chain.from_iterable(pieces))


def _sparse(data: bytes, size: int) -> Sparse:
    rows, values = msgspec.msgpack.decode(data, type=tuple[list[int], list[Any]])
    if len(rows) != len(values) or not rows or rows[0] < 0 or rows[-1] >= size or not all(map(lt, rows, rows[1:])):
        raise ValueError(f"{len(values)} values for {len(rows)} of {size} rows")
    return Sparse(rows, values, size)


def _checked(values: list[Any], rows: int) -> list[Any]:
    if len(values) != rows:
        raise ValueError(f"{len(values)} values for {rows} rows")
    return values


def _corrupt(words: str) -> CorruptData:
    return CorruptData(f"a block of a history is damaged: {words}", code="corrupt-history")
