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


class Project(msgspec.Struct, frozen=True):
    """A namespace of runs and collections."""

    entity: str
    name: str
    created_at: datetime
    run_count: int = 0
    collection_count: int = 0
