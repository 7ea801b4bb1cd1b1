"""Follows the agents that an engine executes: begins them, tells what becomes of them, and begins lost ones again."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from forebear.errors import ForebearError
from forebear.records.sweeps import OPEN_SWEEPS, OPEN_TRIALS, PAUSED, TRIAL_RUNNING
from forebear.sweeps.engines.errand import ENDED, FAILED, LOST, STOPPED, Errand, Outcome
from forebear.sweeps.signals import ENDING, Signals
from forebear.tracking.terminal import termerror, termlog, termwarn

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord
    from forebear.store.store import Store

#: Seconds between two looks at the agents, and between two lines about the sweep.
POLL_SECONDS, TELL_SECONDS = 1.0, 15.0
#: Seconds after which it is said that no agent has begun.
IDLE_SECONDS = 20.0
#: Seconds that agents have for their end before the engine is told to end them.
STOP_SECONDS = 60.0
#: How often an agent is begun again.
MAX_LOSSES = 5


class Look(NamedTuple):
    """How an agent stands.

    Attributes:
        outcome: How it ended; ``None`` while it has not.
        runs: Whether it was begun; ``None`` where the engine does not tell.
        where: The machine or worker, where the engine tells.
    """

    outcome: Outcome | None = None
    runs: bool | None = None
    where: str = ""


class Engine(Protocol):
    """What executes agents on machines. Handles are its own; a block ends what it has open."""

    #: What people call it, with where it is.
    name: str
    #: Module that packs functions.
    pickler: str

    def begin(self, errand: Errand, name: str) -> Any:
        """Have an agent executed once there is room for it, and return its handle."""
        ...

    def look(self, handles: Iterable[Any]) -> list[Look]:
        """Return how agents stand."""
        ...

    def stop(self, handles: Iterable[Any]) -> None:
        """Ask agents to end, and forget those that were not begun."""
        ...

    def kill(self, handles: Iterable[Any]) -> None:
        """End agents as quickly as the engine can."""
        ...

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Agent:
    """One of the agents that were asked for, whatever number of times it is begun."""

    def __init__(self, number: int, handle: Any) -> None:
        self.number, self.handle = number, handle
        self.losses = 0
        self.where: str | None = None
        self.outcome: Outcome | None = None


class Follower:
    """Has agents of a sweep executed until they have ended."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        sweep: SweepRecord,
        errand: Errand,
        agents: int,
        *,
        silent: bool = False,
        poll: float = POLL_SECONDS,
    ) -> None:
        """``agents`` is how many there are to be, ``poll`` is in seconds."""
        self._engine, self._store, self._sweep, self._errand = engine, store, sweep, errand
        self._silent, self._poll = silent, poll
        self._agents = [_Agent(number, None) for number in range(1, agents + 1)]
        self._wake = threading.Event()
        self._signals: list[signal.Signals] = []
        self._stopping: float | None = None
        self._told = ("", time.monotonic())
        self._began = time.monotonic()
        self._has_begun = self._asked = False

    def run(self) -> None:
        """Begin the agents and wait for all of them.

        Raises:
            ForebearError: some failed; the message has their words.
            KeyboardInterrupt: the process was interrupted; its agents have ended.
            SystemExit: likewise, by another signal.
        """
        with Signals(self._received):
            try:
                self._say(f"sweep {self._sweep.id}: {len(self._agents)} agents for {self._engine.name}")
                for agent in self._agents:
                    self._begin(agent)
                while self._open:
                    self._step()
            except BaseException:
                self._engine.kill([agent.handle for agent in self._open if agent.handle is not None])
                raise
        self._conclude()

    @property
    def _open(self) -> list[_Agent]:
        return [agent for agent in self._agents if agent.outcome is None]

    def _begin(self, agent: _Agent) -> None:
        agent.where = None
        agent.handle = self._engine.begin(self._errand, f"{self._sweep.id}-{agent.number}-{agent.losses}")

    # -- one look -------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        looks = self._engine.look([agent.handle for agent in self._open])
        waiting = []
        for agent, look in zip(self._open, looks, strict=True):
            if look.outcome is not None:
                self._ended(agent, look.outcome)
            elif look.runs is False:
                waiting.append(agent)
            elif look.where and agent.where is None:
                agent.where = look.where
                self._has_begun = True
                self._say(f"agent {agent.number} began on {look.where}")
        self._drop(waiting)
        self._tell(idle=len(waiting) == len(self._agents))
        if self._stopping is not None and self._open:
            self._stop()
        self._wake.wait(self._poll)
        self._wake.clear()

    def _ended(self, agent: _Agent, outcome: Outcome) -> None:
        why = f": {outcome.words}" if outcome.words else ""
        if outcome.kind == LOST and self._stopping is not None:
            outcome = Outcome(STOPPED)
        elif outcome.kind == LOST and self._has_more():
            agent.losses += 1
            if agent.losses <= MAX_LOSSES:
                self._warn(f"agent {agent.number} was lost{why}; it begins again ({agent.losses} of {MAX_LOSSES})")
                self._begin(agent)
                return
            outcome = Outcome(FAILED, f"it was lost {agent.losses} times, at last so{why}")
        agent.outcome = outcome
        trials = "" if outcome.executed is None else f" after {outcome.executed} trials"
        if outcome.kind == FAILED:
            termerror(f"agent {agent.number} failed{trials}: {outcome.words}")
        else:
            self._say(f"agent {agent.number} ended{trials}{': ' if outcome.words else ''}{outcome.words}")

    def _drop(self, waiting: list[_Agent]) -> None:
        """Forget agents that were not begun and have nothing to do any more."""
        if waiting and self._stopping is None and not self._has_more():
            self._say(f"{len(waiting)} agents had not begun, and nothing is left for them")
            self._engine.kill([agent.handle for agent in waiting])
            for agent in waiting:
                agent.outcome = Outcome(ENDED, executed=0)

    def _has_more(self) -> bool:
        """Whether the sweep has something to do for an agent; yes while nobody knows."""
        with contextlib.suppress(ForebearError):
            sweep = self._store.catalog.sweep(self._sweep.entity, self._sweep.project, self._sweep.id)
            if sweep is None or sweep.state not in (*OPEN_SWEEPS, PAUSED):
                return False
            return not sweep.exhausted or self._counts(OPEN_TRIALS) > 0
        return True

    def _counts(self, states: Iterable[str]) -> int:
        counts = self._store.catalog.trial_counts([self._sweep.key]).get(self._sweep.key, {})
        return sum(counts.get(state, 0) for state in states)

    # -- telling --------------------------------------------------------------------------------------------------

    def _tell(self, *, idle: bool) -> None:
        now = time.monotonic()
        if now - self._told[1] < TELL_SECONDS:
            return
        if idle and not self._has_begun and now - self._began > IDLE_SECONDS:
            termwarn(f"no agent has begun yet; {self._engine.name} has no room that fits", repeat=False)
        with contextlib.suppress(ForebearError):
            counts = self._store.catalog.trial_counts([self._sweep.key]).get(self._sweep.key, {})
            over = sum(count for state, count in counts.items() if state not in OPEN_TRIALS)
            of = "" if self._sweep.limit is None else f" of {self._sweep.limit:,}"
            text = f"sweep {self._sweep.id}: {over:,}{of} trials ended, {counts.get(TRIAL_RUNNING, 0)} run"
            if text != self._told[0]:
                self._say(text)
            self._told = (text, now)

    def _say(self, text: str) -> None:
        if not self._silent:
            termlog(text)

    def _warn(self, text: str) -> None:
        if not self._silent:
            termwarn(text)

    # -- ending ---------------------------------------------------------------------------------------------------

    def _received(self, number: signal.Signals) -> None:
        if number in ENDING:
            self._signals.append(number)
            self._stopping = self._stopping or time.monotonic()
            self._wake.set()

    def _stop(self) -> None:
        """Ask the agents to end; the second time, or where they do not, end them."""
        assert self._stopping is not None
        handles = [agent.handle for agent in self._open]
        if len(self._signals) > 1 or time.monotonic() - self._stopping > STOP_SECONDS:
            self._engine.kill(handles)
            for agent in self._open:
                agent.outcome = Outcome(STOPPED)
        elif self._signals and not self._asked:
            self._asked = True
            self._say(f"{len(handles)} agents are asked to end; once more ends them at once")
            self._engine.stop(handles)

    def _conclude(self) -> None:
        if self._signals:
            if self._signals[0] == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + self._signals[0])
        outcomes = [agent.outcome for agent in self._agents if agent.outcome is not None]
        failed = [outcome for outcome in outcomes if outcome.kind == FAILED]
        if failed:
            words = "; ".join(dict.fromkeys(outcome.words for outcome in failed))
            raise ForebearError(f"{len(failed)} of {len(outcomes)} agents failed: {words}", code="agents-failed")
        self._say(f"sweep {self._sweep.id}: all {len(outcomes)} agents have ended")
