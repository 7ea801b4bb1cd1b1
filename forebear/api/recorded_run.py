"""A run of a store as scripts read it: its values, history, files and artifacts."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forebear.api import histories
from forebear.api.run_files import File, Files, file_of, files_of, upload
from forebear.api.run_values import SummaryValues
from forebear.artifacts.artifact import Artifact
from forebear.artifacts.provenance import StoredRun
from forebear.catalog import messages
from forebear.errors import Conflict, InvalidInput
from forebear.names import check_tag
from forebear.records.artifacts import DELETED
from forebear.records.history import Stream
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.records.runs import DELETED as DELETED_RUN
from forebear.records.runs import RUNNING, RunChanges, RunRecord

if TYPE_CHECKING:
    import os

    from forebear.store.store import Store

#: Seconds between two looks at a run that is waited for.
POLL_SECONDS = 0.5


class RecordedRun(StoredRun[Artifact]):
    """A run looked up by `Api.run` or `Api.runs`: a snapshot of that moment, made anew by `load`.

    What is set (``name``, ``notes``, ``tags``, ``group``, ``job_type``, values in ``config`` and ``summary``) is kept
    by `update`. A process that still writes the run may write over its config and summary.
    """

    def __init__(self, store: Store, record: RunRecord) -> None:
        super().__init__(store, record, Artifact.of_version)
        self._take(record)

    def _take(self, record: RunRecord) -> None:
        self.record = record
        self._name, self._notes, self._tags = record.name, record.notes, list(record.tags)
        self._group, self._job_type = record.group, record.job_type
        self._config: dict[str, Any] | None = None
        self._summary: SummaryValues | None = None

    # -- what it is ---------------------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The store it is in."""
        return self._store

    @property
    def storage_id(self) -> str:
        """Key of the run within its store."""
        return str(self.record.key)

    @property
    def name(self) -> str:
        """Display name."""
        return self._name

    @name.setter
    def name(self, text: str) -> None:
        self._name = text

    @property
    def display_name(self) -> str:
        """The same as `name`."""
        return self._name

    @display_name.setter
    def display_name(self, text: str) -> None:
        self._name = text

    @property
    def notes(self) -> str | None:
        """Free text."""
        return self._notes

    @notes.setter
    def notes(self, text: str | None) -> None:
        self._notes = text

    @property
    def tags(self) -> list[str]:
        """Free labels; the list may be changed."""
        return self._tags

    @tags.setter
    def tags(self, names: Iterable[str]) -> None:
        self._tags = list(names)

    @property
    def group(self) -> str | None:
        """Group of the run."""
        return self._group

    @group.setter
    def group(self, text: str | None) -> None:
        self._group = text

    @property
    def job_type(self) -> str | None:
        """Role of the run in its pipeline."""
        return self._job_type

    @job_type.setter
    def job_type(self, text: str | None) -> None:
        self._job_type = text

    @property
    def config(self) -> dict[str, Any]:
        """Settings of the run; the dictionary may be changed."""
        if self._config is None:
            self._config = copy.deepcopy(self.record.config)
        return self._config

    @config.setter
    def config(self, values: dict[str, Any]) -> None:
        self._config = dict(values)

    @property
    def summary(self) -> SummaryValues:
        """Final values of the run; the dictionary may be changed."""
        if self._summary is None:
            self._summary = SummaryValues(copy.deepcopy(self.record.summary), self.update)
        return self._summary

    @summary.setter
    def summary(self, values: dict[str, Any]) -> None:
        self._summary = SummaryValues(values, self.update)

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The summary as it was when the run was looked up."""
        return copy.deepcopy(self.record.summary)

    @property
    def user(self) -> str | None:
        """Name of the user that the run was started by."""
        return self.record.origin.user

    @property
    def username(self) -> str | None:
        """The same as `user`."""
        return self.record.origin.user

    @property
    def url(self) -> None:
        """There is no page for a run of a local store."""
        return None

    @property
    def sweep_id(self) -> str | None:
        """Id of the sweep that it is a trial of."""
        return self.record.sweep

    @property
    def exit_code(self) -> int | None:
        """Exit code of its process, once it has ended."""
        return self.record.exit_code

    @property
    def error(self) -> str | None:
        """The exception that ended it, in words."""
        return self.record.error

    @property
    def lost_rows(self) -> int:
        """Rows of its history that no disk would take."""
        return self.record.lost_rows

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked it to stop."""
        return self.record.stop_requested

    @property
    def metadata(self) -> dict[str, Any]:
        """Where and how it was started, as far as that is known: host, program, args, git, hardware."""
        origin = self.record.origin
        git = {"remote": origin.git_remote, "commit": origin.git_commit, "branch": origin.git_branch,
               "dirty": origin.git_dirty}  # fmt: skip
        found = {
            "os": origin.os,
            "python": origin.python,
            "startedAt": self.record.created_at.isoformat(),
            "program": origin.program,
            "args": list(origin.command[1:]),
            "command": list(origin.command),
            "host": origin.host,
            "username": origin.user,
            "pid": origin.pid,
            "cpu_count": origin.cpu_count,
            "gpu": origin.gpu,
            "gpu_count": origin.gpu_count,
            "git": {key: value for key, value in git.items() if value is not None} or None,
        }
        return {key: value for key, value in found.items() if value is not None}

    # -- changing it --------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Keep what was set since the run was looked up; what was not touched is not written.

        Raises:
            NotFound: the run was deleted.
            InvalidInput: a tag is not allowed.
        """
        changed = {name: value for name, value in self._now().items() if value != getattr(self.record, name)}
        if changed:
            self._store.catalog.update_run(self.record.key, RunChanges(**changed))
            self.load(force=True)

    def _now(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "notes": self._notes,
            "tags": tuple(check_tag(tag) for tag in dict.fromkeys(self._tags)),
            "group": self._group,
            "job_type": self._job_type,
            "config": self.record.config if self._config is None else self._config,
            "summary": self.record.summary if self._summary is None else dict(self._summary),
        }

    def save(self) -> None:
        """The same as `update`."""
        self.update()

    def load(self, force: bool = False) -> dict[str, Any]:
        """Read the run again, if ``force`` is true; what was set and not kept is forgotten. Return its summary.

        Raises:
            NotFound: the run was deleted.
        """
        if force:
            record = self._store.catalog.runs_by_key([self.record.key]).get(self.record.key)
            if record is None or record.state == DELETED_RUN:
                raise messages.no_run(f"{self.record.qualified_name}: it was deleted")
            self._take(record)
        return self.record.summary

    def delete(self, delete_artifacts: bool = False, *, force: bool = False) -> None:
        """Remove the run with its history and files; what it did stays in the lineage of its artifacts.

        Args:
            delete_artifacts: Delete the versions that it made too, with their aliases.
            force: Also if the run says that it is running, on a machine that cannot be looked at.

        Raises:
            Conflict: it is running.
        """
        self.load(force=True)
        if self.state == RUNNING and not force:
            raise Conflict(
                f"run {self.record.qualified_name} is running; stop it first, or say force=True", code="run-running"
            )
        if delete_artifacts:
            for artifact in self._made():
                artifact.delete(delete_aliases=True)
        self._store.catalog.delete_run(self.record.key)

    def _made(self) -> list[Artifact]:
        """Return the live versions that this run was the first to log."""
        edges = self._store.catalog.edges([Node.of_run(self.record.key).key], Direction.DOWNSTREAM, (EdgeKind.LOGGED,))
        versions = self._store.catalog.versions_by_id(Node(edge.target).row_id for edge in edges)
        return [Artifact.of_version(self._store, version) for version in versions.values() if version.state != DELETED]

    def stop(self) -> None:
        """Ask the run to end: it raises where it logs next, and ends as *killed*."""
        self._store.catalog.update_run(self.record.key, RunChanges(stop_requested=True))

    def wait_until_finished(self, timeout: float | None = None) -> None:
        """Return when the run is over.

        Args:
            timeout: Seconds.

        Raises:
            Conflict: it still runs after ``timeout``.
        """
        end = None if timeout is None else time.monotonic() + timeout
        self.load(force=True)
        while self.state == RUNNING:
            if end is not None and time.monotonic() >= end:
                raise Conflict(f"run {self.record.qualified_name} still runs after {timeout} s", code="run-running")
            time.sleep(POLL_SECONDS)
            self.load(force=True)

    # -- history ------------------------------------------------------------------------------------------------

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - the name that scripts written for W&B know
        """Largest step of its history; -1 where there is none."""
        return histories.last_step(self._store, self.record)

    @property
    def last_history_step(self) -> int:
        """The same as `lastHistoryStep`."""
        return self.lastHistoryStep

    @property
    def history_keys(self) -> list[str]:
        """The metrics that it logged, sorted."""
        return histories.keys(self._store, self.record, Stream.HISTORY)

    def history(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Return its history, sampled so that curves look as they are.

        Where there are more rows than ``samples``, they are cut into stretches, and of each stretch the rows with the
        smallest and the largest value of every key are kept. The first and last row and the extremes of every key are
        always there.

        Args:
            samples: Rows at most, unless there are too few for the extremes of all keys.
            keys: Metrics to return; rows that have one of them. By default all.
            x_axis: Metric that rows are put in the order of, and that comes with them; rows without it are left out.
            pandas: Return a DataFrame where pandas is installed, else a list of dictionaries.
            stream: ``"system"`` for what was measured of the machine.

        Raises:
            InvalidInput: ``samples`` is below 1, or there is no such stream.
        """
        table = histories.sampled(self._store, self.record, samples, keys, x_axis, histories.stream_of(stream))
        return histories.as_frame(table, "pandas") if pandas and histories.has_pandas() else table.rows()

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield every row of its history as a dictionary, in the order of steps; nothing is sampled.

        Args:
            keys: What to return, ``_step`` too where it is wanted; only rows that have all of these.
            page_size: Accepted for scripts written for W&B; pieces are read as they were written.
            min_step: First step.
            max_step: Step to stop before.
        """
        return histories.scan(self._store, self.record, keys, min_step, max_step)

    # -- files and artifacts ------------------------------------------------------------------------------------

    def files(self, names: Iterable[str] | None = None, per_page: int = 50, pattern: str | None = None) -> Files:
        """Return its files, sorted by name: all, those with one of ``names``, or those that ``pattern`` fits.

        In a pattern ``*`` and ``%`` stand for any text.
        """
        return files_of(self._store, self.record, names or None, pattern)

    def file(self, name: str) -> File:
        """Return one file. Raises `NotFound`; the message lists what there is."""
        return file_of(self._store, self.record, name)

    def upload_file(self, path: str | os.PathLike[str], root: str | os.PathLike[str] = ".") -> File:
        """Keep a file with the run, named by its path below ``root``; return it."""
        return upload(self._store, self.record, path, root)

    def logged_artifacts(self, per_page: int = 100) -> list[Artifact]:
        """Return the versions that the run logged, also those that were there before, in the order of logging."""
        return super().logged_artifacts()

    def used_artifacts(self, per_page: int = 100) -> list[Artifact]:
        """Return the versions that the run used, in the order of first use."""
        return super().used_artifacts()

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Write down that the run used a version; return it."""
        self._check_store(artifact)
        self._store.catalog.add_use(self.record.key, artifact.record.id, use_as or artifact.use_as)
        return artifact

    def log_artifact(
        self, artifact: Artifact, aliases: Sequence[str] | None = None, tags: Sequence[str] | None = None
    ) -> Artifact:
        """Make an artifact a version that this run logged; return it."""
        draft = artifact
        if not artifact.is_draft():
            self._check_store(artifact)
            draft = artifact.new_draft()
        draft.commit(
            self._store, self.entity, self.project, aliases=list(aliases or ()), tags=tags or (),
            run_key=self.record.key,
        )  # fmt: skip
        return draft

    def _check_store(self, artifact: Artifact) -> None:
        if artifact.store is not self._store:
            raise InvalidInput(
                f"{artifact.name} is in the store {artifact.store.url}, this run is in {self._store.url}",
                code="other-store",
            )

    # -- showing it ---------------------------------------------------------------------------------------------

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return a card with its values for a notebook; ``height`` and ``hidden`` are W&B's, for its page."""
        return self._repr_html_()
