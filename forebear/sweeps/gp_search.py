"""Search with a Gaussian process: where the next trial promises the largest improvement.

A proposal follows from the declaration's seed and the history alone. What it costs is bounded: of many trials a model
sees some (`MAX_SEEN`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forebear.sweeps.cube import Cube
from forebear.sweeps.gaussian import Gaussian
from forebear.sweeps.improvement import Improvement, best_rows
from forebear.sweeps.targets import evened, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from forebear.sweeps.declaration import Declaration
    from forebear.sweeps.history import History, Observation

    Array = NDArray[np.float64]

#: Trials drawn evenly from the whole space before the model is asked.
FIRST_TRIALS = 10
#: Losses without which there is nothing to model, however many trials run.
_LEAST_KNOWN = 4
#: Trials that a model sees: the best, the latest, and others by chance.
MAX_SEEN = 250
_BEST_SEEN, _LATEST_SEEN = 100, 50
#: Running trials that a model takes into account, the latest.
_MAX_EXPECTED = 100
#: Best rows near which something better is looked for.
_GOOD = 5
#: Declarations whose cubes are kept.
_KEPT = 16


def propose(declaration: Declaration, history: History) -> dict[str, Any] | None:
    """Return the nested parameters of the trial after ``history``; ``None`` if every point was tried.

    Cost: about 20 ms after 50 trials, 100 ms after 200, and no more than that after 1,000.
    """
    cube = _cube(declaration)
    lot = np.random.default_rng([declaration.seed, history.next_number])
    with one_thread():
        return _proposed(cube, declaration, history, lot)


def _proposed(
    cube: Cube, declaration: Declaration, history: History, lot: np.random.Generator
) -> dict[str, Any] | None:
    if not cube.axes:
        return history.untried(declaration.seed)
    known = placed(cube, history.known)
    if cube.points is not None:
        points = _untried(cube, history, cube.points)
        if not len(points):
            return None
    else:
        points = None
    if len(known.rows) + len(history.expected) < FIRST_TRIALS or len(known.rows) < _LEAST_KNOWN:
        found = _first(cube, declaration, history, points, lot)
    else:
        found = _promising(cube, history, known, points, lot)
    return found if found is not None else history.untried(declaration.seed)


def one_thread() -> AbstractContextManager[object]:
    """Let linear algebra use one thread: for matrices of this size others only get into each other's way.

    Of four agents on two cores each proposal took ten times as long.
    """
    controller = _threads()
    return nullcontext() if controller is None else controller.limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _threads() -> Any:
    """What knows the threads of the linear algebra that NumPy and SciPy use; ``None`` where it is not installed."""
    # Both have their own, which is known only after it was loaded.
    import scipy.linalg.lapack  # noqa: F401

    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


class Placed(NamedTuple):
    """Trials that have a place in the cube, and their losses: one row each."""

    rows: Array
    losses: Array


def placed(cube: Cube, observations: list[Observation]) -> Placed:
    """Return the rows of trials and their losses; those that are no point of the space are left out."""
    found = [(row, one.losses or ()) for one in observations if (row := cube.row(one.flat)) is not None]
    rows = np.array([row for row, _ in found]).reshape(len(found), len(cube.axes))
    return Placed(rows, np.array([losses for _, losses in found], dtype=float))


@lru_cache(maxsize=_KEPT)
def _cube(declaration: Declaration) -> Cube:
    return Cube(declaration.space)


def _first(
    cube: Cube, declaration: Declaration, history: History, points: Array | None, lot: np.random.Generator
) -> dict[str, Any] | None:
    """A point of an even spread, which follows from the seed."""
    if points is not None:
        return _new(cube, history, points[lot.permutation(len(points))])
    spread = cube.spread(np.random.default_rng(declaration.seed), FIRST_TRIALS)
    number = history.next_number
    return _new(cube, history, cube.settled(spread[number : number + 1]))


def _promising(
    cube: Cube, history: History, known: Placed, points: Array | None, lot: np.random.Generator
) -> dict[str, Any] | None:
    losses = evened(joined(known.losses, lot))
    kept = seen(losses, lot)
    rows, losses = known.rows[kept], losses[kept]
    model = Gaussian.fit(cube.features(rows), losses, cube.groups)
    expectations = model.mean(cube.features(rows))
    expected = cube.features(placed(cube, history.expected[-_MAX_EXPECTED:]).rows)
    # Those that run are to be improved on too: else where one of them promises most, all others would gather.
    best = np.concatenate([expectations, model.mean(expected)]).min()
    improvement = Improvement(model.believing(expected), float(best))
    if points is not None:
        gains = improvement.at(cube.features(points))
        return _new(cube, history, points[np.argsort(-gains, kind="stable")])
    good = rows[np.argsort(expectations, kind="stable")[:_GOOD]]
    return _new(cube, history, best_rows(cube, improvement, good, lot))


def seen(losses: Array, lot: np.random.Generator) -> NDArray[np.intp]:
    """Which trials the model sees: where it matters most, what came last, and some of everything."""
    count = len(losses)
    if count <= MAX_SEEN:
        return np.arange(count)
    best = np.argsort(losses, kind="stable")[:_BEST_SEEN]
    kept = np.union1d(best, np.arange(count - _LATEST_SEEN, count))
    others = np.setdiff1d(np.arange(count), kept)
    return np.sort(np.concatenate([kept, lot.choice(others, MAX_SEEN - len(kept), replace=False)]))


def _untried(cube: Cube, history: History, points: Array) -> Array:
    tried = np.array([history.was_tried(cube.space.nested(cube.flat(row))) for row in points], dtype=bool)
    found: Array = points[~tried]
    return found


def _new(cube: Cube, history: History, rows: Array) -> dict[str, Any] | None:
    """The first of some rows that was not tried."""
    for row in rows:
        params = cube.space.nested(cube.flat(row))
        if not history.was_tried(params):
            return params
    return None
