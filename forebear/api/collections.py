"""Collections and types of artifacts, as scripts walk through them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from forebear.artifacts.artifact import Artifact
from forebear.names import LATEST

if TYPE_CHECKING:
    from forebear.records.artifacts import Collection
    from forebear.store.store import Store


class ArtifactCollection:
    """All versions under one name."""

    def __init__(self, store: Store, record: Collection) -> None:
        self._store = store
        self.record = record

    @property
    def id(self) -> str:
        """Key of the collection within its store."""
        return str(self.record.id)

    @property
    def name(self) -> str:
        """Name within the project."""
        return self.record.name

    @property
    def type(self) -> str:
        """Type of its artifacts."""
        return self.record.type

    @property
    def entity(self) -> str:
        """Person or team."""
        return self.record.entity

    @property
    def project(self) -> str:
        """Project it is in."""
        return self.record.project

    @property
    def qualified_name(self) -> str:
        """``entity/project/name``."""
        return self.record.qualified_name

    @property
    def created_at(self) -> datetime:
        """When its first version was logged, aware UTC."""
        return self.record.created_at

    @property
    def aliases(self) -> list[str]:
        """The aliases that stand on its versions, sorted."""
        versions = self._store.catalog.versions(self.record.id)
        return sorted({alias for version in versions for alias in version.aliases})

    def artifacts(self, per_page: int = 50) -> list[Artifact]:
        """Return its versions, newest first."""
        return [Artifact.of_version(self._store, each) for each in self._store.catalog.versions(self.record.id)]

    def versions(self, per_page: int = 50) -> list[Artifact]:
        """The same as `artifacts`."""
        return self.artifacts()

    def latest(self) -> Artifact | None:
        """Return the version that ``latest`` stands on; ``None`` where all were deleted."""
        versions = self._store.catalog.versions(self.record.id)
        found = next((version for version in versions if LATEST in version.aliases), None)
        return None if found is None else Artifact.of_version(self._store, found)

    def is_sequence(self) -> bool:
        """Whether its versions follow one another; here they always do."""
        return True

    def __len__(self) -> int:
        return len(self._store.catalog.versions(self.record.id))

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.qualified_name} ({self.type})>"


class ArtifactType:
    """A type of artifacts in one project."""

    def __init__(self, name: str, collections: Iterable[ArtifactCollection]) -> None:
        self.name = name
        self._collections = list(collections)

    def collections(self, per_page: int = 50) -> list[ArtifactCollection]:
        """Return the collections of this type, sorted by name."""
        return list(self._collections)

    def collection(self, name: str) -> ArtifactCollection | None:
        """Return one of its collections, or ``None``."""
        return next((each for each in self._collections if each.name == name), None)

    def __repr__(self) -> str:
        return f"<ArtifactType {self.name}>"


def types_of(collections: Iterable[ArtifactCollection]) -> list[ArtifactType]:
    """Return the types that collections have, sorted by name."""
    found: dict[str, list[ArtifactCollection]] = {}
    for each in collections:
        found.setdefault(each.type, []).append(each)
    return [ArtifactType(name, found[name]) for name in sorted(found)]
