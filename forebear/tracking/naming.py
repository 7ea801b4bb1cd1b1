"""Identities and display names for runs that were given none."""

from __future__ import annotations

import os
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALPHABET = string.ascii_lowercase + string.digits
#: 36**8 is about 2.8e12: two of a million runs of a project collide with a chance of one in five, and a collision is
#: noticed and drawn again.
_ID_CHARS = 8

_QUALITIES = (
    "amber", "brisk", "calm", "clear", "cobalt", "copper", "deft", "early", "fair", "fleet", "gentle", "golden",
    "keen", "light", "lucid", "mellow", "mossy", "noble", "olive", "plain", "quick", "quiet", "rapid", "rosy",
    "silver", "sleek", "solid", "spry", "steady", "still", "sunny", "swift", "tidal", "vivid", "warm", "wise",
)  # fmt: skip
_THINGS = (
    "acorn", "alder", "badger", "beech", "birch", "brook", "cedar", "cliff", "comet", "crane", "delta", "dune",
    "ember", "falcon", "fern", "fjord", "glade", "harbor", "heron", "ibis", "isle", "juniper", "larch", "lark",
    "maple", "marten", "meadow", "orchid", "osprey", "otter", "pebble", "pine", "plover", "quartz", "reef", "ridge",
    "sparrow", "summit", "thistle", "willow", "wren",
)  # fmt: skip


def new_run_id() -> str:
    """Return a random run id of 8 lower-case letters and digits."""
    return "".join(_draw(_ALPHABET) for _ in range(_ID_CHARS))


def new_run_name() -> str:
    """Return a display name such as ``quiet-heron-417``."""
    return f"{_draw(_QUALITIES)}-{_draw(_THINGS)}-{_number(1000)}"


def _draw(choices: Sequence[str]) -> str:
    return choices[_number(len(choices))]


def _number(below: int) -> int:
    # The system's randomness, so that scripts which seed a generator do not repeat their ids. The module ``secrets``
    # gives the same and costs 5 ms; the bias of the remainder is below 1e-16.
    return int.from_bytes(os.urandom(8)) % below
