"""Reading a journal: what its frames say, in order, and what is damaged between them.

A reader may follow a journal that is being written: it stops before a frame that is not whole yet. Once nobody writes
any more, such a frame is damage too.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import compress
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from forebear.tracking.journal import frames
from forebear.tracking.journal.frames import (
    FORMAT,
    HEAD,
    HEAD_BYTES,
    MAGIC,
    SYSTEM,
    Digest,
    Kind,
    Micros,
    Number,
    Session,
    Signed,
    SummaryChange,
    TableFrame,
)
from forebear.tracking.journal.scanning import FrameFile

#: Lengths of payloads for which the first part of the checksum is kept.
_SEEDED_BYTES = 16_384

_ROW = frames.lead_of(Kind.ROW)
_unpack = HEAD.unpack_from


def _no_other_values(code: int, data: memoryview) -> Any:
    """Refuse what no writer of journals writes, and nothing that comes after could keep."""
    raise ValueError(f"a value of type {code}")


# Without the hook, which costs a third of the time: whoever takes a row finds out what it cannot keep.
_decode_row = msgspec.msgpack.Decoder(list).decode
_TYPES: dict[int, Any] = {
    Kind.SESSION: Session,
    Kind.KEYS: tuple[int, tuple[str, ...]],
    Kind.NAMED_ROW: tuple[Signed, Signed, dict[str, Any]],
    Kind.BLOB: tuple[Digest, bytes],
    Kind.FILE: tuple[str, Digest, Number, Micros],
    Kind.TABLE: TableFrame,
    Kind.SUMMARY: SummaryChange,
    Kind.CONFIG: dict[str, Any],
    Kind.METRIC: dict[str, Any],
    Kind.LOST: tuple[Number, Number],
    Kind.END: tuple[()],
}
#: Kinds whose values become documents of a catalog.
_DOCUMENTS = frozenset({Kind.TABLE, Kind.SUMMARY, Kind.CONFIG, Kind.METRIC})
#: How deep a document may be; more is a circle, or made to break what reads it.
_MAX_DEPTH = 100
#: Errors that mean that a payload is not what it should be: `msgspec.MsgspecError` is a `ValueError`.
_NOT_UNDERSTOOD = (ValueError, TypeError, RecursionError)
#: Bytes read in one go after damage: there may be more of it.
_CAREFUL_BYTES = 64 * 1024


class Damage(msgspec.Struct, frozen=True):
    """Bytes of a journal that say nothing.

    Attributes:
        frames_before: Sound frames before it, from where the reader began.
        torn: They are the end of the file: the process or the machine ended while a frame was written.
    """

    offset: int
    length: int
    reason: str
    frames_before: int
    torn: bool = False


class Rows(msgspec.Struct):
    """Rows of one set of keys: their sequence numbers, and for each ``[…, step, runtime, value, …]``.

    The first element of a row says nothing to others.
    """

    keys: tuple[str, ...]
    system: bool
    seqs: list[int]
    rows: list[list[Any]]


class Piece(msgspec.Struct):
    """What a stretch of a journal says, from ``start`` to ``end`` (bytes).

    Attributes:
        rows: By set of keys; the set whose last row came last stands last.
        values: Frames of other kinds, in order; a payload is as `Kind` tells.
    """

    start: int
    end: int
    rows: list[Rows]
    values: list[tuple[int, Any]]

    @property
    def empty(self) -> bool:
        """Whether nothing was read."""
        return self.start == self.end


class JournalReader:
    """Reads one file of a journal from a position on, in pieces."""

    def __init__(
        self, path: Path, position: int = 0, *, session: Session | None = None, look_back: bool = True
    ) -> None:
        """Stand at ``position``: the end of what was read before.

        Args:
            look_back: Find out what earlier frames said of keys; without it rows behind ``position`` may be nobody's.

        Raises:
            OSError: the file cannot be opened.
        """
        self.file = FrameFile(path)
        self.position = position
        #: Who wrote it; ``None`` until a frame told it.
        self.session: Session | None = None
        #: A newer forebear wrote it, in a form that is not known here; nothing of it is read.
        self.newer = False
        #: Its writer wrote the last frame.
        self.ended = False
        self.damage: list[Damage] = []
        #: How many frames there were of kinds that are not known here.
        self.unknown: Counter[int] = Counter()
        #: Sound frames so far.
        self.frames = 0
        self._keys: dict[int, tuple[str, ...]] = {}
        self._seeds: dict[int, int] = {}
        self._reset()
        if position and look_back:
            self.stand_at(position)

    def close(self) -> None:
        """Let go of the file; closing twice is fine."""
        self.file.close()

    def stand_at(self, position: int) -> None:
        """Stand at the end of what was read before, and find out what earlier frames said of keys."""
        self.position = position
        self._learn(position)

    def look_around(self) -> None:
        """Find out who writes and which keys have numbers, wherever in the file that is told. Cost: two passes."""
        self._learn(self.file.size)

    def values_before(self, kind: Kind) -> Iterator[Any]:
        """Yield what frames of one kind say that stand before the reader, in order. Cost: one pass."""
        offset, stop = 0, self.position
        while (found := self.file.search(offset, stop, frames.lead_of(kind))) is not None:
            offset = found + self.file.frame_at(found, stop)
            payload = self.file.read(found, offset - found)[HEAD_BYTES:]
            with suppress(*_NOT_UNDERSTOOD):
                yield _value_of(kind, payload)

    def read(self, limit: int, *, final: bool = False) -> Piece:
        """Return what the next ``limit`` bytes say, or a little more or less, and stand behind them.

        A piece ends before the definition of a metric, so that no row before it is judged by it.

        Args:
            final: Nobody writes any more: a frame that is not whole is damage.

        Returns:
            An empty piece where nothing more can be read now.
        """
        start, size = self.position, self.file.size
        self._reset()
        stop = min(start + limit, size)
        careful = False
        while self.position < stop and self._goes_on():
            length = min(stop - self.position, _CAREFUL_BYTES) if careful else stop - self.position
            used = self._take(self.file.read(self.position, length))
            if used == 0 and self._goes_on():
                if not self._overcome(size, final):
                    break
                careful = True
        piece = Piece(start, self.position, self._grouped(), self._values)
        self._reset()  # a reader that waits for more keeps nothing of what it gave away
        return piece

    def _goes_on(self) -> bool:
        return not self._cut and not self.newer

    # -- the bytes ----------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> int:
        """Take in the whole, sound frames that ``data`` begins with; return how many bytes they are."""
        # The loop that a long run is drained by: a million rows a second depend on it.
        rows, offsets, seeds = self._rows, self._offsets, self._seeds
        base, at, size, count = self.position, 0, len(data), 0
        while at + HEAD_BYTES <= size:
            lead, checksum, length = _unpack(data, at)
            stop = at + HEAD_BYTES + length
            if stop > size:
                break
            payload = data[at + HEAD_BYTES : stop]
            try:
                if lead == _ROW:
                    seed = seeds.get(length)
                    if seed is None:
                        seed = self._seed(length)
                    if crc32(payload, seed) != checksum:
                        break
                    rows.append(_decode_row(payload))
                    offsets.append(base + at)
                else:
                    if lead[:2] != MAGIC or crc32(payload, frames.seed_of(lead, length)) != checksum:
                        break
                    if not self._understand(lead[2], lead[3], payload, base + at):
                        break
            except _NOT_UNDERSTOOD:
                break
            at = stop
            count += 1
        self.frames += count
        self.position += at
        return at

    def _seed(self, length: int) -> int:
        seed = frames.seed_of(_ROW, length)
        if length < _SEEDED_BYTES:
            self._seeds[length] = seed
        return seed

    def _overcome(self, size: int, final: bool) -> bool:
        """Get over what stands here and is no whole frame of those at hand; false where one has to wait."""
        whole = self.file.frame_at(self.position, size)
        if whole:  # it is larger than the piece
            if self._take(self.file.read(self.position, whole)):
                return True
            if not self._goes_on():
                return False
        elif not final and self.file.may_grow(self.position, size):
            return False
        following = self.file.search(self.position + 1, size)
        stop = size if following is None else following
        reason = "a frame that cannot be understood" if whole else "no sound frame"
        self._note_damage(self.position, stop - self.position, reason, torn=following is None)
        self.position = stop
        return True

    def _note_damage(self, offset: int, length: int, reason: str, *, torn: bool = False) -> None:
        self.damage.append(Damage(offset, length, reason, self.frames, torn))

    def _learn(self, stop: int) -> None:
        before, self.position = self.position, stop
        for kind in (Kind.SESSION, Kind.KEYS):
            for value in self.values_before(kind):
                self._understand_value(kind, 0, value, 0)
        self.position = before

    # -- what they say ------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._rows: list[list[Any]] = []
        self._offsets: list[int] = []
        self._values: list[tuple[int, Any]] = []
        self._cut = False

    def _understand(self, kind: int, flags: int, payload: bytes, offset: int) -> bool:
        """Take in a frame that is no row of the history; false where the piece ends before it."""
        form = _TYPES.get(kind)
        if kind == Kind.ROW and flags == SYSTEM:
            row = _decode_row(payload)
            if not row:
                raise ValueError("a row without keys")
            row[0] = ~row[0]  # below zero, so that it is a set of its own
            self._add_row(row, offset)
        elif form is None or flags > (SYSTEM if kind == Kind.NAMED_ROW else 0):
            self.unknown[kind] += 1
        elif kind == Kind.METRIC and self._rows:
            self._cut = True
            return False
        else:
            return self._understand_value(kind, flags, _value_of(kind, payload), offset)
        return True

    def _understand_value(self, kind: int, flags: int, value: Any, offset: int) -> bool:
        if kind == Kind.SESSION:
            self.newer = value.format > FORMAT
            self.session = self.session or value
        elif kind == Kind.KEYS:
            self._keys[value[0]] = value[1]
        elif kind == Kind.NAMED_ROW:
            step, runtime, named = value
            self._add_row([(tuple(named), bool(flags)), step, runtime, *named.values()], offset)
        elif kind == Kind.END:
            self.ended = True
        else:
            self._values.append((kind, value))
        return not self.newer

    def _add_row(self, row: list[Any], offset: int) -> None:
        self._rows.append(row)
        self._offsets.append(offset)

    def _grouped(self) -> list[Rows]:
        rows, offsets = self._rows, self._offsets
        try:
            names = {row[0] for row in rows}
        except (IndexError, TypeError):
            rows, offsets = self._named(rows, offsets)
            names = {row[0] for row in rows}
        first = self.session.first_seq if self.session is not None else 0
        if len(names) == 1:
            groups = {rows[0][0]: (offsets, rows)}
        else:
            groups = {name: ([], []) for name in names}
            for offset, row in zip(offsets, rows, strict=True):
                into = groups[row[0]]
                into[0].append(offset)
                into[1].append(row)
        found = []
        for name, (places, members) in groups.items():
            keys, system = self._set_of(name)
            if keys is None or {len(row) for row in members} != {len(keys) + 3}:
                for place in places:
                    self._note_damage(place, self.file.frame_at(place, self.position), "a row whose keys are lost")
                continue
            if not _have_axes(members):
                places, members = self._with_axes(places, members)
            if members:
                found.append(Rows(keys, system, [first + place for place in places], members))
        found.sort(key=lambda group: group.seqs[-1])
        return found

    def _named(self, rows: list[list[Any]], offsets: list[int]) -> tuple[list[list[Any]], list[int]]:
        """Leave out the rows that do not say whose they are."""
        kept = [bool(row) and isinstance(row[0], int | tuple) for row in rows]
        for offset, sound in zip(offsets, kept, strict=True):
            if not sound:
                self._note_damage(offset, self.file.frame_at(offset, self.position), "a row without keys")
        return list(compress(rows, kept)), list(compress(offsets, kept))

    def _with_axes(self, places: list[int], members: list[list[Any]]) -> tuple[list[int], list[list[Any]]]:
        """Leave out the rows that have no step or runtime."""
        kept = [_have_axes([row]) for row in members]
        for place, sound in zip(places, kept, strict=True):
            if not sound:
                self._note_damage(place, self.file.frame_at(place, self.position), "a row without a step")
        return list(compress(places, kept)), list(compress(members, kept))

    def _set_of(self, name: Any) -> tuple[tuple[str, ...] | None, bool]:
        """Return keys and stream of the rows of one name: a number of a set, its complement, or the set itself."""
        if isinstance(name, int):
            return self._keys.get(name if name >= 0 else ~name), name < 0
        if not isinstance(name, tuple):
            return None, False
        keys, system = name
        return keys, system


def _value_of(kind: int, payload: bytes) -> Any:
    """Return what a frame says that is no row. Raises one of `_NOT_UNDERSTOOD`."""
    value = msgspec.msgpack.decode(payload, type=_TYPES[kind], ext_hook=_no_other_values)
    if kind in _DOCUMENTS:
        msgspec.json.encode(value)  # raises, where the catalog could not write it down
        if not _is_shallow(msgspec.to_builtins(value), _MAX_DEPTH):
            raise ValueError("it is too deep")
    return value


def _is_shallow(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return True
    return depth > 0 and all(_is_shallow(item, depth - 1) for item in value)


def _have_axes(rows: list[list[Any]]) -> bool:
    """Whether each row has a step and a runtime: integers that a catalog can hold. Cost: 50 ns a row."""
    try:
        array("q", [row[1] for row in rows])
        array("q", [row[2] for row in rows])
    except (TypeError, OverflowError):
        return False
    return True
