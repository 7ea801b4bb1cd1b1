"""What a search of somebody's own searches with: the key ``sampler`` of a declaration.

It names a sampler of Optuna (``tpe``, ``{name: cmaes, sigma0: 0.1}``) or a function (``package.module:function``,
``folder/file.py:function``) that is given the space and the history and returns the next parameters. In Python it may
be such an object itself; one that has no name by which others find it serves the process alone that declared the sweep.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from forebear.errors import InvalidInput, Unsupported
from forebear.sweeps.keys import refused, shown, table, text, word

PATH = "sampler"
#: Keys of one that has no name.
_HELD, _WORDS = "held", "is"
_SUFFIX = "Sampler"
#: How many seeds there are to them.
_SEEDS = 2**32
_objects: dict[str, Any] = {}


class Choice(NamedTuple):
    """What was chosen.

    Attributes:
        name: Of a sampler of Optuna, as it is written in lower case without its last word.
        options: What it is made with.
        place: Where a function is: ``package.module:function`` or ``file.py:function``.
        held: By what an object of this process is known.
    """

    name: str | None = None
    options: Mapping[str, Any] = {}
    place: str | None = None
    held: str | None = None


def written(sampler: Any) -> Any:
    """Return the form of an object that a declaration can keep; what is a text or a table stays as it is.

    Raises:
        InvalidInput: it is nothing that can be searched with.
    """
    if sampler is None or isinstance(sampler, (str, Mapping)):
        return sampler
    if not callable(sampler) and not is_of_optuna(sampler):
        raise refused(PATH, f"{shown(sampler)} is neither a sampler of Optuna nor a function")
    if inspect.isclass(sampler):
        raise refused(PATH, f"{sampler.__name__} is a class; give one that was made, or its name and options")
    place = f"{getattr(sampler, '__module__', None)}:{getattr(sampler, '__qualname__', None)}"
    if not place.startswith("__main__:") and _found(place) is sampler:
        return place
    token = token_hex(8)
    _objects[token] = sampler
    return {_HELD: token, _WORDS: repr(sampler)}


def is_of_optuna(sampler: Any) -> bool:
    """Whether an object is a sampler of Optuna; without loading that."""
    optuna = sys.modules.get("optuna")
    return optuna is not None and isinstance(sampler, optuna.samplers.BaseSampler)


def read(given: object) -> Choice:
    """Read the key ``sampler``. Raises `InvalidInput`; whether there is such a sampler or function is not looked at."""
    if isinstance(given, str):
        where, colon, names = given.partition(":")
        if colon and not (where and names):
            raise refused(PATH, f"{given!r} is no place of a function; write package.module:function")
        return Choice(place=given) if colon else Choice(_short(text(PATH, given)))
    spec = table(PATH, given)
    if _HELD in spec:
        return Choice(held=text(f"{PATH}.{_HELD}", spec[_HELD]), options=spec)
    if "name" not in spec:
        raise refused(f"{PATH}.name", "it is missing: a sampler of Optuna, such as tpe; for a function write its place")
    return Choice(_short(text(f"{PATH}.name", spec.pop("name"))), spec)


def _short(name: str) -> str:
    """``tpe`` of ``optuna.samplers.TPESampler``."""
    return name.rpartition(".")[2].removesuffix(_SUFFIX).lower()


def check(given: object, *, has_metric: bool) -> None:
    """Look at what can be looked at where a sweep is declared; agents may have installed what this machine has not.

    Raises:
        InvalidInput: Optuna has no such sampler, or none with such options; or it is told nothing.
    """
    choice = read(given)
    if choice.name is None:
        return
    if not has_metric:
        raise refused("metric", f"it is missing, and sampler: {choice.name} needs it: {{name: loss, goal: minimize}}")
    if find_spec("optuna") is not None:
        try:
            _of_optuna(choice, seed=0)
        except Unsupported:
            return


def loaded(given: object, seed: int) -> Any:
    """Return the sampler of Optuna, or the function, that a declaration names.

    Args:
        seed: For a sampler that has one and is not given one.

    Raises:
        Unsupported: it is not installed here, or it is an object of another process.
        InvalidInput: there is no such thing.
    """
    choice = read(given)
    if choice.held is not None:
        if choice.held not in _objects:
            raise Unsupported(
                f"sampler {choice.options.get(_WORDS)} is an object of the process that declared the sweep; for agents "
                "elsewhere name a sampler of Optuna (sampler: tpe) or a function (sampler: 'package.module:function')",
                code="sampler-elsewhere",
            )
        return _objects[choice.held]
    return _function(choice.place) if choice.place is not None else _of_optuna(choice, seed)


def _of_optuna(choice: Choice, seed: int) -> Any:
    # Late: 400 ms.
    try:
        import optuna
    except ImportError as err:
        raise Unsupported(
            f"sampler {choice.name} needs Optuna ({err}): pip install 'forebear[sweeps]'", code="sweeps-not-installed"
        ) from err
    samplers = optuna.samplers
    names = {_short(name): name for name in samplers.__all__ if name.endswith(_SUFFIX) and not name.startswith("Base")}
    kind = getattr(samplers, names[word(PATH, choice.name, sorted(names))])
    options = dict(choice.options)
    if "seed" in inspect.signature(kind).parameters:
        options.setdefault("seed", seed % _SEEDS)
    try:
        return kind(**options)
    except ImportError as err:
        raise Unsupported(f"sampler {choice.name}: {err}", code="sweeps-not-installed") from err
    except (TypeError, ValueError, AttributeError) as err:
        raise refused(PATH, f"{choice.name} cannot be made with {shown(dict(choice.options))}: {err}") from err


# -- functions --------------------------------------------------------------------------------------------------------


def _function(place: str) -> Any:
    try:
        found = _found(place)
    except ImportError as err:
        raise InvalidInput(
            f"sweep: {PATH}: {place}: {err}; the folder that an agent starts in is looked in too", code="invalid-sweep"
        ) from err
    if not callable(found):
        raise refused(PATH, f"there is no function {place}")
    return found


def _found(place: str) -> Any:
    """Return what is at a place; ``None`` if its module is there but not the thing itself. Raises `ImportError`."""
    where, _, names = place.partition(":")
    found: Any = _file(Path(where)) if where.endswith(".py") else _module(where)
    for name in names.split("."):
        found = getattr(found, name, None)
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        # The command starts agents without the folder that it is called in.
        here = str(Path.cwd())
        if here in sys.path or not name.isprintable():
            raise
        sys.path.append(here)
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(here)


def _file(path: Path) -> Any:
    if not path.is_file():
        raise ImportError(f"there is no file {path}")
    name = f"_forebear_sampler_{path.resolve().as_posix()}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]
