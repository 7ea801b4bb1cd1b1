"""How one sweep looks while it goes on, and afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import GAP, Line, Span, fields, flow, line
from forebear.cli.output import Screen, View
from forebear.cli.text import ago, cells, clean, count, duration, shorten
from forebear.cli.views.sweeps import STATE_STYLES, sweep_record
from forebear.cli.views.trials import STATE_STYLES as TRIAL_STYLES
from forebear.cli.views.trials import params_text, trial_lines, trial_record, values_text
from forebear.records.sweeps import TRIAL_FINISHED, TRIAL_STATES

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.sweeps.declaration import Declaration
    from forebear.sweeps.progress import Progress

#: Cells of the bar, at most and at least.
_WIDEST, _NARROWEST = 40, 10
#: Failed trials whose words are shown.
_FAILURES = 3
#: And characters of them.
_WORDS = 150


class SweepView(View):
    """One sweep: how far it is, its best trials, those that run, and those that failed."""

    def __init__(
        self,
        sweep: SweepRecord,
        declaration: Declaration,
        progress: Progress,
        trials: Sequence[Trial],
        *,
        best: Trial | None,
        front: int,
        failed: Sequence[Trial],
        runs: Mapping[int, str],
        more: int,
    ) -> None:
        """Show a sweep.

        Args:
            trials: Those of the table, in its order.
            front: Trials that no other is better than.
            failed: All trials that failed, by number.
            runs: Paths of runs, by the number of the trial.
            more: Trials that the table leaves out.
        """
        self.sweep, self.declaration, self.progress, self.trials = sweep, declaration, progress, trials
        self.best, self.front, self.failed, self.runs, self.more = best, front, failed, runs, more

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        left = self.progress.left
        yield {
            **sweep_record(self.sweep, self.declaration, self.progress.counts),
            "description": self.declaration.description,
            "ended": self.progress.ended,
            "seconds_left": None if left is None else left.total_seconds(),
            "best": None if self.best is None else trial_record(self.best, self.runs.get(self.best.number)),
            "front": self.front,
            "trials": [trial_record(trial, self.runs.get(trial.number)) for trial in self.trials],
        }

    def names(self) -> Iterator[str]:
        """Return the path of the sweep."""
        yield self.sweep.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return the head, the bar, and the table."""
        sweep = self.sweep
        name = Span(f"  {clean(sweep.name)}") if sweep.name else ""
        state = Span(f"  {sweep.state}", STATE_STYLES.get(sweep.state, ""))
        yield from flow(line(Span(sweep.id, "bold"), name, state, Span(f"  in {sweep.project}", "dim")), screen.width)
        yield from self._bar(screen)
        yield ()
        yield from fields(self._fields(screen), screen.width)
        if self.trials:
            yield ()
            best = None if self.best is None else self.best.number
            yield from trial_lines(self.declaration, self.trials, self.runs, best, screen)
        if self.more:
            yield line(Span(f"and {count(self.more, 'trial')} more; --limit 0 shows all", "dim"))

    def _bar(self, screen: Screen) -> Iterator[Line]:
        """Yield a bar as far as there is an end, with the time left, and how many trials of each state there are."""
        ended, limit, counts, left = self.progress.ended, self.progress.limit, self.progress.counts, self.progress.left
        parts = [Span(f"{ended:,} trials" if limit is None else f"{ended:,} of {limit:,} trials")]
        if left is not None:
            parts.append(Span(f", about {duration(left)} left", "bold"))
        if limit:
            taken = sum(cells(part.text) for part in parts) + len(GAP)
            room = _WIDEST if screen.width is None else min(_WIDEST, screen.width - taken)
            if room >= _NARROWEST:
                full = min(room, ended * room // limit)
                parts[:0] = [Span("█" * full, "green"), Span("░" * (room - full), "dim"), Span(GAP)]
        yield from flow(tuple(parts), screen.width)
        states = [
            Span(f"{counts[state]:,} {state}", TRIAL_STYLES.get(state, ""))
            for state in TRIAL_STATES
            if counts.get(state)
        ]
        dots = [part for span in states for part in (Span(" · ", "dim"), span)][1:]
        yield from flow(tuple(dots), screen.width)

    def _fields(self, screen: Screen) -> list[tuple[str, Any]]:
        goals = self.declaration.objectives
        aim = ", ".join(f"{goal.goal} {clean(goal.name)}" for goal in goals)
        early = f", ends early by {self.declaration.early.kind}" if self.declaration.early else ""
        found: list[tuple[str, Any]] = [
            ("about", clean(self.declaration.description or "")),
            ("search", f"{self.declaration.method}{f' to {aim}' if aim else ''}{early}"),
            ("declared", ago(self.sweep.created_at, screen.now)),
        ]
        room = 10**6 if screen.width is None else max(20, screen.width - len("declared") - len(GAP))
        found.append(("best", list(self._best(room))))
        if self.best is not None and len(goals) > 1:
            found.append(("front", f"{count(self.front, 'trial')} that no other is better than in everything"))
        words = [clean(f"trial {trial.number}: {trial.error or trial.state}") for trial in self.failed[-_FAILURES:]]
        found.append(("failed", [line(text if len(text) < _WORDS else f"{text[:_WORDS]}…") for text in words]))
        return found

    def _best(self, room: int) -> Iterator[Line]:
        """Yield the best trial with its parameters, or why there is none though some have ended."""
        best, goals = self.best, [goal.name for goal in self.declaration.objectives]
        if best is not None:
            run = f", run {self.runs[best.number].rpartition('/')[2]}" if best.number in self.runs else ""
            yield line(Span(values_text(best.values, goals), "cyan"), f"  trial {best.number}{run}")
            yield from flow(tuple(params_text(self.declaration, best)), room)
        elif goals and self.progress.counts.get(TRIAL_FINISHED):
            yield line(shorten(f"none: no finished trial logged {clean(goals[0])} as a finite number", room))
