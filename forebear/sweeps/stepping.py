"""`controller`: driving a sweep by hand, for those who want to choose its trials themselves.

Agents of such a sweep get what is scheduled here, and wait for it. W&B's names are kept, so that its scripts run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from forebear.errors import Conflict, InvalidInput, NotFound
from forebear.records.sweeps import (
    FINISHED,
    OPEN_SWEEPS,
    PAUSED,
    PRUNE,
    STOP,
    TRIAL_RUNNING,
    WAITING,
    NewTrial,
    SweepChanges,
)
from forebear.settings import load_settings
from forebear.store.shared import shared_store
from forebear.sweeps.controller import proposal
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.lifecycle import begin_sweep
from forebear.sweeps.places import find_sweep
from forebear.tracking.terminal import termlog

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.store.store import Store

#: Seconds between two steps of `Controller.run`.
STEP_SECONDS = 1.0
_LOCAL = {"type": "local"}


def controller(
    sweep_id_or_config: str | Mapping[str, Any] | None = None, entity: str | None = None, project: str | None = None
) -> Controller:
    """Return what drives a sweep by hand.

    Args:
        sweep_id_or_config: A sweep that is there, a declaration to begin one with, or nothing: then it is put together
            by the ``configure_…`` methods and begun by `Controller.create`.
        entity: Person or team.
        project: Project of the sweep.

    Raises:
        NotFound: there is no such sweep.
        InvalidInput: the declaration is wrong.
    """
    driver = Controller(entity=entity, project=project)
    if isinstance(sweep_id_or_config, str):
        driver.attach(sweep_id_or_config)
    elif sweep_id_or_config is not None:
        driver.configure(sweep_id_or_config)
        driver.create()
    return driver


class Controller:
    """Drives one sweep: proposes trials, schedules them, and ends those that others are better than."""

    def __init__(self, *, entity: str | None = None, project: str | None = None) -> None:
        """Stand ready to put a declaration together."""
        self._entity, self._project = entity, project
        self._config: dict[str, Any] = {"controller": _LOCAL}
        self._store: Store | None = None
        self._record: SweepRecord | None = None

    # -- the declaration ------------------------------------------------------------------------------------------

    def configure(self, sweep_dict_or_config: Mapping[str, Any]) -> None:
        """Take a whole declaration."""
        self._check_not_begun()
        self._config = {**sweep_dict_or_config, "controller": _LOCAL}

    def configure_search(self, search: str | Mapping[str, Any], **options: Any) -> None:
        """Say how is searched: the name of a method."""
        self._check_not_begun()
        self._config |= search if isinstance(search, Mapping) else {"method": search, **options}

    def configure_stopping(self, stopping: str, **options: Any) -> None:
        """Say how trials end early: the type of the rule, and its numbers."""
        self._check_not_begun()
        self._config["early_terminate"] = {"type": stopping, **options}

    def configure_metric(self, metric: str, goal: str | None = None) -> None:
        """Say which metric counts."""
        self._check_not_begun()
        self._config["metric"] = {"name": metric, **({"goal": goal} if goal else {})}

    def configure_parameter(
        self, name: str, values: Iterable[Any] | None = None, value: Any = None, **options: Any
    ) -> None:
        """Add a parameter: its values, its one value, or the keys of a distribution such as ``min`` and ``max``."""
        self._check_not_begun()
        spec = {key: item for key, item in options.items() if item is not None}
        if values is not None:
            spec["values"] = list(values)
        elif value is not None:
            spec["value"] = value
        self._config.setdefault("parameters", {})[name] = spec

    def configure_program(self, program: str) -> None:
        """Say which program agents run."""
        self._check_not_begun()
        self._config["program"] = program

    def configure_controller(self, type: str = "local") -> None:
        """Accepted for W&B's scripts; a sweep that is driven by hand is ``local``."""
        if type != "local":
            raise InvalidInput(
                f"controller type {type!r}: one that is driven by hand is local; without one, sweep() needs no driver",
                code="invalid-sweep",
            )

    def create(self) -> str:
        """Begin the sweep and return its id. Errors as in `forebear.sweeps.lifecycle.sweep`."""
        self._check_not_begun()
        settings = load_settings(
            {
                "entity": self._entity or self._config.get("entity"),
                "project": self._project or self._config.get("project"),
            }
        )
        self._store = shared_store(settings.store)
        self._record = begin_sweep(self._store, self._config, settings.entity, settings.project)
        return self._record.id

    def attach(self, sweep_id: str) -> None:
        """Drive a sweep that is there; from now on its agents get what is scheduled."""
        found = find_sweep(sweep_id, entity=self._entity, project=self._project, create=False)
        self._store, self._record = found.store, found.sweep
        if not read_declaration(found.sweep.config).is_local:
            config = found.sweep.config | {"controller": _LOCAL}
            self._record = found.store.catalog.update_sweep(found.sweep.key, SweepChanges(config=config))

    def _check_not_begun(self) -> None:
        if self._record is not None:
            raise Conflict(f"sweep {self._record.id} has begun: its declaration stays", code="sweep-state")

    # -- what it drives -------------------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The store that the sweep is in."""
        if self._store is None:
            raise Conflict("there is no sweep yet; call create() first", code="sweep-state")
        return self._store

    @property
    def sweep(self) -> SweepRecord:
        """The sweep as it stands now. Raises `NotFound` if it was deleted."""
        store = self.store
        assert self._record is not None
        known = self._record
        found = store.catalog.sweep(known.entity, known.project, known.id)
        if found is None:
            raise NotFound(f"sweep {known.qualified_name} was deleted", code="sweep-not-found")
        self._record = found
        return found

    @property
    def sweep_id(self) -> str:
        """Id of the sweep."""
        return self.sweep.id

    @property
    def sweep_config(self) -> dict[str, Any]:
        """Its declaration."""
        return self._config if self._record is None else self.sweep.config

    @property
    def trials(self) -> list[Trial]:
        """All its trials, by number."""
        return self.store.catalog.trials(self.sweep.key)

    def done(self) -> bool:
        """Whether there is nothing more to do."""
        sweep = self.sweep
        if sweep.state not in (*OPEN_SWEEPS, PAUSED):
            return True
        return sweep.exhausted and not self.store.catalog.trials(sweep.key, states=[WAITING, TRIAL_RUNNING])

    # -- driving --------------------------------------------------------------------------------------------------

    def search(self, params: Mapping[str, Any] | None = None) -> NewTrial | None:
        """Return the next trial of the search, or one with ``params``; ``None`` where there is none to come."""
        if params is not None:
            return NewTrial(dict(params))
        sweep = self.sweep
        if sweep.exhausted or sweep.state not in OPEN_SWEEPS:
            return None
        found = proposal(self.store, sweep)
        return None if found.params is None else NewTrial(found.params, found.number)

    def schedule(self, run: NewTrial | Mapping[str, Any] | None) -> Trial | None:
        """Let an agent execute a trial: one of `search`, or parameters of one's own.

        Raises:
            Conflict: somebody scheduled that trial of the search before.
        """
        if run is None:
            return None
        new = run if isinstance(run, NewTrial) else NewTrial(dict(run))
        return self.store.catalog.add_trials(self.sweep.key, [new])[0]

    def stopping(self) -> list[Trial]:
        """Return the running trials that end early by the rule of the declaration, by what they reported last."""
        sweep = self.sweep
        declaration = read_declaration(sweep.config)
        if declaration.early is None:
            return []
        objective = declaration.objectives[0]
        at: dict[int, dict[int, float]] = {}
        for report in self.store.catalog.trial_reports(sweep.key):
            at.setdefault(report.iteration, {})[report.number] = objective.as_loss(report.value)
        ending = []
        for trial in self.store.catalog.trials(sweep.key, states=[TRIAL_RUNNING]):
            reported = [iteration for iteration, values in at.items() if trial.number in values]
            if not reported or trial.asked is not None:
                continue
            values = at[max(reported)]
            others = [value for number, value in values.items() if number != trial.number]
            if declaration.early.stops(max(reported), values[trial.number], others):
                ending.append(trial)
        return ending

    def stop_runs(self, runs: Iterable[Trial | int]) -> int:
        """Ask running trials to end early, and return how many were asked."""
        numbers = [run if isinstance(run, int) else run.number for run in runs]
        return self.store.catalog.ask_trials(self.sweep.key, PRUNE, numbers)

    def step(self) -> None:
        """Schedule the next trial, unless one waits already, and end early what is to end."""
        if not self.store.catalog.trials(self.sweep.key, states=[WAITING]):
            self.schedule(self.search())
        self.stop_runs(self.stopping())

    def run(
        self, verbose: bool = False, print_status: bool = True, step_seconds: float = STEP_SECONDS, **_: Any
    ) -> None:
        """Step until the sweep is done.

        Args:
            verbose: Say more; accepted.
            print_status: Say how the sweep stands, whenever that changes.
            step_seconds: Seconds between two steps.
        """
        said = ""
        while not self.done():
            self.step()
            status = self.status()
            if print_status and status != said:
                termlog(status)
                said = status
            time.sleep(step_seconds)
        sweep = self.sweep
        if sweep.state in OPEN_SWEEPS:
            self.store.catalog.update_sweep(sweep.key, SweepChanges(state=FINISHED), expect=OPEN_SWEEPS)

    def stop(self) -> None:
        """Ask all running trials to stop."""
        self.store.catalog.ask_trials(self.sweep.key, STOP)

    # -- telling --------------------------------------------------------------------------------------------------

    def status(self) -> str:
        """Return in one line how the sweep stands."""
        sweep = self.sweep
        counts = self.store.catalog.trial_counts([sweep.key])[sweep.key]
        shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "no trials"
        return f"sweep {sweep.id} ({read_declaration(sweep.config).method}) is {sweep.state}: {shown}"

    def print_status(self) -> None:
        """Say how the sweep stands."""
        termlog(self.status())

    def print_space(self) -> None:
        """Say which parameters are searched."""
        for parameter in read_declaration(self.sweep.config).space.parameters:
            termlog(f"{parameter.name}: {parameter.distribution.kind}")

    def print_actions(self) -> None:
        """Say which trials wait, and which are to end."""
        waiting = self.store.catalog.trials(self.sweep.key, states=[WAITING])
        termlog(f"scheduled: {', '.join(str(trial.number) for trial in waiting) or 'none'}")
        termlog(f"to end: {', '.join(str(trial.number) for trial in self.trials if trial.asked) or 'none'}")

    def print_summary(self) -> None:
        """Say what each trial achieved."""
        for trial in self.trials:
            values = ", ".join(f"{name}={value:g}" for name, value in trial.values.items())
            termlog(f"trial {trial.number}: {trial.state} {values}".rstrip())

    def __repr__(self) -> str:
        return f"<Controller {self.status() if self._record is not None else 'of a sweep to come'}>"
