"""How patient a collection is, and how much it does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

DAY_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Rules:
    """How a store is collected.

    Attributes:
        grace_seconds: A blob is garbage for so long before it leaves the index, and in two looks at least.
        trash_seconds: An object is in the trash for so long before it is deleted.
        budget_seconds: A collection ends after about so long, with what it has done; ``None`` does all there is.
        least_needed: An object is written anew when a smaller share of its bytes is needed.
        looks: How many looks at what is garbage are taken, one behind the other.
    """

    grace_seconds: float = DAY_SECONDS
    trash_seconds: float = 7 * DAY_SECONDS
    budget_seconds: float | None = None
    least_needed: float = 0.25
    looks: int = 1


PATIENT = Rules()
#: Waits for nothing: what nobody names now goes to the trash now.
AT_ONCE = Rules(grace_seconds=0, looks=2)


class OutOfTime(Exception):
    """The budget of a collection is used up. Internal."""


@dataclass
class Budget:
    """Seconds that a collection may take; what it has done by then is done."""

    seconds: float | None
    begun: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Raise `OutOfTime` once the seconds are over."""
        if self.seconds is not None and time.monotonic() - self.begun > self.seconds:
            raise OutOfTime
