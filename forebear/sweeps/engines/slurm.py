"""Agents as jobs of Slurm, through submitit.

Jobs whose time is up, or that make room for others, end their agent well and stand in the queue again. They go on where
the process that launched them has ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.errors import InvalidInput, Unsupported
from forebear.sweeps.engines.address import SLURM
from forebear.sweeps.engines.carrying import Carrier
from forebear.sweeps.engines.errand import FAILED, LOST, STOPPED, Errand, Outcome, library
from forebear.sweeps.engines.following import Look

if TYPE_CHECKING:
    from forebear.sweeps.engines.address import Address

#: Folder in the working folder for what jobs are given and what they print; all nodes must see it.
FOLDER = "forebear-agents"
#: Minutes that a job may take before it stands in the queue again, and how often it may.
_MINUTES, _MOST_TIMEOUTS = 60, 1_000
#: The same for processes of this machine, which nobody else waits for: a week.
_LOCAL_MINUTES = 7 * 24 * 60
#: Seconds before its end at which a job is told of it: an agent needs them for its own.
_WARNING_SECONDS = 60
#: Options that submitit knows under other names than sbatch; all others are handed to sbatch.
_NAMES = {"time": "timeout_min", "mem_gb": "mem_gb", "cpus_per_task": "cpus_per_task", "gpus_per_node": "gpus_per_node"}
_NUMBERS = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node")
_WAITING = ("PENDING", "READY", "REQUEUED")
#: Ends that are not the agent's own.
_LOSSES = ("NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "TIMEOUT", "BOOT_FAIL", "INTERRUPTED")


def connect(address: Address, agents: int, jobs: int) -> SlurmEngine:
    """Return the engine; the options ``folder`` and ``cluster`` (``local``: processes of this machine) are its own.

    Raises:
        Unsupported: the package submitit, or Slurm itself, is not installed.
        InvalidInput: an option is unknown to sbatch.
    """
    submitit = library("submitit", "slurm")
    options = dict(address.options)
    cluster = options.pop("cluster", SLURM)
    folder = Path(options.pop("folder", FOLDER)).expanduser().absolute() / token_hex(4)
    if address.place:
        options["partition"] = address.place
    given: dict[str, Any] = {_NAMES.get(name, f"slurm_{name}"): value for name, value in options.items()}
    given |= {name: _number(name, given[name]) for name in _NUMBERS if name in given}
    given = {"timeout_min": _MINUTES if cluster == SLURM else _LOCAL_MINUTES, "cpus_per_task": jobs} | given
    if cluster == SLURM:
        given.setdefault("slurm_signal_delay_s", _WARNING_SECONDS)
    # Only its owner: a password for the store may be in what jobs are given.
    folder.mkdir(parents=True, mode=0o700)
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster, **{f"{cluster}_max_num_timeout": _MOST_TIMEOUTS})
        executor.update_parameters(name="forebear-agent", **given)
    except RuntimeError as err:
        folder.rmdir()
        raise Unsupported(
            f"--on slurm: {err} (the commands of Slurm must be on the PATH)", code="engine-not-installed"
        ) from err
    except (ValueError, TypeError, NameError, AssertionError) as err:
        folder.rmdir()
        raise InvalidInput(f"--on slurm: {str(err).splitlines()[0]}", code="engine-option") from err
    return SlurmEngine(executor, folder)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except ValueError as err:
        raise InvalidInput(f"--on slurm: {name} {value!r} is no number", code="engine-option") from err
    return int(number) if number.is_integer() else number


class _Job(NamedTuple):
    """A job, and the file that asks its agent to end."""

    job: Any
    mark: Path

    @property
    def state(self) -> str:
        """What Slurm said of it last; submitit asks from time to time, for all jobs at once."""
        found = self.job.get_info(mode="standard")
        return str(found.get("State") or found.get("jobState") or "UNKNOWN").upper().split(" ")[0]


class SlurmEngine:
    """Agents in jobs whose files are in one folder."""

    pickler = "cloudpickle"

    def __init__(self, executor: Any, folder: Path) -> None:
        self._executor, self._folder = executor, folder
        self.name = f"{executor.cluster.capitalize()} (output in {os.path.relpath(folder)})"

    def begin(self, errand: Errand, name: str) -> _Job:
        """Put a job into the queue."""
        mark = self._folder / f"{name}.end"
        return _Job(self._executor.submit(AgentJob(errand, mark)), mark)

    def look(self, handles: Iterable[_Job]) -> list[Look]:
        """Ask what became of the jobs."""
        return [self._look(handle) for handle in handles]

    def _look(self, handle: _Job) -> Look:
        job, state = handle.job, handle.state
        if not job.done():
            runs = None if state == "UNKNOWN" else state not in _WAITING
            return Look(runs=runs, where=f"job {job.job_id}" if runs else "")
        job.paths.submitted_pickle.unlink(missing_ok=True)  # what it was given is needed no more
        if not job.paths.result_pickle.exists():  # else submitit waits for it, in case the disk is late
            if state == "CANCELLED":
                return Look(Outcome(STOPPED, f"job {job.job_id} was cancelled"))
            if state in _LOSSES:
                return Look(Outcome(LOST, f"job {job.job_id} ended as {state.lower()}"))
        error = job.exception()
        if error is None:
            return Look(job.result())
        # What the agent itself could not do is in a result; where there is none, its process was ended.
        kind = FAILED if job.paths.result_pickle.exists() else LOST
        words = str(error).strip().splitlines()[-1]
        return Look(Outcome(kind, f"job {job.job_id} ended as {state.lower()}: {words}"))

    def stop(self, handles: Iterable[_Job]) -> None:
        """Leave the jobs a mark; those that wait are cancelled."""
        for handle in handles:
            handle.mark.touch()
            if handle.state in _WAITING:
                handle.job.cancel(check=False)

    def kill(self, handles: Iterable[_Job]) -> None:
        """Cancel the jobs."""
        for handle in handles:
            handle.job.cancel(check=False)

    def __enter__(self) -> SlurmEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Jobs that did not end go on."""


class AgentJob:
    """What a job calls. submitit keeps it for the time when the job is begun again."""

    def __init__(self, errand: Errand, mark: Path) -> None:
        """``mark`` is a file that is there once the agent is to end."""
        self._errand, self._mark = errand, mark
        self._carrier: Carrier | None = None

    def __call__(self) -> Outcome:
        """Execute the agent."""
        self._carrier = Carrier(self._errand)
        return self._carrier.follow(self._mark.exists)

    def checkpoint(self) -> Any:
        """Called in the job's main thread when its time is up: end the agent well, and say what is to be done later."""
        if self._carrier is not None:
            self._carrier.end()
        return library("submitit", "slurm").helpers.DelayedSubmission(AgentJob(self._errand, self._mark))
