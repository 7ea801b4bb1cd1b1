"""How the outcome of a sweep looks: its best trials, and what made the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.cli.layout import Column, Line, Span, fields, line, table
from forebear.cli.numbers import number, value_text
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, clean
from forebear.cli.views.artifacts import VERSION_STYLE
from forebear.cli.views.trials import trial_record

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.sweeps.declaration import Declaration
    from forebear.sweeps.importance import Importance

#: Cells of the longest bar.
_BAR = 24


class BestRow(NamedTuple):
    """A trial, the path of its run, and the versions that this made."""

    trial: Trial
    run: str | None
    made: Sequence[str]


class BestView(View):
    """The best trial, or the trials that none is better than."""

    many = True

    def __init__(self, sweep: SweepRecord, declaration: Declaration, rows: Sequence[BestRow]) -> None:
        """Show the trials in this order."""
        self.sweep, self.declaration, self.rows = sweep, declaration, rows

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a trial."""
        for trial, run, made in self.rows:
            yield {"sweep": self.sweep.qualified_name, **trial_record(trial, run), "made": list(made)}

    def names(self) -> Iterator[str]:
        """Return the paths of the runs."""
        return (row.run for row in self.rows if row.run is not None)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the fields of each."""
        if not self.rows:
            yield line(f"no trial of sweep {self.sweep.id} has a value yet")
            return
        for place, (trial, run, made) in enumerate(self.rows):
            if place:
                yield ()
            flat = self.declaration.space.flat(trial.params)
            yield from fields(
                [
                    ("trial", f"{trial.number} of sweep {self.sweep.id}"),
                    *((clean(name), Span(number(value), "cyan")) for name, value in trial.values.items()),
                    *((clean(name), value_text(value)) for name, value in flat.items()),
                    ("run", Span(run or "", "bold")),
                    ("made", [line(Span(name, VERSION_STYLE)) for name in made]),
                ],
                screen.width,
            )


class ImportanceView(View):
    """What each parameter did to one metric."""

    many = True

    def __init__(self, sweep: SweepRecord, found: Importance) -> None:
        """Show the weights in their order."""
        self.sweep, self.found = sweep, found

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a parameter."""
        for weight in self.found.weights:
            yield {
                "parameter": weight.name,
                "metric": self.found.objective,
                "importance": weight.importance,
                "correlation": weight.correlation,
            }

    def names(self) -> Iterator[str]:
        """Return the names of the parameters."""
        return (weight.name for weight in self.found.weights)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table with bars, and how far it can be trusted."""
        columns = [
            Column("PARAMETER", shrink=True, style="bold"),
            Column("IMPORTANCE", right=True),
            Column("", drop=10, style="cyan"),
            Column("CORRELATION", right=True, drop=5),
        ]
        rows = [
            [
                clean(weight.name),
                f"{weight.importance:.1%}",
                "█" * round(weight.importance * _BAR),
                NOTHING if weight.correlation is None else f"{weight.correlation:+.2f}",
            ]
            for weight in self.found.weights
        ]
        yield from table(columns, rows, screen.width)
        words = f"of {clean(self.found.objective)}, by {self.found.trials:,} trials"
        yield line(Span(f"{words}; {self.found.explained:.0%} of it is foretold", "dim"))
