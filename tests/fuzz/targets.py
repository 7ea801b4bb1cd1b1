"""The parsers of everything that is read from a store, each fed with bytes that anybody may have made.

A target returns, or raises what its parser may raise; anything else is a defect. Where a checksum or a digest stands
before the parser, the target makes it fit: an enemy would.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import zstandard

from forebear.artifacts.manifest import Manifest, build, parse_page
from forebear.artifacts.media import decode_media
from forebear.artifacts.values import decode_value, encode_value
from forebear.blobs.assembly import assemble, stream_blob
from forebear.blobs.codecs import squeeze
from forebear.blobs.digest import digest_of
from forebear.blobs.objects import check_object_name
from forebear.blobs.pack import (
    FOOTER_BYTES,
    MAGIC,
    PackWriter,
    footer_range,
    index_range,
    read_index,
    read_recipe,
    unpack,
)
from forebear.blobs.reader import read_blobs
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import CorruptData, ForebearError, InvalidInput, NotFound, Unsupported
from forebear.names import ArtifactRef, parse_ref, parse_time
from forebear.records.content import CODEC_RECIPE, Location, Recipe
from forebear.records.history import Column
from forebear.records.lineage import Direction, EdgeKind
from forebear.records.queries import RunQuery
from forebear.store import marks
from forebear.store.paths import check_inner_path, safe_join
from forebear.store.records import read_record
from forebear.store.urls import parse_store_url, shown_url
from forebear.testing.memory_objects import MemoryObjects
from forebear.tracking.event_files import EventFile
from forebear.tracking.history.columns import Axis, Packer, Unpacker
from forebear.tracking.history.sparse import Sparse
from forebear.tracking.journal import frames
from forebear.tracking.journal.frames import Kind, Session, SummaryChange, TableFrame
from forebear.tracking.journal.reader import JournalReader

#: What one input may yield; an input of some KiB that says more says it again and again.
MOST = 200_000


class Target(NamedTuple):
    """One parser, or several that are fed with the same bytes."""

    run: Callable[[bytes], object]
    #: Sound inputs, and some that are made to hurt.
    seeds: Callable[[], list[bytes]]


def exhaust(values: Iterator[Any]) -> int:
    """Count what an iterator yields; too much is a defect."""
    count = 0
    for _ in values:
        count += 1
        assert count <= MOST, "it yields without end"
    return count


@contextlib.contextmanager
def file_of(content: bytes, name: str = "input") -> Iterator[Path]:
    """A file, in memory where the machine has such a place."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="forebear-fuzz-", dir=place) as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        yield path


def each(allowed: tuple[type[ForebearError], ...], *calls: Callable[[], object]) -> None:
    """Make calls that may each be refused."""
    for call in calls:
        with contextlib.suppress(*allowed):
            call()


# -- manifests --------------------------------------------------------------------------------------------------------


def manifest(content: bytes) -> None:
    """Pages as they are; then as a tree, in which a small number stands for the digest of an earlier page."""
    each((CorruptData,), lambda: parse_page(bytes(32), content))
    try:
        described = msgspec.msgpack.decode(content, type=list[Any])
    except (ValueError, RecursionError):
        return
    pages: dict[bytes, bytes] = {}
    order: list[bytes] = []
    for page in described:
        with contextlib.suppress(TypeError, ValueError, LookupError, RecursionError):
            page = _with_digests(page, order)
        try:
            encoded = msgspec.msgpack.encode(page)
        except (TypeError, ValueError, RecursionError, OverflowError):
            continue
        order.append(digest_of(encoded))
        pages[order[-1]] = encoded

    def load(digests: list[bytes]) -> dict[bytes, bytes]:
        missing = [digest for digest in digests if digest not in pages]
        if missing:
            raise CorruptData("missing", code="missing-blob", digest=missing[0])
        return {digest: pages[digest] for digest in digests}

    for root in order[-3:]:
        tree = Manifest(root, load)
        each(
            (CorruptData,),
            lambda tree=tree: exhaust(tree.rows()),  # type: ignore[misc]
            lambda tree=tree: exhaust(tree.rows("a")),  # type: ignore[misc]
            lambda tree=tree: tree.entries,  # type: ignore[misc]
            lambda tree=tree: tree.get("a/b"),  # type: ignore[misc]
            lambda tree=tree: exhaust(tree.page_digests()),  # type: ignore[misc]
            lambda tree=tree: tree.changed_rows(Manifest(order[0], load)),  # type: ignore[misc]
            lambda tree=tree: Manifest(order[0], load).changed_rows(tree),  # type: ignore[misc]
        )


