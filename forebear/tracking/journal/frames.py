"""Frames: what a journal is a row of. The form is written down in ``docs/reference/journal-and-history-format.md``.

A frame is a head of 12 bytes (magic, kind, flags, CRC-32, length) and a payload in MessagePack. The checksum covers
everything but the magic and itself, so a frame that passes is whole, and what follows a damaged one is found again by
looking for the next magic whose checksum fits.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import Annotated, Any

import msgspec

from forebear.records.content import DIGEST_BYTES

#: Form of the journal; a reader that knows only smaller numbers leaves the file alone.
FORMAT = 1
#: Not ASCII, not valid UTF-8, and no beginning of a MessagePack value that payloads are full of.
MAGIC = b"\xf5\xc1"
#: Magic with kind and flags, CRC-32, bytes of the payload.
HEAD = struct.Struct("<4sII")
HEAD_BYTES = HEAD.size
#: Sequence numbers count bytes of journals. A session begins with its time multiplied by this: no disk takes so many
#: bytes in a microsecond, so what a later session writes comes after everything that earlier ones wrote.
SEQ_PER_MICROSECOND = 1_024
_LENGTH = struct.Struct("<I")

# What a reader takes; a frame that says anything else cannot be understood. The numbers are those that a catalog and a
# date can hold.
_MOST = (1 << 63) - 1
Number = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
#: A step, or microseconds of a run that began before its clock was set.
Signed = Annotated[int, msgspec.Meta(ge=-_MOST, le=_MOST)]
#: Microseconds since 1970, before the year 9999.
Micros = Annotated[int, msgspec.Meta(ge=0, le=253_370_000_000_000_000)]
#: A sequence number to which the bytes of a file can be added.
Sequence = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Digest = Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
KeyPath = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Kind(IntEnum):
    """What the payload of a frame says. A reader passes over kinds that it does not know, with a note."""

    SESSION = 1
    """`Session`; the first frame."""
    KEYS = 2
    """``[schema, [name, …]]``: rows of this number have these keys. Written twice, for the rows hang on it."""
    ROW = 3
    """``[schema, step, runtime, value, …]``; runtime in microseconds. Flag `SYSTEM`: a row of the machine's stream."""
    NAMED_ROW = 4
    """``[step, runtime, {name: value}]``, where so many sets of keys are in use that numbers would not pay."""
    BLOB = 5
    """``[digest, content]``: bytes that a later frame names."""
    FILE = 6
    """``[path, digest, size, at]``: a file of the run; ``at`` in microseconds since 1970."""
    TABLE = 7
    """`TableFrame`: a version of a collection, to be committed."""
    SUMMARY = 8
    """`SummaryChange`."""
    CONFIG = 9
    """``{…}``: the whole config from here on."""
    METRIC = 10
    """``{…}``: the definition of a metric."""
    LOST = 11
    """``[rows, blobs]``: how many there were no room for since the last such frame."""
    END = 12
    """``[]``: the writer has closed the journal or goes on in another; nothing follows."""


#: Flag of rows: they belong to the stream of the machine.
SYSTEM = 1


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes a journal.

    Attributes:
        store_id: Identity of the store.
        run_key: Key of the run in that store's catalog.
        writer: Label of the process; empty where one alone writes.
        time_base: Microseconds since 1970 that runtime 0 stands for.
        first_seq: Sequence number of the journal's first row; the writer sets it, and never below what it was given.
        part: 0 for the first file of a writer, and one more each time it goes on in another.
        pid_started: As in `RunOrigin`.
    """

    entity: str
    project: str
    run_id: str
    run_key: Number
    store_id: str = ""
    branch: Number = 0
    writer: str = ""
    time_base: Micros = 0
    first_seq: Sequence = 0
    part: Number = 0
    host: str = ""
    pid: Number = 0
    pid_started: int | None = None
    format: int = FORMAT


class TableFrame(msgspec.Struct, frozen=True):
    """An artifact to be committed. Each entry is path, digest and size; its content is held, or in a frame before."""

    name: str
    type: str
    metadata: dict[str, Any]
    entries: list[tuple[str, Digest, Number]]
    aliases: tuple[str, ...] = ()
    description: str | None = None


class SummaryChange(msgspec.Struct, frozen=True):
    """What somebody set in a summary, or took out of it, by paths from its root; deletions come first."""

    set: list[tuple[KeyPath, Any]] = []
    delete: list[KeyPath] = []


def lead_of(kind: int, flags: int = 0) -> bytes:
    """Return the first four bytes of a frame."""
    return MAGIC + bytes((kind, flags))


def seed_of(lead: bytes, length: int) -> int:
    """Return the CRC-32 of what it covers before the payload: kind, flags and length."""
    return zlib.crc32(lead[2:] + _LENGTH.pack(length))


def checksum(lead: bytes, payload: bytes) -> int:
    """Return the CRC-32 of a frame; ``lead`` is its first four bytes."""
    return zlib.crc32(payload, seed_of(lead, len(payload)))


def build(kind: int, value: Any, flags: int = 0) -> bytes:
    """Return a whole frame."""
    lead = lead_of(kind, flags)
    payload = msgspec.msgpack.encode(value)
    return HEAD.pack(lead, checksum(lead, payload), len(payload)) + payload
