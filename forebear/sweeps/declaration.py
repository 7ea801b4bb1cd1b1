"""What a sweep is to do, as people write it: read, checked, and put into one form.

Every complaint names the key by its path (``parameters.lr.min``), what was found, and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from forebear.sweeps.early import EarlyRule
    from forebear.sweeps.parameters import Space

GRID, RANDOM, BAYES, CUSTOM = "grid", "random", "bayes", "custom"
METHODS = (GRID, RANDOM, BAYES, CUSTOM)
MINIMIZE, MAXIMIZE = "minimize", "maximize"


class Objective(NamedTuple):
    """A metric that the search looks at.

    Attributes:
        name: Key in the run's summary; dotted where it is nested.
        goal: `MINIMIZE` or `MAXIMIZE`.
        target: Value with which the sweep has reached what it wants.
        impute: What a trial without the metric counts as: ``best``, ``worst`` or ``latest``.
        impute_while_running: Likewise of one that still runs, or ``false``.
    """

    name: str
    goal: str = MINIMIZE
    target: float | None = None
    impute: str = "worst"
    impute_while_running: str = "false"

    def as_loss(self, value: float) -> float:
        """The value with its sign such that less is better."""
        return -value if self.goal == MAXIMIZE else value


class Declaration(NamedTuple):
    """A checked declaration. ``config`` is what it was made from, with ``seed`` filled in; JSON can hold it."""

    method: str
    space: Space
    objectives: tuple[Objective, ...]
    seed: int
    early: EarlyRule | None
    run_cap: int | None
    retry: int
    #: What a custom search is to do with: the key ``sampler`` as it was given.
    sampler: Any
    program: str | None
    command: tuple[str, ...] | None
    name: str | None
    description: str | None
    project: str | None
    entity: str | None
    config: dict[str, Any]

    @property
    def limit(self) -> int | None:
        """Trials that there will be at most; ``None`` for no end."""
        raise NotImplementedError


def declare(config: Mapping[str, Any]) -> Declaration:
    """Check what somebody wrote.

    Raises:
        InvalidInput: a key is unknown or has a wrong value, the space is empty, or a grid has no end.
    """
    raise NotImplementedError


def read_declaration(config: Mapping[str, Any]) -> Declaration:
    """Return the declaration of a sweep that is in the catalog: ``SweepRecord.config``. Cached by its content."""
    raise NotImplementedError
