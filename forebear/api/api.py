"""`Api`: looking things up in a store, without a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.api.collections import ArtifactCollection, ArtifactType, types_of
from forebear.api.filters import parse_filter, parse_order
from forebear.api.keeping import Keeping
from forebear.api.recorded_run import RecordedRun
from forebear.api.runs import Runs
from forebear.api.scopes import EVERYTHING, split_path, split_project
from forebear.api.settling import settle
from forebear.artifacts.artifact import Artifact
from forebear.artifacts.diff import VersionDiff, diff_versions
from forebear.catalog import messages
from forebear.errors import InvalidInput, NotFound
from forebear.names import check_alias, check_collection_name, parse_ref
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.records.queries import And, Compare, RunQuery
from forebear.settings import Settings, load_settings
from forebear.store.shared import shared_store

if TYPE_CHECKING:
    from forebear.api.checking.report import Checkup
    from forebear.api.recorded_sweep import RecordedSweep
    from forebear.lineage.queries import Lineage
    from forebear.records.artifacts import AliasMove, Collection
    from forebear.records.runs import Project
    from forebear.store.store import Store


class Viewer(NamedTuple):
    """Whoever asks a store."""

    entity: str

    @property
    def username(self) -> str:
        """The same as ``entity``."""
        return self.entity


class Api(Keeping):
    """Reads a store. Nothing it does is written down as a use."""

    def __init__(
        self,
        store: str | Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        api_key: str | None = None,
        *,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        """Open the store at a folder or URL, by default where the settings say.

        Args:
            overrides: ``entity`` and ``project`` by name, for scripts written for W&B.
            timeout: Accepted for scripts written for W&B, as is ``api_key``; a local store needs neither.
            entity: Stands in where a name leaves the entity open.
            project: Stands in where a name leaves the project open.

        Raises:
            NotFound: there is no store.
        """
        if isinstance(store, Mapping):  # W&B takes the overrides first
            store, overrides = None, store
        given = {key: value for key, value in (overrides or {}).items() if key in {"entity", "project"}}
        named = {"store": store, "entity": entity, "project": project}
        self.settings: Settings = load_settings(given | {key: value for key, value in named.items() if value})
        self.store: Store = shared_store(self.settings.store, create=False)

    @property
    def default_entity(self) -> str:
        """Entity that stands in where a name leaves it open."""
        return self.settings.entity

    @property
    def viewer(self) -> Viewer:
        """Who asks: the user of this machine, who sees everything."""
        return Viewer(self.settings.entity)

    def flush(self) -> None:
        """Nothing: every answer is read anew. Kept for scripts written for W&B."""

    # -- artifacts ----------------------------------------------------------------------------------------------

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

    def artifacts(
        self,
        type_name: str | None = None,
        name: str | None = None,
        per_page: int = 50,
        tags: str | Sequence[str] | None = None,
        *,
        type: str | None = None,
    ) -> list[Artifact]:
        """Return the versions of ``[[entity/]project/]name``, newest first.

        Args:
            type_name: Type they must have, where a name follows it; alone, the name.
            tags: Only versions that have all of these.
            type: Type they must have, where the name stands alone.

        Raises:
            NotFound: there is no such collection.
            InvalidInput: it has another type, or no name is given.
        """
        collection, wanted = (name, type_name or type) if name is not None else (type_name, type)
        if collection is None:
            raise InvalidInput("artifacts() needs the name of a collection", code="invalid-ref")
        found = self._typed(self.collection(collection), wanted)
        labels = {tags} if isinstance(tags, str) else set(tags or ())
        versions = self.store.catalog.versions(found.id)
        return [Artifact.of_version(self.store, version) for version in versions if labels <= set(version.tags)]

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is a version that a reference names."""
        try:
            self.artifact(name, type)
        except (NotFound, InvalidInput) as err:
            if isinstance(err, InvalidInput) and err.code != "type-mismatch":
                raise
            return False
        return True

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Return one collection by ``[[entity/]project/]name``.

        Raises:
            NotFound: there is none.
            InvalidInput: it has another type.
        """
        return ArtifactCollection(self.store, self._typed(self.collection(name), type_name))

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether there is a collection of that name and type."""
        found = self.store.catalog.collection(*split_path(name, self.settings))
        return found is not None and found.type == type

    def artifact_collections(
        self, project_name: str | None = None, type_name: str | None = None, per_page: int = 50
    ) -> list[ArtifactCollection]:
        """Return the collections of ``[entity/]project``, sorted by name; ``"*"`` means all projects."""
        return [ArtifactCollection(self.store, each) for each in self.collections(project_name, type=type_name)]

    def artifact_types(self, project: str | None = None) -> list[ArtifactType]:
        """Return the types of artifacts in ``[entity/]project``, sorted by name."""
        return types_of(self.artifact_collections(project))

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Return one type of artifacts in ``[entity/]project``.

        Raises:
            NotFound: nothing there has it; the message lists the types there are.
        """
        found = {each.name: each for each in self.artifact_types(project)}
        if type_name not in found:
            listed = ", ".join(found) or "none"
            raise NotFound(f"no artifact has type {type_name!r}; the types there are: {listed}", code="type-not-found")
        return found[type_name]

    def _typed(self, found: Collection, type: str | None) -> Collection:
        if type is not None and found.type != type:
            raise InvalidInput(f"{found.name} has type {found.type!r}, not {type!r}", code="type-mismatch")
        return found

    def collection(self, name: str) -> Collection:
        """Return one collection by ``[[entity/]project/]name``. Raises `NotFound`."""
        entity, project, plain = split_path(name, self.settings)
        check_collection_name(plain)
        found = self.store.catalog.collection(entity, project, plain)
        if found is None:
            raise messages.no_collection(entity, project, plain, self.store.catalog.collections())
        return found

    def collections(self, project: str | None = None, *, type: str | None = None) -> list[Collection]:
        """Return the collections of ``[entity/]project``, or of the settings' project; ``"*"`` means all."""
        if project == EVERYTHING:
            return self.store.catalog.collections(type=type)
        entity, name = split_project(project, self.settings)
        return self.store.catalog.collections(entity, name, type)

    # -- projects and runs --------------------------------------------------------------------------------------

    def projects(self, entity: str | None = None, per_page: int = 200) -> list[Project]:
        """Return the projects, of one entity or of all."""
        return self.store.catalog.projects(entity)

    def project(self, name: str, entity: str | None = None) -> Project:
        """Return a project by ``[entity/]project``. Raises `NotFound`."""
        owner, plain = split_project(name, self.settings)
        owner = entity or owner
        found = {project.name: project for project in self.projects(owner)}
        if plain not in found:
            listed = ", ".join(found) or "none"
            raise NotFound(
                f"there is no project {owner}/{plain}; projects of {owner}: {listed}", code="project-not-found"
            )
        return found[plain]

    def run(self, path: str) -> RecordedRun:
        """Return a run by ``[[entity/]project/]id``. Raises `NotFound`."""
        entity, project, run_id = split_path(path, self.settings, "id")
        settle(self.store)
        record = self.store.catalog.run(entity, project, run_id)
        if record is None:
            newest = Runs(self.store, RunQuery(entity, project, limit=messages.LISTED))
            found = (
                f"the newest are {', '.join(run.id for run in newest)}" if newest else "that project has no runs yet"
            )
            raise messages.no_run(f"{run_id!r} in project {entity}/{project}; {found}")
        return RecordedRun(self.store, record)

    def sweep(self, path: str) -> RecordedSweep:
        """Return the sweep at ``[[entity/]project/]id``.

        It has its trials, their runs, and the best of them; `forebear.sweeps.findings` says what they tell of several
        metrics and of parameters.

        Raises:
            NotFound: there is none; the message lists those of the project.
        """
        from forebear.api.recorded_sweep import sweep_at  # only for scripts that read sweeps

        return sweep_at(self, path)

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str | Sequence[str] = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = True,
        lazy: bool = True,
        *,
        states: Iterable[str] | None = None,
    ) -> Runs:
        """Return the runs of ``[entity/]project`` that a filter finds, fetched as they are looked at.

        Args:
            path: ``"*"`` means all projects.
            filters: In the manner of MongoDB, such as ``{"config.lr": {"$lt": 0.1}, "state": "finished"}``; see
                `docs/how-to/query-runs.md`.
            order: A field to sort by, or several behind commas; ``-`` in front sorts the largest first.
            per_page: Runs fetched at first; more are fetched with each further page.
            include_sweeps: Also trials of sweeps.
            lazy: Accepted for scripts written for W&B; config and summary always come with a run.
            states: Only runs in one of these states.

        Raises:
            InvalidInput: a field or an operator is unknown, or the path has another form.
        """
        entity, project = (None, None) if path == EVERYTHING else split_project(path, self.settings)
        parts = [parse_filter(filters)]
        if states is not None:
            parts.append(Compare("state", "in", tuple(states)))
        if not include_sweeps:
            parts.append(Compare("sweep", "eq", None))
        return self.find_runs(RunQuery(entity, project, And(tuple(parts)), parse_order(order)), per_page=per_page)

    def find_runs(self, query: RunQuery, *, per_page: int = 50) -> Runs:
        """Return the runs that a question of `forebear.records.queries` finds, fetched as they are looked at."""
        settle(self.store)
        return Runs(self.store, query, per_page=per_page)

    def from_path(self, path: str) -> Any:
        """Return what a path names: a run, a version of an artifact, a collection, or a project.

        ``project``, ``entity/project``, ``[entity/]project/id``, ``[entity/]project/name:v3``; a name that both a run
        and a collection have is the run's.

        Raises:
            NotFound: there is nothing of that name.
        """
        if ":" in path or "@" in path:
            return self.artifact(path)
        parts = path.strip("/").split("/")
        if len(parts) == 1 or (len(parts) == 2 and self._is_project(*parts)):
            return self.project(path)
        try:
            return self.run(path)
        except NotFound:
            found = self.store.catalog.collection(*split_path(path, self.settings))
            if found is None:
                raise
            return ArtifactCollection(self.store, found)

    def _is_project(self, entity: str, name: str) -> bool:
        return any(project.name == name for project in self.projects(entity))

    def fsck(
        self,
        *,
        read_data: bool | str = False,
        repair: bool = False,
        rebuild_index: bool = False,
        source: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Checkup:
        """Check the whole store, and mend what can be mended. What it found is in the answer; it raises for nothing.

        Args:
            read_data: Also read and hash every byte; ``"5%"`` of the objects at random, ``"1/7"`` of them in turn.
            repair: Put damaged objects aside, and heal what can be healed.
            rebuild_index: Make the index of blobs again from the objects first.
            source: Folder or URL of another store, from which what is lost is taken.
            progress: Called with the objects and bytes that were looked at since its last call.
        """
        from forebear.api.checking.checking import check_store  # 10 ms, only for checks

        return check_store(
            self.store,
            read_data=read_data,
            repair=repair,
            rebuild_index=rebuild_index,
            source=None if source is None else shared_store(source, create=False),
            progress=progress,
        )

    # -- versions and lineage -----------------------------------------------------------------------------------

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
        move = self.store.catalog.move_alias(self.artifact(name).record.id, check_alias(alias), expect=expect)
        self.store.write_records(patient=False)
        return move

    def remove_alias(self, collection: str, alias: str, *, expect: str | None = None) -> AliasMove:
        """Take an alias away from a collection; errors as in `move_alias`."""
        move = self.store.catalog.remove_alias(self.collection(collection).id, check_alias(alias), expect=expect)
        self.store.write_records(patient=False)
        return move

    def reproduced_by(self, name: str) -> list[RecordedRun]:
        """Return the runs that logged the content of a version again, after the run that made it."""
        version = self.artifact(name).record
        edges = self.store.catalog.edges([Node.of_version(version.id).key], Direction.UPSTREAM, (EdgeKind.REPRODUCED,))
        keys = [Node(edge.source).row_id for edge in sorted(edges, key=lambda edge: edge.at)]
        records = self.store.catalog.runs_by_key(keys)
        return [RecordedRun(self.store, records[key]) for key in keys]

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
