"""Agents as tasks of Ray: each asks for as many processors as it executes trials beside each other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from forebear.errors import StorageFailure
from forebear.sweeps.engines.carrying import carry
from forebear.sweeps.engines.errand import FAILED, LOST, STOPPED, Errand, Outcome, library
from forebear.sweeps.engines.following import Look

if TYPE_CHECKING:
    from forebear.sweeps.engines.address import Address

#: Options that are no resources of somebody's own.
_KNOWN = ("num_cpus", "num_gpus", "memory")
#: Errors of Ray that say nothing about the agent: its process or its machine is gone.
_LOSSES = ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "ObjectLostError", "OwnerDiedError",
           "RaySystemError", "LocalRayletDiedError")  # fmt: skip


def connect(address: Address, agents: int, jobs: int) -> RayEngine:
    """Return the engine at an address; without a place, where Ray finds a cluster, else one begun on this machine.

    Raises:
        Unsupported: the package ray is not installed.
        StorageFailure: no cluster answers.
    """
    ray = library("ray", "ray")
    is_own = not ray.is_initialized()
    if is_own:
        place = address.place if address.place in ("", "auto", "local") else f"ray://{address.place}"
        try:
            ray.init(address=place or None, include_dashboard=False if not place else None)
        except (OSError, RuntimeError, ValueError) as err:
            raise StorageFailure(f"no cluster of Ray answers at {place or 'RAY_ADDRESS'}: {err}",
                                 code="engine-unreachable") from err  # fmt: skip
    needs: dict[str, Any] = {"num_cpus": address.number("num_cpus", jobs)}
    needs |= {name: address.number(name, 0) for name in _KNOWN[1:] if name in address.options}
    own = {name: address.number(name, 1.0) for name in address.options if name not in _KNOWN}
    return RayEngine(ray, needs | ({"resources": own} if own else {}), is_own=is_own)


class RayEngine:
    """Agents on the cluster that this process is connected to."""

    pickler = "ray.cloudpickle"

    def __init__(self, ray: Any, needs: dict[str, Any], *, is_own: bool) -> None:
        """``is_own`` says that the connection ends with this."""
        self._ray, self._needs, self._is_own = ray, needs, is_own
        # Whether an agent is begun again is decided here, where it is known whether the sweep has more.
        self._task = ray.remote(max_retries=0)(carry)
        self.name = f"Ray at {ray.get_runtime_context().gcs_address}"

    def begin(self, errand: Errand, name: str) -> Any:
        """Begin a task as soon as there is room."""
        return self._task.options(name=f"forebear-agent-{name}", **self._needs).remote(errand)

    def look(self, handles: Iterable[Any]) -> list[Look]:
        """Ask which tasks have ended; Ray does not tell of the others whether they run."""
        handles = list(handles)
        ended, _ = self._ray.wait(handles, num_returns=len(handles), timeout=0)
        return [Look(self._outcome(handle)) if handle in ended else Look() for handle in handles]

    def _outcome(self, handle: Any) -> Outcome:
        try:
            found: Outcome = self._ray.get(handle)
        except self._ray.exceptions.TaskCancelledError:
            return Outcome(STOPPED)
        except self._ray.exceptions.RayError as err:
            kind = LOST if type(err).__name__ in _LOSSES else FAILED
            return Outcome(kind, f"{type(err).__name__}: {str(err).strip().splitlines()[0]}")
        return found

    def stop(self, handles: Iterable[Any]) -> None:
        """Interrupt the tasks."""
        for handle in handles:
            self._ray.cancel(handle, force=False)

    def kill(self, handles: Iterable[Any]) -> None:
        """End the workers of the tasks; their agents end as they find them gone."""
        for handle in handles:
            with contextlib.suppress(self._ray.exceptions.RayError, ValueError):
                self._ray.cancel(handle, force=True)

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_own:
            self._ray.shutdown()
