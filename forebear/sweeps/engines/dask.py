"""Agents as tasks of Dask: each takes one thread of a worker while it lasts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from secrets import token_hex
from types import TracebackType
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput, StorageFailure
from forebear.sweeps.engines.carrying import carry
from forebear.sweeps.engines.errand import FAILED, LOST, Errand, Outcome, library
from forebear.sweeps.engines.following import Look

if TYPE_CHECKING:
    from forebear.sweeps.engines.address import Address

#: Seconds in which a scheduler must answer, and between two questions of a task whether its agent is to end.
_ANSWER_SECONDS, _ASK_SECONDS = 30, 1.0


def connect(address: Address, agents: int, jobs: int) -> DaskEngine:
    """Return the engine at an address; without a place, workers of this machine that end with it.

    Raises:
        Unsupported: the package distributed is not installed.
        StorageFailure: no scheduler answers.
    """
    distributed = library("distributed", "dask")
    place, cluster = _scheduler(address), None
    if place is None:
        # Agents are processes anyhow. Workers that are processes, too, would import the main program again.
        cluster = distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=min(agents, max(1, (os.cpu_count() or 1) // jobs)),
            processes=False,
            dashboard_address=":0",
        )
        return DaskEngine(distributed.Client(cluster, set_as_default=False), cluster, is_own=True)
    at = {"scheduler_file": place} if place.endswith(".json") else {"address": place}
    try:
        client = distributed.Client(**at, timeout=_ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as err:
        raise StorageFailure(f"no scheduler of Dask answers at {place}: {err}", code="engine-unreachable") from err
    resources = {name: address.number(name, 1.0) for name in address.options}
    return DaskEngine(client, resources=resources, is_own=True)


def _scheduler(address: Address) -> str | None:
    place = address.place
    if not place:
        found = library("dask", "dask").config.get("scheduler-address", None)
        return None if found is None else str(found)
    if place.endswith(".json"):
        return place
    if place.startswith("/"):
        raise InvalidInput(
            f"--on dask://{place}: the file of a scheduler ends in .json; a scheduler is dask://host:8786",
            code="engine-option",
        )
    return place if "://" in place else f"tcp://{place}"


class DaskEngine:
    """Agents on the workers that one client reaches."""

    pickler = "cloudpickle"

    def __init__(
        self, client: Any, cluster: Any = None, resources: dict[str, float] | None = None, *, is_own: bool = False
    ) -> None:
        """Use a client; ``is_own`` says that it, and ``cluster``, end with this."""
        self._client, self._cluster, self._resources, self._is_own = client, cluster, resources or {}, is_own
        #: Set for an agent: it is to end. Events live in the scheduler, where tasks can ask for them.
        self._events: dict[str, Any] = {}
        self.name = f"Dask at {client.scheduler.address}" if cluster is None else "Dask on this machine"

    def begin(self, errand: Errand, name: str) -> Any:
        """Submit a task. Dask itself executes it elsewhere where a worker dies, a few times."""
        key = f"forebear-agent-{name}-{token_hex(4)}"
        return self._client.submit(
            _carry, errand, key, key=key, pure=False, resources=self._resources or None, allow_other_workers=False
        )

    def look(self, handles: Iterable[Any]) -> list[Look]:
        """Ask the scheduler where the tasks are."""
        where = {key: worker for worker, keys in self._processing().items() for key in keys}
        return [self._look(future, where) for future in handles]

    def _processing(self) -> dict[str, Any]:
        why = f"the client is {self._client.status}"
        try:
            if self._client.status == "running":
                found: dict[str, Any] = self._client.processing()
                return found
        except OSError as err:
            why = str(err)
        raise StorageFailure(
            f"{self.name} is away ({why}); its workers end with it, and what their agents executed waits for others",
            code="engine-unreachable",
        )

    def _look(self, future: Any, where: dict[str, str]) -> Look:
        status = future.status
        if status == "pending":
            return Look(runs=future.key in where, where=where.get(future.key, ""))
        if status == "finished":
            return Look(future.result())
        if status == "error":
            error = future.exception()
            kind = LOST if type(error).__name__ == "KilledWorker" else FAILED
            return Look(Outcome(kind, f"{type(error).__name__}: {error}"))
        return Look(Outcome(LOST, "the scheduler forgot it"))

    def stop(self, handles: Iterable[Any]) -> None:
        """Let the tasks know; those that wait end as soon as they begin, so they are cancelled."""
        handles = list(handles)
        looks = self.look(handles)
        for future, look in zip(handles, looks, strict=True):
            if look.runs:
                event = self._events[future.key] = _event(future.key, self._client)
                event.set()
        self.kill(future for future, look in zip(handles, looks, strict=True) if look.runs is False)

    def kill(self, handles: Iterable[Any]) -> None:
        """Forget the tasks. Dask cannot end one that runs: its agent hears of it as from `stop`."""
        handles = list(handles)
        with contextlib.suppress(OSError):
            for future in handles:
                event = self._events[future.key] = _event(future.key, self._client)
                event.set()
            self._client.cancel(handles, force=True)

    def __enter__(self) -> DaskEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_own:
            self._client.close()
            if self._cluster is not None:
                self._cluster.close()


def _event(key: str, client: Any = None) -> Any:
    return library("distributed", "dask").Event(f"{key}-end", client=client)


def _carry(errand: Errand, key: str) -> Outcome:
    """The task: executes an agent on a worker."""
    event = _event(key)

    def is_asked() -> bool:
        try:
            return bool(event.is_set())
        except Exception:  # a scheduler that is away asks for nothing; where it stays away, the worker ends
            return False

    return carry(errand, is_asked, _ASK_SECONDS)
