"""Charts of classifiers: ROC and precision-recall curves, confusion matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from forebear.errors import InvalidInput
from forebear.media.table import Table
from forebear.plot import curves
from forebear.plot.custom_chart import CustomChart
from forebear.plot.labels import Scores, are_numbers_below, distinct, scores_of, values_of
from forebear.plot.sampling import MAX_POINTS, sample_note, spread

Curve = Callable[[curves.Counts], tuple[list[curves.Point], float]]


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return a receiver operating characteristic for each class against the others, its AUC in the legend.

    Args:
        y_true: Class of each sample.
        y_probas: A row of scores a sample, one a class; or one score a sample, for the second of two classes.
        labels: Names of the classes, in the order of the columns.
        classes_to_plot: Values of ``y_true`` to draw; all without it.
        split_table: Log the table into a section of its own.

    Raises:
        InvalidInput: sizes differ, or no class has samples both in it and outside it.

    Cost: about 2 µs a sample and class. A curve keeps at most its share of 10,000 points; its AUC is that of all.
    """
    table, notes = _curves(scores_of(y_true, y_probas, labels), classes_to_plot, curves.roc, ("fpr", "tpr", "auc"))
    strings = {"title": title, "x-axis-title": "False positive rate", "y-axis-title": "True positive rate"}
    return _area(table, strings | {"area-name": "AUC", "chance": "yes"}, notes, split_table)


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int | None = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return precision over recall for each class against the others, its average precision (AP) in the legend.

    Args:
        y_true: Class of each sample.
        y_probas: A row of scores a sample, one a class; or one score a sample, for the second of two classes.
        labels: Names of the classes, in the order of the columns.
        classes_to_plot: Values of ``y_true`` to draw; all without it.
        interp_size: Draw the best precision reached at each of this many evenly spaced recalls or beyond it; ``None``
            draws the curve as it is.
        split_table: Log the table into a section of its own.

    Raises:
        InvalidInput: sizes differ, or no class has samples both in it and outside it.

    Cost: about 2 µs a sample and class. AP is that of all samples, not of the points drawn.
    """
    if interp_size is not None and interp_size < 2:
        raise InvalidInput(f"interp_size is 2 or more, or None, not {interp_size}", code="chart-data")

    def curve(counts: curves.Counts) -> tuple[list[curves.Point], float]:
        points, average = curves.precision_recall(counts)
        return (points if interp_size is None else curves.interpolated(points, interp_size)), average

    columns = ("recall", "precision", "average_precision")
    table, notes = _curves(scores_of(y_true, y_probas, labels), classes_to_plot, curve, columns)
    strings = {"title": title, "x-axis-title": "Recall", "y-axis-title": "Precision", "area-name": "AP"}
    return _area(table, strings, notes, split_table)


def _curves(
    scores: Scores, wanted: Sequence[Any] | None, curve: Curve, columns: tuple[str, str, str]
) -> tuple[Table, list[str]]:
    """The points of the curves of all classes as a table: class, x, y, area; and what to say of them."""
    chosen = _chosen(scores, wanted)
    rows: list[list[Any]] = []
    total, empty = 0, []
    limit = MAX_POINTS // max(1, len(chosen))
    for index in chosen:
        positive = [item == scores.classes[index] for item in scores.truth]
        if len(set(positive)) < 2:
            empty.append(scores.names[index])
            continue
        points, area = curve(curves.cumulated(positive, scores.columns[index]))
        kept = spread(points, limit) if len(points) > limit else points
        total += len(points)
        rows += [[scores.names[index], x, y, area] for x, y in kept]
    if not rows:
        raise InvalidInput(
            f"no curve can be drawn: none of the classes {empty} has samples both in it and outside it",
            code="chart-data",
        )
    notes = [f"no curve for {', '.join(empty)}: it needs samples both in the class and outside it"] if empty else []
    notes += sample_note(len(rows), total, "points; areas are those of all")
    return Table(columns=["class", *columns], data=rows), notes


def _chosen(scores: Scores, wanted: Sequence[Any] | None) -> list[int]:
    if wanted is None:
        return list(range(len(scores.classes)))
    values = values_of(wanted, "classes_to_plot")
    unknown = [value for value in values if value not in scores.classes and value not in scores.names]
    if unknown:
        raise InvalidInput(
            f"classes_to_plot has {unknown[0]!r}, but the classes are {scores.classes}", code="chart-data"
        )
    return [
        index
        for index, (item, name) in enumerate(zip(scores.classes, scores.names, strict=True))
        if item in values or name in values
    ]


def _area(table: Table, strings: dict[str, str], notes: list[str], split_table: bool) -> CustomChart:
    name, x, y, area = table.columns
    fields = {"x": x, "y": y, "class": name, "area": area}
    strings |= {"note": ". ".join(notes)} if notes else {}
    return CustomChart("forebear/area-under-curve", table, fields, strings, split_table)


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return how often each class was predicted for each actual class.

    Args:
        probs: A row of scores a sample; the class of the highest is the prediction. Give these or ``preds``.
        y_true: Actual class of each sample: an index into ``class_names``, or any value.
        preds: Predicted class of each sample, of the same kind.
        class_names: Names of the classes in order; also the classes themselves when ``y_true`` holds names.
        split_table: Log the table into a section of its own.

    Raises:
        InvalidInput: both or neither of ``probs`` and ``preds`` are given, sizes differ, or a class has no name.
    """
    if (probs is None) == (preds is None):
        raise InvalidInput("give either probs or preds, not both and not neither", code="chart-data")
    truth = values_of(y_true, "y_true")
    names = None if class_names is None else [str(name) for name in values_of(class_names, "class_names")]
    if probs is not None:
        scores = scores_of(truth, probs, names)
        predicted = [_best(scores, sample) for sample in range(len(truth))]
        width = len(scores.columns)
        names = names or (scores.names if width > 1 else None)
    else:
        predicted = values_of(preds, "preds")
    if len(predicted) != len(truth) or not truth:
        raise InvalidInput(
            f"y_true has {len(truth)} samples and the predictions are {len(predicted)}; give as many of each",
            code="chart-data",
        )
    return _matrix(*_named(truth, predicted, names), title, split_table)


