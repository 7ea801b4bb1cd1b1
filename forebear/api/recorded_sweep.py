"""A sweep of a store as scripts read it: its declaration, its trials, their runs, and the best of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from forebear.api.recorded_run import RecordedRun
from forebear.api.scopes import split_path
from forebear.errors import NotFound

if TYPE_CHECKING:
    from forebear.api.api import Api
    from forebear.api.runs import Runs
    from forebear.records.sweeps import SweepRecord, Trial

#: Sweeps that a message names at most.
_LISTED = 8


def sweep_at(api: Api, path: str) -> RecordedSweep:
    """Return the sweep that ``[[entity/]project/]id`` names.

    Raises:
        NotFound: there is none; the message lists those of the project.
        InvalidInput: the path has another form.
    """
    entity, project, sweep_id = split_path(path.replace("/sweeps/", "/"), api.settings, "sweep")
    record = api.store.catalog.sweep(entity, project, sweep_id)
    if record is None:
        there = [sweep.id for sweep in api.store.catalog.sweeps(entity, project)]
        listed = ", ".join(there[:_LISTED]) or "none"
        raise NotFound(
            f"no sweep {sweep_id!r} in project {entity}/{project}, which has {listed}", code="sweep-not-found"
        )
    return RecordedSweep(api, record)


class RecordedSweep:
    """A sweep looked up by its id: a snapshot of that moment, made anew by `load`. Trials and runs are read anew."""

    def __init__(self, api: Api, record: SweepRecord) -> None:
        self._api = api
        self.record = record

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Its id, unique in the project."""
        return self.record.id

    @property
    def entity(self) -> str:
        """Person or team."""
        return self.record.entity

    @property
    def project(self) -> str:
        """Project."""
        return self.record.project

    @property
    def path(self) -> list[str]:
        """Entity, project and id, as W&B has them."""
        return [self.entity, self.project, self.id]

    @property
    def name(self) -> str:
        """Name, or the id where it has none."""
        return self.record.name or self.id

    @property
    def state(self) -> str:
        """*pending*, *running*, *paused*, *stopped*, *cancelled* or *finished*."""
        return self.record.state

    @property
    def config(self) -> dict[str, Any]:
        """The declaration."""
        return self.record.config

    @property
    def expected_run_count(self) -> int | None:
        """Trials that there will be at most; ``None`` where there is no end."""
        return self.record.limit

    @property
    def order(self) -> str | None:
        """How `Api.runs` puts the best run first; ``None`` for a sweep without a metric."""
        name = self._metric.get("name")
        sign = "-" if self._is_maximized else "+"
        return None if name is None else f"{sign}summary_metrics.{name}"

    @property
    def url(self) -> None:
        """There is no page for a local sweep."""
        return None

    @property
    def _metric(self) -> dict[str, Any]:
        several: list[dict[str, Any]] = self.config.get("metrics") or []
        metric: dict[str, Any] = self.config.get("metric") or (several[0] if several else {})
        return metric

    @property
    def _is_maximized(self) -> bool:
        return self._metric.get("goal") == "maximize"

    # -- what came of it ------------------------------------------------------------------------------------------

    @property
    def trials(self) -> list[Trial]:
        """All trials, by number, with their parameters, states and metrics."""
        return self._api.store.catalog.trials(self.record.key)

    @property
    def runs(self) -> Runs:
        """The runs of all trials, by the first metric, the best first and the earlier of equally good ones."""
        return self._runs(",".join(filter(None, (self.order, "+created_at"))))

    def _runs(self, order: str) -> Runs:
        return self._api.runs(f"{self.entity}/{self.project}", filters={"sweep": self.id}, order=order)

    def best_run(self, order: str | None = None) -> RecordedRun | None:
        """Return the run of the best trial by the first metric, the earlier of equally good ones.

        Args:
            order: Another order, as of `Api.runs`; its first run is the one.

        Returns:
            ``None`` where no trial that ended has a finite value.
        """
        if order is not None:
            return next(iter(self._runs(order)), None)
        name, sign = self._metric.get("name"), -1 if self._is_maximized else 1
        ended = [
            trial
            for trial in self.trials
            if trial.run_key is not None and trial.ended_at and math.isfinite(trial.values.get(str(name), math.nan))
        ]
        best = min(ended, key=lambda trial: sign * trial.values[str(name)], default=None)
        if best is None or best.run_key is None:
            return None
        record = self._api.store.catalog.runs_by_key([best.run_key]).get(best.run_key)
        return None if record is None else RecordedRun(self._api.store, record)

    def load(self, force: bool = False) -> SweepRecord:
        """Read it anew.

        Args:
            force: Accepted for scripts written for W&B; it is always read.

        Raises:
            NotFound: it was deleted.
        """
        self.record = sweep_at(self._api, "/".join(self.path)).record
        return self.record

    def __repr__(self) -> str:
        return f"<RecordedSweep {self.record.qualified_name} ({self.state})>"
