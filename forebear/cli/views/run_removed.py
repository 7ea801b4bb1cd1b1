"""What ``run rm`` answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Line, Span, line
from forebear.cli.output import Screen, View
from forebear.cli.text import clean

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord


class RemovedRunsView(View):
    """Runs that were deleted just now."""

    many = True

    def __init__(self, runs: Sequence[RunRecord]) -> None:
        self.runs = runs

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a run."""
        return ({"path": run.qualified_name, "deleted": True} for run in self.runs)

    def names(self) -> Iterator[str]:
        """Return the paths of the runs."""
        return (run.qualified_name for run in self.runs)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line a run."""
        for run in self.runs:
            yield line(Span(run.id, "bold"), "  deleted", Span(f"  {clean(run.name)}", "dim"))
