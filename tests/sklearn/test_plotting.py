"""Charts of models are logged to the current run, each under its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sklearn import cluster, datasets, ensemble, linear_model

import forebear
from forebear import sklearn as plots
from forebear.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from forebear.tracking.run import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FOREBEAR_STORE", str(tmp_path / "store"))
    return forebear.init(project="charts")


def charts_of(run: Run) -> set[str]:
    run.finish()
    summary = dict(run.summary)
    kinds = {key: value["_type"] for key, value in summary.items() if not key.startswith("_")}
    assert set(kinds.values()) == {"custom-chart"}
    tables = {artifact.collection_name for artifact in run.logged_artifacts()}
    assert tables == {f"run-{run.id}-{key}_table" for key in kinds}
    return set(kinds)


def test_a_classifier(run: Run) -> None:
    X, y = datasets.make_classification(80, random_state=0)
    model = ensemble.RandomForestClassifier(5, random_state=0).fit(X[:50], y[:50])
    plots.plot_classifier(
        model,
        X[:50],
        X[50:],
        y[:50],
        y[50:],
        model.predict(X[50:]),
        model.predict_proba(X[50:]),
        labels=["no", "yes"],
        is_binary=True,
        log_learning_curve=True,
    )
    assert charts_of(run) == {
        "feature_importances",
        "learning_curve",
        "class_proportions",
        "roc",
        "precision_recall",
        "confusion_matrix",
        "summary_metrics",
        "calibration_curve",
    }


def test_a_classifier_without_scores(run: Run) -> None:
    X, y = datasets.make_classification(80, random_state=0)
    model = linear_model.Perceptron(random_state=0).fit(X, y)
    plots.plot_classifier(model, X, X, y, y, model.predict(X), None, None, is_binary=True)
    assert charts_of(run) == {"feature_importances", "class_proportions", "confusion_matrix", "summary_metrics"}


def test_a_regressor(run: Run) -> None:
    X, y = datasets.make_regression(60, 4, noise=9.0, random_state=0)
    plots.plot_regressor(linear_model.Ridge(), X[:40], X[40:], y[:40], y[40:])
    assert charts_of(run) == {"summary_metrics", "learning_curve", "outlier_candidates", "residuals"}


@pytest.mark.parametrize("model", [cluster.KMeans(3, n_init=2, random_state=0), cluster.AgglomerativeClustering(3)])
def test_a_clusterer(run: Run, model: object) -> None:
    X, _ = datasets.make_blobs(40, random_state=0)
    plots.plot_clusterer(model, X, model.fit_predict(X), labels=["a", "b", "c"])  # type: ignore[attr-defined]
    elbow = {"elbow_curve"} if isinstance(model, cluster.KMeans) else set()
    assert charts_of(run) == elbow | {"silhouette_plot"}


def test_without_a_run_nothing_is_computed() -> None:
    class Untouchable:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

    with pytest.raises(
        Conflict, match=r"there is no run to log a chart to; begin one with forebear.init\(\)"
    ) as caught:
        plots.plot_learning_curve(Untouchable(), [[1]], [1])
    assert caught.value.code == "no-run"


@pytest.mark.parametrize(
    "name", [name for name in plots.__all__ if name not in ("plot_classifier", "plot_regressor", "plot_clusterer")]
)
def test_every_chart_says_what_it_lacks(run: Run, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"this chart needs [\w ]+, which are not given"):
        getattr(plots, name)()
    run.finish()
