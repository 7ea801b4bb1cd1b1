"""The next trial of a search that looks at what was tried: ``method: bayes`` and ``method: custom``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.errors import Unsupported
from forebear.sweeps import custom
from forebear.sweeps.controller import Proposal
from forebear.sweeps.declaration import CUSTOM
from forebear.sweeps.history import LATEST, History

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord
    from forebear.store.store import Store
    from forebear.sweeps.declaration import Declaration


def propose(store: Store, sweep: SweepRecord, declaration: Declaration) -> Proposal:
    """Work out the next trial from the catalog's trials, which are the only record.

    Raises:
        Unsupported: what it searches with is not installed.
        InvalidInput: a search of somebody's own returned what is no point of the space.
    """
    history = read_history(store, sweep, declaration)
    if declaration.method == CUSTOM or declaration.sampler is not None:
        return Proposal(history.next_number, custom.propose((store.url, sweep.id), declaration, history))
    try:
        import scipy.linalg.lapack  # noqa: F401

        from forebear.sweeps.gp_search import propose as by_gaussian_process
    except ImportError as err:
        raise Unsupported(
            f"method: bayes needs NumPy and SciPy ({err}): pip install 'forebear[sweeps]', or use method: random",
            code="sweeps-not-installed",
        ) from err
    return Proposal(history.next_number, by_gaussian_process(declaration, history))


def read_history(store: Store, sweep: SweepRecord, declaration: Declaration) -> History:
    """Return the trials of a sweep as a search sees them. Cost: about 10 µs a trial."""
    latest: dict[int, float] = {}
    if any(LATEST in (objective.impute, objective.impute_while_running) for objective in declaration.objectives):
        latest = {report.number: report.value for report in store.catalog.trial_reports(sweep.key)}
    return History(declaration, store.catalog.trials(sweep.key), latest, sweep.next_number)
