"""What is sent to the machine of an agent, and what comes back from it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.errors import InvalidInput, Unsupported
from forebear.settings import ENVIRONMENT
from forebear.store.urls import parse_store_url

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord
    from forebear.settings import Settings

ENDED = "ended"
"""The agent came to its end: no more trials, or as many as it was to execute."""
STOPPED = "stopped"
"""It was asked to end, and ended."""
FAILED = "failed"
"""It could not do its work, and would not if it were begun again."""
LOST = "lost"
"""It was killed, or its machine went away."""

#: Settings that go along; others are matters of one machine or of one run.
_SENT = (
    "entity", "project", "group", "job_type", "tags", "agent_disable_flapping", "agent_max_initial_failures", "silent",
    "quiet", "console", "save_code", "disable_git", "disable_code", "x_disable_stats", "x_stats_sampling_interval",
    "x_disable_meta", "x_disable_machine_info", "x_save_requirements",
)  # fmt: skip
#: Settings that would make a run of an agent something else than its trial.
_UNSET = ("run_id", "sweep_id", "trial", "name", "notes", "resume", "resume_from", "fork_from", "dir", "mode")


class Outcome(msgspec.Struct, frozen=True):
    """How an agent ended: a word of the above, why, and how many trials it executed, where that is known."""

    kind: str
    words: str = ""
    executed: int | None = None


class Errand(msgspec.Struct, frozen=True):
    """What an agent on another machine is to do.

    Attributes:
        sweep: ``entity/project/id``.
        count: Trials that it executes at most.
        jobs: Trials that it executes beside each other.
        environment: Variables that it has besides those of its machine. A password may be in them.
        folder: Working folder, where its machine has such a one.
        path: Folders in which Python looks for modules, likewise.
        function: What executes a trial, as `packed` made it; ``None`` for the command of the sweep.
    """

    sweep: str
    count: int | None
    jobs: int
    environment: dict[str, str]
    folder: str
    path: tuple[str, ...]
    function: bytes | None = None

    def __repr__(self) -> str:
        """Say no more than this: schedulers show and log what their tasks are called with."""
        return f"<Errand of an agent of {self.sweep}>"


def errand_for(
    sweep: SweepRecord, settings: Settings, *, count: int | None, jobs: int, function: bytes | None
) -> Errand:
    """Return what an agent of a sweep is to do, as the settings and the place of this process say."""
    return Errand(
        sweep=sweep.qualified_name,
        count=count,
        jobs=jobs,
        environment=_environment(settings),
        folder=os.getcwd(),
        # The first entry is that of the program, the others are those of this machine's installation.
        path=tuple(dict.fromkeys([os.path.abspath(sys.path[0]), os.getcwd()])),
        function=function,
    )


def _environment(settings: Settings) -> dict[str, str]:
    given = settings.given()
    named = {ENVIRONMENT[name][0]: _text(given[name]) for name in _SENT if given.get(name) is not None}
    unset = {variable: "" for name in _UNSET for variable in ENVIRONMENT[name]}
    return {**unset, **named, ENVIRONMENT["store"][0]: parse_store_url(settings.store).address}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def packed(function: Callable[[], Any], pickler: str) -> bytes:
    """Return a function as bytes that another process makes it of again, with all that it refers to.

    Args:
        pickler: Module that does it, which the engine has.

    Raises:
        InvalidInput: it cannot be called, or holds something that belongs to this process alone.
    """
    name = getattr(function, "__qualname__", repr(function))
    if not callable(function):
        raise InvalidInput(f"function {function!r} cannot be called", code="invalid-function")
    try:
        made: bytes = import_module(pickler).dumps(function)
    except Exception as err:
        raise InvalidInput(
            f"the function {name} cannot be sent to other machines: {err}. Make what cannot be copied (locks, open "
            "files, connections, runs) inside of the function, or give the sweep a program",
            code="unpicklable-function",
        ) from err
    return made


def library(name: str, extra: str) -> Any:
    """Return the library of an engine.

    Raises:
        Unsupported: it is not installed; the message names the extra that brings it.
    """
    try:
        return import_module(name)
    except ImportError as err:
        raise Unsupported(
            f"--on {extra} needs the package {name} ({err}): pip install 'forebear[{extra}]'",
            code="engine-not-installed",
        ) from err
