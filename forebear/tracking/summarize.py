"""From the rows of a history to its summary: the same for a run that logs and for one whose journal was found.

The summary has the last value of each key, or what its definition asks for. A row whose step is lower than that of the
value it would replace does not replace it. What somebody set or took out by hand counts more than any row. Where a key
comes several times in one step, the last time is what counts. Aggregates pass over NaN.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from forebear.tracking.nested import GONE, put

if TYPE_CHECKING:
    from forebear.tracking.metrics import Metric, Metrics

#: Sets of keys whose last steps are remembered as such; beyond, each key's own is.
MAX_SEEN = 4_096

#: Where something lies in a summary: names from its root.
Path = tuple[str, ...]


class Fold:
    """The aggregates of one key, step by step."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._step: int | None = None
        #: Value of the step, which may still be replaced.
        self._value: Any = None
        self._count = 0
        self._total = 0.0
        self._low, self._high = math.inf, -math.inf
        self._first: Any = None
        self._last: Any = None

    def put(self, step: int, value: Any) -> None:
        """Take in the value of a step; of the same step again, it replaces the one before."""
        if step != self._step:
            self._settle()
            self._step = step
        self._value = value

    def seed(self, known: Mapping[str, Any], count: int = 0) -> None:
        """Go on from the results of an earlier session; ``count`` values went into its mean."""
        numbers = [known[word] for word in ("min", "max", "best") if _is_number(known.get(word))]
        self._low, self._high = min([*numbers, self._low]), max([*numbers, self._high])
        self._first, self._last = known.get("first"), known.get("last")
        mean = known.get("mean")
        self._count = count if _is_number(mean) else len(numbers)
        self._total = mean * count if _is_number(mean) else 0.0

    @property
    def count(self) -> int:
        """How many numbers there were."""
        done = copy.copy(self)
        done._settle()
        return done._count

    def results(self, metric: Metric) -> dict[str, Any]:
        """Return what a definition asks for, by its words; of words that need numbers, only where there were some."""
        done = copy.copy(self)
        done._settle()
        every: dict[str, Any] = {}
        if done._first is not None:
            every |= {"first": done._first, "last": done._last}
        if done._count:
            best = done._high if metric.goal == "maximize" else done._low
            every |= {"min": done._low, "max": done._high, "mean": done._total / done._count, "best": best}
        elif done._first is not None and done._first != done._first:
            every |= dict.fromkeys(("min", "max", "mean", "best"), math.nan)
        return {word: every[word] for word in metric.summary if word in every}

    def _settle(self) -> None:
        if self._step is None:
            return
        value, self._step = self._value, None
        if value is None or value != value:
            # As long as there was nothing but NaN, that is the answer.
            self._first = value if self._first is None else self._first
            self._last = value if self._last is None else self._last
            return
        if self._first is None or self._first != self._first:
            self._first = value
        self._last = value
        if _is_number(value):
            self._count += 1
            self._total += value
            self._low, self._high = min(self._low, value), max(self._high, value)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and value == value


