"""A sparse column reads like the list that it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.tracking.history.sparse import MISSING, Sparse, pairs_of

VALUES = st.dictionaries(st.integers(0, 19), st.integers())


def both(given: dict[int, int]) -> tuple[Sparse, list[Any]]:
    rows = sorted(given)
    return Sparse(rows, [given[row] for row in rows], 20), [given.get(row, MISSING) for row in range(20)]


@given(VALUES)
def test_it_reads_like_a_list(given: dict[int, int]) -> None:
    sparse, plain = both(given)
    assert list(sparse) == plain
    assert [sparse[place] for place in range(-20, 20)] == plain + plain
    assert (sparse[3:9], len(sparse)) == (plain[3:9], 20)
    assert list(sparse.blanked(None)) == [None if value is MISSING else value for value in plain]
    assert dict(pairs_of(sparse)) == given
    for place in (20, -21):
        with pytest.raises(IndexError):
            sparse[place]


@given(VALUES, st.sets(st.integers(0, 19)))
def test_some_rows_are_taken(given: dict[int, int], wanted: set[int]) -> None:
    sparse, plain = both(given)
    taken = sparse.taken({row: place for place, row in enumerate(sorted(wanted))})
    assert list(taken) == [plain[row] for row in sorted(wanted)]


def test_pairs_of_a_list_are_all_of_it() -> None:
    assert list(pairs_of(["a", "b"])) == [(0, "a"), (1, "b")]
    assert repr(MISSING) == "MISSING"
