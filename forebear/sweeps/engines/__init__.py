"""Agents on machines that people have already: Dask, Ray, Slurm. Each library is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput
from forebear.settings import load_settings
from forebear.store.shared import shared_store
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.engines.address import DASK, Address, parse_address
from forebear.sweeps.engines.errand import errand_for, packed
from forebear.sweeps.engines.following import Follower
from forebear.sweeps.places import sweep_at

if TYPE_CHECKING:
    from forebear.settings import Settings
    from forebear.sweeps.engines.following import Engine


def launch(
    on: Any,
    sweep_path: str,
    *,
    agents: int = 1,
    count: int | None = None,
    jobs: int = 1,
    settings: Settings | None = None,
    function: Callable[[], Any] | None = None,
) -> None:
    """Have agents of a sweep executed by an engine, and follow them until they have ended.

    An agent whose worker dies is begun again elsewhere, with the count that it was begun with. An interruption asks the
    agents to end, and what they execute waits for other agents; a second one ends them at once.

    Args:
        on: ``dask``, ``dask://host:8786``, ``ray``, ``ray://host:10001``, ``slurm`` or ``slurm://partition?time=240``
            (see `forebear.sweeps.engines.address`), or a client of Dask that is open.
        sweep_path: ``[[entity/]project/]id``.
        agents: How many, each in a process of its own.
        count: Trials that each executes at most.
        jobs: Trials that each executes beside each other; it asks for so many processors.
        settings: What says where the store is; by default that of this process.
        function: Executes a trial, as in `forebear.agent`; by default the command of the sweep is executed.

    Raises:
        InvalidInput: there is no such engine, or the function cannot be sent.
        Unsupported: the library of the engine is not installed.
        NotFound: there is no such sweep.
        StorageFailure: the engine cannot be reached.
        ForebearError: agents failed; the message says why.
    """
    for name, value in (("agents", agents), ("jobs", jobs), ("count", count)):
        if value is not None and value < 1:
            raise InvalidInput(f"{name} {value} is no whole number of at least 1", code="invalid-count")
    settings = settings if settings is not None else load_settings()
    store = shared_store(settings.store, create=False)
    sweep = sweep_at(store, sweep_path, settings)
    declaration = read_declaration(sweep.config)
    if function is None and declaration.program is None and declaration.command is None:
        raise InvalidInput(
            f"sweep {sweep.id} has neither program nor command; declare one, or give a function", code="no-function"
        )
    if function is not None and jobs > 1:
        raise InvalidInput("a function executes one trial at a time; give more agents, not jobs", code="invalid-count")
    with _engine(on, agents, jobs) as engine:
        content = None if function is None else packed(function, engine.pickler)
        errand = errand_for(sweep, settings, count=count, jobs=jobs, function=content)
        Follower(engine, store, sweep, errand, agents, silent=settings.silent).run()


def _engine(on: Any, agents: int, jobs: int) -> Engine:
    client = None if isinstance(on, str) else on
    address = parse_address(on) if client is None else Address(DASK, "", {})
    module = import_module(f"{__name__}.{address.engine}")
    made: Engine = module.connect(address, agents, jobs) if client is None else module.DaskEngine(client)
    return made
