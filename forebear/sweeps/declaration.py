"""What a sweep is to do, as people write it: read, checked, and put into one form.

Every complaint names the key by its path (``parameters.lr.min``), what was found, and what is allowed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from secrets import randbits
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from forebear.errors import InvalidInput
from forebear.sweeps import macros, samplers
from forebear.sweeps.early import EarlyRule, read_rule
from forebear.sweeps.grid import Grid
from forebear.sweeps.keys import below, items, number, only, refused, shown, table, text, whole, word
from forebear.sweeps.parameters import read_space

if TYPE_CHECKING:
    from forebear.sweeps.parameters import Space

GRID, RANDOM, BAYES, CUSTOM = "grid", "random", "bayes", "custom"
METHODS = (GRID, RANDOM, BAYES, CUSTOM)
MINIMIZE, MAXIMIZE = "minimize", "maximize"
#: Keys of a declaration.
KEYS = (
    "method", "metric", "metrics", "parameters", "constraints", "early_terminate", "run_cap", "retry", "seed",
    "sampler", "program", "command", "name", "description", "project", "entity", "controller",
)  # fmt: skip
#: Key of the catalog's copy: codes of the points of a grid that were tried before the sweep.
TRIED = "_tried"
#: Points of a grid that is begun without a cap.
MAX_POINTS = 1_000_000
_MAX_DEPTH = 64
_SEED_BITS = 48
#: Declarations that a process keeps.
_KEPT = 16
_read_before: dict[bytes, Declaration] = {}


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


@dataclass(frozen=True, eq=False)
class Declaration:
    """A checked declaration. ``config`` is what it was made from, with ``seed`` filled in; JSON can hold it."""

    method: str
    space: Space
    objectives: tuple[Objective, ...]
    seed: int
    early: EarlyRule | None
    run_cap: int | None
    retry: int
    #: What a search of somebody's own searches with: see `forebear.sweeps.samplers`.
    sampler: Any
    program: str | None
    command: tuple[str, ...] | None
    name: str | None
    description: str | None
    project: str | None
    entity: str | None
    #: Agents get only what somebody schedules by hand.
    is_local: bool
    config: dict[str, Any]

    @property
    def limit(self) -> int | None:
        """Trials that there will be at most; ``None`` for no end. Cost: that of `Grid.size`."""
        if self.method != GRID:
            return self.run_cap
        size = self.grid.size
        return size if self.run_cap is None else min(size, self.run_cap)

    @cached_property
    def grid(self) -> Grid:
        """The grid of the space."""
        return Grid(self.space, run_cap=self.run_cap, tried=self.config.get(TRIED, ()))

    def point(self, number: int) -> dict[str, Any] | None:
        """Return the parameters of a trial of a grid or a random search; ``None`` where there is no such point."""
        return self.grid.point(number) if self.method == GRID else self.space.sample(self.seed, number)


def declare(config: Mapping[str, Any], *, tried: Iterable[Mapping[str, Any]] = ()) -> Declaration:
    """Check what somebody wrote.

    Args:
        tried: Parameters of earlier runs, whose points a grid leaves out.

    Raises:
        InvalidInput: a key is unknown or has a wrong value, the space is empty, or a grid has no end.
    """
    given = table("", config)
    given = _plain(given | ({samplers.PATH: samplers.written(given[samplers.PATH])} if samplers.PATH in given else {}))
    only("", given, KEYS)
    declaration = _read(given)
    _check_sampler(declaration)
    if declaration.method == GRID:
        grid = declaration.grid
        codes = sorted({code for params in tried if (code := grid.code(params)) is not None})
        if codes:
            declaration = _read(given | {TRIED: codes})
        _check_grid(declaration)
    elif declaration.space.constraints:
        declaration.space.sample(declaration.seed, 0)
    return declaration


def read_declaration(config: Mapping[str, Any]) -> Declaration:
    """Return the declaration of a sweep that is in the catalog: ``SweepRecord.config``. The last ones are kept."""
    key = msgspec.json.encode(config)
    found = _read_before.pop(key, None)
    if found is None:
        found = _read(dict(config))
    _read_before[key] = found
    while len(_read_before) > _KEPT:
        del _read_before[next(iter(_read_before))]
    return found


def _read(given: dict[str, Any]) -> Declaration:
    """Read what is known to have no unknown key."""
    if "method" not in given:
        raise refused("method", f"it is missing; it is one of {', '.join(METHODS)}")
    method = word("method", given["method"], METHODS)
    if "parameters" not in given:
        raise refused("parameters", "they are missing")
    objectives = _objectives(given)
    early = None if given.get("early_terminate") is None else read_rule("early_terminate", given["early_terminate"])
    if not objectives and (early is not None or method == BAYES):
        what = "early_terminate" if early is not None else f"method: {method}"
        raise refused("metric", f"it is missing, and {what} needs it: {{name: loss, goal: minimize}}")
    if early is not None and len(objectives) > 1:
        raise refused("early_terminate", "it looks at one metric, and there are several")
    seed = whole("seed", given["seed"], 0) if given.get("seed") is not None else randbits(_SEED_BITS)
    return Declaration(
        method=method,
        space=read_space(given["parameters"], given.get("constraints")),
        objectives=objectives,
        seed=seed,
        early=early,
        run_cap=_optional(whole, given, "run_cap", 1),
        retry=whole("retry", given.get("retry", 0), 0),
        sampler=given.get("sampler"),
        program=_optional(text, given, "program"),
        command=_command(given.get("command")),
        name=_optional(text, given, "name"),
        description=_optional(text, given, "description"),
        project=_optional(text, given, "project"),
        entity=_optional(text, given, "entity"),
        is_local=_is_local(given.get("controller")),
        config=given | {"seed": seed},
    )


def _objectives(given: Mapping[str, Any]) -> tuple[Objective, ...]:
    if given.get("metric") is not None and given.get("metrics") is not None:
        raise refused("metrics", "metric is there too; give one of both")
    if given.get("metrics") is not None:
        found = [_objective(f"metrics[{i}]", metric) for i, metric in enumerate(items("metrics", given["metrics"]))]
    else:
        found = [] if given.get("metric") is None else [_objective("metric", given["metric"])]
    names = [objective.name for objective in found]
    if len(set(names)) < len(names):
        raise refused("metrics", "a name is there twice")
    return tuple(found)


def _objective(path: str, given: object) -> Objective:
    spec = table(path, given)
    only(path, spec, Objective._fields)
    if "name" not in spec:
        raise refused(below(path, "name"), "it is missing: the name by which the metric is logged")
    imputed = ("best", "worst", "latest")
    waiting = spec.get("impute_while_running", "false")
    waiting = "false" if waiting is False else waiting  # YAML reads the word as a truth value
    return Objective(
        name=text(below(path, "name"), spec["name"]),
        goal=word(below(path, "goal"), spec.get("goal", MINIMIZE), (MINIMIZE, MAXIMIZE)),
        target=None if spec.get("target") is None else number(below(path, "target"), spec["target"]),
        impute=word(below(path, "impute"), spec.get("impute", "worst"), imputed),
        impute_while_running=word(below(path, "impute_while_running"), waiting, ("false", *imputed)),
    )


def _optional(check: Any, given: Mapping[str, Any], key: str, *args: Any) -> Any:
    return None if given.get(key) is None else check(key, given[key], *args)


def _command(given: object) -> tuple[str, ...] | None:
    """A command is a list of words; of a text the words are taken apart as a shell would."""
    if given is None:
        return None
    words = shlex.split(given) if isinstance(given, str) else items("command", given)
    for index, part in enumerate(words):
        if not isinstance(part, (str, int, float)) or isinstance(part, bool):
            raise refused(f"command[{index}]", f"{shown(part)} is no word")
    macros.check(map(str, words))
    return tuple(str(part) for part in words)


def _is_local(given: object) -> bool:
    """Whether agents get only what somebody schedules by hand."""
    if given is None:
        return False
    spec = table("controller", given)
    only("controller", spec, ("type",))
    return word("controller.type", spec.get("type", "cloud"), ("cloud", "local")) == "local"


def _check_sampler(declaration: Declaration) -> None:
    if declaration.sampler is not None:
        if declaration.method not in (BAYES, CUSTOM):
            raise refused(samplers.PATH, f"it belongs to method: {CUSTOM}, this is method: {declaration.method}")
        samplers.check(declaration.sampler, has_metric=bool(declaration.objectives))
    elif declaration.method == CUSTOM and not declaration.is_local:
        raise refused(
            samplers.PATH,
            f"it is missing, and method: {CUSTOM} needs it: a sampler of Optuna (tpe, cmaes, …), or a function "
            "(package.module:function)",
        )


def _check_grid(declaration: Declaration) -> None:
    size = declaration.grid.size
    if size == 0:
        raise InvalidInput(
            "sweep: parameters: no point is left by when, constraints and prior_runs; loosen them", code="empty-space"
        )
    if declaration.run_cap is None and size > MAX_POINTS:
        raise refused(
            "parameters", f"the grid has {size:,} points; give a run_cap, or fewer values (at most {MAX_POINTS:,})"
        )


def _plain(value: Any, depth: int = 0) -> Any:
    """A copy that JSON can hold; what it has no form for is refused."""
    if depth > _MAX_DEPTH:
        raise refused("", f"it is nested more than {_MAX_DEPTH} deep, or in a circle")
    if isinstance(value, Mapping):
        return {str(_plain(key, depth + 1)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(item, depth + 1) for item in value]
    if hasattr(value, "dtype") and callable(getattr(value, "tolist", None)):
        return _plain(value.tolist(), depth + 1)
    if isinstance(value, str) and not value.isascii() and value != value.encode("utf-8", "ignore").decode():
        raise refused("", f"{shown(value)} holds half a character, as names of files that are no text do")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (set, frozenset)):
        return [_plain(item, depth + 1) for item in sorted(value, key=repr)]
    raise refused("", f"{shown(value)} is neither a number nor a text, a list or a table")
