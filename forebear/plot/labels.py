"""Which column of probabilities stands for which class, and what the classes are called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from forebear.errors import InvalidInput


class Scores(NamedTuple):
    """True classes, and for each class a list of scores.

    Attributes:
        truth: Class of each sample, as it was given.
        classes: The class of each column.
        names: Name of each class, for people.
        columns: Scores of all samples, one list a class.
    """

    truth: list[Any]
    classes: list[Any]
    names: list[str]
    columns: list[list[float]]


def values_of(given: Any, what: str) -> list[Any]:
    """Return a list, array, series or tensor as a list.

    Raises:
        InvalidInput: it is nothing of that kind, or ``None``.
    """
    if hasattr(given, "to_numpy") and not hasattr(given, "tolist"):
        given = given.to_numpy()  # a data frame
    plain = given.tolist() if callable(getattr(given, "tolist", None)) else given
    if plain is None or isinstance(plain, (str, bytes, dict)) or not hasattr(plain, "__iter__"):
        raise InvalidInput(f"{what} is {given!r:.60}; give a list or an array", code="chart-data")
    # Lists of numpy's numbers are lists of numbers.
    return [item.tolist() if callable(getattr(item, "tolist", None)) else item for item in plain]


def scores_of(y_true: Any, y_probas: Any, labels: Sequence[Any] | None) -> Scores:
    """Return truth and scores with the classes put in order.

    Args:
        y_true: Class of each sample: numbers of columns, or any values that sort.
        y_probas: A row of scores a sample, one a class; or one number a sample, the score of the second of two classes.
        labels: Names of the classes in the order of the columns.

    Raises:
        InvalidInput: sizes differ, a score is no number, or classes and columns cannot be matched.
    """
    truth, rows = values_of(y_true, "y_true"), values_of(y_probas, "y_probas")
    if len(truth) != len(rows) or not truth:
        raise InvalidInput(
            f"y_true has {len(truth)} samples and y_probas {len(rows)}; give as many of each, and one or more",
            code="chart-data",
        )
    binary = not isinstance(rows[0], (list, tuple))
    columns = [_scores(rows)] if binary else _columns(rows)
    if binary or len(columns) == 1:
        found = _binary(truth, columns[0], labels)
    else:
        classes = _classes(truth, len(columns), labels)
        found = Scores(truth, classes, _names(classes, labels), columns)
    return found


def _columns(rows: list[Any]) -> list[list[float]]:
    width = len(rows[0])
    if not all(isinstance(row, (list, tuple)) and len(row) == width for row in rows) or width == 0:
        raise InvalidInput("the rows of y_probas differ in length; give one score a class in each", code="chart-data")
    return [_scores(list(column)) for column in zip(*rows, strict=True)]


def _scores(column: list[Any]) -> list[float]:
    for number, score in enumerate(column):
        if not isinstance(score, (int, float)) or math.isnan(score):
            raise InvalidInput(f"sample {number} of y_probas has the score {score!r:.60}, no number", code="chart-data")
    return column


def _binary(truth: list[Any], column: list[float], labels: Sequence[Any] | None) -> Scores:
    classes = distinct(truth)
    if len(classes) > 2:
        raise InvalidInput(
            f"y_probas has one score a sample, but y_true has the {len(classes)} classes {classes[:5]}; "
            "give one score for each class",
            code="chart-data",
        )
    positive = classes[-1]
    named = labels is not None and len(labels) == 2
    return Scores(truth, [positive], [str(labels[1]) if named and labels else str(positive)], [column])


def distinct(values: list[Any]) -> list[Any]:
    """Return the values that there are, sorted.

    Raises:
        InvalidInput: they cannot be sorted or told apart.
    """
    try:
        return sorted(set(values))
    except TypeError as err:
        raise InvalidInput(f"the classes cannot be put in order: {err}", code="chart-data") from err


def _classes(truth: list[Any], width: int, labels: Sequence[Any] | None) -> list[Any]:
    found = distinct(truth)
    if are_numbers_below(found, width):
        return list(range(width))
    if len(found) == width:
        return found
    if labels is not None and len(labels) == width and set(found) <= set(labels):
        return list(labels)
    raise InvalidInput(
        f"y_probas has {width} columns, but y_true has the {len(found)} classes {found[:5]}; give a column for each, "
        "or name the classes of the columns with labels",
        code="chart-data",
    )


def are_numbers_below(classes: list[Any], count: int) -> bool:
    """Whether classes are whole numbers from 0 to below ``count``."""
    return all(isinstance(item, int) or (isinstance(item, float) and item.is_integer()) for item in classes) and all(
        0 <= item < count for item in classes
    )


def _names(classes: list[Any], labels: Sequence[Any] | None) -> list[str]:
    if labels is None:
        return [str(item) for item in classes]
    names = values_of(labels, "labels")
    if len(names) != len(classes):
        raise InvalidInput(f"labels has {len(names)} names for {len(classes)} classes", code="chart-data")
    return [str(name) for name in names]
