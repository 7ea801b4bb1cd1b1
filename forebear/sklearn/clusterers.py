"""Charts of clusterings, computed and not yet logged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any

from forebear.errors import InvalidInput
from forebear.media.table import Table
from forebear.plot.custom_chart import CustomChart
from forebear.plot.style import HEIGHT, PALETTE, QUIET, WIDTH, colors
from forebear.sklearn.models import array, fresh, label_names, library, need, need_method, same_length

#: Numbers of clusters that an elbow curve tries by default.
CLUSTER_RANGES = range(1, 10, 2)


def elbow_curve(
    clusterer: Any,
    X: Any,
    cluster_ranges: Iterable[int] | None = None,
    n_jobs: int | None = 1,
    show_cluster_time: bool = True,
) -> CustomChart:
    """Return how well more and more clusters fit, and how long they took.

    Args:
        cluster_ranges: Numbers of clusters to try; 1, 3, 5, 7, 9 without it.
        n_jobs: Fits at the same time.
        show_cluster_time: Draw the seconds too.

    Raises:
        InvalidInput: the clusterer has no ``n_clusters`` or no ``score``.
    """
    need(clusterer=clusterer, X=X)
    need_method(clusterer, "fit", "score", "set_params")
    if "n_clusters" not in clusterer.get_params():
        raise InvalidInput(
            f"a {type(clusterer).__name__} has no n_clusters, which an elbow curve is over", code="chart-model"
        )
    counts = sorted(CLUSTER_RANGES if cluster_ranges is None else cluster_ranges)
    parallel = library("utils.parallel")
    fits = parallel.Parallel(n_jobs=n_jobs)(parallel.delayed(_fit)(clusterer, X, count) for count in counts)
    table = Table(
        columns=["clusters", "error", "seconds"], data=[[n, *fit] for n, fit in zip(counts, fits, strict=True)]
    )
    x = {"field": "clusters", "type": "quantitative", "title": "clusters", "axis": {"tickMinStep": 1, "format": "d"}}
    layers = [_line("error", "sum of squared distances", PALETTE[0])]
    if show_cluster_time:
        layers.append(_line("seconds", "seconds to fit", PALETTE[1]))
    template = {
        "title": "Elbow curve",
        "width": WIDTH,
        "height": HEIGHT,
        "encoding": {"x": x},
        "layer": layers,
        "resolve": {"scale": {"y": "independent"}},
    }
    return _chart("elbow_curve", table, template)


def _fit(clusterer: Any, X: Any, count: int) -> tuple[float, float]:
    """The error of so many clusters, and the seconds that fitting them took."""
    start = perf_counter()
    model = fresh(clusterer).set_params(n_clusters=count).fit(X)
    return abs(float(model.score(X))), perf_counter() - start


def _line(field: str, title: str, color: str) -> dict[str, Any]:
    axis = {"titleColor": color, "grid": field == "error"}
    y = {"field": field, "type": "quantitative", "title": title, "axis": axis}
    return {"mark": {"type": "line", "color": color, "point": {"color": color, "size": 40}}, "encoding": {"y": y}}


def _chart(name: str, table: Table, template: dict[str, Any]) -> CustomChart:
    return CustomChart(f"sklearn/{name}", table, {str(column): column for column in table.columns}, template=template)


def silhouette(
    clusterer: Any,
    X: Any,
    cluster_labels: Any = None,
    labels: Sequence[Any] | None = None,
    metric: str = "euclidean",
    kmeans: bool = True,
) -> CustomChart:
    """Return how well each sample lies in its cluster, from −1 to 1, and where the clusters are.

    Args:
        cluster_labels: Cluster of each sample; a copy of the clusterer is fitted without it.
        labels: Names of the clusters.
        metric: Distance, as ``sklearn.metrics.silhouette_samples`` takes it.
        kmeans: Draw the samples by their first two features too.

    Raises:
        InvalidInput: there is one cluster, or as many as samples.

    Cost: the distances of all pairs of samples.
    """
    need(X=X)
    samples = array(X)
    if cluster_labels is None:
        need(clusterer=clusterer)
        need_method(clusterer, "fit_predict")
        cluster_labels = fresh(clusterer).fit_predict(X)
    clusters = array(cluster_labels)
    same_length(X=samples, cluster_labels=clusters)
    found = sorted(set(clusters.tolist()))
    if not 2 <= len(found) < len(samples):
        raise InvalidInput(
            f"there are {len(found)} clusters of {len(samples)} samples; a silhouette needs 2 or more, and fewer than "
            "samples",
            code="chart-data",
        )
    widths = library("metrics").silhouette_samples(samples, clusters, metric=metric)
    names = label_names(found, labels)
    rows = sorted(
        zip(clusters.tolist(), widths.tolist(), samples.tolist(), strict=True), key=lambda row: (row[0], -row[1])
    )
    flat = samples.shape[1] > 1 and kmeans
    table = Table(columns=["group", "place", "silhouette", *(["x", "y"] if flat else [])])
    for place, (cluster, width, sample) in enumerate(rows):
        table.add_data(names[cluster], place, width, *(sample[:2] if flat else []))
    return _chart(
        "silhouette", table, _silhouette_template(list(names.values()), float(widths.mean()), len(rows), flat)
    )


def _silhouette_template(names: list[str], mean: float, count: int, flat: bool) -> dict[str, Any]:
    color = colors(names, "cluster")["color"]
    height = min(0.9 * HEIGHT / count, 12) if count < HEIGHT else 1.2
    bars = {
        "mark": {"type": "bar", "orient": "horizontal", "height": max(1.0, height)},
        "encoding": {
            "y": {"field": "place", "type": "quantitative", "axis": None, "scale": {"reverse": True, "nice": False}},
            "x": {"field": "silhouette", "type": "quantitative", "title": "silhouette"},
            "color": color,
        },
    }
    line = {"mark": {"type": "rule", "color": QUIET, "strokeDash": [4, 4]}, "encoding": {"x": {"datum": mean}}}
    views: list[dict[str, Any]] = [{"width": 340, "height": HEIGHT, "layer": [bars, line]}]
    if flat:
        axes = {
            axis: {"field": axis, "type": "quantitative", "title": f"feature {number}", "scale": {"zero": False}}
            for number, axis in enumerate("xy")
        }
        views.append({"width": 340, "height": HEIGHT, "mark": "point", "encoding": axes | {"color": color}})
    title = {"text": "Silhouette", "subtitle": f"mean {mean:.3f}, the dashed line; more is better"}
    return {"title": title, "hconcat": views}
