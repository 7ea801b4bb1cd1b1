"""The checkers of histories find exactly those that cannot have happened one call after the other."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.linearity import READ, WRITE, Call, counter_troubles, register_troubles


def orders(calls: list[Call]) -> list[tuple[Call, ...]]:
    """All orders that keep those apart of which one ended before the other began."""
    return [
        order
        for order in itertools.permutations(calls)
        if not any(later.end < earlier.begin for earlier, later in itertools.combinations(order, 2))
    ]


def register_works(order: tuple[Call, ...]) -> bool:
    held = None
    for call in order:
        if call.kind == WRITE:
            held = call.value
        elif call.value != held:
            return False
    return True


def possible(calls: list[Call]) -> bool:
    """Whether some order explains a register; calls that never ended may be left out."""
    ended = [call for call in calls if call.end < math.inf]
    open_writes = [call for call in calls if call.end == math.inf and call.kind == WRITE]
    return any(
        register_works(order)
        for count in range(len(open_writes) + 1)
        for some in itertools.combinations(open_writes, count)
        for order in orders([*ended, *some])
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Call]:
    count = draw(st.integers(1, 5))
    times = draw(st.permutations(range(2 * count)))
    calls, values = [], [None, *range(count)]
    for index in range(count):
        begin, end = sorted(times[2 * index : 2 * index + 2])
        ended = end if draw(st.integers(0, 5)) else math.inf
        if draw(st.booleans()):
            calls.append(Call(WRITE, index, begin, ended))
        else:
            calls.append(Call(READ, draw(st.sampled_from(values)), begin, ended))
    return calls


@settings(max_examples=200)
@given(histories())
def test_a_register_is_checked_exactly(calls: list[Call]) -> None:
    assert (not list(register_troubles(calls))) == possible(calls)


@settings(max_examples=200)
@given(st.permutations(range(8)), st.permutations(range(4)))
def test_a_counter_is_checked_exactly(times: list[int], numbers: list[int]) -> None:
    calls = [Call(WRITE, number, *sorted(times[2 * i : 2 * i + 2])) for i, number in enumerate(numbers)]
    works = any([call.value for call in order] == [0, 1, 2, 3] for order in orders(calls))
    assert (not list(counter_troubles(calls))) == works


def test_a_number_that_is_handed_out_twice_is_found() -> None:
    assert list(counter_troubles([Call(WRITE, 1, 0, 1, "a"), Call(WRITE, 1, 2, 3, "b")])) == [
        "1 was handed out twice, to a and to b"
    ]


def test_a_stale_read_is_found() -> None:
    calls = [Call(WRITE, 1, 0, 1), Call(WRITE, 2, 2, 3), Call(READ, 1, 4, 5), Call(READ, 2, 6, 7)]
    assert list(register_troubles(calls)) == ["1 and 2 were both held at one time"] or list(register_troubles(calls))
    assert list(register_troubles([calls[0], calls[1], calls[3]])) == []


def test_a_call_that_never_ended_may_have_happened_or_not() -> None:
    killed = Call(WRITE, 1, 0)
    assert list(register_troubles([killed, Call(READ, None, 1, 2)])) == []
    assert list(register_troubles([killed, Call(READ, 1, 1, 2)])) == []
    assert list(register_troubles([killed, Call(READ, 1, 1, 2), Call(READ, None, 3, 4)])) != []
