"""What a sweep found, for scripts: the best trial, the front of several metrics, and what the parameters did.

Each function takes what `forebear.Api.sweep` returns, and reads the trials anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from forebear.errors import Unsupported
from forebear.sweeps import reading
from forebear.sweeps.declaration import read_declaration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forebear.records.sweeps import Trial
    from forebear.sweeps.declaration import Declaration
    from forebear.sweeps.importance import Importance


class Searched(Protocol):
    """A sweep with its declaration and its trials."""

    @property
    def config(self) -> dict[str, Any]:
        """The declaration."""

    @property
    def trials(self) -> list[Trial]:
        """All trials."""


def best(sweep: Searched, metric: str | None = None) -> Trial | None:
    """Return the best trial, the earlier of equally good ones; ``None`` where none has a finite value.

    Args:
        metric: By which metric, where the sweep has several; by default the first.

    Raises:
        InvalidInput: the sweep has no such metric, or none at all.
    """
    return reading.best_trial(read_declaration(sweep.config), sweep.trials, metric)


def front(sweep: Searched) -> list[Trial]:
    """Return the trials that no other is better than in one metric and as good in all, the best by the first first."""
    return reading.front(read_declaration(sweep.config), sweep.trials)


def importance(sweep: Searched, metric: str | None = None) -> Importance:
    """Return which parameters made the difference, the most important first.

    Args:
        metric: To which metric, where the sweep has several; by default the first.

    Raises:
        InvalidInput: the sweep has no such metric, or fewer than 5 trials with a value of it.
        Unsupported: NumPy or SciPy is not installed.

    Cost: that of one proposal of ``method: bayes``.
    """
    return importance_of(read_declaration(sweep.config), sweep.trials, metric)


def importance_of(declaration: Declaration, trials: Iterable[Trial], metric: str | None = None) -> Importance:
    """Return the same of a declaration and trials that were read before; see `importance`."""
    try:
        import scipy.linalg.lapack  # noqa: F401

        from forebear.sweeps import importance as model  # 60 ms with NumPy, only here
    except ImportError as err:
        raise Unsupported(
            f"importance needs NumPy and SciPy ({err}): pip install 'forebear[sweeps]'", code="sweeps-not-installed"
        ) from err
    return model.importance(declaration, trials, metric)
