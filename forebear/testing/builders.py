"""Short ways to say in a test what a catalog is to hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from forebear.names import ArtifactRef, parse_ref
from forebear.records.artifacts import Committed, NewVersion, Version
from forebear.records.content import CODEC_RAW, LOOSE, PACK, Slice, StoredObject
from forebear.records.lineage import Node
from forebear.records.runs import NewRun, RunRecord

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

ENTITY = "team"
PROJECT = "digits"


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        """Stand at ``start``, an aware UTC time."""
        self.now = start

    def __call__(self) -> datetime:
        """The time on the clock."""
        return self.now

    def tick(self, seconds: float = 60.0) -> datetime:
        """Move the clock forward and return the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now


def digest_of(text: str) -> bytes:
    """A digest that is as good as any; which function made it is nothing to a catalog."""
    return hashlib.sha256(text.encode()).digest()


def root_of(contents: Iterable[str]) -> bytes:
    """The root of a version with these contents: equal for equal sets."""
    return digest_of("\n".join(sorted(contents)))


def loose(text: str, size: int | None = None) -> StoredObject:
    """A loose object that holds one blob, named by ``text`` and as long as it unless ``size`` (bytes) is given."""
    digest, size = digest_of(text), len(text) if size is None else size
    name = f"loose/{digest.hex()[:2]}/{digest.hex()}"
    return StoredObject(name=name, kind=LOOSE, size=size, slices=[Slice(digest, 0, size, size, CODEC_RAW)])


def pack(name: str, *texts: str) -> StoredObject:
    """A pack that holds one blob for each text, one behind the other."""
    slices: list[Slice] = []
    end = 0
    for text in texts:
        slices.append(Slice(digest_of(text), end, len(text), len(text), CODEC_RAW))
        end += len(text)
    return StoredObject(name=f"pack/{name}", kind=PACK, size=end, slices=slices)


def new_version(contents: Iterable[str] = ("a",), **changes: Any) -> NewVersion:
    """A version of ``data`` that is the first of its collection, unless ``changes`` to its fields say otherwise."""
    contents = frozenset(contents)
    fields: dict[str, Any] = {
        "entity": ENTITY,
        "project": PROJECT,
        "name": "data",
        "type": "dataset",
        "root": root_of(contents),
        "size": sum(len(text) for text in contents),
        "file_count": len(contents),
        "description": None,
        "metadata": {},
        "aliases": (),
        "tags": (),
        "run_key": None,
        "tip": None,
        "gained": [digest_of(text) for text in sorted(contents)],
        "lost": [],
        "objects": [],
        "needs": [],
    }
    return NewVersion(**{**fields, **changes})


def new_run(run_id: str = "r1", **changes: Any) -> NewRun:
    """A run of the project that the other builders use."""
    return NewRun(**{"entity": ENTITY, "project": PROJECT, "id": run_id, "name": run_id, **changes})


class Author:
    """Logs into one catalog as the layers above do: it knows what the tip holds and says what a version changes."""

    def __init__(self, catalog: Catalog) -> None:
        """Write into ``catalog``."""
        self.catalog = catalog
        self._contents: dict[bytes, frozenset[str]] = {}

    def commit(self, *contents: str, name: str = "data", run: RunRecord | None = None, **changes: Any) -> Committed:
        """Commit a version with these contents on top of the collection's tip."""
        held = frozenset(contents)
        place = (changes.get("entity", ENTITY), changes.get("project", PROJECT), name)
        collection = self.catalog.collection(*place)
        tip = collection.tip if collection else None
        before = self._contents[tip] if tip is not None else frozenset()
        self._contents[root_of(held)] = held
        fields: dict[str, Any] = {
            "name": name,
            "run_key": run.key if run else None,
            "tip": tip,
            "gained": [digest_of(text) for text in sorted(held - before)],
            "lost": [digest_of(text) for text in sorted(before - held)],
        }
        return self.catalog.commit_version(new_version(held, **{**fields, **changes}))

    def version(self, *contents: str, **changes: Any) -> Version:
        """Commit as `commit` does and return the version alone."""
        return self.commit(*contents, **changes).version

    def run(self, run_id: str = "r1", *uses: Version, **changes: Any) -> RunRecord:
        """Register a run that uses these versions."""
        run = self.catalog.add_run(new_run(run_id, **changes))
        for version in uses:
            self.catalog.add_use(run.key, version.id)
        return run

    def resolve(self, ref: str) -> Version:
        """The version that a reference such as ``data:prod`` names."""
        return self.catalog.resolve(ENTITY, PROJECT, parse_ref(ref))

    def at(self, alias: str, moment: datetime, name: str = "data") -> Version:
        """The version on which an alias stood at a time."""
        return self.catalog.resolve(ENTITY, PROJECT, ArtifactRef(name=name, alias=alias, at=moment))


def node(thing: Version | RunRecord) -> int:
    """Key of a version or run as a node of the lineage graph."""
    return (Node.of_version(thing.id) if isinstance(thing, Version) else Node.of_run(thing.key)).key


#: Moves the catalog's clock forward by some seconds and returns the new time.
Tick = Callable[..., datetime]
