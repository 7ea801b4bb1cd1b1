"""Charts of scikit-learn models, logged to the current run: `forebear.sklearn`.

Each ``plot_…`` function computes one chart or several and logs it. Modules are imported when a name is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forebear.sklearn.plotting import plot_calibration_curve as plot_calibration_curve
    from forebear.sklearn.plotting import plot_class_proportions as plot_class_proportions
    from forebear.sklearn.plotting import plot_classifier as plot_classifier
    from forebear.sklearn.plotting import plot_clusterer as plot_clusterer
    from forebear.sklearn.plotting import plot_confusion_matrix as plot_confusion_matrix
    from forebear.sklearn.plotting import plot_elbow_curve as plot_elbow_curve
    from forebear.sklearn.plotting import plot_feature_importances as plot_feature_importances
    from forebear.sklearn.plotting import plot_learning_curve as plot_learning_curve
    from forebear.sklearn.plotting import plot_outlier_candidates as plot_outlier_candidates
    from forebear.sklearn.plotting import plot_precision_recall as plot_precision_recall
    from forebear.sklearn.plotting import plot_regressor as plot_regressor
    from forebear.sklearn.plotting import plot_residuals as plot_residuals
    from forebear.sklearn.plotting import plot_roc as plot_roc
    from forebear.sklearn.plotting import plot_silhouette as plot_silhouette
    from forebear.sklearn.plotting import plot_summary_metrics as plot_summary_metrics

__all__ = [
    "plot_calibration_curve",
    "plot_class_proportions",
    "plot_classifier",
    "plot_clusterer",
    "plot_confusion_matrix",
    "plot_elbow_curve",
    "plot_feature_importances",
    "plot_learning_curve",
    "plot_outlier_candidates",
    "plot_precision_recall",
    "plot_regressor",
    "plot_residuals",
    "plot_roc",
    "plot_silhouette",
    "plot_summary_metrics",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from forebear.sklearn import plotting  # 20 ms, not wanted before somebody plots

        value = getattr(plotting, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'forebear.sklearn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
