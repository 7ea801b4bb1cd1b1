"""Charts of any model that predicts: learning curves, summaries, residuals, outliers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.errors import InvalidInput
from forebear.media.table import Table
from forebear.plot.basic import bar
from forebear.plot.custom_chart import CustomChart
from forebear.plot.style import HEIGHT, PALETTE, QUIET, WIDTH
from forebear.sklearn.models import array, fitted, fresh, library, need, need_method, same_length

#: Share of samples that residuals are tested on.
TEST_SHARE = 0.2
_SETS = {"domain": ["train", "test"], "range": list(PALETTE[:2])}


def learning_curve(
    model: Any,
    X: Any,
    y: Any,
    cv: Any = None,
    shuffle: bool = False,
    random_state: Any = None,
    train_sizes: Sequence[float] | None = None,
    n_jobs: int | None = 1,
    scoring: Any = None,
) -> CustomChart:
    """Return the scores of a model that is trained on more and more samples, their spread over folds as a band.

    Arguments are those of ``sklearn.model_selection.learning_curve``.

    Cost: a fit for each size and fold; 25 by default.
    """
    need(model=model, X=X, y=y)
    same_length(X=X, y=y)
    sizes, train, test = library("model_selection").learning_curve(
        fresh(model),
        X,
        y,
        cv=cv,
        n_jobs=n_jobs,
        train_sizes=[0.1, 0.325, 0.55, 0.775, 1.0] if train_sizes is None else train_sizes,
        shuffle=shuffle,
        random_state=random_state,
        scoring=scoring,
    )
    data = [
        [name, size, row.mean(), row.std()]
        for name, scores in (("train", train), ("test", test))
        for size, row in zip(sizes, scores, strict=True)
    ]
    table = Table(columns=["dataset", "train_size", "score", "spread"], data=data)
    x = {"field": "train_size", "type": "quantitative", "title": "training samples", "scale": {"zero": False}}
    legend = {"symbolOpacity": 1, "symbolType": "circle"}
    color = {"field": "dataset", "type": "nominal", "title": None, "scale": _SETS, "legend": legend}
    band = {
        "mark": {"type": "area", "opacity": 0.18},
        "encoding": {"y": _score("low", "score"), "y2": {"field": "high"}},
    }
    line = {"mark": {"type": "line", "point": {"size": 40}}, "encoding": {"y": _score("score", "score")}}
    template = {
        "title": "Learning curve",
        "width": WIDTH,
        "height": HEIGHT,
        "transform": [
            {"calculate": "datum.score - datum.spread", "as": "low"},
            {"calculate": "datum.score + datum.spread", "as": "high"},
        ],
        "encoding": {"x": x, "color": color},
        "layer": [band, line],
    }
    return _chart("learning_curve", table, template)


def _score(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}}


def _chart(name: str, table: Table, template: dict[str, Any]) -> CustomChart:
    return CustomChart(f"sklearn/{name}", table, {str(column): column for column in table.columns}, template=template)


def summary_metrics(model: Any, X: Any, y: Any, X_test: Any, y_test: Any) -> CustomChart:
    """Return the usual scores of a model on test samples: accuracy, precision, recall and F1, or errors and R².

    A model that is not fitted is fitted on ``X`` and ``y``, as a copy. Precision, recall and F1 are means of the
    classes, weighted by their samples.
    """
    need(model=model, X=X, y=y, X_test=X_test, y_test=y_test)
    need_method(model, "predict")
    same_length(X_test=X_test, y_test=y_test)
    predicted = fitted(model, X, y).predict(X_test)
    metrics = library("metrics")
    if library("base").is_classifier(model):
        average = {"average": "weighted", "zero_division": 0}
        found = {
            "accuracy": metrics.accuracy_score(y_test, predicted),
            "precision": metrics.precision_score(y_test, predicted, **average),
            "recall": metrics.recall_score(y_test, predicted, **average),
            "f1": metrics.f1_score(y_test, predicted, **average),
        }
    else:
        found = {
            "mean absolute error": metrics.mean_absolute_error(y_test, predicted),
            "mean squared error": metrics.mean_squared_error(y_test, predicted),
            "R²": metrics.r2_score(y_test, predicted),
        }
    table = Table(columns=["metric", "value"], data=list(found.items()))
    return bar(table, "metric", "value", f"{type(model).__name__} on test samples")


def residuals(regressor: Any, X: Any, y: Any) -> CustomChart:
    """Return the errors of a regressor over its predictions, and how they are spread.

    A copy of it is fitted on 80 % of the samples; errors are prediction less truth.
    """
    need(regressor=regressor, X=X, y=y)
    need_method(regressor, "predict")
    same_length(X=X, y=y)
    X_train, X_test, y_train, y_test = library("model_selection").train_test_split(
        X, array(y), test_size=TEST_SHARE, random_state=0
    )
    model = fresh(regressor).fit(X_train, y_train)
    table = Table(columns=["dataset", "prediction", "residual"])
    notes = []
    for name, samples, truth in (("train", X_train, y_train), ("test", X_test, y_test)):
        predicted = array(model.predict(samples))
        for guess, error in zip(predicted, predicted - truth, strict=True):
            table.add_data(name, guess, error)
        notes.append(f"R² {name} {library('metrics').r2_score(truth, predicted):.3f}")
    color = {"field": "dataset", "type": "nominal", "title": None, "scale": _SETS}
    y_axis = {"field": "residual", "type": "quantitative", "title": "prediction − truth"}
    x_axis = {"field": "prediction", "type": "quantitative", "title": "prediction", "scale": {"zero": False}}
    points = {"mark": {"type": "point", "opacity": 0.6}, "encoding": {"x": x_axis, "y": y_axis, "color": color}}
    spread = {
        "width": 150,
        "height": HEIGHT,
        "mark": {"type": "bar", "opacity": 0.6},
        "encoding": {
            "y": {"field": "residual", "bin": {"maxbins": 30}, "title": None},
            "x": {"aggregate": "count", "stack": None, "title": "samples"},
            "color": color,
        },
    }
    template = {
        "title": {"text": "Residuals", "subtitle": ", ".join(notes)},
        "hconcat": [{"width": 460, "height": HEIGHT, "layer": [points, _level(0)]}, spread],
    }
    return _chart("residuals", table, template)


def _level(at: float) -> dict[str, Any]:
    """A dashed line across, at a number."""
    return {"mark": {"type": "rule", "color": QUIET, "strokeDash": [4, 4]}, "encoding": {"y": {"datum": at}}}


def outlier_candidates(regressor: Any, X: Any, y: Any) -> CustomChart:
    """Return the influence of each sample on a regression, as Cook's distance.

    A copy of the model is fitted on all samples. Samples beyond four divided by their number are marked. Source: R. D.
    Cook, "Detection of Influential Observation in Linear Regression", Technometrics 19 (1977).

    Raises:
        InvalidInput: there are no more samples than features.
    """
    need(regressor=regressor, X=X, y=y)
    need_method(regressor, "predict")
    same_length(X=X, y=y)
    import numpy as np  # loaded already: scikit-learn needs it

    samples, truth = array(X).astype(float), array(y).astype(float)
    if getattr(regressor, "fit_intercept", True):
        samples = np.column_stack([np.ones(len(samples)), samples])
    basis, sizes, _ = np.linalg.svd(samples, full_matrices=False)
    basis = basis[:, sizes > sizes[0] * 1e-10]
    count, features = basis.shape
    if count <= features:
        raise InvalidInput(
            f"there are {count} samples for {features} independent features; influence needs more samples",
            code="chart-data",
        )
    errors = truth - array(fresh(regressor).fit(X, y).predict(X))
    mean_square = float((errors**2).sum() / (count - features))
    # Errors that are those of rounding only say nothing of any sample.
    if mean_square <= 1e-24 * float((truth**2).mean()):
        errors, mean_square = np.zeros(count), 1.0
    # A sample that alone decides its fit has a leverage of 1.
    leverage = np.minimum((basis**2).sum(axis=1), 1 - 1e-9)
    distances = errors**2 / (features * mean_square) * leverage / (1 - leverage) ** 2
    limit = 4 / count
    table = Table(columns=["sample", "distance"], data=[[n, d] for n, d in enumerate(distances.tolist())])
    beyond = int((distances > limit).sum())
    color = {
        "condition": {"test": f"datum.distance > {limit!r}", "value": PALETTE[1]},
        "value": PALETTE[0],
    }
    stem = {
        "mark": {"type": "bar", "width": 2},
        "encoding": {
            "x": {"field": "sample", "type": "quantitative", "title": "sample", "scale": {"nice": False}},
            "y": {"field": "distance", "type": "quantitative", "title": "Cook's distance"},
            "color": color,
            "tooltip": [{"field": "sample"}, {"field": "distance", "type": "quantitative", "format": ".3g"}],
        },
    }
    note = f"{beyond:,} of {count:,} samples ({beyond / count:.1%}) are beyond 4/n = {limit:.3g}"
    template = {
        "title": {"text": "Outlier candidates", "subtitle": note},
        "width": WIDTH,
        "height": HEIGHT,
        "layer": [stem, _level(limit)],
    }
    return _chart("outlier_candidates", table, template)
