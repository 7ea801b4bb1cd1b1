"""Reading the event files of TensorBoard, as far as they hold scalars, images and histograms.

A file is a row of records (length, checksum, bytes, checksum), each a protocol buffer. The few fields that matter are
read here, so that neither TensorFlow nor TensorBoard has to be installed, and a file that is still being written is
followed from where it ended. Sources: the protocol buffer encoding guide, and ``event.proto``, ``summary.proto`` and
``tensor.proto`` of TensorFlow for the numbers of fields and types.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

#: Bytes read in one piece.
_PIECE_BYTES = 1024 * 1024
#: A longer record is none: the file is damaged, or no event file.
_MAX_RECORD_BYTES = 1024 * 1024 * 1024
_HEADER = struct.Struct("<QI")
_FOOTER_BYTES = 4

#: Bins of a histogram.
MAX_BINS = 512

#: Types of tensors: number → format of `struct` and bytes.
_TYPES = {1: ("f", 4), 2: ("d", 8), 3: ("i", 4), 4: ("B", 1), 6: ("b", 1), 9: ("q", 8), 19: ("e", 2)}
_STRING = 7
#: Fields of a tensor that hold values one by one: number → format.
_VALUE_FIELDS = {5: "f", 6: "d"}
_INTEGER_FIELDS = {7, 10}
_STRING_FIELD = 8


class Histogram(NamedTuple):
    """Counts, and the edges of their bins: one more."""

    counts: list[float]
    edges: list[float]


class Picture(NamedTuple):
    """An encoded image, such as a PNG."""

    content: bytes


class Point(NamedTuple):
    """One value: its tag, its step, its time in seconds since 1970."""

    tag: str
    step: int
    time: float
    value: float | Histogram | Picture


class _NoEvents(Exception):
    """The file is damaged beyond its next record, or was never one of events."""


class EventFile:
    """An event file that may still grow."""

    def __init__(self, path: Path) -> None:
        """Begin at its start; nothing is opened yet."""
        self.path = path
        self._position = 0
        self._damaged = False
        #: Tag → plugin that shows it: TensorBoard tells only with a tag's first value.
        self._plugins: dict[str, str] = {}

    def read(self) -> Iterator[Point]:
        """Yield what was written since the last call; a record that is not whole yet waits. Raises `OSError`."""
        if self._damaged:
            return
        try:
            yield from self._read_on()
        except _NoEvents:
            self._damaged = True

    def _read_on(self) -> Iterator[Point]:
        with open(self.path, "rb") as file:
            file.seek(self._position)
            pending = b""
            while piece := file.read(_PIECE_BYTES):
                pending += piece
                used = 0
                while (record := self._record_at(pending, used)) is not None:
                    used += _HEADER.size + len(record) + _FOOTER_BYTES
                    self._position += _HEADER.size + len(record) + _FOOTER_BYTES
                    yield from self._points(record)
                pending = pending[used:]

    def _record_at(self, content: bytes, start: int) -> bytes | None:
        if len(content) - start < _HEADER.size:
            return None
        length, _ = _HEADER.unpack_from(content, start)
        if length > _MAX_RECORD_BYTES:
            raise _NoEvents
        begin = start + _HEADER.size
        if len(content) < begin + length + _FOOTER_BYTES:
            return None
        return content[begin : begin + length]

    def _points(self, record: bytes) -> list[Point]:
        try:
            return list(self._points_of(record))
        except (ValueError, IndexError, struct.error, AttributeError, TypeError):
            # Not an event that anything here knows: a field is cut, or of another form, so that a number stands where
            # bytes should. The next record is a new chance.
            return []

    def _points_of(self, record: bytes) -> Iterator[Point]:
        time, step, summaries = 0.0, 0, []
        for number, value in _fields(record):
            if number == 1:
                time = _double(value)
            elif number == 2:
                step = _signed(value)
            elif number == 5:
                summaries.append(value)
        for summary in summaries:
            for number, value in _fields(summary):
                if number == 1:
                    tag, found = self._value_of(value)
                    if found is not None:
                        yield Point(tag, step, time, found)

    def _value_of(self, content: bytes) -> tuple[str, float | Histogram | Picture | None]:
        fields = dict(_fields(content))
        tag = fields.get(1, b"").decode()
        if 9 in fields and (plugin := _plugin_of(fields[9])):
            self._plugins[tag] = plugin
        if 2 in fields:
            return tag, struct.unpack("<f", fields[2])[0]
        if 4 in fields:
            image = dict(_fields(fields[4]))
            return tag, Picture(image[4]) if 4 in image else None
        if 5 in fields:
            return tag, _histogram_of(fields[5])
        return tag, _tensor_value(fields[8], self._plugins.get(tag, "")) if 8 in fields else None


def _tensor_value(content: bytes, plugin: str) -> float | Histogram | Picture | None:
    """Return what a tensor means for the plugin that shows it; TensorFlow 2 keeps all its summaries as tensors."""
    kind, shape, values = _tensor_of(content)
    if plugin == "scalars" and len(values) == 1 and kind != _STRING:
        return float(values[0])
    if plugin == "images" and kind == _STRING and len(values) > 2:
        return Picture(values[2])  # the first two are width and height
    if plugin == "histograms" and len(shape) == 2 and shape[1] == 3:
        rows = [values[at : at + 3] for at in range(0, len(values), 3)]
        return (
            Histogram(*_compact([row[2] for row in rows], [row[0] for row in rows] + [rows[-1][1]])) if rows else None
        )
    return None


def _tensor_of(content: bytes) -> tuple[int, list[int], list[Any]]:
    kind, shape, packed = 0, [], b""
    values: list[Any] = []
    for number, value in _fields(content):
        if number == 1:
            kind = value
        elif number == 2:
            shape = [dict(_fields(size)).get(1, 0) for at, size in _fields(value) if at == 2]
        elif number == 4:
            packed = value
        elif number in _VALUE_FIELDS:
            form = _VALUE_FIELDS[number]
            values += [one[0] for one in struct.iter_unpack(f"<{form}", value)]
        elif number in _INTEGER_FIELDS:
            values += _integers(value)
        elif number == _STRING_FIELD:
            values.append(value)
    if packed and kind in _TYPES:
        values = [one[0] for one in struct.iter_unpack(f"<{_TYPES[kind][0]}", packed)]
    return kind, shape, values


def _integers(value: int | bytes) -> list[int]:
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(_signed(number))
    return found


def _histogram_of(content: bytes) -> Histogram | None:
    fields = dict(_fields(content))
    limits = [one[0] for one in struct.iter_unpack("<d", fields.get(6, b""))]
    counts = [one[0] for one in struct.iter_unpack("<d", fields.get(7, b""))]
    if not counts or len(limits) != len(counts):
        return None
    # Buckets are given by their upper limits; the outermost may be infinite, or beyond what there was.
    low, high = _double(fields.get(1, bytes(8))), _double(fields.get(2, bytes(8)))
    edges = [min(low, limits[0]), *limits]
    if edges[-1] > high >= edges[-2]:
        edges[-1] = high
    return Histogram(*_compact(counts, edges))


def _compact(counts: list[float], edges: list[float]) -> tuple[list[float], list[float]]:
    """Leave out empty bins at both ends, and join neighbours until there are few: writers make hundreds of bins."""
    filled = [index for index, count in enumerate(counts) if count]
    if filled:
        counts, edges = counts[filled[0] : filled[-1] + 1], edges[filled[0] : filled[-1] + 2]
    while len(counts) > MAX_BINS:
        counts = [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)]
        edges = [*edges[:-1:2], edges[-1]]
    return counts, edges


def _plugin_of(metadata: bytes) -> str:
    for number, value in _fields(metadata):
        if number == 1:
            return str(dict(_fields(value)).get(1, b"").decode())
    return ""


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field: an integer, or bytes."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, form = key >> 3, key & 7
        if form == 0:
            value, at = _varint(content, at)
            yield number, value
            continue
        if form == 2:
            length, at = _varint(content, at)
        elif form in {1, 5}:
            length = 8 if form == 1 else 4
        else:
            raise ValueError(f"a field of form {form}")
        if at + length > len(content):
            raise ValueError("a field is cut off")
        yield number, content[at : at + length]
        at += length


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("an integer is too long")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _double(value: bytes) -> float:
    return float(struct.unpack("<d", value)[0])
