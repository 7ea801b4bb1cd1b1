"""``forebear sweep``: searches for good parameters."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.completing import sweeps
from forebear.cli.declare import Argument, Group, Option
from forebear.cli.session import Session
from forebear.records.sweeps import SWEEP_STATES

entry = Group(
    "sweep",
    "Declare searches for good parameters, follow them, and halt them; forebear agent executes them.",
    "declare",
)

#: Trials shown where no limit is given.
LIMIT = 15

SweepId = Annotated[str, Argument("SWEEP", "Its id; entity/project/ may come first.", sweeps)]
LatestSweep = Annotated[
    str | None,
    Argument("SWEEP", "Its id; entity/project/ may come first. Without one, the sweep declared last.", sweeps),
]
SweepIds = Annotated[list[str], Argument("SWEEP", "Ids; entity/project/ may come first.", sweeps)]


@entry.command("declare")
def declare(
    session: Session,
    file: Annotated[str, Argument("FILE", "YAML or JSON file with the declaration.")],
    name: Annotated[str | None, Option("Name of the sweep, for people.", ("--name", "-n"), metavar="NAME")] = None,
    prior_run: Annotated[
        list[str] | None,
        Option("Id of a run of the project that counts as a trial that was made; may come again.", metavar="ID"),
    ] = None,
) -> None:
    """Declare a sweep and print its id; forebear sweep FILE is the same.

    Nothing is executed: agents do that, any number of them, on any machine that reaches the store.
    """
    from forebear.cli.sweep_declaring import declared

    session.output.show(declared(session, file, name, prior_run or ()))


@entry.command("ls")
def ls(
    session: Session,
    state: Annotated[
        list[str] | None,
        Option(f"Only sweeps in this state, of {', '.join(SWEEP_STATES)}; may come again.", metavar="STATE"),
    ] = None,
    everywhere: Annotated[bool, Option("Of every project.", ("--all",))] = False,
) -> None:
    """List sweeps, the one declared last first."""
    from forebear.cli.sweep_reading import listed

    session.output.show(listed(session, state, everywhere=everywhere))


@entry.command("show")
def show(
    session: Session,
    sweep: LatestSweep = None,
    watch: Annotated[bool, Option("Go on until the sweep is over.", ("--watch", "-w"))] = False,
    limit: Annotated[
        int, Option("Show no more than the best trials; 0 shows all.", ("--limit", "-l"), metavar="NUMBER", least=0)
    ] = LIMIT,
    chart: Annotated[
        str | None,
        Option("Draw all trials into this file (.svg, .png or .html) as lines from parameter to parameter.",
               metavar="FILE"),
    ] = None,
) -> None:  # fmt: skip
    """Show how a sweep stands: how far it is, its best trials, those that run, and those that failed."""
    from forebear.cli.sweep_showing import show_sweep

    show_sweep(session, sweep, limit=limit, watch=watch, chart=chart)


@entry.command("best")
def best(
    session: Session,
    sweep: LatestSweep = None,
    metric: Annotated[
        str | None, Option("By this metric, where the sweep has several.", ("--metric", "-m"), metavar="NAME")
    ] = None,
) -> None:
    """Show the best trial with its parameters, its run, and what that made.

    Of a sweep with several metrics, these are all trials that no other is better than in every one of them.
    """
    from forebear.cli.sweep_reading import best_of

    session.output.show(best_of(session, sweep, metric))


@entry.command("importance")
def importance(
    session: Session,
    sweep: LatestSweep = None,
    metric: Annotated[
        str | None, Option("For this metric, where the sweep has several.", ("--metric", "-m"), metavar="NAME")
    ] = None,
    chart: Annotated[
        str | None, Option("Draw a bar for each into this file (.svg, .png or .html).", metavar="FILE")
    ] = None,
) -> None:
    """Show which parameters made the difference, the most important first."""
    from forebear.cli.sweep_reading import show_importance

    show_importance(session, sweep, metric, chart)


@entry.command("export")
def export(
    session: Session,
    sweep: LatestSweep = None,
    csv: Annotated[bool, Option("Write CSV.", ("--csv",))] = False,
    output: Annotated[
        str | None,
        Option("File to write to; its ending (.csv, .json) tells the format.", ("--output", "-o"), metavar="FILE"),
    ] = None,
) -> None:
    """Show all trials, by number, or write them to a file: parameters, metrics, state, run and times."""
    from forebear.cli.sweep_exporting import show_trials

    show_trials(session, sweep, csv=csv, output=output)


@entry.command("pause")
def pause(session: Session, ids: SweepIds) -> None:
    """Give no trials until the sweep is resumed. Trials that run go on, and agents wait."""
    from forebear.cli.sweep_halting import change
    from forebear.sweeps.lifecycle import pause

    change(session, ids, pause)


@entry.command("resume")
def resume(session: Session, ids: SweepIds) -> None:
    """Give trials again, however the sweep was halted."""
    from forebear.cli.sweep_halting import change
    from forebear.sweeps.lifecycle import resume

    change(session, ids, resume)


@entry.command("stop")
def stop(session: Session, ids: SweepIds) -> None:
    """Give no more trials. Those that run come to their end, and agents end after them."""
    from forebear.cli.sweep_halting import change
    from forebear.sweeps.lifecycle import stop

    change(session, ids, stop)


@entry.command("cancel")
def cancel(session: Session, ids: SweepIds) -> None:
    """Give no more trials, and end those that run."""
    from forebear.cli.sweep_halting import change
    from forebear.sweeps.lifecycle import cancel

    change(session, ids, cancel)


@entry.command("rerun-failed")
def rerun_failed(
    session: Session,
    sweep: SweepId,
    trial: Annotated[list[str] | None, Option("Only this trial, by number; may come again.", metavar="NUMBER")] = None,
) -> None:
    """Let trials that failed or crashed wait for another attempt; agents take them first."""
    from forebear.cli.sweep_halting import rerun

    session.output.show(rerun(session, sweep, trial))


@entry.command("rm")
def rm(
    session: Session,
    ids: SweepIds,
    yes: Annotated[bool, Option("Do not ask.", ("--yes", "-y"))] = False,
) -> int:
    """Delete sweeps with their trials; their runs stay. Agents that execute them end."""
    from forebear.cli.sweep_halting import remove

    return remove(session, ids, yes=yes)
