"""`Run`: one execution, what it used and what it logged."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

from forebear.artifacts.artifact import Artifact
from forebear.artifacts.provenance import StoredRun
from forebear.errors import Conflict, InvalidInput
from forebear.names import MAX_NAME_CHARS, check_tag, parse_ref
from forebear.records.runs import FAILED, FINISHED, KILLED, RunChanges, RunRecord
from forebear.tracking.config import Config

if TYPE_CHECKING:
    from forebear.records.lineage import EdgeKind
    from forebear.settings import Settings
    from forebear.store.store import Store

#: Exit code of a run that an interrupt ended, as shells report it.
INTERRUPTED = 130
#: Characters of an exception kept with a run.
MAX_ERROR_CHARS = 2_000


class Run:
    """A run that this process executes. Made by `forebear.init`; ends with `finish`, its block, or the process.

    Safe for threads. A forked child may log through it; only the process that began it ends it.
    """

    def __init__(
        self, store: Store, record: RunRecord, settings: Settings, ended: Callable[[Run], None] | None = None
    ) -> None:
        """Hold a registered run; ``ended`` is called once, when it ends."""
        self._ended = ended
        self._store = store
        self._record = record
        self._settings = settings
        self._owner = self._lock_owner = os.getpid()
        self._lock = threading.RLock()
        self._state = record.state
        self._over = False
        self.config = Config(record.config, self._save_config)

    # -- what it is ---------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Identity within the project."""
        return self._record.id

    @property
    def name(self) -> str:
        """Display name; setting it keeps the change."""
        return self._record.name

    @name.setter
    def name(self, text: str) -> None:
        self._change(RunChanges(name=text))

    @property
    def entity(self) -> str:
        """Person or team."""
        return self._record.entity

    @property
    def project(self) -> str:
        """Project of the run."""
        return self._record.project

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return self._record.qualified_name

    @property
    def job_type(self) -> str | None:
        """Role of the run in its pipeline."""
        return self._record.job_type

    @property
    def group(self) -> str | None:
        """Group of the run."""
        return self._record.group

    @property
    def notes(self) -> str | None:
        """Free text; setting it keeps the change."""
        return self._record.notes

    @notes.setter
    def notes(self, text: str | None) -> None:
        self._change(RunChanges(notes=text))

    @property
    def tags(self) -> tuple[str, ...]:
        """Free labels; setting them keeps the change."""
        return self._record.tags

    @tags.setter
    def tags(self, names: Iterable[str]) -> None:
        self._change(RunChanges(tags=tuple(check_tag(name) for name in names)))

    @property
    def state(self) -> str:
        """``running``, ``finished``, ``failed`` or ``killed``."""
        return self._state

    @property
    def start_time(self) -> float:
        """Start in seconds since 1970."""
        return self._record.created_at.timestamp()

    @property
    def settings(self) -> Settings:
        """The settings it was started with."""
        return self._settings

    @property
    def store(self) -> Store:
        """The store it writes to."""
        return self._store

    @property
    def key(self) -> int:
        """Key of the run within its store."""
        return self._record.key

    @property
    def url(self) -> None:
        """There is no page for a local run."""
        return None

    @property
    def offline(self) -> bool:
        """A local store needs no network."""
        return True

    # -- artifacts ----------------------------------------------------------------------------------------------

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
        return os.path.join(folder, files[0].path) if len(files) == 1 else folder

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that this run used, in the order of first use."""
        return self._stored().used_artifacts()

    def logged_artifacts(self) -> list[Artifact]:
        """Return the versions that this run logged, in the order of logging."""
        return self._stored().logged_artifacts()

    def _stored(self) -> StoredRun[Artifact]:
        return StoredRun(self._store, self._record, Artifact.of_version)

    # -- its end ------------------------------------------------------------------------------------------------

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: *finished*, or *failed* if ``exit_code`` is not 0. A run that is over stays as it is."""
        self.end(exit_code or 0)

    def end(self, exit_code: int, error: str | None = None) -> None:
        """End the run with an exit code and the words of an exception."""
        with self._guard():
            if self._over or os.getpid() != self._owner:
                return
            state = {0: FINISHED, INTERRUPTED: KILLED}.get(exit_code, FAILED)
            changes = RunChanges(
                state=state,
                exit_code=exit_code,
                error=error[:MAX_ERROR_CHARS] if error else None,
                ended_at=datetime.now(UTC),
            )
            # First of all, so that an end that no disk would take can be tried again.
            self._store.catalog.update_run(self._record.key, changes)
            self._state, self._over = state, True
            if self._ended is not None:
                self._ended(self)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(*ending_of(error))

    def _check_running(self, doing: str) -> None:
        if self._over:
            raise Conflict(
                f"run {self.name} ({self.id}) is {self._state}, so it cannot {doing}; start another with init()",
                code="run-over",
            )

    def _change(self, changes: RunChanges) -> None:
        with self._guard():
            self._store.catalog.update_run(self._record.key, changes)
            self._record = self._store.catalog.runs_by_key([self._record.key])[self._record.key]

    def _save_config(self) -> None:
        self._check_running("change its config")
        with self._guard():  # read and written as one, so that of two threads the last one writes both their changes
            self._change(RunChanges(config=self.config.as_dict()))

    def _guard(self) -> threading.RLock:
        if os.getpid() != self._lock_owner:
            # Another thread of the parent may have held the lock when this child was forked.
            self._lock, self._lock_owner = threading.RLock(), os.getpid()
        return self._lock

    def __repr__(self) -> str:
        return f"<Run {self.path} {self._state}>"

    def _repr_html_(self) -> str:
        return self._stored()._repr_html_()


def ending_of(error: BaseException | None) -> tuple[int, str | None]:
    """Return the exit code that an exception means, and its words."""
    if error is None:
        return 0, None
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return error.code or 0, None
        return 1, str(error.code)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    return 1, f"{type(error).__name__}: {error}"


def note(settings: Settings, text: str) -> None:
    """Tell the person at the terminal something, unless they asked for silence."""
    if not settings.silent:
        print(f"forebear: {text}", file=sys.stderr)
