"""When an agent gives up because its trials fail, as W&B's agents do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forebear.settings import Settings

#: So many failures within so many seconds of an agent's beginning are taken for a mistake in the program.
FLAPPING_FAILURES, FLAPPING_SECONDS = 3, 60.0


class FailureWatch:
    """Counts how the trials of one agent end."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds."""
        self._settings = settings
        self._clock = clock
        self._began = clock()
        self._failures = 0
        self._quick = 0
        self._succeeded = False

    def ended(self, *, well: bool) -> None:
        """Note the end of a trial."""
        if well:
            self._succeeded = True
            return
        self._failures += 1
        self._quick += self._clock() - self._began < FLAPPING_SECONDS

    def why_stop(self) -> str | None:
        """Return in words why the agent is to end, or ``None``."""
        if self._settings.agent_disable_flapping:
            return None
        if self._quick >= FLAPPING_FAILURES:
            return (
                f"{self._quick} trials failed in the first {FLAPPING_SECONDS:.0f} s; "
                "FOREBEAR_AGENT_DISABLE_FLAPPING=true lets the agent go on"
            )
        limit = self._settings.agent_max_initial_failures
        if not self._succeeded and self._failures >= limit > 0:
            return (
                f"the first {self._failures} trials failed; "
                "FOREBEAR_AGENT_MAX_INITIAL_FAILURES says how many may (0: any number)"
            )
        return None
