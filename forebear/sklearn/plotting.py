"""The ``plot_…`` functions: each computes charts of a model and logs them to the current run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from forebear.sklearn import classifiers, clusterers, estimators
from forebear.tracking.current import current_run
from forebear.tracking.face import no_run

if TYPE_CHECKING:
    from forebear.plot.custom_chart import CustomChart


def _log(key: str, chart: Callable[[], CustomChart]) -> None:
    """Compute a chart and log it; without a run nothing is computed."""
    run = current_run()
    if run is None:
        raise no_run("log a chart to")
    run.log({key: chart()})


def plot_classifier(
    model: Any,
    X_train: Any,
    X_test: Any,
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[Any] | None,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Sequence[Any] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """Log the charts of a fitted classifier.

    They are feature importances (if the model has them), class proportions, ROC and precision-recall curves (if
    ``y_probas`` is given), confusion matrix, summary metrics, the calibration curve if ``is_binary``, and the learning
    curve if asked for.

    Args:
        y_pred: Predicted class of each test sample.
        y_probas: Scores of each test sample, one a class; may be ``None``.
        labels: Names of the classes; may be ``None``.
        is_binary: Whether there are two classes.
        model_name: Name of the model in the charts.
        feature_names: Names of the columns of ``X_train``.
        log_learning_curve: Fit the model again and again for a learning curve.

    Raises:
        Conflict: there is no run.
        InvalidInput: numbers of samples differ, or a chart cannot be made of them.
    """
    last = model[-1] if hasattr(model, "steps") else model
    if hasattr(last, "feature_importances_") or hasattr(last, "coef_"):
        plot_feature_importances(model, feature_names)
    if log_learning_curve:
        plot_learning_curve(model, X_train, y_train)
    plot_class_proportions(y_train, y_test, labels)
    if y_probas is not None:
        plot_roc(y_test, y_probas, labels)
        plot_precision_recall(y_test, y_probas, labels)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    if is_binary and hasattr(model, "predict_proba"):
        plot_calibration_curve(model, X_train, y_train, model_name)


def plot_regressor(
    model: Any, X_train: Any, X_test: Any, y_train: Any, y_test: Any, model_name: str = "Regressor"
) -> None:
    """Log the charts of a regressor: summary metrics, learning curve, outlier candidates and residuals.

    Raises:
        Conflict: there is no run.
        InvalidInput: numbers of samples differ, or a chart cannot be made of them.
    """
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_learning_curve(model, X_train, y_train)
    plot_outlier_candidates(model, X_train, y_train)
    plot_residuals(model, X_train, y_train)


def plot_clusterer(
    model: Any,
    X_train: Any,
    cluster_labels: Any,
    labels: Sequence[Any] | None = None,
    model_name: str = "Clusterer",
) -> None:
    """Log the charts of a clusterer: the elbow curve, if the model has ``n_clusters``, and the silhouette.

    Args:
        cluster_labels: Cluster of each sample.
        labels: Names of the clusters.

    Raises:
        Conflict: there is no run.
        InvalidInput: numbers of samples differ, or a chart cannot be made of them.
    """
    if hasattr(model, "score") and "n_clusters" in model.get_params():
        plot_elbow_curve(model, X_train)
    plot_silhouette(model, X_train, cluster_labels, labels)


def plot_roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[Any] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log `forebear.sklearn.classifiers.roc` as ``roc``."""
    _log("roc", lambda: classifiers.roc(y_true, y_probas, labels, plot_micro, plot_macro, classes_to_plot))


def plot_precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[Any] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log `forebear.sklearn.classifiers.precision_recall` as ``precision_recall``."""
    _log(
        "precision_recall",
        lambda: classifiers.precision_recall(y_true, y_probas, labels, plot_micro, classes_to_plot),
    )


def plot_confusion_matrix(
    y_true: Any = None,
    y_pred: Any = None,
    labels: Sequence[Any] | None = None,
    true_labels: Sequence[Any] | None = None,
    pred_labels: Sequence[Any] | None = None,
    normalize: bool = False,
) -> None:
    """Log `forebear.sklearn.classifiers.confusion_matrix` as ``confusion_matrix``."""
    _log(
        "confusion_matrix",
        lambda: classifiers.confusion_matrix(y_true, y_pred, labels, true_labels, pred_labels, normalize),
    )


def plot_feature_importances(
    model: Any = None,
    feature_names: Sequence[Any] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = 50,
) -> None:
    """Log `forebear.sklearn.classifiers.feature_importances` as ``feature_importances``."""
    _log("feature_importances", lambda: classifiers.feature_importances(model, feature_names, title, max_num_features))


def plot_class_proportions(y_train: Any = None, y_test: Any = None, labels: Sequence[Any] | None = None) -> None:
    """Log `forebear.sklearn.classifiers.class_proportions` as ``class_proportions``."""
    _log("class_proportions", lambda: classifiers.class_proportions(y_train, y_test, labels))


def plot_calibration_curve(clf: Any = None, X: Any = None, y: Any = None, clf_name: str = "Classifier") -> None:
    """Log `forebear.sklearn.classifiers.calibration_curve` as ``calibration_curve``."""
    _log("calibration_curve", lambda: classifiers.calibration_curve(clf, X, y, clf_name))


def plot_learning_curve(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    shuffle: bool = False,
    random_state: Any = None,
    train_sizes: Sequence[float] | None = None,
    n_jobs: int | None = 1,
    scoring: Any = None,
) -> None:
    """Log `forebear.sklearn.estimators.learning_curve` as ``learning_curve``."""
    _log(
        "learning_curve",
        lambda: estimators.learning_curve(model, X, y, cv, shuffle, random_state, train_sizes, n_jobs, scoring),
    )


def plot_summary_metrics(
    model: Any = None, X: Any = None, y: Any = None, X_test: Any = None, y_test: Any = None
) -> None:
    """Log `forebear.sklearn.estimators.summary_metrics` as ``summary_metrics``."""
    _log("summary_metrics", lambda: estimators.summary_metrics(model, X, y, X_test, y_test))


def plot_residuals(regressor: Any = None, X: Any = None, y: Any = None) -> None:
    """Log `forebear.sklearn.estimators.residuals` as ``residuals``."""
    _log("residuals", lambda: estimators.residuals(regressor, X, y))


def plot_outlier_candidates(regressor: Any = None, X: Any = None, y: Any = None) -> None:
    """Log `forebear.sklearn.estimators.outlier_candidates` as ``outlier_candidates``."""
    _log("outlier_candidates", lambda: estimators.outlier_candidates(regressor, X, y))


def plot_elbow_curve(
    clusterer: Any = None,
    X: Any = None,
    cluster_ranges: Iterable[int] | None = None,
    n_jobs: int | None = 1,
    show_cluster_time: bool = True,
) -> None:
    """Log `forebear.sklearn.clusterers.elbow_curve` as ``elbow_curve``."""
    _log(
        "elbow_curve",
        lambda: clusterers.elbow_curve(clusterer, X, cluster_ranges, n_jobs, show_cluster_time),
    )


def plot_silhouette(
    clusterer: Any = None,
    X: Any = None,
    cluster_labels: Any = None,
    labels: Sequence[Any] | None = None,
    metric: str = "euclidean",
    kmeans: bool = True,
) -> None:
    """Log `forebear.sklearn.clusterers.silhouette` as ``silhouette_plot``."""
    _log(
        "silhouette_plot",
        lambda: clusterers.silhouette(clusterer, X, cluster_labels, labels, metric, kmeans),
    )
