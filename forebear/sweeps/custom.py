"""Search as somebody else does it: with a sampler of Optuna, or with a function of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput
from forebear.sweeps.keys import refused, shown
from forebear.sweeps.samplers import PATH, is_of_optuna, loaded

if TYPE_CHECKING:
    from forebear.sweeps.declaration import Declaration
    from forebear.sweeps.history import History
    from forebear.sweeps.optuna_search import Study
    from forebear.sweeps.parameters import Space

#: Sweeps whose studies a process keeps.
_KEPT = 16
_studies: dict[object, Study] = {}
_lock = Lock()


def propose(sweep: object, declaration: Declaration, history: History) -> dict[str, Any] | None:
    """Return the nested parameters of the trial after ``history``; ``None`` if there is nothing more to try.

    Args:
        sweep: What tells it from others, in this process.

    Raises:
        Unsupported: what it searches with is not installed here, or is an object of another process.
        InvalidInput: a function returned what is no point of the space.
    """
    with _lock:
        study = _studies.get(sweep)
    if study is None:
        if declaration.sampler is None:
            raise refused(PATH, f"it is missing, and method: {declaration.method} needs it to propose something")
        sampler = loaded(declaration.sampler, declaration.seed)
        if not is_of_optuna(sampler):
            return _called(sampler, declaration, history)
        study = _begun(sweep, declaration, sampler)
    return study.propose(history)


def _begun(sweep: object, declaration: Declaration, sampler: Any) -> Study:
    # Late: 400 ms.
    from forebear.sweeps.optuna_search import Study

    with _lock:
        if sweep not in _studies:
            _studies[sweep] = Study(declaration, sampler)
        while len(_studies) > _KEPT:
            del _studies[next(iter(_studies))]
        return _studies[sweep]


def _called(function: Callable[..., Any], declaration: Declaration, history: History) -> dict[str, Any] | None:
    found = function(declaration.space, history)
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise _wrong(f"it returned {shown(found)}, which is no table of parameters")
    return checked(declaration.space, found)


def checked(space: Space, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a trial gets them; groups may be nested, or named by dots.

    Raises:
        InvalidInput: one is missing, is unknown, or has a value that it may not have, or a constraint does not hold.
    """
    known = {name: given[name] for name in space.by_name if name in given and "." in name}
    flat = space.flat(given) | known
    groups = {parameter.path[0] for parameter in space.parameters}
    unknown = [name for name in given if name not in space.by_name and name not in groups]
    if unknown:
        raise _wrong(f"it returned {unknown[0]!r}, but the parameters are {', '.join(space.by_name)}")
    chosen: dict[str, Any] = {}
    for parameter in space.parameters:
        name = parameter.name
        if not parameter.applies(chosen):
            continue
        if name not in flat:
            raise _wrong(f"it returned no {name}")
        value = flat[name].item() if hasattr(flat[name], "dtype") and hasattr(flat[name], "item") else flat[name]
        if not parameter.distribution.contains(value):
            raise _wrong(f"it returned {name} = {shown(value)}, which is no value of its {parameter.distribution.kind}")
        chosen[name] = value
    broken = next((one.text for one in space.constraints if one.names <= chosen.keys() and not one.holds(chosen)), None)
    if broken is not None:
        raise _wrong(f"it returned {shown(chosen)}, and the constraint {broken!r} does not hold")
    return space.nested(chosen)


def _wrong(why: str) -> InvalidInput:
    return InvalidInput(f"sweep: {PATH}: {why}", code="invalid-proposal")
