"""Scripts draw the id of a run before it begins, to write it down for the process that goes on with it."""

from __future__ import annotations

import pytest

import forebear
from forebear.names import check_run_id
from forebear.tracking.util import generate_id


@pytest.mark.parametrize("length", [1, 8, 20])
def test_ids_of_any_length(length: int) -> None:
    assert len(generate_id(length)) == length
    assert check_run_id(generate_id(length)).isalnum()


def test_a_run_with_an_id_that_was_drawn_is_resumed_by_it() -> None:
    run_id = generate_id()
    for step in range(2):
        with forebear.init(project="p", id=run_id, resume="allow") as run:
            assert (run.id, run.step) == (run_id, step)
            run.log({"a": 1})
    assert len({generate_id() for _ in range(100)}) == 100
