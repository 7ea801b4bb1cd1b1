"""What a search knows: the trials so far, as losses, and what those count as that have none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.records.sweeps import OPEN_TRIALS, TRIAL_STOPPED, Trial
from forebear.sweeps.distributions import key_of

if TYPE_CHECKING:
    from forebear.sweeps.declaration import Declaration, Objective
    from forebear.sweeps.parameters import Space

BEST, LATEST = "best", "latest"
#: Draws before a space is taken to have no point that was not tried.
_DRAWS = 1_000


class Observation(NamedTuple):
    """A trial as a search sees it.

    Attributes:
        params: Nested parameters.
        values: Objectives by name, as they were logged.
        losses: The same in the order of the declaration, finite, and such that less is better; what the declaration
            says of trials without a value. ``None`` for one that is to be expected something of.
    """

    number: int
    state: str
    params: dict[str, Any]
    flat: dict[str, Any]
    values: dict[str, float]
    losses: tuple[float, ...] | None

    @property
    def is_open(self) -> bool:
        """Whether the trial is still to end."""
        return self.state in OPEN_TRIALS


class History(Sequence[Observation]):
    """All trials of a sweep by number.

    Attributes:
        space: What is searched.
        objectives: What it is searched for.
        next_number: Number of the next new trial.
    """

    def __init__(
        self, declaration: Declaration, trials: Iterable[Trial], latest: Mapping[int, float], next_number: int = 0
    ) -> None:
        """Look at trials.

        Args:
            latest: What trials reported last, where the declaration wants to know.
            next_number: The least that the next number is.
        """
        self.space: Space = declaration.space
        self.objectives: tuple[Objective, ...] = declaration.objectives
        trials = sorted(trials, key=lambda trial: trial.number)
        self.next_number = max([next_number, *(trial.number + 1 for trial in trials)])
        columns = [_imputed(objective, trials, latest) for objective in declaration.objectives]
        self._found = [
            Observation(
                trial.number,
                trial.state,
                trial.params,
                self.space.flat(trial.params),
                trial.values,
                losses if all(loss is not None for loss in losses) else None,
            )
            for trial, losses in zip(trials, _rows(columns, len(trials)), strict=True)
            # One that somebody stopped says nothing.
            if trial.state != TRIAL_STOPPED or trial.values
        ]
        self._tried = {key_of(trial.params) for trial in trials}

    def __getitem__(self, index: Any) -> Any:
        return self._found[index]

    def __iter__(self) -> Iterator[Observation]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def known(self) -> list[Observation]:
        """Those with losses."""
        return [one for one in self._found if one.losses is not None]

    @property
    def expected(self) -> list[Observation]:
        """Those that something is to be expected of: they still run."""
        return [one for one in self._found if one.losses is None and one.is_open]

    def was_tried(self, params: Mapping[str, Any]) -> bool:
        """Whether a trial has these very parameters, whatever became of it."""
        return key_of(dict(params)) in self._tried

    def untried(self, seed: int) -> dict[str, Any] | None:
        """Return a point by chance that was not tried; ``None`` if none is found. It follows from seed and history."""
        for draw in range(_DRAWS):
            params = self.space.sample(seed + draw, self.next_number)
            if not self.was_tried(params):
                return params
        return None


def _rows(columns: list[list[float | None]], count: int) -> Iterator[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else iter([()] * count)


def _imputed(objective: Objective, trials: Sequence[Trial], latest: Mapping[int, float]) -> list[float | None]:
    """The losses of one objective; ``None`` for trials that run, unless they count as something."""
    found = [_loss(objective, trial.values.get(objective.name)) for trial in trials]
    finite = [loss for loss in found if loss is not None and math.isfinite(loss)]
    if not finite:
        return [None] * len(trials)
    best, worst = min(finite), max(finite)

    def counted(trial: Trial, loss: float | None) -> float | None:
        if loss is not None and trial.state not in OPEN_TRIALS:
            return min(max(loss, best), worst)
        what = objective.impute_while_running if trial.state in OPEN_TRIALS else objective.impute
        if what == "false":
            return None
        if what == LATEST:
            last = _loss(objective, latest.get(trial.number))
            return worst if last is None else min(max(last, best), worst)
        return best if what == BEST else worst

    return [counted(trial, loss) for trial, loss in zip(trials, found, strict=True)]


def _loss(objective: Objective, value: float | None) -> float | None:
    """The value as a loss; not-a-number is worse than everything."""
    if value is None:
        return None
    return math.inf if math.isnan(value) else objective.as_loss(value)
