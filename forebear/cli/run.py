"""``forebear run``: what was executed, and what it logged."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.completing import runs
from forebear.cli.declare import Argument, Group, Option
from forebear.cli.session import Session
from forebear.records.runs import RUN_STATES

entry = Group("run", "List and compare runs, and show what they used, made and logged.")

#: Runs listed where no limit is given.
LIMIT = 20
#: Rows of a history that people are shown where they do not say how many.
ROWS = 20

RunId = Annotated[str, Argument("ID", "Its id; entity/project/ may come first.", runs)]
Keys = Annotated[
    list[str] | None,
    Option("Only this metric, or all whose name * fits; may come again.", ("--keys", "-k"), metavar="KEY"),
]
System = Annotated[bool, Option("What was measured of the machine instead.", ("--system",))]


@entry.command("ls")
def ls(
    session: Session,
    filter: Annotated[
        list[str] | None,
        Option(
            "Only runs of which this holds: FIELD=VALUE, also with != < <= > >= or ~ (a pattern is found in it), or "
            "FIELD alone (it is there); may come again. Fields are config.KEY, summary.KEY, tag, state, name, started…",
            ("--filter", "-f"),
            metavar="CONDITION",
        ),
    ] = None,
    state: Annotated[
        list[str] | None,
        Option(f"Only runs in this state, of {', '.join(RUN_STATES)}; may come again.", metavar="STATE"),
    ] = None,
    job_type: Annotated[str | None, Option("Only runs of this job type.", ("--job-type", "-j"), metavar="TYPE")] = None,
    sort: Annotated[
        str | None,
        Option("Sort by fields, smallest first; -FIELD largest first (--sort=-summary.acc).", metavar="FIELD,…"),
    ] = None,
    columns: Annotated[
        str | None,
        Option("Show these columns, such as state,config.lr,summary.*; by default the usual ones.", metavar="FIELD,…"),
    ] = None,
    group_by: Annotated[
        str | None,
        Option("Put runs together that agree in these fields; show count, mean and range.", metavar="FIELD,…"),
    ] = None,
    limit: Annotated[
        int, Option("List no more than the first; 0 lists all.", ("--limit", "-l"), metavar="NUMBER", least=0)
    ] = LIMIT,
    everywhere: Annotated[bool, Option("Of every project.", ("--all",))] = False,
) -> None:
    """List runs, newest first."""
    from forebear.cli.run_listing import Listing, show_runs

    asked = Listing(filter or (), state or (), job_type, sort, columns, group_by, limit, everywhere)
    show_runs(session, asked)


@entry.command("show")
def show(
    session: Session,
    run: RunId,
    everything: Annotated[bool, Option("Every metric and file, not only the first.", ("--all",))] = False,
) -> None:
    """Show one run: settings, command, code, results, curves of its metrics, what it used and what it made."""
    from forebear.cli.run_showing import view_of

    session.output.show(view_of(session.api.run(run), everything=everything))


@entry.command("compare")
def compare(
    session: Session,
    ids: Annotated[list[str], Argument("ID", "Two runs or more; the first is what the others are held against.", runs)],
    everything: Annotated[bool, Option("Also what is equal.", ("--all",))] = False,
) -> None:
    """Show in what runs differ: settings, results, and the curves of their metrics."""
    from forebear.cli.run_comparing import comparison

    session.output.show(comparison(session.api, ids, everything=everything))


@entry.command("history")
def history(
    session: Session,
    run: RunId,
    keys: Keys = None,
    samples: Annotated[
        int | None,
        Option(
            f"So many rows at most, the smallest and largest values among them; 0 shows all. By default {ROWS}, evenly "
            "spread, and all in a file or in JSON.",
            ("--samples", "-n"),
            metavar="NUMBER",
            least=0,
        ),
    ] = None,
    min_step: Annotated[int | None, Option("First step.", metavar="STEP", least=0)] = None,
    max_step: Annotated[int | None, Option("Step to stop before.", metavar="STEP", least=0)] = None,
    system: System = False,
    csv: Annotated[bool, Option("Write CSV.", ("--csv",))] = False,
    parquet: Annotated[bool, Option("Write Parquet.", ("--parquet",))] = False,
    output: Annotated[
        str | None,
        Option("File to write to; its ending tells the format.", ("--output", "-o"), metavar="FILE"),
    ] = None,
) -> None:
    """Show the rows that a run logged, or write them to a file."""
    from forebear.cli.run_history import Rows, show_history

    wanted = Rows(keys or (), samples, min_step, max_step, system)
    format = "csv" if csv else "parquet" if parquet else None
    show_history(session, session.api.run(run), wanted, format, output)


@entry.command("log")
def log(
    session: Session,
    run: RunId,
    tail: Annotated[int | None, Option("Only the last lines.", ("--tail", "-n"), metavar="LINES", least=1)] = None,
) -> None:
    """Show what a run printed."""
    from forebear.cli.run_output import show_log

    show_log(session, session.api.run(run), tail)


@entry.command("tail")
def tail(
    session: Session,
    run: RunId,
    follow: Annotated[bool, Option("Go on with what comes, until the run ends.", ("--follow", "-f"))] = False,
    number: Annotated[int, Option("Begin with the last rows.", ("--number", "-n"), metavar="ROWS", least=0)] = 10,
    keys: Keys = None,
    with_log: Annotated[bool, Option("Also what it prints.", ("--log",))] = False,
) -> None:
    """Show the last rows that a run logged, and follow it while it runs."""
    from forebear.cli.run_following import follow as follow_run

    follow_run(session, session.api.run(run), number=number, keys=keys or (), go_on=follow, with_log=with_log)


@entry.command("files")
def files(
    session: Session,
    run: RunId,
    names: Annotated[list[str] | None, Argument("NAME", "Only these; * stands for any text.")] = None,
) -> None:
    """List the files of a run."""
    from forebear.cli.run_output import chosen_files
    from forebear.cli.views.run_files import RunFilesView

    found = session.api.run(run)
    session.output.show(RunFilesView(found.record, chosen_files(found, names or ())))


@entry.command("restore")
def restore(
    session: Session,
    run: RunId,
    names: Annotated[list[str] | None, Argument("NAME", "Only these; * stands for any text.")] = None,
    root: Annotated[
        str | None, Option("Folder to put them in; by default runs/ID.", ("--root", "-r"), metavar="FOLDER")
    ] = None,
    replace: Annotated[bool, Option("Write over files that are there.", ("--replace",))] = False,
) -> None:
    """Put the files of a run in a folder, verified."""
    from forebear.cli.run_output import chosen_files, restored

    found = session.api.run(run)
    session.output.show(restored(found, chosen_files(found, names or ()), root, replace=replace))


@entry.command("rm")
def rm(
    session: Session,
    ids: Annotated[list[str], Argument("ID", "Runs to delete.", runs)],
    artifacts: Annotated[bool, Option("Also the versions that they made.", ("--artifacts",))] = False,
    force: Annotated[bool, Option("Also runs that are said to be running.", ("--force",))] = False,
    yes: Annotated[bool, Option("Do not ask.", ("--yes", "-y"))] = False,
) -> int:
    """Delete runs with their histories and files; the lineage of what they made stays known."""
    from forebear.cli.run_removing import remove

    return remove(session, ids, artifacts=artifacts, force=force, yes=yes)
