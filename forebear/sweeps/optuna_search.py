"""Search with a sampler of Optuna, asked and told; the catalog stays the only record.

A study in memory is fed from the history. It is kept from one proposal to the next, so that a proposal costs what the
sampler does, and what a sampler keeps in it (the generations of CMA-ES or NSGA-II) lives as long as the agent.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from forebear.sweeps.declaration import MAXIMIZE
from forebear.sweeps.distributions import Categorical, Integers, LogUniform, Quantized, Uniform, key_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from forebear.sweeps.declaration import Declaration
    from forebear.sweeps.distributions import Distribution
    from forebear.sweeps.history import History, Observation
    from forebear.sweeps.parameters import Space

#: Questions for one proposal of which none gave a new point that the constraints allow.
MAX_QUESTIONS = 100
#: How near the ends of the unit interval a value may lie: where a distribution has no end, that is infinity.
_MARGIN = 1e-9


class Axis:
    """One parameter as Optuna sees it: in its own unit where Optuna has one like it, else in the unit interval."""

    def __init__(self, name: str, distribution: Distribution) -> None:
        self.name = name
        self._of = distribution
        #: Values by what Optuna calls them, where that is something else.
        self._names: dict[str, Any] = {}
        self._is_unit = False
        self.theirs = self._their(distribution)

    def _their(self, of: Distribution) -> BaseDistribution:
        if isinstance(of, Categorical):
            plain = all(value is None or isinstance(value, (bool, int, float, str)) for value in of.values)
            # 1, 1.0 and true are one value to Optuna.
            if not plain or len(set(of.values)) < len(of.values):
                self._names = {f"{place}: {value!r}": value for place, value in enumerate(of.values)}
            return CategoricalDistribution(list(self._names) or list(of.values))
        if isinstance(of, Integers):
            return IntDistribution(of.low, of.high)
        if isinstance(of, (Uniform, LogUniform)):
            return FloatDistribution(of.low, of.high, log=of.log)
        if isinstance(of, Quantized) and isinstance(of.of, Uniform) and of.choices is not None:
            return FloatDistribution(of.choices[0], of.choices[-1], step=of.q)
        self._is_unit = True
        return FloatDistribution(0.0, 1.0)

    def suggested(self, trial: optuna.Trial) -> Any:
        """Ask for a value."""
        theirs = self.theirs
        if isinstance(theirs, CategoricalDistribution):
            found = trial.suggest_categorical(self.name, theirs.choices)
            return self._names[found] if self._names else found  # type: ignore[index]  # names are texts
        if isinstance(theirs, IntDistribution):
            return int(trial.suggest_int(self.name, theirs.low, theirs.high))
        assert isinstance(theirs, FloatDistribution)
        number = float(trial.suggest_float(self.name, theirs.low, theirs.high, step=theirs.step, log=theirs.log))
        if self._is_unit:
            return self._of.quantile(min(max(number, _MARGIN), 1 - _MARGIN))
        # Its steps are added up, so the last bits differ.
        return self._of.quantile(self._of.unit(number)) if isinstance(self._of, Quantized) else number

    def their_value(self, value: Any) -> Any:
        """Return a value as Optuna calls it. Raises `ValueError` if it is none of the parameter's."""
        if not self._of.contains(value):
            raise ValueError(f"{value!r} is no value of {self.name}")
        if self._is_unit:
            return self._of.unit(value)
        if self._names:
            return next(name for name, other in self._names.items() if key_of(other) == key_of(value))
        return value


