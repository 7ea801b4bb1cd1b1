"""`agent`: executes the trials of a sweep, one after the other, by a function of this process."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forebear.errors import Conflict, InvalidInput, NotFound, Unsupported
from forebear.records.sweeps import (
    CRASHED,
    FAILED,
    HEARTBEAT_SECONDS,
    OPEN_SWEEPS,
    PAUSED,
    TRIAL_FINISHED,
    TRIAL_STOPPED,
    TrialEnding,
)
from forebear.sweeps.agent_ids import new_agent_id
from forebear.sweeps.beating import Heartbeats
from forebear.sweeps.controller import end_trial, next_trial, with_objectives
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.failing import FailureWatch
from forebear.sweeps.patience import patiently
from forebear.sweeps.places import find_sweep
from forebear.sweeps.trial import ExecutedTrial
from forebear.tracking.current import active_runs
from forebear.tracking.run import ending_of
from forebear.tracking.terminal import termerror, termlog
from forebear.tracking.trial_context import TrialStopped, inside, is_inside

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Taken, Trial
    from forebear.store.store import Store
    from forebear.sweeps.places import Found

#: Seconds between two looks at a sweep that has no trial to give now.
POLL_SECONDS = 1.0


def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool = False,
) -> None:
    """Take trials of a sweep and execute them, until there are no more.

    Args:
        sweep_id: ``[[entity/]project/]id``; an id alone is found wherever in the store it is.
        function: Executes one trial: calls `init` and logs.
        entity: Person or team of the sweep.
        project: Project of the sweep.
        count: Trials to execute at most.
        forward_signals: Accepted for scripts written for W&B; a function gets the signals of its process.

    Raises:
        NotFound: there is no such sweep.
        InvalidInput: ``count`` is below 1, or there is nothing to execute.
        Conflict: it is called inside a trial.
        Unsupported: there is no function.
        StorageFailure: the store was away for more than ten minutes.
    """
    if count is not None and count < 1:
        raise InvalidInput(f"count {count} is no whole number of at least 1", code="invalid-count")
    if is_inside():
        raise Conflict(
            "an agent executes a trial in this process already; begin another agent in another process",
            code="nested-agent",
        )
    if function is None:
        raise Unsupported(
            "an agent executes functions alone; pass one that is a trial: forebear.agent(sweep_id, function=train)",
            code="no-function",
        )
    if not callable(function):
        raise InvalidInput(f"function {function!r} cannot be called", code="invalid-function")
    Agent(find_sweep(sweep_id, entity=entity, project=project, create=False), function, count).run()


class Agent:
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
        self._store: Store = found.store
        self._sweep: SweepRecord = found.sweep
        self._settings = found.settings
        self._function = function
        self._count = count
        self._heartbeat, self._poll = heartbeat, poll
        self._watch = FailureWatch(found.settings)
        self._first_empty: datetime | None = None
        self._pause_told = False
        self.id = new_agent_id()
        #: Trials that it executed.
        self.executed = 0

    def run(self) -> None:
        """Execute trials until there are no more, the count is reached, or too many fail."""
        with Heartbeats(self._store, self._heartbeat) as heartbeats:
            while self._count is None or self.executed < self._count:
                taken = self._take()
                if taken is None:
                    return
                if taken.trial is None:
                    if not self._goes_on(taken):
                        return
                    threading.Event().wait(self._poll)
                    continue
                self._first_empty = None
                self._execute(taken.trial, heartbeats)
                self.executed += 1
                why = self._watch.why_stop()
                if why is not None:
                    termerror(f"the agent of sweep {self._sweep.id} ends: {why}")
                    return

    def _take(self) -> Taken | None:
        try:
            taken = patiently(lambda: next_trial(self._store, self._sweep, self.id))
        except NotFound:
            self._say(f"sweep {self._sweep.id} was deleted; its agent ends")
            return None
        self._sweep = taken.sweep
        return taken

    def _goes_on(self, taken: Taken) -> bool:
        """Whether an agent that got no trial asks again."""
        state = taken.sweep.state
        if state == PAUSED:
            if not self._pause_told:
                self._say(f"sweep {taken.sweep.id} is paused; its agent waits")
            self._pause_told = True
            return True
        self._pause_told = False
        if state not in OPEN_SWEEPS:
            self._say(f"sweep {taken.sweep.id} is {state}; its agent ends after {self.executed} trials")
            return False
        if read_declaration(taken.sweep.config).is_local:
            return True  # somebody schedules by hand
        # Others hold the rest. It waits until each of them has given a sign of life since, or is taken for dead.
        self._first_empty = self._first_empty or taken.now
        if taken.silent_since is not None and taken.silent_since <= self._first_empty:
            return True
        self._say(f"sweep {taken.sweep.id} has no more trials; its agent ends after {self.executed}")
        return False

    def _say(self, text: str) -> None:
        if not self._settings.silent:
            termlog(text)

    # -- one trial ------------------------------------------------------------------------------------------------

    def _execute(self, trial: Trial, heartbeats: Heartbeats) -> None:
        _finish_runs(None)
        executed = ExecutedTrial(self._store, self._sweep, trial, self._settings.store)
        self._say(f"sweep {self._sweep.id}: trial {trial.number}: {_shown(trial.params)}")
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


def _shown(params: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in params.items())
