"""How records become column values and come back: times, JSON, node keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from forebear.catalog.checked import (
    BLOB,
    BLOB_OR_NONE,
    INT,
    INT_OR_NONE,
    TEXT,
    TEXT_OR_NONE,
    UNFIT,
    Kinds,
    converts,
    damaged,
    mapping,
    texts,
)
from forebear.catalog.leaves import flattened, storable
from forebear.records.artifacts import Collection, Version
from forebear.records.lineage import Edge, EdgeKind
from forebear.records.runs import RunOrigin, RunRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
#: Looked up by position, which costs a tenth of calling the enumeration.
_KINDS = tuple(EdgeKind)
#: The origin of a run, from its JSON text.
origin_of = msgspec.json.Decoder(RunOrigin).decode


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware time, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC time of so many microseconds since 1970."""
    try:
        return _EPOCH + timedelta(0, 0, micros)  # by position: a third faster, and lineage reads millions
    except (TypeError, OverflowError) as err:
        damaged("a time", err)


def to_json(value: Any) -> str:
    """JSON text of builtin values and records."""
    return _encode(value).decode()


def from_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises `CorruptData`."""
    try:
        return _decode(text)
    except UNFIT as err:
        damaged("a JSON text", err)


def to_document(value: Any) -> str:
    """JSON text of a run's own values, in which NaN and the infinities are written as words, as Python does it."""
    try:
        text = _encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold as an escape alone
        return _slow_json(value, ascii_only=True)
    # msgspec writes NaN as null: where there is no null, nothing was lost.
    return _slow_json(value, ascii_only=False) if "null" in text else text


def _slow_json(value: Any, *, ascii_only: bool) -> str:
    import json  # 3 ms that only such values need

    return json.dumps(msgspec.to_builtins(value, str_keys=True), ensure_ascii=ascii_only, separators=(",", ":"))


def from_document(text: str) -> Any:
    """The value of a text of `to_document`. Raises `CorruptData`."""
    try:
        return _decode(text)
    except msgspec.DecodeError:
        import json  # as above

        try:
            return json.loads(text)
        except UNFIT as err:
            damaged("a JSON text", err)
    except UNFIT as err:
        damaged("a JSON text", err)


def text_at(document: str, key: str) -> str | None:
    """The text at a dotted key of a JSON document, of which an index keeps the beginning alone; the last of several."""
    values = {storable(name): value for name, value in flattened(from_document(document))}
    value = values.get(key)
    return storable(value) if isinstance(value, str) else None


RUN_COLUMNS = (
    "r.key, p.entity, p.name, r.id, r.name, r.job_type, r.run_group, r.notes, r.tags, r.state, r.config, r.origin, "
    "r.created_at, r.ended_at, r.exit_code, r.error, r.summary, r.metrics, r.sweep, r.branch, r.lost_rows, "
    "r.stop_requested"
)
RUN_TABLES = "runs r JOIN projects p ON p.id = r.project_id"
_RUN = Kinds(
    *(INT, TEXT, TEXT, TEXT, TEXT, TEXT_OR_NONE, TEXT_OR_NONE, TEXT_OR_NONE, TEXT, TEXT, TEXT, TEXT),
    *(INT, INT_OR_NONE, INT_OR_NONE, TEXT_OR_NONE, TEXT, TEXT, TEXT_OR_NONE, INT, INT, INT),
)


@converts("a run")
def run_of(row: tuple[Any, ...]) -> RunRecord:
    """The run of a row of `RUN_COLUMNS`. Raises `CorruptData`."""
    _RUN.check(row)
    key, entity, project, id_, name, job_type, group, notes, tags, state, config, origin, *rest = row
    created, ended, code, err, summary, metrics, sweep, branch, lost_rows, stop = rest
    return RunRecord(
        key=key,
        entity=entity,
        project=project,
        id=id_,
        name=name,
        job_type=job_type,
        group=group,
        notes=notes,
        tags=texts(from_json(tags)),
        state=state,
        config=mapping(from_document(config)),
        origin=origin_of(origin),
        created_at=from_micros(created),
        ended_at=None if ended is None else from_micros(ended),
        exit_code=code,
        error=err,
        summary=mapping(from_document(summary)),
        metrics=mapping(from_document(metrics)),
        sweep=sweep,
        branch=branch,
        lost_rows=lost_rows,
        stop_requested=bool(stop),
    )


VERSION_COLUMNS = (
    "v.id, p.entity, p.name, c.name, c.type, v.number, v.root, v.size, v.file_count, v.state, v.description, "
    "v.metadata, v.created_at, v.collection_id, v.added_bytes"
)
VERSION_TABLES = "versions v JOIN collections c ON c.id = v.collection_id JOIN projects p ON p.id = c.project_id"

_VERSION = Kinds(INT, TEXT, TEXT, TEXT, TEXT, INT, BLOB, INT, INT, TEXT, TEXT_OR_NONE, TEXT, INT, INT, INT)


@converts("a version")
def version_of(row: tuple[Any, ...], aliases: tuple[str, ...], tags: tuple[str, ...]) -> Version:
    """The version of a row of `VERSION_COLUMNS`. Raises `CorruptData`."""
    _VERSION.check(row)
    id_, entity, project, name, type_, number, root, size, files, state, description, metadata, created, coll, added = (
        row
    )
    return Version(
        id=id_,
        entity=entity,
        project=project,
        name=name,
        type=type_,
        number=number,
        root=bytes(root),
        size=size,
        file_count=files,
        state=state,
        description=description,
        metadata=mapping(from_json(metadata)),
        created_at=from_micros(created),
        aliases=aliases,
        tags=tags,
        collection_id=coll,
        added_bytes=added,
    )


COLLECTION_COLUMNS = (
    "c.id, p.entity, p.name, c.name, c.type, c.description, c.created_at, c.tip, c.next_number, "
    "(SELECT count(*) FROM versions v WHERE v.collection_id = c.id AND v.state = 'COMMITTED')"
)
COLLECTION_TABLES = "collections c JOIN projects p ON p.id = c.project_id"

_COLLECTION = Kinds(INT, TEXT, TEXT, TEXT, TEXT, TEXT_OR_NONE, INT, BLOB_OR_NONE, INT, INT)


@converts("a collection")
def collection_of(row: tuple[Any, ...]) -> Collection:
    """The collection of a row of `COLLECTION_COLUMNS`. Raises `CorruptData`."""
    _COLLECTION.check(row)
    id_, entity, project, name, type_, description, created, tip, next_number, count = row
    return Collection(
        id=id_,
        entity=entity,
        project=project,
        name=name,
        type=type_,
        description=description,
        created_at=from_micros(created),
        tip=None if tip is None else bytes(tip),
        next_number=next_number,
        version_count=count,
    )


def edge_of(row: tuple[Any, ...]) -> Edge:
    """The edge of a row (source, target, kind, at, use_as). Raises `CorruptData`."""
    # Written out, for lineage reads millions: to add to the keys tells whether they are numbers.
    source, target, kind, at, use_as = row
    try:
        return Edge(source + 0, target + 0, _KINDS[kind], from_micros(at), use_as)
    except UNFIT as err:
        damaged("an edge of lineage", err)
