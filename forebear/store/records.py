"""A small record of each version beside the blobs, so that names survive the loss of the catalog.

What is said of a version changes: aliases move, it is described, it is deleted. Then a further record is written, and
the newest one counts. A record's name ends in a digest of what is in it, so a damaged one is never believed, and none
ever replaces another. `docs/reference/repository-format.md` describes the form; the catalog stays the only truth while
it is there.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from forebear.blobs.digest import digest_of
from forebear.blobs.reader import ahead
from forebear.errors import CorruptData, NotFound
from forebear.names import (
    check_alias,
    check_collection_name,
    check_run_id,
    check_scope_name,
    check_tag,
    check_type_name,
)
from forebear.records.artifacts import COMMITTED, DELETED
from forebear.records.content import DIGEST_BYTES

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Version

#: Names of records begin so.
PREFIX = "versions/"
#: Records written in one go; more wait for the next commit.
BATCH = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
#: Digits of the root and of the record's own digest in its name.
_DIGITS = 16
_CHECKED = re.compile(rf"/v\d+-[0-9a-f]{{{_DIGITS}}}-([0-9a-f]{{{_DIGITS}}})\.json\Z")
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

#: Entity, project, name and number of a version.
Place = tuple[str, str, str, int]


# What a reader takes: numbers that a catalog can hold, and times that can be compared.
Size = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
Format = Annotated[int, msgspec.Meta(ge=1, le=1)]
State = Annotated[str, msgspec.Meta(pattern=f"^({COMMITTED}|{DELETED})$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class VersionRecord(msgspec.Struct, frozen=True):
    """What is kept of a version: enough to name it again. ``root`` is hexadecimal.

    Attributes:
        state: `COMMITTED` or `DELETED`; a deleted version keeps its number.
        written_at: When all of this was so; ``None`` in records of the first kind, whose names end with the root.
    """

    format: Format
    entity: str
    project: str
    name: str
    type: str
    number: Number
    root: str
    size: Size
    file_count: Size
    description: str | None
    metadata: dict[str, Any]
    created_at: Moment
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    run: str | None
    state: State = COMMITTED
    written_at: Moment | None = None

    @property
    def place(self) -> Place:
        """What it is the record of."""
        return self.entity, self.project, self.name, self.number

    @property
    def age(self) -> datetime:
        """For putting the records of one version in order, the newest last."""
        return self.written_at or _LONG_AGO

    def says(self, version: Version, run_id: str | None, aliases: Container[str] = ()) -> bool:
        """Whether it says of a version and its origin what the catalog says now.

        Where ``aliases`` are those of all versions of the collection, such as moved on to others do not count.
        """
        own = tuple(alias for alias in self.aliases if alias in version.aliases or alias not in aliases)
        # As text, for there not-a-number is what it becomes.
        return msgspec.json.encode(_record_of(version, run_id, self.written_at)) == msgspec.json.encode(
            replace(self, aliases=own)
        )


class Records(NamedTuple):
    """The records that count, by how their names begin; names of those that newer ones replace; those not readable."""

    newest: dict[str, VersionRecord]
    replaced: list[str]
    damaged: dict[str, CorruptData]


def record_stem(record: VersionRecord | Version) -> str:
    """How the names of a version's records begin."""
    root = record.root if isinstance(record.root, str) else record.root.hex()
    scope = "/".join(_quoted(part) for part in (record.entity, record.project, record.name))
    return f"{PREFIX}{scope}/v{record.number}-{root[:_DIGITS]}"


def _quoted(text: str) -> str:
    quoted = _UNSAFE.sub(lambda match: "".join(f"={byte:02X}" for byte in match.group().encode()), text)
    return quoted.replace("..", ".=2E") if quoted.strip(".") else quoted.replace(".", "=2E")


# -- writing ----------------------------------------------------------------------------------------------------------


