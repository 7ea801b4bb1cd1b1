"""What all agents have in common: they take trials until there are none, and say why they end."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from forebear.errors import NotFound
from forebear.records.sweeps import OPEN_SWEEPS, PAUSED
from forebear.sweeps.agent_ids import new_agent_id
from forebear.sweeps.controller import next_trial
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.failing import FailureWatch
from forebear.sweeps.keys import shown
from forebear.tracking.terminal import termerror, termlog

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Taken
    from forebear.store.store import Store
    from forebear.sweeps.places import Found

#: Seconds between two looks at a sweep that has no trial to give now.
POLL_SECONDS = 1.0


class TakingAgent:
    """An agent as far as it asks for trials; how it executes them is up to its kind."""

    def __init__(self, found: Found, count: int | None, poll: float) -> None:
        """``count`` is how many trials it executes at most, ``poll`` is in seconds."""
        self._store: Store = found.store
        self._sweep: SweepRecord = found.sweep
        self._settings = found.settings
        self._count = count
        self._poll = poll
        self._watch = FailureWatch(found.settings)
        self._first_empty: datetime | None = None
        self._pause_told = False
        self.id = new_agent_id()
        #: Trials that it executed.
        self.executed = 0
        #: Why it ended, in words; ``None`` where it reached its count.
        self.why: str | None = None
        #: Whether that is because too many trials failed.
        self.gave_up = False

    def _ask(self) -> Taken | None:
        """Take a trial if there is one; ``None`` where the sweep is there no more."""
        try:
            taken = next_trial(self._store, self._sweep, self.id)
        except NotFound:
            self._leave(f"sweep {self._sweep.id} was deleted; its agent ends")
            return None
        self._sweep = taken.sweep
        if taken.trial is not None:
            self._first_empty = None
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
            self._leave(f"sweep {taken.sweep.id} is {state}; its agent ends after {self.executed} trials")
            return False
        if read_declaration(taken.sweep.config).is_local:
            return True  # somebody schedules by hand
        # Others hold the rest. It waits until each of them has given a sign of life since, or is taken for dead.
        self._first_empty = self._first_empty or taken.now
        if taken.silent_since is not None and taken.silent_since <= self._first_empty:
            return True
        self._leave(f"sweep {taken.sweep.id} has no more trials; its agent ends after {self.executed}")
        return False

    def _fails_too_often(self) -> bool:
        """Whether too many trials failed; says so."""
        why = self._watch.why_stop()
        if why is None:
            return False
        self.gave_up = True
        self.why = f"the agent of sweep {self._sweep.id} ends: {why}"
        termerror(self.why)
        return True

    def _leave(self, text: str) -> None:
        self.why = text
        self._say(text)

    def _say(self, text: str) -> None:
        if not self._settings.silent:
            termlog(text)


def shown_params(params: dict[str, Any]) -> str:
    """Return parameters on one line, with nothing in it that a terminal would obey; long values are cut."""
    return ", ".join(f"{name if name.isprintable() else repr(name)}={shown(value)}" for name, value in params.items())
