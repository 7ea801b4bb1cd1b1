"""Records of runs and projects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

RUNNING = "running"
FINISHED = "finished"
FAILED = "failed"
CRASHED = "crashed"
KILLED = "killed"
RUN_STATES = (RUNNING, FINISHED, FAILED, CRASHED, KILLED)
#: State of what is left of a run that was removed: its place in the lineage. No question about runs finds it.
DELETED = "deleted"


class RunOrigin(msgspec.Struct, frozen=True):
    """Where and how a run was started; every part may be unknown."""

    command: tuple[str, ...] = ()
    program: str | None = None
    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    host: str | None = None
    user: str | None = None
    python: str | None = None
    pid: int | None = None
    #: Start of the process in clock ticks since boot, so that a reused pid is not mistaken for it.
    pid_started: int | None = None
    #: Address of the repository, without credentials.
    git_remote: str | None = None
    os: str | None = None
    cpu_count: int | None = None
    gpu: str | None = None
    gpu_count: int | None = None


class NewRun(msgspec.Struct, frozen=True):
    """What is known of a run when it starts."""

    entity: str
    project: str
    id: str
    name: str
    job_type: str | None = None
    group: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = {}
    origin: RunOrigin = RunOrigin()
    #: Id of the sweep that it is a trial of.
    sweep: str | None = None


class RunRecord(msgspec.Struct, frozen=True):
    """One execution as the catalog knows it. ``key`` identifies it within the store."""

    key: int
    entity: str
    project: str
    id: str
    name: str
    job_type: str | None
    group: str | None
    notes: str | None
    tags: tuple[str, ...]
    state: str
    config: dict[str, Any]
    origin: RunOrigin
    created_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    error: str | None
    summary: dict[str, Any] = {}
    #: Definitions of metrics by name.
    metrics: dict[str, Any] = {}
    sweep: str | None = None
    #: Branch that is written now; above 0 after the run was rewound.
    branch: int = 0
    #: Rows that could not be kept, because no disk would take them.
    lost_rows: int = 0
    #: Asked to end by somebody else; the run notices at its next call.
    stop_requested: bool = False

    @property
    def qualified_name(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"


class RunChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """Fields of a run to change; a field left `msgspec.UNSET` stays as it is."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    notes: str | None | msgspec.UnsetType = msgspec.UNSET
    tags: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    state: str | msgspec.UnsetType = msgspec.UNSET
    config: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    ended_at: datetime | None | msgspec.UnsetType = msgspec.UNSET
    exit_code: int | None | msgspec.UnsetType = msgspec.UNSET
    error: str | None | msgspec.UnsetType = msgspec.UNSET
    group: str | None | msgspec.UnsetType = msgspec.UNSET
    job_type: str | None | msgspec.UnsetType = msgspec.UNSET
    summary: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    metrics: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    origin: RunOrigin | msgspec.UnsetType = msgspec.UNSET
    stop_requested: bool | msgspec.UnsetType = msgspec.UNSET


class Project(msgspec.Struct, frozen=True):
    """A namespace of runs and collections."""

    entity: str
    name: str
    created_at: datetime
    run_count: int = 0
    collection_count: int = 0
