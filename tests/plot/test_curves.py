"""ROC and precision-recall curves are those of scikit-learn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from forebear.errors import InvalidInput
from forebear.plot import confusion_matrix, pr_curve, roc_curve
from forebear.plot.curves import cumulated, interpolated, precision_recall, roc
from forebear.plot.sampling import MAX_POINTS, drawn, outlined, spread

samples = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])), min_size=2)
mixed = samples.filter(lambda pairs: len({positive for positive, _ in pairs}) == 2)


@given(mixed)
def test_roc_is_that_of_sklearn(pairs: list[tuple[bool, float]]) -> None:
    truth, scores = [p for p, _ in pairs], [s for _, s in pairs]
    points, area = roc(cumulated(truth, scores))
    fpr, tpr, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(points, np.column_stack([fpr, tpr]))
    assert area == pytest.approx(metrics.roc_auc_score(truth, scores))


@given(mixed)
def test_precision_and_recall_are_those_of_sklearn(pairs: list[tuple[bool, float]]) -> None:
    truth, scores = [p for p, _ in pairs], [s for _, s in pairs]
    points, average = precision_recall(cumulated(truth, scores))
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    np.testing.assert_allclose(points, np.column_stack([recall, precision])[-2::-1])
    assert average == pytest.approx(metrics.average_precision_score(truth, scores))


@given(mixed, st.integers(2, 30))
def test_interpolated_precision_is_the_best_from_there_on(pairs: list[tuple[bool, float]], size: int) -> None:
    points, _ = precision_recall(cumulated([p for p, _ in pairs], [s for _, s in pairs]))
    found = interpolated(points, size)
    assert [recall for recall, _ in found] == [number / (size - 1) for number in range(size)]
    for wanted, best in found:
        assert best == max(precision for recall, precision in points if recall >= wanted)


@pytest.fixture(scope="module")
def three() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 400)
    scores = random.random((400, 3)) + np.eye(3)[truth] * 0.4
    return truth, scores / scores.sum(axis=1, keepdims=True)


def test_a_curve_for_each_class(three: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = three
    chart = roc_curve(truth, scores, labels=["cat", "dog", "bird"])
    assert chart.table.columns == ["class", "fpr", "tpr", "auc"]
    areas = {row[0]: row[3] for row in chart.table.data}
    for index, name in enumerate(["cat", "dog", "bird"]):
        assert areas[name] == pytest.approx(metrics.roc_auc_score(truth == index, scores[:, index]))
        assert f"{name} (AUC {areas[name]:.3f})" in chart.to_svg()
        mine = [(row[1], row[2]) for row in chart.table.data if row[0] == name]
        # Points on straight pieces are left out, so the curve is the same, and no point is made up.
        assert metrics.auc(*zip(*mine, strict=True)) == pytest.approx(areas[name])
        fpr, tpr, _ = metrics.roc_curve(truth == index, scores[:, index], drop_intermediate=False)
        assert set(mine) <= set(zip(fpr.tolist(), tpr.tolist(), strict=True))


def test_classes_that_are_chosen(three: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = three
    for chosen in ([2, 0], ["bird", "cat"]):
        chart = roc_curve(truth, scores, labels=["cat", "dog", "bird"], classes_to_plot=chosen)
        assert list(dict.fromkeys(chart.table.get_column("class"))) == ["cat", "bird"]
    with pytest.raises(InvalidInput, match=r"classes_to_plot has 7, but the classes are \[0, 1, 2\]"):
        pr_curve(truth, scores, classes_to_plot=[7])


def test_text_classes_stand_for_columns_in_order(three: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = three
    named = np.array(["a", "b", "c"])[truth]
    areas = [row[3] for row in roc_curve(named, scores).table.data]
    assert areas == [row[3] for row in roc_curve(truth, scores).table.data]
    # A class without samples has no curve, and its column is still its own.
    some = truth != 1
    chart = roc_curve(named[some], scores[some], labels=["a", "b", "c"])
    assert list(dict.fromkeys(chart.table.get_column("class"))) == ["a", "c"]
    assert "no curve for b: it needs samples both in the class and outside it" in str(chart.spec()["title"])
    assert chart.table.data[-1][3] == pytest.approx(metrics.roc_auc_score(named[some] == "c", scores[some, 2]))


def test_one_score_a_sample_is_that_of_the_second_class() -> None:
    truth, scores = ["no", "yes", "no", "yes"], np.array([0.1, 0.4, 0.5, 0.9])
    chart = roc_curve(truth, scores)
    assert {row[0] for row in chart.table.data} == {"yes"}
    assert chart.table.data[0][3] == pytest.approx(0.75)
    assert chart.table.data == roc_curve(truth, scores.reshape(-1, 1)).table.data
    assert roc_curve([0, 1, 0, 1], scores, labels=["no", "yes"]).table.data == chart.table.data


def test_precision_recall_charts(three: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = three
    chart = pr_curve(truth, scores)
    assert chart.table.columns == ["class", "recall", "precision", "average_precision"]
    assert len(chart.table) == 3 * 21
    assert chart.table.data[0][3] == pytest.approx(metrics.average_precision_score(truth == 0, scores[:, 0]))
    assert len(pr_curve(truth, scores, interp_size=5).table) == 15
    assert len(pr_curve(truth, scores, interp_size=None).table) == 1_200
    with pytest.raises(InvalidInput, match="interp_size is 2 or more, or None, not 1"):
        pr_curve(truth, scores, interp_size=1)


@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        (None, [[1, 0]], "y_true is None; give a list or an array"),
        ([0, 1], [[1, 0]], "y_true has 2 samples and y_probas 1"),
        ([], [], "and one or more"),
        ([0, 1], [[1, 0], [1]], "differ in length"),
        ([0, 1], [[1, 0], [0, float("nan")]], "sample 1 of y_probas has the score nan"),
        ([0, 1], ["a", "b"], "sample 0 of y_probas has the score 'a'"),
        ([0, 1, 2], [0.1, 0.2, 0.3], r"one score a sample, but y_true has the 3 classes \[0, 1, 2\]"),
        (["a", "b", "c"], [[1, 0]] * 3, r"y_probas has 2 columns, but y_true has the 3 classes \['a', 'b', 'c'\]"),
        (["a", 1], [[1, 0]] * 2, "the classes cannot be put in order"),
        ([0, 0], [[1, 0]] * 2, r"none of the classes \['0', '1'\] has samples both in it and outside it"),
    ],
)
def test_scores_that_make_no_curve(truth: object, scores: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        roc_curve(truth, scores)


def test_labels_are_as_many_as_classes() -> None:
    with pytest.raises(InvalidInput, match="labels has 3 names for 2 classes"):
        roc_curve([0, 1], [[1, 0], [0, 1]], labels=["a", "b", "c"])


def test_a_long_curve_is_thinned_and_says_so() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 60_000)
    scores = random.random(60_000) + truth * 0.2
    chart = roc_curve(truth, scores)
    assert 5_000 < len(chart.table) <= MAX_POINTS
    assert chart.table.data[0][3] == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert (chart.table.data[0][1:3], chart.table.data[-1][1:3]) == ([0, 0], [1, 1])
    assert f"{len(chart.table):,} of 60,001 points; areas are those of all" in str(chart.spec()["title"]["subtitle"])


# -- fewer points ---------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(4, 50))
def test_an_outline_keeps_extremes_and_ends(values: list[float], limit: int) -> None:
    points = [{"x": x, "y": y} for x, y in enumerate(values)]
    found = outlined(points, limit)
    assert len(found) <= max(limit, min(len(points), limit))
    assert [point["x"] for point in found] == sorted({point["x"] for point in found})
    heights = [point["y"] for point in found]
    assert (min(heights), max(heights)) == (min(values), max(values))
    assert (found[0], found[-1]) == (points[0], points[-1])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=100), st.integers(2, 40))
def test_a_thinned_curve_has_only_points_of_the_curve(steps: list[tuple[int, int]], limit: int) -> None:
    points = [(0.0, 0.0)]
    for dx, dy in steps:
        points.append((points[-1][0] + dx, points[-1][1] + dy))
    found = spread(points, limit)
    assert len(found) <= limit or len(found) == 2
    assert (found[0], found[-1]) == (points[0], points[-1])
    assert set(found) <= set(points)
    assert all(before[0] <= after[0] and before[1] <= after[1] for before, after in pairwise(found))


def test_a_drawing_of_lots_is_the_same_every_time() -> None:
    assert drawn(range(5), 5) == [0, 1, 2, 3, 4]
    found = drawn(range(1_000), 10)
    assert found == drawn(range(1_000), 10) == sorted(set(found))
    assert len(found) == 10


# -- confusion matrices ---------------------------------------------------------------------------------------------


def test_a_confusion_matrix_is_that_of_sklearn(three: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = three
    expected = metrics.confusion_matrix(truth, scores.argmax(axis=1)).ravel().tolist()
    names = ["cat", "dog", "bird"]
    for chart in (
        confusion_matrix(probs=scores, y_true=truth, class_names=names),
        confusion_matrix(y_true=truth, preds=scores.argmax(axis=1), class_names=names),
        confusion_matrix(
            y_true=np.array(names)[truth], preds=np.array(names)[scores.argmax(axis=1)], class_names=names
        ),
    ):
        assert chart.table.columns == ["Actual", "Predicted", "nPredictions"]
        assert chart.table.get_column("nPredictions") == expected
        assert chart.table.get_column("Actual")[::3] == names
    without = confusion_matrix(y_true=truth, preds=scores.argmax(axis=1))
    assert without.table.get_column("Actual")[::3] == ["0", "1", "2"]
    diagonal = sum(expected[::4])
    assert f"{diagonal} of 400 on the diagonal ({diagonal / 400:.1%})" in without.to_svg()


def test_classes_of_a_confusion_matrix() -> None:
    chart = confusion_matrix(y_true=[5, 7, 5], preds=[5, 7, 7], class_names=["five", "seven"])
    assert chart.table.data == [["five", "five", 1], ["five", "seven", 1], ["seven", "five", 0], ["seven", "seven", 1]]
    never = confusion_matrix(y_true=[0], preds=[0], class_names=["a", "b"])
    assert never.table.get_column("nPredictions") == [1, 0, 0, 0]
    one = confusion_matrix(probs=[0.2, 0.7, 0.6], y_true=["no", "yes", "no"])
    assert one.table.get_column("nPredictions") == [1, 1, 0, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either probs or preds"),
        ({"probs": [[1]], "preds": [1]}, "either probs or preds"),
        ({"preds": [1]}, "y_true has 2 samples and the predictions are 1"),
        ({"preds": [0, 9], "class_names": ["a", "b"]}, "class 5 is neither one of the 2 class_names"),
        ({"preds": 5}, "preds is 5; give a list"),
    ],
)
def test_what_is_no_confusion_matrix(given: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        confusion_matrix(y_true=[0, 1] if given.get("class_names") is None else [0, 5], **given)  # type: ignore[arg-type]
