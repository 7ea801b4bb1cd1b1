"""The trial that the runs of this process belong to: put here by an agent, or named by the environment.

Sweeps stand above tracking, so this module knows a trial by what it does alone, and finds by its name the module that
opens the one of the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from forebear.errors import Conflict

if TYPE_CHECKING:
    from forebear.settings import Settings
    from forebear.tracking.run import Run

T = TypeVar("T")

#: Module whose ``open_trial(settings)`` gives the trial of the environment.
_OPENER = "forebear.sweeps.trial"


class TrialStopped(Conflict):
    """The trial of a sweep is to end; raised by `log` once somebody asked for it, or others were found to be better.

    ``exit_code`` is that of its run: 0 where what was logged until now is all that was wanted.
    """

    default_code = "trial-stopped"

    def __init__(self, message: str, *, code: str | None = None, exit_code: int = 0) -> None:
        super().__init__(message, code=code)
        self.exit_code = exit_code


class TrialLink(Protocol):
    """What `init` does for a run that belongs to a trial."""

    def prepare(self, settings: Settings, config: dict[str, Any]) -> dict[str, Any]:
        """Let the run go where the sweep is, and return its config with the trial's parameters."""
        ...

    def patiently(self, call: Callable[[], T]) -> T:
        """Call something that needs the store, until it answers: a trial does not fail because the store was away."""
        ...

    def began(self, run: Run) -> None:
        """Take note of the run, keep its parameters as they are, and follow what it logs."""
        ...


_current: list[TrialLink] = []


def trial_of(settings: Settings) -> TrialLink | None:
    """Return the trial that a run begun now belongs to, or ``None``.

    Raises:
        NotFound: the environment names a trial that is not there.
    """
    if _current:
        return _current[-1]
    if settings.sweep_id and settings.trial:
        from importlib import import_module  # by name, because it stands above

        trial: TrialLink = import_module(_OPENER).open_trial(settings)
        return trial
    return None


@contextmanager
def inside(trial: TrialLink) -> Iterator[None]:
    """Let the runs that begin in the block belong to a trial."""
    _current.append(trial)
    try:
        yield
    finally:
        _current.remove(trial)


def is_inside() -> bool:
    """Whether a trial is executed in this process."""
    return bool(_current)
