"""One trial that an agent executes in processes of its own, and how it is judged once they have ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forebear.records.sweeps import (
    CRASHED,
    FAILED,
    PRUNE,
    PRUNED,
    STOP,
    TRIAL_FINISHED,
    TRIAL_STOPPED,
    Standing,
    TrialEnding,
)

if TYPE_CHECKING:
    import signal

    from forebear.records.sweeps import Trial
    from forebear.sweeps.children import Child

#: Why an agent ended a trial that nobody asked to end.
TOO_LONG, INTERRUPTED = "too long", "interrupted"


class Ended(NamedTuple):
    """A trial whose end is to be written.

    Attributes:
        judge: Given the trial as the catalog has it returns how it ended.
        seconds: How long it took.
        log: Where what it printed is; ``None`` where it never began.
        counts: Whether it tells something about the program; one that was interrupted does not.
    """

    trial: Trial
    judge: Callable[[Trial], TrialEnding]
    seconds: float = 0.0
    log: Path | None = None
    counts: bool = True


@dataclass
class Job:
    """A trial that is executed.

    Attributes:
        slot: Which of the agent's places it has.
        timeout: Seconds that it may take; ``None`` for no end.
        ended_for: `TOO_LONG` or `INTERRUPTED` where the agent ended it.
    """

    trial: Trial
    child: Child
    slot: int
    timeout: float | None
    ended_for: str | None = None

    def told(self, standing: Standing, grace: float) -> None:
        """End it where it is to end; ``grace`` in seconds is for a trial that may have heard of that itself."""
        if not standing.held or standing.asked == STOP:
            self.child.end()
        elif standing.asked == PRUNE:
            self.child.end(after=grace)

    def interrupted(self, number: signal.Signals) -> None:
        """Hand on a signal that ends the agent."""
        if self.child.status is None:
            self.ended_for = INTERRUPTED
        self.child.end(number)

    def tick(self) -> None:
        """Do what is due: end what takes too long, and send the signals that wait."""
        due = self._due
        if due is not None and time.monotonic() >= due:
            self.ended_for = TOO_LONG
            self.child.end()
        self.child.tick()

    @property
    def next_tick(self) -> float | None:
        """When `tick` has something to do, in seconds of the monotonic clock; ``None`` for never."""
        return min((at for at in (self._due, self.child.next_tick) if at is not None), default=None)

    @property
    def _due(self) -> float | None:
        """When it has taken too long."""
        if self.timeout is None or self.ended_for is not None or self.child.status is not None:
            return None
        return self.child.began + self.timeout

    def ended(self) -> Ended:
        """Return what is to be written now that its processes have ended."""
        seconds = time.monotonic() - self.child.began
        return Ended(self.trial, self._ending, seconds, self.child.log, self.ended_for != INTERRUPTED)

    def _ending(self, held: Trial) -> TrialEnding:
        if self.ended_for == INTERRUPTED:
            # No fault of the trial: it waits for another attempt.
            return TrialEnding(CRASHED, error="interrupted")
        if held.asked is not None:
            return TrialEnding(PRUNED if held.asked == PRUNE else TRIAL_STOPPED)
        if self.ended_for == TOO_LONG:
            return TrialEnding(FAILED, error=f"it took longer than the {self.timeout:g} s that it may")
        if self.child.status:
            return TrialEnding(FAILED, error=self.child.words())
        if held.run_key is None:
            return TrialEnding(TRIAL_FINISHED, error="the command ended without init()")
        return TrialEnding(TRIAL_FINISHED)
