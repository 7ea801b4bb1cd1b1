"""What a run is called and where it stands: the properties of `Run` that only look, and those that rename."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.names import check_tag
from forebear.records.runs import RunChanges, RunRecord
from forebear.store.urls import parse_store_url
from forebear.tracking.journal.place import quoted

if TYPE_CHECKING:
    from forebear.settings import Settings
    from forebear.store.store import Store


#: Folder of a store below which runs have folders for their files, and the name of each of these.
RUNS, FILES = "runs", "files"


def run_folder(root: str | os.PathLike[str], entity: str, project: str, run_id: str) -> Path:
    """Return the folder for the files of a run, below the folder of its store. Nothing is made."""
    return Path(root, RUNS, quoted(entity), quoted(project), quoted(run_id), FILES)


class RunIdentity:
    """The part of `Run` that says which run it is. Safe for threads and forks."""

    def __init__(self, store: Store, record: RunRecord, settings: Settings) -> None:
        """Hold a registered run."""
        self._store = store
        self._record = record
        self._settings = settings
        self._state = record.state
        self._owner = self._lock_owner = os.getpid()
        self._lock = threading.RLock()

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

    def project_name(self) -> str:
        """The same as `project`, as older scripts ask for it."""
        return self.project

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
    def sweep_id(self) -> str | None:
        """Sweep that the run is a trial of."""
        return self._record.sweep

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
    def record(self) -> RunRecord:
        """The run as the catalog knew it when it began, or was changed through this object."""
        return self._record

    @property
    def dir(self) -> str:
        """Folder for files of the run, made when it is first asked for; what is in it at the end is kept."""
        folder = run_folder(self._store.local, self.entity, self.project, self.id)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    @property
    def url(self) -> None:
        """There is no page for a local run."""
        return None

    @property
    def project_url(self) -> None:
        """There is no page for a local project."""
        return None

    @property
    def sweep_url(self) -> None:
        """There is no page for a local sweep."""
        return None

    def get_url(self) -> None:
        """The same as `url`, as older scripts ask for it."""
        return self.url

    def get_project_url(self) -> None:
        """The same as `project_url`."""
        return self.project_url

    def get_sweep_url(self) -> None:
        """The same as `sweep_url`."""
        return self.sweep_url

    @property
    def offline(self) -> bool:
        """Whether it goes to a store of this machine, which needs no network."""
        return not parse_store_url(self._store.url).is_far

    @property
    def disabled(self) -> bool:
        """Whether nothing of it is kept."""
        return self._settings.mode == "disabled"

    @property
    def began_here(self) -> bool:
        """Whether this process began it, and not one that it was forked from."""
        return os.getpid() == self._owner

    def _change(self, changes: RunChanges) -> None:
        with self._guard():
            self._store.catalog.update_run(self._record.key, changes)
            self._record = self._store.catalog.runs_by_key([self._record.key])[self._record.key]

    def _guard(self) -> threading.RLock:
        if os.getpid() != self._lock_owner:
            # Another thread of the parent may have held the lock when this child was forked.
            self._lock, self._lock_owner = threading.RLock(), os.getpid()
        return self._lock

    def __repr__(self) -> str:
        return f"<Run {self.path} {self._state}>"

    def _check_running(self, doing: str) -> None:
        raise NotImplementedError

    def _stored(self) -> Any:
        raise NotImplementedError
