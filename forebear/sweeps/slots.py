"""Places for the children of one agent: each has graphics processors of its own, as far as there are any."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

DEVICES = "CUDA_VISIBLE_DEVICES"
#: Which of the agent's places a child has, from 0.
SLOT = "FOREBEAR_SLOT"
_DEVICE_FILE = re.compile(r"nvidia\d+")


def devices(environment: Mapping[str, str], folder: Path = Path("/dev")) -> list[str]:
    """Return the graphics processors that an agent may use: those its environment names, else those of the machine."""
    named = environment.get(DEVICES)
    if named is not None:
        return [word.strip() for word in named.split(",") if word.strip()]
    # The driver makes one file each; to ask its library takes a second.
    numbers = [file.name.removeprefix("nvidia") for file in folder.glob("nvidia*") if _DEVICE_FILE.fullmatch(file.name)]
    return sorted(numbers, key=int)


def slots(jobs: int, found: list[str]) -> list[dict[str, str]]:
    """Return variables for each of so many children that run beside each other.

    Processors are shared out evenly, the first places get those that are over; where there are fewer of them than
    children, several children share one.
    """
    if not found:
        return [{SLOT: str(index)} for index in range(jobs)]
    return [{SLOT: str(index), DEVICES: ",".join(_share(index, jobs, found))} for index in range(jobs)]


def _share(index: int, jobs: int, found: list[str]) -> list[str]:
    if len(found) <= jobs:
        return [found[index % len(found)]]
    each, over = divmod(len(found), jobs)
    first = index * each + min(index, over)
    return found[first : first + each + (index < over)]
