"""Draws ``docs/explanation/early-stopping.svg``: what early termination does to real trainings.

``python tools/early_stopping_picture.py`` trains small networks on scikit-learn's digits with learning rates, sizes and
penalties by chance, each for 81 epochs (two minutes), and then lets the rule decide as if each had been a trial of a
sweep that one agent executes: a trial knows what those before it reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

from forebear.plot.pictures import Picture
from forebear.plot.style import INK, PALETTE, QUIET, framed, mark
from forebear.sweeps.early import EarlyRule, read_rule
from forebear.sweeps.parameters import read_space

TARGET = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "early-stopping.svg"
TRAININGS, EPOCHS, SEED = 40, 81, 6
SPACE = {
    "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.3},
    "width": {"values": [8, 16, 32, 64]},
    "alpha": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1.0},
}
#: The rule that is drawn, and others that are told of.
RULE = {"type": "asha"}
OTHERS = (
    {"type": "asha", "min_iter": 5},
    {"type": "hyperband", "min_iter": 3},
    {"type": "median", "min_iter": 10},
)
#: Orders in which the trials may have come.
ORDERS = 20


class Training(NamedTuple):
    """Losses of a training after each epoch, and after how many of them the rule ended it."""

    losses: list[float]
    ended: int


def trained(params: dict[str, Any]) -> Iterator[float]:
    """Train and yield the loss on held-out images after each epoch."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(labels))
    images, labels = images[order] / 16.0, labels[order]
    model = MLPClassifier((params["width"],), learning_rate_init=params["lr"], alpha=params["alpha"], random_state=SEED)
    for _ in range(EPOCHS):
        model.partial_fit(images[:1200], labels[:1200], classes=range(10))
        yield float(log_loss(labels[1200:], model.predict_proba(images[1200:])))


def decided(rule: EarlyRule, curves: list[list[float]]) -> list[Training]:
    """Let the rule look at each training in turn."""
    reported: dict[int, list[float]] = {}
    found = []
    for losses in curves:
        ended, best = len(losses), math.nan
        for epoch, loss in enumerate(losses, 1):
            best = loss if math.isnan(best) else min(best, loss)
            if not rule.decides_at(epoch):
                continue
            mine, others = rule.judged(best, loss), reported.setdefault(epoch, [])
            stops = epoch < len(losses) and rule.stops(epoch, mine, others)
            others.append(mine)
            if stops:
                ended = epoch
                break
        found.append(Training(losses, ended))
    return found


def drawn(rule: EarlyRule, trainings: list[Training]) -> Picture:
    """Return the picture."""
    best = min(range(len(trainings)), key=lambda number: min(trainings[number].losses))
    found = min(range(len(trainings)), key=lambda number: min(trainings[number].losses[: trainings[number].ended]))
    points = [
        {"training": number, "epoch": epoch, "loss": round(loss, 4), "part": part}
        for number, training in enumerate(trainings)
        for part, first, last in (("executed", 1, training.ended), ("saved", training.ended, EPOCHS))
        for epoch, loss in enumerate(training.losses[first - 1 : last], first)
    ]
    used = sum(training.ended for training in trainings) / (EPOCHS * len(trainings))
    rungs = [rung for rung in rule.rungs if rung < EPOCHS]
    kept = [sum(training.ended >= rung for training in trainings) for rung in rungs]
    scale = {"type": "log", "nice": False}
    x = {"field": "epoch", "type": "quantitative", "title": "epoch", "scale": scale | {"domain": [1, EPOCHS]},
         "axis": {"values": [1, *rungs, EPOCHS], "grid": False}}  # fmt: skip
    y = {"field": "loss", "type": "quantitative", "title": "loss on held-out images",
         "scale": scale | {"domain": [0.1, 3], "clamp": True},
         "axis": {"values": [0.1, 0.2, 0.5, 1, 2], "format": "~g"}}  # fmt: skip
    route = {"x": x, "y": y, "detail": {"field": "training", "type": "nominal"}}

    def of(**wanted: Any) -> dict[str, Any]:
        return {"data": {"values": [point for point in points if wanted.items() <= point.items()]}}

    notes = [{"epoch": rung, "text": f"{count} get here"} for rung, count in zip(rungs, kept, strict=True)]
    at = {"x": x, "y": {"value": 0}, "text": {"field": "text", "type": "nominal"}}
    ends = [
        {"training": number, "epoch": training.ended, "loss": round(training.losses[training.ended - 1], 4)}
        for number, training in enumerate(trainings)
        if training.ended < EPOCHS
    ]
    layers = [
        of(part="saved") | mark("line", route, color="#cfd6e2", strokeWidth=1, strokeDash=[2, 3]),
        {"data": {"values": notes}} | mark("rule", {"x": x}, color="#aab4c5", strokeDash=[4, 3]),
        of(part="executed") | mark("line", route, color=PALETTE[0], strokeWidth=1.4, opacity=0.8),
        {"data": {"values": ends}} | mark("point", {"x": x, "y": y}, color=PALETTE[0], size=22, filled=True, opacity=1),
        of(part="saved", training=best) | mark("line", route, color=INK, strokeWidth=1.6, strokeDash=[2, 3]),
        of(part="executed", training=found) | mark("line", route, color=PALETTE[1], strokeWidth=3),
        {"data": {"values": notes}}
        | mark("text", at, align="left", dx=5, dy=8, color=QUIET, fontSize=12, baseline="top"),
    ]
    body = {"width": 720, "height": 380, "layer": layers}
    low, least = min(trainings[found].losses), min(trainings[best].losses)
    words = f"orange: the best that was found, {low:.3f}"
    if found != best:
        words += f"; black: the best of all, {least:.3f}, which was ended"
    title = f"{len(trainings)} trainings, of which asha pays for {used:.0%} of the epochs"
    spec = framed(body, title, ["blue: executed, with a point where a training was ended; dotted: saved", words])
    return Picture(spec)


def told(given: dict[str, Any], curves: list[list[float]]) -> str:
    """Return what a rule uses and loses, over orders by chance."""
    rule = read_rule("early_terminate", given)
    best = min(map(min, curves))
    used, lost = [], []
    for order in range(ORDERS):
        trainings = decided(rule, Random(order).sample(curves, len(curves)))
        used.append(sum(training.ended for training in trainings) / (EPOCHS * len(trainings)))
        lost.append(min(min(training.losses[: training.ended]) for training in trainings) - best)
    return f"{given}: uses {median(used):.1%}, finds {best + median(lost):.4f} (best of all {best:.4f})"


def main() -> None:
    """Train, decide, draw."""
    space = read_space(SPACE)
    curves = [list(trained(space.sample(SEED, number))) for number in range(TRAININGS)]
    rule = read_rule("early_terminate", RULE)
    drawn(rule, decided(rule, curves)).save(TARGET)
    for given in (RULE, *OTHERS):
        print(told(given, curves))


if __name__ == "__main__":
    main()