def write_records(catalog: Catalog, objects: ObjectStore) -> int:
    """Write records of versions of which something is new; return how many.

    A process killed after its commit leaves its record to the next one that comes by.
    """
    written_at = datetime.now(UTC)  # before anything is read: what changes meanwhile has a later record
    waiting = catalog.unrecorded_versions(BATCH)
    written = 0
    while waiting:
        records = [_record_of(version, run_id, written_at) for version, run_id in waiting]
        for _ in ahead(objects, lambda record: _put(objects, record), records):
            written += 1
        catalog.mark_recorded(version.id for version, _ in waiting)
        # What changed between the reading and the marking would never be recorded.
        written_at = datetime.now(UTC)
        now = catalog.versions_by_id(version.id for version, _ in waiting)
        waiting = [(now[version.id], run_id) for version, run_id in waiting if now[version.id] != version]
    return written


def write_record(objects: ObjectStore, version: Version, run_id: str | None) -> None:
    """Write a further record of a version."""
    _put(objects, _record_of(version, run_id, datetime.now(UTC)))


def _put(objects: ObjectStore, record: VersionRecord) -> None:
    content = msgspec.json.encode(record)
    objects.put(f"{record_stem(record)}-{digest_of(content).hex()[:_DIGITS]}.json", content)


def _record_of(version: Version, run_id: str | None, written_at: datetime | None) -> VersionRecord:
    return VersionRecord(
        format=1,
        entity=version.entity,
        project=version.project,
        name=version.name,
        type=version.type,
        number=version.number,
        root=version.root.hex(),
        size=version.size,
        file_count=version.file_count,
        description=version.description,
        metadata=version.metadata,
        created_at=version.created_at,
        aliases=version.aliases,
        tags=version.tags,
        run=run_id,
        state=version.state,
        written_at=written_at,
    )


# -- reading ----------------------------------------------------------------------------------------------------------


def read_record(objects: ObjectStore, name: str) -> VersionRecord:
    """Return a record.

    Raises:
        CorruptData: it is not what was written under that name.
        NotFound: there is none.
    """
    content = objects.read(name)
    check = _CHECKED.search(name)
    if check is not None and digest_of(content).hex()[:_DIGITS] != check[1]:
        raise _damaged(name, "its bytes do not have the digest in its name")
    try:
        record = msgspec.json.decode(content, type=VersionRecord)
        bytes.fromhex(record.root)
        _check_names(record)
    except (ValueError, RecursionError) as err:
        raise _damaged(name, str(err)) from err
    stem = record_stem(record)
    if record.number < 0 or len(record.root) != 2 * DIGEST_BYTES or not name.startswith((f"{stem}.", f"{stem}-")):
        raise _damaged(name, f"it says that it is of {record.name}:v{record.number}")
    return record


def _check_names(record: VersionRecord) -> None:
    """Refuse names that nobody could have given, wherever they are to come back to."""
    check_collection_name(record.name)
    check_type_name(record.type)
    check_scope_name("entity", record.entity)
    check_scope_name("project", record.project)
    for alias in record.aliases:
        check_alias(alias)
    for tag in record.tags:
        check_tag(tag)
    if record.run is not None:
        check_run_id(record.run.partition("~")[0])  # behind it stands the key that a deleted run had


def _damaged(name: str, words: str) -> CorruptData:
    return CorruptData(f"the record {name} is damaged: {words}", code="corrupt-record")


def read_records(objects: ObjectStore) -> Records:
    """Read all records of a store. Memory: all that count. Cost: one read a record, several at a time."""

    def read(name: str) -> tuple[str, VersionRecord | CorruptData | None]:
        try:
            return name, read_record(objects, name)
        except CorruptData as err:
            return name, err
        except NotFound:  # collected meanwhile
            return name, None

    found = Records({}, [], {})
    names: dict[str, str] = {}
    for name, record in ahead(objects, read, _names(objects)):
        if isinstance(record, CorruptData):
            found.damaged[name] = record
        elif record is not None:
            _keep_newest(found, names, name, record)
    return found


def _names(objects: ObjectStore) -> Iterator[str]:
    return (name for name in objects.names(PREFIX) if name.endswith(".json"))


def _keep_newest(found: Records, names: dict[str, str], name: str, record: VersionRecord) -> None:
    stem = record_stem(record)
    other = found.newest.get(stem)
    if other is not None and other.age > record.age:
        found.replaced.append(name)
        return
    if other is not None:
        found.replaced.append(names[stem])
    found.newest[stem], names[stem] = record, name