def _with_digests(page: Any, order: list[bytes]) -> Any:
    form, level, rows = page
    if level:
        rows = [
            [row[0], order[row[1] % len(order)] if order and type(row[1]) is int else row[1], *row[2:]] if row else row
            for row in rows
        ]
    return form, level, rows


def _manifest_seeds() -> list[bytes]:
    encode = msgspec.msgpack.encode
    digest = bytes(range(32))
    leaf = [1, 0, [["a/a", 1, digest], ["a/b", 2, digest], ["b", 3, digest, "s3://b/k", {"etag": "x"}]]]
    other = [1, 0, [["c", 1, digest], ["d/e", None, None, "file:///x", {}]]]
    inner = [1, 1, [["a/a", 0, 3, 6], ["c", 1, 2, 1]]]
    top = [1, 2, [["a/a", 2, 5, 7]]]
    bomb: list[Any] = [[1, 0, [["a", 1, digest]]]]
    bomb += [[1, level, [["a", level - 1, 1, 1], ["b", level - 1, 1, 1]]] for level in range(1, 40)]
    tower: list[Any] = [[1, 0, [["a", 1, digest]]], *([1, level, [["a", level - 1, 1, 1]]] for level in range(1, 80))]
    built = build([(f"{number:03}", number, digest) for number in range(600)])
    return [
        *built.pages.values(),
        encode([leaf]),
        encode([leaf, other, inner]),
        encode([leaf, other, inner, top]),
        encode([leaf, other, [1, 1, [["a/a", 0, 3, 6], ["a/b", 0, 3, 6]]]]),
        encode(bomb),
        encode(tower),
    ]


# -- journals ---------------------------------------------------------------------------------------------------------


def journal(content: bytes) -> None:
    """Bytes as they are, and cut into payloads whose checksums fit."""
    _read_journal(content)
    _read_journal(_framed(content))


def _read_journal(content: bytes) -> None:
    with file_of(content, "1700000000000-aa.journal") as path:
        reader = JournalReader(path)
        try:
            reader.look_around()
            for final in (False, True):
                taken = 0
                while not (piece := reader.read(1024, final=final)).empty:
                    taken += 1
                    assert taken <= len(content) + 1, "it stands still"
                    for rows in piece.rows:
                        assert len(rows.rows) == len(rows.seqs)
                        for row in rows.rows:
                            struct.pack("<qq", row[1], row[2])
                            assert len(row) == len(rows.keys) + 3
            for kind in (Kind.SESSION, Kind.KEYS, Kind.SUMMARY):
                exhaust(reader.values_before(kind))
            exhaust(iter(reader.damage))
        finally:
            reader.close()


def _framed(content: bytes) -> bytes:
    """Read kind, flags, length (two bytes) and payload, again and again, and make sound frames of them."""
    found, at = [], 0
    while at + 4 <= len(content):
        kind, flags, length = content[at], content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        lead, payload = frames.lead_of(kind, flags), content[at + 4 : at + 4 + length]
        found.append(frames.HEAD.pack(lead, frames.checksum(lead, payload), len(payload)) + payload)
        at += 4 + length
    return b"".join(found)


def _payload(kind: int, value: Any, flags: int = 0) -> bytes:
    payload = msgspec.msgpack.encode(value)
    return bytes((kind, flags)) + len(payload).to_bytes(2) + payload


_VALUES: list[tuple[int, Any, int]] = [
    (Kind.SESSION, Session(entity="e", project="p", run_id="r", run_key=1, time_base=1_700_000_000_000_000), 0),
    (Kind.KEYS, [1, ["loss", "acc"]], 0),
    (Kind.ROW, [1, 0, 10, 0.5, 0.25], 0),
    (Kind.ROW, [1, 1, 20, 0.25, {"a": [1, "x", None]}], 0),
    (Kind.ROW, [1, 2, 30, 1, 2], 1),
    (Kind.NAMED_ROW, [3, 40, {"x": 1.5, "y": "text"}], 0),
    (Kind.NAMED_ROW, [3, 40, {"cpu": 1}], 1),
    (Kind.BLOB, [digest_of(b"b"), b"b"], 0),
    (Kind.FILE, ["media/a.png", digest_of(b"b"), 1, 1_700_000_000_000_000], 0),
    (Kind.TABLE, TableFrame("run-r-t", "run_table", {"k": 1}, [("t.table.json", digest_of(b"b"), 1)]), 0),
    (Kind.SUMMARY, SummaryChange([(("a", "b"), 1)], [("c",)]), 0),
    (Kind.CONFIG, {"lr": 0.1, "deep": {"er": [1, {"x": None}]}}, 0),
    (Kind.METRIC, {"name": "loss", "summary": ["min"]}, 0),
    (Kind.LOST, [1, 2], 0),
    (Kind.END, [], 0),
    (40, ["of a newer one"], 0),
]


