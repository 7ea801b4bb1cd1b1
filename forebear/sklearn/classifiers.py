"""Charts of classifiers, computed and not yet logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from forebear.errors import InvalidInput
from forebear.media.table import Table
from forebear.plot import curves
from forebear.plot.basic import bar
from forebear.plot.classification import pr_curve, roc_curve
from forebear.plot.custom_chart import CustomChart
from forebear.plot.labels import Scores, distinct, scores_of, values_of
from forebear.plot.style import WIDTH
from forebear.sklearn.models import (
    array,
    feature_names,
    fresh,
    label_names,
    library,
    need,
    need_method,
    same_length,
)

#: Bins of the scores in a calibration curve, and the share of samples that it is measured on.
CALIBRATION_BINS = 10
HELD_OUT = 0.5
#: Points of an averaged curve.
AVERAGED_POINTS = 201


def roc(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[Any] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> CustomChart:
    """Return a ROC for each class, and for three classes or more their averages.

    Args:
        plot_micro: Draw the curve of all decisions taken together.
        plot_macro: Draw the mean of the curves of the classes.
    """
    need(y_true=y_true, y_probas=y_probas)
    chart = roc_curve(y_true, y_probas, labels, classes_to_plot)
    scores = scores_of(y_true, y_probas, labels)
    if len(scores.columns) > 2:
        if plot_micro:
            _add_curve(chart.table, "micro-average", *curves.roc(_pooled(scores)))
        if plot_macro:
            _add_curve(chart.table, "macro-average", *_macro(scores))
    return chart


def precision_recall(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[Any] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> CustomChart:
    """Return precision over recall for each class, and for three classes or more that of all decisions together."""
    need(y_true=y_true, y_probas=y_probas)
    chart = pr_curve(y_true, y_probas, labels, classes_to_plot)
    scores = scores_of(y_true, y_probas, labels)
    if plot_micro and len(scores.columns) > 2:
        points, area = curves.precision_recall(_pooled(scores))
        _add_curve(chart.table, "micro-average", curves.interpolated(points, 21), area)
    return chart


def _pooled(scores: Scores) -> curves.Counts:
    """The decisions of all classes as if they were those of one."""
    positive = [item == cls for cls in scores.classes for item in scores.truth]
    return curves.cumulated(positive, [score for column in scores.columns for score in column])


def _macro(scores: Scores) -> tuple[list[curves.Point], float]:
    """The mean over classes of the true positive rate at each false positive rate."""
    import numpy as np  # loaded already: scikit-learn needs it

    grid = np.linspace(0, 1, AVERAGED_POINTS)
    heights, areas = [], []
    for cls, column in zip(scores.classes, scores.columns, strict=True):
        positive = [item == cls for item in scores.truth]
        if len(set(positive)) == 2:
            points, area = curves.roc(curves.cumulated(positive, column))
            # At a rate that the curve climbs at, interp gives the top of the climb.
            heights.append(np.interp(grid, [x for x, _ in points], [y for _, y in points]))
            areas.append(area)
    mean = [(0.0, 0.0), *zip(grid.tolist(), np.mean(heights, axis=0).tolist(), strict=True)]
    return mean, float(np.mean(areas))


def _add_curve(table: Table, name: str, points: list[curves.Point], area: float) -> None:
    from forebear.plot.sampling import MAX_POINTS, spread  # loaded already

    for x, y in spread(points, MAX_POINTS // 10):
        table.add_data(name, x, y, area)


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[Any] | None = None,
    true_labels: Sequence[Any] | None = None,
    pred_labels: Sequence[Any] | None = None,
    normalize: bool = False,
) -> CustomChart:
    """Return how often each class was predicted for each actual class.

    Args:
        labels: Names of the classes, in order.
        true_labels: Actual classes that are shown, by value or name; all without it.
        pred_labels: Predicted classes that are shown.
        normalize: Show shares of the actual class.
    """
    need(y_true=y_true, y_pred=y_pred)
    truth, predicted = values_of(y_true, "y_true"), values_of(y_pred, "y_pred")
    same_length(y_true=truth, y_pred=predicted)
    classes = distinct([*truth, *predicted])
    names = label_names(classes, labels)
    rows = _chosen(classes, names, true_labels, "true_labels")
    columns = _chosen(classes, names, pred_labels, "pred_labels")
    counts, totals = Counter(zip(truth, predicted, strict=True)), Counter(truth)
    data = [
        [names[a], names[p], counts[a, p] / max(1, totals[a]) if normalize else counts[a, p]]
        for a in rows
        for p in columns
    ]
    table = Table(columns=["Actual", "Predicted", "nPredictions"], data=data)
    title = "Normalized confusion matrix" if normalize else "Confusion matrix"
    fields = {str(name): name for name in table.columns}
    return CustomChart("forebear/confusion_matrix", table, fields, {"title": title})


def _chosen(classes: list[Any], names: dict[Any, str], wanted: Sequence[Any] | None, what: str) -> list[Any]:
    if wanted is None:
        return classes
    found = [item for item in classes if item in wanted or names[item] in wanted]
    if len(found) != len(wanted):
        raise InvalidInput(f"{what} is {list(wanted)}, but the classes are {list(names.values())}", code="chart-data")
    return found


def feature_importances(
    model: Any,
    feature_names_: Sequence[Any] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = 50,
) -> CustomChart:
    """Return the features that matter most to a fitted model: by its importances, or the size of its coefficients."""
    need(model=model)
    last = model[-1] if hasattr(model, "steps") else model
    found = getattr(last, "feature_importances_", None)
    if found is None and getattr(last, "coef_", None) is not None:
        # Of several classes, how far a feature moves them on average.
        weights = array(last.coef_)
        found = abs(weights).mean(axis=0) if weights.ndim > 1 and weights.shape[0] > 1 else weights.ravel()
    if found is None:
        raise InvalidInput(
            f"a {type(last).__name__} has neither feature_importances_ nor coef_; fit it, or take another",
            code="chart-model",
        )
    values = array(found).tolist()
    names = feature_names(last, feature_names_, len(values))
    largest = sorted(zip(names, values, strict=True), key=lambda pair: -abs(pair[1]))[:max_num_features]
    table = Table(columns=["feature", "importance"], data=largest)
    return bar(table, "feature", "importance", title)


def class_proportions(y_train: Any, y_test: Any, labels: Sequence[Any] | None = None) -> CustomChart:
    """Return how many samples each class has for training and for testing."""
    need(y_train=y_train, y_test=y_test)
    sets = {"train": Counter(values_of(y_train, "y_train")), "test": Counter(values_of(y_test, "y_test"))}
    classes = distinct([item for counts in sets.values() for item in counts])
    names = label_names(classes, labels)
    data = [[names[item], name, counts[item]] for item in classes for name, counts in sets.items()]
    table = Table(columns=["class", "dataset", "count"], data=data)
    encoding = {
        "x": {"field": "class", "type": "nominal", "sort": None, "axis": {"labelAngle": 0}},
        "xOffset": {"field": "dataset", "sort": ["train", "test"]},
        "y": {"field": "count", "type": "quantitative", "title": "samples"},
        "color": {"field": "dataset", "type": "nominal", "sort": ["train", "test"], "title": None},
        "tooltip": [{"field": name} for name in ("class", "dataset", "count")],
    }
    template = {"title": "Class proportions", "width": WIDTH, "height": 320, "mark": "bar", "encoding": encoding}
    return CustomChart(
        "sklearn/class_proportions", table, {n: n for n in ("class", "dataset", "count")}, template=template
    )


def calibration_curve(clf: Any, X: Any, y: Any, clf_name: str = "Classifier") -> CustomChart:
    """Return how often samples of a score are positive, for a model of two classes and for corrections of it.

    Copies of the model are fitted on half of the samples and measured on the other half; a logistic regression is
    drawn beside them. The legend has Brier scores, of which less is better.

    Cost: seven fits of the model on half of the samples.
    """
    need(clf=clf, X=X, y=y)
    need_method(clf, "predict_proba")
    same_length(X=X, y=y)
    classes = distinct(values_of(y, "y"))
    if len(classes) != 2:
        raise InvalidInput(f"a calibration curve is of two classes, but y has {len(classes)}", code="chart-data")
    selection, calibration, metrics = library("model_selection"), library("calibration"), library("metrics")
    X_train, X_test, y_train, y_test = selection.train_test_split(
        X, array(y), test_size=HELD_OUT, random_state=0, stratify=array(y)
    )
    corrected = {
        f"{clf_name}, {method}": calibration.CalibratedClassifierCV(fresh(clf), method=method, cv=2)
        for method in ("isotonic", "sigmoid")
    }
    logistic = library("linear_model").LogisticRegression(max_iter=1_000)
    table = Table(columns=["classifier", "score", "positives", "brier"])
    positive = y_test == classes[1]
    for name, model in {clf_name: fresh(clf), **corrected, "Logistic regression": logistic}.items():
        scores = model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
        brier = metrics.brier_score_loss(positive, scores)
        shares, means = calibration.calibration_curve(positive, scores, n_bins=CALIBRATION_BINS)
        for share, mean in zip(shares, means, strict=True):
            table.add_data(name, mean, share, brier)
    fields = {"x": "score", "y": "positives", "class": "classifier", "area": "brier"}
    strings = {
        "title": "Calibration curve",
        "x-axis-title": "Mean predicted score",
        "y-axis-title": "Share of positives",
        "area-name": "Brier",
        "legend-title": "classifier",
        "chance": "yes",
    }
    return CustomChart("forebear/area-under-curve", table, fields, strings)
