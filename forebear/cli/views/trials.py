"""How trials of sweeps look: in tables, and as records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Cell, Column, Line, Span, line, table
from forebear.cli.numbers import number, value_text
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, clean, duration
from forebear.records.sweeps import CRASHED, FAILED, PRUNED, TRIAL_FINISHED, TRIAL_RUNNING, TRIAL_STOPPED

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.sweeps.declaration import Declaration

STATE_STYLES = {
    TRIAL_RUNNING: "blue",
    TRIAL_FINISHED: "green",
    PRUNED: "yellow",
    TRIAL_STOPPED: "yellow",
    FAILED: "red",
    CRASHED: "red",
}
#: Words for what JSON has no numbers for, as summaries of runs have them.
_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def plain_value(value: float) -> float | str:
    """Return a metric as JSON can hold it."""
    return value if math.isfinite(value) else _WORDS[str(value)]


def trial_record(trial: Trial, run: str | None) -> dict[str, Any]:
    """Return a trial as JSON has it everywhere; ``run`` is the path of its run."""
    return {
        "number": trial.number,
        "state": trial.state,
        "attempt": trial.attempt,
        "params": trial.params,
        "values": {name: plain_value(value) for name, value in trial.values.items()},
        "run": run,
        "agent": trial.agent,
        "started_at": trial.started_at,
        "ended_at": trial.ended_at,
        "error": trial.error,
    }


def took(trial: Trial, now: datetime) -> timedelta | None:
    """Return how long a trial took, or has taken by now; ``None`` where it never began."""
    if trial.started_at is None or (trial.ended_at is None and trial.state != TRIAL_RUNNING):
        return None
    return max((trial.ended_at or now) - trial.started_at, timedelta())


def params_text(declaration: Declaration, trial: Trial) -> list[Span]:
    """Return the parameters of a trial, one part each: ``lr=0.1``."""
    flat = declaration.space.flat(trial.params)
    parts = [f"{clean(name)}={value_text(value)}" for name, value in flat.items()]
    return [Span(("" if index == 0 else "  ") + part) for index, part in enumerate(parts)]


def values_text(values: Mapping[str, float], names: Iterable[str]) -> str:
    """Return metrics shortly: ``loss 0.0123, size 17``."""
    return ", ".join(f"{clean(name)} {number(values[name])}" for name in names if name in values)


def trial_lines(
    declaration: Declaration, trials: Sequence[Trial], runs: Mapping[int, str], best: int | None, screen: Screen
) -> Iterator[Line]:
    """Yield a table of trials; the row of the trial of number ``best`` is set off."""
    goals = [objective.name for objective in declaration.objectives]
    varied = [each.name for each in declaration.space.parameters if each.distribution.choices is None
              or len(each.distribution.choices) > 1]  # fmt: skip
    short = [name.rpartition(".")[2] for name in varied]
    titles = [name if short.count(tail) > 1 else tail for name, tail in zip(varied, short, strict=True)]
    columns = [
        Column("TRIAL", right=True),
        Column("STATE", drop=0),
        *(Column(clean(name), right=True, style="cyan") for name in goals),
        # Of many parameters those that were declared last are left out first.
        *(Column(clean(title), right=True, shrink=True, drop=10 + 2 * place) for place, title in enumerate(titles)),
        Column("TOOK", right=True, style="dim", drop=13),
        Column("RUN", style="dim", drop=2),
    ]
    yield from table(columns, (_row(declaration, trial, goals, varied, runs, best, screen) for trial in trials),
                     screen.width)  # fmt: skip


def _row(
    declaration: Declaration,
    trial: Trial,
    goals: Sequence[str],
    names: Sequence[str],
    runs: Mapping[int, str],
    best: int | None,
    screen: Screen,
) -> list[Cell]:
    flat = declaration.space.flat(trial.params)
    span = took(trial, screen.now)
    return [
        Span(str(trial.number), "bold" if trial.number == best else ""),
        Span(trial.state, STATE_STYLES.get(trial.state, "")),
        *(number(trial.values[name]) if name in trial.values else NOTHING for name in goals),
        *(value_text(flat.get(name)) for name in names),
        NOTHING if span is None else duration(span),
        runs[trial.number].rpartition("/")[2] if trial.number in runs else NOTHING,
    ]


class TrialsView(View):
    """Trials of one sweep, by number."""

    many = True

    def __init__(
        self, sweep: SweepRecord, declaration: Declaration, trials: Sequence[Trial], runs: Mapping[int, str]
    ) -> None:
        """``runs`` are paths by number of the trial."""
        self.sweep = sweep
        self.declaration = declaration
        self.trials = trials
        self.runs = runs

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a trial."""
        return (trial_record(trial, self.runs.get(trial.number)) for trial in self.trials)

    def names(self) -> Iterator[str]:
        """Return the paths of the runs."""
        return (self.runs[trial.number] for trial in self.trials if trial.number in self.runs)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table."""
        if not self.trials:
            yield line(f"sweep {self.sweep.id} has no trial yet")
            return
        yield from trial_lines(self.declaration, self.trials, self.runs, None, screen)


class WrittenTrialsView(View):
    """A file with trials."""

    def __init__(self, sweep: SweepRecord, path: str, format: str, trials: int, size: int) -> None:
        """``size`` is in bytes."""
        self.sweep, self.path, self.format, self.trials, self.size = sweep, path, format, trials, size

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {
            "sweep": self.sweep.qualified_name,
            "path": self.path,
            "format": self.format,
            "trials": self.trials,
            "size": self.size,
        }

    def names(self) -> Iterator[str]:
        """Return the path of the file."""
        yield self.path

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return what was written."""
        trials = f"{self.trials:,} trial{'' if self.trials == 1 else 's'}"
        yield line(f"wrote {trials} of sweep {self.sweep.id} to ", Span(self.path, "bold"))
