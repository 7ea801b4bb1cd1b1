"""``forebear agent``: executes the trials of a sweep."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.completing import sweeps
from forebear.cli.declare import Argument, Command, Option
from forebear.cli.session import Session


def agent(
    session: Session,
    sweep: Annotated[str, Argument("SWEEP", "Id of the sweep; entity/project/ may come first.", sweeps)],
    count: Annotated[int | None, Option("Trials to execute at most.", metavar="NUMBER", least=1)] = None,
    jobs: Annotated[
        int, Option("Trials to execute at the same time.", ("--jobs", "-j"), metavar="NUMBER", least=1)
    ] = 1,
    timeout: Annotated[
        str | None, Option("How long a trial may take (90s, 30m, 2h); then it is ended, and failed.", metavar="TIME")
    ] = None,
    grace: Annotated[
        str, Option("How long a trial that is asked to end by SIGTERM has before it is killed.", metavar="TIME")
    ] = "15s",
    on: Annotated[
        str | None,
        Option("Begin agents on a cluster: dask, dask://HOST:PORT, ray, ray://HOST:PORT, slurm, slurm://PARTITION.",
               metavar="CLUSTER"),
    ] = None,
    agents: Annotated[int | None, Option("Agents to begin there.", metavar="NUMBER", least=1)] = None,
) -> int:  # fmt: skip
    """Take trials of a sweep and execute its command for each, until there are no more.

    Each trial is a process of its own, whose output is shown and kept. Ctrl-C or SIGTERM ends those that run, which
    then wait for another agent; a second time kills them. Graphics processors (CUDA_VISIBLE_DEVICES) are shared out
    between the jobs. It exits with 1 where it gave up because its first trials failed.
    """
    from forebear.cli.agent_running import run

    return run(session, sweep, count=count, jobs=jobs, timeout=timeout, grace=grace, on=on, agents=agents)


entry = Command("agent", agent)
