"""Identities and display names for runs that were given none."""

from __future__ import annotations

import secrets
import string

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
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARS))


def new_run_name() -> str:
    """Return a display name such as ``quiet-heron-417``."""
    return f"{secrets.choice(_QUALITIES)}-{secrets.choice(_THINGS)}-{secrets.randbelow(1000)}"
