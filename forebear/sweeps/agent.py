"""`agent`: executes the trials of a sweep, one after the other, by a function of this process."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forebear.errors import Conflict, InvalidInput, NotFound
from forebear.records.sweeps import CRASHED, FAILED, HEARTBEAT_SECONDS, TRIAL_FINISHED, TRIAL_STOPPED, TrialEnding
from forebear.settings import load_settings
from forebear.sweeps.beating import Heartbeats
from forebear.sweeps.controller import end_trial, with_objectives
from forebear.sweeps.patience import patiently
from forebear.sweeps.places import find_sweep
from forebear.sweeps.taking import POLL_SECONDS, TakingAgent, shown_params
from forebear.sweeps.trial import ExecutedTrial
from forebear.tracking.current import active_runs
from forebear.tracking.run import ending_of
from forebear.tracking.terminal import termerror
from forebear.tracking.trial_context import TrialStopped, inside, is_inside

if TYPE_CHECKING:
    from forebear.records.sweeps import Trial
    from forebear.sweeps.places import Found


def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool = False,
    *,
    on: Any = None,
    agents: int = 1,
) -> None:
    """Take trials of a sweep and execute them, until there are no more.

    Args:
        sweep_id: ``[[entity/]project/]id``; an id alone is found wherever in the store it is.
        function: Executes one trial: calls `init` and logs. Without one, the command of the sweep is executed in
            processes of its own.
        entity: Person or team of the sweep.
        project: Project of the sweep.
        count: Trials to execute at most.
        forward_signals: Accepted for scripts written for W&B; a function gets the signals of its process, and a
            command always those of its agent.
        on: Have agents executed on a cluster instead: ``dask://host:8786``, ``ray``, ``slurm://partition``, or an open
            client of Dask; see `forebear.sweeps.engines.launch`. The function goes along.
        agents: How many of them.

    Raises:
        NotFound: there is no such sweep.
        InvalidInput: ``count`` is below 1, or there is neither a function nor a command to execute.
        Conflict: it is called inside a trial.
        StorageFailure: the store was away for more than ten minutes.
    """
    if count is not None and count < 1:
        raise InvalidInput(f"count {count} is no whole number of at least 1", code="invalid-count")
    if is_inside():
        raise Conflict(
            "an agent executes a trial in this process already; begin another agent in another process",
            code="nested-agent",
        )
    if on is not None:
        from forebear.sweeps.engines import launch

        settings = load_settings({"entity": entity, "project": project})
        launch(on, sweep_id, agents=agents, count=count, settings=settings, function=function)
        return
    if function is None:
        from forebear.sweeps.commands import run_agent  # what executes processes, where there are any

        run_agent(sweep_id, entity=entity, project=project, count=count)
        return
    if not callable(function):
        raise InvalidInput(f"function {function!r} cannot be called", code="invalid-function")
    Agent(find_sweep(sweep_id, entity=entity, project=project, create=False), function, count).run()


class Agent(TakingAgent):
    """Executes trials in this process."""

    def __init__(
        self,
        found: Found,
        function: Callable[[], Any],
        count: int | None = None,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        poll: float = POLL_SECONDS,
    ) -> None:
        """``heartbeat`` and ``poll`` are in seconds."""
        super().__init__(found, count, poll)
        self._function = function
        self._heartbeat = heartbeat

    def run(self) -> None:
        """Execute trials until there are no more, the count is reached, or too many fail."""
        with Heartbeats(self._store, self._heartbeat) as heartbeats:
            while self._count is None or self.executed < self._count:
                taken = patiently(self._ask)
                if taken is None:
                    return
                if taken.trial is None:
                    if not self._goes_on(taken):
                        return
                    threading.Event().wait(self._poll)
                    continue
                self._execute(taken.trial, heartbeats)
                self.executed += 1
                if self._fails_too_often():
                    return

    # -- one trial ------------------------------------------------------------------------------------------------

    def _execute(self, trial: Trial, heartbeats: Heartbeats) -> None:
        _finish_runs(None)
        executed = ExecutedTrial(self._store, self._sweep, trial, self._settings.store)
        self._say(f"sweep {self._sweep.id}: trial {trial.number}: {shown_params(trial.params)}")
        heartbeats.hold(trial, executed.told)
        error: BaseException | None = None
        try:
            with inside(executed):
                try:
                    self._function()
                except BaseException as err:
                    error = err
                finally:
                    _finish_runs(error)
        finally:
            heartbeats.let_go(trial)
        ending = self._ending(executed, error)
        self._watch.ended(well=ending.state != FAILED)
        patiently(lambda: self._end(trial, ending))
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            self._say(f"the agent of sweep {self._sweep.id} was interrupted after {self.executed} trials")
            raise error

    def _end(self, trial: Trial, ending: TrialEnding) -> None:
        try:
            end_trial(self._store, self._sweep, trial, ending)
        except NotFound:  # the sweep was deleted meanwhile
            return

    def _ending(self, executed: ExecutedTrial, error: BaseException | None) -> TrialEnding:
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            # No fault of the trial: it waits for another attempt.
            return TrialEnding(CRASHED, error="interrupted")
        state, words = TRIAL_FINISHED, None
        if executed.ended_as is not None and (error is None or isinstance(error, TrialStopped)):
            state = executed.ended_as
        elif isinstance(error, TrialStopped):
            state = TRIAL_STOPPED
        elif error is not None:
            code, words = ending_of(error)
            if code or not isinstance(error, SystemExit):
                state = FAILED
                self._tell_failure(executed.trial, error)
        elif not executed.runs:
            words = "the function ended without init()"
        return with_objectives(self._sweep, TrialEnding(state, error=words), executed.summary)

    def _tell_failure(self, trial: Trial, error: BaseException) -> None:
        if not self._settings.silent:
            lines = "".join(traceback.format_exception(error)).rstrip()
            termerror(f"trial {trial.number} of sweep {self._sweep.id} failed:\n{lines}")


def _finish_runs(error: BaseException | None) -> None:
    """End the runs that a function left open, as it ended."""
    for run in active_runs():
        run.end(*ending_of(error))
