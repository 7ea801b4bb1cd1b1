"""How the rows of a run look while they come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Line, Span, fit, line, width_of
from forebear.cli.output import Screen, View
from forebear.cli.text import clean
from forebear.cli.views.run_columns import STATE_STYLES
from forebear.cli.views.run_metrics import last_text

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord

#: Cells of a step, so that rows stand below one another.
_STEP_CELLS = 6


class TailView(View):
    """Rows and printed lines of a run, as they came."""

    many = True

    def __init__(self, run: RunRecord, rows: Sequence[Mapping[str, Any]], printed: Sequence[str] = ()) -> None:
        self.run = run
        self.rows = rows
        self.printed = printed

    def records(self) -> Iterator[Mapping[str, Any]]:
        """Return one object a row, and ``{"log": …}`` for a printed line."""
        yield from ({"log": text} for text in self.printed)
        yield from self.rows

    def names(self) -> Iterator[str]:
        """Return the steps."""
        return (str(row["_step"]) for row in self.rows)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line a row, its step first; what a narrow terminal has no room for is left out."""
        for text in self.printed:
            yield fit(line(Span("│ ", "dim"), Span(clean(text.expandtabs()), "dim")), screen.width)
        for row in self.rows:
            yield _row(row, screen.width)


def _row(row: Mapping[str, Any], width: int | None) -> Line:
    spans = [Span(f"{row['_step']:>{_STEP_CELLS}}", "bold")]
    for key, value in row.items():
        if not key.startswith("_"):
            pair = (Span(f"  {clean(key)} ", "dim"), last_text(value))
            # A narrow terminal leaves out a metric as a whole.
            if width is not None and width_of((*spans, *pair)) > width:
                break
            spans += pair
    return tuple(spans)


class EndedView(View):
    """A run that was followed to its end."""

    def __init__(self, run: RunRecord, state: str) -> None:
        self.run = run
        self.state = state

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"path": self.run.qualified_name, "state": self.state, "exit_code": self.run.exit_code}

    def names(self) -> Iterator[str]:
        """Return nothing: a script that follows sees that it is over."""
        return iter(())

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        error = f"  {clean(self.run.error)}" if self.run.error else ""
        state = Span(self.state, STATE_STYLES.get(self.state, ""))
        yield fit(line(f"run {self.run.id} ", state, Span(error, "red")), screen.width, keep=2)
