"""Is a history of calls of many processes one that could have happened one call after the other?

A call takes effect at one moment between its beginning and its end. A process that was killed leaves a call without an
end: it may have taken effect at any time after its beginning, or never. Two kinds of objects are checked, both exactly
and in n log n: a counter that hands out the next number, and a register that is written and read, where no value is
written twice (Gibbons and Korach, Testing Shared Memories, 1997).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WRITE, READ = "write", "read"


class Call(NamedTuple):
    """One call.

    Attributes:
        kind: `WRITE` or `READ`; of a counter, each call writes the number that it got.
        value: What was written, read or handed out; ``None`` is what a register holds at first.
        begin: When it was made, on a clock that all processes share.
        end: When it returned; infinite where it never did.
        who: For people.
    """

    kind: str
    value: int | None
    begin: float
    end: float = math.inf
    who: str = ""


def counter_troubles(calls: Iterable[Call]) -> Iterator[str]:
    """Say why numbers could not have been handed out one after the other: each once, and later calls higher ones."""
    latest: Call | None = None
    seen: dict[int | None, Call] = {}
    for call in sorted(calls, key=lambda call: -1 if call.value is None else call.value):
        if call.value in seen:
            yield f"{call.value} was handed out twice, to {seen[call.value].who} and to {call.who}"
        seen[call.value] = call
        if latest is not None and call.end < latest.begin:
            yield f"{call.who} got {call.value} and was done before {latest.who} asked, who got {latest.value}"
        if latest is None or call.begin > latest.begin:
            latest = call


class _Zone(NamedTuple):
    """When a value was held at the least: between the first end and the last beginning of the calls that saw it."""

    low: float
    high: float
    value: int | None


def register_troubles(calls: Sequence[Call]) -> Iterator[str]:
    """Say why values could not have been written and read one after the other. A value is written once at most."""
    writes: dict[int | None, Call] = {None: Call(WRITE, None, -math.inf, -math.inf, "the beginning")}
    for call in calls:
        if call.kind == WRITE:
            assert call.value not in writes, f"{call.value} is written twice, so that nothing can be told"
            writes[call.value] = call
    reads: dict[int | None, list[Call]] = {value: [] for value in writes}
    for call in calls:
        if call.kind == READ and call.end < math.inf:
            if call.value not in writes or call.end < writes[call.value].begin:
                yield f"{call.who} read {call.value} before anybody wrote it"
                return
            reads[call.value].append(call)
    forward, backward = [], []
    for value, write in writes.items():
        if write.end == math.inf and not reads[value]:
            continue  # it may never have taken effect
        first = min(call.end for call in [write, *reads[value]])
        last = max(call.begin for call in [write, *reads[value]])
        if first < last:
            forward.append(_Zone(first, last, value))
        else:
            backward.append(_Zone(last, first, value))
    yield from _overlaps(sorted(forward))
    yield from _contained(sorted(forward), sorted(backward))


def _overlaps(forward: Sequence[_Zone]) -> Iterator[str]:
    for one, other in zip(forward, forward[1:], strict=False):
        if other.low < one.high:
            yield f"{one.value} and {other.value} were both held at one time"


def _contained(forward: Sequence[_Zone], backward: Sequence[_Zone]) -> Iterator[str]:
    place = 0
    for zone in backward:
        while place < len(forward) and forward[place].high < zone.low:
            place += 1
        if place < len(forward) and forward[place].low < zone.low and zone.high < forward[place].high:
            yield f"{zone.value} was written while {forward[place].value} was held all the time"
