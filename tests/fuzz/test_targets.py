"""No parser of what a store holds does anything but return a value or refuse, in bounded memory and time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.bounds import bounded, clock
from tests.fuzz.mutation import mutations
from tests.fuzz.targets import TARGETS

#: Inputs that broke something once, and some sound ones; a file each.
CORPUS = Path(__file__).with_name("corpus")
#: Damaged inputs for each target; a database is a file of its own each time.
INPUTS = 400
FEWER = {"database": 80, "values": 250, "slices": 200}
SEED = 1


def kept(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())] if (CORPUS / name).is_dir() else []


@pytest.mark.parametrize("name", TARGETS)
def test_what_broke_it_once_does_not_any_more(name: str) -> None:
    target = TARGETS[name]
    with bounded():
        for content in [b"", *target.seeds(), *kept(name)]:
            clock()
            target.run(content)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    seeds = [*target.seeds(), *kept(name)]
    with bounded():
        for number, content in enumerate(mutations(seeds, FEWER.get(name, INPUTS), SEED)):
            clock()
            try:
                target.run(content)
            except BaseException as err:
                err.add_note(f"input {number} of {name}: {content[:400]!r}")
                raise


def test_all_kept_inputs_are_of_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= TARGETS.keys()