class Study:
    """A study of Optuna that follows a sweep. Of threads one at a time may ask."""

    def __init__(self, declaration: Declaration, sampler: optuna.samplers.BaseSampler) -> None:
        """Begin without trials; the history brings them."""
        self._space: Space = declaration.space
        self._seed = declaration.seed
        self._objectives = declaration.objectives
        self._axes = {
            parameter.name: Axis(parameter.name, parameter.distribution) for parameter in self._space.parameters
        }
        up, down = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
        directions = [up if one.goal == MAXIMIZE else down for one in declaration.objectives]
        with _quiet():
            self._study = optuna.create_study(directions=directions, sampler=sampler)
        #: A sampler that goes through all points said that it has done so. It may say it in a loop of Optuna's alone.
        self._is_over = False
        vars(self._study)["stop"] = self._end
        self._goes_through_all = isinstance(sampler, (optuna.samplers.GridSampler, optuna.samplers.BruteForceSampler))
        #: Trials of the sweep that are in the study and not told yet: by their number, the study's.
        self._open: dict[int, int] = {}
        #: What was chosen for a number, until the history has it.
        self._chosen: dict[int, dict[str, Any]] = {}
        #: What was told of each trial, or ``None`` where there was nothing to tell.
        self._told: dict[int, Any] = {}
        self._lock = Lock()

    def propose(self, history: History) -> dict[str, Any] | None:
        """Return the nested parameters of the next trial; ``None`` if there is nothing more to try.

        Asked twice for the same number, it answers the same.
        """
        with self._lock, _quiet():
            self._follow(history)
            number = history.next_number
            if number not in self._chosen:
                found = self._asked(history, number)
                if found is None:
                    return None if self._goes_through_all else history.untried(self._seed)
                self._chosen[number] = found
            return self._chosen[number]

    def _asked(self, history: History, number: int) -> dict[str, Any] | None:
        for _ in range(MAX_QUESTIONS):
            if self._is_over:
                return None
            trial = self._study.ask()
            flat: dict[str, Any] = {}
            for parameter in self._space.parameters:
                if parameter.applies(flat):
                    flat[parameter.name] = self._axes[parameter.name].suggested(trial)
            params = self._space.nested(flat)
            if self._space.allows(flat) and not history.was_tried(params):
                self._open[number] = trial.number
                return params
            self._fail(trial.number)
        return None

    # -- following ----------------------------------------------------------------------------------------------------

    def _follow(self, history: History) -> None:
        """Tell the study what happened since it was asked last."""
        seen = {one.number: one for one in history}
        for number in [number for number in self._chosen if number < history.next_number]:
            chosen = self._chosen.pop(number)
            if number not in seen or key_of(seen[number].params) != key_of(chosen):
                # Another agent was faster, with other parameters; or somebody stopped it, which says nothing.
                self._fail(self._open.pop(number))
        for number in [number for number in self._open if number not in seen and number not in self._chosen]:
            self._fail(self._open.pop(number))
        for one in seen.values():
            self._follow_one(one)

    def _follow_one(self, one: Observation) -> None:
        if one.number in self._told and (one.is_open or self._told[one.number] in (None, key_of(one.values))):
            return
        ended = not one.is_open and one.losses is not None
        if one.number in self._open:
            if ended:
                self._study.tell(self._open.pop(one.number), self._values(one))
                self._told[one.number] = key_of(one.values)
            return
        added = self._as_theirs(one, ended)
        if added is None:
            self._told[one.number] = None
            return
        self._study.add_trial(added)
        if ended:
            self._told[one.number] = key_of(one.values)
        else:
            self._open[one.number] = self._study.get_trials(deepcopy=False)[-1].number

    def _as_theirs(self, one: Observation, ended: bool) -> optuna.trial.FrozenTrial | None:
        """A trial of somebody else; ``None`` if it is no point of the space, such as an earlier run."""
        params: dict[str, Any] = {}
        for parameter in self._space.parameters:
            if not parameter.applies(one.flat):
                continue
            if parameter.name not in one.flat:
                return None
            try:
                params[parameter.name] = self._axes[parameter.name].their_value(one.flat[parameter.name])
            except ValueError:
                return None
        return optuna.trial.create_trial(
            state=TrialState.COMPLETE if ended else TrialState.RUNNING,
            values=self._values(one) if ended else None,
            params=params,
            distributions={name: self._axes[name].theirs for name in params},
        )

    def _values(self, one: Observation) -> list[float]:
        """Its objectives; finite, with what the declaration says in the place of those that are missing."""
        return [goal.as_loss(loss) for goal, loss in zip(self._objectives, one.losses or (), strict=True)]

    def _fail(self, number: int) -> None:
        self._study.tell(number, state=TrialState.FAIL)

    def _end(self) -> None:
        self._is_over = True


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Optuna say nothing: what it tells of its study is not what people began."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)
