"""Charts of real models of scikit-learn show what scikit-learn says of them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn import (
    calibration,
    cluster,
    datasets,
    ensemble,
    linear_model,
    metrics,
    model_selection,
    pipeline,
    preprocessing,
    svm,
)

from forebear.errors import InvalidInput, Unsupported
from forebear.media.registry import revive
from forebear.sklearn import classifiers, clusterers, estimators
from tests.media.kept_files import Files

if TYPE_CHECKING:
    from forebear.plot import CustomChart

IRIS = datasets.load_iris()
NAMES = IRIS.target_names.tolist()
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = model_selection.train_test_split(
    IRIS.data, IRIS.target, test_size=0.4, random_state=0
)
FOREST = ensemble.RandomForestClassifier(10, max_depth=2, random_state=0).fit(X_TRAIN, Y_TRAIN)
X_NUMBERS, Y_NUMBERS = datasets.make_regression(60, 4, noise=9.0, random_state=0)
RIDGE = linear_model.Ridge()
KMEANS = cluster.KMeans(3, n_init=2, random_state=0)


def drawn(chart: CustomChart) -> str:
    """Draw a chart, look whether it comes back, and return the picture."""
    files = Files()
    back = revive(json.loads(json.dumps(chart.to_json(files))), files.read)
    assert back == chart
    assert chart.to_png(scale=0.5).startswith(b"\x89PNG")
    return chart.to_svg()


def column(chart: CustomChart, name: str) -> list[Any]:
    return chart.table.get_column(name)  # type: ignore[no-any-return]


# -- classifiers ----------------------------------------------------------------------------------------------------


def test_roc_with_averages() -> None:
    scores = FOREST.predict_proba(X_TEST)
    chart = classifiers.roc(Y_TEST, scores, NAMES)
    areas = dict(zip(column(chart, "class"), column(chart, "auc"), strict=True))
    assert list(areas) == [*NAMES, "micro-average", "macro-average"]
    flags = preprocessing.label_binarize(Y_TEST, classes=[0, 1, 2])
    assert areas["micro-average"] == pytest.approx(metrics.roc_auc_score(flags, scores, average="micro"))
    assert areas["macro-average"] == pytest.approx(metrics.roc_auc_score(flags, scores, average="macro"))
    assert f"macro-average (AUC {areas['macro-average']:.3f})" in drawn(chart)
    plain = classifiers.roc(Y_TEST, scores, NAMES, plot_micro=False, plot_macro=False, classes_to_plot=[1])
    assert set(column(plain, "class")) == {"versicolor"}
    two = classifiers.roc([0, 1, 0, 1], [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])
    assert set(column(two, "class")) == {"0", "1"}


def test_the_macro_average_is_the_mean_curve() -> None:
    chart = classifiers.roc(Y_TEST, FOREST.predict_proba(X_TEST), NAMES, plot_micro=False)
    mean = [(row[1], row[2]) for row in chart.table.data if row[0] == "macro-average"]
    assert (mean[0], mean[-1]) == ((0.0, 0.0), (1.0, 1.0))
    areas = dict(zip(column(chart, "class"), column(chart, "auc"), strict=True))
    # The curve is drawn through 201 places, the area is that of the curves themselves.
    assert metrics.auc(*zip(*mean, strict=True)) == pytest.approx(areas["macro-average"], abs=0.01)


def test_precision_recall_with_average() -> None:
    scores = FOREST.predict_proba(X_TEST)
    chart = classifiers.precision_recall(Y_TEST, scores, NAMES)
    areas = dict(zip(column(chart, "class"), column(chart, "average_precision"), strict=True))
    flags = preprocessing.label_binarize(Y_TEST, classes=[0, 1, 2])
    assert areas["micro-average"] == pytest.approx(metrics.average_precision_score(flags, scores, average="micro"))
    assert "micro-average (AP" in drawn(chart)
    assert "micro-average" not in column(classifiers.precision_recall(Y_TEST, scores, plot_micro=False), "class")


def test_confusion_matrices() -> None:
    predicted = FOREST.predict(X_TEST)
    chart = classifiers.confusion_matrix(Y_TEST, predicted, NAMES)
    assert column(chart, "nPredictions") == metrics.confusion_matrix(Y_TEST, predicted).ravel().tolist()
    assert all(f">{name}</text>" in drawn(chart) for name in NAMES)
    shares = classifiers.confusion_matrix(Y_TEST, predicted, normalize=True)
    expected = metrics.confusion_matrix(Y_TEST, predicted, normalize="true").ravel()
    np.testing.assert_allclose(column(shares, "nPredictions"), expected)
    assert f">{expected[4]:.2f}</text>" in drawn(shares)
    some = classifiers.confusion_matrix(Y_TEST, predicted, NAMES, true_labels=["setosa"], pred_labels=[0, 2])
    assert [row[:2] for row in some.table.data] == [["setosa", "setosa"], ["setosa", "virginica"]]
    with pytest.raises(InvalidInput, match=r"true_labels is \['rose'\], but the classes are \['setosa', "):
        classifiers.confusion_matrix(Y_TEST, predicted, NAMES, true_labels=["rose"])
    with pytest.raises(InvalidInput, match="the numbers of samples differ: y_true 60, y_pred 59"):
        classifiers.confusion_matrix(Y_TEST, predicted[1:])
    with pytest.raises(InvalidInput, match="labels has 2 names for the 3 classes"):
        classifiers.confusion_matrix(Y_TEST, predicted, ["a", "b"])


def test_feature_importances_of_trees_and_of_linear_models() -> None:
    chart = classifiers.feature_importances(FOREST, IRIS.feature_names)
    found = dict(zip(column(chart, "feature"), column(chart, "importance"), strict=True))
    assert found == dict(zip(IRIS.feature_names, FOREST.feature_importances_.tolist(), strict=True))
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert "petal width (cm)" in drawn(chart)
    ridge = linear_model.Ridge().fit(X_NUMBERS, Y_NUMBERS)
    assert sorted(column(classifiers.feature_importances(ridge), "importance")) == sorted(ridge.coef_.tolist())
    logistic = linear_model.LogisticRegression(max_iter=1_000).fit(X_TRAIN, Y_TRAIN)
    values = column(classifiers.feature_importances(logistic, max_num_features=2), "importance")
    assert values == sorted(abs(logistic.coef_).mean(axis=0).tolist(), reverse=True)[:2]
    steps = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()).fit(X_NUMBERS, Y_NUMBERS)
    assert len(classifiers.feature_importances(steps).table) == 4


def test_names_of_features() -> None:
    frame = pd.DataFrame(X_NUMBERS, columns=list("abcd"))
    assert set(column(classifiers.feature_importances(linear_model.Ridge().fit(frame, Y_NUMBERS)), "feature")) == set(
        "abcd"
    )
    plain = linear_model.Ridge().fit(X_NUMBERS, Y_NUMBERS)
    assert "feature 3" in column(classifiers.feature_importances(plain), "feature")
    with pytest.raises(InvalidInput, match="feature_names has 1 names for 4 features"):
        classifiers.feature_importances(plain, ["a"])
    with pytest.raises(InvalidInput, match="a KMeans has neither feature_importances_ nor coef_"):
        classifiers.feature_importances(KMEANS)


def test_class_proportions() -> None:
    chart = classifiers.class_proportions(Y_TRAIN, Y_TEST, NAMES)
    assert column(chart, "count")[::2] == np.bincount(Y_TRAIN).tolist()
    assert column(chart, "count")[1::2] == np.bincount(Y_TEST).tolist()
    assert drawn(chart).count('aria-roledescription="bar"') == 6
    assert column(classifiers.class_proportions(["a"], ["b"]), "count") == [1, 0, 0, 1]


def test_calibration_curve() -> None:
    X, y = datasets.make_classification(200, random_state=0)
    model = linear_model.LogisticRegression()
    chart = classifiers.calibration_curve(model, X, y, "Mine")
    assert list(dict.fromkeys(column(chart, "classifier"))) == [
        "Mine",
        "Mine, isotonic",
        "Mine, sigmoid",
        "Logistic regression",
    ]
    X_fit, X_held, y_fit, y_held = model_selection.train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
    scores = linear_model.LogisticRegression().fit(X_fit, y_fit).predict_proba(X_held)[:, 1]
    shares, means = calibration.calibration_curve(y_held, scores, n_bins=10)
    mine = [(row[1], row[2]) for row in chart.table.data if row[0] == "Mine"]
    np.testing.assert_allclose(mine, np.column_stack([means, shares]))
    assert chart.table.data[0][3] == pytest.approx(metrics.brier_score_loss(y_held, scores))
    assert "Mine (Brier" in drawn(chart)
    assert not hasattr(model, "coef_")
    with pytest.raises(InvalidInput, match="a calibration curve is of two classes, but y has 3"):
        classifiers.calibration_curve(model, IRIS.data, IRIS.target)
    with pytest.raises(InvalidInput, match=r"a LinearSVC has no predict_proba\(\), which this chart needs"):
        classifiers.calibration_curve(svm.LinearSVC(), X, y)


# -- any model that predicts ----------------------------------------------------------------------------------------


def test_learning_curve() -> None:
    chart = estimators.learning_curve(RIDGE, X_NUMBERS, Y_NUMBERS, cv=3, train_sizes=[0.5, 1.0])
    _, train, test = model_selection.learning_curve(RIDGE, X_NUMBERS, Y_NUMBERS, cv=3, train_sizes=[0.5, 1.0])
    assert column(chart, "train_size") == [20, 40, 20, 40]
    np.testing.assert_allclose(column(chart, "score"), [*train.mean(axis=1), *test.mean(axis=1)])
    np.testing.assert_allclose(column(chart, "spread"), [*train.std(axis=1), *test.std(axis=1)])
    assert drawn(chart).count('aria-roledescription="area mark"') == 2
    assert not hasattr(RIDGE, "coef_")


def test_summary_metrics() -> None:
    chart = estimators.summary_metrics(FOREST, X_TRAIN, Y_TRAIN, X_TEST, Y_TEST)
    found = dict(chart.table.data)
    assert found["accuracy"] == pytest.approx(FOREST.score(X_TEST, Y_TEST))
    assert found["f1"] == pytest.approx(metrics.f1_score(Y_TEST, FOREST.predict(X_TEST), average="weighted"))
    assert set(found) == {"accuracy", "precision", "recall", "f1"}
    assert "RandomForestClassifier on test samples" in drawn(chart)
    numbers = dict(estimators.summary_metrics(RIDGE, X_NUMBERS, Y_NUMBERS, X_NUMBERS, Y_NUMBERS).table.data)
    assert numbers["R²"] == pytest.approx(linear_model.Ridge().fit(X_NUMBERS, Y_NUMBERS).score(X_NUMBERS, Y_NUMBERS))
    assert not hasattr(RIDGE, "coef_")


def test_residuals() -> None:
    chart = estimators.residuals(RIDGE, X_NUMBERS, Y_NUMBERS)
    assert column(chart, "dataset") == ["train"] * 48 + ["test"] * 12
    X_fit, X_held, y_fit, y_held = model_selection.train_test_split(X_NUMBERS, Y_NUMBERS, test_size=0.2, random_state=0)
    model = linear_model.Ridge().fit(X_fit, y_fit)
    np.testing.assert_allclose(column(chart, "residual")[48:], model.predict(X_held) - y_held)
    assert f"R² train {model.score(X_fit, y_fit):.3f}, R² test {model.score(X_held, y_held):.3f}" in drawn(chart)


def test_outlier_candidates_are_those_of_cook() -> None:
    X = np.column_stack([np.ones(20), np.arange(20.0)])
    y = X[:, 1] * 2 + np.sin(X[:, 1])
    y[7] += 30
    model = linear_model.LinearRegression(fit_intercept=False)
    chart = estimators.outlier_candidates(model, X, y)
    errors = y - model.fit(X, y).predict(X)
    hat = np.diag(X @ np.linalg.inv(X.T @ X) @ X.T)
    expected = errors**2 / (2 * (errors @ errors / 18)) * hat / (1 - hat) ** 2
    np.testing.assert_allclose(column(chart, "distance"), expected)
    assert np.argmax(column(chart, "distance")) == 7
    assert "1 of 20 samples (5.0%) are beyond 4/n = 0.2" in drawn(chart)
    with pytest.raises(InvalidInput, match="there are 2 samples for 2 independent features"):
        estimators.outlier_candidates(model, X[:2], y[:2])
    # A constant is the same with and without a column of ones.
    free = estimators.outlier_candidates(linear_model.LinearRegression(), X[:, 1:], y)
    np.testing.assert_allclose(column(free, "distance"), expected)
    exact = estimators.outlier_candidates(model, X, X[:, 1])
    assert max(column(exact, "distance")) == pytest.approx(0, abs=1e-12)


# -- clusterings ----------------------------------------------------------------------------------------------------


def test_elbow_curve() -> None:
    chart = clusterers.elbow_curve(KMEANS, IRIS.data, cluster_ranges=[3, 1, 2])
    assert column(chart, "clusters") == [1, 2, 3]
    errors = [cluster.KMeans(n, n_init=2, random_state=0).fit(IRIS.data).inertia_ for n in (1, 2, 3)]
    np.testing.assert_allclose(column(chart, "error"), errors)
    assert all(seconds > 0 for seconds in column(chart, "seconds"))
    assert "seconds to fit" in drawn(chart)
    assert (
        "seconds to fit"
        not in clusterers.elbow_curve(KMEANS, IRIS.data, cluster_ranges=[1], show_cluster_time=False).to_svg()
    )
    assert not hasattr(KMEANS, "inertia_")
    with pytest.raises(InvalidInput, match=r"a DBSCAN has no score\(\)"):
        clusterers.elbow_curve(cluster.DBSCAN(), IRIS.data)
    with pytest.raises(InvalidInput, match="a MeanShift has no score"):
        clusterers.elbow_curve(cluster.MeanShift(), IRIS.data)


@pytest.mark.parametrize("kmeans", [True, False])
def test_silhouette(kmeans: bool) -> None:
    labels = KMEANS.__class__(3, n_init=2, random_state=0).fit_predict(IRIS.data)
    chart = clusterers.silhouette(KMEANS, IRIS.data, labels=["a", "b", "c"], kmeans=kmeans)
    widths = metrics.silhouette_samples(IRIS.data, labels)
    np.testing.assert_allclose(sorted(column(chart, "silhouette")), sorted(widths))
    first = [row[2] for row in chart.table.data if row[0] == "a"]
    assert first == sorted(widths[labels == 0].tolist(), reverse=True)
    picture = drawn(chart)
    assert f"mean {widths.mean():.3f}, the dashed line" in picture
    assert picture.count('aria-roledescription="point"') == (150 if kmeans else 0)
    given = clusterers.silhouette(None, IRIS.data, cluster_labels=labels, metric="manhattan", kmeans=kmeans)
    assert column(given, "silhouette") != column(chart, "silhouette")


def test_silhouettes_that_are_none() -> None:
    with pytest.raises(InvalidInput, match="there are 1 clusters of 150 samples"):
        clusterers.silhouette(KMEANS, IRIS.data, cluster_labels=[0] * 150)
    with pytest.raises(InvalidInput, match="the numbers of samples differ: X 150, cluster_labels 2"):
        clusterers.silhouette(KMEANS, IRIS.data, cluster_labels=[0, 1])
    with pytest.raises(InvalidInput, match="this chart needs clusterer"):
        clusterers.silhouette(None, IRIS.data)


def test_what_is_left_out_is_named() -> None:
    with pytest.raises(InvalidInput, match="this chart needs model and y, which are not given"):
        estimators.learning_curve(None, X_NUMBERS, None)


def test_scikit_learn_is_asked_for_late(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys, forebear.sklearn as ours\n"
        "assert not [m for m in sys.modules if m.startswith('forebear.sklearn.')]\n"
        "ours.plot_roc\n"
        "assert not {'sklearn', 'numpy', 'pandas'} & set(sys.modules)\n"
        "assert set(ours.__all__) == set(dir(ours))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    with pytest.raises(Unsupported, match="needs scikit-learn, which is not installed; pip install scikit-learn"):
        estimators.learning_curve(RIDGE, X_NUMBERS, Y_NUMBERS)


def test_models_that_count_no_clusters_have_no_elbow() -> None:
    from sklearn.mixture import GaussianMixture

    with pytest.raises(InvalidInput, match="a GaussianMixture has no n_clusters, which an elbow curve is over"):
        clusterers.elbow_curve(GaussianMixture(), IRIS.data)


def test_data_frames_and_series_are_taken_as_arrays() -> None:
    frame = pd.DataFrame(FOREST.predict_proba(X_TEST), columns=NAMES)
    series = pd.Series(Y_TEST)
    assert classifiers.roc(series, frame, NAMES).table == classifiers.roc(Y_TEST, frame.to_numpy(), NAMES).table
    named = pd.Series(pd.Categorical.from_codes(Y_TEST, NAMES))
    chart = classifiers.confusion_matrix(named, pd.Series(np.array(NAMES)[FOREST.predict(X_TEST)]))
    assert column(chart, "nPredictions") == metrics.confusion_matrix(Y_TEST, FOREST.predict(X_TEST)).ravel().tolist()
    renamed = classifiers.class_proportions(["x", "y"], ["x"], ["ex", "why"])
    assert column(renamed, "class") == ["ex", "ex", "why", "why"]


def test_there_are_no_other_charts() -> None:
    from forebear import sklearn as ours

    with pytest.raises(AttributeError, match="module 'forebear.sklearn' has no attribute 'plot_pie'"):
        ours.plot_pie  # noqa: B018
