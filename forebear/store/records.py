"""A small record of each version beside the blobs, so that names survive the loss of the catalog.

`docs/reference/repository-format.md` describes the form; the catalog stays the only truth while it is there.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.blobs.reader import ahead

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Version

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
#: Records written in one go; more wait for the next commit.
BATCH = 100


class VersionRecord(msgspec.Struct, frozen=True):
    """What is kept of a version: enough to name it again. ``root`` is hexadecimal."""

    format: int
    entity: str
    project: str
    name: str
    type: str
    number: int
    root: str
    size: int
    file_count: int
    description: str | None
    metadata: dict[str, Any]
    created_at: datetime
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    run: str | None


def record_name(version: Version) -> str:
    """Object name of a version's record; the root is part of it, so no record ever replaces another."""
    scope = "/".join(_quoted(part) for part in (version.entity, version.project, version.name))
    return f"versions/{scope}/v{version.number}-{version.root.hex()[:16]}.json"


def _quoted(text: str) -> str:
    quoted = _UNSAFE.sub(lambda match: "".join(f"={byte:02X}" for byte in match.group().encode()), text)
    return quoted.replace("..", ".=2E") if quoted.strip(".") else quoted.replace(".", "=2E")


def write_records(catalog: Catalog, objects: ObjectStore) -> int:
    """Write the records of committed versions that have none; return how many.

    A process killed after its commit leaves its record to the next one that comes by.
    """
    waiting = catalog.unrecorded_versions(BATCH)

    def write(item: tuple[Version, str | None]) -> None:
        objects.put(record_name(item[0]), msgspec.json.encode(_record_of(*item)))

    for _ in ahead(objects, write, waiting):
        pass
    if waiting:
        catalog.mark_recorded(version.id for version, _ in waiting)
    return len(waiting)


def _record_of(version: Version, run_id: str | None) -> VersionRecord:
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
    )
