"""How sweeps look in lists, and what commands answer that change them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.cli.layout import Column, Line, Span, flow, line, table
from forebear.cli.numbers import number
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, ago, clean, count
from forebear.records.sweeps import (
    CANCELLED,
    FINISHED,
    OPEN_TRIALS,
    PAUSED,
    RUNNING,
    STOPPED,
    TRIAL_RUNNING,
)
from forebear.sweeps.declaration import read_declaration

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.sweeps.declaration import Declaration

STATE_STYLES = {RUNNING: "blue", FINISHED: "green", PAUSED: "yellow", STOPPED: "yellow", CANCELLED: "red"}


class SweepRow(NamedTuple):
    """A sweep, how many trials of each state it has, and the best one."""

    sweep: SweepRecord
    declaration: Declaration
    counts: Mapping[str, int]
    best: Trial | None


def sweep_record(sweep: SweepRecord, declaration: Declaration, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return a sweep as JSON has it everywhere."""
    return {
        "id": sweep.id,
        "path": sweep.qualified_name,
        "name": sweep.name,
        "state": sweep.state,
        "method": declaration.method,
        "metrics": [{"name": goal.name, "goal": goal.goal} for goal in declaration.objectives],
        "created_at": sweep.created_at,
        "limit": sweep.limit,
        "counts": dict(counts),
    }


def ended_text(counts: Mapping[str, int], limit: int | None) -> str:
    """Return how many trials have ended, and of how many: ``12/60``."""
    ended = sum(number for state, number in counts.items() if state not in OPEN_TRIALS)
    return f"{ended:,}" if limit is None else f"{ended:,}/{limit:,}"


class SweepsView(View):
    """Sweeps, the one declared last first."""

    many = True

    def __init__(self, rows: Sequence[SweepRow], *, where: str, qualified: bool, filtered: bool) -> None:
        """``where`` and ``filtered`` explain an empty list."""
        self.rows = rows
        self.where = where
        self.qualified = qualified
        self.filtered = filtered

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a sweep."""
        for sweep, declaration, counts, best in self.rows:
            values = None if best is None else {"number": best.number, "params": best.params, "values": best.values}
            yield {**sweep_record(sweep, declaration, counts), "best": values}

    def names(self) -> Iterator[str]:
        """Return the paths of the sweeps."""
        return (row.sweep.qualified_name for row in self.rows)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table, or what to do while there is nothing in it."""
        if not self.rows:
            if self.filtered:
                yield line(f"no sweep in {self.where} is in that state; forebear sweep ls lists them all")
                return
            yield line(f"no sweeps yet in {self.where}; one is declared with:")
            yield line(Span("  forebear sweep FILE.yaml", "bold"))
            return
        columns = [
            Column("ID", shrink=True, style="bold"),
            Column("STATE"),
            Column("NAME", shrink=True, drop=12),
            Column("METHOD", drop=30, style="magenta"),
            Column("ENDED", right=True),
            Column("RUNNING", right=True, drop=25),
            Column("BEST", shrink=True, style="cyan", drop=5),
            Column("DECLARED", style="dim", drop=20),
        ]
        yield from table(columns, (self._cells(row, screen) for row in self.rows), screen.width)

    def _cells(self, row: SweepRow, screen: Screen) -> list[str | Span]:
        sweep, best, goals = row.sweep, row.best, row.declaration.objectives
        return [
            sweep.qualified_name if self.qualified else sweep.id,
            Span(sweep.state, STATE_STYLES.get(sweep.state, "")),
            clean(sweep.name or NOTHING),
            row.declaration.method,
            ended_text(row.counts, sweep.limit),
            str(row.counts.get(TRIAL_RUNNING, 0)),
            NOTHING if best is None else f"{clean(goals[0].name)} {number(best.values[goals[0].name])}",
            ago(sweep.created_at, screen.now),
        ]


