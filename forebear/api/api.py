"""`Api`: looking things up in a store, without a run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from forebear.artifacts.artifact import Artifact
from forebear.artifacts.diff import VersionDiff, diff_versions
from forebear.artifacts.provenance import StoredRun
from forebear.catalog import messages
from forebear.errors import InvalidInput, NotFound
from forebear.names import check_alias, check_collection_name, parse_ref
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.settings import Settings, load_settings
from forebear.store.shared import shared_store

if TYPE_CHECKING:
    from forebear.lineage.queries import Lineage
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
            raise messages.no_collection(entity, project, plain, self.store.catalog.collections())
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
            newest = [run.id for run in self.store.catalog.runs(entity, project)[: messages.LISTED]]
            found = f"the newest are {', '.join(newest)}" if newest else "that project has no runs yet"
            raise messages.no_run(f"{run_id!r} in project {entity}/{project}; {found}")
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

    def move_alias(self, name: str, alias: str, *, expect: str | None = None) -> AliasMove:
        """Let an alias name the version that ``name`` refers to, from now on.

        Args:
            expect: Move it only if it stands on this version now (``"v7"``), or on none (``""``).

        Raises:
            Conflict: ``expect`` does not hold.
            NotFound: there is no such version.
        """
        return self.store.catalog.move_alias(self.artifact(name).record.id, check_alias(alias), expect=expect)

    def remove_alias(self, collection: str, alias: str, *, expect: str | None = None) -> AliasMove:
        """Take an alias away from a collection; errors as in `move_alias`."""
        return self.store.catalog.remove_alias(self.collection(collection).id, check_alias(alias), expect=expect)

    def reproduced_by(self, name: str) -> list[StoredRun[Artifact]]:
        """Return the runs that logged the content of a version again, after the run that made it."""
        version = self.artifact(name).record
        edges = self.store.catalog.edges([Node.of_version(version.id).key], Direction.UPSTREAM, (EdgeKind.REPRODUCED,))
        keys = [Node(edge.source).row_id for edge in sorted(edges, key=lambda edge: edge.at)]
        records = self.store.catalog.runs_by_key(keys)
        return [StoredRun(self.store, records[key], Artifact.of_version) for key in keys]

    def node(self, name: str) -> int:
        """Return the key that a version, or a run written ``run:id``, has in questions about lineage.

        Raises:
            NotFound: there is no such version or run.
        """
        prefix, _, rest = name.partition(":")
        if prefix != "run" or not rest:
            return Node.of_version(self.artifact(name).record.id).key
        try:
            return Node.of_run(self.run(rest).record.key).key
        except NotFound:
            # A collection may be called "run"; a run of that id comes first.
            if self.store.catalog.collection(self.settings.entity, self.settings.project, "run") is None:
                raise
            return Node.of_version(self.artifact(name).record.id).key

    def lineage(self, as_of: datetime | str | None = None) -> Lineage:
        """Return the lineage of the store, now or as it stood at a time; it takes the keys that `node` gives."""
        from forebear.lineage.queries import Lineage  # 5 ms that looking up an artifact is spared

        lineage = Lineage(self.store.catalog)
        return lineage if as_of is None else lineage.as_of(as_of)

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
