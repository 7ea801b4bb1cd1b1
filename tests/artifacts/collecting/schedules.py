"""Actors that take turns in an order that a test chooses: one step of one of them at a time.

Actors are threads that stop at each call of the catalog and of the object store. A schedule says, at each stop, who
goes on; so every run of the same schedule does the same.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Seconds that one step may take before a test fails.
_STEP_SECONDS = 60
#: Steps after which an actor is taken for waiting.
_PATIENCE = 200


class Schedule(Protocol):
    """Chooses who goes on."""

    def choose(self, waiting: Sequence[str]) -> str:
        """Return one of the names, which are sorted and not none."""
        ...


class Dice:
    """A schedule by chance, the same for the same seed; whoever is at it goes on for a while more often than not."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._stays = self._random.choice([0.0, 0.5, 0.8, 0.95])
        self._last: str | None = None

    def choose(self, waiting: Sequence[str]) -> str:
        """See `Schedule.choose`."""
        if self._last in waiting and self._random.random() < self._stays:
            return self._last
        self._last = self._random.choice(list(waiting))
        return self._last


class Cut:
    """One actor runs until its step ``at``; then another one to its end; then the first goes on, and then the rest."""

    def __init__(self, first: str, at: int, second: str) -> None:
        self._first, self._left, self._second = first, at, second
        self._taken = 0

    def choose(self, waiting: Sequence[str]) -> str:
        """See `Schedule.choose`."""
        if self._left and self._first in waiting:
            self._left -= 1
            return self._first
        if self._second in waiting and self._taken < _PATIENCE:  # else it waits for the first
            self._taken += 1
            return self._second
        for name in (self._first, self._second):
            if name in waiting:
                return name
        return waiting[0]


class Stage:
    """Where actors take turns."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._turn = threading.Condition()
        self._allowed: str | None = None
        self._waiting: set[str] = set()
        self._living: set[str] = set()
        self._names = threading.local()
        #: Who took which step, in order.
        self.steps: list[tuple[str, str]] = []
        self.errors: dict[str, BaseException] = {}

    def watch(self, thing: Any, *methods: str) -> None:
        """Let actors stop before they call these methods of an object."""
        for method in methods:
            setattr(thing, method, self._stopping(method, getattr(thing, method)))

    def _stopping(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def stopped(*args: Any, **options: Any) -> Any:
            if getattr(self._names, "inside", False):  # perhaps in a transaction, for which all others would wait
                return call(*args, **options)
            self.point(name)
            self._names.inside = True
            try:
                return call(*args, **options)
            finally:
                self._names.inside = False

        return stopped

    def point(self, doing: str) -> None:
        """Stop here until it is this actor's turn; who is no actor passes."""
        name = getattr(self._names, "name", None)
        if name is None:
            return
        with self._turn:
            self._waiting.add(name)
            self._allowed = None
            self._turn.notify_all()
            if not self._turn.wait_for(lambda: self._allowed == name, _STEP_SECONDS):
                raise TimeoutError(f"{name} was never let go on at {doing}")
            self._waiting.discard(name)
            self.steps.append((name, doing))

    def run(self, **actors: Callable[[], object]) -> None:
        """Let actors act, each in a thread, until all are done; what they raise is in ``errors``."""
        self._living = set(actors)
        threads = [threading.Thread(target=self._act, args=item, daemon=True) for item in actors.items()]
        for thread in threads:
            thread.start()
        with self._turn:
            while self._living:
                ready = self._turn.wait_for(
                    lambda: self._allowed is None and self._waiting == self._living, _STEP_SECONDS
                )
                if not ready:
                    raise TimeoutError(f"after {self.steps[-5:]}: nobody stops any more")
                if self._living:
                    self._allowed = self._schedule.choose(sorted(self._waiting))
                    self._waiting.discard(self._allowed)
                    self._turn.notify_all()
        for thread in threads:
            thread.join(_STEP_SECONDS)

    def _act(self, name: str, act: Callable[[], object]) -> None:
        self._names.name = name
        try:
            self.point("begin")
            act()
        except BaseException as err:
            self.errors[name] = err
        with self._turn:
            self._living.discard(name)
            self._waiting.discard(name)
            self._allowed = None
            self._turn.notify_all()
