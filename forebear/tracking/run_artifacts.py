"""What a run takes in and gives out: the methods of `Run` for artifacts and models."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from forebear.artifacts.artifact import Artifact
from forebear.artifacts.provenance import StoredRun
from forebear.errors import InvalidInput
from forebear.names import MAX_NAME_CHARS, parse_ref
from forebear.store.paths import safe_join
from forebear.tracking.identity import RunIdentity

if TYPE_CHECKING:
    from forebear.records.lineage import EdgeKind


class RunArtifacts(RunIdentity):
    """The part of `Run` that logs and uses artifacts. Safe for threads and forks."""

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | str | None = None,
        tags: list[str] | None = None,
        expect: str | None = None,
    ) -> Artifact:
        """Make an artifact a version of its collection, durably; return it.

        The same content as a live version gives that version again, with the aliases added; other content gives the
        next number. ``latest`` always moves.

        Args:
            artifact_or_path: A draft, or a file, folder or URI that becomes one.
            name: For a path: the collection, by default ``run-<id>-<file name>``.
            type: For a path: the type, by default ``unspecified``.
            aliases: Names that move to this version.
            tags: Free labels for this version.
            expect: Let aliases move only if they stand on this version (``"v7"``), or on none (``""``).

        Raises:
            Conflict: the collection has another type, ``expect`` does not hold, or the run is over.
            InvalidInput: a name is not allowed, or the path does not exist.
        """
        self._check_running("log an artifact")
        artifact = self._artifact_of(artifact_or_path, name, type)
        names = [aliases] if isinstance(aliases, str) else list(aliases or ())
        with self._guard():
            if not artifact.is_draft():
                return self._log_again(artifact, names, tags or [], expect)
            artifact.commit(
                self._store,
                self.entity,
                self.project,
                aliases=names,
                tags=tags or (),
                run_key=self._record.key,
                expect=expect,
            )
        return artifact

    def _log_again(self, artifact: Artifact, aliases: list[str], tags: list[str], expect: str | None) -> Artifact:
        """Log the content of a version once more: in this project it is either that version or a new one."""
        draft = artifact.new_draft()
        draft.commit(
            self._store, self.entity, self.project, aliases=aliases, tags=tags, run_key=self._record.key, expect=expect
        )
        return draft

    def _artifact_of(self, given: Artifact | str | os.PathLike[str], name: str | None, type: str | None) -> Artifact:
        if isinstance(given, Artifact):
            return given
        path = os.fspath(given)
        artifact = Artifact(name or self._name_for(path), type or "unspecified")
        if "://" in path:
            artifact.add_reference(path)
        elif os.path.isdir(path):
            artifact.add_dir(path)
        else:
            artifact.add_file(path)
        return artifact

    def _name_for(self, path: str) -> str:
        base = os.path.basename(os.path.abspath(path)) or "root"
        plain = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9_.-]", "_", base))
        return f"run-{self.id}-{plain}"[:MAX_NAME_CHARS]

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: list[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Say that this run uses a version, and return it.

        Args:
            artifact_or_name: ``name:latest``, ``name:v3``, ``name:prod@2026-01-01``, ``name@digest``, with
                ``entity/project/`` in front if it is another's; or an artifact (a draft is logged first).
            type: Type that the artifact must have.
            aliases: For a draft: its aliases.
            use_as: Role in which this run uses it.

        Raises:
            NotFound: there is no such version; the message lists what there is.
            InvalidInput: the artifact has another type.
        """
        self._check_running("use an artifact")
        if isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name
            if artifact.is_draft():
                self.log_artifact(artifact, aliases=aliases)
        else:
            ref = parse_ref(artifact_or_name)
            version = self._store.catalog.resolve(self.entity, self.project, ref)
            artifact = Artifact.of_version(self._store, version)
        if type is not None and artifact.type != type:
            raise InvalidInput(
                f"{artifact.name} has type {artifact.type!r}, not {type!r} as was asked for", code="type-mismatch"
            )
        self.record_use(artifact, use_as or artifact.use_as)
        return artifact

    def record_use(self, artifact: Artifact, use_as: str | None = None) -> EdgeKind:
        """Write down that this run used a version; return the kind of the edge."""
        if artifact.store is not self._store:
            raise InvalidInput(
                f"{artifact.name} is in the store {artifact.store.url}, this run is in {self._store.url}; "
                "start the run on that store",
                code="other-store",
            )
        return self._store.catalog.add_use(self._record.key, artifact.record.id, use_as)

    def log_model(
        self, path: str | os.PathLike[str], name: str | None = None, aliases: list[str] | None = None
    ) -> Artifact:
        """Log a model's file or folder as an artifact of type ``model``."""
        return self.log_artifact(path, name=name, type="model", aliases=aliases)

    def use_model(self, name: str) -> str:
        """Use and download a model; return the path of its file, or of its folder if it has several.

        Raises:
            InvalidInput: the artifact is of another type.
        """
        artifact = self.use_artifact(name)
        if "model" not in artifact.type:
            raise InvalidInput(
                f"{artifact.name} has type {artifact.type!r}, not a model; use use_artifact", code="type-mismatch"
            )
        folder = artifact.download()
        files = artifact.files()
        return safe_join(folder, files[0].path) if len(files) == 1 else folder

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that this run used, in the order of first use."""
        return self._stored().used_artifacts()

    def logged_artifacts(self) -> list[Artifact]:
        """Return the versions that this run logged, in the order of logging."""
        return self._stored().logged_artifacts()

    def _stored(self) -> StoredRun[Artifact]:
        return StoredRun(self._store, self._record, Artifact.of_version)