class Summarizer:
    """Holds the summary of one run while its rows come in, in the order in which they were written.

    Not safe for threads: whoever feeds it holds a lock.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        time_base: int = 0,
        known: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin where an earlier session stopped.

        Args:
            metrics: Definitions; more may be added to them meanwhile.
            time_base: Microseconds since 1970 that runtime 0 stands for.
            known: The summary so far, as `value` gave it; ``metrics`` know of how many values its means are.
        """
        self._metrics = metrics
        self._time_base = time_base
        self._last: dict[str, Any] = dict(known or {})
        step, runtime = self._last.pop("_step", None), self._last.pop("_runtime", None)
        self._last.pop("_timestamp", None)
        self._top: int = step if isinstance(step, int) else -1
        self._runtime = int(runtime * 1e6) if isinstance(runtime, (int, float)) else None
        self._folds: dict[str, Fold] = {}
        self._base_step = self._top
        #: Sets of keys → last step in which they came, until somebody needs each key's own.
        self._seen: dict[Path, int] = {}
        self._steps: dict[str, int] | None = None
        self._set: dict[str, Any] = {}
        self._hidden: dict[Path, None] = {}

    @property
    def last_step(self) -> int:
        """The highest step so far; -1 before the first row."""
        return self._top

    @property
    def runtime(self) -> int:
        """Runtime of the last row, in microseconds."""
        return self._runtime or 0

    @property
    def size(self) -> int:
        """How many values it has, about."""
        return len(self._last) + len(self._folds)

    # -- what comes in ------------------------------------------------------------------------------------------

    def row(self, step: int, runtime_us: int, values: dict[str, Any]) -> None:
        """Take in a row."""
        # Every call of a training loop comes here: the usual case is two updates of dictionaries.
        if step < self._top or self._metrics.summarize or self._steps is not None:
            self._careful_row(step, runtime_us, values)
            return
        self._top = step
        self._runtime = runtime_us
        self._last.update(values)
        self._seen[tuple(values)] = step
        if len(self._seen) > MAX_SEEN:
            self._each_step()

    def _careful_row(self, step: int, runtime_us: int, values: dict[str, Any]) -> None:
        steps = self._each_step()
        for key, value in values.items():
            metric = self._metrics.of(key)
            if metric is not None and metric.summary and metric.summary != ("copy",):
                self._fold_of(key, metric).put(step, value)
            elif step >= steps.get(key, self._base_step if key in self._last else step):
                self._last[key] = value
                steps[key] = step
        if step >= self._top:
            self._top, self._runtime = step, runtime_us

    def _each_step(self) -> dict[str, int]:
        if self._steps is None:
            self._steps = {}
            for keys, step in self._seen.items():
                for key in keys:
                    self._steps[key] = max(step, self._steps.get(key, step))
            self._seen.clear()
        return self._steps

    def _fold_of(self, key: str, metric: Metric) -> Fold:
        fold = self._folds.get(key)
        if fold is None:
            fold = self._folds[key] = Fold()
            known = self._last.pop(key, None)
            if isinstance(known, dict) and not known.keys() - {"min", "max", "mean", "best", "first", "last"}:
                fold.seed(known, self._metrics.counts.get(key, 0))
        return fold

    def set(self, path: Path, value: Any) -> None:
        """Let a value stand at a path from now on, whatever rows say."""
        self._hidden[path] = None
        put(self._set, path, value)

    def delete(self, path: Path) -> None:
        """Take out what stands at a path; rows do not bring it back."""
        self._hidden[path] = None
        put(self._set, path, GONE)

    def change(self, changes: Iterable[tuple[Path, Any]], deletions: Iterable[Path]) -> None:
        """Take in several changes by hand, deletions first."""
        for path in deletions:
            self.delete(tuple(path))
        for path, value in changes:
            self.set(tuple(path), value)

    # -- what comes out -----------------------------------------------------------------------------------------

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of one key. Cost: that of a dictionary, unless something was set by hand."""
        if self._set or self._hidden or key in self._folds or key.startswith("_"):
            return self.value().get(key, default)
        return self._last.get(key, default)

    def last(self, key: str) -> Any:
        """Return the last value that rows had for a key, whatever was set by hand; ``None`` for none."""
        return self._last.get(key)

    def value(self) -> dict[str, Any]:
        """Return the whole summary: a copy, as deep as what was set by hand reaches."""
        found: dict[str, Any] = {}
        for key, value in self._last.items():
            metric = self._metrics.of(key) if self._metrics.summarize else None
            if metric is None or "none" not in metric.summary:
                found[key] = value
        for key, fold in self._folds.items():
            metric = self._metrics.of(key)
            results = fold.results(metric) if metric is not None else {}
            if results:
                found[key] = results
        found |= self._of_run()
        for path in self._hidden:
            _remove(found, path)
        _overlay(found, self._set)
        return found

    def counts(self) -> dict[str, int]:
        """Return of how many values the mean of each metric is that has one: a run that is resumed needs that."""
        found = dict(self._metrics.counts)
        for key, fold in self._folds.items():
            metric = self._metrics.of(key)
            if metric is not None and "mean" in metric.summary and fold.count:
                found[key] = fold.count
        return found

    def _of_run(self) -> dict[str, Any]:
        if self._runtime is None:
            return {}
        return {
            "_step": self._top,
            "_runtime": self._runtime / 1e6,
            "_timestamp": (self._time_base + self._runtime) / 1e6,
        }


def _remove(tree: dict[str, Any], path: Path) -> None:
    for name in path[:-1]:
        below = tree.get(name)
        if not isinstance(below, dict):
            return
        # What a row brought is not changed: it may be a value of somebody else's.
        tree[name] = below = dict(below)
        tree = below
    tree.pop(path[-1], None)


def _overlay(tree: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        below = tree.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            tree[key] = merged = dict(below)
            _overlay(merged, value)
        else:
            tree[key] = _copied(value)


def _copied(value: Any) -> Any:
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, dict) else value
