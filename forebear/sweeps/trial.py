"""A trial where it is executed: its parameters go to the config, its metric to the catalog, and it hears of its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from forebear.errors import InvalidInput, NotFound, StorageFailure
from forebear.records.sweeps import PRUNE, PRUNED, TRIAL_STOPPED, Standing
from forebear.store.shared import shared_store
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.objectives import as_number, looked_up
from forebear.sweeps.patience import patiently
from forebear.tracking.config import locked_into
from forebear.tracking.run import TERMINATED, note
from forebear.tracking.terminal import termwarn
from forebear.tracking.trial_context import TrialStopped

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.settings import Settings
    from forebear.store.store import Store
    from forebear.tracking.run import Run

_T = TypeVar("_T")
#: What a run in a trial does not decide: where it goes and which run it is.
_NOT_ITS_OWN = ("run_id", "resume", "resume_from", "fork_from")


def open_trial(settings: Settings) -> ExecutedTrial:
    """Return the trial that the environment names; called by `init` in a process that an agent began.

    Waits for a store that is away, as the agent does.

    Raises:
        NotFound: there is no such trial.
        InvalidInput: what the environment says has not the form ``number:attempt``.
        StorageFailure: the store was away for more than ten minutes.
    """
    number, _, attempt = str(settings.trial).partition(":")
    if not number.removeprefix("-").isdigit() or not attempt.isdigit():
        raise InvalidInput(f"FOREBEAR_TRIAL={settings.trial!r} is not of the form number:attempt", code="invalid-trial")
    store, sweep, trials = patiently(lambda: _look_up(settings, int(number)))
    if sweep is None or not trials:
        name = f"{settings.entity}/{settings.project}/{settings.sweep_id}"
        raise NotFound(
            f"there is no trial {number} of sweep {name} in the store {store.url}; "
            "unset FOREBEAR_TRIAL to run without a sweep",
            code="trial-not-found",
        )
    import msgspec

    return ExecutedTrial(store, sweep, msgspec.structs.replace(trials[0], attempt=int(attempt)), settings.store)


def _look_up(settings: Settings, number: int) -> tuple[Store, SweepRecord | None, list[Trial]]:
    store = shared_store(settings.store)
    sweep = store.catalog.sweep(settings.entity, settings.project, str(settings.sweep_id))
    return store, sweep, [] if sweep is None else store.catalog.trials(sweep.key, numbers=[number])


class ExecutedTrial:
    """One attempt of a trial, in the process that executes it. See `forebear.tracking.trial_context.TrialLink`."""

    def __init__(self, store: Store, sweep: SweepRecord, trial: Trial, store_url: str) -> None:
        """``store_url`` is what the settings call the store."""
        self.sweep, self.trial = sweep, trial
        self._store, self._store_url = store, store_url
        declaration = read_declaration(sweep.config)
        self._rule = declaration.early
        self._objective = declaration.objectives[0] if declaration.objectives else None
        self._iteration = 0
        self._best = math.nan
        self._stopped: TrialStopped | None = None
        #: State of the trial where it was to end; ``None`` while nobody asked.
        self.ended_as: str | None = None
        #: Final values of its runs, the later ones over the earlier.
        self.summary: dict[str, Any] = {}
        #: How many runs it has begun.
        self.runs = 0

    # -- how a run begins -----------------------------------------------------------------------------------------

    def prepare(self, settings: Settings, config: dict[str, Any]) -> dict[str, Any]:
        """See `TrialLink.prepare`."""
        own = vars(settings)
        ignored = [name for name in _NOT_ITS_OWN if own.pop(name, None) is not None]
        for name, value in (("entity", self.sweep.entity), ("project", self.sweep.project)):
            if name in own and own[name] != value:
                ignored.append(name)
            own[name] = value
        own |= {"store": self._store_url, "sweep_id": self.sweep.id}
        if ignored:
            note(settings, f"in a sweep init() takes no notice of {', '.join(ignored)}")
        merged: dict[str, Any] = locked_into(config, self.trial.params)
        changed = [key for key in config if merged[key] != config[key]]
        if changed:
            note(settings, f"config {', '.join(changed)} is as the sweep chose it, not as init() was told")
        return merged

    def patiently(self, call: Callable[[], _T]) -> _T:
        """See `TrialLink.patiently`."""
        return patiently(call)

    def began(self, run: Run) -> None:
        """See `TrialLink.began`."""
        self.runs += 1
        self._iteration, self._best = 0, math.nan
        run.config.lock(self.trial.params, lambda text: note(run.settings, text))
        run.at_end(lambda: self.summary.update(run.summary.as_dict()))
        run.at_log(self.logged)
        if not run.disabled:
            trial, catalog = self.trial, self._store.catalog
            self.told(patiently(lambda: catalog.begin_trial(trial.sweep_key, trial.number, trial.attempt, run.key)))

    # -- how it goes ----------------------------------------------------------------------------------------------

    def logged(self, row: Any) -> None:
        """Look at a row that was logged. Cost: 0.1 µs, and 1 µs where trials may end early.

        Raises:
            TrialStopped: the trial is to end.
        """
        if self._stopped is not None:
            raise self._stopped
        if self._rule is None or self._objective is None or not isinstance(row, Mapping):
            return
        value = as_number(looked_up(row, self._objective.name))
        if value is None:
            return
        loss = self._objective.as_loss(value)
        self._iteration += 1
        if not self._best <= loss:  # also where there is none yet
            self._best = loss
        if self._rule.decides_at(self._iteration):
            self._decide(self._iteration, self._rule.judged(self._best, loss))
            if self._stopped is not None:
                raise self._stopped

    def _decide(self, iteration: int, loss: float) -> None:
        """Tell the catalog how far the trial is, and find out whether it goes on."""
        assert self._rule is not None
        assert self._objective is not None
        catalog, trial = self._store.catalog, self.trial
        try:
            value = self._objective.as_loss(loss)
            self.told(catalog.report_trial(trial.sweep_key, trial.number, trial.attempt, [(iteration, value)]))
            reports = catalog.trial_reports(trial.sweep_key, iterations=[iteration])
            others = [self._objective.as_loss(report.value) for report in reports if report.number != trial.number]
            if self._stopped is None and self._rule.stops(iteration, loss, others):
                catalog.ask_trials(trial.sweep_key, PRUNE, [trial.number])
                self.told(Standing(True, PRUNE))
        except StorageFailure as err:
            # A training goes on while the store is away: to end it too late costs less than to lose it.
            termwarn(f"trial {trial.number} of sweep {self.sweep.id} goes on unseen: {err}", repeat=False)

    def told(self, standing: Standing) -> None:
        """Take note of how the trial stands; the next `log` raises where it is to end."""
        if self._stopped is not None or (standing.held and standing.asked is None):
            return
        name = f"trial {self.trial.number} of sweep {self.sweep.id}"
        self.ended_as = TRIAL_STOPPED
        if not standing.held:
            text = f"{name} was given to another agent, or its sweep was deleted"
            self._stopped = TrialStopped(text, code="trial-lost", exit_code=TERMINATED)
        elif standing.asked == PRUNE:
            self.ended_as = PRUNED
            self._stopped = TrialStopped(f"{name} ends early: others were better at this point", code="trial-pruned")
        else:
            self._stopped = TrialStopped(f"{name} was asked to stop", code="trial-stopped", exit_code=TERMINATED)