def _journal_seeds() -> list[bytes]:
    whole = b"".join(frames.build(kind, value, flags) for kind, value, flags in _VALUES)
    each_alone = [_payload(kind, value, flags) for kind, value, flags in _VALUES]
    odd = [[], [[1], 0, 0], ["a", 1, 1], [1], [1, 2], [1, 0.5, 1, 1, 1], [1, 2**63, 1, 1, 1], [-2, 0, 0, 1, 1], {}]
    return [
        whole,
        b"".join(each_alone),
        *each_alone,
        _payload(Kind.KEYS, [1, ["a", "b"]]) + b"".join(_payload(Kind.ROW, row) for row in odd),
        b"".join(_payload(Kind.ROW, row, 1) for row in odd),
        (frames.lead_of(3) + b"\x00\x00\x00\x00\xf0\x00\x00\x00") * 200,
    ]


# -- packs and slices -------------------------------------------------------------------------------------------------


def pack(content: bytes) -> None:
    """A pack as it is, and one whose index and footer fit to each other."""
    _read_pack(content)
    index, body = content[: len(content) // 2], content[len(content) // 2 :]
    footer = struct.pack("<QQ32s8s", len(MAGIC) + len(body), len(index) // 57, digest_of(index), MAGIC)
    _read_pack(MAGIC + body + index + footer)
    each((CorruptData,), lambda: read_recipe("pack/aa/bb", content, 100))
    frame = zstandard.ZstdCompressor().compress(content[: len(content) // 57 * 57])
    each((CorruptData,), lambda: read_recipe("pack/aa/bb", frame, 100))


def _read_pack(content: bytes) -> None:
    with contextlib.suppress(CorruptData):
        at, length = footer_range(len(content))
        footer = content[at : at + length]
        offset, length = index_range("pack/aa/bb", len(content), footer)
        assert offset + length + FOOTER_BYTES <= len(content)
        for part in read_index("pack/aa/bb", footer, content[offset : offset + length]):
            stored = content[part.offset : part.offset + part.stored]
            if part.codec == CODEC_RECIPE:
                each((CorruptData,), lambda part=part, stored=stored: read_recipe("p", stored, part.size))  # type: ignore[misc]
            else:
                each((CorruptData,), lambda part=part, stored=stored: unpack(stored, part.size, part.codec))  # type: ignore[misc]


def _a_pack() -> bytes:
    objects = MemoryObjects()
    writer = PackWriter(objects.sink())
    blobs = [b"", b"a", b"text " * 100, bytes(range(256)) * 4, os.urandom(0) + b"\x00\x00\x80\x3f" * 20_000]
    for blob in blobs:
        writer.add(digest_of(blob), blob, compress=True)
    parts = tuple(digest_of(blob) for blob in blobs[1:4])
    writer.add_recipe(digest_of(b"".join(blobs[1:4])), Recipe(sum(map(len, blobs[1:4])), parts), {})
    return objects.read(writer.finish().name)


def _pack_seeds() -> list[bytes]:
    whole = _a_pack()
    line = struct.Struct("<32sQQQB")
    lines = [
        line.pack(bytes(32), 8, 4, 4, 0),
        line.pack(bytes(32), 8, 4, 2**60, 1),
        line.pack(bytes(32), 2**63, 2**63, 2**63, 2),
        line.pack(b"\xff" * 32, 8, 20, 100, 128),
        line.pack(b"\xff" * 32, 8, 20, 100, 64),
    ]
    return [whole, whole[: len(whole) // 2], *lines, b"".join(lines), b"".join(lines) * 2, MAGIC]


_SLICE = struct.Struct("<BQ")


def slices(content: bytes) -> None:
    """A codec, a size, and bytes: as a slice, and as what a catalog says of a blob made of such slices."""
    if len(content) < _SLICE.size:
        return
    codec, size = _SLICE.unpack_from(content)
    stored = content[_SLICE.size :]
    with contextlib.suppress(CorruptData):
        assert len(unpack(stored, size, codec)) == size
    objects = MemoryObjects()
    objects.put("loose/aa/bb", stored)
    digest, part = digest_of(stored), bytes(32)
    names = ("loose/aa/bb", "loose/aa/gone", "../../etc/passwd", stored[:20].decode("latin-1"))
    for name in names:
        for offset, length in ((0, len(stored)), (size, 2**60), (2**62, 2**62), (1, 0), (-1, 4), (0, -4)):
            where = Location(name, offset, length, size, codec)
            with contextlib.suppress(CorruptData, InvalidInput):
                exhaust(read_blobs(objects, [(digest, where)]))
            recipe = Recipe(size, (part, part))
            with contextlib.suppress(CorruptData, InvalidInput):
                exhaust(stream_blob(objects, digest, recipe, {part: where}))
            if name == names[0] and offset == 0:  # files cost most
                with file_of(b"") as path, contextlib.suppress(CorruptData, InvalidInput):
                    assemble(objects, digest, recipe, {part: where}, str(path))


def _slices_seeds() -> list[bytes]:
    found = []
    for blob in (b"", b"a" * 100, b"\x00\x00\x80\x3f" * 20_000, b"\x80\x3f" * 40_000):
        stored, codec = squeeze(blob)
        found.append(_SLICE.pack(codec, len(blob)) + bytes(stored))
    apart = struct.pack("<II", 3, 3) + b"abcdef"
    forged = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**60) + b"\x01\x00\x00"
    found += [_SLICE.pack(2, 6) + apart, _SLICE.pack(1, 2**60) + forged, _SLICE.pack(3, 2**60) + bytes(16)]
    return found


# -- histories --------------------------------------------------------------------------------------------------------


_BLOCK = struct.Struct("<BI")


def history(content: bytes) -> None:
    """A kind, a number of rows, and bytes: as a column and as an axis, also with a frame around them."""
    if len(content) < _BLOCK.size:
        return
    kind, rows = _BLOCK.unpack_from(content)
    data = content[_BLOCK.size :]
    unpacker = Unpacker()
    for each_data in (data, zstandard.ZstdCompressor().compress(data)):
        with contextlib.suppress(CorruptData):
            values = unpacker.column(Column(kind, each_data), rows)
            assert len(values) == rows
        with contextlib.suppress(CorruptData):
            axis = unpacker.axis(each_data, rows)
            for line in ("seqs", "steps", "runtimes"):
                with contextlib.suppress(CorruptData):
                    numbers = getattr(axis, line)
                    assert len(numbers) == rows
                    assert all(type(number) is int for number in numbers[:100])
    for size in (rows * 2**31, -rows, 2**62):
        each((CorruptData,), lambda size=size: unpacker.column(Column(kind, data), size))  # type: ignore[misc]


def _history_seeds() -> list[bytes]:
    packer = Packer()
    found = []
    for values in ([1.0, 2.0, 0.5], [1, 2, 3], [True, False], [1, "a", None, {"b": [1.5]}], [2**63], ["x" * 200] * 3):
        column = packer.column(values)
        found.append(_BLOCK.pack(column.kind, len(values)) + column.data)
    for rows in ([0, 2], list(range(100))):
        column = packer.sparse(Sparse(rows, [0.5] * len(rows), 200), list(range(200)))
        found.append(_BLOCK.pack(column.kind, 200) + column.data)
    for numbers in ([0, 1, 2], [5, 1, 9], [0, 2**62, -(2**62), 2**62], [7, 7, 7]):
        found.append(_BLOCK.pack(0, len(numbers)) + packer.axis(Axis(numbers, numbers, numbers)))
    return found


# -- values, tables, media --------------------------------------------------------------------------------------------

_SUFFIXES = (
    ".json", ".npy", ".parquet", ".table.json", ".image-file.json", ".images-separated.json", ".histogram.json",
    ".graph-file.json", ".joined-table.json", ".partitioned-table.json", ".classes.json", ".audio-file.json",
)  # fmt: skip


def values(content: bytes) -> None:
    """The first byte chooses the name of a file; its content, and that of every file it names, is the rest."""
    if not content:
        return
    path = f"x{_SUFFIXES[content[0] % len(_SUFFIXES)]}"
    rest = content[1:]
    asked = []

    def read(name: str) -> bytes:
        asked.append(name)
        if type(name) is not str or len(asked) > 50:
            raise NotFound(f"no file {name!r}", code="path-not-found")
        return rest

    each((CorruptData, InvalidInput, NotFound), lambda: decode_value(path, rest))
    with contextlib.suppress(CorruptData, InvalidInput, NotFound):
        found = decode_media(path, rest, read)
        if found is not None:
            repr(found)


def _values_seeds() -> list[bytes]:
    import numpy as np
    import pandas as pd

    def seed(suffix: str, content: bytes) -> bytes:
        return bytes((_SUFFIXES.index(suffix),)) + content

    npy = encode_value(np.arange(6).reshape(2, 3), "x")[1]
    parquet = encode_value(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "x")[1]
    table = {
        "columns": ["a", "b", "c"],
        "ncols": 3,
        "nrows": 2,
        "column_types": {"a": {"type": "number", "optional": True}, "b": {"type": "timestamp", "optional": False}},
        "data": [
            [1, "2026-01-01", {"_type": "number", "value": "NaN"}],
            [2, None, [1, {"_type": "dictionary", "value": {}}]],
        ],
        "before": "y.table.json",
    }
    image = {"_type": "image-file", "path": "a.png", "digest": "00", "size": 1, "boxes": {}, "masks": {}}
    forms: dict[str, Any] = {
        ".table.json": table,
        ".image-file.json": image | {"classes": {"_type": "classes", "class_set": [{"id": 1, "name": "x"}]}},
        ".images-separated.json": {
            "_type": "images/separated",
            "count": 1,
            "filenames": ["a.png"],
            "width": 1,
            "height": 1,
        },
        ".histogram.json": {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]},
        ".graph-file.json": {"_type": "graph-file", "path": "g", "format": "keras", "nodes": [], "edges": []},
        ".partitioned-table.json": {"_type": "partitioned-table", "parts": [{"_type": "table-file", "path": "t"}]},
        ".joined-table.json": {"_type": "joined-table", "table1": image, "table2": image, "join_key": "a"},
        ".classes.json": {"_type": "classes", "class_set": [{"id": 1, "name": "x"}]},
        ".audio-file.json": {"_type": "audio-file", "path": "https://host/x.wav", "caption": 1},
    }
    plain = {"a": [1, 2.5, None, "x", {"b": True}]}
    return [
        seed(".npy", npy),
        seed(".npy", npy.replace(b"(2, 3)", b"(9999999999, 9999999999)")),
        seed(".parquet", parquet),
        seed(".json", msgspec.json.encode(plain)),
        *(seed(suffix, msgspec.json.encode(form)) for suffix, form in forms.items()),
        seed(".images-separated.json", msgspec.json.encode({"_type": "images/separated", "count": 2**60})),
    ]


# -- marks and records ------------------------------------------------------------------------------------------------


def mark(content: bytes) -> None:
    """``store.json``, and the record of a version."""
    each((CorruptData, Unsupported), lambda: marks._parsed(content, "store.json", "a bucket"))
    objects = MemoryObjects()
    objects.put("versions/e/p/n/v0-0.json", content)
    each((CorruptData,), lambda: read_record(objects, "versions/e/p/n/v0-0.json"))


def _mark_seeds() -> list[bytes]:
    record = {
        "format": 1, "entity": "e", "project": "p", "name": "n", "type": "t", "number": 0, "root": "0" * 64, "size": 1,
        "file_count": 1, "description": None, "metadata": {"a": [1]}, "created_at": "2026-01-01T00:00:00Z",
        "aliases": ["latest"], "tags": [], "run": "r",
    }  # fmt: skip
    return [
        msgspec.json.encode(marks.StoreMark(2, "f" * 32, "blobs=s3://bucket/x")),
        b'{"format":1,"id":"../../../../tmp"}',
        b'{"format":-1,"id":"a"}',
        msgspec.json.encode(record),
        msgspec.json.encode(record | {"root": "xyz", "number": -1}),
    ]


# -- databases --------------------------------------------------------------------------------------------------------


def database(content: bytes) -> None:
    """A catalog: all that is asked of it when a store is opened and looked at."""
    with file_of(content, "catalog.db") as path:
        try:
            catalog = SqliteCatalog(path, create=False)
        except ForebearError:
            return
        try:
            look_at(catalog)
        finally:
            catalog.close()


def look_at(catalog: SqliteCatalog) -> int:
    """Ask a catalog for all that readers ask for; return how often it refused, the only other thing it may do."""
    refused = 0
    digests = [digest_of(b"b"), bytes(32)]
    calls: list[Callable[[], Any]] = [
        catalog.projects,
        catalog.collections,
        lambda: catalog.collection("e", "p", "n"),
        catalog.runs,
        lambda: catalog.run("e", "p", "r"),
        lambda: catalog.runs_by_key(range(5)),
        lambda: catalog.find_runs(RunQuery()),
        lambda: catalog.versions(1),
        lambda: catalog.versions_by_id(range(5)),
        lambda: catalog.alias_moves(1),
        lambda: catalog.unrecorded_versions(10),
        lambda: catalog.resolve("e", "p", ArtifactRef(name="n", alias="latest")),
        lambda: catalog.resolve("e", "p", ArtifactRef(name="n", alias="latest", at=datetime(2026, 1, 1, tzinfo=UTC))),
        lambda: catalog.resolve("e", "p", ArtifactRef(name="n", number=0)),
        lambda: catalog.resolve("e", "p", ArtifactRef(name="n", digest=digests[0].hex()[:10])),
        catalog.objects,
        lambda: catalog.large_objects(0, 2**40, 10),
        lambda: catalog.locate(digests),
        lambda: catalog.known(digests),
        lambda: catalog.file_uses(digests[0]),
        lambda: catalog.edges(range(6), Direction.UPSTREAM, EdgeKind),
        lambda: catalog.all_edges(EdgeKind),
        lambda: catalog.describe(range(6)),
        catalog.stale_uses,
        lambda: catalog.run_files(1),
        lambda: catalog.history(1),
        lambda: catalog.history_keys([1]),
        lambda: catalog.branches(1),
        lambda: catalog.journal_position("j"),
        lambda: catalog.copies("x"),
        lambda: catalog.sweep("e", "p", "s"),
        catalog.sweeps,
        lambda: catalog.trials(1),
    ]
    for call in calls:
        try:
            found = call()
            if isinstance(found, Iterator):
                exhaust(found)
        except ForebearError:
            refused += 1
    return refused


def _database_seeds() -> list[bytes]:
    with file_of(b"") as path:
        path.unlink()
        fill(path)
        return [path.read_bytes()]


def fill(path: Path) -> None:
    """Make a catalog with a row or two in the tables that matter, as one file."""
    SqliteCatalog(path).close()
    origin = '{"host":"h","pid":1,"command":["t"]}'
    digest = digest_of(b"b")
    connection = sqlite3.connect(path)
    connection.executescript(
        f"""
        INSERT INTO projects (id, entity, name, created_at) VALUES (1, 'e', 'p', 1);
        INSERT INTO runs (key, project_id, id, name, tags, state, config, origin, created_at)
          VALUES (1, 1, 'r', 'r', '["a"]', 'finished', '{{"lr":0.1}}', '{origin}', 1);
        INSERT INTO collections (id, project_id, name, type, created_at, tip, next_number)
          VALUES (1, 1, 'n', 'model', 1, x'{digest.hex()}', 1);
        INSERT INTO versions (id, collection_id, number, root, size, file_count, state, metadata, created_at, run_key,
          added_bytes) VALUES (1, 1, 0, x'{digest.hex()}', 1, 1, 'COMMITTED', '{{"a":1}}', 1, 1, 1);
        INSERT INTO aliases (collection_id, alias, version_id) VALUES (1, 'latest', 1);
        INSERT INTO alias_moves (collection_id, alias, version_id, at) VALUES (1, 'latest', 1, 1);
        INSERT INTO objects (id, name, kind, size)
          VALUES (1, 'loose/{digest.hex()[:2]}/{digest.hex()}', 'loose', 1);
        INSERT INTO slices (digest, object_id, "offset", stored, size, codec)
          VALUES (x'{digest.hex()}', 1, 0, 1, 1, 0);
        INSERT INTO edges (source, target, kind, at) VALUES (3, 2, 1, 1);
        INSERT INTO run_files (run_key, path, digest, size, at) VALUES (1, 'a.txt', x'{digest.hex()}', 1, 1);
        INSERT INTO keys (id, name) VALUES (1, 'loss');
        INSERT INTO history_blocks (id, run_key, branch, stream, writer, time_base, row_count, first_seq, first_step,
          last_step, axis) VALUES (1, 1, 0, 0, '', 1, 1, 1, 0, 0, x'00');
        INSERT INTO history_columns (block_id, key_id, kind, data) VALUES (1, 1, 1, x'00');
        INSERT INTO journals (name, run_key, position) VALUES ('j', 1, 1);
        INSERT INTO branches (run_key, number, parent_run, parent_branch, fork_step, at) VALUES (1, 1, 1, 0, 1, 1);
        INSERT INTO copies (source, node, target, merged) VALUES ('x', 3, 2, 1);
        INSERT INTO sweeps (key, project_id, id, config, retry, state, created_at)
          VALUES (1, 1, 's', '{{}}', 0, 'x', 1);
        INSERT INTO trials (sweep_key, number, params, state) VALUES (1, 0, '{{}}', 'waiting');
        PRAGMA journal_mode = DELETE;
        """
    )
    connection.commit()
    connection.close()


# -- event files, names, paths, URLs ----------------------------------------------------------------------------------


def events(content: bytes) -> None:
    """An event file of TensorBoard, as it is and as one record."""
    record = struct.pack("<QI", len(content), 0) + content + bytes(4)
    for whole in (content, record):
        with file_of(whole) as path:
            exhaust(EventFile(path).read())


def _events_seeds() -> list[bytes]:
    def field(number: int, content: bytes) -> bytes:
        return bytes((number << 3 | 2, len(content))) + content

    head = b"\x09" + struct.pack("<d", 1.5) + b"\x10\x05"
    scalar = head + field(5, field(1, field(1, b"loss") + b"\x15" + struct.pack("<f", 0.5)))
    image = head + field(5, field(1, field(1, b"img") + field(4, field(4, b"\x89PNG"))))
    bars = field(6, struct.pack("<2d", 1, 2)) + field(7, struct.pack("<2d", 3, 4))
    histogram = head + field(5, field(1, field(1, b"h") + field(5, bars)))
    tensor = b"\x08\x01" + field(4, struct.pack("<f", 2.5))
    plugin = field(1, field(1, b"scalars"))
    new = head + field(5, field(1, field(1, b"t") + field(9, plugin) + field(8, tensor)))
    return [scalar, image, histogram, new, struct.pack("<QI", len(scalar), 0) + scalar + bytes(4), b"\x00" * 12]


def words(content: bytes) -> None:
    """Paths, names of objects, references, times and URLs of stores."""
    text = content.decode("utf-8", "surrogateescape")
    for windows in (False, True):
        each((InvalidInput,), lambda windows=windows: check_inner_path(text, windows=windows))  # type: ignore[misc]
    with contextlib.suppress(InvalidInput):
        joined = safe_join("/somewhere/below", text)
        assert os.path.normpath(joined).startswith("/somewhere/below/")
    with contextlib.suppress(InvalidInput):
        assert ".." not in check_object_name(text).split("/")
    each((InvalidInput,), lambda: parse_ref(text), lambda: parse_time(text), lambda: parse_store_url(text))
    shown_url(text)


def _words_seeds() -> list[bytes]:
    return [
        b"train/x.png",
        b"../x",
        b"C:\\x\x00",
        b"team/mnist/digits:prod@2026-01-01T00:00",
        b"digits@0123456789abcdef",
        b"postgresql://ada:secret@host:5432/db?blobs=s3://bucket/x&region=eu&sslmode=require",
        b"/data/store?blobs=gs://b/p&anon=true",
        b"file://localhost/data?blobs=%2ftmp",
        b"loose/3f/3fa9",
        b"postgresql://[::1/db?blobs=s3://b",
    ]


TARGETS: dict[str, Target] = {
    "manifest": Target(manifest, _manifest_seeds),
    "journal": Target(journal, _journal_seeds),
    "pack": Target(pack, _pack_seeds),
    "slices": Target(slices, _slices_seeds),
    "history": Target(history, _history_seeds),
    "values": Target(values, _values_seeds),
    "mark": Target(mark, _mark_seeds),
    "database": Target(database, _database_seeds),
    "events": Target(events, _events_seeds),
    "words": Target(words, _words_seeds),
}