class DeclaredView(View):
    """A sweep that was just declared."""

    def __init__(self, sweep: SweepRecord, declaration: Declaration, store: str, *, named: bool = False) -> None:
        """``store`` is the URL of the store; it was ``named``, so that it is to be named again."""
        self.sweep, self.declaration, self.store = sweep, declaration, store
        self.named = named

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {**sweep_record(self.sweep, self.declaration, {}), "seed": self.declaration.seed, "store": self.store}

    def names(self) -> Iterator[str]:
        """Return the path of the sweep, for ``forebear agent``."""
        yield self.sweep.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return what was declared, and what to type next."""
        sweep, declaration = self.sweep, self.declaration
        parameters = count(len(declaration.space.parameters), "parameter")
        trials = "" if sweep.limit is None else f", {count(sweep.limit, 'trial')} at most"
        head = line(
            "sweep ",
            Span(sweep.id, "bold"),
            Span(f" in project {sweep.project}", "dim"),
            f": {declaration.method} over {parameters}",
            trials,
        )
        yield from flow(head, screen.width)
        if declaration.command or declaration.program:
            yield line("execute its trials with:")
            place = f" --store {shlex.quote(self.store)}" if self.named else ""
            yield line(Span(f"  forebear agent {sweep.qualified_name}{place}", "bold"))
        else:
            yield from flow(line("it names no program; execute its trials in Python with:"), screen.width)
            yield line(Span(f'  forebear.agent("{sweep.qualified_name}", function)', "bold"))


class ChangedView(View):
    """Sweeps whose state was changed, or that were deleted."""

    many = True

    def __init__(self, changed: Sequence[tuple[SweepRecord, Mapping[str, int]]], *, deleted: bool = False) -> None:
        """Each with its trials by state."""
        self.changed = changed
        self.deleted = deleted

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a sweep."""
        for sweep, counts in self.changed:
            yield {**sweep_record(sweep, read_declaration(sweep.config), counts), "deleted": self.deleted}

    def names(self) -> Iterator[str]:
        """Return the paths of the sweeps."""
        return (sweep.qualified_name for sweep, _ in self.changed)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return how each stands now."""
        for sweep, counts in self.changed:
            running = counts.get(TRIAL_RUNNING, 0)
            state = Span("deleted" if self.deleted else sweep.state, STATE_STYLES.get(sweep.state, ""))
            verb = {STOPPED: "comes to its end", CANCELLED: "is asked to end"}.get(sweep.state, "runs")
            rest = f", {count(running, 'trial')} {verb if running == 1 else _plural(verb)}" if running else ""
            yield from flow(
                line(Span(sweep.id, "bold"), " is ", state, f", {ended_text(counts, sweep.limit)} trials ended", rest),
                screen.width,
            )


def _plural(verb: str) -> str:
    return {"comes to its end": "come to their end", "is asked to end": "are asked to end"}.get(verb, "run")


class RerunView(View):
    """Trials that wait again."""

    def __init__(self, sweep: SweepRecord, trials: int) -> None:
        """``trials`` is how many."""
        self.sweep, self.trials = sweep, trials

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"sweep": self.sweep.qualified_name, "trials": self.trials}

    def names(self) -> Iterator[str]:
        """Return the path of the sweep."""
        yield self.sweep.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return how many, and who takes them."""
        if not self.trials:
            yield line(f"no trial of sweep {self.sweep.id} is failed or crashed")
            return
        verb = "waits" if self.trials == 1 else "wait"
        yield line(f"{count(self.trials, 'trial')} {verb} for another attempt; agents take them first:")
        yield line(Span(f"  forebear agent {self.sweep.qualified_name}", "bold"))


class AgentView(View):
    """What an agent did."""

    def __init__(self, sweep: SweepRecord, executed: int, why: str | None) -> None:
        """``why`` says in words why it ended."""
        self.sweep, self.executed, self.why = sweep, executed, why

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"sweep": self.sweep.qualified_name, "executed": self.executed, "why": self.why}

    def names(self) -> Iterator[str]:
        """Return the path of the sweep."""
        yield self.sweep.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return how many trials it executed, and where to look."""
        yield line(f"executed {count(self.executed, 'trial')}; ", Span(f"forebear sweep show {self.sweep.id}", "bold"))
