"""Losses of made-up trainings, for deciding which of them to go on with. Nothing but the standard library is needed."""

from __future__ import annotations

import math
import random

RUNS, STEPS = 60, 81
START = 2.3
#: Two values that are nearer than this are as good, for all that the noise tells.
NOISE = 0.01


def parallel(seed: int) -> list[list[float]]:
    """Curves that fall alike: whoever will be best is among the better ones early on."""
    lot = random.Random(f"parallel {seed}")
    curves = []
    for _ in range(RUNS):
        final, power = lot.betavariate(2, 3), lot.uniform(0.5, 0.7)
        curves.append([_noisy(lot, final + (START - final) * step**-power) for step in range(1, STEPS + 1)])
    return curves


def crossing(seed: int) -> list[list[float]]:
    """Curves of learning rates: good ones fall quickly, and some that fall slowly overtake others late."""
    lot = random.Random(f"crossing {seed}")
    curves = []
    for _ in range(RUNS):
        quality = math.exp(-((lot.uniform(-4, 0) + 1.7) ** 2)) * lot.uniform(0.6, 1.0)
        final, rate = 1 - 0.9 * quality, 0.02 + 0.25 * quality * lot.uniform(0.6, 1.4)
        curves.append([_noisy(lot, final + (START - final) * math.exp(-rate * step)) for step in range(1, STEPS + 1)])
    return curves


def _noisy(lot: random.Random, value: float) -> float:
    return value + lot.gauss(0, NOISE)


FAMILIES = {"parallel": parallel, "crossing": crossing}
