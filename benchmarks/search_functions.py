"""Functions whose smallest values are known, as searches see them: parameters by name in, a loss out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """A function: its parameters as a declaration has them, its values, and the smallest of those."""

    parameters: dict[str, Any]
    loss: Callable[[Mapping[str, Any]], float]
    least: float


def _box(count: int, low: float, high: float) -> dict[str, Any]:
    return {f"x{index}": {"min": low, "max": high, "distribution": "uniform"} for index in range(count)}


def _branin(params: Mapping[str, Any]) -> float:
    x, y = params["x"], params["y"]
    bow = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return float(bow**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


_HEIGHTS = (1.0, 1.2, 3.0, 3.2)
_WIDTHS = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
_CENTRES = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def _hartmann6(params: Mapping[str, Any]) -> float:
    x = list(params.values())
    return -sum(
        height * math.exp(-sum(width * (a - b) ** 2 for width, a, b in zip(widths, x, centre, strict=True)))
        for height, widths, centre in zip(_HEIGHTS, _WIDTHS, _CENTRES, strict=True)
    )


def _levy(params: Mapping[str, Any]) -> float:
    w = [1 + (x - 1) / 4 for x in params.values()]
    middle = sum((a - 1) ** 2 * (1 + 10 * math.sin(math.pi * a + 1) ** 2) for a in w[:-1])
    end = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + middle + end


def _training(params: Mapping[str, Any]) -> float:
    """An error as of a classifier: what its optimizer, rate, depth and regularisation make of it."""
    rate = math.log10(params["lr"])
    if params["optimizer"] == "sgd":
        miss = 0.5 * (rate + 1.3) ** 2 + 2 * (params["momentum"] - 0.85) ** 2
    else:
        miss = 0.5 * (rate + 2.8) ** 2 + (0.15 if params["optimizer"] == "rmsprop" else 0.0)
    size = 0.04 * (params["layers"] - 4) ** 2 + 0.1 * abs(math.log2(params["width"]) - 8)
    return 0.03 + 0.25 * (miss + size + 1.2 * (params["dropout"] - 0.2) ** 2)


PROBLEMS = {
    "Branin": Problem(
        {"x": {"min": -5.0, "max": 10.0}, "y": {"min": 0.0, "max": 15.0}},
        _branin,
        0.39788735772973816,
    ),
    "Hartmann6": Problem(_box(6, 0.0, 1.0), _hartmann6, -3.322368011415515),
    "Levy of 8": Problem(_box(8, -10.0, 10.0), _levy, 0.0),
    "made-up training": Problem(
        {
            "optimizer": {"values": ["sgd", "adam", "rmsprop"]},
            "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0},
            "momentum": {"min": 0.0, "max": 0.99, "when": {"optimizer": "sgd"}},
            "layers": {"min": 1, "max": 8},
            "width": {"values": [32, 64, 128, 256, 512]},
            "dropout": {"min": 0.0, "max": 0.6},
        },
        _training,
        0.03,
    ),
}
