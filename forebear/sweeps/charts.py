"""Pictures of a sweep: all its trials as lines across their parameters, and how much each parameter did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.errors import InvalidInput
from forebear.plot.pictures import Picture
from forebear.plot.style import INK, PALETTE, QUIET, framed, mark, tooltip
from forebear.records.sweeps import OPEN_TRIALS
from forebear.sweeps.axes import Names, Scale, axis_of, shown
from forebear.sweeps.declaration import MAXIMIZE, read_declaration
from forebear.sweeps.findings import importance_of
from forebear.sweeps.reading import best_trial

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.store.store import Store
    from forebear.sweeps.declaration import Declaration, Objective

    Axis = Scale | Names

#: Lines that a picture has at most: the best, and others by chance.
MAX_LINES, _BEST_LINES = 1_000, 300
#: Pixels between two axes, of the whole picture at least and at most, and its height.
_STEP, _LEAST_WIDTH, _MOST_WIDTH, _HEIGHT = 150, 480, 1_800, 380
#: Where a line goes whose parameter does not apply.
_ABSENT = -0.09
#: Share of the trials whose objectives the colours tell apart; those beyond are as pale as the palest.
_COLOURED = 0.75
_BEST = PALETTE[1]
#: Colours from the best to the worst, which fades into the page.
_PARTS = (0.0, 1 / 3, 2 / 3, 1.0)
_RAMP = ("#0a2f51", PALETTE[0], "#7fb6d6", "#dbe4ee")
_MOST_BARS = 30
#: Correlation by rank, and share of the differences, from which a bar says which way.
_CLEAR, _LEAST_SHARE = 0.3, 0.01


class _Line(NamedTuple):
    """A trial in the picture; ``loss`` is ``None`` where it has no finite objective."""

    trial: Trial
    flat: dict[str, Any]
    loss: float | None


def sweep_chart(store: Store, sweep: SweepRecord) -> Picture:
    """Return the parallel-coordinates picture of a sweep: a line for each trial across parameters and objectives.

    Trials that are better are darker, and the best stands out. Axes of objectives have their better end above.

    Raises:
        InvalidInput: no trial has ended yet.

    Cost: reading the trials; of many `MAX_LINES` are drawn.
    """
    return parallel_coordinates(read_declaration(sweep.config), store.catalog.trials(sweep.key), _title(sweep))


def importance_chart(store: Store, sweep: SweepRecord, objective: str | None = None) -> Picture:
    """Return a bar for each parameter that says how much of the objective's differences it made.

    Raises:
        InvalidInput, Unsupported: see `forebear.sweeps.findings.importance`.
    """
    found = importance_of(read_declaration(sweep.config), store.catalog.trials(sweep.key), objective)
    shown_weights = found.weights[:_MOST_BARS]
    bars = [
        {"name": weight.name, "share": weight.importance, "text": _share(weight.importance, weight.correlation)}
        for weight in shown_weights
    ]
    end = max([0.1, *(weight.importance for weight in shown_weights)])
    y = {"field": "name", "type": "nominal", "sort": None, "title": None}
    x = {"field": "share", "type": "quantitative", "title": f"share of the differences of {found.objective}",
         "axis": {"format": "%", "tickCount": 6}, "scale": {"domain": [0, end]}}  # fmt: skip
    label = {"field": "text", "type": "nominal"}
    layers = [
        mark("bar", {"y": y, "x": x, "tooltip": tooltip(("name", "parameter"), ("text", "importance"))}, height=16),
        mark("text", {"y": y, "x": x, "text": label}, align="left", dx=6, color=QUIET, fontSize=12),
    ]
    body = {"width": _LEAST_WIDTH, "height": {"step": 28}, "data": {"values": bars}, "layer": layers}
    notes = [f"from {found.trials:,} trials; the model foretells {found.explained:.0%} of what they differ by"]
    return Picture(framed(body, f"{_title(sweep)}: what made the difference", notes))


def _share(share: float, correlation: float | None) -> str:
    way = ""
    if correlation is not None and abs(correlation) > _CLEAR and share >= _LEAST_SHARE:
        way = f", rises with it ({correlation:+.2f})" if correlation > 0 else f", falls with it ({correlation:+.2f})"
    return f"{share:.0%}{way}"


def _title(sweep: SweepRecord) -> str:
    return f"{sweep.name} ({sweep.id})" if sweep.name else f"Sweep {sweep.id}"


def parallel_coordinates(declaration: Declaration, trials: Sequence[Trial], title: str) -> Picture:
    """Return the picture of some trials; see `sweep_chart`."""
    objectives = declaration.objectives
    lines = _lines(declaration, trials)
    if not lines:
        raise InvalidInput(f"{title}: no trial has ended yet; there is nothing to draw", code="too-few-trials")
    chosen = _chosen(lines)
    axes = _axes(declaration, lines)
    best = best_trial(declaration, trials) if objectives else None
    rows = [row for index, line in enumerate(chosen) for row in _rows(line, axes, index, len(chosen), objectives)]
    width = min(max(_STEP * (len(axes) - 1), _LEAST_WIDTH), _MOST_WIDTH)
    body: dict[str, Any] = {
        "width": width,
        "height": _HEIGHT,
        "layer": _layers(rows, axes, objectives[0] if objectives else None, chosen, best),
    }
    return Picture(framed(body, title, _notes(lines, chosen, best, objectives)))


def _lines(declaration: Declaration, trials: Sequence[Trial]) -> list[_Line]:
    """Trials that have ended, the worst first, so that better ones are drawn over them."""
    first = declaration.objectives[0] if declaration.objectives else None

    def loss(trial: Trial) -> float | None:
        value = math.nan if first is None else trial.values.get(first.name, math.nan)
        return first.as_loss(value) if first is not None and math.isfinite(value) else None

    ended = [trial for trial in trials if trial.state not in OPEN_TRIALS]
    lines = [_Line(trial, declaration.space.flat(trial.params), loss(trial)) for trial in ended]
    return sorted(lines, key=lambda line: (line.loss is not None, -(line.loss or 0.0)))


def _chosen(lines: list[_Line]) -> list[_Line]:
    if len(lines) <= MAX_LINES:
        return lines
    others = range(len(lines) - _BEST_LINES)
    kept = sorted(Random(0).sample(others, MAX_LINES - _BEST_LINES))
    return [lines[index] for index in kept] + lines[-_BEST_LINES:]


def _axes(declaration: Declaration, lines: list[_Line]) -> list[Axis]:
    axes: list[Axis] = []
    for parameter in declaration.space.parameters:
        values = [line.flat[parameter.name] for line in lines if parameter.name in line.flat]
        axis = axis_of(parameter, values)
        if axis is not None:
            axes.append(axis)
    for objective in declaration.objectives:
        found = [line.trial.values.get(objective.name, math.nan) for line in lines]
        # What went wrong altogether must not press all others together.
        finite = sorted(objective.as_loss(value) for value in found if math.isfinite(value))
        ends = [objective.as_loss(loss) for loss in (finite[0], _robust(finite))] if finite else [0.0]
        axes.append(Scale.of(objective.name, ends, upward=objective.goal == MAXIMIZE))
    return axes


def _robust(losses: list[float]) -> float:
    """The largest loss, unless it is far beyond where nearly all others are."""
    middle, most = losses[len(losses) // 2], losses[int(0.95 * (len(losses) - 1))]
    limit = most + 3 * (most - losses[0])
    return min(losses[-1], limit) if most > middle else losses[-1]


def _rows(
    line: _Line, axes: list[Axis], index: int, count: int, objectives: tuple[Objective, ...]
) -> list[dict[str, Any]]:
    """The points of one line."""
    values = line.flat | {objective.name: line.trial.values.get(objective.name) for objective in objectives}
    said = ", ".join(f"{axis.title} {shown(values[axis.title])}" for axis in axes if values.get(axis.title) is not None)
    points = []
    for x, axis in enumerate(axes):
        value = values.get(axis.title)
        place = None if value is None else axis.place(value, index / max(count - 1, 1))
        if place is None and x >= len(axes) - len(objectives):
            continue  # without an objective a line ends before its axis
        point: dict[str, Any] = {"trial": line.trial.number, "x": x, "y": _ABSENT if place is None else round(place, 5)}
        points.append(point | {"loss": line.loss, "state": line.trial.state, "said": said})
    return points


def _layers(
    rows: list[dict[str, Any]], axes: list[Axis], objective: Objective | None, chosen: list[_Line], best: Trial | None
) -> list[dict[str, Any]]:
    place = {"type": "quantitative", "axis": None}
    x = {"field": "x", "scale": {"domain": [0, max(len(axes) - 1, 1)], "nice": False}} | place
    y = {"field": "y", "scale": {"domain": [_ABSENT - 0.03, 1.12], "nice": False}} | place
    hints = tooltip(("trial", "trial"), ("state", "state"), ("said", "values"))
    route = {"x": x, "y": y, "detail": {"field": "trial", "type": "nominal"}, "order": {"field": "x"}, "tooltip": hints}
    look = {"interpolate": "monotone", "strokeJoin": "round"}
    valued = [row for row in rows if row["loss"] is not None]
    failed = [row for row in rows if row["loss"] is None]
    opacity = 0.75 if len(chosen) <= 150 else 0.4
    ticks = [{"x": index, "y": tick.place, "text": tick.text} for index, axis in enumerate(axes) for tick in axis.ticks]
    heads = [{"x": index, "y": 1.09, "text": axis.title} for index, axis in enumerate(axes)]
    stems = [{"x": index, "y": 0.0, "top": 1.0} for index in range(len(axes))]
    if any(row["y"] == _ABSENT for row in rows):
        absent = sorted({row["x"] for row in rows if row["y"] == _ABSENT})
        ticks += [{"x": index, "y": _ABSENT, "text": "not used"} for index in absent]
    text = {"field": "text", "type": "nominal"}
    at = {"x": x, "y": y, "text": text}
    layers = [
        {"data": {"values": failed}} | mark("line", route, **look, color="#b9c1cf", strokeDash=[3, 3], strokeWidth=1),
        {"data": {"values": valued}}
        | mark("line", route | {"color": _colour(objective, chosen)}, **look, strokeWidth=1.5, opacity=opacity),
        {"data": {"values": stems}}
        | mark("rule", {"x": x, "y": y, "y2": {"field": "top"}}, color="#7f8aa0", strokeWidth=1.2),
        {"data": {"values": [row for row in rows if best is not None and row["trial"] == best.number]}}
        | mark("line", route, **look, color=_BEST, strokeWidth=3),
        {"data": {"values": ticks}}
        | mark("text", at, align="right", dx=-6, fontSize=11, color="white", stroke="white", strokeWidth=3),
        {"data": {"values": ticks}} | mark("text", at, align="right", dx=-6, fontSize=11, color=QUIET),
        {"data": {"values": heads}}
        | mark("text", at, fontSize=12, fontWeight=600, color=INK, limit=_STEP - 10, baseline="middle"),
    ]
    return [layer for layer in layers if layer["data"]["values"]]


def _colour(objective: Objective | None, chosen: list[_Line]) -> dict[str, Any]:
    """Darker is better; values far from the best are all as pale."""
    losses = sorted(line.loss for line in chosen if line.loss is not None)
    if objective is None or not losses:
        return {"value": PALETTE[0]}
    ends = [losses[0], losses[min(int(_COLOURED * len(losses)), len(losses) - 1)]]
    value = "-datum.value" if objective.goal == MAXIMIZE else "datum.value"
    legend = {"title": objective.name, "labelExpr": f"format({value}, '.3~g')", "tickCount": 4}
    legend |= {"gradientLength": 140, "offset": 44}
    scale = {"range": list(_RAMP), "clamp": True, "domain": [ends[0] + (ends[1] - ends[0]) * part for part in _PARTS]}
    return {"field": "loss", "type": "quantitative", "scale": scale, "legend": legend}


def _notes(lines: list[_Line], chosen: list[_Line], best: Trial | None, objectives: tuple[Objective, ...]) -> list[str]:
    failed = sum(line.loss is None for line in lines) if objectives else 0
    words = [f"{len(lines):,} trials"]
    if len(chosen) < len(lines):
        words.append(f"{len(chosen):,} of them drawn, the best {_BEST_LINES} among them")
    if failed:
        words.append(f"{failed:,} without {objectives[0].name} (dashed)")
    if best is not None:
        words.append(
            f"best: trial {best.number}, {objectives[0].name} {shown(best.values[objectives[0].name])} (orange)"
        )
    return ["; ".join(words)]
