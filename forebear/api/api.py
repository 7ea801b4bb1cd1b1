"""`Api`: looking things up in a store, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.artifacts.artifact import Artifact
from forebear.artifacts.diff import VersionDiff, diff_versions
from forebear.artifacts.provenance import StoredRun
from forebear.catalog import messages
from forebear.errors import InvalidInput
from forebear.names import check_collection_name, parse_ref
from forebear.settings import Settings, load_settings
from forebear.store.shared import shared_store

if TYPE_CHECKING:
    from forebear.records.artifacts import AliasMove, Collection
    from forebear.records.runs import Project
    from forebear.store.store import Store


class Api:
    """Reads a store. Nothing it does is written down as a use."""

    def __init__(self, store: str | None = None, *, entity: str | None = None, project: str | None = None) -> None:
        """Open the store at a folder or URL, by default where the settings say.

        Args:
            entity: Stands in where a name leaves the entity open.
            project: Stands in where a name leaves the project open.

        Raises:
            NotFound: there is no store.
        """
        self.settings: Settings = load_settings({"store": store, "entity": entity, "project": project})
        self.store: Store = shared_store(self.settings.store, create=False)

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """Return the version that a reference names, such as ``digits:latest``.

        Raises:
            NotFound: there is none; the message lists what there is.
            InvalidInput: it has another type.
        """
        version = self.store.catalog.resolve(self.settings.entity, self.settings.project, parse_ref(name))
        if type is not None and version.type != type:
            raise InvalidInput(f"{version.label} has type {version.type!r}, not {type!r}", code="type-mismatch")
        return Artifact.of_version(self.store, version)

    def artifacts(self, collection: str, *, type: str | None = None) -> list[Artifact]:
        """Return the versions of ``[[entity/]project/]name``, newest first. Raises `NotFound`."""
        found = self.collection(collection)
        if type is not None and found.type != type:
            raise InvalidInput(f"{found.name} has type {found.type!r}, not {type!r}", code="type-mismatch")
        return [Artifact.of_version(self.store, version) for version in self.store.catalog.versions(found.id)]

    def collection(self, name: str) -> Collection:
        """Return one collection by ``[[entity/]project/]name``. Raises `NotFound`."""
        entity, project, plain = self._scope(name)
        check_collection_name(plain)
        found = self.store.catalog.collection(entity, project, plain)
        if found is None:
            others = [item.name for item in self.store.catalog.collections(entity, project)]
            raise messages.no_collection(entity, project, plain, others)
        return found

    def collections(self, project: str | None = None, *, type: str | None = None) -> list[Collection]:
        """Return the collections of ``[entity/]project``, or of the settings' project; ``"*"`` means all."""
        if project == "*":
            return self.store.catalog.collections(type=type)
        entity, name = self._project(project)
        return self.store.catalog.collections(entity, name, type)

    def projects(self, entity: str | None = None) -> list[Project]:
        """Return the projects, of one entity or of all."""
        return self.store.catalog.projects(entity)

    def run(self, path: str) -> StoredRun[Artifact]:
        """Return a run by ``[[entity/]project/]id``. Raises `NotFound`."""
        entity, project, run_id = self._scope(path)
        record = self.store.catalog.run(entity, project, run_id)
        if record is None:
            raise messages.no_run(f"{run_id!r} in project {entity}/{project}")
        return StoredRun(self.store, record, Artifact.of_version)

    def runs(self, path: str | None = None, *, states: list[str] | None = None) -> list[StoredRun[Artifact]]:
        """Return the runs of ``[entity/]project``, newest first; ``"*"`` means all projects."""
        entity, project = (None, None) if path == "*" else self._project(path)
        found = self.store.catalog.runs(entity, project)
        runs = [StoredRun(self.store, record, Artifact.of_version) for record in found]
        return [run for run in runs if states is None or run.state in states]

    def diff(self, old: str, new: str) -> VersionDiff:
        """Return what differs from one version to another. Cost: reads only manifest pages that differ."""
        return diff_versions(self.store, self.artifact(old).record, self.artifact(new).record)

    def alias_history(self, collection: str, alias: str | None = None) -> list[AliasMove]:
        """Return the moves of one alias of a collection, or of all, oldest first."""
        return self.store.catalog.alias_moves(self.collection(collection).id, alias)

    def _scope(self, path: str) -> tuple[str, str, str]:
        parts = path.split("/")
        if len(parts) > 3 or not all(parts):
            raise InvalidInput(f"{path!r} is not of the form [[entity/]project/]name", code="invalid-ref")
        defaults = [self.settings.entity, self.settings.project]
        entity, project, name = (*defaults[: 3 - len(parts)], *parts)
        return entity, project, name

    def _project(self, path: str | None) -> tuple[str, str]:
        if path is None:
            return self.settings.entity, self.settings.project
        parts = path.split("/")
        if len(parts) > 2 or not all(parts):
            raise InvalidInput(f"{path!r} is not of the form [entity/]project", code="invalid-ref")
        entity, project = (self.settings.entity, *parts) if len(parts) == 1 else parts
        return entity, project