def _best(scores: Scores, sample: int) -> Any:
    if len(scores.columns) == 1:
        others = [item for item in distinct(scores.truth) if item != scores.classes[0]]
        return scores.classes[0] if scores.columns[0][sample] >= 0.5 or not others else others[0]
    return scores.classes[max(range(len(scores.columns)), key=lambda index: scores.columns[index][sample])]


def _named(truth: list[Any], predicted: list[Any], names: list[str] | None) -> tuple[list[str], list[str], list[str]]:
    """Names of actual and predicted classes, and all names in order."""
    found = distinct([*truth, *predicted])
    if names is None:
        order = [str(item) for item in found]
        return [str(item) for item in truth], [str(item) for item in predicted], order
    if are_numbers_below(found, len(names)):
        return [names[int(item)] for item in truth], [names[int(item)] for item in predicted], names
    unnamed = [item for item in found if str(item) not in names]
    if not unnamed:
        return [str(item) for item in truth], [str(item) for item in predicted], names
    if len(found) == len(names):
        of = dict(zip(found, names, strict=True))
        return [of[item] for item in truth], [of[item] for item in predicted], names
    wrong = next((item for item in unnamed if not are_numbers_below([item], len(names))), unnamed[0])
    raise InvalidInput(
        f"class {wrong!r} is neither one of the {len(names)} class_names {names[:5]} nor an index into them",
        code="chart-data",
    )


def _matrix(actual: list[str], predicted: list[str], order: list[str], title: str, split_table: bool) -> CustomChart:
    counts = Counter(zip(actual, predicted, strict=True))
    rows = [[mine, theirs, counts[mine, theirs]] for mine in order for theirs in order]
    table = Table(columns=["Actual", "Predicted", "nPredictions"], data=rows)
    fields = {str(name): name for name in table.columns}
    return CustomChart("forebear/confusion_matrix", table, fields, {"title": title}, split_table)
