"""Executes the trials of a sweep by its command: in processes of their own, several beside each other.

The agent gives signs of life for them, ends them where that was asked, hands on its signals, and writes down how they
ended. `init` in such a process finds out by the environment which trial it is. Everything happens in one thread, to
which others bring what they learn (a process ended, a trial is to end, a signal came) as calls to make.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from forebear.errors import ForebearError, InvalidInput, NotFound, StorageFailure
from forebear.records.runs import RUNNING
from forebear.records.sweeps import FAILED, HEARTBEAT_SECONDS, WAITING, Standing, TrialEnding
from forebear.settings import child_environment
from forebear.sweeps import macros, slots
from forebear.sweeps.beating import Heartbeats
from forebear.sweeps.children import GRACE_SECONDS, Child, Children
from forebear.sweeps.controller import end_trial
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.echo import Echo
from forebear.sweeps.jobs import Ended, Job
from forebear.sweeps.patience import Patience
from forebear.sweeps.places import find_sweep
from forebear.sweeps.signals import ENDING, Signals
from forebear.sweeps.taking import POLL_SECONDS, TakingAgent, shown_params
from forebear.tracking.journal.place import quoted
from forebear.tracking.resume import recover
from forebear.tracking.terminal import termerror

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.store.store import Store
    from forebear.sweeps.places import Found

#: Tells a process, and all that it begins, which agent it belongs to.
AGENT = "FOREBEAR_AGENT"
#: Folder of the store for what trials print, below it ``entity/project/sweep``.
SWEEPS = "sweeps"
#: Seconds between two looks at what trials print.
_ECHO_SECONDS = 0.2
#: Seconds without a look at what happened. Of two signals, another thread may get the second one, and nothing wakes
#: the main thread then.
_LONGEST_WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """How an agent executes commands.

    Attributes:
        count: Trials that it executes at most.
        jobs: Trials that it executes at the same time.
        timeout: Seconds that a trial may take.
        grace: Seconds between a trial being asked to end and being killed.
        echo: Whether what trials print is shown here as well as kept.
        heartbeat: Seconds between two signs of life.
        poll: Seconds between two looks at a sweep that has no trial to give now.
    """

    count: int | None = None
    jobs: int = 1
    timeout: float | None = None
    grace: float = GRACE_SECONDS
    echo: bool = True
    heartbeat: float = HEARTBEAT_SECONDS
    poll: float = POLL_SECONDS


def run_agent(
    sweep_id: str, *, entity: str | None = None, project: str | None = None, count: int | None = None, jobs: int = 1
) -> CommandAgent:
    """Execute trials of a sweep by its command until there are no more, and return the agent.

    Raises:
        NotFound: there is no such sweep.
        InvalidInput: it has neither command nor program, or its command needs what is not there.
        StorageFailure: the store was away for more than ten minutes.
    """
    agent = CommandAgent(
        find_sweep(sweep_id, entity=entity, project=project, create=False), Options(count=count, jobs=jobs)
    )
    agent.run()
    return agent


class CommandAgent(TakingAgent):
    """Executes trials in processes of their own."""

    def __init__(self, found: Found, options: Options) -> None:
        """Check that the command can be executed.

        Raises:
            InvalidInput: see `run_agent`.
        """
        super().__init__(found, options.count, options.poll)
        self._options = options
        declaration = read_declaration(found.sweep.config)
        self._words = declaration.command or macros.DEFAULT_COMMAND
        self._program = declaration.program
        # Written to a file, Python's output would come late, and its last words not last.
        self._environment = {"PYTHONUNBUFFERED": "1", **child_environment()}
        if declaration.command is None and declaration.program is None:
            raise InvalidInput(
                f"sweep {found.sweep.id} has neither program nor command to execute; declare one of them, or pass a "
                "function: forebear.agent(sweep_id, function=train)",
                code="no-function",
            )
        # What is missing for every trial is found out before one is taken.
        macros.command_line(self._words, self._call({}, str))
        self._places = slots.slots(options.jobs, slots.devices(self._environment))
        self._free = list(range(options.jobs))
        self._folder = log_folder(found.store, found.sweep)
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._patience = Patience()
        self._echo = Echo(prefixed=options.jobs > 1)
        self._jobs: list[Job] = []
        self._ended: list[Ended] = []
        self._begun = 0
        self._next_ask = 0.0
        #: No more trials are taken.
        self._over = False
        self._signal: signal.Signals | None = None

    def run(self) -> None:
        """Execute trials until there are no more, the count is reached, too many fail, or a signal ends it.

        A signal that ended it is raised again once all trials have ended.
        """
        received = Signals(lambda number: self._events.put(partial(self._signalled, number)))
        with (
            received,
            Children((AGENT, self.id), self._options.grace) as self._children,
            Heartbeats(self._store, self._options.heartbeat) as self._heartbeats,
        ):
            try:
                while self._step():
                    self._wait(self._next_store_call)
            finally:
                self._end_the_rest()
        if self._signal is not None:
            self._say(f"the agent of sweep {self._sweep.id} was interrupted after {self.executed} trials")
            signal.raise_signal(self._signal)

    def _step(self) -> bool:
        """Do all that can be done now; return whether there is something to wait for."""
        if self._ended and self._patience.is_due:
            self._write_endings()
        while self._wants_one() and self._take():
            pass
        if self._count is not None and self._begun >= self._count:
            self._over = True
        return bool(self._jobs or self._ended or not self._over)

    def _wait(self, until: float | None = None) -> None:
        """Let something happen: what others bring, what is due, and ``until`` some moment of the monotonic clock."""
        now = time.monotonic()
        longest = _ECHO_SECONDS if self._jobs and self._options.echo else _LONGEST_WAIT_SECONDS
        times = [now + longest, until, *(job.next_tick for job in self._jobs)]
        due = min(at for at in times if at is not None)
        with contextlib.suppress(Empty):
            self._events.get(timeout=max(0.0, due - now))()
            while True:
                self._events.get_nowait()()
        for job in self._jobs:
            job.tick()
            if self._options.echo:
                self._echo.show(job.child.log, job.trial.number)

    @property
    def _next_store_call(self) -> float | None:
        """When the store is to be asked for something, in seconds of the monotonic clock; ``None`` for not now."""
        if self._ended:
            return self._patience.next_try
        return max(self._next_ask, self._patience.next_try) if self._free and not self._over else None

    # -- taking ---------------------------------------------------------------------------------------------------

    def _wants_one(self) -> bool:
        if self._over or not self._free or not self._patience.is_due or time.monotonic() < self._next_ask:
            return False
        return self._count is None or self._begun < self._count

    def _take(self) -> bool:
        """Take a trial and begin it; return whether to try for another one at once."""
        try:
            taken = self._ask()
        except StorageFailure as err:
            self._patience.failed(err)
            return False
        self._patience.answered()
        if taken is None:
            self._over = True
            self._heartbeats.beat()  # and so it is known at once of the trials that run, too
            return False
        if taken.trial is not None:
            return self._begin(taken.trial)
        self._next_ask = time.monotonic() + self._poll
        if not self._jobs and not self._ended and not self._goes_on(taken):
            self._over = True
        return False

    def _begin(self, trial: Trial) -> bool:
        self._begun += 1
        self._say(f"sweep {self._sweep.id}: trial {trial.number}: {shown_params(trial.params)}")
        log = self._folder / f"{trial.number}-{trial.attempt}.log"
        slot = self._free[0]
        try:
            line = macros.command_line(self._words, self._call(trial.params, partial(_written, log)))
            child = self._children.begin(line, self._environment_of(trial, slot), log, self._child_ended)
        except (OSError, ValueError) as err:
            failed = TrialEnding(FAILED, error=f"it could not be begun: {getattr(err, 'message', err)}")
            self._ended.append(Ended(trial, lambda held: failed))
            return False
        job = Job(trial, child, self._free.pop(0), self._options.timeout)
        self._jobs.append(job)
        self._heartbeats.hold(trial, lambda standing: self._events.put(partial(self._told, job, standing)))
        return True

    def _call(self, params: dict[str, Any], json_file: Callable[[str], str]) -> macros.Call:
        return macros.Call(params, self._program, sys.executable, self._environment, json_file)

    def _environment_of(self, trial: Trial, slot: int) -> dict[str, str]:
        return {
            **self._environment,
            **self._places[slot],
            "FOREBEAR_STORE": self._settings.store,
            "FOREBEAR_ENTITY": self._sweep.entity,
            "FOREBEAR_PROJECT": self._sweep.project,
            "FOREBEAR_SWEEP_ID": self._sweep.id,
            "FOREBEAR_TRIAL": f"{trial.number}:{trial.attempt}",
        }

    # -- what happens ---------------------------------------------------------------------------------------------

    def _told(self, job: Job, standing: Standing) -> None:
        job.told(standing, self._options.grace)

    def _signalled(self, number: signal.Signals) -> None:
        if number not in ENDING:
            for job in self._jobs:
                job.child.signal(number)
            return
        if self._signal is not None:  # somebody is in a hurry
            for job in self._jobs:
                job.child.kill()
            return
        self._signal, self._over = number, True
        for job in self._jobs:
            job.interrupted(number)
        if self._jobs:
            self._say(f"{number.name}: the trials that run are ended; once more kills them")

    def _child_ended(self, child: Child) -> None:
        self._events.put(partial(self._ended_now, child))

    def _ended_now(self, child: Child) -> None:
        job = next(job for job in self._jobs if job.child is child)
        self._jobs.remove(job)
        if self._options.echo:
            self._echo.show(child.log, job.trial.number, last=True)
        self._free = sorted([*self._free, job.slot])
        self._ended.append(job.ended())
        self._next_ask = 0.0

    # -- endings --------------------------------------------------------------------------------------------------

    def _write_endings(self) -> None:
        while self._ended:
            one = self._ended[0]
            try:
                self._write(one)
            except StorageFailure as err:
                if self._signal is None:
                    self._patience.failed(err)
                    return
                # Nobody waits for the store now: others see that this agent ended.
                termerror(f"the end of trial {one.trial.number} could not be written: {err}")
            else:
                self._patience.answered()
            self._ended.pop(0)
            self._heartbeats.let_go(one.trial)
            if not self._over and self._fails_too_often():
                self._over = True

    def _write(self, one: Ended) -> None:
        trial = one.trial
        found = self._store.catalog.trials(trial.sweep_key, numbers=[trial.number])
        held = found[0] if found and found[0].attempt == trial.attempt else trial
        self._take_in(held.run_key)
        ending = one.judge(held)
        ended = None
        with contextlib.suppress(NotFound):  # the sweep was deleted meanwhile
            ended = end_trial(self._store, self._sweep, held, ending)
        self.executed += 1
        if ended is not None and one.counts:
            self._watch.ended(well=ending.state != FAILED)
        self._tell(one, ending, ended)

    def _take_in(self, run_key: int | None) -> None:
        """Take in what a trial's run logged, where it was killed or could not reach the store."""
        run = None if run_key is None else self._store.catalog.runs_by_key([run_key]).get(run_key)
        if run is not None and run.state == RUNNING:
            recover(self._store, run)

    def _tell(self, one: Ended, ending: TrialEnding, ended: Trial | None) -> None:
        number = one.trial.number
        if ended is None:
            self._say(f"trial {number} was given to another agent, or is there no more")
            return
        again = "; it is tried again" if ended.state == WAITING else ""
        if ending.state != FAILED:
            values = ", ".join(f"{name}={value:g}" for name, value in ended.values.items())
            words = "".join(f": {word}" for word in (values, ended.error) if word)
            self._say(f"trial {number} {ending.state} after {one.seconds:.1f} s{words}{again}")
        elif not self._settings.silent:
            where = "" if one.log is None else f"; what it printed is in {one.log}"
            termerror(f"trial {number} of sweep {self._sweep.id} failed: {ending.error}{where}{again}")

    def _end_the_rest(self) -> None:
        """End what still runs, where the agent itself failed."""
        for job in self._jobs:
            job.interrupted(signal.SIGTERM)
        while self._jobs:
            self._wait()
        for one in self._ended:
            # A store that is away learns of it as of an agent that died.
            with contextlib.suppress(ForebearError):
                self._write(one)
        self._ended.clear()


def log_folder(store: Store, sweep: SweepRecord) -> Path:
    """Return the folder for what a sweep's trials print on this machine: ``NUMBER-ATTEMPT.log``. Nothing is made."""
    return Path(store.local, SWEEPS, quoted(sweep.entity), quoted(sweep.project), quoted(sweep.id))


def _written(log: Path, text: str) -> str:
    """Write the parameters of a trial beside its log and return the path."""
    path = log.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)
